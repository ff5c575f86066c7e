"""Options of an operator as a call gives them: read, and checked against what the promise allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from .atoms import Label, describe, is_number, members
from .columns import ATOM, Column, Context
from .decisions import Domain
from .ir import Constant, DecisionNode, Merge, Reduce
from .promise import Operator, Option
from .state import State


def option_value(state: State, kind: str, expr: ast.Expr, ctx: Context) -> Any:
    """An option's value: a column; a list of widths as one column for each of them."""
    if kind == "widths":
        if isinstance(expr, ast.ListOf):
            return tuple(state.column(item, ctx) for item in expr.items)
        column = state.column(expr, ctx)
        listed = _listed(state, column)
        if listed is not None:
            return listed
        lists = [members(a) if column.constant else None for a in column.atoms]
        if any(one is None or len(one) != len(lists[0] or ()) for one in lists) or not column.constant:
            raise state.builder.report("S0310", "a list of widths is needed", expr.span, help="write [400, 400]")
        return tuple(Column.of_atoms([one[k] for one in lists if one]) for k in range(len(lists[0] or ())))
    return state.column(expr, ctx, labels=kind in ("label", "any"))


def _listed(state: State, column: Column) -> tuple[Column, ...] | None:
    """The elements of a list that holds decisions (`[choose n from …, 32]`, passed on by its name)."""
    made = column.node_ids()
    node = state.builder.nodes[made[0]] if len(made) == 1 and not column.has_atoms else None
    if not isinstance(node, Reduce) or node.operator != "vector" or node.phase == "run":
        return None
    found = []
    for block in node.blocks:
        for e in range(block.count):
            at = block.ref.rows.array[column.rows * block.count + e]
            found.append(_origins(state, [(block.ref.node, int(r)) for r in at]))
    return tuple(found)


def _origins(state: State, places: Sequence[tuple[int, int]]) -> Column:
    """Rows of the nodes that merged rows came from; constants as the numbers that they are."""
    nodes, rows, atoms = [], [], []
    for node, row in places:
        source = state.builder.nodes[node]
        while isinstance(source, Merge):
            k = int(source.source_of.array[row])
            before = int((source.source_of.array[:row] == k).sum())
            node, row = source.sources[k].node, int(source.sources[k].rows.array[before])
            source = state.builder.nodes[node]
        known = isinstance(source, Constant)
        nodes.append(ATOM if known else node)
        rows.append(0 if known else row)
        atoms.append(_whole(source.values[row]) if isinstance(source, Constant) else None)
    return Column(
        np.array(nodes, dtype=np.int64), np.array(rows, dtype=np.int64), tuple(atoms) if ATOM in nodes else ()
    )


def _whole(value: Any) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def check_options(
    state: State, promise: Operator, options: Mapping[str, Any], given: Mapping[str, ast.Expr], ctx: Context
) -> None:
    """Report what is given and not allowed."""
    for option in promise.options:
        column = options[option.name]
        span = given[option.name].span if option.name in given else None
        if span is None:
            continue
        if option.kind == "widths" and not column:
            raise state.builder.report(
                "S0310", f"`{option.name}` of {promise.name}() is a list of widths, and this one is empty", span, "no width",
                help="write [400, 400]",
            )  # fmt: skip
        for one in column if isinstance(column, tuple) else (column,):
            _check_decided(state, promise, option, one, span)
            atoms = [a for a, n in zip(one.atoms, one.nodes, strict=True) if n == ATOM] if one.atoms else []
            for atom in dict.fromkeys(atoms):
                problem = _problem(option, atom)
                if problem:
                    raise state.builder.report("S0310", f"`{option.name}` of {promise.name}() {problem}, and this is {describe(atom)}", span, describe(atom),
                                               help=_label_help(option, atom), edits=_label_edit(option, atom, span))  # fmt: skip


def _check_decided(state: State, promise: Operator, option: Any, column: Column, span: Span) -> None:
    """A searched option: everything that the decision may choose is a value that the option can have."""
    for node in map(state.builder.nodes.__getitem__, column.node_ids()):
        if isinstance(node, DecisionNode):
            domains = state.entries[node.name].domains
            wrong = next(((o,) for d in domains for o in _offered(option, d) if _problem(option, o)), None)
            said = f"`{wrong[0]}` is an option here" if wrong else ""
        else:
            wrong, said = (None,), "this is a value of the model" if option.kind == "label" else ""
        if said and wrong:
            raise state.builder.report(
                "S0310", f"`{option.name}` of {promise.name}() {_problem(option, wrong[0])}, and {said}", span,
                "" if wrong[0] is None else str(wrong[0]), help=_label_help(option, wrong[0]),
            )  # fmt: skip
    if option.kind in ("width", "widths", "whole", "real"):
        _check_numbers(state, promise.name, option, column, span)


