"""What the tests share. None of them needs a network or Rust."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def digits():
    """The first 600 training digits, uint8 of shape (600, 28, 28), and their labels."""
    assets = ROOT / "crates/data/assets/mnist"
    with gzip.open(next(assets.glob("train-images*.gz"))) as file:
        pictures = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(next(assets.glob("train-labels*.gz"))) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return pictures[:600], labels[:600]


@pytest.fixture(scope="session")
def table():
    """300 rows of six numbers that lie near a plane, float64."""
    random = np.random.default_rng(0)
    plane = random.normal(size=(300, 2)) @ random.normal(size=(2, 6))
    return plane * [1, 10, 100, 1, 1, 1] + [0, 5, 1000, 0, 0, 0] + random.normal(size=(300, 6)) * 0.1


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def run(digits, tmp_path_factory):
    """A short run of a small network on digits."""
    import hourglass

    pictures, labels = digits
    folder = tmp_path_factory.mktemp("runs")
    return hourglass.train(small(epochs=2), pictures, labels, runs=folder, name="digits")


def small(epochs=1, **model):
    """The config of a small dense network."""
    return {
        "model": {"kind": "dense", "layers": [32], "code_size": 8, **model},
        "train": {"epochs": epochs, "batch_size": 32},
    }


# The program's output is compared as text.
os.environ["NO_COLOR"] = "1"
