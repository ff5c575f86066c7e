"""What to do about widths that are searched apart: the declarations that they come from, and text that works when pasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Edit, Note
from recspace.dsl.source import Span

from .columns import Column, Context
from .ir import DecisionNode
from .scopes import Family
from .shapes import NUMBER
from .state import State

CODE = "S0312"


@dataclass(frozen=True, slots=True)
class Wide:
    """An operand of searched width. `width`: as read here (`dim[i]`), `declared`: as where it is made (`dim[f]`)."""

    statement: ast.Let
    width: str
    declared: str
    candidates: str
    widest: int


def explain(state: State, span: Span, operands: Sequence[ast.Expr], ctx: Context) -> None:
    """Complete the diagnostic that says at `span` that widths may differ, where the operands are families."""
    known = state.builder.diagnostics.get((CODE, span))
    if known is not None and not known.notes:
        found = [w for w in (_wide(state, o, ctx) for o in operands) if w is not None]
        if found:
            state.builder.diagnostics[CODE, span] = _completed(known, found, alone=len(operands) == 1)


def sides(state: State, expr: ast.Binary, left: Column, right: Column) -> None:
    """Complete the diagnostic that says that two shapes do not go together: which is which, and a sum of the wider."""
    known = state.builder.diagnostics.get(("S0303", expr.span))
    if known is None or known.notes:
        return
    shapes = [state.builder.nodes[c.node_ids()[0]].shape if c.node_ids() else NUMBER for c in (left, right)]
    notes = tuple(Note(e.span, str(s)) for e, s in zip((expr.left, expr.right), shapes, strict=True))
    operator = Span(expr.span.source, expr.left.span.end, expr.right.span.start)
    kept = replace(known, label="", notes=notes)
    for shape, other, side in zip(shapes, reversed(shapes), (expr.left, expr.right), strict=True):
        if shape.kind == "vector" and other.kind == "vector" and other.last == 1 and expr.operator in "+-*/":
            text = f"sum({side.span.text})"
            kept = replace(kept, help="a vector is summed to one number", edits=(Edit(side.span, text),))
    at = operator.text.find(expr.operator)
    place = (
        Span(operator.source, operator.start + at, operator.start + at + len(expr.operator)) if at >= 0 else expr.span
    )
    state.builder.diagnostics["S0303", expr.span] = replace(kept, span=place)


def _completed(known: Diagnostic, found: Sequence[Wide], *, alone: bool) -> Diagnostic:
    made = {w.statement.value.span: w for w in found}
    notes = tuple(
        Note(span, f"{_element(w.statement)} has the width {w.declared}: {w.candidates}") for span, w in made.items()
    )
    most = max(w.widest for w in found)
    edits = tuple(Edit(span, _aligned(w.statement, most)) for span, w in made.items())
    widths = list(dict.fromkeys(w.width for w in found))
    label = f"{' and '.join(widths)} may differ" + (
        "" if len(found) > 1 else " between elements" if alone else " from this"
    )
    if len(found) == 1 and not alone:
        edits = ()  # the other has a width of its own
    help = "bring them to one width where they are made"
    return replace(known, label=label, notes=notes, help=help, edits=edits)


def _aligned(statement: ast.Let, width: int) -> str:
    names = ", ".join(_names(statement))
    return f"align{f'[{names}]' if names else ''}({statement.value.span.text}, {width})"


def _element(statement: ast.Let) -> str:
    names = ", ".join(_names(statement))
    return statement.name + (f"[{names}]" if names else "")


def _names(statement: ast.Let) -> tuple[str, ...]:
    return tuple(n for binder in statement.index for n in binder.names.names)


def _wide(state: State, operand: ast.Expr, ctx: Context) -> Wide | None:
    match operand:
        case ast.Subscript(ast.Name(name), slots):
            read = tuple(s.span.text if not isinstance(s, ast.All) else ":" for s in slots)
        case ast.Name(name):
            read = ()
        case _:
            return None
    given = ctx.scope.arguments.get(name)
    family = given if isinstance(given, Family) else ctx.scope.families.get(name)
    if family is None or family.values is None or not isinstance(family.statement, ast.Let):
        return None
    for key in family.values.node_ids():
        node = state.builder.nodes[key]
        width = next((w for w in node.widths if w is not None), None)
        source = state.builder.nodes[width.node] if width is not None else None
        if isinstance(source, DecisionNode):
            dim = state.builder.shape(key, family.values.rows[family.values.nodes == key]).last
            indexed = bool(source.index.axes)
            names = _names(family.statement)
            return Wide(
                family.statement,
                _read(source.name, read or names, indexed),
                _read(source.name, names, indexed),
                str(dim),
                dim if isinstance(dim, int) else dim.widest,
            )
    return None


def _read(name: str, slots: Sequence[str], indexed: bool) -> str:
    return f"{name}[{', '.join(slots)}]" if indexed and slots else name
