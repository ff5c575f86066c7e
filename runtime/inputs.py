"""What a search is handed: a space bound to data, ready to be searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recspace.compiler.budgets import Clock, Purse
from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision
from recspace.compiler.ir import Graph
from recspace.compiler.promise import Promises
from recspace.compiler.schema import Column

from .catalogue import Roles
from .choices import searched
from .context import Factory
from .data.encoded import Encoded
from .examples import Task as Aim
from .extension import Base
from .recipe import Recipe
from .targets import Target


@dataclass(frozen=True, slots=True)
class Inputs:
    """A space bound to data, ready to be searched.

    `encode` gives the rows of the columns asked for (`Bound.encode`); `task` is what the label is; `user`: the column
    of user ids for the grouped AUC; `roles`: who chooses and what is chosen, where models rank. `bound` is what a
    resumed run must find unchanged: the text of the space and of its imports, its params, the fingerprint of the data;
    plain data. `free` compiles what need not meet the requirements. `save` keeps the encoding of columns in a folder
    (`Bound.save`). `settled`, `purse`, `penalty` (with what latency is measured by), `base`: see `Context`. `fields`: their
    names. `describe` writes the graph of the space to a run's folder, for those who watch. `targets`: the budgets for each of
    which a model is made.
    """

    factory: Factory
    graph: Graph
    encode: Callable[[Sequence[Column]], Encoded]
    task: Aim
    recipe: Recipe
    promises: Promises
    bound: Mapping[str, Any]
    user: Column | None = None
    roles: Roles | None = None
    free: Callable[..., Compiled] | None = None
    save: Callable[[Path, Sequence[Column]], None] | None = None
    settled: Callable[[Architecture], Graph] | None = None
    fields: frozenset[str] = frozenset()
    purse: Purse | None = None
    penalty: Callable[[Architecture, Clock | None], float] | None = None
    describe: Callable[[Path], None] | None = None
    targets: tuple[Target, ...] = ()
    base: Base | None = None

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return searched(self.graph)
