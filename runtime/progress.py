"""Whoever wants to see a run going on: the commands draw bars, tests listen, nobody has to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Told of stages in order. `steps` is how many there are at most; `advance` gets the number done so far."""

    def begin(self, stage: str, steps: int) -> None: ...

    def advance(self, at: int, figures: Mapping[str, float]) -> None: ...

    def end(self, stage: str, figures: Mapping[str, object]) -> None: ...

    def say(self, text: str) -> None: ...


class Silent:
    """Tells nobody."""

    def begin(self, stage: str, steps: int) -> None:
        pass

    def advance(self, at: int, figures: Mapping[str, float]) -> None:
        pass

    def end(self, stage: str, figures: Mapping[str, object]) -> None:
        pass

    def say(self, text: str) -> None:
        pass
