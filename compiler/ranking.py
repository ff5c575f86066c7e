"""Ranking objectives (`bpr`, `softmax_loss`): what they draw, and scores that fall apart into a product of two sides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from .compiled import Ranking
from .ir import (
    Constant,
    DecisionNode,
    Graph,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Ref,
    Rows,
    Select,
    SubsetSum,
)
from .ir import Cost as CostNode
from .ir import operands as read_by
from .schema import Schema
from .unfinished import not_yet

LOSSES = ("bpr", "softmax_loss")
MOST = 64
"""Products of a score, at most: with more, applying the model to every pair is no slower."""
FREE, OWN, ITEM = 0, 1, 2
"""What a value depends on, as bits: nothing of the example, columns that are not the item's, columns that are."""


def ranking_of(graph: Graph) -> Ranking | None:
    """What is drawn for a step. Raises SpaceError (S0630) where two objectives want different alternatives."""
    found: Ranking | None = None
    for node in (n for _, n in graph.items()):
        if isinstance(node, Operator) and node.operator in LOSSES:
            if not isinstance(node.options["negatives"], int):
                raise not_yet(node.span, "a searched number of negatives")
            options = node.options
            wanted = Ranking(options["negatives"], str(options["sampling"]), float(options["exponent"]))
            if found is not None and wanted != found:
                raise not_yet(node.span, "a second ranking loss that draws other items")
            found = wanted
    return found


def item_fields(schema: Schema) -> frozenset[str]:
    """The fields that change with the item: those of its role."""
    return frozenset(f.name for f in schema.fields if f.role == "item")


@dataclass(frozen=True, slots=True)
class Term:
    """A product: numbers that do not depend on the item, numbers that depend on nothing else, and at most one dot
    product of two vectors of these kinds. `sign` is 1 or −1."""

    own: tuple[Ref, ...] = ()
    item: tuple[Ref, ...] = ()
    vectors: tuple[Ref, Ref] | None = None
    sign: int = 1


