"""Weights at random, the same for the same place whoever asks and in whatever order."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Place = tuple[str, str, tuple[Any, ...], str, tuple[Any, ...]]


class Drawn:
    """`found` holds every weight that was asked for: (layer, name, key, candidate, part) → array."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.found: dict[Place, np.ndarray] = {}

    def draw(self, place: Place, shape: tuple[int, ...]) -> np.ndarray:
        if place not in self.found:
            rng = np.random.default_rng([self.seed, zlib.crc32(repr(place).encode())])
            values = rng.normal(size=shape) / np.sqrt(shape[0] if len(shape) == 2 and place[1] != "table" else 2)
            self.found[place] = np.abs(values) + 0.5 if place[1].endswith("var") else values
        return self.found[place]

    def __call__(
        self, layer: str, name: str, key: tuple[Any, ...], candidate: str, part: tuple[Any, ...]
    ) -> np.ndarray:
        return self.found[layer, name, key, candidate, part]
