"""Measures common filters under the conditions of `--papers`, on data that is not in this repository.

    scripts/reproduce.sh --baselines DIR           all filters, on the data that lies in DIR
    scripts/reproduce.sh --baselines DIR NAME...   these: noise, holes or formats

DIR is that of `--papers`: `bsd68` is for noise, `kodak` for holes and formats. The filters are packages of PyPI, which
scripts/reproduce/baselines-requirements.txt lists. Trains nothing and needs no program.

Noise has a sigma of 15, 25 or 50 of 255. It is not clipped, and the filters are told its sigma. A hole of 16x16
pixels lies at a random place in each 64x64, as `hourglass restore --from-clean` draws it. A filter sees those
64x64 alone, or the whole picture with all its holes. Figures are means of the pictures' PSNR. For holes, a
picture's PSNR is that of the mean squared error of all pixels in its holes. Formats have JPEG with halved colours
(4:2:0) and optimised tables, and WebP by its slowest method, at several qualities: whole files, and their PSNR.
"""

import math
import os
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from statistics import mean

REQUIREMENTS = Path(__file__).with_name("baselines-requirements.txt")

SIGMAS = (15, 25, 50)
TILE, HOLE = 64, 16
# So many times the holes of each picture are drawn; a figure is the mean.
DRAWS = 3


def psnr(error):
    """In dB, of a mean squared error of values in [0, 1]; at most 100 dB, as in the program."""
    return -10 * math.log10(max(error, 1e-10))


def holes(height, width, seed):
    """Top and left of a hole in each tile that fits, row by row; every place inside the tile is equally likely."""
    draw, places = random.Random(seed), TILE - HOLE + 1
    return [
        (top + draw.randrange(places), left + draw.randrange(places))
        for top in range(0, height - TILE + 1, TILE)
        for left in range(0, width - TILE + 1, TILE)
    ]


def required():
    """The pinned version of each package."""
    lines = REQUIREMENTS.read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def missing(packages):
    """Those that are not installed."""
    absent = []
    for package in packages:
        try:
            version(package)
        except PackageNotFoundError:
            absent.append(package)
    return absent


# The filters against noise: of a grey picture in [0, 1], and the noise's sigma.


def bm3d(noisy, sigma):
    from bm3d import BM3DProfile, bm3d

    profile = BM3DProfile()
    # More threads give slightly different results each time.
    profile.num_threads = 1
    return bm3d(noisy, sigma, profile)


def non_local_means(noisy, sigma):
    from skimage.restoration import denoise_nl_means

    # `h` is what scikit-image's own example has for the fast mode with a known sigma.
    return denoise_nl_means(noisy, patch_size=5, patch_distance=11, h=0.6 * sigma, sigma=sigma, fast_mode=True)


# The filters against holes: of a colour picture in bytes that is black where `gone` is 1.


