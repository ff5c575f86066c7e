"""Labels of bare tables: what `--label` says."""

from __future__ import annotations

from collections.abc import Sequence

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, Edit, SpaceError
from recspace.dsl.parser import parse
from recspace.dsl.source import Source, Span
from recspace.dsl.suggest import nearest

from .blocks import target_of
from .faults import fault, meant
from .spec import Target


def written(text: str, columns: Sequence[str]) -> Target:
    """`--label 'rating >= 4'`: what an entry `label` of a data block may say. Raises SpaceError S0507, S0513."""
    source = Source("--label", text)
    whole = Span(source, 0, len(text))
    tree, faults = parse(source, "data table { label: ", "}")
    entries = tree.datas[0].entries if tree is not None and tree.datas else ()
    target = target_of(entries[0].value) if len(entries) == 1 and not faults else ""
    if not isinstance(target, Target):
        if text.replace(" ", "").replace("-", "").isidentifier():
            raise fault("S0507", f"the table has no column `{text}`", whole, help=meant(text, columns))
        advice = target or "write a column, a comparison such as  rating >= 4  or  classes(column)"
        raise fault("S0513", "the label is neither a column nor a comparison of one with a value", whole, help=advice)
    if target.column not in columns:
        raise SpaceError([_no_column(target.column, columns, entries[0].value)])
    return target


def _no_column(name: str, columns: Sequence[str], expr: ast.Expr) -> Diagnostic:
    at = expr.span.text.find(name)
    span = Span(expr.span.source, expr.span.start + at, expr.span.start + at + len(name)) if at >= 0 else expr.span
    near = nearest(name, columns)
    edits = (Edit(span, near),) if near and near.isidentifier() else ()
    return Diagnostic("S0507", f"the table has no column `{name}`", span, help=meant(name, columns), edits=edits)
