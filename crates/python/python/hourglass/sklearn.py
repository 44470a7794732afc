"""Estimators for scikit-learn: an autoencoder as a transformer, and one as a detector of outliers."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _native
from ._errors import UsageError

__all__ = ["Autoencoder", "AutoencoderDetector"]

#: Training steps that a fit makes if `epochs` does not say otherwise, as far as the next two allow.
STEPS = 4000
#: The fewest epochs of such a fit: those of large arrays, whose epochs are long.
FEWEST_EPOCHS = 5
#: The most epochs of such a fit: those of small arrays, which have few steps in an epoch.
MOST_EPOCHS = 40
#: Samples of a step if `batch_size` does not say otherwise: a 16th of a small array, so that an epoch has 16 steps.
BATCH_SIZES = (8, 128)
#: Samples that the training measures itself on at its end, which nobody sees here.
MEASURED = 100
#: Files of a checkpoint that a model is made of.
FILES = ("meta.json", "model.safetensors")


#: A folder that is in memory on Linux, where nothing waits for a disk; and the room that it must have, in bytes.
MEMORY = Path("/dev/shm")
ROOM = 1 << 28


def _temporary() -> tempfile.TemporaryDirectory[str]:
    """A folder that goes away: in memory if there is room."""
    try:
        in_memory = shutil.disk_usage(MEMORY).free >= ROOM
        return tempfile.TemporaryDirectory(prefix="hourglass-", dir=MEMORY if in_memory else None)
    except OSError:
        return tempfile.TemporaryDirectory(prefix="hourglass-")


class _Weights:
    """A trained model that can be pickled: its files in memory, and the model itself as soon as it is needed."""

    def __init__(self, checkpoint: Path) -> None:
        self.files = {name: (checkpoint / name).read_bytes() for name in FILES}
        self._model: _native.Model | None = None

    def model(self) -> _native.Model:
        if self._model is None:
            with _temporary() as folder:
                for name, content in self.files.items():
                    (Path(folder) / name).write_bytes(content)
                self._model = _native.Model.kept(folder)
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        return {"files": self.files, "_model": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> _Weights:
        # Never changed, so copies share it.
        return self


class _Known:
    """Rows that others are compared with, and which of them were not trained on."""

    def __init__(self, values: Any, held: Any) -> None:
        self.values = values.copy()
        self.held = [int(it) for it in held]
        self._array: _native.Array | None = None

    def array(self) -> _native.Array:
        if self._array is None:
            self._array = _native.Array("X", self.values)
        return self._array

    def __getstate__(self) -> dict[str, Any]:
        return {"values": self.values, "held": self.held, "_array": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> _Known:
        # Never changed, so copies share it.
        return self


class _Fitted(BaseEstimator):
    """What both estimators are: parameters, a fit, and samples in the form that the model takes."""

    def __init__(
        self,
        code_size: int = 32,
        *,
        kind: str = "dense",
        layers: Any = None,
        image_shape: tuple[int, ...] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        validation_fraction: float = 0.1,
        config: dict[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        self.code_size = code_size
        self.kind = kind
        self.layers = layers
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.config = config
        self.random_state = random_state

    def _validated(self, x: Any, *, reset: bool) -> Any:
        return validate_data(self, x, reset=reset, dtype=[np.float64, np.float32, np.uint8], order="C")

    def _samples(self, x: Any) -> Any:
        """Rows as the model takes them: as they are, or as pictures."""
        if self.image_shape is None:
            return x
        shape = tuple(self.image_shape)
        if int(np.prod(shape)) != x.shape[1]:
            raise UsageError(f"image_shape: found {shape}, which has {int(np.prod(shape))} values, for {x.shape[1]} features")
        if x.dtype != np.uint8 and x.size and (x.max() > 1 or x.min() < 0):
            raise UsageError(
                f"X: found values from {x.min():g} to {x.max():g} with image_shape; allowed: uint8, or whole 255ths from 0 "
                "to 1; for values from 0 to 255, use X.astype(numpy.uint8)"
            )
        return x.reshape(len(x), *shape)

    def _rows(self, samples: Any, dtype: Any) -> Any:
        """Samples of the model as rows in the units and of the type of those that were fitted."""
        rows = samples.reshape(len(samples), -1)
        if self.image_shape is not None and self._unit != 1:
            rows = rows * np.float32(self._unit)
        return rows.astype(dtype, copy=False)

    def _fit(self, x: Any) -> None:
        seed = int(check_random_state(self.random_state).randint(2**31))
        samples = self._samples(x)
        self._unit = 255 if x.dtype == np.uint8 else 1
        config = self._config(len(x), x.shape[1], seed)
        with _temporary() as runs:
            found = _native.train(
                json.dumps(config),
                False,
                _native.Array("X", samples),
                _native.Array("X", samples[:MEASURED]),
                runs=runs,
                name="fit",
                plain=True,
            )
            folder = Path(found["folder"])
            self._weights = _Weights(folder / "checkpoints" / "best")
            lines = (folder / "metrics.jsonl").read_text().splitlines()
            summary = json.loads((folder / "summary.json").read_text())
        self._held = found["validation"]
        rows = [json.loads(line) for line in lines]
        self.loss_curve_ = [row["train/loss"] for row in rows]
        self.validation_loss_curve_ = [row["val/loss"] for row in rows] if len(self._held) else None
        self.n_iter_ = len(rows)
        self.n_parameters_ = summary["parameters"]

    def _config(self, count: int, features: int, seed: int) -> dict[str, Any]:
        """The config of a fit."""
        least, most = BATCH_SIZES
        batch_size = min(max(count // 16, least), most) if self.batch_size is None else int(self.batch_size)
        epochs = self.epochs
        if epochs is None:
            steps = -(-count // max(batch_size, 1))
            epochs = min(max(STEPS // steps, FEWEST_EPOCHS), MOST_EPOCHS)
        model = {"kind": self.kind, "code_size": int(self.code_size)}
        layers = self.layers
        if self.kind == "dense":
            widest = min(max(2 * features, 16), 512)
            model["layers"] = [widest, widest // 2] if layers is None else [int(it) for it in layers]
        elif self.kind == "conv":
            model["channels"] = [16, 32] if layers is None else [int(it) for it in layers]
        else:
            raise UsageError(f'kind: found {self.kind!r}; allowed: "dense", "conv"; for others use hourglass.train')
        config: dict[str, Any] = {
            "seed": seed,
            "data": {"dataset": "array", "validation": int(self.validation_fraction * count)},
            "model": model,
            "train": {
                "epochs": int(epochs),
                "batch_size": batch_size,
                "learning_rate": float(self.learning_rate),
                "schedule": "cosine",
            },
        }
        return _merged(config, self.config or {})

    def _scores(self, x: Any, method: str, known: _native.Array | None = None, held: Any = None) -> Any:
        """How odd rows are."""
        samples = _native.Array("X", self._samples(x))
        return self._weights.model().score(samples, method, known=known, held=held)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A config with changes of some of its keys; one of another kind takes the place of the old one whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        alike = isinstance(old, dict) and isinstance(value, dict) and value.get("kind", old.get("kind")) == old.get("kind")
        merged[key] = _merged(old, value) if alike else value
    return merged


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Fitted):
    """An autoencoder as a transformer: `transform` gives codes, `inverse_transform` what they stand for.

    Rows of numbers are standardised inside, column by column; results are in their own units again.

    Parameters
    ----------
    code_size : int, default=32
        Values of a code.
    kind : {"dense", "conv"}, default="dense"
        The kind of network. "conv" needs `image_shape`.
    layers : sequence of int, default=None
        Units of the encoder's hidden layers, or channels of its stages; the decoder mirrors them. Default: two layers,
        the first twice as wide as a sample, but 16 to 512, the second half of that; for "conv" 16 and 32 channels.
    image_shape : (height, width) or (height, width, 3), default=None
        The shape of the picture that a row holds. Rows are then uint8, or whole 255ths from 0 to 1, and are not
        standardised.
    epochs : int, default=None
        Passes over the rows. Default: as many as make 4000 steps, but 5 to 40.
    batch_size : int, default=None
        Rows of a step. Default: a 16th of the rows, but 8 to 128.
    learning_rate : float, default=1e-3
        Learning rate of Adam at the start; it falls to 0 along a cosine.
    validation_fraction : float, default=0.1
        Share of the rows that are not trained on: the weights of the epoch that is best on them are kept.
    config : dict, default=None
        Any other keys of a config, such as {"train": {"loss": "mse"}}; they win.
    random_state : int, RandomState or None, default=None
        The seed. The same one gives the same weights.

    Attributes
    ----------
    n_iter_ : int
        Epochs trained.
    loss_curve_, validation_loss_curve_ : list of float
        The loss of every epoch; that on the validation rows, or None without such rows.
    n_parameters_ : int
        Trainable parameters.

    Examples
    --------
    >>> from hourglass.sklearn import Autoencoder
    >>> codes = Autoencoder(code_size=8, random_state=0).fit_transform(X)  # doctest: +SKIP
    """

    def fit(self, X: Any, y: Any = None) -> Autoencoder:
        """Trains on rows X, of shape (samples, features)."""
        self._fit(self._validated(X, reset=True))
        return self

    def transform(self, X: Any) -> Any:
        """Codes of rows, of shape (samples, code_size)."""
        check_is_fitted(self)
        x = self._validated(X, reset=False)
        codes = self._weights.model().encode(_native.Array("X", self._samples(x)))
        return codes.astype(_real(x.dtype), copy=False)

    def inverse_transform(self, X: Any) -> Any:
        """Rows of shape (samples, features) from codes of shape (samples, code_size)."""
        check_is_fitted(self)
        codes = np.asarray(X)
        rows = self._weights.model().decode(np.ascontiguousarray(codes, dtype=np.float32))
        return self._rows(rows, _real(codes.dtype))

    def score_samples(self, X: Any) -> Any:
        """Minus the mean squared error of each row's reconstruction, of shape (samples,): of standardised columns, or of
        pictures from 0 to 1."""
        check_is_fitted(self)
        return -self._scores(self._validated(X, reset=False), "mse")

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`: the larger, the better."""
        return float(np.mean(self.score_samples(X)))

    @property
    def _n_features_out(self) -> int:
        return self._weights.model().code_size

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _real(dtype: Any) -> Any:
    """The type of results for values of this type."""
    return np.float64 if dtype == np.float64 else np.float32


