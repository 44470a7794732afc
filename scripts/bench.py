#!/usr/bin/env python3
"""Measures this project's speed and writes BENCHMARKS.md; started by scripts/bench.sh.

Two programs are never measured side by side: each round runs PyTorch and ours in turn, and what counts is
the median over the rounds of the ratio within a round, because a machine's speed drifts.
"""
import argparse, json, os, platform, re, struct, subprocess, sys, tempfile, zlib
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Multiply-adds that the handwritten operators carry out for an image of conv-map.json, forward and backward:
# Winograd tiles, nine products for an up-sampled 3x3 kernel, and no work for what pooling dropped.
CONV_MAP_MACS = 1.84e6
# Name, config, PyTorch's arguments, its steps, our images and epochs, the ratio aimed at.
WORK = [
    ("conv-map", "configs/conv-map.json", ["convmap", "--activation", "elu", "--loss", "bce"], 60, 3, 5.0),
    ("conv", "configs/conv.json", ["conv"], 60, 3, 4.0),
    ("other sizes", None, ["odd", "--batch", "50"], 60, 4, 2.0),
    ("series", None, ["series", "--batch", "64"], 60, 4, 3.0),
    ("dense", "configs/dense.json", ["dense"], 200, 3, 1.5),
    ("deep", "configs/deep.json", ["deep", "--activation", "silu"], 150, 1, 1.3),
    ("denoise-grey", "configs/papers/denoise-grey.json", ["denoise", "--batch", "16"], 60, 3, 3.0),
    ("super-resolution", "configs/papers/super-resolution.json", ["super", "--batch", "16"], 60, 3, 3.0),
]


def run(command, **options):
    """A program's standard output; what it says on standard error is shown only where it fails."""
    done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


def png(pixels):
    """A picture [height, width, 3] of bytes as a PNG file."""
    height, width, _ = pixels.shape
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


# Height and width of the noise that a network of its own is measured on, its batch and its model.
OWN = {
    "other sizes": (33, 47, 50, {"kind": "conv", "channels": [8, 24, 40], "kernel": 5}),
    "series": (1, 140, 64, {"kind": "conv", "channels": [16, 32, 64], "kernel": 7, "code_size": 32}),
}


def own(folder, name):
    """A config for colour pictures of noise, and the pictures."""
    height, width, batch, model = OWN[name]
    stem = name.replace(" ", "-")
    pictures = folder / f"{stem}-pictures"
    pictures.mkdir()
    for i, picture in enumerate(np.random.default_rng(0).integers(0, 256, (2500, height, width, 3), np.uint8)):
        (pictures / f"{i:04}.png").write_bytes(png(picture))
    config = {
        "data": {"dataset": "images", "dir": str(pictures), "test": 0.2, "validation": 200},
        "model": model,
        "train": {"batch_size": batch, "loss": "mse"},
    }
    (folder / f"{stem}.json").write_text(json.dumps(config))
    return folder / f"{stem}.json"


def on_noise(folder, config):
    """A config for photographs, on pictures of noise."""
    table = json.loads(config.read_text())
    channels, patch = table["data"].get("channels", 3), table["data"]["patch"]
    pictures = folder / f"{config.stem}-pictures"
    pictures.mkdir(exist_ok=True)
    for i, picture in enumerate(np.random.default_rng(0).integers(0, 256, (20, 160, 160, 3), np.uint8)):
        (pictures / f"{i:02}.png").write_bytes(png(picture))
    table["data"] = {"dataset": "images", "dir": str(pictures), "channels": channels, "patch": patch, "crops": 64,
                     "test": 0.1, "validation": 1}
    del table["$schema"]
    (folder / config.name).write_text(json.dumps(table))
    return folder / config.name


def hourglass(folder, config, epochs, threads, name, program, extra=()):
    out = run([program, config, "--quiet", "--json", "--runs", folder, "--name", name, "--threads", threads,
               "--set", f"train.epochs={epochs}",
               # PyTorch's side changes no pictures.
               "--set", "data.augment=null", *extra])
    summary = json.loads(out)
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    # The median epoch: the first one also touches all memory for the first time.
    summary["images_per_s"] = median(json.loads(line)["images_per_s"] for line in lines)
    return summary


def encode(folder, name, config, threads, program):
    images = "mnist" if config.parent.name == "configs" else json.dumps(json.loads(config.read_text())["data"])
    out = run([program, "encode", name, images, "-o", folder / f"{name}.npy", "--force", "--runs", folder, "--threads", threads])
    return float(re.search(r"(\d+) images/s", out)[1])


def torch(arguments, steps, threads):
    script = ROOT / "scripts/peers/torch_peer.py"
    return json.loads(run([sys.executable, script, *arguments, "--steps", steps, "--threads", threads, "--encode"]).splitlines()[-1])


