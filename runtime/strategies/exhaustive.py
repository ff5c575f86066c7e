"""exhaustive: judge every architecture there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting
from .random import EVALUATE

if TYPE_CHECKING:
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "exhaustive",
    "Enumerate the space; for small ones, and to know the truth in tests",
    "sample",
    (
        Option("limit", "whole", 1000, low=1, doc="refuse a space of more assignments than that"),
        EVALUATE,
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def start(context: Context, call: StageCall) -> Task:
    from ..samplers import Everything
    from ..sampling import Sampling

    sampler = Everything(context.decisions, int(call.options["limit"]), call.span)
    return Sampling(context, call, sampler)
