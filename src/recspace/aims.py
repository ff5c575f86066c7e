"""What a run is to learn – to tell labels, numbers or classes, or to rank – and whether the data are fit for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.dsl import Diagnostic, Note, SpaceError, Span, ast
from recspace.dsl.walk import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recspace.compiler.schema import Field, Schema
    from recspace.runtime.catalogue import Roles
    from recspace.runtime.data.bind import Bound
    from recspace.runtime.data.crossings import Crossing
    from recspace.runtime.examples import Task

    from .checking import Verdict

RANKING = frozenset({"bpr", "softmax_loss"})
LABELLED = frozenset({"logloss", "mse", "label"})


def aim(verdict: Verdict) -> Task:
    """The task: ranking where the objective says so, else what the label is.

    Raises SpaceError: S0612 without labels where nothing ranks, S0616 where a ranking loss cannot tell positives.
    """
    assert verdict.program is not None
    assert verdict.program.file.space is not None
    assert verdict.bound is not None
    kind, spec = verdict.bound.schema.label.kind, verdict.bound.spec
    names = objective_names(verdict.program.file.space)
    ranking = next((span for name, span in names if name in RANKING), None)
    if ranking is None:
        if kind != "none":
            return kind
        place = next((span for name, span in names if name in LABELLED), names[0][1] if names else spec.span)
        text = (
            f"the data `{spec.name}` have no label: every row counts as a positive, and there is nothing to tell apart"
        )
        help = (
            "rank:  minimize bpr(negatives = 4)  or name the labels: `label: column` in the data block, --label COLUMN"
        )
        raise _wrong("S0612", text, place, help)
    beside = next(((name, span) for name, span in names if name in LABELLED), None)
    if beside is not None:
        text = f"a ranking loss learns from positives alone, and `{beside[0]}` beside it needs rows of both kinds"
        note = Note(ranking, "this one ranks")
        raise SpaceError([Diagnostic("S0616", text, beside[1], help="keep one of the two", notes=(note,))])
    if kind in ("number", "classes"):
        target = spec.target
        assert target is not None
        text = f"a ranking loss learns from positives, and the label `{target.column}` does not say which rows are"
        help = f"say what is one:  label: {target.column} >= 4  or leave the label out: every row is a positive then"
        raise _wrong("S0616", text, target.span, help)
    return "ranking"


def objective_names(space: ast.Space) -> list[tuple[str, Span]]:
    """The names in the objectives, with their places."""
    return [
        (node.name, node.span)
        for statement in space.statements
        if isinstance(statement, ast.Minimize)
        for value in statement.values
        for node in walk(value)
        if isinstance(node, ast.Name)
    ]


def roles(bound: Bound) -> Roles:
    """Who chooses what. Raises SpaceError: S0614 without users or items, S0615 for a field that may be the item's."""
    from recspace.compiler.schema import Column
    from recspace.runtime.catalogue import Roles

    schema = bound.schema
    user, item = _field(bound, "user"), _field(bound, "item")
    fields = frozenset(f.name for f in schema.fields if f.role == "item")
    _undeclared(bound, schema, item)

    def crossings(columns: Sequence[Column]) -> tuple[Crossing, ...]:
        return bound.crossings(columns, fields)

    return Roles(Column("id", (user.name,)), Column("id", (item.name,)), item.cardinality, fields, crossings)


def _field(bound: Bound, role: str) -> Field:
    """The field of ids of a role."""
    found = bound.schema.by_role(role)
    if found is not None and found.kind == "category":
        return found
    if found is None:
        text = f"ranking needs to know the {role}s, and no column of `{bound.spec.name}` has that role"
        span = bound.spec.span
    else:
        text = f"the {role}s are told by an id, and `{found.name}`, the first column of that role, is a {found.kind}"
        span = next(f.span for f in bound.spec.features if f.name == found.name)
    help = f"describe the column of ids first:  {role}_id: category(role = {role})"
    raise _wrong("S0614", text, span, help)


def _undeclared(bound: Bound, schema: Schema, item: Field) -> None:
    """A field without a role that is the same in all rows of an item would give the item away."""
    from recspace.runtime.data.belonging import belonging

    names = [f.name for f in schema.fields if not f.role]
    found = belonging(bound.rows, item.name, names)
    if found:
        places = {f.name: f.span for f in bound.spec.features}
        raise SpaceError(
            Diagnostic(
                "S0615",
                f"`{name}` is the same in all rows of an item: is it a property of the item?",
                places[name] if places[name].source.text else bound.spec.span,
                help=f"give it the role = item, so that it changes with the item, or a role of its own: "
                f"{name}: category(role = context)",
            )
            for name in found
        )


def _wrong(code: str, text: str, span: Span, help: str) -> SpaceError:
    return SpaceError([Diagnostic(code, text, span, help=help)])
