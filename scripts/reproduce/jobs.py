"""Doing what is left: each training at each seed, and then what is measured on it."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from catalogue import VERBS
from figures import duration
from runs import ROOT, write_text

INTERRUPTED = 130


def say(text):
    print(text, file=sys.stderr, flush=True)


class Stopped(Exception):
    """The user asked for an end; what was running has saved."""


class Worker:
    """Runs one command after the other, and stops them when it is told to."""

    def __init__(self, runs):
        self.runs, self.child, self.stopping = runs, None, False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def _stop(self, *_):
        self.stopping = True
        if self.child:
            # The first makes it save, the second ends it at once.
            self.child.send_signal(signal.SIGINT)

    def run(self, words):
        """Runs the program; its exit status and standard output.

        It gets a session of its own, so that Ctrl-C reaches it through this process alone: a second one means
        something else than the first.
        """
        terminal = sys.stderr.isatty()
        with tempfile.TemporaryFile("w+") as errors:
            self.child = subprocess.Popen(
                [self.runs.program, *map(str, words)],
                cwd=ROOT,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if terminal else errors,
                start_new_session=True,
            )
            out, _ = self.child.communicate()
            status, self.child = self.child.returncode, None
            if status and not terminal and not self.stopping:
                errors.seek(0)
                say(errors.read().rstrip())
        if self.stopping:
            raise Stopped
        return status, out

    def training(self, training, seed):
        """Trains if needed; whether there is a finished run afterwards."""
        runs = self.runs
        path, state = runs.path(training, seed), runs.state(training, seed)
        if state == "finished":
            return True
        if state == "busy":
            say(f"{path.name}: another process is training it")
            return False
        if state.startswith("stale"):
            aside = set_aside(runs, path)
            say(f"{path.name}: {state}; moved to {aside}")
        resumed = state == "interrupted" and training.kind == "train"
        if resumed:
            words = ["resume", path.name, "--runs", runs.folder]
        else:
            words = [
                *training.words(),
                "--set",
                f"seed={seed}",
                "--runs",
                runs.folder,
                "--name",
                path.name,
                *runs.quickly(),
            ]
        say(f"{path.name}: {'goes on' if state == 'interrupted' else 'trains'}{expected(runs, training)}")
        begin = time.monotonic()
        status, _ = self.run([*words, *self.quietly()])
        spent = time.monotonic() - begin
        if training.kind == "one-class":
            runs.note_time(path.name, "training", spent)
        finished = status == 0 and runs.state(training, seed) == "finished"
        say(f"{path.name}: {'done' if finished else f'FAILED, exit status {status}'}, {duration(spent)}")
        return finished

    def verb(self, training, name, seed):
        """Measures if needed; whether there is a result afterwards."""
        runs, verb = self.runs, VERBS[name]
        path = runs.path(training, seed)
        if runs.result(training, name, seed):
            self._keep(training, name, seed)
            return True
        what = f"{path.name}, {name}"
        say(f"{what}: measures{expected(runs, training, name)}")
        with tempfile.TemporaryDirectory() as folder:
            words = [
                *verb.words(path.name, f"{folder}/new"),
                "--runs",
                runs.folder,
                "--json",
                *(verb.quick if runs.quick else ()),
            ]
            if name != "compress":
                words += self.quietly()
            begin = time.monotonic()
            status, out = self.run(words)
        spent = time.monotonic() - begin
        if status == 0:
            write_text(path / f"analysis/{name}.json", json.dumps(json.loads(out), indent=2) + "\n")
            runs.note_time(path.name, name, spent)
        done = bool(runs.result(training, name, seed))
        say(f"{what}: {'done' if done else f'FAILED, exit status {status}'}, {duration(spent)}")
        return done

    def _keep(self, training, name, seed):
        """Copies a result that the next variant of the verb would overwrite to a file of its own."""
        file = self.runs.path(training, seed) / f"analysis/{name}.json"
        if not file.is_file():
            write_text(file, json.dumps(self.runs.result(training, name, seed), indent=2) + "\n")

    def quietly(self):
        return [] if sys.stderr.isatty() else ["--quiet"]


def expected(runs, training, verb=None):
    return "" if runs.quick else f", about {duration(runs.estimate(training, verb))}"


def set_aside(runs, path):
    """Moves a run out of the way."""
    number = 1
    while (aside := runs.folder / "stale" / f"{path.name}-{number}").exists():
        number += 1
    aside.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, aside)
    return aside


def listed(runs, trainings):
    """A line for each job, how it stands and how long it took or takes; and the seconds that are left."""
    lines, left = [], 0
    for seed in runs.seeds:
        for training in trainings:
            state = runs.state(training, seed)
            jobs = [(None, state)]
            for name in training.verbs:
                there = state == "finished" and runs.result(training, name, seed)
                jobs.append((name, "finished" if there else "new"))
            for verb, state in jobs:
                seconds = runs.estimate(training, verb)
                left += 0 if state == "finished" else seconds
                name = runs.path(training, seed).name + (f", {verb}" if verb else "")
                lines.append(f"{name:36} {duration(seconds):>7}  {state}")
    return lines, left


def do(runs, trainings, worker):
    """Does all that is left, seed by seed, so that every table has its first figures early; what failed."""
    failed = []
    for seed in runs.seeds:
        for training in trainings:
            name = runs.path(training, seed).name
            if not worker.training(training, seed):
                failed.append(name)
                continue
            failed += [f"{name}, {verb}" for verb in training.verbs if not worker.verb(training, verb, seed)]
    return failed
