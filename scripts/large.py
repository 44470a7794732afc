#!/usr/bin/env python3
"""Trains on pictures that do not fit into memory, and on few of them that do, and compares memory and speed.

    python3 scripts/large.py target/debug/hourglass /tmp/large --pictures 200000

Needs NumPy and Pillow, and 1.7 GB of disk for 200,000 pictures of 128 x 128 in colour beside the 10 GB of their cache.
Prints what the training takes of memory at most beside pages of files (RssAnon and RssShmem, which Linux tells), and how
many pictures a second both trainings see. Run it again to see how long the second start takes, for which the cache is
there.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import numpy
from PIL import Image

SIDE = 128
# Pictures that a process makes at a time.
PIECE = 2000


def make(folder: pathlib.Path, first: int, count: int) -> None:
    """Writes synthetic scenes: a soft background, and three coloured discs."""
    random = numpy.random.default_rng(first)
    rows, columns = numpy.mgrid[0:SIDE, 0:SIDE].astype(numpy.float32)
    for index in range(first, first + count):
        path = folder / f"{index:06}.jpg"
        if path.exists():
            continue
        slopes = random.uniform(-0.7, 0.7, (2, 3))
        picture = 128 + rows[..., None] * slopes[0] + columns[..., None] * slopes[1]
        for _ in range(3):
            row, column = random.uniform(0, SIDE, 2)
            radius = random.uniform(8, 40)
            picture[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = random.uniform(0, 255, 3)
        beside = path.with_suffix(".part")
        Image.fromarray(picture.clip(0, 255).astype(numpy.uint8)).save(beside, "JPEG", quality=80)
        beside.rename(path)


def pictures(folder: pathlib.Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        pieces = range(0, count, PIECE)
        work = [pool.submit(make, folder, first, min(PIECE, count - first)) for first in pieces]
        for piece in work:
            piece.result()


def memory(process: int) -> int:
    """Bytes in memory that are no pages of files; 0 once the process has ended."""
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    values = dict(line.split(":", 1) for line in status.splitlines())
    return sum(int(values.get(key, "0 kB").split()[0]) << 10 for key in ("RssAnon", "RssShmem"))


def train(program: str, work: pathlib.Path, name: str, epochs: int) -> dict:
    """Trains on a folder, and gives the most memory, the seconds, and pictures a second of the middle epoch."""
    config = {
        "data": {"dataset": "images", "dir": name, "test": 0.01, "validation": 500},
        "model": {"kind": "conv", "channels": [8, 8], "code_size": 32},
        "train": {"epochs": epochs, "batch_size": 64},
    }
    (work / f"{name}.json").write_text(json.dumps(config))
    shutil.rmtree(work / "runs" / name, ignore_errors=True)
    start = time.monotonic()
    environment = os.environ | {"HOURGLASS_CACHE": str(work / "cache")}
    process = subprocess.Popen(
        [program, f"{name}.json", "--name", name, "--quiet"],
        cwd=work,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    most = 0

    def watch() -> None:
        nonlocal most
        while process.poll() is None:
            most = max(most, memory(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"{name}: the program ended with {process.returncode}")
    lines = (work / "runs" / name / "metrics.jsonl").read_text().splitlines()
    speeds = [json.loads(line)["images_per_s"] for line in lines]
    return {"most": most, "seconds": time.monotonic() - start, "speed": statistics.median(speeds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda it: str(pathlib.Path(it).resolve()))
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--pictures", type=int, default=200_000)
    parser.add_argument("--few", type=int, default=10_000)
    arguments = parser.parse_args()
    work = arguments.work
    for name, count in (("few", arguments.few), ("many", arguments.pictures)):
        start = time.monotonic()
        pictures(work / name, count)
        print(f"{name}: {count} pictures, {time.monotonic() - start:.0f} s to make", flush=True)
    # As many steps for both.
    for name, epochs in (("few", max(1, arguments.pictures // arguments.few)), ("many", 1)):
        found = train(arguments.program, work, name, epochs)
        print(
            f"{name}: {found['most'] / 2**20:.0f} MiB at most, {found['speed']:.0f} pictures/s in training, "
            f"{found['seconds']:.0f} s in all",
            flush=True,
        )


if __name__ == "__main__":
    main()
