"""The tables of RESULTS.md: for each row what is claimed, our figure, the baseline, and what was published;
and which of these rows the README shows.

Each figure names the training, the file and the place in it that it is taken from.
"""

import shlex
from dataclasses import dataclass
from typing import Optional

from catalogue import TRAININGS, VERBS
from figures import Figure, decibels, mse, percent, said


@dataclass(frozen=True)
class Published:
    """A figure that others report, as the table says it, and where exactly it stands."""

    text: str
    source: str


# Their squared error of PCA with 30 components, 13.87, is that of our baseline, so the measure is the same.
HINTON = Published(
    "3.00 (Hinton & Salakhutdinov 2006)",
    "Hinton, Salakhutdinov: Reducing the Dimensionality of Data with Neural Networks, Science 313 (2006), "
    "figure 2B; "
    "pre-trained layer by layer",
)
KERAS_MAP = Published(
    "bce 0.0622 (keras-io)",
    "keras-io, examples/vision/autoencoder: validation loss after 50 epochs, 1,568 values of code",
)
KERAS_DENOISING = Published(
    "bce 0.0837 (keras-io)",
    "keras-io, examples/vision/autoencoder: best validation loss of 100 epochs, noise 0.4",
)
DEC = Published(
    "autoencoder and k-means 88 %, 81 %; pixels 53 %, 50 % (DEC-keras; all 70,000 digits)",
    "XifengGuo/DEC-keras, README: mean of ten runs, on training and test digits together",
)
DEC_REFINED = Published("DEC 91 %, 87 % (DEC-keras; all 70,000 digits)", DEC.source)
SVDD = Published(
    "Deep SVDD 0.948 (Ruff et al. 2018, with contrast normalisation)",
    "Ruff et al.: Deep One-Class Classification, ICML 2018: mean over the ten digits; "
    "their pictures are normalised in contrast",
)


@dataclass(frozen=True)
class Time:
    """A cell with the median time of a training."""

    training: str


@dataclass(frozen=True)
class Row:
    # Texts, Said and Time; the first ones are what the row is known by.
    cells: tuple
    # Which of the cells hold our figures, and which the baseline's.
    ours: tuple = ()
    baseline: Optional[int] = None
    published: Optional[Published] = None
    # How the description of the training's config goes on after "Expect".
    expect: str = ""

    def figures(self):
        return [figure for cell in self.ours for figure in self.cells[cell].figures]


@dataclass(frozen=True)
class Table:
    name: str
    header: tuple
    # Columns that are aligned to the right.
    right: tuple
    rows: tuple
    # How many cells a row is known by.
    keys: int = 1


@dataclass(frozen=True)
class Paragraph:
    """Sentences with figures, without their spread."""

    name: str
    text: object


def config(name, what, code, ours, baseline, expect, published=None):
    """A row of a config; `{ours}`, `{baseline}` and `{time}` of `expect` are the figures and the time."""
    cells = (
        f"[`{name}.json`](configs/{name}.json)",
        what,
        code,
        ours,
        baseline,
        published.text if published else "-",
        Time(name),
    )
    return Row(cells, (3,), 4, published, expect)


def use(claim, training, verb, ours, baseline, published=None):
    """A row of what a code is good for."""
    words = VERBS[verb].words() if verb in VERBS else TRAININGS[training].words()
    command = shlex.join(["hourglass", *words])
    cells = (claim, name_of(training), f"`{command}`", ours, baseline, published.text if published else "-")
    return Row(cells, (3,), 4, published)


def name_of(training):
    found = TRAININGS[training]
    changed = "".join(f" `--set {setting}`" for setting in found.settings)
    return f"`{found.config or training}.json`{changed}"


def sum_sq(training, path="test.sum_sq"):
    return Figure(training, "summary", path, ".2f")


def pca(training):
    return said("PCA {}", mse(training, "baselines.pca.mse"))


def auroc(training, path="mean_auroc", source="one-class"):
    return Figure(training, source, path, ".4f")


def entropy(summary):
    return summary["test"]["bce"] - summary["test"]["bce_over_floor"]


def at(size):
    return f"points[model.code_size={size}]"


