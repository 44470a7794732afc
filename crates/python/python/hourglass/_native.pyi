"""The extension module."""

from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

__version__: str

class Array:
    def __init__(
        self,
        name: str,
        values: NDArray[Any],
        columns: list[str] | None = None,
        labels: list[int] | None = None,
        classes: list[str] | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...

class Model:
    def __init__(self, run: str, runs: str) -> None: ...
    @staticmethod
    def kept(folder: str) -> Model: ...
    @property
    def folder(self) -> Any: ...
    @property
    def code_size(self) -> int: ...
    @property
    def encoder_layers(self) -> list[str]: ...
    @property
    def shape(self) -> list[int]: ...
    def encode(self, x: Array | str, layer: str | None = None) -> NDArray[np.float32]: ...
    def decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def reconstruct(self, x: Array | str) -> NDArray[np.float32]: ...
    def restore(self, x: Array | str) -> NDArray[np.float32]: ...
    def score(
        self,
        x: Array | str,
        method: str,
        *,
        data: Array | None = None,
        test: Array | None = None,
        known: Array | None = None,
        held: list[int] | None = None,
    ) -> NDArray[np.float64]: ...

def main(words: list[Any]) -> int: ...
def schema() -> str: ...
def compare(runs: list[str]) -> str: ...
def train(
    config: str,
    is_file: bool,
    data: Array | None,
    test: Array | None,
    *,
    runs: str,
    name: str,
    quick: bool = False,
    plain: bool = False,
    on_epoch: Callable[[str], Any] | None = None,
) -> dict[str, Any]: ...
def resume(
    run: str,
    data: Array | None,
    test: Array | None,
    *,
    changes: list[str],
    on_epoch: Callable[[str], Any] | None = None,
) -> dict[str, Any]: ...
