"""Reads a run's event files with TensorBoard's own reader, and compares them with the run's other files.

    python3 tests/tensorboard/check.py RUN

Needs the package `tensorboard` from PyPI. Exits with 1 and a line that says what differs.
"""

import json
import math
import pathlib
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator


def png_size(data):
    """Width and height in a PNG file's header."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG file"
    return struct.unpack(">II", data[16:24])


def main(folder):
    run = pathlib.Path(folder)
    events = event_accumulator.EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows, "no epoch in metrics.jsonl"
    keys = [key for key in rows[0] if key not in ("epoch", "step", "seconds", "seal")]
    for key in keys:
        found = [(event.step, event.value) for event in events.Scalars(key)]
        wanted = [(row["step"], row[key]) for row in rows]
        assert len(found) == len(wanted), f"{key}: {len(found)} values for {len(wanted)} epochs"
        for (step, value), (wanted_step, wanted_value) in zip(found, wanted):
            assert step == wanted_step, f"{key}: step {step} for {wanted_step}"
            assert math.isclose(value, wanted_value, rel_tol=1e-6), f"{key}: {value} for {wanted_value}"
    test = json.loads((run / "summary.json").read_text())["test"]
    for key in ("mse", "bce", "psnr"):
        event = events.Scalars(f"test/{key}")[-1]
        assert math.isclose(event.value, test[key], rel_tol=1e-6), f"test/{key}: {event.value} for {test[key]}"
    pictures = events.Images("samples")
    assert [event.step for event in pictures] == [row["step"] for row in rows], "pictures at other steps"
    for row, event in zip(rows, pictures):
        written = (run / f"samples/epoch-{row['epoch']:04}.png").read_bytes()
        assert event.encoded_image_string == written, f"epoch {row['epoch']}: another picture"
        assert (event.width, event.height) == png_size(written), f"epoch {row['epoch']}: another size"
    print(f"{run}: {len(rows)} epochs, {len(keys)} figures and {len(pictures)} pictures as TensorBoard reads them")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except AssertionError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
