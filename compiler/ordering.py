"""Definitions that stand at the end of long chains, resolved before what reads them.

let z0 = z1 + 1; let z1 = z2 + 1; … let z999 = weight(b)      →      z990, z974, z958, … first, then as usual

A definition is resolved when it is first read, so a chain of definitions is as many calls deep as it is long. Those at
every sixteenth place from the end of a chain are resolved early, and no chain is deeper than that. Chains that are
shorter keep the order in which they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from recspace.dsl import ast
from recspace.dsl.walk import walk

from .bodies import expressions
from .builder import Failed
from .columns import Context
from .families import family, resolve_rows
from .names import param
from .scopes import Scope
from .state import State
from .unroll import Definitions

APART = 16


def definition(state: State, scope: Scope, name: str, base: Context) -> None:
    """Resolve one definition: all steps of a family."""
    statement = scope.definitions[name]
    if isinstance(statement, ast.Param):
        param(state, statement, base)
        return
    fam = family(state, scope, name)
    for step in sorted(set(fam.step_of)) if fam.axis is not None else [None]:
        resolve_rows(state, fam, step, statement.span)


def ends_first(state: State, scope: Scope, base: Context, start: Iterable[str]) -> None:
    """Resolve what stands deep below the definitions in `start`."""
    for name in early(scope.definitions, start):
        try:
            definition(state, scope, name, base)
        except Failed:
            continue


def early(definitions: Definitions, start: Iterable[str]) -> list[str]:
    """The definitions below `start` that are to be resolved early, each after those that it needs."""
    depth: dict[str, int] = {}
    found: list[str] = []

    def finished(name: str, reads: tuple[str, ...]) -> None:
        depth[name] = 1 + max((depth.get(other, 0) for other in reads), default=0)
        if depth[name] % APART == 0:
            found.append(name)

    _after_what_they_read(definitions, start, finished)
    return found


def _after_what_they_read(
    definitions: Definitions, start: Iterable[str], finished: Callable[[str, tuple[str, ...]], None]
) -> None:
    """Visit definitions depth first, each once and after all that it reads; a circle is cut where it closes."""
    met: set[str] = set()
    for first in start:
        path: list[tuple[str, tuple[str, ...], Iterator[str]]] = []
        following: str | None = first
        while path or following is not None:
            if following is not None and following in definitions and following not in met:
                met.add(following)
                reads = names_below(definitions, following)
                path.append((following, reads, iter(reads)))
            elif not path:
                break
            following = next(path[-1][2], None)
            while path and following is None:
                name, reads, _ = path.pop()
                finished(name, reads)
                following = next(path[-1][2], None) if path else None


def names_below(definitions: Mapping[str, ast.Definition | ast.Param], name: str) -> tuple[str, ...]:
    """The definitions that one reads, its index included, in the order of the text."""
    read = (n.name for e in expressions(definitions[name]) for n in walk(e) if isinstance(n, ast.Name))
    return tuple(dict.fromkeys(n for n in read if n in definitions))