SIZES = (2, 4, 8, 16, 32, 64, 128)
at_sizes = lambda path: said(
    ", ".join(f"{size}: {{}}" for size in SIZES),
    *(mse("sweep-code-size", f"{at(size)}.{path}", "sweep") for size in SIZES),
)
PROBED = "layers[name=code].linear_accuracy"
NEIGHBOURS = "layers[name=code].knn_accuracy"
RAW = "baselines.raw."

CONFIGS = Table(
    "configs",
    ("config", "model", "code", "on the test digits", "baseline", "published", "time"),
    (2,),
    (
        config(
            "conv",
            "convolutions of 16 and 32 channels, dense code",
            "32",
            said("mse {}", mse("conv")),
            pca("conv"),
            "test mse {ours}, where PCA with the same code size has {baseline}",
        ),
        config(
            "conv-map",
            "the same with the feature map as the code",
            "1,568",
            said("bce {}", mse("conv-map", "test.bce")),
            said(
                "entropy {}",
                Figure("conv-map", "summary", entropy, ".4f", name="test.bce - test.bce_over_floor"),
            ),
            "test bce {ours} (the lower bound, the entropy of the digits themselves, is {baseline})",
            KERAS_MAP,
        ),
        config(
            "dense",
            "784-512-256-32, mirrored",
            "32",
            said("mse {}", mse("dense")),
            pca("dense"),
            "test mse {ours}, where PCA with the same code size has {baseline}",
        ),
        config(
            "deep",
            "784-1000-500-250-30, mirrored",
            "30",
            said("sum_sq {}", sum_sq("deep")),
            said("PCA {}", sum_sq("deep", "baselines.pca.sum_sq")),
            "a test squared error per picture of sum_sq {ours}, where PCA with the same code size has {baseline} "
            "and the paper, "
            "pre-trained layer by layer, 3.00",
            HINTON,
        ),
        config(
            "best-30",
            "784-1500-1000-500-30, mirrored",
            "30",
            said("sum_sq {}", sum_sq("best-30")),
            said("PCA {}", sum_sq("best-30", "baselines.pca.sum_sq")),
            "a test squared error per picture of sum_sq {ours}, where PCA with the same code size has {baseline}",
            HINTON,
        ),
        config(
            "sweep-code-size",
            "convolutions and a dense layer, seven code sizes (`hourglass sweep`)",
            "2 to 128",
            said("mse {}", mse("sweep-code-size", f"{at(32)}.test.mse", "sweep")),
            said("PCA {}, both at 32", mse("sweep-code-size", f"{at(32)}.baselines.pca.mse", "sweep")),
            "test mse {ours} at a code of 32, where PCA has {baseline}",
        ),
        config(
            "compress",
            "the same network, trained for longer (`hourglass compress`)",
            "32",
            said(
                "{} bytes per picture at {}",
                Figure("compress", "compress", "at_psnr.code", ".1f"),
                decibels("compress", "at_psnr.psnr", "compress"),
            ),
            said(
                "WebP {}, JPEG {}",
                Figure("compress", "compress", "at_psnr.webp", ".1f"),
                Figure("compress", "compress", "at_psnr.jpeg", ".1f"),
            ),
            "{ours[0]} bytes per picture at {ours[1]}, where WebP takes {baseline[0]} and JPEG {baseline[1]}",
        ),
        config(
            "cluster",
            "784-500-500-2000-10, mirrored; undoes random changes of the digits",
            "10",
            said("mse {}", mse("cluster")),
            pca("cluster"),
            "test mse {ours}, where PCA with the same code size has {baseline}",
        ),
        config(
            "one-class",
            "784-256-12, mirrored; 30 % of the pixels masked (`hourglass anomaly --one-class --score relative`)",
            "12",
            said("AUROC {}", auroc("one-class")),
            said("PCA {}", auroc("one-class", "baselines.pca")),
            "a mean AUROC {ours} over the ten digits, where PCA with the same code size has {baseline}",
            SVDD,
        ),
        config(
            "sparse",
            "784-512-512; the 96 largest values are kept",
            "512",
            said("mse {}", mse("sparse")),
            said("no penalty {}", mse("sparse-without")),
            "test mse {ours}, where the same network without the penalty has {baseline}",
        ),
        config(
            "sparse-features",
            "convolutions; the 100 largest of 1,000 values are kept (`hourglass probe`)",
            "1,000",
            said("{}", percent("sparse-features", PROBED, "probe", 2)),
            said("pixels {}", percent("sparse-features", RAW + "linear_accuracy", "probe", 2)),
            "a linear classifier on the code to be right for {ours} of the test digits, "
            "where pixels give {baseline}",
        ),
        config(
            "denoising",
            "the conv-map network, gaussian noise 0.4",
            "1,568",
            said("mse {}, bce {}", mse("denoising"), mse("denoising", "test.bce")),
            said("noisy input {}", mse("denoising", "baselines.corrupted.mse")),
            "test mse {ours[0]} and bce {ours[1]} against the clean digits, "
            "where the noisy input has mse {baseline}",
            KERAS_DENOISING,
        ),
        config(
            "sparse-denoising-conv",
            "L1 on the code, half of the pixels masked",
            "64",
            said("mse {}", mse("sparse-denoising-conv")),
            said("masked input {}", mse("sparse-denoising-conv", "baselines.corrupted.mse")),
            "test mse {ours} against the clean digits, where the masked input has {baseline}",
        ),
    ),
)


