"""Calls: the compiler's own functions, components, and the operators that promises describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.sites import base_name
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from . import advice, fields
from .aggregates import AGGREGATES, aggregate
from .atoms import (
    ElementsOf,
    FieldRef,
    ItemSet,
    Label,
    RealRange,
    SubsetDomain,
    SubsetsOf,
    ValuesOf,
    describe,
    is_number,
    key_label,
    members,
)
from .builder import Failed, groups
from .columns import ATOM, Column, Context, scatter
from .decisions import Key
from .families import rows_at
from .ir import Constant, Cost, DecisionNode, Input, IntArray, Merge, Reduce, Ref, Rows
from .promise import REQUIRED, Operator, no_buffers, no_weights
from .schema import Column as DataColumn
from .scopes import Family
from .search_phase import FUNCTIONS
from .state import State

COSTS = ("parameters", "memory")


def call(state: State, expr: ast.Call, ctx: Context) -> Any:
    """A call in every row of a context."""
    name, subscripts = _callee(state, expr, ctx)
    component = _component(state, expr.function, ctx)
    if component is not None:
        if subscripts:
            raise state.builder.report(
                "S0311", f"`{name}` is a component: each call has weights of its own already", expr.function.span
            )
        return state.call_component(component, expr, ctx)
    site = ctx.scope.place(ctx.scope.sites.get((expr.span.start, expr.span.end), name))
    if name in AGGREGATES and name not in FUNCTIONS:
        return aggregate(state, name, expr, ctx, site)
    own = OWN.get(name)
    if own is not None and not subscripts:
        return own(state, expr, ctx)
    promise = state.promises.operators.get(name)
    if promise is None or isinstance(expr.function, ast.Qualified):
        raise unknown(state, name, ctx, expr.function.span, "function")
    return operator(state, promise, expr, ctx, site, subscripts)


def _callee(state: State, expr: ast.Call, ctx: Context) -> tuple[str, Sequence[Key]]:
    match expr.function:
        case ast.Subscript(ast.Name(name), slots):
            columns = []
            for slot in slots:
                if isinstance(slot, ast.All):
                    raise state.builder.report("S0311", "a layer's subscript names indices, not `:`", slot.span)
                columns.append(state.column(slot, ctx))
            keys: list[Key] = []
            for row in range(ctx.n):
                parts = []
                for column, slot in zip(columns, slots, strict=True):
                    if column.nodes[row] != ATOM:
                        raise state.builder.report(
                            "S0311", "a layer's subscript is known when compiling", slot.span, "decided later"
                        )
                    parts.append(key_label(column.atoms[row]))
                keys.append(tuple(parts))
            return name, keys
        case _:
            return base_name(expr.function), ()


def _component(state: State, function: ast.Expr, ctx: Context) -> ast.Component | None:
    match function:
        case ast.Name(name) | ast.Subscript(ast.Name(name)):
            if name in ctx.scope.definitions:
                raise state.builder.report("S0106", f"`{name}` is a value, not a function", function.span, "called here",
                                           help=f"an element of a family is read with brackets: {name}[…]")  # fmt: skip
            found: ast.Component | None = ctx.scope.components.get(name)
            return found
        case ast.Qualified(module, name):
            found = ctx.scope.components.get(f"{module}.{name}")
            if found is None:
                raise unknown(state, f"{module}.{name}", ctx, function.span, "component")
            return found
        case _:
            raise state.builder.report("S0106", "only names are called", function.span)


def builtin_names() -> tuple[str, ...]:
    """The functions that the compiler has itself."""
    return (*OWN, *AGGREGATES)


def known_names(state: State, ctx: Context) -> list[str]:
    """Everything that a name could have meant here."""
    return [*ctx.names(), *ctx.scope.definitions, *ctx.scope.arguments, *ctx.scope.components, *OWN, *AGGREGATES,
            *state.promises.operators, *(f.name for f in state.schema.fields), "fields", "categorical", "numeric", "multivalued"]  # fmt: skip


def unknown(state: State, name: str, ctx: Context, span: Span, what: str) -> Failed:
    """An unknown name, with the nearest one that would do."""
    if name in state.program.broken:
        return Failed(f"the declaration of {name} has an error of its own")
    near = nearest(name, known_names(state, ctx))
    return state.builder.report("S0104", f"no {what} is called `{name}`", span, "not known here",
                                help=f"did you mean `{near}`?" if near else "", edits=(Edit(span, near),) if near else ())  # fmt: skip


# -- operators ---------------------------------------------------------------------------------------------


def arguments(state: State, promise: Operator, expr: ast.Call) -> tuple[list[ast.Expr], dict[str, ast.Expr]]:
    """The call's inputs in order, and its options by name."""
    names = promise.positional or (*promise.inputs, *(o.name for o in promise.options))
    options = {o.name for o in promise.options}
    inputs: dict[str, ast.Expr] = {}
    given: dict[str, ast.Expr] = {}
    rest: list[ast.Expr] = []
    position = 0
    for argument in expr.arguments:
        match argument:
            case ast.Keyword(name, inner):
                if isinstance(inner, ast.Schedule) or (name not in options and name not in promise.inputs):
                    near = nearest(name, [*options])
                    written = Span(argument.span.source, argument.span.start, argument.span.start + len(name))
                    raise state.builder.report("S0308", f"{promise.name}() has no option `{name}`", written if near else argument.span, "not known",
                                               help=f"did you mean `{near}`?" if near else f"options: {', '.join(sorted(options)) or 'none'}",
                                               edits=(Edit(written, near),) if near else ())  # fmt: skip
                (given if name in options else inputs)[name] = inner
            case ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", f"{promise.name}() takes values, not a generator", argument.span)
            case _:
                if position < len(names) and not names[position].endswith("*"):
                    name = names[position]
                    (given if name in options else inputs)[name] = argument
                    position += 1
                elif position < len(names):
                    rest.append(argument)
                else:
                    raise state.builder.report(
                        "S0308", f"{promise.name}() takes {len(names)} arguments at most", argument.span, "one too many"
                    )
    missing = [n for n in promise.inputs if n not in inputs and not n.endswith("*")]
    missing += [o.name for o in promise.options if o.default is REQUIRED and o.name not in given]
    if missing:
        raise state.builder.report(
            "S0308", f"{promise.name}() needs {' and '.join(f'`{m}`' for m in missing)}", expr.span, "missing"
        )
    ordered = [inputs[n] for n in promise.inputs if n in inputs]
    return [*ordered, *rest], given


