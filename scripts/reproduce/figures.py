"""Figures: one number of the runs of a training, at each seed, and how it is written."""

import re
import statistics
from dataclasses import dataclass
from typing import Callable, Union


def find(value, path):
    """The value at a path such as `points[bits=5].psnr`.

    Brackets choose the element of a list that has this value, itself or in its settings.
    """
    for key, wanted, name in re.findall(r"\[([^=\]]*)=([^\]]*)\]|([^.\[\]]+)", path):
        if name:
            value = value[name]
        else:
            has = lambda it: str(it.get(key, it.get("settings", {}).get(key))) == wanted
            value = next(it for it in value if has(it))
    return value


@dataclass(frozen=True)
class Figure:
    training: str
    # "summary", "sweep", "one-class", or a verb.
    source: str
    # Where it stands in that file, or what is made of it.
    path: Union[str, Callable]
    form: str
    unit: str = ""
    # What the file's figure is multiplied by.
    scale: float = 1
    # In words if the path is a function.
    name: str = ""

    def at(self, results, seed):
        """The figure of one seed; None without a finished run."""
        result = results.read(self.training, self.source, seed)
        if result is None:
            return None
        try:
            found = self.path(result) if callable(self.path) else find(result, self.path)
        except (KeyError, StopIteration, TypeError, ZeroDivisionError) as error:
            raise SystemExit(f"error: {self.training}-{seed}: has no {self.place} ({error!r})") from None
        return None if found is None else found * self.scale

    def all(self, results):
        """The figures by seed, without the missing ones."""
        found = {seed: self.at(results, seed) for seed in results.seeds}
        return {seed: value for seed, value in found.items() if value is not None}

    def one(self, value):
        return f"{value:{self.form}}"

    def mean(self, results):
        """The mean without its spread, as descriptions give it."""
        return self.one(statistics.fmean(self.all(results).values())) + self.unit

    def text(self, results):
        """The mean, and in brackets the spread."""
        values = list(self.all(results).values())
        spread = spread_of(values, self.form) if len(values) > 1 else ""
        return self.mean(results) + (f" ({spread})" if spread else "")

    @property
    def place(self):
        """File and path, for looking it up."""
        file = {"summary": "summary.json", "sweep": "sweep.json", "one-class": "analysis/anomaly.json"}
        path = self.name if callable(self.path) else self.path
        return f"{file.get(self.source, f'analysis/{self.source}.json')}: {path}"


def spread_of(values, form):
    """The sample standard deviation with the figure's digits, or with one digit if these would all be zero.

    "" if all values are equal.
    """
    spread = statistics.stdev(values)
    if spread < 1e-9 * max(map(abs, values)):
        return ""
    text = f"{spread:{form}}"
    return text if re.search("[1-9]", text) else f"{float(f'{spread:.0e}'):f}".rstrip("0")


@dataclass(frozen=True)
class Said:
    """A text with figures in its {}."""

    text: str
    figures: tuple

    def whole(self, results):
        return self.text.format(*(figure.text(results) for figure in self.figures))

    def means(self, results):
        return self.text.format(*(figure.mean(results) for figure in self.figures))

    def number(self, results):
        """The number of seeds with a figure, in brackets; "" if all have one."""
        number = min(len(figure.all(results)) for figure in self.figures)
        return f" (n={number})" if number < len(results.seeds) else ""

    def missing(self, results):
        return any(not figure.all(results) for figure in self.figures)


def said(text, *figures):
    return Said(text, figures)


def mse(training, path="test.mse", source="summary"):
    return Figure(training, source, path, ".4f")


def decibels(training, path, source="summary"):
    return Figure(training, source, path, ".2f", " dB")


def percent(training, path, source, digits=1):
    return Figure(training, source, path, f".{digits}f", " %", 100)


def duration(seconds):
    """Two digits of a time, in words."""
    if seconds < 95:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 95 * 60 else f"{seconds / 3600:.1f} h"
