#!/usr/bin/env python3
"""Writes videos of bouncing shapes: what docs/guide/video.md trains on.

usage: bouncing-shapes.py FOLDER [VIDEOS]        (default: 200 videos, a few seconds)

Each video is an array of NumPy of 32 grey frames of 32 x 32 pixels, shape-000.npy and so on: a disc and a square of
random sizes, brightness and velocities that bounce off the borders. The same on every machine; needs Python alone.
"""
import random
import struct
import sys
from pathlib import Path

FRAMES, SIDE = 32, 32


def coverage(distance):
    """How much of a pixel is inside a shape whose edge is so far away, in pixels."""
    return min(max(0.5 - distance, 0.0), 1.0)


def disc(dx, dy, radius):
    return coverage((dx * dx + dy * dy) ** 0.5 - radius)


def square(dx, dy, radius):
    return coverage(max(abs(dx), abs(dy)) - radius)


class Shape:
    def __init__(self, rng, inside):
        self.inside = inside
        self.radius = rng.uniform(2.5, 5.0)
        self.brightness = rng.uniform(0.5, 1.0)
        self.place = [rng.uniform(self.radius, SIDE - 1 - self.radius) for _ in "xy"]
        self.velocity = [rng.choice([-1, 1]) * rng.uniform(0.4, 1.8) for _ in "xy"]

    def move(self):
        for axis in (0, 1):
            self.place[axis] += self.velocity[axis]
            low, high = self.radius, SIDE - 1 - self.radius
            # Mirrored at the border, as a ball is.
            if self.place[axis] < low:
                self.place[axis], self.velocity[axis] = 2 * low - self.place[axis], -self.velocity[axis]
            elif self.place[axis] > high:
                self.place[axis], self.velocity[axis] = 2 * high - self.place[axis], -self.velocity[axis]

    def value(self, x, y):
        return self.brightness * self.inside(x - self.place[0], y - self.place[1], self.radius)


def video(rng):
    shapes = [Shape(rng, disc), Shape(rng, square)]
    pixels = bytearray()
    for _ in range(FRAMES):
        for y in range(SIDE):
            pixels += bytes(round(255 * max(shape.value(x, y) for shape in shapes)) for x in range(SIDE))
        for shape in shapes:
            shape.move()
    return bytes(pixels)


def npy(pixels):
    """A NumPy file, format 1.0, of bytes."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({FRAMES}, {SIDE}, {SIDE}), }}".encode()
    # The values start at a multiple of 64.
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pixels


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 200
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"shape-{number:03}.npy").write_bytes(npy(video(random.Random(number))))


if __name__ == "__main__":
    main()