def operator(
    state: State, promise: Operator, expr: ast.Call, ctx: Context, site: str, subscripts: Sequence[Key]
) -> Column:
    """Apply an operator of the runtime's."""
    if promise.inputs[:1] == ("prediction",):
        return objective(state, promise, expr, ctx)
    inputs, given = arguments(state, promise, expr)
    options: dict[str, Any] = {}
    for option in promise.options:
        if option.name in given:
            options[option.name] = _option(state, option.kind, given[option.name], ctx)
        else:
            options[option.name] = Column.uniform(option.default, ctx.n)
    _check(state, promise, options, given, ctx)
    if promise.name in ("embed", "weight"):
        field = state.column(inputs[0], ctx)
        return fields.look_up(state, promise.name, field, options, ctx, expr.span, site, subscripts)
    values, failure = [], None
    for argument in inputs:
        try:
            values.append(_input(state, promise, argument, ctx))
        except Failed as failed:
            failure = failed
    if failure is not None:
        raise failure
    try:
        return apply(state, promise, values, options, ctx, expr.span, site, "", subscripts)
    except Failed:
        advice.explain(state, expr.span, inputs, ctx)
        raise


def objective(state: State, promise: Operator, expr: ast.Call | ast.Name, ctx: Context) -> Column:
    """`logloss`, `bpr(negatives = 1)`: an objective on what is predicted; prediction and label are its inputs."""
    if state.predicted is None:
        raise state.builder.report(
            "S0212", f"`{promise.name}` stands in `minimize`", expr.span, "needs what is predicted"
        )
    given: dict[str, ast.Expr] = {}
    if isinstance(expr, ast.Call):
        bare = replace(promise, inputs=(), positional=())
        _, given = arguments(state, bare, expr)
    options = {
        o.name: _option(state, o.kind, given[o.name], ctx) if o.name in given else Column.uniform(o.default, ctx.n)
        for o in promise.options
    }
    _check(state, promise, options, given, ctx)
    found = [state.predicted]
    if "label" in promise.inputs:
        label = Input(index=ctx.index(), span=expr.span, columns=(DataColumn("label"),) * ctx.n)
        found.append(Column.of_node(state.builder.add(label), ctx.n))
    return state.builder.apply(promise.name, found, ctx, expr.span, options=options)


