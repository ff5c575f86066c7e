"""A graph as text: a line for each decision and node, the same for the same graph whatever its nodes are numbered.

    choose keep[i < j in fields] × 3 : gate {off, on}, default on
    %4 p.dot[i < j in fields] × 3 : number run = dot(%2[i], %2[j])

An operand that reads row k in row k is written `%2`; one that reads along some of the consumer's binders `%2[i]`; one
row for all `%2[=user]`; a run of rows `%2[3..7]`; anything else `%2[rows 0 0 1 …]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, permutations
from typing import Any, assert_never

import numpy as np

from .decisions import Decision, Domain, Key
from .ir import (
    Block,
    Constant,
    Cost,
    DecisionNode,
    Graph,
    Index,
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

SHOWN = 8
INFIX = ("+", "-", "*", "/", "^", "@", "==", "!=", "<", ">", "<=", ">=", "and", "or", "is")
Numbers = Mapping[int, int]


def show(graph: Graph) -> str:
    """The whole graph; producers stand before consumers, nodes are numbered from %0."""
    numbers = {key: k for k, (key, _) in enumerate(graph.items())}
    lines = [f"space {graph.name}", *map(_decision, graph.decisions)]
    lines += [f"%{numbers[key]}{_node(graph, numbers, node)}" for key, node in graph.items()]
    return "\n".join(lines) + "\n"


def _decision(decision: Decision) -> str:
    domains = " or ".join(map(domain_text, decision.domains))
    facts = [f"default {default_text(decision)}"]
    facts += ["conditional"] if decision.conditional else []
    facts += [f"given by {decision.given}"] if decision.given else []
    facts += ["prior"] if decision.prior else []
    facts += [f"rank {decision.rank}"] if decision.rank else []
    facts += [f"for every value of {decision.per_value}"] if decision.per_value else []
    head = f"{decision.name}{_axes(decision.axes)}{_times(decision.elements, decision.axes)}"
    return f"choose {head} : {domains}, {', '.join(facts)}"


def domain_text(domain: Domain) -> str:
    """What an element may be: `gate {off, on}`, `range 1..5`."""
    match domain.kind:
        case "range":
            return f"range {domain.low:g}..{domain.high:g}"
        case "real":
            return f"real {'log ' if domain.log else ''}{domain.low:g}..{domain.high:g}"
        case "subset":
            return f"subset of {domain.low:g}..{domain.high:g} out of {_some(domain.options)}"
        case "gate" | "number" | "name" | "alternative":
            return f"{domain.kind} {_some(domain.options)}"
        case _:
            assert_never(domain.kind)


def default_text(decision: Decision) -> str:
    """The hand-made model's options, the distinct ones of all elements."""
    found: list[str] = []
    for element in range(len(decision.defaults)):
        domain, position = decision.domain(min(element, len(decision.domain_of or (0,)) - 1)), decision.default(element)
        if isinstance(position, tuple):
            found.append("{" + ", ".join(str(domain.options[k]) for k in position) + "}")
        elif domain.kind == "real" or not domain.options:
            found.append(f"{position:g}")
        else:
            found.append(str(domain.options[int(position)]))
    distinct = list(dict.fromkeys(found))
    return distinct[0] if len(distinct) == 1 else _cut(found)


# -- nodes -------------------------------------------------------------------------------------------------


def _node(graph: Graph, numbers: Numbers, node: Node) -> str:
    part = f".{node.part}" if isinstance(node, Operator) and node.part else ""
    name = f" {node.place}{part}" if node.place or part else ""
    settled = [f"%{numbers[w.node]}{_rows(graph, node.index, w)}" for w in node.widths if w is not None]
    widths = f" by {', '.join(settled)}" if settled else ""
    head = f"{name}{_axes(node.index.axes)}{_times(len(node.index), node.index.axes)}"
    return f"{head} : {node.shape}{widths} {node.phase} = {formula(graph, numbers, node)}"


def formula(graph: Graph, numbers: Numbers, node: Node) -> str:
    """What a node computes, with its operands by number: `dot(%2[i], %2[j])`."""

    def to(ref: Ref) -> str:
        return f"%{numbers[ref.node]}{_rows(graph, node.index, ref)}"

    match node:
        case Input(columns=columns):
            return f"input({_cut([c.key for c in columns])})"
        case Constant(values=values):
            return _array(values)
        case Learned(name=name, initial=initial):
            return f"learn {name} = {initial:g}"
        case DecisionNode(name=name, elements=elements):
            read = (("if", node.exists), ("given", node.given), ("prior", node.prior))
            facts = [f"{word} {to(r)}" for word, r in read if r]
            every = elements.is_all(graph.decision(name).elements)
            return " ".join([f"decision {name}{'' if every else f'[{_numbers(elements)}]'}", *facts])
        case Operator():
            return _operator(node, to)
        case Select(subject=subject, labels=labels, alternatives=alternatives):
            pairs = ", ".join(f"{label}: {to(a)}" for label, a in zip(labels, alternatives, strict=True))
            return f"select {to(subject)} {{ {pairs} }}"
        case Reduce():
            return _reduce(graph, numbers, node)
        case Merge(sources=sources, source_of=source_of):
            inside = ", ".join(f"%{numbers[s.node]}{_picked(graph, s)}" for s in sources)
            return f"merge({inside}) by [{_numbers(source_of)}]"
        case SubsetSum(members=members, sizes=sizes):
            inside = f"%{numbers[members.node]}{_picked(graph, members)}"
            weights = (
                f", factors of %{numbers[node.weights.node]}{_picked(graph, node.weights)}" if node.weights else ""
            )
            return f"subsets({inside} of {', '.join(map(str, sizes))}{weights})"
        case Output(role=role, value=value):
            return f"{role} {to(value)}"
        case Cost(measure=measure, scope=scope, relative=relative):
            inside = ", ".join(f"%{numbers[s.node]}{_picked(graph, s)}" for s in scope)
            return f"{measure}({inside}){' relative' if relative else ''}"
        case _:
            assert_never(node)


