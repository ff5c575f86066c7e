"""Which features a model crosses, read off what was decided: `user × item`, `f3 × f7 × f9`."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod

from recspace.compiler.decisions import Choice, Decision

from .choices import Option
from .planted import LISTED


@dataclass(frozen=True, slots=True)
class Interaction:
    """Fields that are multiplied, and how much the search weighed them (a product along the layers of a graph)."""

    fields: tuple[str, ...]
    weight: float

    @property
    def name(self) -> str:
        return " × ".join(self.fields)


def interactions(
    decision: Decision, options: Sequence[Option], weights: Sequence[float], fields: frozenset[str]
) -> list[Interaction]:
    """The interactions that open gates stand for, those of the largest weight first; none for other decisions.

    A gate for a pair or a set of fields is one interaction. Gates `adjacent[k in 2..K, i, j in fields]` are the layers
    of a graph (FIVES, equation 36): field i is multiplied by one of its neighbours in every layer, so the interactions of
    order k are e_i and one neighbour each out of layers 2 to k. `weights` are those before gates were settled.
    """
    if decision.domains[0].kind != "gate" or decision.keys is None:
        return []
    open_ = [k for k, option in enumerate(options) if option == 1]
    layers = _layers(decision, open_, weights, fields)
    found: Iterable[Interaction]
    if layers is not None:
        found = _along(layers)
    else:
        sets = ((_crossed(decision.keys[k], fields), weights[k]) for k in open_)
        found = (Interaction(s, w) for s, w in sets if len(s) > 1)
    best: dict[frozenset[str], Interaction] = {}
    for one in islice(found, 50 * LISTED):
        known = best.get(frozenset(one.fields))
        if known is None or abs(one.weight) > abs(known.weight):
            best[frozenset(one.fields)] = one
    return sorted(best.values(), key=lambda i: (-abs(i.weight), i.fields))[:LISTED]


def _crossed(key: tuple[Choice, ...], fields: frozenset[str]) -> tuple[str, ...]:
    """The fields of an element's key: those at its end, or the members of a set (`a*b*c`)."""
    found: list[str] = []
    for part in key:
        names = [part] if part in fields else str(part).split("*") if isinstance(part, str) else []
        found += names if all(n in fields for n in names) else []
    return tuple(dict.fromkeys(found))


Layers = dict[str, dict[int, list[tuple[float, str]]]]
"""For every field its neighbours in each layer, the heaviest first."""


def _layers(
    decision: Decision, open_: Sequence[int], weights: Sequence[float], fields: frozenset[str]
) -> Layers | None:
    """The gates as layers of a graph, None if they are none."""
    assert decision.keys is not None
    steps = sorted({key[0] for key in decision.keys if len(key) == 3 and isinstance(key[0], int)})
    ordered = any("<" in axis for axis in decision.axes)
    whole = all(len(key) == 3 and key[1] in fields and key[2] in fields for key in decision.keys)
    if not steps or ordered or not whole or steps != list(range(2, len(steps) + 2)):
        return None
    found: Layers = {}
    for k in open_:
        step, i, j = decision.keys[k]
        found.setdefault(str(i), {}).setdefault(int(step), []).append((float(weights[k]), str(j)))
    for of in found.values():
        for neighbours in of.values():
            neighbours.sort(key=lambda n: (-n[0], n[1]))
    return found


def _along(layers: Layers) -> Iterator[Interaction]:
    """Every interaction of every order, about the heaviest first: of fields that all differ."""
    streams = [
        _products(field, [of[step] for step in range(2, last + 1)])
        for field, of in sorted(layers.items())
        for last in _reached(of)
    ]
    for weight, fields in heapq.merge(*streams, key=lambda one: -one[0]):
        if len(set(fields)) == len(fields):
            yield Interaction(fields, weight)


def _reached(of: dict[int, list[tuple[float, str]]]) -> list[int]:
    """The orders up to the first layer without a neighbour: there the product is 0."""
    last = 1
    while last + 1 in of:
        last += 1
    return list(range(2, last + 1))


def _products(field: str, layers: list[list[tuple[float, str]]]) -> Iterator[tuple[float, tuple[str, ...]]]:
    """A field with one neighbour of every layer, products of weights falling."""

    def at(places: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        return -prod(layer[p][0] for layer, p in zip(layers, places, strict=True)), places

    heap, seen = [at((0,) * len(layers))], {(0,) * len(layers)}
    while heap:
        weight, places = heapq.heappop(heap)
        yield -weight, (field, *(layer[p][1] for layer, p in zip(layers, places, strict=True)))
        for k in range(len(layers)):
            after = (*places[:k], places[k] + 1, *places[k + 1 :])
            if after[k] < len(layers[k]) and after not in seen:
                seen.add(after)
                heapq.heappush(heap, at(after))