def _input(state: State, promise: Operator, argument: ast.Expr, ctx: Context) -> Column:
    value = state.evaluate(argument, ctx)
    if isinstance(value, Family):
        if promise.name in ("diversity", "l2", "flatten"):
            from .aggregates import _family

            return _family(state, "stack" if promise.name != "l2" else "concat", value, ctx, argument.span, "")
        return state.column(argument, ctx)
    return value


def _option(state: State, kind: str, expr: ast.Expr, ctx: Context) -> Any:
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


def _check(
    state: State, promise: Operator, options: Mapping[str, Any], given: Mapping[str, ast.Expr], ctx: Context
) -> None:
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
    """A searched option: a decision among names that the operator knows."""
    if option.kind != "label":
        return
    for node in map(state.builder.nodes.__getitem__, column.node_ids()):
        names = state.entries[node.name].domains if isinstance(node, DecisionNode) else ()
        wrong = next((o for d in names for o in d.options if str(o) not in option.choices), None)
        if wrong is not None or not names:
            said = f"`{wrong}` is an option here" if names else "this is a value of the model"
            raise state.builder.report(
                "S0310", f"`{option.name}` of {promise.name}() {_problem(option, wrong)}, and {said}", span, str(wrong or ""),
                help=_label_help(option, wrong),
            )  # fmt: skip


def _label_help(option: Any, atom: Any) -> str:
    near = nearest(str(atom), option.choices) if option.choices else None
    return f"did you mean `{near}`?" if near else ""


def _label_edit(option: Any, atom: Any, span: Span) -> tuple[Edit, ...]:
    near = nearest(str(atom), option.choices) if option.choices else None
    return (Edit(span, near),) if near and span.text == str(atom) else ()


def _problem(option: Any, atom: Any) -> str:
    match option.kind:
        case "width" | "widths" | "logits":
            if isinstance(atom, Label):
                return "is a width"
            return (
                "" if isinstance(atom, int) and not isinstance(atom, bool) and atom >= 1 else "is a whole number from 1"
            )
        case "whole":
            ok = isinstance(atom, int) and not isinstance(atom, bool)
            ok = ok and (option.low is None or atom >= option.low)
            return "" if ok else f"is a whole number{f' from {option.low:g}' if option.low is not None else ''}"
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


class Parts:
    """What a composite is expanded with (`promise.Build`)."""

    def __init__(self, state: State, ctx: Context, span: Span, site: str, part: str, subscripts: Sequence[Key]) -> None:
        self.state, self.ctx, self.span, self.site, self.part, self.subscripts = (
            state,
            ctx,
            span,
            site,
            part,
            subscripts,
        )

    def apply(self, operator: str, inputs: tuple[Any, ...], options: Mapping[str, Any], part: str) -> Column:
        promise = self.state.promises.operators[operator]
        columns = {k: v if isinstance(v, Column | tuple) else Column.uniform(v, self.ctx.n) for k, v in options.items()}
        for option in promise.options:
            if option.name not in columns:
                columns[option.name] = Column.uniform(option.default, self.ctx.n)
        whole = f"{self.part}.{part}" if self.part else part
        return apply(self.state, promise, inputs, columns, self.ctx, self.span, self.site, whole, self.subscripts)