def _operator(node: Operator, to: Any) -> str:
    if node.operator in INFIX and len(node.operands) == 2 and not node.options:
        return f" {node.operator} ".join(map(to, node.operands))
    options = [f"{k.removeprefix('·')}={to(v) if isinstance(v, Ref) else _value(v)}" for k, v in node.options.items()]
    inside = ", ".join([*map(to, node.operands), *options])
    keys = f"[{_cut([_key(k) for k in node.keys], '; ')}]" if any(node.keys) else ""
    columns = f" on {_cut([c.key for c in node.columns])}" if node.columns else ""
    chosen = "".join(f" where {name} = #{option}" for name, _, option in node.chosen)
    return f"{node.operator}{keys}({inside}){columns}{chosen}"


def _reduce(graph: Graph, numbers: Numbers, node: Reduce) -> str:
    def of(block: Block) -> str:
        count = f" × {block.count}" if node.segments is None else f" by [{_numbers(node.segments)}]"
        candidate = f" as {block.candidate}" if block.candidate else ""
        return f"%{numbers[block.ref.node]}{_picked(graph, block.ref)}{count}{candidate}"

    weights = f" weighted by %{numbers[node.weights.node]}{_picked(graph, node.weights)}" if node.weights else ""
    return f"{node.operator}({', '.join(map(of, node.blocks))}){weights}{' as a matrix' if node.mixed else ''}"


# -- rows --------------------------------------------------------------------------------------------------


def _rows(graph: Graph, index: Index, ref: Ref) -> str:
    """Which rows of the producer a consumer of this index reads."""
    producer = graph[ref.node].index
    if ref.rows.is_all(len(producer)) or len(producer) == 1:
        return ""
    names = [n for axis in index.axes for n in _names(axis)]
    if len(ref.rows) == len(index) and all(len(k) == len(names) for k in index.keys):
        read = [producer.keys[r] for r in ref.rows.array]
        wanted = len(read[0]) if read else 0
        if 0 < wanted <= len(names) <= 4:
            for picked in (*combinations(range(len(names)), wanted), *permutations(range(len(names)), wanted)):
                if all(tuple(k[p] for p in picked) == r for k, r in zip(index.keys, read, strict=True)):
                    return f"[{', '.join(names[p] for p in picked)}]"
    return _picked(graph, ref)


def _names(axis: str) -> list[str]:
    """The variables of a binder as text: `i < j in fields` → i, j."""
    return [n.strip() for n in axis.partition(" in ")[0].replace("<=", ",").replace("<", ",").split(",")]


def _picked(graph: Graph, ref: Ref) -> str:
    rows, producer = ref.rows.array, graph[ref.node].index
    if ref.rows.is_all(len(producer)) or len(producer) == 1:
        return ""
    if not len(rows):
        return "[none]"
    if bool((rows == rows[0]).all()):
        return f"[={_key(producer.keys[rows[0]]) or rows[0]}]"
    if bool((rows == rows[0] + np.arange(len(rows))).all()):
        return f"[{rows[0]}..{rows[-1]}]"
    return f"[rows {_numbers(ref.rows)}]"


def _key(key: Key) -> str:
    return ",".join(map(str, key))


def _numbers(rows: Rows) -> str:
    shown = " ".join(map(str, rows.array[:SHOWN]))
    return shown if len(rows) <= SHOWN else f"{shown} …"


# -- values ------------------------------------------------------------------------------------------------


def _value(value: Any) -> str:
    match value:
        case np.ndarray():
            return _array(value)
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case tuple() | list():
            return f"[{_cut([_value(v) for v in value])}]"
        case _:
            return str(value)


def _array(values: Any) -> str:
    flat = np.asarray(values).ravel()
    shown = ", ".join(f"{v:g}" for v in flat[:SHOWN])
    return f"[{shown}{', …' if flat.size > SHOWN else ''}]" if flat.size != 1 else shown


def _axes(axes: Iterable[str]) -> str:
    joined = ", ".join(axes)
    return f"[{joined}]" if joined else ""


def _times(n: int, axes: Iterable[str]) -> str:
    return f" × {n}" if n != 1 or any(axes) else ""


def _some(options: Iterable[object]) -> str:
    return "{" + _cut([str(o) for o in options]) + "}"


def _cut(texts: list[str], between: str = ", ") -> str:
    shown = between.join(texts[:SHOWN])
    return shown if len(texts) <= SHOWN else f"{shown}{between}… {len(texts)} in all"
