"""train: train the model as it stands, with its decisions settled or at their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Stage

from ..fitting import fitting

if TYPE_CHECKING:
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "train",
    "Train the plain model: of a space with nothing to choose, or with every decision as settled or at its default",
    "train",
    fitting(10, patience=2),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def start(context: Context, call: StageCall) -> Task:
    from ..plain_stages import Train

    return Train(context, call)
