"""Autoencoders in seconds: train, encode, decode, score and restore.

    import hourglass

    run = hourglass.train("configs/conv.json")
    codes = run.encode(pictures)

`hourglass.sklearn` has estimators for scikit-learn. The program itself is `python -m hourglass`, or `hourglass`.
"""

from ._errors import HourglassError, HourglassWarning, UsageError
from ._native import __version__
from ._run import Run, resume, schema, train

__all__ = [
    "HourglassError",
    "HourglassWarning",
    "Run",
    "UsageError",
    "__version__",
    "resume",
    "schema",
    "train",
]
