"""What is written in a picture of a graph: a box for every family, an arrow for everything that it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from ..ir.nodes import (
    Constant,
    Cost,
    DecisionNode,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Output,
    Reduce,
    Select,
    SubsetSum,
)
from ..ir.rows import Ref
from .drawable import Drawable

NAMES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Box:
    """`title` names the family with its axes and how many elements it has, `detail` its shape and phase, `note` what
    else there is to know. Plain text, not escaped for anything. `kind`: input, constant, learned, decision, operator,
    select, reduce, merge, output or cost."""

    key: int
    kind: str
    title: str
    detail: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """`source` feeds `target`; `role` is "" for an ordinary input, else exists, given, prior, width, subject, weights
    or the name of a searched option."""

    source: int
    target: int
    role: str = ""


def boxes(graph: Drawable) -> tuple[Box, ...]:
    """Producers before consumers."""
    return tuple(_box(key, node, graph) for key, node in graph.items())


def arrows(graph: Drawable) -> tuple[Arrow, ...]:
    """Each pair of nodes and role once."""
    found = [Arrow(ref.node, key, role) for key, node in graph.items() for role, ref in reads(node)]
    return tuple(dict.fromkeys(found))


def _box(key: int, node: Node, graph: Drawable) -> Box:
    axes = ", ".join(node.index.axes)
    count = len(node.index)
    if isinstance(node, DecisionNode):
        # A family over values of a field has one row for each field, but stands for an element of every value.
        count = max(count, _elements(graph, node))
    title = name_of(node) + (f"[{axes}]" if axes else "") + (f" × {count:,}" if axes or count > 1 else "")
    shape = str(node.shape)
    return Box(key, kind_of(node), title, f"{shape} · {node.phase} phase", note_of(node, graph))


def _elements(graph: Drawable, node: DecisionNode) -> int:
    decision = next((d for d in graph.decisions if d.name == node.name), None)
    if decision is None:
        return 0
    if decision.counts:
        return sum(decision.counts[row] for row in node.elements.array if row < len(decision.counts))
    return 0


def kind_of(node: Node) -> str:
    """The kind of a node as one word."""
    return "decision" if isinstance(node, DecisionNode) else type(node).__name__.lower()


def name_of(node: Node) -> str:
    """What a family is called: the name that the text gave it, or what it does."""
    match node:
        case DecisionNode(name=name) | Learned(name=name):
            return name
        case Input(columns=columns):
            keys = list(dict.fromkeys(column.key for column in columns))
            return ", ".join(keys[:NAMES_SHOWN]) + (", …" if len(keys) > NAMES_SHOWN else "")
        case Constant(values=values):
            flat = values.ravel()
            return ", ".join(f"{x:g}" for x in flat[:NAMES_SHOWN]) + (", …" if flat.size > NAMES_SHOWN else "")
        case Operator(operator=operator) | Reduce(operator=operator):
            return operator
        case Select():
            return "select"
        case Merge():
            return node.place or "merge"
        case SubsetSum():
            return "subsets"
        case Output(role=role):
            return role
        case Cost(measure=measure):
            return measure
        case _:
            assert_never(node)


def note_of(node: Node, graph: Drawable) -> str:
    """The second thing to know: a domain, options, alternatives, the text of an output, or else the place."""
    match node:
        case DecisionNode(name=name):
            decision = next((d for d in graph.decisions if d.name == name), None)
            return _domain(decision.domains[0]) if decision and decision.domains else ""
        case Operator(options=options) if options:
            given = ", ".join(f"{name} = {option_text(value)}" for name, value in options.items())
            return f"{node.place}({given})" if node.place else given
        case Select(labels=labels):
            return " | ".join(str(label) for label in labels)
        case Output(text=text):
            return text
        case Learned(initial=initial):
            return f"learned, from {initial}"
        case Cost(relative=relative):
            return "relative to the widest model" if relative else ""
        case SubsetSum(sizes=sizes):
            return f"of {', '.join(map(str, sizes))}"
        case Merge():
            return ""  # its place is its name
        case Input() | Constant() | Operator() | Reduce():
            return node.place
        case _:
            assert_never(node)


def _domain(domain: Any) -> str:
    options = [str(option) for option in domain.options[:8]]
    if options:
        return "{" + ", ".join(options) + (", …}" if len(domain.options) > 8 else "}")
    return f"{domain.low:g}..{domain.high:g}"


def option_text(value: Any) -> str:
    """An option as the language writes it."""
    if isinstance(value, Ref):
        return "searched"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(option_text, value)) + "]"
    return str(value)


def reads(node: Node) -> tuple[tuple[str, Ref], ...]:
    """Every operand with its role."""
    widths = tuple(("width", ref) for ref in node.widths if ref is not None)
    match node:
        case Input() | Constant() | Learned():
            return widths
        case DecisionNode():
            named = (("exists", node.exists), ("given", node.given), ("prior", node.prior))
            return (*((role, ref) for role, ref in named if ref is not None), *widths)
        case Operator():
            options = tuple((name, value) for name, value in node.options.items() if isinstance(value, Ref))
            return (*(("", ref) for ref in node.operands), *options, *widths)
        case Select():
            return (("subject", node.subject), *(("", ref) for ref in node.alternatives), *widths)
        case Reduce():
            weights = (("weights", node.weights),) if node.weights is not None else ()
            return (*(("", block.ref) for block in node.blocks), *weights, *widths)
        case Merge():
            return (*(("", ref) for ref in node.sources), *widths)
        case SubsetSum():
            weights = (("weights", node.weights),) if node.weights is not None else ()
            return (("", node.members), *weights, *widths)
        case Output():
            return (("", node.value), *widths)
        case Cost():
            return (*(("", ref) for ref in node.scope), *widths)
        case _:
            assert_never(node)