def apply(
    state: State, promise: Operator, inputs: Sequence[Column], options: Mapping[str, Any], ctx: Context, span: Span,
    site: str, part: str, subscripts: Sequence[Key],
) -> Column:  # fmt: skip
    if promise.expand is None:
        if all(c.constant for c in inputs) and promise.name in FUNCTIONS and inputs:
            return Column.of_atoms([_plain(state, promise.name, a, span) for a in inputs[0].atoms])
        columns = {k: _plain_labels(v) for k, v in options.items()}
        weighted = promise.weights is not no_weights or promise.buffers is not no_buffers
        return state.builder.apply(promise.name, inputs, ctx, span, options=columns, layer=site if weighted else "",
                                   part=part, keys=subscripts if weighted else (), place=site)  # fmt: skip
    searched = next(
        (k for k, v in options.items() if isinstance(v, Column) and not v.constant and _labels(state, v)), None
    )
    if searched is not None:
        return _selected(state, promise, inputs, options, searched, ctx, span, site, part, subscripts)
    alike = _alike(options, ctx.n)
    if len(alike) > 1:
        pieces = []
        for rows in alike:
            taken = {
                k: tuple(c.take(rows) for c in v) if isinstance(v, tuple) else v.take(rows) for k, v in options.items()
            }
            own = [subscripts[r] for r in rows] if subscripts else ()
            sub = ctx.restricted(rows)
            pieces.append(
                (rows, apply(state, promise, [c.take(rows) for c in inputs], taken, sub, span, site, part, own))
            )
        return state.builder.settle(scatter(ctx.n, pieces), ctx, span, site)
    opaque = {k: _opaque(v) for k, v in options.items()}
    return promise.expand(Parts(state, ctx, span, site, part, subscripts), tuple(inputs), opaque)  # type: ignore[no-any-return]


def _alike(options: Mapping[str, Any], n: int) -> list[IntArray]:
    """Rows with the same names as options: a composite is expanded for each of them."""
    codes: dict[str, int] = {}
    named = [v for v in options.values() if isinstance(v, Column) and any(isinstance(a, Label) for a in v.atoms)]
    return groups(
        [np.array([codes.setdefault(repr(a), len(codes)) for a in v.atoms], dtype=np.int64) for v in named], n
    )


def _plain(state: State, name: str, atom: Any, span: Span) -> Any:
    if not is_number(atom):
        raise state.builder.report(
            "S0302", f"{name}() takes a number, and this is {describe(atom)}", span, describe(atom)
        )
    try:
        return FUNCTIONS[name](atom)
    except (ValueError, OverflowError):
        raise state.builder.report("S0209", f"{name}({atom}) has no value", span) from None


def _plain_labels(value: Any) -> Any:
    if isinstance(value, tuple):
        return Column.of_atoms(list(zip(*(c.atoms for c in value), strict=True)))
    if isinstance(value, Column) and value.constant:
        return Column.of_atoms([_label(a) for a in value.atoms])
    return value


def _label(atom: Any) -> Any:
    if isinstance(atom, Label):
        return {"true": True, "false": False}.get(atom.name, atom.name)
    return atom


def _opaque(value: Any) -> Any:
    """An option as a composite sees it: a plain value where all rows agree."""
    if isinstance(value, Column) and value.constant and len(set(map(repr, value.atoms))) == 1:
        return _label(value.atoms[0])
    return value


def _labels(state: State, column: Column) -> bool:
    nodes = [state.builder.nodes[k] for k in column.node_ids()]
    return all(isinstance(n, DecisionNode) and state.entries[n.name].domains[0].kind == "name" for n in nodes)


def _selected(
    state: State, promise: Operator, inputs: Sequence[Column], options: Mapping[str, Any], name: str, ctx: Context,
    span: Span, site: str, part: str, subscripts: Sequence[Key],
) -> Column:  # fmt: skip
    """An option that is a searched name: one alternative for each name."""
    subject: Column = options[name]
    node = state.builder.nodes[subject.node_ids()[0]]
    assert isinstance(node, DecisionNode)
    labels = state.entries[node.name].domains[0].options
    found = [
        apply(
            state, promise, inputs, {**options, name: Column.uniform(label, ctx.n)}, ctx, span, site, part, subscripts
        )
        for label in labels
    ]
    return state.builder.select(subject, labels, found, ctx, span, site)


# -- the compiler's own functions --------------------------------------------------------------------------


