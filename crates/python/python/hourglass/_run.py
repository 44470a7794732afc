"""Trainings and runs."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any, Callable, Mapping

from . import _native
from ._arrays import array
from ._errors import HourglassWarning, UsageError

#: Where runs are, unless told otherwise.
RUNS = "runs"


class Run:
    """A run: the folder that a training leaves, and its best model.

    Parameters
    ----------
    run : str or path
        The run's folder, or its name in the folder `runs`.
    runs : str or path
        The folder of runs.

    Samples `x` are an array, or what an INPUT of the command line may be: a file, a folder or the name of a data set.
    Arrays are of shape (samples, height, width) or (samples, height, width, 3) for models of pictures, as uint8 or as
    real numbers that are whole 255ths from 0 to 1; (samples, columns) for models of tables, in the data's own units; and
    (samples, steps, channels) for models of series.
    """

    def __init__(self, run: str | os.PathLike[str], runs: str | os.PathLike[str] = RUNS) -> None:
        self._model = _native.Model(os.fspath(run), os.fspath(runs))
        self._data: tuple[_native.Array | None, _native.Array | None] = (None, None)
        self.status: str = self._json("state.json")["status"]

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self._model.folder)

    @property
    def config(self) -> dict[str, Any]:
        """The config with every default filled in."""
        return self._json("config.json")

    @property
    def summary(self) -> dict[str, Any]:
        """The figures of a finished run: those of the test samples, of the baselines and of the training."""
        if not (self.folder / "summary.json").is_file():
            raise UsageError(f"{self.folder}: has no figures yet; go on with hourglass.resume({str(self.folder)!r})")
        return self._json("summary.json")

    @property
    def metrics(self) -> Any:
        """The figures of every epoch: a pandas.DataFrame, or a list of dictionaries where pandas is not installed."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.is_file() else []
        rows = [_unsealed(json.loads(line)) for line in lines]
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    @property
    def code_size(self) -> int:
        """Values of a code."""
        return self._model.code_size

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self._model.shape)

    def encode(self, x: Any, layer: str | None = None) -> Any:
        """Codes of samples, float32 of shape (samples, code_size), or the outputs of another layer of the encoder."""
        return self._model.encode(_samples("x", x), layer)

    def decode(self, codes: Any) -> Any:
        """Samples from codes of shape (samples, code_size): float32, pictures from 0 to 1, rows in their own units."""
        import numpy as np

        return self._model.decode(np.ascontiguousarray(_numbers("codes", codes), dtype=np.float32))

    def reconstruct(self, x: Any) -> Any:
        """What the model makes of samples: float32 of their shape, pictures from 0 to 1, rows in their own units."""
        return self._model.reconstruct(_samples("x", x))

    def restore(self, x: Any) -> Any:
        """Samples without their damage, as float32.

        A denoising model restores pictures that are damaged already. In rows, missing values (NaN) are filled in, and all
        others stay as they are.
        """
        return self._model.restore(_samples("x", x))

    def score(self, x: Any, method: str = "combined", *, data: Any = None, test: Any = None) -> Any:
        """How odd samples are, a float64 for each: the larger, the odder.

        Parameters
        ----------
        x : array or str
            The samples.
        method : str
            As `hourglass score --score`: "combined", "mse", "relative", "place", "window", "inputs", "codes",
            "reconstructions" or "mahalanobis". All but "mse" and "relative" compare with the run's own data.
        data, test : array, optional
            The run's own data, if they were arrays and the run was not trained in this process.
        """
        own = self._data
        if data is not None:
            own = (array("data", data), None if test is None else array("test", test))
        return self._model.score(_samples("x", x), method, data=own[0], test=own[1])

    def compare(self, *others: Run | str | os.PathLike[str]) -> Any:
        """The figures of this and other finished runs, best first: a pandas.DataFrame, or a list of dictionaries."""
        folders = [str(other.folder if isinstance(other, Run) else other) for other in (self, *others)]
        rows = json.loads(_native.compare(folders))["runs"]
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    def _json(self, name: str) -> dict[str, Any]:
        return _unsealed(json.loads((self.folder / name).read_text()))

    def __repr__(self) -> str:
        return f"hourglass.Run({str(self.folder)!r})"

    def _repr_html_(self) -> str | None:
        """The head, the curves and the pictures of the report, for notebooks."""
        from ._html import head_of_report

        return head_of_report(self.folder / "report.html")


def _unsealed(found: dict[str, Any]) -> dict[str, Any]:
    """An object of a run without its digest."""
    return {key: value for key, value in found.items() if key != "seal"}


def _samples(name: str, x: Any) -> _native.Array | str:
    if isinstance(x, (str, os.PathLike)):
        return os.fspath(x)
    return array(name, x)


def _numbers(name: str, x: Any) -> Any:
    from ._arrays import plain

    return plain(name, x).values


