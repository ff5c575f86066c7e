"""How the tables of `embed` are stored: options of a kind that is not taken are left out, and kinds that a field cannot have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recspace.dsl.source import Span

from .columns import Column
from .compression import FULL, OPTIONS
from .state import State


def table_options(
    state: State, fields: Sequence[Any], held: Sequence[str], options: Mapping[str, Column], span: Span
) -> Mapping[str, Column]:
    """The options that say something of the tables of these fields. `held`: see `fields.kind_of`."""
    if "table" not in options:
        return options
    kinds = [str(kind) for kind in options["table"].atoms]
    options = {**options, "table": Column.of_atoms(kinds)}
    for field, how, kind in zip(fields, held, kinds, strict=True):
        if kind != FULL and how in ("number", "vector"):
            what = "a vector" if how == "vector" else "a number without bins"
            raise state.builder.report(
                "S0750", f"`{field}` is {what}: it has no rows for values that `table = {kind}` could store otherwise", span,
                f"`{field}` is {what}", help=f"store the tables of categories so: table = {kind} for f in categorical",
            )  # fmt: skip
    if "tensor_train" in kinds and any(options["mean"].atoms):
        said = "`table = tensor_train` starts around 0, whatever its cores are: it has no `mean`"
        raise state.builder.report(
            "S0752", said, span, "mean of a tensor train", help="leave `mean` out, or take another kind of table"
        )
    taken = {name for kind in kinds for name in OPTIONS[kind]}
    idle = {name for own in OPTIONS.values() for name in own} - taken
    return {name: column for name, column in options.items() if name not in idle}
