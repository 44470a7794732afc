"""Exceptions and warnings. Each text is one line: the place, what was found, and how to mend it."""


class HourglassError(Exception):
    """What went wrong in training, reading or computing."""


class UsageError(HourglassError, ValueError):
    """A config, an array or another argument that cannot be used. A config may have several faults, a line each."""


class HourglassWarning(UserWarning):
    """Something to know about the data; the call goes on."""


for _class in (HourglassError, UsageError, HourglassWarning):
    _class.__module__ = "hourglass"