def diffusion(picture, gone):
    """Each missing pixel becomes the mean of its neighbours: the Laplace equation, solved exactly."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    height, width = gone.shape
    places = np.argwhere(gone)
    number = np.full(gone.shape, -1)
    number[tuple(places.T)] = np.arange(len(places))
    known, values = np.zeros((len(places), 3)), picture / 255
    rows, columns, weights = [], [], []
    for step in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        beside = places + step
        [inside] = np.nonzero(((beside >= 0) & (beside < (height, width))).all(axis=1))
        row, column = beside[inside].T
        rows += [inside, inside[number[row, column] >= 0]]
        columns += [inside, number[row, column][number[row, column] >= 0]]
        weights += [np.ones(len(rows[-2])), -np.ones(len(rows[-1]))]
        known[inside] += np.where(gone[row, column, None], 0, values[row, column])
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    filled = values.copy()
    filled[tuple(places.T)] = spsolve(coo_array(entries).tocsc(), known)
    return filled * 255


def biharmonic(picture, gone):
    from skimage.restoration import inpaint_biharmonic

    return 255 * inpaint_biharmonic(picture / 255, gone == 1, channel_axis=-1, split_into_regions=True)


def telea(picture, gone):
    import cv2

    return cv2.inpaint(picture, gone, 3, cv2.INPAINT_TELEA)


def navier_stokes(picture, gone):
    import cv2

    return cv2.inpaint(picture, gone, 3, cv2.INPAINT_NS)


def patch_match(picture, gone):
    from patchmatch_cython import inpaint_pyramid

    return inpaint_pyramid(picture, gone == 1, seed=1)


def frequency_selective(picture, gone):
    import cv2

    filled = picture.copy()
    cv2.xphoto.inpaint(picture, 255 * (1 - gone), filled, cv2.xphoto.INPAINT_FSR_FAST)
    return filled


# OpenCV's shift map is not here: it leaves parts of holes in small pictures empty.

OPENCV = "opencv-contrib-python-headless"

# Function and package of each filter.
AGAINST_NOISE = {"BM3D": (bm3d, "bm3d"), "non-local means": (non_local_means, "scikit-image")}
AGAINST_HOLES = {
    "diffusion (Laplace)": (diffusion, "scipy"),
    "biharmonic": (biharmonic, "scikit-image"),
    "Navier-Stokes": (navier_stokes, OPENCV),
    "Telea": (telea, OPENCV),
    "PatchMatch": (patch_match, "patchmatch-cython"),
    "frequency-selective (fast)": (frequency_selective, OPENCV),
}


# Options and qualities of picture formats.
FORMATS = {
    "JPEG": ({"subsampling": 2, "optimize": True}, (5, 8, 10, 12, 15, 20, 25, 30)),
    "WebP": ({"method": 6}, (0, 5, 10, 20, 30, 40)),
}
SIZE = ", bits per pixel"


def opened(path, mode):
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(path).convert(mode))


def against_noise(path, number):
    """The PSNR of each filter on a picture, by name and condition."""
    import numpy as np

    clean, found = opened(path, "L") / 255, {}
    for sigma in SIGMAS:
        condition = f"bsd68, sigma {sigma}"
        noise = np.random.default_rng([number, sigma]).normal(0, sigma / 255, clean.shape)
        error = {"(noisy)": noise}
        for name, (restore, _) in AGAINST_NOISE.items():
            # As the program does with what a model gives.
            error[name] = restore(clean + noise, sigma / 255).clip(0, 1) - clean
        found.update({(name, condition): psnr((it**2).mean()) for name, it in error.items()})
    return found


def against_holes(path, number):
    """The PSNR inside the holes of each filter on a picture, by name and condition."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    clean, found = opened(path, "RGB"), {}
    for draw in range(DRAWS):
        places = holes(*clean.shape[:2], DRAWS * number + draw)
        gone = np.zeros(clean.shape[:2], np.uint8)
        for top, left in places:
            gone[top : top + HOLE, left : left + HOLE] = 1
        damaged = clean * (1 - gone[..., None])

        def inside(filled):
            return psnr((((filled.clip(0, 255) - clean.astype(float)) / 255)[gone == 1] ** 2).mean())

        for name, (restore, _) in AGAINST_HOLES.items():
            tiled = damaged.astype(float)
            for place in places:
                tile = tuple(slice(at - at % TILE, at - at % TILE + TILE) for at in place)
                tiled[tile] = restore(damaged[tile].copy(), gone[tile].copy())
            found.setdefault((name, "kodak, 64x64 alone"), []).append(inside(tiled))
            if restore is not patch_match:
                # PatchMatch begins with a small picture, which would be nothing but holes.
                found.setdefault((name, "kodak, whole picture"), []).append(inside(restore(damaged, gone)))
    return {key: mean(figures) for key, figures in found.items()}


def as_formats(path, _number):
    """The PSNR and the size of a picture in each format, by name and quality."""
    import numpy as np
    from PIL import Image

    clean, found = opened(path, "RGB"), {}
    for name, (options, qualities) in FORMATS.items():
        for quality in qualities:
            file = BytesIO()
            Image.fromarray(clean).save(file, name, quality=quality, **options)
            error = (opened(file, "RGB").astype(float) - clean.astype(float)) / 255
            condition = f"kodak, quality {quality}"
            found[name, condition + SIZE] = 8 * file.tell() / (clean.shape[0] * clean.shape[1])
            found[name, condition] = psnr(np.mean(error**2))
    return found


# The folder, the filters, and the function that measures one picture.
TESTS = {
    "formats": ("kodak", {name: (None, "pillow") for name in FORMATS}, as_formats),
    "noise": ("bsd68", AGAINST_NOISE, against_noise),
    "holes": ("kodak", AGAINST_HOLES, against_holes),
}


def rows(data, name):
    """The rows of the table: filter, condition, figure, package."""
    folder, filters, measure = TESTS[name]
    pictures = sorted((data / folder).iterdir())
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(measure, pictures, range(len(pictures))))
    for who, condition in found[0]:
        package = filters[who][1] if who in filters else None
        figure = mean(figures[who, condition] for figures in found)
        shown = f"{figure:.3f}" if condition.endswith(SIZE) else f"{figure:.2f} dB"
        yield (who, condition, shown, f"{package} {version(package)}" if package else "-")


def main(words):
    if not words or words[0].startswith("-"):
        sys.exit(__doc__)
    data, names = Path(words[0]), words[1:] or list(TESTS)
    unknown = [name for name in names if name not in TESTS]
    if unknown:
        sys.exit(f"error: {unknown[0]}: no such test; allowed: {', '.join(TESTS)}")
    absent = missing(required())
    if absent:
        command = f"python3 -m pip install -r {os.path.relpath(REQUIREMENTS)}"
        sys.exit(f"error: not installed: {', '.join(absent)}; what installs them: {command}")
    table = [("filter", "condition", "figure", "package")]
    for name in names:
        if (data / TESTS[name][0]).is_dir():
            table.extend(rows(data, name))
        else:
            print(f"{name}: left out, because {data / TESTS[name][0]} is not a folder", file=sys.stderr)
    wide = [max(len(row[column]) for row in table) for column in range(4)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, wide)).rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