def restored(name, what, code, ours, baseline, expect, first=None):
    first = first or f"[`{name}.json`](configs/{name}.json)"
    return Row((first, what, code, said("{}", ours), baseline, Time(name)), (3,), 4, None, expect)


def filtered(training, *filters, place="psnr", source="restore"):
    """What is reached without a model: names in the table, and paths in the result."""
    return said(
        ", ".join(f"{name} {{}}" for name, _ in filters),
        *(Figure(training, source, f"restoration.{path}.{place}", ".2f") for _, path in filters),
    )


BICUBIC, LANCZOS = ("bicubic", "baselines.bicubic"), ("Lanczos", "baselines.lanczos")
MEDIAN, GAUSSIAN = ("median", "baselines.median"), ("Gaussian filter", "baselines.gaussian")
RESTORED = "restoration.output.psnr"
RESTORATION = Table(
    "restoration",
    ("config", "damage", "code", "restored", "without a model", "time"),
    (2,),
    (
        restored(
            "super-resolution-digits",
            "digits shrunk to 7x7 pixels",
            "3,136",
            decibels("super-resolution-digits", RESTORED),
            filtered("super-resolution-digits", BICUBIC, LANCZOS, source="summary"),
            "{ours} on the test digits, "
            "where bicubic interpolation has {baseline[0]} dB and Lanczos {baseline[1]} dB",
        ),
        restored(
            "super-resolution",
            "photographs shrunk to half their height and width",
            "49,152",
            decibels("super-resolution", RESTORED, "restore"),
            filtered("super-resolution", BICUBIC, LANCZOS),
            "{ours} on the two it never saw, where bicubic has {baseline[0]} dB and Lanczos {baseline[1]} dB",
        ),
        restored(
            "denoise-photos",
            "photographs with normal noise of 0.1",
            "65,536",
            decibels("denoise-photos", RESTORED, "restore"),
            filtered("denoise-photos", GAUSSIAN, MEDIAN, ("nothing", "input")),
            "{ours} on the two it never saw, noisy {baseline[2]} dB, "
            "where a Gaussian filter has {baseline[0]} dB",
        ),
        restored(
            "inpaint",
            "a 16x16 hole in every 64x64 pixels of photographs, measured inside",
            "8,192",
            decibels("inpaint", "restoration.output.hole.psnr", "restore"),
            filtered("inpaint", ("diffusion", "baselines.diffusion"), place="hole.psnr"),
            "{ours} inside the holes of the two it never saw, "
            "where diffusion from around them has {baseline} dB",
        ),
        restored(
            "colorize",
            "photographs turned grey",
            "8,192",
            decibels("colorize", RESTORED, "restore"),
            filtered("colorize", ("grey", "baselines.grey"), ("mean colour", "baselines.mean_colour")),
            "{ours} in red, green and blue on the two it never saw, "
            "where grey itself has {baseline[0]} dB and "
            "the mean colour {baseline[1]} dB",
        ),
        restored(
            "denoising-wide",
            "digits with normal noise of 0.4",
            "3,136",
            decibels("denoising-wide", RESTORED),
            filtered("denoising-wide", MEDIAN, source="summary"),
            "",
            "`denoising.json`, wider",
        ),
        restored(
            "denoising-pepper",
            "digits with a quarter of the pixels black or white",
            "3,136",
            decibels("denoising-pepper", RESTORED),
            filtered("denoising-pepper", MEDIAN, source="summary"),
            "",
            "`denoising.json`, wider, salt and pepper",
        ),
    ),
)


