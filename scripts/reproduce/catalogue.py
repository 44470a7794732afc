"""What is run: the trainings behind the figures of RESULTS.md, and the commands that measure their runs.

A training is named after its config, or after a variant of it. Its run at a seed is `<runs>/<name>-<seed>`.
"""

from dataclasses import dataclass, field

# 42 is the seed of the shipped configs.
SEEDS = (42, 1, 2)

PHOTOS = ("crates/data/assets/photos/rocket.jpg", "crates/data/assets/photos/flower.jpg")


@dataclass(frozen=True)
class Verb:
    """A command that measures a run. Its result is kept in the run's `analysis/<name>.json`."""

    name: str
    # After `hourglass`; RUN stands for the run, and DIR for a folder that is deleted afterwards.
    command: tuple
    # On two idle cores, with a run of MNIST.
    seconds: int
    # What `--quick` adds.
    quick: tuple = ()
    # The program's own file if it has another name: it is the same for all variants of a verb.
    writes: str = ""
    # Values in a result that tell it from those of the verb's variants.
    marks: dict = field(default_factory=dict)

    def words(self, run="RUN", folder="DIR"):
        return [{"RUN": run, "DIR": folder}.get(word, word) for word in self.command]


VERBS = {
    verb.name: verb
    for verb in (
        # Before `cluster`, which then has the last word in analysis/cluster.json.
        Verb(
            "cluster-smooth", ("cluster", "RUN", "--smooth", "20"), 60, writes="cluster", marks={"smooth": 20}
        ),
        Verb("cluster", ("cluster", "RUN"), 45, marks={"smooth": 0}),
        Verb("probe", ("probe", "RUN"), 180),
        Verb(
            "transfer",
            ("transfer", "RUN", "--labels", "100"),
            90,
            quick=("--seeds", "1"),
            marks={"labels[count=100].count": 100},
        ),
        Verb(
            "anomaly",
            ("anomaly", "RUN", "--other", "photos", "--score", "relative"),
            10,
            marks={"other": "photos", "score": "relative"},
        ),
        Verb("compress", ("compress", "RUN"), 60, marks={"data": "the run's test pictures"}),
        # The program prints what it measures and keeps only the pictures.
        Verb("restore", ("restore", "RUN", *PHOTOS, "-o", "DIR", "--from-clean"), 20),
    )
}


@dataclass(frozen=True)
class Training:
    name: str
    # On two idle cores, without the verbs.
    seconds: int
    verbs: tuple = ()
    # The config that it is a variant of, with these `settings`.
    config: str = ""
    settings: tuple = ()
    # "train", "sweep", or "one-class": a model for each label in turn.
    kind: str = "train"
    score: str = ""

    @property
    def file(self):
        return f"configs/{self.config or self.name}.json"

    def words(self):
        """The command without seed and place."""
        start = {"train": [], "sweep": ["sweep"], "one-class": ["anomaly"]}[self.kind]
        end = ["--one-class", "--score", self.score] if self.kind == "one-class" else []
        return [*start, self.file, *end, *(word for setting in self.settings for word in ("--set", setting))]


PLAIN = ("model.activation=relu", "model.initial_gain=1", "data.augment=null", "train.epochs=15")
WIDE = ("model.of.channels=[32,64]", "model.of.initial_gain=2")

TRAININGS = {
    training.name: training
    for training in (
        Training("conv", 57, ("anomaly", "transfer")),
        Training("conv-map", 110),
        Training("dense", 50),
        Training("deep", 600, ("transfer",)),
        Training("best-30", 600),
        Training("sweep-code-size", 540, kind="sweep"),
        Training("compress", 110, ("compress",)),
        Training("cluster", 120, ("cluster-smooth", "cluster", "probe", "transfer")),
        Training("cluster-32", 120, ("probe",), config="cluster", settings=("model.code_size=32",)),
        Training("one-class", 60, kind="one-class", score="relative"),
        Training(
            "one-class-32",
            60,
            config="one-class",
            settings=("model.of.code_size=32",),
            kind="one-class",
            score="mse",
        ),
        Training("sparse", 60),
        # The same network without the penalty.
        Training(
            "sparse-without",
            60,
            config="sparse",
            settings=('model={"kind":"dense","layers":[512],"code_size":512}',),
        ),
        Training("sparse-features", 240, ("probe",)),
        Training("denoising", 60),
        Training("denoising-wide", 180, config="denoising", settings=(*WIDE, "train.epochs=16")),
        Training(
            "denoising-pepper", 140, config="denoising", settings=(*WIDE, "model.corruption=salt_and_pepper")
        ),
        Training("sparse-denoising-conv", 60),
        Training("super-resolution-digits", 120),
        Training("super-resolution", 300, ("restore",)),
        Training("denoise-photos", 720, ("restore",)),
        Training("inpaint", 840, ("restore",)),
        Training("colorize", 60, ("restore",)),
        # What each choice gives `deep`.
        Training("deep-relu", 90, config="deep", settings=PLAIN),
        Training("deep-silu", 90, config="deep", settings=PLAIN[1:]),
        Training("deep-gain", 90, config="deep", settings=PLAIN[2:]),
        Training(
            "deep-bilinear",
            100,
            config="deep",
            settings=("data.augment.interpolation=bilinear", "train.epochs=15"),
        ),
        Training("deep-bicubic", 100, config="deep", settings=("train.epochs=15",)),
        Training("deep-relu-layerwise", 130, config="deep", settings=(*PLAIN, "train.pretrain=layerwise")),
        Training(
            "deep-layerwise", 140, config="deep", settings=("train.epochs=15", "train.pretrain=layerwise")
        ),
    )
}