def peers(rounds, threads, folder, program):
    """Each network with PyTorch and with ours, in turn."""
    rows = []
    for name, config, arguments, steps, epochs, aim in WORK:
        config = ROOT / config if config else own(folder, name)
        if config.parent.name == "papers":
            config = on_noise(folder, config)
        taken = []
        for turn in range(rounds):
            run_name = f"{name.replace(' ', '-')}-{turn}"
            theirs = torch(arguments, steps, threads)
            ours = hourglass(folder, config, epochs, threads, run_name, program)
            ours["encode_images_per_s"] = encode(folder, run_name, config, threads, program)
            one = hourglass(folder, config, 1, 1, f"{run_name}-one", program)
            taken.append((theirs, ours, one))
            say(f"{name}, round {turn + 1}: PyTorch {theirs['train_images_per_s']:.0f}, ours {ours['images_per_s']:.0f} images/s")
        rows.append((name, aim, taken))
    return rows


def memory_is_flat(folder, program, threads):
    """Peak memory of conv.json after 2 and after 50 short epochs, in MiB."""
    short = ["--set", "data.limit=8000"]
    return [hourglass(folder, ROOT / "configs/conv.json", epochs, threads, f"flat-{epochs}", program, short)["peak_rss_mib"]
            for epochs in (2, 50)]


def operators():
    """What criterion measured: {group: {function: (seconds, elements a second)}}."""
    for bench in ("conv", "dense"):
        say(f"cargo bench: {bench}")
        run(["cargo", "bench", "--profile", "dev", "--workspace", "--features", "kernels/flex", "--bench", bench])
    found = {}
    for path in sorted(TARGET.glob("criterion/**/new/benchmark.json")):
        about = json.loads(path.read_text())
        seconds = json.loads((path.parent / "estimates.json").read_text())["median"]["point_estimate"] * 1e-9
        rate = about["throughput"]["Elements"] / seconds
        found.setdefault(about["group_id"], {})[about["function_id"]] = (seconds, rate)
    return found