def _check_numbers(state: State, function: str, option: Option, column: Column, span: Span) -> None:
    """Every number that decisions may give an option is one that it takes."""
    for node, row in dict.fromkeys(zip(column.nodes.tolist(), column.rows.tolist(), strict=True)):
        if node == ATOM or state.builder.nodes[node].phase == "run":
            continue
        for number in _possible(state, node, row) or ("any number",):
            problem = _problem(option, number)
            if problem:
                raise state.builder.report("S0310", f"`{option.name}` of {function}() {problem}, and this can be {number}", span, f"can be {number}",
                                           help="leave such options out of the domain")  # fmt: skip


def whole_from_one(state: State, function: str, name: str, column: Column, span: Span) -> None:
    """An option of a function of the compiler's own: whole numbers from 1, known when compiling or searched."""
    option = Option(name, "whole", low=1)
    if any(state.builder.nodes[k].phase == "run" for k in column.node_ids()):
        raise state.builder.report("S0310", f"`{name}` of {function}() is known when compiling, or searched", span, "here each example decides it")  # fmt: skip
    for atom, node in zip(column.atoms, column.nodes, strict=False):
        if node == ATOM and (problem := _problem(option, atom)):
            raise state.builder.report("S0310", f"`{name}` of {function}() {problem}, and this is {describe(atom)}", span, describe(atom))  # fmt: skip
    _check_numbers(state, function, option, column, span)


def _possible(state: State, key: int, row: int) -> tuple[Any, ...]:
    """What a row of the search phase can be, or the ends of it; nothing where that is not known."""
    node = state.builder.nodes[key]
    if isinstance(node, DecisionNode):
        domain = state.entries[node.name].domain(int(node.elements.array[row]))
        if domain.kind in ("real", "range"):
            return (domain.low, domain.high)
        if domain.kind in ("name", "alternative", "subset"):
            return tuple(map(Label, map(str, domain.options[:1])))
    return tuple(map(_whole, state.builder.candidates(key, row)))


def _offered(option: Any, domain: Domain) -> tuple[Any, ...]:
    """What an option would be given, as plain values: the ends of a range stand for all of it."""
    match domain.kind:
        case "gate" if option.kind == "flag":
            return (False, True)
        case "range" if not domain.options:
            return (int(domain.low), int(domain.high))
        case "real":
            return (float(domain.low), float(domain.high))
        case _:
            return domain.options


def _label_help(option: Any, atom: Any) -> str:
    near = nearest(str(atom), option.choices) if option.choices else None
    return f"did you mean `{near}`?" if near else ""


def _label_edit(option: Option, atom: Any, span: Span) -> tuple[Edit, ...]:
    near = nearest(str(atom), option.choices) if option.choices else None
    return (Edit(span, near),) if near and span.text == str(atom) else ()


def _problem(option: Option, atom: Any) -> str:
    match option.kind:
        case "width" | "widths" | "logits":
            if isinstance(atom, Label):
                return "is a width"
            return (
                "" if isinstance(atom, int) and not isinstance(atom, bool) and atom >= 1 else "is a whole number from 1"
            )
        case "whole":
            ok = isinstance(atom, int) and not isinstance(atom, bool)
            ok = ok and (option.low is None or atom >= option.low) and (option.high is None or atom <= option.high)
            limits = f" from {option.low:g}" if option.low is not None else ""
            limits += f" to {option.high:g}" if option.high is not None else ""
            return "" if ok else f"is a whole number{limits}"
        case "real":
            ok = (
                is_number(atom)
                and (option.low is None or atom >= option.low)
                and (option.high is None or atom <= option.high)
            )
            return (
                ""
                if ok
                else "is a number"
                + (f" in {option.low:g}..{option.high:g}" if option.low is not None and option.high is not None else "")
            )
        case "flag":
            return "" if isinstance(atom, bool) or str(atom) in ("true", "false") else "is true or false"
        case "label":
            return "" if str(atom) in option.choices else f"is one of {', '.join(option.choices)}"
        case _:
            return ""
