#!/usr/bin/env python3
"""PyTorch reference for speed and quality: the same models, data, batch, loss and optimizer as the project's.

usage: torch_peer.py {conv,convmap,odd,series,dense,deep,denoise,super} [--mnist DIR] [--steps N | --epochs N] [--batch 128] [--threads 2]
                     [--loss mse|bce] [--activation relu|elu|silu] [--eval] [--encode] [--save FILE]
DIR (default: the bundled data) holds the four MNIST IDX files, gzipped or not. Prints one JSON object on the last line:
images/s for training (first 10 steps not counted), for encoding, peak RSS, seconds to the first step and test losses.
FILE gets the trained weights as a state dict, which `hourglass import` reads.

conv : Conv3x3(1-16)+ReLU, MaxPool2, Conv3x3(16-32)+ReLU, MaxPool2, Linear(1568-32)
       | Linear(32-1568)+ReLU, Up2 nearest, Conv3x3(32-16)+ReLU, Up2, Conv3x3(16-1)+Sigmoid
convmap: the same without the two linear layers (the code is the 32x7x7 feature map)
odd  : channels 8-24-40 with 5x5 kernels on 3x33x47 random pictures, pooling rounds up, the code is the 40x5x6 map
series: Conv1d 3-16-32-64 with kernels of 7 on random series of 140 steps, pooling by 2 rounds up, Linear(1152-32), and back
dense: 784-512-256-32 | 32-256-512-784, ReLU, linear code, sigmoid output
deep : 784-1000-500-250-30 | mirror, ReLU, linear code, sigmoid output (Hinton & Salakhutdinov 2006 sizes)
denoise: 2x2 pixels to channels, 5 x Conv3x3(64)+ReLU | 4 x Conv3x3(64)+ReLU, Conv3x3(64-4), channels to pixels, added to the
       input; random grey pictures of 48x48 with noise of sigma 25
super: the same with 4 convolutions on either side, for colour pictures of 64x64 that were halved and doubled
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
    """Convolutions that halve the map, an optional dense code, and nearest up-sampling back to each size."""

    def __init__(self, activation, shape=(1, 28, 28), channels=(16, 32), kernel=3, code=None):
        super().__init__()
        widths, self.sizes = [shape[0], *channels], [shape[1:]]
        for _ in channels:
            self.sizes.append(tuple(-(-n // 2) for n in self.sizes[-1]))
        conv = lambda i, o: nn.Conv2d(i, o, kernel, padding=kernel // 2)
        self.act = activation
        self.enc = nn.ModuleList(conv(i, o) for i, o in zip(widths, widths[1:]))
        self.dec = nn.ModuleList(conv(o, i) for i, o in reversed(list(zip(widths, widths[1:]))))
        self.map = (widths[-1], *self.sizes[-1])
        values = self.map[0] * self.map[1] * self.map[2]
        self.down, self.up = (nn.Linear(values, code), nn.Linear(code, values)) if code else (None, None)

    def encode(self, x):
        for layer in self.enc:
            x = F.max_pool2d(self.act(layer(x)), 2, ceil_mode=True)
        return self.down(x.flatten(1)) if self.down else x

    def forward(self, x):
        z = self.encode(x)
        if self.up:
            z = self.act(self.up(z)).view(-1, *self.map)
        for i, layer in enumerate(self.dec):
            height, width = self.sizes[-2 - i]
            z = F.interpolate(z, scale_factor=2)
            if z.shape[2:] != (height, width):
                z = z[:, :, :height, :width]
            z = layer(z)
            if i < len(self.dec) - 1:
                z = self.act(z)
        return z


class Series(nn.Module):
    """What Conv is, for series."""

    def __init__(self, activation, length, widths, kernel, code):
        super().__init__()
        self.sizes = [length]
        for _ in widths[1:]:
            self.sizes.append(-(-self.sizes[-1] // 2))
        conv = lambda i, o: nn.Conv1d(i, o, kernel, padding=kernel // 2)
        self.act = activation
        self.enc = nn.ModuleList(conv(i, o) for i, o in zip(widths, widths[1:]))
        self.dec = nn.ModuleList(conv(o, i) for i, o in reversed(list(zip(widths, widths[1:]))))
        self.map = (widths[-1], self.sizes[-1])
        values = self.map[0] * self.map[1]
        self.down, self.up = nn.Linear(values, code), nn.Linear(code, values)

    def encode(self, x):
        for layer in self.enc:
            x = F.max_pool1d(self.act(layer(x)), 2, ceil_mode=True)
        return self.down(x.flatten(1))

    def forward(self, x):
        z = self.act(self.up(self.encode(x))).view(-1, *self.map)
        for i, layer in enumerate(self.dec):
            z = layer(F.interpolate(z, scale_factor=2)[..., : self.sizes[-2 - i]])
            if i < len(self.dec) - 1:
                z = self.act(z)
        return z


class Dense(nn.Module):
    def __init__(self, activation, widths):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        half = lambda ps: [m for i, (a, b) in enumerate(ps) for m in ([nn.Linear(a, b)] + ([activation] if i < len(ps) - 1 else []))]
        self.enc = nn.Sequential(*half(pairs))
        self.dec = nn.Sequential(*half([(b, a) for a, b in reversed(pairs)]))

    def encode(self, x):
        return self.enc(x.flatten(1))

    def forward(self, x):
        return self.dec(self.encode(x)).view_as(x)


class Restorer(nn.Module):
    """Convolutions at half the size, whose output is added to a damaged picture."""

    def __init__(self, channels, convolutions, damage):
        super().__init__()
        widths = [4 * channels, *[64] * (2 * convolutions - 1), 4 * channels]
        self.damage = damage
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in zip(widths, widths[1:]))

    def through(self, x, convs):
        for conv in convs:
            x = F.relu(conv(x))
        return x

    def encode(self, x):
        return self.through(F.pixel_unshuffle(x, 2), self.convs[: len(self.convs) // 2])

    def forward(self, x):
        x = self.damage(x)
        y = self.through(F.pixel_unshuffle(x, 2), self.convs[:-1])
        return x + F.pixel_shuffle(self.convs[-1](y), 2)


def noisy(x):
    return x + torch.randn_like(x) * (25 / 255)


def halved(x):
    small = F.interpolate(x, scale_factor=0.5, mode="bicubic", antialias=True)
    return F.interpolate(small, scale_factor=2, mode="bicubic")


RESTORERS = {"denoise": ((1, 48, 48), 5, noisy), "super": ((3, 64, 64), 4, halved)}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model", choices=["conv", "convmap", "odd", "series", "dense", "deep", *RESTORERS])
    ap.add_argument("--mnist", default=MNIST)
    ap.add_argument("--steps", type=int)
    ap.add_argument("--epochs", type=int)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--loss", choices=["mse", "bce"], default="mse")
    ap.add_argument("--activation", choices=["relu", "elu", "silu"], default="relu")
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--eval", action="store_true")
    ap.add_argument("--encode", action="store_true")
    ap.add_argument("--save", metavar="FILE")
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    act = {"relu": nn.ReLU, "elu": nn.ELU, "silu": nn.SiLU}[a.activation]()
    if a.model in RESTORERS:
        shape, convolutions, damage = RESTORERS[a.model]
        train = np.random.default_rng(0).integers(0, 256, (1000, *shape), np.uint8)
        test = torch.from_numpy(train.copy()).float() / 255
        net = Restorer(shape[0], convolutions, damage)
    elif a.model == "odd":
        train = np.random.default_rng(0).integers(0, 256, (2000, 3, 33, 47), np.uint8)
        test = torch.from_numpy(train[:1000].copy()).float() / 255
        net = Conv(act, (3, 33, 47), (8, 24, 40), 5)
    elif a.model == "series":
        train = np.random.default_rng(0).integers(0, 256, (2000, 3, 140), np.uint8)
        test = torch.from_numpy(train[:1000].copy()).float() / 255
        net = Series(act, 140, (3, 16, 32, 64), 7, 32)
    else:
        train = idx(a.mnist, "train-images-idx3-ubyte")
        test = torch.from_numpy(idx(a.mnist, "t10k-images-idx3-ubyte").copy()).float() / 255
        net = {"conv": lambda: Conv(act, code=32), "convmap": lambda: Conv(act),
               "dense": lambda: Dense(act, [784, 512, 256, 32]),
               "deep": lambda: Dense(act, [784, 1000, 500, 250, 30])}[a.model]()
    opt = torch.optim.Adam(net.parameters(), lr=a.lr)
    squared = lambda o, x: F.mse_loss(o, x)
    lossf = squared if a.model in RESTORERS else lambda o, x: F.mse_loss(torch.sigmoid(o), x) if a.loss == "mse" else F.binary_cross_entropy_with_logits(o, x)
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
        if s == 0:
            first = time.time() - T0
    out = {"peer": "torch " + torch.__version__, "model": a.model, "threads": a.threads, "batch": a.batch, "loss": a.loss,
           "steps": steps, "train_images_per_s": round(seen / (time.time() - t), 1), "last_loss": loss.item(), "first_step_s": round(first, 2)}
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
            out["test_sum_sq_per_image"] = out["test_mse"] * test[0].numel()
    if a.save:
        torch.save(net.state_dict(), a.save)
    out["wall_s"] = round(time.time() - T0, 2)
    out["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(out))


if __name__ == "__main__":
    main()
