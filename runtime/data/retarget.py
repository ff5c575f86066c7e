"""The label of a table for a task: the column that a block compares is a rating, or a class, where that is asked for."""

from __future__ import annotations

from dataclasses import replace

from recspace.compiler.tasks import Task

from .faults import fault
from .spec import DataSpec


def labelled(spec: DataSpec, task: Task) -> DataSpec:
    """The data with their label as the task has it. Raises SpaceError (S0432) where there is none to learn.

    rating: the column itself, without its comparison; classes: each value of it; ctr and topk: as it is.
    """
    target = spec.target
    if target is None:
        if task == "topk":
            return spec
        text = f"--task {task} learns a label, and the data `{spec.name}` have none: every row is a positive"
        raise fault("S0432", text, spec.span, help="name it: `label: column` in the data block, --label COLUMN")
    match task:
        case "rating":
            return replace(spec, target=replace(target, operator=None, classes=False))
        case "classes":
            return replace(spec, target=replace(target, operator=None, classes=True))
        case "ctr" | "topk":
            return replace(spec, target=replace(target, classes=False))
