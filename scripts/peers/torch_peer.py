#!/usr/bin/env python3
"""PyTorch reference for speed and quality: the same models, data, batch, loss and optimizer as the project's.

usage: torch_peer.py {conv,convmap,dense,deep} [--mnist DIR] [--steps N | --epochs N] [--batch 128] [--threads 2]
                     [--loss mse|bce] [--eval] [--encode]
DIR (default: the bundled data) holds the four MNIST IDX files, gzipped or not. Prints one JSON object on the last line:
images/s for training (first 10 steps not counted), for encoding, peak RSS, start-up seconds and test losses.

conv : Conv3x3(1-16)+ReLU, MaxPool2, Conv3x3(16-32)+ReLU, MaxPool2, Linear(1568-32)
       | Linear(32-1568)+ReLU, Up2 nearest, Conv3x3(32-16)+ReLU, Up2, Conv3x3(16-1)+Sigmoid
convmap: the same without the two linear layers (the code is the 32x7x7 feature map)
dense: 784-512-256-32 | 32-256-512-784, ReLU, linear code, sigmoid output
deep : 784-1000-500-250-30 | mirror, ReLU, linear code, sigmoid output (Hinton & Salakhutdinov 2006 sizes)
"""
import argparse, gzip, json, os, resource, time
T0 = time.time()
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

# The data set that the project ships.
MNIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../crates/data/assets/mnist")


def idx(directory, name):
    path = os.path.join(directory, name)
    opener = open
    if not os.path.exists(path):
        path, opener = path + ".gz", gzip.open
    with opener(path, "rb") as f:
        raw = f.read()
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28)


class Conv(nn.Module):
    def __init__(self, code=None):
        super().__init__()
        c = lambda i, o: nn.Conv2d(i, o, 3, padding=1)
        self.a, self.b, self.c, self.d = c(1, 16), c(16, 32), c(32, 16), c(16, 1)
        self.down, self.up = (nn.Linear(1568, code), nn.Linear(code, 1568)) if code else (None, None)

    def encode(self, x):
        x = F.max_pool2d(F.relu(self.a(x)), 2)
        z = F.max_pool2d(F.relu(self.b(x)), 2)
        return self.down(z.flatten(1)) if self.down else z

    def forward(self, x):
        z = self.encode(x)
        if self.up:
            z = F.relu(self.up(z)).view(-1, 32, 7, 7)
        z = F.relu(self.c(F.interpolate(z, scale_factor=2)))
        return self.d(F.interpolate(z, scale_factor=2))


class Dense(nn.Module):
    def __init__(self, widths):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        half = lambda ps: [m for i, (a, b) in enumerate(ps) for m in ([nn.Linear(a, b)] + ([nn.ReLU()] if i < len(ps) - 1 else []))]
        self.enc = nn.Sequential(*half(pairs))
        self.dec = nn.Sequential(*half([(b, a) for a, b in reversed(pairs)]))

    def encode(self, x):
        return self.enc(x.flatten(1))

    def forward(self, x):
        return self.dec(self.encode(x)).view_as(x)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model", choices=["conv", "convmap", "dense", "deep"])
    ap.add_argument("--mnist", default=MNIST)
    ap.add_argument("--steps", type=int)
    ap.add_argument("--epochs", type=int)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--loss", choices=["mse", "bce"], default="mse")
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--eval", action="store_true")
    ap.add_argument("--encode", action="store_true")
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    train = idx(a.mnist, "train-images-idx3-ubyte")
    test = torch.from_numpy(idx(a.mnist, "t10k-images-idx3-ubyte").copy()).float() / 255
    net = Conv(32) if a.model == "conv" else Conv() if a.model == "convmap" else Dense({"dense": [784, 512, 256, 32], "deep": [784, 1000, 500, 250, 30]}[a.model])
    opt = torch.optim.Adam(net.parameters(), lr=a.lr)
    lossf = lambda o, x: F.mse_loss(torch.sigmoid(o), x) if a.loss == "mse" else F.binary_cross_entropy_with_logits(o, x)
    per_epoch = len(train) // a.batch
    steps = a.steps or (a.epochs or 1) * per_epoch
    rng, order, t, seen = np.random.default_rng(a.seed), None, None, 0
    for s in range(steps):
        if s % per_epoch == 0:
            order = rng.permutation(len(train))
        if s == min(10, steps - 1):
            t, seen = time.time(), 0
        i = order[(s % per_epoch) * a.batch:][: a.batch]
        x = torch.from_numpy(train[i]).float().div_(255)
        opt.zero_grad(set_to_none=True)
        loss = lossf(net(x), x)
        loss.backward()
        opt.step()
        seen += a.batch
    out = {"peer": "torch " + torch.__version__, "model": a.model, "threads": a.threads, "batch": a.batch, "loss": a.loss,
           "steps": steps, "train_images_per_s": round(seen / (time.time() - t), 1), "last_loss": loss.item()}
    with torch.no_grad():
        if a.encode:
            net.encode(test[:1000]); t = time.time()
            for b in test.split(1000):
                net.encode(b)
            out["encode_images_per_s"] = round(len(test) / (time.time() - t), 1)
        if a.eval:
            logits = torch.cat([net(b) for b in test.split(1000)])
            out["test_mse"] = F.mse_loss(torch.sigmoid(logits), test).item()
            out["test_bce"] = F.binary_cross_entropy_with_logits(logits, test).item()
            out["test_sum_sq_per_image"] = out["test_mse"] * 784
    out["wall_s"] = round(time.time() - T0, 2)
    out["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(out))


main()