def _values(
    state: State, expr: ast.Call, ctx: Context, name: str, least: int, most: int, keywords: Sequence[str] = ()
) -> tuple[list[Column], dict[str, Column]]:
    found: list[Column] = []
    named: dict[str, Column] = {}
    for argument in expr.arguments:
        match argument:
            case ast.Keyword(key, inner) if key in keywords and not isinstance(inner, ast.Schedule):
                named[key] = state.column(inner, ctx, labels=True)
            case ast.Keyword() | ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", f"{name}() does not take this", argument.span, "not known")
            case _:
                found.append(state.column(argument, ctx))
    if not least <= len(found) <= most:
        raise state.builder.report(
            "S0308",
            f"{name}() takes {least if least == most else f'{least} to {most}'} arguments, and {len(found)} are given",
            expr.span,
        )
    return found, named


def _count(state: State, expr: ast.Call, ctx: Context) -> Column:
    (column,), _ = _values(state, expr, ctx, "count", 1, 1)
    if not column.constant:
        return state.builder.apply("count", [column], ctx, expr.span)
    found = []
    for atom in column.atoms:
        match atom:
            case ElementsOf() | ValuesOf(field=_):
                found.append(state.schema.field(atom.field).cardinality if isinstance(atom, ValuesOf) else 1)
            case SubsetsOf():
                found.append(len(atom))
            case _:
                items = members(atom)
                if items is None:
                    raise state.builder.report(
                        "S0202",
                        f"count() counts a set or a list, and this is {describe(atom)}",
                        expr.span,
                        describe(atom),
                    )
                found.append(len(items))
    return Column.of_atoms(found)


def _subsets(state: State, expr: ast.Call, ctx: Context) -> Column:
    (base, sizes), _ = _values(state, expr, ctx, "subsets", 2, 2)
    return Column.of_atoms([_subsets_of(state, b, s, expr.span) for b, s in zip(base.atoms, sizes.atoms, strict=True)])


def _subsets_of(state: State, base: Any, size: Any, span: Span) -> SubsetsOf:
    items = members(base)
    low, high = (size[0], size[-1]) if isinstance(size, range) and len(size) else (size, size)
    if items is None or not isinstance(low, int) or not isinstance(high, int) or low < 0:
        raise state.builder.report("S0202", "subsets(S, k) takes a set and a size or a range of sizes", span)
    return SubsetsOf(tuple(items), low, min(high, len(items)))


def _subset(state: State, expr: ast.Call, ctx: Context) -> Column:
    if len(expr.arguments) != 2 or any(
        isinstance(a, ast.Keyword | ast.Generator | ast.Schedule) for a in expr.arguments
    ):
        raise state.builder.report("S0308", "subset(S, n) takes a set and a size or a range of sizes", expr.span)
    base = state.column(expr.arguments[0], ctx, labels=True)  # type: ignore[arg-type]
    sizes = state.column(expr.arguments[1], ctx)  # type: ignore[arg-type]
    found = []
    for b, s in zip(base.atoms, sizes.atoms, strict=True):
        items = b if isinstance(b, SubsetsOf) else members(b)
        low, high = (s[0], s[-1]) if isinstance(s, range) and len(s) else (s, s)
        if items is None or not isinstance(low, int) or not isinstance(high, int):
            raise state.builder.report("S0202", "subset(S, n) takes a set and a size or a range of sizes", expr.span)
        found.append(SubsetDomain(items if isinstance(items, SubsetsOf) else tuple(items), low, high))
    return Column.of_atoms(found)


def _symbolic(kind: type) -> Callable[[State, ast.Call, Context], Column]:
    def handler(state: State, expr: ast.Call, ctx: Context) -> Column:
        name = "values" if kind is ValuesOf else "elements"
        (column,), _ = _values(state, expr, ctx, name, 1, 1)
        atoms = fields.atoms_of(state, column, (FieldRef,), "a field", expr.span)
        for atom in atoms:
            field = state.schema.field(atom.name)
            if kind is ElementsOf and not field.several:
                raise state.builder.report(
                    "S0309", f"elements(f) needs a field of several values, and `{atom}` has one", expr.span
                )
        made = {a: kind(a.name) for a in set(atoms)}
        return Column.of_atoms([made[a] for a in atoms])

    return handler


