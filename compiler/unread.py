"""Elements of decisions that nothing reads: they multiply the size of a space, and change no model."""

from __future__ import annotations

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Edit
from recspace.dsl.walk import walk

from .ir import DecisionNode, Graph, Index, operands


def unread(graph: Graph, space: ast.Space) -> tuple[Diagnostic, ...]:
    """A warning for each `choose` of a space that has such elements."""
    read: dict[int, np.ndarray] = {}
    named: dict[str, list[int]] = {}
    for key, node in graph.items():
        if isinstance(node, DecisionNode):
            read[key] = np.zeros(len(node.index), dtype=bool)
            named.setdefault(node.name, []).append(key)
        for ref in operands(node):  # stand before what reads them
            if ref.node in read:
                read[ref.node][ref.rows.array] = True
    statements = {s.name: s for s in space.statements if isinstance(s, ast.Choose)}
    found = []
    for name, choose in statements.items():
        nodes = [(graph[k].index, read[k]) for k in named.get(name, ())]
        known = sum(len(rows) for _, rows in nodes)
        left = sum(int((~rows).sum()) for _, rows in nodes)
        # What is read otherwise than by nodes, as bins of a bucket are, is read where its name stands.
        if (0 < left < known) or (left and not _mentioned(name, space)):
            found.append(_warned(choose, nodes, left, known))
    return tuple(found)


def _mentioned(name: str, space: ast.Space) -> bool:
    return any(isinstance(node, ast.Name) and node.name == name for node in walk(space))


def _warned(choose: ast.Choose, nodes: list[tuple[Index, np.ndarray]], left: int, known: int) -> Diagnostic:
    many = "an element" if left == 1 else f"{left:,} of {known:,} elements"
    text = f"nothing reads {many} of `{choose.name}`" if left < known else f"nothing reads `{choose.name}`"
    label, help = "it multiplies the size, and changes no model", "leave it out, or read it"
    edits: tuple[Edit, ...] = ()
    if left < known:
        label, help = "they multiply the size, and change no model", "index it by what is read"
        edits = _ordered(choose, nodes)
    return Diagnostic("S0411", text, choose.name_span, label, (), help, edits, "warning")


def _ordered(choose: ast.Choose, nodes: list[tuple[Index, np.ndarray]]) -> tuple[Edit, ...]:
    """`[i, j in S]` of which each pair is read in one order alone is `[i < j in S]`."""
    match choose.index:
        case (ast.Binder(ast.Each((_, _)) as names),):
            place: dict[object, int] = {}
            for index, _ in nodes:
                for key in index.keys:
                    place.setdefault(key[0], len(place))
            pairs = [
                (place[k[0]], place[k[1]]) for index, rows in nodes for k, r in zip(index.keys, rows, strict=True) if r
            ]
            sign = "<" if all(a < b for a, b in pairs) else "<=" if all(a <= b for a, b in pairs) else ""
            return (Edit(names.span, f" {sign} ".join(names.names)),) if sign else ()
        case _:
            return ()
