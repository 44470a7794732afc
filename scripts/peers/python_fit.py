#!/usr/bin/env python3
"""`hourglass.sklearn.Autoencoder(...).fit(X)` beside the same network in PyTorch, on MNIST as an array.

usage: python_fit.py {dense,conv} [--epochs 5] [--rounds 2] [--threads 2] [--rows 60000]
Both are fitted in turn, nine tenths of the rows being trained on, with the same sizes, steps, loss, optimizer and schedule. PyTorch gets its batches by
index from one tensor, the fastest way it has. Prints seconds, seconds of the processor and test errors of each round, and the ratios of the means, as JSON. On a busy
machine the processor's seconds with one thread compare better: threads of PyTorch that wait count as busy.

dense: rows of 784 numbers, standardised; 784-512-256-32 | mirror, ReLU, linear output, squared error
conv : pictures; Conv3x3(1-16)+ReLU, MaxPool2, Conv3x3(16-32)+ReLU, MaxPool2, Linear(1568-32) | mirror, sigmoid output, squared error
"""
import argparse, json, math, os, time

ap = argparse.ArgumentParser()
ap.add_argument("model", choices=["dense", "conv"])
ap.add_argument("--epochs", type=int, default=5)
ap.add_argument("--rounds", type=int, default=2)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--rows", type=int, default=60_000)
a = ap.parse_args()
os.environ["RAYON_NUM_THREADS"] = str(a.threads)

import numpy as np
import torch
from torch_peer import Conv, idx, MNIST
from torch import nn

from hourglass.sklearn import Autoencoder

torch.set_num_threads(a.threads)
BATCH, RATE = 128, 1e-3
x = (idx(MNIST, "train-images-idx3-ubyte").reshape(-1, 784)[: a.rows] / 255).astype(np.float32)
test = (idx(MNIST, "t10k-images-idx3-ubyte").reshape(-1, 784) / 255).astype(np.float32)


def now():
    return np.array([time.time(), time.process_time()])


def ours():
    shape = {"image_shape": (28, 28), "kind": "conv"} if a.model == "conv" else {}
    config = {"train": {"loss": "mse"}}
    model = Autoencoder(32, epochs=a.epochs, batch_size=BATCH, learning_rate=RATE, config=config, random_state=0, **shape)
    begin = now()
    model.fit(x)
    seconds = now() - begin
    return seconds, -model.score(test)


def theirs():
    torch.manual_seed(0)
    begin = now()
    if a.model == "dense":
        mean, spread = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
        spread[spread == 0] = 1
        seen = lambda rows: torch.from_numpy(((rows - mean) / spread).astype(np.float32))
        sizes = [784, 512, 256, 32, 256, 512, 784]
        layers = [layer for i, o in zip(sizes, sizes[1:]) for layer in (nn.Linear(i, o), nn.ReLU())]
        del layers[5], layers[-1]
        net = nn.Sequential(*layers)
    else:
        seen = lambda rows: torch.from_numpy(rows).reshape(-1, 1, 28, 28)
        net = nn.Sequential(Conv(nn.functional.relu, code=32), nn.Sigmoid())
    rows = seen(x)
    order = torch.randperm(len(rows))
    held, rows = rows[order[: a.rows // 10]], rows[order[a.rows // 10 :]]
    steps = math.ceil(len(rows) / BATCH) * a.epochs
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    error = lambda of: sum(float(((net(part) - part) ** 2).sum()) for part in of.split(250)) / of.numel()
    for _ in range(a.epochs):
        for batch in torch.randperm(len(rows)).split(BATCH):
            input = rows[batch]
            loss = ((net(input) - input) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            error(held)
    seconds = now() - begin
    with torch.no_grad():
        return seconds, error(seen(test))


rounds = [(ours(), theirs()) for _ in range(a.rounds)]
mean = lambda which: sum(it[which][0] for it in rounds) / len(rounds)
told = lambda it: {"seconds": round(it[0][0], 2), "cpu_seconds": round(it[0][1], 2), "test_mse": it[1]}
times, cpu_times = mean(1) / mean(0)
print(json.dumps({
    **vars(a),
    "hourglass": [told(one) for one, _ in rounds],
    "torch": [told(one) for _, one in rounds],
    "times_as_fast": round(times, 2),
    "cpu_times_as_fast": round(cpu_times, 2),
}))
