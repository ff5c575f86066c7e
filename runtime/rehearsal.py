"""What a step of training holds in memory beside the weights, found out by one step forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from recspace.compiler.compiled import Compiled

from .catalogue import catalogue
from .choices import even
from .module import build, initialise
from .negatives import Negatives
from .randomness import noises

if TYPE_CHECKING:
    from .search import Inputs


def step_memory(inputs: Inputs, supernet: Compiled, options: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The largest batch of the recipe, and the bytes that its step keeps between layers for the backward pass: measured,
    by one step forward of the supernet on training rows."""
    rows = max((int(o["batch_size"]) for o in options if "batch_size" in o), default=0)
    if not rows:
        return {"batch_size": 0, "activation_bytes": 0}
    columns = list(dict.fromkeys([*supernet.columns, *(inputs.roles.columns if inputs.roles else ())]))
    encoded = inputs.encode(columns)
    train = torch.from_numpy(encoded.rows("train"))
    batch = encoded.batch(train[:rows])
    if supernet.ranking and inputs.roles:
        goods = catalogue(encoded, inputs.roles, columns)
        batch |= Negatives(goods, train, supernet.ranking).columns(train[:rows], 0, "rehearsal", 0)
    model = build(supernet, torch.device("cpu"))
    initialise(model, 0)
    model.module.train()
    choices = {d.name: even(d).requires_grad_() for d in supernet.decisions}
    held = {t.untyped_storage().data_ptr() for t in (*model.tensors.values(), *batch.values(), *choices.values())}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    noise = noises(model.noise_shapes(batch), 0, "rehearsal", 0, torch.device("cpu"))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        _, terms = model.objective(batch, choices, noise)
        total = sum(kept.values())  # while the graph is alive: no storage has been given away twice
    del terms
    return {"batch_size": rows, "activation_bytes": total}