def clustered(training, verb):
    figures = lambda place: (
        percent(training, place + "accuracy", verb),
        percent(training, place + "nmi", verb),
    )
    return (
        said("accuracy {}, NMI {}", *figures("")),
        said("pixels {}, {}; PCA {}, {}", *figures(RAW), *figures("baselines.pca.")),
    )


def probed(training, path=PROBED, digits=1):
    other = path.rsplit(".", 1)[1]
    return (
        said("{}", percent(training, path, "probe", digits)),
        said(
            "pixels {}, PCA {}",
            percent(training, RAW + other, "probe", digits),
            percent(training, f"baselines.pca.{other}", "probe", digits),
        ),
    )


def transferred(training):
    figure = lambda way: percent(training, f"labels[count=100].{way}.mean", "transfer")
    return said("frozen {}, fine-tuned {}", figure("frozen"), figure("finetuned")), said(
        "from scratch {}", figure("scratch")
    )


def error(path):
    return mse("conv", f"errors.{path}", "anomaly")


USES = Table(
    "uses",
    ("claim", "run", "command", "our figure", "baseline", "published"),
    (),
    (
        use(
            "it reduces dimensions better than PCA",
            "sweep-code-size",
            "sweep",
            at_sizes("test.mse"),
            at_sizes("baselines.pca.mse"),
        ),
        use(
            "and better than layers trained one by one",
            "deep",
            "train",
            said("squared error per digit {}", sum_sq("deep")),
            said("PCA {}", sum_sq("deep", "baselines.pca.sum_sq")),
            HINTON,
        ),
        use(
            "clusters of codes match the classes", "cluster", "cluster", *clustered("cluster", "cluster"), DEC
        ),
        use(
            "even more after smoothing over neighbours",
            "cluster",
            "cluster-smooth",
            *clustered("cluster", "cluster-smooth"),
            DEC_REFINED,
        ),
        use("a linear classifier works on the code", "cluster", "probe", *probed("cluster")),
        use("also on a code of 32 values", "cluster-32", "probe", *probed("cluster-32")),
        use("also on 1,000 sparse values", "sparse-features", "probe", *probed("sparse-features", digits=2)),
        use(
            "nearby codes are of one class: 5 nearest neighbours",
            "cluster-32",
            "probe",
            *probed("cluster-32", NEIGHBOURS),
        ),
        use("fewer labels are enough", "deep", "transfer", *transferred("deep")),
        use("also with a code of 10 values", "cluster", "transfer", *transferred("cluster")),
        use("hardly so with convolutions", "conv", "transfer", *transferred("conv")),
        use(
            "it spots pictures of another kind",
            "conv",
            "anomaly",
            said(
                "digits against {} grey patches of photos: AUROC {}",
                Figure("conv", "anomaly", "other_images", ".0f"),
                auroc("conv", "auroc", "anomaly"),
            ),
            said("PCA {}", auroc("conv", "baselines.pca.auroc", "anomaly")),
        ),
        use(
            "and cannot rebuild them",
            "conv",
            "anomaly",
            said("mse {} on the photos, {} on digits", error("model.other"), error("model.normal")),
            said(
                "PCA fitted on digits {}, on photos {}; both on the photos",
                error("pca.other"),
                error("pca_of_other.other"),
            ),
        ),
        use(
            "it tells one digit from all others",
            "one-class",
            "one-class",
            said("mean AUROC {}", auroc("one-class")),
            said("PCA {}", auroc("one-class", "baselines.pca")),
            SVDD,
        ),
        use(
            "also by the plain error",
            "one-class-32",
            "one-class",
            said("mean AUROC {}", auroc("one-class-32")),
            said("PCA {}", auroc("one-class-32", "baselines.pca")),
            SVDD,
        ),
    ),
)


def choice(words, training):
    return Row((words, said("{}", sum_sq(training))), (1,))


CHOICES = Table(
    "choices",
    ("choice", "sum_sq"),
    (1,),
    (
        choice("ReLU", "deep-relu"),
        choice("ReLU, layers trained one by one first", "deep-relu-layerwise"),
        choice("SiLU", "deep-silu"),
        choice("and `initial_gain` 2", "deep-gain"),
        choice("and digits moved, bilinear (blurs them)", "deep-bilinear"),
        choice("and digits moved, bicubic", "deep-bicubic"),
        choice("the same, layers trained one by one first", "deep-layerwise"),
        choice("the same, trained as long as in `deep.json`", "deep"),
    ),
)


