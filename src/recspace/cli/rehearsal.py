"""`recspace run --dry-run`: what would be trained, and how much memory that takes. Nothing is written."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from .describe import size_data, size_text
from .output import counted, whole, write_json

if TYPE_CHECKING:
    from recspace.compiler.compiled import Compiled
    from recspace.compiler.ir import Graph
    from recspace.running import Space
    from recspace.runtime.choices import Fixed
    from recspace.runtime.inputs import Inputs
    from recspace.runtime.settings import Settings

FLOAT = 4
"""Bytes of a parameter."""


def rehearse(space: Space, settings: Settings, *, as_json: bool) -> int:
    """Compile, plan and count. Raises SpaceError for what a run would refuse."""
    from recspace.running import inputs_of
    from recspace.runtime.afford import refuse_unreachable
    from recspace.runtime.plan import sampler_of
    from recspace.runtime.rehearsal import step_memory
    from recspace.support import plan

    inputs = inputs_of(space, settings.strategy, settings.profiles)
    planned = plan(space, inputs.recipe, settings.fix)
    stages, fixed, compiled = planned.stages, planned.fixed, planned.compiled
    for purse in [target.purse for target in inputs.targets] or [space.purse]:
        refuse_unreachable(purse, inputs.decisions, fixed)
    left = size_left(space.graph, fixed) if settings.fix else None
    options = [sampler_of(s.call, inputs.promises).options for s in stages]
    found = {
        "space": space.graph.name,
        "size": size_data(space.size),
        "fixed": {name: len(options) for name, options in fixed.options.items()},
        "left": None if left is None else whole(left),
        "stages": [{"name": s.name, "epochs": _epochs(o, settings)} for s, o in zip(stages, options, strict=True)],
        "model": "supernet" if planned.shared else "hand-made",
        **counts(compiled),
        **step_memory(inputs, compiled, options),
        "rows": _rows(inputs, compiled),
    }
    if as_json:
        write_json({"ok": True, **found})
    else:
        print("\n".join(_lines(found, size_text(space.size), left)))
    return 0


def size_left(graph: Graph, fixed: Fixed) -> int | None:
    """How many architectures have what is fixed; None where that cannot be counted."""
    from recspace.compiler.counting.polynomial import TooHard
    from recspace.compiler.sampler import Sampler, Unreadable

    try:
        return Sampler(graph, fixed.options).total()
    except (Unreadable, TooHard):
        return None


def counts(compiled: Compiled) -> dict[str, int]:
    """Parameters of a model, bytes of its tables, and bytes of training it: weights, gradients, and both moments of Adam,
    all as 32-bit floats."""
    trained = [t for t in compiled.tensors if t.trainable]
    parameters = sum(prod(t.shape) for t in trained)
    tables = sum(prod(t.shape) for t in trained if t.embedding)
    buffers = sum(prod(t.shape) for t in compiled.tensors if not t.trainable)
    return {
        "parameters": parameters,
        "embedding_bytes": FLOAT * tables,
        "training_bytes": FLOAT * (4 * parameters + buffers),
    }


def _epochs(options: Any, settings: Settings) -> int | None:
    return (settings.epochs or int(options["epochs"])) if "epochs" in options else None


def _rows(inputs: Inputs, compiled: Compiled) -> dict[str, int]:
    encoded = inputs.encode(list(compiled.columns))
    return {"train": encoded.rows("train").size, "valid": encoded.rows("valid").size, "test": encoded.rows("test").size}


def _fixed(found: dict[str, Any], left: int | None) -> list[str]:
    if not found["fixed"]:
        return []
    fixed = ", ".join(f"{count:,} of {name}" for name, count in found["fixed"].items())
    return [f"fixed       {fixed}; {'an unknown number of' if left is None else counted(left)} architectures are left"]


def _lines(found: dict[str, Any], size: str, left: int | None) -> list[str]:
    stages = [s["name"] + (f" (epochs: {s['epochs']})" if s["epochs"] else "") for s in found["stages"]]
    rows = found["rows"]
    return [
        f"{found['space']}: {size} architectures",
        *_fixed(found, left),
        f"stages      {', '.join(stages)}",
        f"rows        {rows['train']:,} train, {rows['valid']:,} valid, {rows['test']:,} test",
        f"{found['model']:<10}  {found['parameters']:,} parameters, {found['embedding_bytes']:,} bytes of embeddings",
        f"memory      {found['training_bytes'] / 1e6:,.1f} MB for weights, gradients and Adam's moments, at float32",
        f"            {found['activation_bytes'] / 1e6:,.1f} MB between the layers of a step of {found['batch_size']:,} rows",
        "nothing was trained",
    ]