def _json_of(config: Mapping[str, Any]) -> str:
    """A config as JSON; numbers of NumPy are numbers."""

    def number(value: Any) -> Any:
        if hasattr(value, "tolist"):
            return value.tolist()
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        raise TypeError(f"found a {type(value).__name__}")

    try:
        return json.dumps(config, default=number, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"config: {error}; allowed: what JSON has") from None


def _told(found: Mapping[str, Any]) -> None:
    for text in found["warnings"]:
        warnings.warn(text, HourglassWarning, stacklevel=3)


def _listener(on_epoch: Callable[[dict[str, Any]], Any] | None) -> Callable[[str], Any] | None:
    if on_epoch is None:
        return None
    return lambda row: on_epoch(_unsealed(json.loads(row)))


def train(
    config: Mapping[str, Any] | str | os.PathLike[str],
    data: Any = None,
    labels: Any = None,
    *,
    test: Any = None,
    test_labels: Any = None,
    on_epoch: Callable[[dict[str, Any]], Any] | None = None,
    name: str | None = None,
    runs: str | os.PathLike[str] = RUNS,
    quick: bool = False,
) -> Run:
    """Trains an autoencoder and gives its run.

    Parameters
    ----------
    config : dict or path
        A config as in a file, or the path of one. Not changed.
    data : array, optional
        Samples in place of the config's `data`: uint8 of shape (samples, height, width) or (samples, height, width, 3),
        or numbers of shape (samples, columns), where NaN is a missing value. A pandas.DataFrame gives its columns' names.
        It is copied.
    labels : array of shape (samples,), optional
        A label for each sample, which training does not see; analyses and reports do.
    test, test_labels : array, optional
        Samples for the figures at the end. Default: a tenth of `data`, as the config's `data.test` says.
    on_epoch : callable, optional
        Gets the figures of every epoch as a dictionary. If it returns False, the training stops and can be resumed.
    name : str, optional
        The run's name. Default: that of the file, or "run".
    runs : str or path
        The folder of runs.
    quick : bool
        Whether to use a few samples only, to see that all goes well. The figures are then meaningless.

    Ctrl-C stops after the current step, saves, and raises KeyboardInterrupt.
    """
    given = None if data is None else array("data", data, labels)
    tested = None if test is None else array("test", test, test_labels)
    if data is None and (labels is not None or test is not None):
        raise UsageError("data: is missing; labels and test are for an array that is given as data")
    is_file = isinstance(config, (str, os.PathLike))
    if is_file:
        text, stem = os.fspath(config), Path(config).stem
    elif isinstance(config, Mapping):
        config = dict(config)
        of = config.get("data", {})
        if given is not None and not (isinstance(of, Mapping) and of.get("dataset") == "array"):
            config["data"] = {"dataset": "array"}
        text, stem = _json_of(config), "run"
    else:
        raise UsageError(f"config: found a {type(config).__name__}; allowed: a dictionary, or the path of a file")
    found = _native.train(
        text,
        is_file,
        given,
        tested,
        runs=os.fspath(runs),
        name=_checked_name(stem if name is None else name),
        quick=quick,
        on_epoch=_listener(on_epoch),
    )
    return _opened(found, given, tested)


def resume(
    run: Run | str | os.PathLike[str],
    data: Any = None,
    labels: Any = None,
    *,
    test: Any = None,
    test_labels: Any = None,
    on_epoch: Callable[[dict[str, Any]], Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Run:
    """Goes on with a run that was interrupted, as if it had never stopped; or further, with `changes`.

    Parameters
    ----------
    run : Run or path
        The run, or its folder.
    data, labels, test, test_labels : array, optional
        The arrays that it was trained on, if it was; not needed in the process that trained it.
    on_epoch : callable, optional
        As for `train`.
    changes : dict, optional
        Keys of the config that change, such as {"train.epochs": 40}.
    """
    folder, own = run, (None, None)
    if isinstance(run, Run):
        folder, own = run.folder, run._data
    given = own[0] if data is None else array("data", data, labels)
    tested = own[1] if test is None else array("test", test, test_labels)
    overrides = [f"{key}={json.dumps(value)}" for key, value in (changes or {}).items()]
    found = _native.resume(os.fspath(folder), given, tested, changes=overrides, on_epoch=_listener(on_epoch))
    return _opened(found, given, tested)


def _opened(found: Mapping[str, Any], data: _native.Array | None, test: _native.Array | None) -> Run:
    _told(found)
    run = Run(found["folder"], "")
    run._data = (data, test)
    return run


def _checked_name(name: str) -> str:
    if not name or name[0] in ".-" or any(it in "/\\:" or not it.isprintable() for it in name):
        raise UsageError(f"name: found {name!r}; use a folder name without separators that does not start with a dot")
    return name


def schema() -> dict[str, Any]:
    """The JSON Schema of a config."""
    return json.loads(_native.schema())
