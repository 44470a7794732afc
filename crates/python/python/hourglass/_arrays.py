"""What callers give as data, as arrays that the library takes: uint8, float32 or float64 in C order."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import _native
from ._errors import UsageError

#: The most classes: labels are bytes.
MOST_CLASSES = 256


class Plain(NamedTuple):
    """Values of one of the three types, and the names of their columns if they had some."""

    values: Any
    columns: list[str] | None


def plain(name: str, x: Any) -> Plain:
    """An array of numbers of any type, order and stride as one that the library takes, without a copy if it is one.

    Raises UsageError for what is no array of numbers; `name` is what it is called there.
    """
    import numpy as np

    columns = None
    if hasattr(x, "columns") and hasattr(x, "to_numpy"):
        columns = [str(column) for column in x.columns]
        for column, kind in zip(columns, getattr(x, "dtypes", [])):
            if not _is_number(kind):
                raise UsageError(
                    f'{name}: column "{column}" holds {kind}; allowed: numbers; write a table with texts to a file and '
                    'name it in data.file ("dataset": "table")'
                )
        x = x.to_numpy()
    try:
        values = np.asarray(x)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name}: not an array: {str(error).splitlines()[0]}") from None
    if hasattr(x, "toarray"):
        raise UsageError(f"{name}: found a sparse matrix; give a dense one: {name}.toarray()")
    if values.dtype.kind not in "buif":
        raise UsageError(f"{name}: found values of type {values.dtype}; allowed: numbers")
    if values.dtype != np.uint8 and values.dtype.kind in "bui":
        values = _integers(name, values)
    elif values.dtype.kind == "f":
        small = values.dtype.itemsize <= 4
        values = values.astype(np.float32 if small else np.float64, copy=False)
    return Plain(np.ascontiguousarray(values) if values.ndim else values, columns)


def _is_number(kind: Any) -> bool:
    """Whether a type of a column's values is one of numbers."""
    return getattr(kind, "kind", "O") in "buif"


def _integers(name: str, values: Any) -> Any:
    """Integers and truth values: bytes if they are pictures, and else real numbers."""
    import numpy as np

    if values.ndim < 3 or values.size == 0:
        return values.astype(np.float64)
    least, most = int(values.min()), int(values.max())
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if least < 0 or most > 255:
        raise UsageError(f"{name}: found values from {least} to {most} in pictures; allowed: integers from 0 to 255")
    return values.astype(np.uint8)


def array(name: str, x: Any, labels: Any = None) -> _native.Array:
    """Samples in memory, with a label for each if `labels` are given: numbers or texts, at most 256 different ones."""
    if isinstance(x, _native.Array):
        return x
    values, columns = plain(name, x)
    if labels is None:
        return _native.Array(name, values, columns)
    import numpy as np

    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise UsageError(f"labels: found an array of {labels.ndim} axes; allowed: one axis, a label for each sample")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) > MOST_CLASSES:
        raise UsageError(f"labels: found {len(classes)} different ones; allowed: at most {MOST_CLASSES}")
    if labels.dtype.kind in "bui" and (len(classes) == 0 or (classes.min() >= 0 and classes.max() < MOST_CLASSES)):
        return _native.Array(name, values, columns, labels.astype(np.uint8).tolist())
    names = [str(it) for it in classes]
    return _native.Array(name, values, columns, codes.astype(np.uint8).tolist(), names)