def backends(folder, program):
    """Images per second of the networks on each backend that runs here."""
    say("cargo build: every backend")
    every = TARGET / "backends"
    run(["cargo", "build", "-p", "runner", "--features", "ndarray,wgpu", "--target-dir", every])
    program = every / "debug/hourglass"
    environment = dict(os.environ, CUBECL_AUTOTUNE_LEVEL="minimal")
    driver = sorted(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json"))
    names = ["flex", "ndarray"] + (["wgpu"] if driver else [])
    if driver:
        environment["VK_DRIVER_FILES"] = str(driver[0])
    rows = []
    for config in ("conv", "dense"):
        row = {}
        for backend in names:
            # The few images of --quick, and the last epoch: a GPU's shaders are compiled in the first.
            out = folder / f"{config}-{backend}"
            run([program, ROOT / f"configs/{config}.json", "--quiet", "--runs", folder, "--name", out.name, "--backend", backend,
                 "--quick", "--set", "train.epochs=2"], env=environment)
            row[backend] = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["images_per_s"]
            say(f"{config} on {backend}: {row[backend]:.0f} images/s")
        rows.append((config, row))
    return names, rows


def cpu():
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = re.search(r"model name\s*: (.*)", text)
    level = "AVX-512" if " avx512f" in text else "AVX2" if " avx2" in text else platform.machine()
    return f"{name[1] if name else platform.processor()}, {os.cpu_count()} cores, {level}"


def mid(rows, pick):
    return median(pick(row) for row in rows)


def report_peers(rows, flat, threads, rounds):
    ratio = lambda taken, ours, theirs: mid(taken, lambda r: ours(r) / theirs(r))
    train = lambda r: r[1]["images_per_s"]
    text = [f"## Beside PyTorch\nTraining with batch 128 (other sizes: 50; the two of photographs: 16), Adam and {threads} threads, the same network, activation and loss. "
            f"PyTorch and ours in turn, {rounds} times; medians, and the median of the ratios within a turn.\n",
            "| network | PyTorch, images/s | ours, images/s | ratio | least and most | aim | one thread to two |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, aim, taken in rows:
        ratios = [train(r) / r[0]["train_images_per_s"] for r in taken]
        scaling = mid(taken, lambda r: train(r) / r[2]["images_per_s"])
        text.append(f"| {name} | {mid(taken, lambda r: r[0]['train_images_per_s']):,.0f} | {mid(taken, train):,.0f} | **{median(ratios):.2f}** "
                    f"| {min(ratios):.2f}–{max(ratios):.2f} | {aim:g} | {scaling:.2f} |")
    text += ["\nOther sizes: channels 8-24-40, 5x5 kernels, colour pictures of 33x47 pixels.\n",
             "| network | encoding: PyTorch, images/s | ours, images/s | ratio | start to first step: PyTorch, s | ours, s | peak memory: PyTorch, MiB | ours, MiB |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, _, taken in rows:
        of = lambda i, key: mid(taken, lambda r: r[i][key])
        encoded = ratio(taken, lambda r: r[1]["encode_images_per_s"], lambda r: r[0]["encode_images_per_s"])
        text.append(f"| {name} | {of(0, 'encode_images_per_s'):,.0f} | {of(1, 'encode_images_per_s'):,.0f} | **{encoded:.2f}** "
                    f"| {of(0, 'first_step_s'):.2f} | {of(1, 'start_seconds'):.2f} | {of(0, 'peak_rss_mib'):.0f} | {of(1, 'peak_rss_mib'):.0f} |")
    text.append(f"\nPyTorch encodes floats that lie in memory, in batches of 1,000; ours reads bytes, and the codes are back on the host. "
                f"Peak memory of conv.json on a tenth of the digits: {flat[0]} MiB after 2 epochs, {flat[1]} MiB after 50.")
    return text


def report_operators(found, rows):
    gemm = found["product 2048x2048x2048"]["gemm"][1] / 1e9
    text = [f"\n## Operators\nThe handwritten operator beside the same of Burn's own operators on flex, medians. GFLOP/s count the direct form of a "
            f"convolution, whatever is computed; `gemm` reaches **{gemm:.0f} GFLOP/s** for a product of 2048x2048x2048 in the same process.\n",
            "| operator | ours, us | Burn, us | ratio | ours, GFLOP/s | of gemm |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for group, by in found.items():
        if "kernels" not in by or "burn" not in by:
            continue
        (ours, rate), (burn, _) = by["kernels"], by["burn"]
        flops = group.startswith(("conv", "up+conv", "linear"))
        text.append(f"| {group} | {ours * 1e6:,.0f} | {burn * 1e6:,.0f} | {burn / ours:.2f} | "
                    + (f"{rate / 1e9:.0f} | {rate / 1e9 / gemm:.0%} |" if flops else "- | - |"))
    for name, _, taken in rows or []:
        if name == "conv-map":
            done = 2 * CONV_MAP_MACS * mid(taken, lambda r: r[1]["images_per_s"]) / 1e9
            text.append(f"\nA training step of conv-map.json carries out {2 * CONV_MAP_MACS / 1e6:.1f} million operations an image, "
                        f"{done:.0f} GFLOP/s, which is {done / gemm:.0%} of gemm's rate, everything else in the step included.")
    return text


def report_backends(names, rows):
    text = ["\n## Backends\nTraining on each backend that runs without a GPU, images/s in the second epoch of a `--quick` run (five steps, too few for full speed); `wgpu` is Mesa's software driver here, which says nothing about a GPU.\n",
            "| network | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    return text + [f"| {config} | " + " | ".join(f"{row[name]:,.0f}" for name in names) + " |" for config, row in rows]


def sections(file):
    """The parts of an earlier report by their headings, so that measuring one part keeps the others."""
    text = file.read_text() if file.exists() else ""
    return {part.split("\n", 1)[0]: [f"\n## {part}".rstrip()] for part in text.split("\n## ")[1:]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    arguments.add_argument("--only", default="peers,operators,backends", help="parts to measure; the others are kept as they are in the output")
    arguments.add_argument("--output", default=ROOT / "BENCHMARKS.md", type=Path)
    asked = arguments.parse_args()
    parts = asked.only.split(",")
    say("cargo build")
    run(["cargo", "build", "-p", "runner"])
    program = TARGET / "debug/hourglass"
    import torch as pytorch
    text = ["# Benchmarks\nWritten by `scripts/bench.sh` on a machine with nothing else to do. Run it on yours: speeds are comparable within a table only.\n",
            f"- machine: {cpu()}, {platform.system()}",
            f"- versions: {run([program, '--version']).strip()}, Burn 0.22.1, {run(['rustc', '--version']).strip()}, PyTorch {pytorch.__version__}",
            "- program: `cargo run -p runner`, the development profile, no flags for the processor\n"]
    rows = None
    kept = sections(asked.output)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "peers" in parts:
            rows = peers(asked.rounds, asked.threads, folder, program)
            text += report_peers(rows, memory_is_flat(folder, program, asked.threads), asked.threads, asked.rounds)
        else:
            text += kept.get("Beside PyTorch", [])
        text += report_operators(operators(), rows) if "operators" in parts else kept.get("Operators", [])
        text += report_backends(*backends(folder, program)) if "backends" in parts else kept.get("Backends", [])
    asked.output.write_text("\n".join(text) + "\n")
    say(f"wrote {asked.output}")


main()
