"""The matrix of shipped spaces and strategies, out of the table of capabilities: what each cell is, and what has to hold of it.

    python tests/matrix.py            writes tests/matrix_cover.txt: few cells that meet every space, and every strategy with
                                      every kind of decision that some space has

A cell is searched to its end, or refused before anything is trained: which of them, `recspace strategies` says as well.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import every_space

import recspace
from recspace import support
from recspace.dsl import library_path
from recspace.reading import shipped
from recspace.running import Space
from recspace.runtime import devices
from recspace.runtime.capabilities import capabilities
from recspace.runtime.registry import promises
from recspace.support import refused

OWN = "its own"
"""The first recipe of the space, in the place of a strategy."""
FEW = {
    "trials": 3,
    "samples": 2,
    "population": 2,
    "startup": 2,
    "least": 2,
    "drawn": 2,
    "rows": 64,
    "youngest": 2,
    "mutants": 2,
    "limit": 20,
}
"""What makes any recipe short; epochs are one for all of them."""
COVER = Path(__file__).with_name("matrix_cover.txt")
STRATEGIES = (OWN, *(row.name for row in capabilities(promises())))
Cell = tuple[str, str]


@dataclass
class Spaces:
    """The shipped spaces, made small and bound to the tables in a folder; each is compiled once."""

    folder: Path
    known: dict[str, Space] = field(default_factory=dict)

    def __post_init__(self) -> None:
        every_space.write(self.folder)

    def __getitem__(self, name: str) -> Space:
        if name not in self.known:
            self.known[name] = every_space.compiled(name, self.folder)
        return self.known[name]


def tried(space: Space, name: str, strategy: str) -> tuple[str, str]:
    """A short recipe with this strategy in it, which ends with a model that was trained anew where the space can have one;
    and why it is not run, "" if it is."""
    if strategy == OWN:
        return own_recipe(name), refused(space, own_recipe(name))
    weighed = any(d.given == "objective" for d in space.decisions)  # the derived model has no loss then
    return support.tried(space, strategy, FEW, "" if weighed else "retrain()")


@cache
def own_recipe(name: str) -> str:
    """As it stands in the file, with few trials."""
    text = text_of(name)
    begin = text.index("search {") + len("search {")
    end = text.index("\n", begin)
    end = text.index("}", begin) if "}" in text[begin:end] else text.index("\n}", begin)
    inner = re.sub(r"#.*", "", text[begin:end])
    for option, count in FEW.items():
        inner = re.sub(rf"\b{option} = \d+", f"{option} = {count}", inner)
    return " ".join(inner.replace("keep = most", "keep = 2").split())


def run(space: Space, text: str, folder: Path) -> recspace.Run:
    """Search to the end, one epoch of everything."""
    with devices.settled(1):
        return recspace.search(space, folder, strategy=text, epochs=1, baseline=False, seed=1)


def cells() -> list[Cell]:
    """All of them. A space with nothing to choose has one: its own recipe."""
    return [
        (name, strategy)
        for name in shipped()
        for strategy in STRATEGIES
        if strategy == OWN or "choose" in text_of(name)
    ]


@cache
def text_of(name: str) -> str:
    return next(library_path().rglob(f"{name}.space")).read_text()


def kinds(space: Space) -> frozenset[str]:
    """What a strategy may stumble over in a space."""
    found = set()
    for d in space.decisions:
        found |= {domain.kind for domain in d.domains}
        found |= {"values"} if d.per_value else set()
        found |= {f"given {d.given}"} if d.given else set()
    return frozenset(found)


def cover(spaces: Spaces) -> Iterator[tuple[Cell, bool]]:
    """Cells that meet every space with something to choose, and every strategy with every kind of decision, once where it can search some space with
    that kind and once where it cannot; greedily, by what
    a cell costs. With whether they are searched."""
    every = [(cell, not tried(spaces[cell[0]], *cell)[1]) for cell in cells() if "choose" in text_of(cell[0])]
    met = {
        found: {("space", found[0][0])} | {(found[0][1], kind, found[1]) for kind in kinds(spaces[found[0][0]])}
        for found in every
    }
    left = set().union(*met.values())
    while left:
        best = max(every, key=lambda found: len(met[found] & left) / COSTLY.get(found[0][0], 1))
        left -= met[best]
        yield best


COSTLY = {
    "autoias": 3,
    "autocross": 3,
    "autodim": 2,
    "sfm": 2,
    "compress": 2,
    "ameir": 2,
    "autopi": 2,
    "autoctr": 2,
    "dnis": 2,
}
"""How long a cell of a space takes, in cells of the others."""


def written(found: Iterable[tuple[Cell, bool]]) -> str:
    lines = [f"{name} | {strategy} | {'runs' if able else 'is refused'}" for (name, strategy), able in found]
    return "\n".join(sorted(lines)) + "\n"


def read_cover() -> list[tuple[Cell, bool]]:
    found = []
    for line in COVER.read_text().splitlines():
        name, strategy, what = line.split(" | ")
        found.append(((name, strategy), what == "runs"))
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        COVER.write_text(written(cover(Spaces(Path(scratch)))))
    sys.stdout.write(COVER.read_text())
