"""Trains a small model of every kind, exports it, and compares what other programs make of it with this one.

    python3 tests/onnx/check.py PROGRAM [WORK] [KIND ...]

Needs the packages of tests/onnx/requirements.txt. Each ONNX file is read by onnx's own checker and run by onnxruntime;
its outputs may differ from the program's by 1e-5, or by 1e-5 of the largest of them if that is above 1; those in the
units of a table or series by 1e-5 of the largest of their channel. If torch can be imported, the exported module is run too. WORK keeps the runs and files; it is a temporary folder by default.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file

try:
    import torch
except ImportError:
    torch = None

MOST = 1e-5
TRAIN = {"epochs": 1, "batch_size": 64, "learning_rate": 0.002}
MNIST = {"dataset": "mnist"}
PHOTOS = {"dataset": "photos", "validation": 0, "patch": 32}
# Odd sizes, so that what is repeated or cut at the border is seen.
ODD = {"dataset": "photos", "validation": 0, "patch": 27}


def conv(**keys):
    return {"kind": "conv", "channels": [6, 9], **keys}


def denoising(corruption, of, **keys):
    return {"kind": "denoising", "corruption": corruption, **keys, "of": of}


def sparse(penalty, of):
    return {"kind": "sparse", "penalty": penalty, "of": of}


DENSE = {"kind": "dense", "layers": [30, 20], "code_size": 8}
TABLE = {"dataset": "table", "file": "table.csv"}
SERIES = {"dataset": "series", "file": "series.csv", "window": 27}
CLIPS = {"dataset": "video", "dir": "videos", "frames": 5}

# Together they have every operation, activation and way to make a reconstruction.
KINDS = {
    "dense": (MNIST, DENSE),
    "dense-tied": (MNIST, {**DENSE, "tied": True, "activation": "elu", "code_activation": "tanh"}),
    "dense-gelu": (MNIST, {**DENSE, "activation": "gelu", "decoder": [40]}),
    "conv": (MNIST, conv(code_size=8)),
    "conv-norm": (MNIST, conv(code_size=8, layers=[20], batch_norm=True, convolutions=2, activation="leaky_relu")),
    "conv-odd": (ODD, conv(channels=[6, 9, 12], code_size=8, activation="silu")),
    "conv-map": (ODD, conv(kernel=5, code_activation="sigmoid")),
    "average": (ODD, conv(downsample="average", activation="tanh")),
    "strides": (ODD, conv(downsample="stride", upsample="transposed", convolutions=2, batch_norm=True)),
    "shuffles": (ODD, conv(downsample="unshuffle", upsample="shuffle", convolutions=2)),
    "top-k": (MNIST, sparse({"kind": "top_k", "k": 3}, DENSE)),
    "l1": (MNIST, sparse("l1", DENSE)),
    "kl": (MNIST, sparse("kl", {**DENSE, "code_activation": "sigmoid"})),
    "rate": (PHOTOS, sparse("rate", conv())),
    "linear": (MNIST, {"kind": "linear", "code_size": 8, "channels": 6, "convolutions": 3}),
    "linear-blocks": (PHOTOS, {"kind": "linear", "code_size": 8, "block": 8, "channels": 6, "convolutions": 2, "mirror": True}),
    "denoising": (MNIST, denoising("gaussian", conv(code_size=8))),
    "residual": (PHOTOS, denoising("gaussian", conv(downsample="unshuffle", upsample="shuffle"), residual=True)),
    "grey": (PHOTOS, denoising("grayscale", conv())),
    "grey-residual": (PHOTOS, denoising("grayscale", conv(), residual=True)),
    "luma": (PHOTOS, denoising("grayscale", conv(), residual=True, keep_luma=True)),
    "holes": (ODD, denoising({"kind": "block", "size": 8}, conv(), residual=True, fill_holes=True)),
    "table": (TABLE, {**DENSE, "layers": [12], "code_size": 3}),
    "table-marked": (TABLE, denoising("masking", {**DENSE, "layers": [12], "code_size": 3})),
    "series": (SERIES, conv(channels=[6, 9, 12], code_size=4)),
    "series-shuffles": (SERIES, conv(downsample="unshuffle", upsample="shuffle")),
    "series-strides": (SERIES, conv(downsample="stride", upsample="transposed")),
    "series-marked": (SERIES, denoising({"kind": "block", "size": 6}, conv(code_size=4, downsample="average"))),
    "clips": (CLIPS, conv(channels=[4, 6, 8], code_size=6)),
    "clips-average": (CLIPS, conv(channels=[4, 6], downsample="average")),
    "clips-strides": (CLIPS, conv(channels=[4, 6, 8, 8], downsample="stride", upsample="transposed", convolutions=2)),
    "clips-shuffles": (CLIPS, conv(channels=[4, 6, 8], downsample="unshuffle", upsample="shuffle")),
    "clips-linear": (CLIPS, {"kind": "linear", "code_size": 8, "channels": 6, "convolutions": 2}),
}


def write_data(work):
    """A table with categories and missing cells, two series, and three videos of noise."""
    random = numpy.random.default_rng(0)
    with open(work / "table.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["year", "size", "colour", "weight"])
        for _ in range(200):
            size = random.normal()
            row = [random.integers(1950, 2020), f"{100 + 20 * size:.3f}", random.choice(["red", "green", "blue"]), f"{size / 50:.5f}"]
            rows.writerow(["" if random.random() < 0.05 else cell for cell in row])
    with open(work / "series.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["one", "two"])
        for step in range(3000):
            rows.writerow([f"{1000 + 50 * numpy.sin(step / 5):.4f}", f"{random.normal():.4f}"])
    (work / "videos").mkdir(exist_ok=True)
    for name in "abcdef":
        numpy.save(work / "videos" / f"{name}.npy", random.integers(0, 256, (20, 13, 18), numpy.uint8))


class Checked:
    """The program, and what differs."""

    def __init__(self, program, work):
        self.program, self.work, self.worst = pathlib.Path(program).resolve(), work, 0.0

    def run(self, *words):
        done = subprocess.run([self.program, *map(str, words)], cwd=self.work, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr or done.stdout}"

    def compare(self, what, found, expected, own_units=False):
        assert found.shape == expected.shape, f"{what}: found the shape {found.shape}, not {expected.shape}"
        if own_units:
            scale = numpy.abs(expected).max(axis=(0, 2, 3), keepdims=True)
        else:
            scale = max(1.0, numpy.abs(expected).max())
        difference = float((numpy.abs(found - expected) / scale).max())
        assert difference <= MOST, f"{what}: differs by {difference:.2g}"
        self.worst = max(self.worst, difference)

    def export(self, name):
        """The paths of the three ONNX files and of the module."""
        paths = [f"{name}/{part}.onnx" for part in ("whole", "encoder", "decoder")]
        (self.work / name).mkdir(exist_ok=True)
        for path, part in zip(paths, ("whole", "encoder", "decoder")):
            self.run("export", name, "-o", path, "--part", part, "--force")
        self.run("export", name, "--format", "pytorch", "-o", f"{name}/pytorch", "--force")
        return [self.work / path for path in paths], self.work / name / "pytorch"

    def check(self, name, data, model):
        config = {"data": data, "model": model, "train": TRAIN}
        (self.work / f"{name}.json").write_text(json.dumps(config))
        if not (self.work / "runs" / name).exists():
            self.run(f"{name}.json", "--quick", "--quiet")
        files, module = self.export(name)
        sessions = []
        for path in files:
            onnx.checker.check_model(onnx.load(path), full_check=True)
            sessions.append(onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]))
        example = load_file(module / "example.safetensors")
        for part, session in zip(("whole", "encoder", "decoder"), sessions):
            given = {it.name: example[it.name] for it in session.get_inputs()}
            for count in (len(example["input"]), 1):
                some = {key: values[:count] for key, values in given.items()}
                names = [it.name for it in session.get_outputs()]
                for output, found in zip(names, session.run(names, some)):
                    own_units = data in (TABLE, SERIES) and output == "reconstruction"
                    self.compare(f"{name}, {part}, {output} of {count}", found, example[output][:count], own_units)
        if data is MNIST:
            self.compare_codes(name, sessions)
        if torch is not None:
            done = subprocess.run([sys.executable, module / "model.py"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def compare_codes(self, name, sessions):
        """The codes that `encode` writes of the test digits, and the pictures that `decode` writes of these."""
        self.run("encode", name, "mnist", "-o", f"{name}/codes.npy", "--force")
        self.run("decode", name, f"{name}/codes.npy", "-o", f"{name}/pictures.npy", "--force")
        codes = numpy.load(self.work / name / "codes.npy")
        _, encoder, decoder = sessions
        self.compare(f"{name}, encode", encoder.run(["code"], {"input": digits()})[0], codes)
        pictures = numpy.load(self.work / name / "pictures.npy")
        self.compare(f"{name}, decode", decoder.run(["reconstruction"], {"code": codes})[0], pictures)


def digits():
    """The test digits, from 0 to 1."""
    import gzip

    folder = pathlib.Path(__file__).parents[2] / "crates/data/assets/mnist"
    raw = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    return numpy.frombuffer(raw, numpy.uint8, offset=16).reshape(-1, 1, 28, 28).astype(numpy.float32) / 255


def main(program, work, names):
    work.mkdir(parents=True, exist_ok=True)
    write_data(work)
    checked = Checked(program, work)
    unknown = [name for name in names if name not in KINDS]
    assert not unknown, f"no kind is called {unknown[0]}; there are {', '.join(KINDS)}"
    chosen = names or list(KINDS)
    for name in chosen:
        checked.check(name, *KINDS[name])
    with_torch = "and PyTorch " if torch is not None else ""
    print(f"{len(chosen)} kinds in onnxruntime {onnxruntime.__version__} {with_torch}as here; largest difference {checked.worst:.2g}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        if len(sys.argv) > 2:
            main(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:])
        else:
            with tempfile.TemporaryDirectory() as folder:
                main(sys.argv[1], pathlib.Path(folder), [])
    except AssertionError as error:
        sys.exit(str(error))
