"""A plain model as it is kept when nothing is learned any more: tables that were learned as numbers become bytes.

It is made by the functions of `operators/embed.py` that the model itself has, so that both find the same to the bit. V ids,
n width, M codebooks, K vectors in each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from recspace.compiler.compiled import Tensor as Stored

from .module import Model, build, region


@torch.no_grad()
def packed(model: Model) -> Model:
    """The model itself, or one of the same predictions whose tables are bytes where the space says so."""
    stored = model.compiled.stored
    if stored is None:
        return model
    made = build(stored, next(iter(model.tensors.values())).device)
    for tensor in stored.tensors:
        made.tensors[tensor.attribute].copy_(_packed(model, tensor, stored.tensors))
    made.module.train(model.module.training)
    return made


def _packed(model: Model, tensor: Stored, stored: tuple[Stored, ...]) -> Tensor:
    match tensor.packed:
        case "bytes":
            table_Vn = model.tensors[tensor.attribute]
            return (table_Vn / model.functions["embed_scale"](table_Vn)).round()
        case "scales":
            (of,) = (t for t in stored if t.packed == "bytes" and _places(t) == _places(tensor))
            return model.functions["embed_scale"](model.tensors[of.attribute]).squeeze(-1)
        case "codes":
            return _codes(model, tensor)
        case _:
            return model.tensors[tensor.attribute]


def _places(tensor: Stored) -> list[tuple[object, ...]]:
    return [(s.layer, s.key, s.candidate) for s in tensor.slices]


def _codes(model: Model, tensor: Stored) -> Tensor:
    """Of every row of queries which vector of each codebook fits it best: [V, M], the fields one below the other."""
    learned = {t.attribute: t for t in model.compiled.tensors}
    keys = {
        (s.layer, s.key, s.candidate): (t.attribute, s) for t in learned.values() for s in t.slices if s.name == "keys"
    }
    found, books = [], tensor.shape[1]
    for part in learned[tensor.attribute].slices:
        attribute, own = keys[part.layer, part.key, part.candidate]
        query_Vn, key_Kn = region(model.tensors[tensor.attribute], part), region(model.tensors[attribute], own)
        found.append(model.functions["embed_nearest"](query_Vn, key_Kn, books).argmax(-1))
    return torch.cat(found)
