"""The folder of runs: how each one stands, and what its files say."""

import copy
import fcntl
import json
import os
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median

from catalogue import SEEDS, TRAININGS, VERBS
from figures import find

ROOT = Path(__file__).resolve().parent.parent.parent
# Keys of a config that change nothing about what is learned.
WORDS = ("$schema", "description", "sweep", "tensorboard")


def read_json(path):
    """A JSON file; None if it cannot be read."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def write_text(path, text):
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    os.replace(draft, path)


def put(config, setting):
    """Changes a config as `--set` does: KEY=VALUE, where the value is JSON or else a word."""
    path, text = setting.split("=", 1)
    *above, last = path.split(".")
    for key in above:
        if not isinstance(config.get(key), dict):
            config[key] = {} if config.get(key) is None else {"kind": config[key]}
        config = config[key]
    try:
        config[last] = json.loads(text)
    except ValueError:
        config[last] = text


class Runs:
    """The runs of all trainings in one folder."""

    def __init__(self, folder, seeds, program, quick=False):
        self.folder, self.seeds, self.program, self.quick = Path(folder), tuple(seeds), program, quick
        self._resolved, self._known = {}, {}

    def path(self, training, seed):
        return self.folder / f"{training.name}-{seed}"

    # How a run stands.

    def state(self, training, seed):
        """ "new", "finished", "interrupted", "busy" where another process trains it, or "stale: " and why."""
        path = self.path(training, seed)
        if not path.is_dir():
            return "new"
        if self.busy(path):
            return "busy"
        if training.kind == "sweep":
            return self._sweep_state(training, seed)
        state, environment = read_json(path / "state.json"), read_json(path / "env.json")
        if state is None or environment is None or not (path / "config.json").is_file():
            return "stale: it never began"
        if differs := self._differs(training, seed, environment):
            return f"stale: {differs}"
        if training.kind == "one-class":
            return (
                "finished"
                if self.result(training, "one-class", seed)
                else "stale: it was interrupted, and cannot go on"
            )
        summary = read_json(path / "summary.json")
        finished = state["status"] == "finished" and summary and summary["status"] == "finished"
        return "finished" if finished else "interrupted"

    def busy(self, path):
        try:
            with open(path / ".lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _sweep_state(self, training, seed):
        path = self.path(training, seed)
        words = [
            *training.words(),
            "--set",
            f"seed={seed}",
            "--runs",
            self.folder,
            "--name",
            path.name,
            "--dry-run",
            "--json",
        ]
        done = self.ask([*words, *self.quickly()])
        if done.returncode:
            return f"stale: {done.stderr.strip().removeprefix('error: ')}"
        sweep = read_json(path / "sweep.json")
        return (
            "finished"
            if sweep and sweep["status"] == "finished" and len(sweep["points"]) == sweep["runs"]
            else "interrupted"
        )

    def _differs(self, training, seed, environment):
        """How a run differs from what its config asks for now; "" if it does not."""
        if environment["quick"] != self.quick:
            return "it was trained with --quick" if environment["quick"] else "it was trained without --quick"
        wanted = copy.deepcopy(self._wanted(training))
        wanted["seed"] = seed
        # Through the program, which fills in the defaults of keys that are younger than the run.
        found = self.resolve(self.path(training, seed) / "config.json")
        if found is None:
            return "its config is no longer valid"
        if self.quick:
            # --quick sets them.
            for config in (wanted, found):
                config["train"].pop("epochs")
        keys = [key for key in sorted({*wanted, *found}) if wanted.get(key) != found.get(key)]
        return f"its config differs in {', '.join(keys)}" if keys else ""

    def _wanted(self, training):
        if training.name not in self._resolved:
            config = json.loads((ROOT / training.file).read_text())
            for setting in training.settings:
                put(config, setting)
            for key in WORDS:
                config.pop(key, None)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / f"{training.name}.json"
                file.write_text(json.dumps(config))
                resolved = self.resolve(file)
            if resolved is None:
                raise SystemExit(
                    f"error: {training.file}: is refused with "
                    f"{' '.join(training.settings) or 'nothing changed'}"
                )
            self._resolved[training.name] = resolved
        return self._resolved[training.name]

    def resolve(self, file):
        done = self.ask(["inspect", file, "--json"])
        if done.returncode:
            return None
        return {key: value for key, value in json.loads(done.stdout)["config"].items() if key not in WORDS}

    def ask(self, words):
        return subprocess.run(
            [self.program, *map(str, words)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def quickly(self):
        return ["--quick"] if self.quick else []

    # What its files say. A finished run does not change, so all of this is asked once.

    def finished(self, training, seed):
        key = training.name, seed
        if key not in self._known:
            self._known[key] = self.state(training, seed) == "finished"
        return self._known[key]

    def read(self, name, source, seed):
        """The result that figures are taken from; None without a finished run and measurement."""
        training = TRAININGS[name]
        if (name, source, seed) not in self._known:
            result = self.result(training, source, seed) if self.finished(training, seed) else None
            if source == "compress" and result:
                model = self.path(training, seed) / "checkpoints/best/model.safetensors"
                result["model_bytes"] = model.stat().st_size
            self._known[name, source, seed] = result
        return self._known[name, source, seed]

    def result(self, training, source, seed):
        path = self.path(training, seed)
        if source in ("summary", "sweep"):
            found = read_json(path / f"{source}.json")
            return found if found and found["status"] == "finished" else None
        if source == "one-class":
            state, found = read_json(path / "state.json"), read_json(path / "analysis/anomaly.json")
            ended = state and state["status"] == "finished" and found and found.get("score") == training.score
            return found if ended and found["classes"] else None
        if (read_json(path / "summary.json") or {}).get("status") != "finished":
            return None
        verb = VERBS[source]
        for name in (verb.name, verb.writes):
            found = read_json(path / f"analysis/{name}.json") if name else None
            if found and _has(found, verb.marks):
                return found
        return None

    def environment(self, training, seed):
        path = self.path(training, seed)
        if training.kind == "sweep":
            points = sorted(path.glob("*/env.json"))
            return read_json(points[0]) if points else None
        return read_json(path / "env.json")

    def epochs(self, training, seed):
        if training.kind == "train":
            return (read_json(self.path(training, seed) / "summary.json") or {}).get("epochs")
        found = self.environment(training, seed) and next(
            iter(sorted(self.path(training, seed).glob("**/config.json"))), None
        )
        return read_json(found)["train"]["epochs"] if found else None

    # How long it took.

    def seconds(self, training, seed):
        """Seconds of a finished training, by its own clock; None if it is not finished."""
        path = self.path(training, seed)
        if training.kind == "one-class":
            noted = self.times().get(path.name, {}).get("training")
            return noted if noted or not self.result(training, "one-class", seed) else self._span(path)
        files = [path / "summary.json"] if training.kind == "train" else sorted(path.glob("*/summary.json"))
        found = [read_json(file) for file in files]
        if not found or any(it is None or it["status"] != "finished" for it in found):
            return None
        return sum(it["train_seconds"] + (it["start_seconds"] or 0) for it in found)

    def _span(self, path):
        """From the start of a run to its last file, if the time was not noted."""
        started = datetime.fromisoformat(read_json(path / "env.json")["started"][:19] + "+00:00")
        return (path / "analysis/anomaly.json").stat().st_mtime - started.timestamp()

    def times(self):
        """Seconds that commands took, by run and verb."""
        return read_json(self.folder / "times.json") or {}

    def estimate(self, training, verb=None):
        """Seconds: the median at these seeds, or what the catalogue says."""
        times = self.times()
        if verb:
            known = [times.get(self.path(training, seed).name, {}).get(verb) for seed in self.seeds]
        else:
            known = [self.seconds(training, seed) for seed in self.seeds]
        known = [seconds for seconds in known if seconds]
        return median(known) if known else VERBS[verb].seconds if verb else training.seconds

    def all_of_it(self):
        """Seconds that everything takes at the three seeds."""
        return len(SEEDS) * sum(
            self.estimate(it) + sum(self.estimate(it, verb) for verb in it.verbs) for it in TRAININGS.values()
        )

    def note_time(self, run, what, seconds):
        times = self.times()
        times.setdefault(run, {})[what] = round(seconds, 1)
        write_text(self.folder / "times.json", json.dumps(times, indent=1, sort_keys=True) + "\n")


def _has(result, marks):
    try:
        return all(find(result, path) == value for path, value in marks.items())
    except (KeyError, StopIteration, TypeError):
        return False
