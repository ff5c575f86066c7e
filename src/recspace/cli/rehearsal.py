"""`recspace run --dry-run`: what would be trained, and how much memory that takes. Nothing is written."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from .describe import size_data, size_text
from .output import write_json

if TYPE_CHECKING:
    from recspace.compiler.compiled import Compiled
    from recspace.running import Space
    from recspace.runtime.search import Inputs
    from recspace.runtime.settings import Settings

FLOAT = 4
"""Bytes of a parameter."""


def rehearse(space: Space, settings: Settings, *, as_json: bool) -> int:
    """Compile, plan and count. Raises SpaceError for what a run would refuse."""
    from recspace.dsl import SpaceError
    from recspace.running import inputs_of
    from recspace.runtime.choices import defaults
    from recspace.runtime.fix import parsed
    from recspace.runtime.plan import needs_supernet, obstacles, planned
    from recspace.runtime.rehearsal import step_memory

    inputs = inputs_of(space, settings.strategy)
    faults = obstacles(inputs.recipe, inputs.decisions, inputs.promises)
    if faults:
        raise SpaceError(faults)
    fixed = parsed(settings.fix, space.graph)
    stages = planned(inputs.recipe, inputs.decisions, inputs.promises)
    shared = any(needs_supernet(s.call, inputs.promises) for s in stages)
    hand_made = fixed.architecture({d.name: defaults(d) for d in inputs.decisions})
    compiled = inputs.factory(None if shared else hand_made)
    found = {
        "space": space.graph.name,
        "size": size_data(space.size),
        "stages": [{"name": s.name, "epochs": _epochs(s.call.options, settings)} for s in stages],
        "model": "supernet" if shared else "hand-made",
        **counts(compiled),
        **step_memory(inputs, compiled, [s.call.options for s in stages]),
        "rows": _rows(inputs, compiled),
    }
    if as_json:
        write_json({"ok": True, **found})
    else:
        print("\n".join(_lines(found, size_text(space.size))))
    return 0


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


def _lines(found: dict[str, Any], size: str) -> list[str]:
    stages = [s["name"] + (f" (epochs: {s['epochs']})" if s["epochs"] else "") for s in found["stages"]]
    rows = found["rows"]
    return [
        f"{found['space']}: {size} architectures",
        f"stages      {', '.join(stages)}",
        f"rows        {rows['train']:,} train, {rows['valid']:,} valid, {rows['test']:,} test",
        f"{found['model']:<10}  {found['parameters']:,} parameters, {found['embedding_bytes']:,} bytes of embeddings",
        f"memory      {found['training_bytes'] / 1e6:,.1f} MB for weights, gradients and Adam's moments, at float32",
        f"            {found['activation_bytes'] / 1e6:,.1f} MB between the layers of a step of {found['batch_size']:,} rows",
        "nothing was trained",
    ]
