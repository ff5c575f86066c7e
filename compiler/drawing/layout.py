"""Boxes in layers, by the usual steps: longest paths give the layers, medians the order within, then places.

Arrows that cross several layers run through invisible points in them, so that they go around boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8
GAP_X, GAP_Y = 28.0, 46.0
POINT = 6.0
"""Width of an invisible point."""


@dataclass(frozen=True, slots=True)
class Size:
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Placed:
    """`centres` of boxes, `paths` of arrows (by source and target) from box to box, and the whole picture's size."""

    centres: Mapping[int, tuple[float, float]]
    paths: Mapping[tuple[int, int], tuple[tuple[float, float], ...]]
    width: float
    height: float


Point = tuple[int, int, int]
"""A box (key, −1, −1), or the point of an arrow in a layer (source, target, layer)."""


def layout(sizes: Mapping[int, Size], edges: Sequence[tuple[int, int]]) -> Placed:
    """Places for boxes (in topological order) and arrows (from earlier to later boxes), top to bottom."""
    edges = list(dict.fromkeys(edges))
    layer = _layers(list(sizes), edges)
    chains = {edge: _chain(edge, layer) for edge in edges}
    rows = _rows(layer, chains)
    below, above = _neighbours(chains)
    _order(rows, above, below)
    width = {point: sizes[point[0]].width if point[1] < 0 else POINT for row in rows for point in row}
    x = _columns(rows, above, below, width)
    y, half, height = _heights(rows, sizes)
    left = min((x[p] - width[p] / 2 for p in x), default=0.0) - GAP_X
    right = max((x[p] + width[p] / 2 for p in x), default=0.0) + GAP_X
    spot = {p: (x[p] - left, y[k]) for k, row in enumerate(rows) for p in row}
    centres = {key: spot[key, -1, -1] for key in sizes}
    paths = {edge: _path(chain, spot, half) for edge, chain in chains.items()}
    return Placed(centres, paths, right - left, height)


def _layers(keys: list[int], edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The longest path from above; what nothing feeds then sinks to just above its first reader."""
    layer = dict.fromkeys(keys, 0)
    after: dict[int, list[int]] = {key: [] for key in keys}
    fed = {target for _, target in edges}
    for source, target in edges:
        after[source].append(target)
    for key in keys:
        for target in after[key]:
            layer[target] = max(layer[target], layer[key] + 1)
    for key in reversed(keys):
        if key not in fed and after[key]:
            layer[key] = min(layer[target] for target in after[key]) - 1
    return layer


def _chain(edge: tuple[int, int], layer: Mapping[int, int]) -> tuple[Point, ...]:
    source, target = edge
    between = [(source, target, k) for k in range(layer[source] + 1, layer[target])]
    return ((source, -1, -1), *between, (target, -1, -1))


def _rows(layer: Mapping[int, int], chains: Mapping[tuple[int, int], tuple[Point, ...]]) -> list[list[Point]]:
    rows: list[list[Point]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for key, k in layer.items():
        rows[k].append((key, -1, -1))
    for chain in chains.values():
        for point in chain[1:-1]:
            rows[point[2]].append(point)
    return rows


Neighbours = dict[Point, list[Point]]


def _neighbours(chains: Mapping[tuple[int, int], tuple[Point, ...]]) -> tuple[Neighbours, Neighbours]:
    """What each point leads to, and what leads to it."""
    below: Neighbours = {}
    above: Neighbours = {}
    for chain in chains.values():
        for first, second in pairwise(chain):
            below.setdefault(first, []).append(second)
            above.setdefault(second, []).append(first)
    return below, above


def _order(rows: list[list[Point]], above: Neighbours, below: Neighbours) -> None:
    """Sort every row by the mean place of its neighbours, going down and up in turn."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        for k in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            at = {p: i for i, p in enumerate(rows[k - 1 if down else k + 1])}
            own = {p: i for i, p in enumerate(rows[k])}
            rows[k].sort(key=lambda p: (_mean([at[q] for q in near.get(p, [])], own[p]), own[p]))


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _columns(
    rows: list[list[Point]], above: Neighbours, below: Neighbours, width: Mapping[Point, float]
) -> dict[Point, float]:
    """Every point near the middle of its neighbours, as far as the order within its row allows."""
    x: dict[Point, float] = {}
    for row in rows:
        at = 0.0
        for point in row:
            x[point] = at + width[point] / 2
            at += width[point] + GAP_X
        for point in row:
            x[point] -= at / 2
    for sweep in range(2 * SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _settle(row, {p: _mean([x[q] for q in near.get(p, [])], x[p]) for p in row}, x, width)
    return x


def _settle(
    row: list[Point], wanted: Mapping[Point, float], x: dict[Point, float], width: Mapping[Point, float]
) -> None:
    """The nearest places to the wanted ones that keep order and distance (pool neighbours that would overlap)."""
    groups: list[tuple[float, int, list[tuple[Point, float]]]] = []
    for point in row:
        members = [(point, 0.0)]
        start, count = wanted[point], 1
        while groups:
            before, n, others = groups[-1]
            last, offset = others[-1]
            distance = (width[last] + width[members[0][0]]) / 2 + GAP_X
            if before + offset + distance <= start:
                break
            groups.pop()
            shift = offset + distance
            start = (before * n + (start - shift) * count) / (n + count)
            members = [*others, *((p, o + shift) for p, o in members)]
            count += n
        groups.append((start, count, members))
    for start, _, members in groups:
        for point, offset in members:
            x[point] = start + offset


def _path(
    chain: tuple[Point, ...], spot: Mapping[Point, tuple[float, float]], half: Sequence[float]
) -> tuple[tuple[float, float], ...]:
    """From box to box; straight down through every row between, so as not to run below its boxes."""
    first, *between, last = chain
    places = [spot[first]]
    for point in between:
        (x, y), tall = spot[point], half[point[2]]
        places += [(x, y - tall), (x, y + tall)]
    return (*places, spot[last])


def _heights(rows: list[list[Point]], sizes: Mapping[int, Size]) -> tuple[list[float], list[float], float]:
    """The middle of every row, half its height, and the height of the picture."""
    middles, halves, at = list[float](), list[float](), GAP_Y / 2
    for row in rows:
        tall = max((sizes[p[0]].height for p in row if p[1] < 0), default=0.0)
        middles.append(at + tall / 2)
        halves.append(tall / 2)
        at += tall + GAP_Y
    return middles, halves, at - GAP_Y / 2