class AutoencoderDetector(OutlierMixin, _Fitted):
    """An autoencoder as a detector of outliers: rows that it reconstructs badly are odd.

    Parameters
    ----------
    code_size : int, default=8
        Values of a code: fewer than `Autoencoder` has, so that what is odd does not fit in.
    contamination : float, default=0.1
        The share of odd rows among those that are fitted, above 0 and up to 0.5: it sets the threshold.
    method : str, default="mse"
        The score, as of `Run.score`. All but "mse" and "relative" compare with the fitted rows, which a pickle then holds.

    The others are those of `Autoencoder`.

    Attributes
    ----------
    decision_scores_ : ndarray of shape (samples,)
        How odd each fitted row is; the larger, the odder, as in PyOD.
    threshold_ : float
        Rows with a larger score are odd.
    labels_ : ndarray of shape (samples,)
        1 for each fitted row that is odd, and 0 for the others.
    offset_ : float
        Minus the threshold: `decision_function` is `score_samples` minus this.
    """

    def __init__(
        self,
        code_size: int = 8,
        *,
        contamination: float = 0.1,
        method: str = "mse",
        kind: str = "dense",
        layers: Any = None,
        image_shape: tuple[int, ...] | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 1e-3,
        validation_fraction: float = 0.1,
        config: dict[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            code_size,
            kind=kind,
            layers=layers,
            image_shape=image_shape,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation_fraction=validation_fraction,
            config=config,
            random_state=random_state,
        )
        self.contamination = contamination
        self.method = method

    def fit(self, X: Any, y: Any = None) -> AutoencoderDetector:
        """Trains on rows X, of shape (samples, features), most of which are not odd."""
        if not 0 < self.contamination <= 0.5:
            raise UsageError(f"contamination: found {self.contamination}; allowed: above 0, and up to 0.5")
        x = self._validated(X, reset=True)
        self._fit(x)
        self._known = None
        if self.method not in ("mse", "relative"):
            # Without validation rows, the others say what is usual.
            held = self._held if len(self._held) else np.arange(len(x))
            self._known = _Known(self._samples(x), held)
        self.decision_scores_ = self._odd(x)
        self.offset_ = float(np.percentile(-self.decision_scores_, 100 * self.contamination))
        self.threshold_ = -self.offset_
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)
        return self

    def _odd(self, x: Any) -> Any:
        if self._known is None:
            return self._scores(x, self.method)
        return self._scores(x, self.method, self._known.array(), self._known.held)

    def score_samples(self, X: Any) -> Any:
        """How usual rows are, of shape (samples,): the smaller, the odder."""
        check_is_fitted(self)
        return -self._odd(self._validated(X, reset=False))

    def decision_function(self, X: Any) -> Any:
        """How usual rows are, of shape (samples,): below 0 they are odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Any:
        """-1 for each row that is odd, and 1 for the others."""
        return np.where(self.decision_function(X) < 0, -1, 1)
