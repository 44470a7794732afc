#!/usr/bin/env python3
"""Keras (TensorFlow CPU) reference for the same convmap and dense models as torch_peer.py.

usage: keras_peer.py {convmap,dense} [--mnist DIR] [--steps N] [--batch 128] [--xla]
Prints one JSON object on the last line; the first fit call (graph building) is not timed.
"""
import argparse, gzip, json, os, time
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import keras
from keras import layers as L

# The data set that the project ships.
MNIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../crates/data/assets/mnist")


def idx(directory, name):
    path = os.path.join(directory, name)
    opener = open
    if not os.path.exists(path):
        path, opener = path + ".gz", gzip.open
    with opener(path, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)


ap = argparse.ArgumentParser()
ap.add_argument("model", choices=["convmap", "dense"])
ap.add_argument("--mnist", default=MNIST)
ap.add_argument("--steps", type=int, default=200)
ap.add_argument("--batch", type=int, default=128)
ap.add_argument("--xla", action="store_true")
a = ap.parse_args()
x = idx(a.mnist, "train-images-idx3-ubyte")[: a.steps * a.batch].astype("float32") / 255
if a.model == "convmap":
    c = lambda n, act: L.Conv2D(n, 3, padding="same", activation=act)
    net = keras.Sequential([keras.Input((28, 28, 1)), c(16, "relu"), L.MaxPooling2D(), c(32, "relu"), L.MaxPooling2D(),
                            L.UpSampling2D(), c(16, "relu"), L.UpSampling2D(), c(1, "sigmoid")])
else:
    x = x.reshape(len(x), 784)
    d = lambda n, act=None: L.Dense(n, activation=act)
    net = keras.Sequential([keras.Input((784,)), d(512, "relu"), d(256, "relu"), d(32), d(256, "relu"), d(512, "relu"), d(784, "sigmoid")])
net.compile("adam", "mse", jit_compile=a.xla)
net.fit(x[: 10 * a.batch], x[: 10 * a.batch], batch_size=a.batch, epochs=1, verbose=0)
t = time.time()
h = net.fit(x, x, batch_size=a.batch, epochs=1, verbose=0)
print(json.dumps({"peer": "keras " + keras.__version__, "model": a.model, "batch": a.batch, "xla": a.xla,
                  "train_images_per_s": round(len(x) / (time.time() - t), 1), "last_loss": h.history["loss"][-1]}))