class Sides:
    """A score taken apart: score = Σ of terms. What any element of a graph depends on is found on the way."""

    def __init__(self, graph: Graph, schema: Schema) -> None:
        self._graph, self._items = graph, item_fields(schema)
        self._known: dict[tuple[int, int], int] = {}

    def terms(self, score: Ref) -> tuple[Term, ...]:
        """The terms that depend on the item (the others change no order within a user's items). () where the score does
        not fall apart so, or into more than `MOST`."""
        node = self._graph[score.node]
        # The sigmoid rises: it changes no order.
        top = node.operands[0] if isinstance(node, Operator) and node.operator == "sigmoid" else score
        found = self._of(replace(top, rows=top.rows.take(Rows([0]))))
        kept = tuple(t for t in found or () if t.item or t.vectors is not None)
        return kept if len(kept) <= MOST else ()

    def _of(self, ref: Ref) -> tuple[Term, ...] | None:
        """The terms of a number at one row; None where there are none."""
        node = self._graph[ref.node]
        kind = self.depends(ref)
        if node.shape.kind != "number":
            return None
        if kind != OWN | ITEM:
            return (Term(item=(ref,)) if kind == ITEM else Term(own=(ref,)),)
        match node:
            case Operator(operator="+" | "-" | "negate"):
                return self._sum(node, ref)
            case Operator(operator="*"):
                left, right = (self._of(self._at(o, ref)) for o in node.operands)
                return _product(left, right) if left is not None and right is not None else None
            case Operator(operator="dot" | "gram"):
                left_, right_ = (self._at(o, ref) for o in node.operands)
                return self._dot(left_, right_)
            case Reduce(operator="sum", segments=None) if node.weights is None or node.mixed:
                return self._reduce(node, ref)
            case Merge():
                source, row = node.source(int(ref.rows.array[0]))
                return self._of(Ref(source, Rows([row])))
            case _:
                return None

    def _sum(self, node: Operator, ref: Ref) -> tuple[Term, ...] | None:
        parts = [self._of(self._at(o, ref)) for o in node.operands]
        signs = (-1,) if node.operator == "negate" else (1, -1 if node.operator == "-" else 1)
        if any(part is None for part in parts):
            return None
        return tuple(
            replace(t, sign=t.sign * sign) for part, sign in zip(parts, signs, strict=True) for t in part or ()
        )

    def _dot(self, left: Ref, right: Ref) -> tuple[Term, ...] | None:
        if self.depends(left) & ITEM:
            left, right = right, left
        apart = not self.depends(left) & ITEM and not self.depends(right) & OWN
        return (Term(vectors=(left, right)),) if apart else None

    def _reduce(self, node: Reduce, ref: Ref) -> tuple[Term, ...] | None:
        found: list[Term] = []
        for block in node.blocks:
            if self._graph[block.ref.node].shape.kind != "number":
                return None
            start = int(ref.rows.array[0]) * block.count
            for place in range(start, start + block.count):
                part = self._of(Ref(block.ref.node, block.ref.rows.take(Rows([place]))))
                if node.weights is not None and part is not None:
                    weight = Ref(node.weights.node, node.weights.rows.take(Rows([place])))
                    part = _product((Term(own=(weight,)),), part)
                if part is None or len(found) > 2 * MOST:
                    return None
                found += part
        return tuple(found)

    def _at(self, operand: Ref, ref: Ref) -> Ref:
        return Ref(operand.node, operand.rows.take(ref.rows))

    def depends(self, ref: Ref) -> int:
        """What the rows of a node depend on, as bits."""
        found = FREE
        for row in ref.rows.array:
            found |= self._row(ref.node, int(row))
        return found

    def _row(self, key: int, row: int) -> int:
        if (key, row) not in self._known:
            self._known[key, row] = self._found(self._graph[key], row)
        return self._known[key, row]

    def _found(self, node: Node, row: int) -> int:
        match node:
            case Input(columns=columns):
                fields = set(columns[row].fields)
                return (ITEM if fields & self._items else FREE) | (OWN if fields - self._items or not fields else FREE)
            case Constant() | Learned():
                return FREE
            case Operator() | Select() | DecisionNode():
                return self._all(Ref(o.node, o.rows.take(Rows([row]))) for o in read_by(node) if len(o.rows) > row)
            case Merge(sources=sources):
                source_of = node.source_of.array
                source = sources[source_of[row]]
                place = int((source_of[:row] == source_of[row]).sum())
                return self.depends(Ref(source.node, source.rows.take(Rows([place]))))
            case Reduce() | SubsetSum() | Output() | CostNode():
                return self._all(read_by(node))
            case _:
                assert_never(node)

    def _all(self, refs: Iterable[Ref]) -> int:
        found = FREE
        for ref in refs:
            found |= self.depends(ref)
        return found


def _product(left: tuple[Term, ...], right: tuple[Term, ...]) -> tuple[Term, ...] | None:
    """Every term of one times every term of the other; None where two dot products would meet, or too many terms."""
    if len(left) * len(right) > 2 * MOST or any(a.vectors and b.vectors for a in left for b in right):
        return None
    return tuple(
        Term(a.own + b.own, a.item + b.item, a.vectors or b.vectors, a.sign * b.sign) for a in left for b in right
    )


NAMES = re.compile(r"(?<![\w.\"])[A-Za-z_]\w*")


def needed_lines(lines: list[str], results: list[str]) -> list[str]:
    """The assignments `name = expression` among `lines`, in their order, that the expressions `results` read."""
    wanted = {name for text in results for name in NAMES.findall(text)}
    kept: list[str] = []
    for line in reversed(lines):
        name, _, expression = line.partition(" = ")
        if name in wanted:
            kept.append(line)
            wanted.update(NAMES.findall(expression.split("  # ")[0]))
    return kept[::-1]
