#!/usr/bin/env python3
"""PCA reconstruction error on MNIST test images, fitted on the 60,000 training images (exact, float64).

usage: pca_baseline.py [--mnist DIR] [--k 2 8 16 30 32 64 128]
Inputs in [0,1]; MSE is per pixel, sum_sq is per image (784 x MSE).
"""
import argparse, gzip, os
import numpy as np

# The data set that the project ships.
MNIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../crates/data/assets/mnist")


def idx(directory, name):
    path = os.path.join(directory, name)
    opener = open
    if not os.path.exists(path):
        path, opener = path + ".gz", gzip.open
    with opener(path, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 784) / 255.0


ap = argparse.ArgumentParser()
ap.add_argument("--mnist", default=MNIST)
ap.add_argument("--k", type=int, nargs="+", default=[2, 4, 8, 16, 30, 32, 49, 64, 128, 196, 256, 392])
a = ap.parse_args()
x, y = idx(a.mnist, "train-images-idx3-ubyte"), idx(a.mnist, "t10k-images-idx3-ubyte")
mean = x.mean(0)
values, vectors = np.linalg.eigh(np.cov((x - mean).T, bias=True))
vectors = vectors[:, ::-1]
print(f"{'k':>5} {'mse':>10} {'sum_sq':>9}")
for k in a.k:
    v = vectors[:, :k]
    r = (y - mean) @ v @ v.T + mean
    mse = ((r - y) ** 2).mean()
    print(f"{k:5d} {mse:10.6f} {mse * 784:9.3f}")
