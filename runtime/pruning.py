"""`derive(prune = e, keep = 10%)`: numbers of tables go one by one, those whose product with their gates is smallest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recspace.compiler.compiled import Compiled, Slice
from recspace.compiler.gated import Gates
from recspace.compiler.incompressible import compressed
from recspace.compiler.ir import Graph
from recspace.compiler.passes.keep import Place

from .module import region
from .recipe import StageCall
from .refuse import refusal


def pruned(
    compiled: Compiled, weights: Mapping[str, Tensor], gates: Mapping[str, Tensor], options: Mapping[str, Any]
) -> dict[str, Tensor]:
    """What is left of every table of a value (bool [rows, width]), by its `name_of`.

    |E ∘ d| is ranked over all of them at once (DNIS, equation 18): above `threshold`, or the largest `top`, or the share
    `keep` of the numbers of known values.
    """
    parts, sizes, known = list[tuple[str, tuple[int, ...]]](), list[Tensor](), 0
    for attribute, part in tables_of(compiled, str(options["prune"])):
        size_Vn = region(weights[attribute], part).abs() * gate_of(part, gates)
        parts.append((name_of((part.layer, part.key)), tuple(size_Vn.shape)))
        sizes.append(size_Vn.flatten())
        known += (size_Vn.shape[0] - 1) * size_Vn.shape[1]
    size_P = torch.cat(sizes)
    left_P = size_P > (options["threshold"] or 0.0)
    most = options["top"] if options["top"] is not None else None
    most = int(options["keep"] * known + 1e-9) if options["keep"] is not None else most
    if most is not None:
        best = torch.zeros_like(left_P)
        best[size_P.argsort(descending=True, stable=True)[:most]] = True
        left_P &= best
    split = torch.split(left_P, [len(s) for s in sizes])
    return {name: own.view(shape) for (name, shape), own in zip(parts, split, strict=True)}


def refuse_compressed(graph: Graph, call: StageCall) -> None:
    """Raises SpaceError (S0753) for `derive(prune = e)` of tables that have no row of numbers for each value."""
    name = call.options.get("prune")
    kinds = {str(node.options["table"]) for node in compressed(graph) if node.layer.split(".")[0] == name}
    if kinds:
        text = f"derive() cannot prune numbers of `{name}`: it has tables that are {min(kinds)}, or may be"
        help = "leave `prune` out and bound what is stored: require memory(e) <= 10%; or keep the tables in full"
        raise refusal("S0753", text, call.spans.get("prune", call.span), help=help)


def tables_of(compiled: Compiled, name: str) -> list[tuple[str, Slice]]:
    """The tables of ids that belong to a value, each with the tensor that it lies in."""
    return [
        (tensor.attribute, part)
        for tensor in compiled.tensors
        for part in tensor.slices
        if tensor.embedding and tensor.trainable and part.layer.split(".")[0] == name
    ]


def gate_of(part: Slice, gates: Mapping[str, Tensor]) -> Tensor:
    """The weight of the gate of every number of a table [rows, width]; 1 where it has none."""
    (begin, end), (_, width) = part.box
    if part.gates is None:
        return torch.ones(end - begin, width)
    found = gates[part.gates.decision][torch.from_numpy(part.gates.elements(end - begin, width).copy())]
    return torch.cat([torch.zeros(1, width), found]) if isinstance(part.gates, Gates) else found


def name_of(place: Place) -> str:
    """A table as a name of a tensor."""
    return json.dumps([place[0], list(place[1])])


def masks_of(pruned: Mapping[str, Tensor]) -> dict[Place, NDArray[np.bool_]]:
    """What the compiler is told is left of tables."""
    found: dict[Place, NDArray[np.bool_]] = {}
    for name, left in pruned.items():
        layer, key = json.loads(name)
        found[layer, tuple(key)] = left.numpy()
    return found