def rate(path, form):
    return said("{}", Figure("compress", "compress", path, form))


def depth(bits):
    code, other = f"points[bits={bits}].", f"baselines.pca[bits={bits}]."
    return Row(
        (
            str(bits),
            rate(code + "bytes_per_picture", ".1f"),
            rate(code + "psnr", ".2f"),
            rate(code + "ssim", ".4f"),
            rate(other + "bytes_per_picture", ".1f"),
            rate(other + "psnr", ".2f"),
        ),
        (1, 2, 3),
    )


def picture_format(name, quality):
    place = f"baselines.{name.lower()}[quality={quality}]."
    return Row(
        (
            name,
            str(quality),
            rate(place + "bytes_per_picture", ".1f"),
            rate(place + "psnr", ".2f"),
            rate(place + "ssim", ".4f"),
        )
    )


def made(pick, name, form, unit="", scale=1):
    return Figure("compress", "compress", pick, form, unit, scale, name)


PNG = made(
    lambda found: found["baselines"]["png"][0]["bytes_per_picture"], "baselines.png.bytes_per_picture", ".1f"
)
DEPTHS = Table(
    "depths",
    ("bits", "bytes", "psnr", "ssim", "PCA-32, bytes", "psnr"),
    (0, 1, 2, 3, 4, 5),
    tuple(map(depth, (3, 4, 5, 6, 8))),
)
FORMATS = Table(
    "formats",
    ("format", "quality", "bytes", "psnr", "ssim"),
    (1, 2, 3, 4),
    (
        *(picture_format("WebP", quality) for quality in (0, 1, 30)),
        *(picture_format("JPEG", quality) for quality in (10, 20)),
        Row(("PNG", "lossless", said("{}", PNG), "-", "1")),
    ),
    keys=2,
)


def times_as_many(other):
    return made(
        lambda found: found["at_psnr"][other] / found["at_psnr"]["code"],
        f"at_psnr.{other} / at_psnr.code",
        ".2f",
    )


def worth_it(found):
    """The number of pictures from which on the model's own bytes are saved, compared with WebP."""
    return found["model_bytes"] / (found["at_psnr"]["webp"] - found["at_psnr"]["code"])


RATES = Paragraph(
    "rates",
    said(
        "At {} WebP takes {} times as many bytes as the code, and JPEG {} times. This code tops out at {}\n"
        "at any bit depth; above that, WebP is the only choice of the three. The model itself, {} MB, is not counted:\n"
        "compared with WebP it pays off from some {} digits on.",
        decibels("compress", "at_psnr.psnr", "compress"),
        times_as_many("webp"),
        times_as_many("jpeg"),
        Figure("compress", "compress", "unquantised.psnr", ".1f", " dB"),
        made(lambda found: found["model_bytes"] / 1e6, "model.safetensors", ".1f"),
        # In thousands.
        made(worth_it, "model.safetensors / (at_psnr.webp - at_psnr.code)", ",.0f", ",000", 0.001),
    ),
)

BLOCKS = (CONFIGS, RESTORATION, USES, CHOICES, DEPTHS, FORMATS, RATES)


def shown(name, verb=""):
    """A config, and what measures its run."""
    return f"[`{name}.json`](configs/{name}.json)" + (f", then `hourglass {verb}`" if verb else "")


# The README's table: the task, how it is done, and the row of RESULTS.md that says how well.
HIGHLIGHTS = (
    ("rebuild digits from 32 values", shown("conv"), CONFIGS, shown("conv")),
    ("rebuild digits from 30 values, deep network", shown("deep"), CONFIGS, shown("deep")),
    ("compress digits", shown("compress", "compress"), CONFIGS, shown("compress")),
    ("clean noisy photographs", shown("denoise-photos", "restore"), RESTORATION, shown("denoise-photos")),
    ("group digits without labels", shown("cluster", "cluster"), USES, "clusters of codes match the classes"),
    (
        "spot pictures that are not digits",
        shown("conv", "anomaly --score relative"),
        USES,
        "it spots pictures of another kind",
    ),
)
