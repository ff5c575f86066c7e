"""A graph as the data of a page that people look around in: what stands in every box, and where it lies in the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recspace.dsl.source import Source, Span

from ..decisions import ANY_VALUE, Decision, Key
from ..ir import DecisionNode, Graph, Node, Operator, Select
from ..printing import default_text, domain_text, formula
from .boxes import arrows, boxes
from .grouping import paths

KEYS = 5_000
"""Elements of a family that are named, at most."""

Costs = Mapping[int, tuple[int, int]]


class Texts:
    """The files that spans lie in, each once, by number."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.sources: list[Source] = []

    def place(self, span: Span) -> list[int] | None:
        """[file, start, end]; None for what stands nowhere."""
        if not span.source.text:
            return None
        number = self._numbers.setdefault(id(span.source), len(self.sources))
        if number == len(self.sources):
            self.sources.append(span.source)
        return [number, span.start, span.end]

    def as_data(self) -> list[dict[str, str]]:
        return [{"name": source.name, "text": source.text} for source in self.sources]


def described(graph: Graph, texts: Texts, costs: Costs, names: Mapping[int, str]) -> dict[str, Any]:
    """`nodes` in an order in which producers come first, `edges` [source, target, role] by their numbers in it, `keys`:
    tables of the elements of families, which nodes name by number. `costs`: parameters and operations of nodes; `names`:
    what the generated module calls their values."""
    numbers = {key: k for k, (key, _) in enumerate(graph.items())}
    tables: dict[tuple[Key, ...], int] = {}
    within = paths(graph)
    nodes = []
    for box in boxes(graph):
        node = graph[box.key]
        found: dict[str, Any] = {
            "kind": box.kind,
            "title": box.title,
            "detail": str(node.shape),
            "note": box.note,
            "phase": node.phase,
            "axes": list(node.index.axes),
            "rows": len(node.index),
            "keys": tables.setdefault(node.index.keys[:KEYS], len(tables)),
            "path": list(within[box.key]),
            "formula": formula(graph, numbers, node),
            "at": texts.place(node.span),
        }
        found |= {"cost": list(costs[box.key])} if any(costs.get(box.key, ())) else {}
        found |= {"name": names[box.key]} if box.key in names else {}
        found |= _decided(node) | _weighed(graph, node, numbers)
        nodes.append(found)
    edges = [[numbers[a.source], numbers[a.target], a.role] for a in arrows(graph)]
    return {"nodes": nodes, "edges": edges, "keys": [[list(key) for key in keys] for keys in tables]}


def _decided(node: Node) -> dict[str, Any]:
    """Which elements of which decision a node stands for."""
    if not isinstance(node, DecisionNode):
        return {}
    return {"decision": node.name, "elements": node.elements.array[:KEYS].tolist()}


def _weighed(graph: Graph, node: Node, numbers: Mapping[int, int]) -> dict[str, Any]:
    """What decisions let through to a node: `gate`, the decision that multiplies it; or `subject`, the decision that takes
    one of the `alternatives` [node, option]."""
    match node:
        case Operator(operator="*", operands=operands):
            gates = [ref.node for ref in operands if isinstance(graph[ref.node], DecisionNode)]
            return {"gate": numbers[gates[0]]} if gates else {}
        case Select(subject=subject, labels=labels, alternatives=alternatives):
            if not isinstance(graph[subject.node], DecisionNode):
                return {}
            taken = [[numbers[ref.node], str(label)] for label, ref in zip(labels, alternatives, strict=True)]
            return {"subject": numbers[subject.node], "alternatives": taken}
        case _:
            return {}


def decision_data(decision: Decision) -> dict[str, Any]:
    """A decision as the page shows it; of one with few elements their keys and options too. Of gates of values `copies`: the keys
    are those of its rows, without the value, and each stands for so many gates."""
    listed = decision.keys is not None and decision.elements <= KEYS
    if decision.packed and len(decision.rows) == len(decision.counts) <= KEYS:
        rows = [[part for part in row if part != ANY_VALUE] for row in decision.rows]
        return {**_decision_data(decision, rows), "copies": list(decision.counts)}
    return _decision_data(decision, [list(key) for key in decision.keys or ()] if listed else None)


def _decision_data(decision: Decision, keys: list[list[Any]] | None) -> dict[str, Any]:
    one = len(decision.domains) == 1
    return {
        "name": decision.name,
        "axes": list(decision.axes),
        "elements": decision.elements if decision.elements < 2**53 else str(decision.elements),
        "domain": " or ".join(map(domain_text, decision.domains)),
        "kind": decision.domains[0].kind if decision.domains else "",
        "options": list(decision.domains[0].options) if one else [],
        "default": default_text(decision) if decision.elements else "",
        "conditional": decision.conditional,
        "keys": keys,
    }
