"""Shipped files with one token changed: deleted, doubled, replaced, inserted or swapped with the next."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recspace.dsl.lexer import lex
from recspace.dsl.source import Source
from recspace.reading import shipped

FOREIGN = ("(", ")", "[", "]", "{", "}", ",", "=", "+", "*", "..", "<", ":", "%", "1", "x", "if", "in", "for", "from",
           "let", "choose", "fields", '"s"')  # fmt: skip
KINDS = ("delete", "duplicate", "replace", "insert", "swap")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`text` is what became of the file at `path`; `line` is where it was changed, counted from 1."""

    name: str
    path: Path
    kind: str
    text: str
    line: int

    @property
    def source(self) -> Source:
        """Named as the file, so that imports are found."""
        return Source(str(self.path), self.text)

    def __str__(self) -> str:
        return f"{self.name}:{self.line} {self.kind}: {self.text.splitlines()[self.line - 1].strip()}"


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    """The same ones for the same numbers, the files taking turns. Half of the foreign tokens are from the file itself."""
    generator = random.Random(seed)
    files = sorted(shipped().items())
    for number in range(count):
        name, path = files[number % len(files)]
        yield mutant(name, path, generator)


def mutant(name: str, path: Path, generator: random.Random) -> Mutant:
    text = path.read_text("utf-8")
    tokens = [t for t in lex(Source(str(path), text))[0] if t.start < t.end]
    at = generator.randrange(len(tokens) - 1)
    token, following = tokens[at], tokens[at + 1]
    before, own, after = text[: token.start], text[token.start : token.end], text[token.end :]
    others = FOREIGN if generator.random() < 0.5 else [text[t.start : t.end] for t in tokens]
    other = generator.choice([o for o in others if o != own])
    kind = generator.choice(KINDS)
    changed = {
        "delete": before + after,
        "duplicate": f"{before}{own} {own}{after}",
        "replace": before + other + after,
        "insert": f"{before}{other} {own}{after}",
        "swap": before
        + text[following.start : following.end]
        + text[token.end : following.start]
        + own
        + text[following.end :],
    }
    return Mutant(name, path, kind, changed[kind], text.count("\n", 0, token.start) + 1)
