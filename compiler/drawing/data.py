"""A graph as JSON, for programs that draw or compare graphs."""

from __future__ import annotations

import json
from typing import Any

from ..decisions import Decision, Domain
from ..ir import Graph, Node, Operator, Output, Reduce, Select
from .boxes import kind_of, name_of, option_text, reads

VERSION = 1
KEYS = 10_000
"""Elements of a family that are named, at most."""


def to_json(graph: Graph) -> str:
    """The whole graph, one node a family, in an order in which producers come first."""
    data = {
        "version": VERSION,
        "name": graph.name,
        "nodes": [_node(key, node) for key, node in graph.items()],
        "edges": [
            {"source": ref.node, "target": key, "role": role, "rows": len(ref.rows)}
            for key, node in graph.items()
            for role, ref in reads(node)
        ],
        "decisions": [_decision(decision) for decision in graph.decisions],
        "outputs": list(graph.outputs),
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _node(key: int, node: Node) -> dict[str, Any]:
    start, end = (node.span.source.position(at) for at in (node.span.start, node.span.end))
    found: dict[str, Any] = {
        "id": key,
        "kind": kind_of(node),
        "name": name_of(node),
        "axes": list(node.index.axes),
        "rows": len(node.index),
        "keys": [list(k) for k in node.index.keys[:KEYS]],
        "values_of": list(dict.fromkeys(node.index.values)),
        "elements_of": [run.field for run in node.index.runs],
        "shape": {"kind": node.shape.kind, "dims": [_dim(d) for d in node.shape.dims]},
        "phase": node.phase,
        "place": node.place,
        "span": {"file": node.span.source.name, "start": list(start), "end": list(end)},
    }
    match node:
        case Operator():
            found["options"] = {name: option_text(value) for name, value in node.options.items()}
            found["layer"] = node.layer
        case Select():
            found["labels"] = list(node.labels)
        case Reduce():
            found["blocks"] = [block.count for block in node.blocks]
        case Output():
            found["text"] = node.text
        case _:
            pass
    return found


def _dim(dim: Any) -> Any:
    return dim if isinstance(dim, int) else {"searched": list(dim.candidates)}


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "name": decision.name,
        "axes": list(decision.axes),
        # Beyond 2^53 few readers of JSON keep a whole number.
        "elements": decision.elements if decision.elements < 2**53 else str(decision.elements),
        "domains": [_domain(domain) for domain in decision.domains],
        "conditional": decision.conditional,
        "given": decision.given,
        "prior": decision.prior,
        "rank": decision.rank,
        "per_value": decision.per_value,
    }


def _domain(domain: Domain) -> dict[str, Any]:
    return {
        "kind": domain.kind,
        "options": list(domain.options),
        "low": domain.low,
        "high": domain.high,
        "log": domain.log,
    }