def _log(state: State, expr: ast.Call, ctx: Context) -> Column:
    (column,), _ = _values(state, expr, ctx, "log", 1, 1)
    if column.constant and all(isinstance(a, RealRange | range) for a in column.atoms):
        return Column.of_atoms(
            [
                RealRange(float(a.low), float(a.high), True)
                if isinstance(a, RealRange)
                else RealRange(float(a[0]), float(a[-1]), True)
                for a in column.atoms
            ]
        )
    return apply(state, state.promises.operators["log"], [column], {}, ctx, expr.span, ctx.scope.place("log"), "", ())


def _cost(measure: str) -> Callable[[State, ast.Call, Context], Column]:
    def handler(state: State, expr: ast.Call, ctx: Context) -> Column:
        scope: list[Ref] = []
        for argument in expr.arguments:
            if isinstance(argument, ast.Keyword | ast.Generator | ast.Schedule):
                raise state.builder.report("S0308", f"{measure}() takes values", argument.span)
            value = state.evaluate(argument, ctx)
            column = value
            if isinstance(value, Family):
                from .families import read

                _, rows = rows_at(value, ctx)
                column = read(state, value, rows, argument.span)
            assert isinstance(column, Column)
            scope += [Ref(k, Rows(column.rows[column.nodes == k])) for k in column.node_ids()]
        return cost_node(state, measure, tuple(scope), ctx, expr.span)

    return handler


def cost_node(state: State, measure: str, scope: tuple[Ref, ...], ctx: Context, span: Span) -> Column:
    node = Cost(index=ctx.index(), span=span, measure=measure, scope=scope)  # type: ignore[arg-type]
    return Column.of_node(state.builder.add(node), ctx.n)


def _block(state: State, expr: ast.Call, ctx: Context) -> Column:
    (field, blocks), named = _values(state, expr, ctx, "block", 2, 2, ("over",))
    return fields.block(state, field, blocks, named.get("over"), ctx, expr.span)


def _one(handler: Callable[[State, Column, Context, Span], Column]) -> Callable[[State, ast.Call, Context], Column]:
    def wrapped(state: State, expr: ast.Call, ctx: Context) -> Column:
        (column,), _ = _values(state, expr, ctx, base_name(expr.function), 1, 1)
        return handler(state, column, ctx, expr.span)

    return wrapped


def _bucket(state: State, expr: ast.Call, ctx: Context) -> Column:
    (field, bins), _ = _values(state, expr, ctx, "bucket", 2, 2)
    return fields.bucket(state, field, bins, ctx, expr.span)


def _current(state: State, expr: ast.Call, ctx: Context) -> Column:
    """A decision's state in a stream: no cycle, and so not resolved here."""
    text = expr.arguments[0].span.text if expr.arguments else ""
    return state.builder.apply("current", [], ctx, expr.span, options={"of": Column.uniform(text, ctx.n)})


def _l0(state: State, expr: ast.Call, ctx: Context) -> Column:
    value = (
        state.evaluate(expr.arguments[0], ctx)
        if len(expr.arguments) == 1 and not isinstance(expr.arguments[0], ast.Keyword | ast.Generator | ast.Schedule)
        else None
    )
    if isinstance(value, Family) and isinstance(value.statement, ast.Choose):
        from .aggregates import _family

        return _family(state, "mean", value, ctx, expr.span, "")
    if isinstance(value, Column) and not value.constant:
        return state.builder.apply("l0", [value], ctx, expr.span)
    raise state.builder.report("S0308", "l0(d) takes a decision of gates", expr.span)


def _classes(state: State, expr: ast.Call, ctx: Context) -> Column:
    return Column.uniform(ItemSet(tuple(range(state.schema.label.classes))), ctx.n)


OWN: Mapping[str, Callable[[State, ast.Call, Context], Any]] = {
    "count": _count,
    "subsets": _subsets,
    "subset": _subset,
    "values": _symbolic(ValuesOf),
    "elements": _symbolic(ElementsOf),
    "log": _log,
    "parameters": _cost("parameters"),
    "memory": _cost("memory"),
    "number": _one(fields.number),
    "value": _one(fields.value),
    "cardinality": _one(fields.cardinality),
    "frequency": _one(fields.frequency),
    "bucket": _bucket,
    "cross": fields.cross,
    "block": _block,
    "current": _current,
    "l0": _l0,
    "classes": _classes,
}
