"""Random streams named by what they are for, so that nothing depends on what was drawn before.

A stream is a function of (seed, names…) alone. Drawing on the CPU and moving the result gives every device the same
numbers; a run that goes on after a crash needs no saved generator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b

import torch
from torch import Tensor

Name = str | int


def stream(seed: int, *names: Name) -> torch.Generator:
    """The generator for (seed, names…): `stream(0, "1.relax", 17, "noise")`. 1 and "1" are different names."""
    return torch.Generator().manual_seed(digest(seed, *names))


def digest(seed: int, *names: Name) -> int:
    """The seed of the stream (seed, names…), for other generators than torch's. 63 bits: torch's takes a signed one."""
    return int.from_bytes(blake2b(json.dumps([seed, *names]).encode(), digest_size=8).digest(), "little") >> 1


def order(rows: int, seed: int, stage: str, epoch: int) -> Tensor:
    """The order in which an epoch of a stage visits its rows: a permutation, int64 [rows]."""
    return torch.randperm(rows, generator=stream(seed, stage, epoch, "order"))


def noises(
    shapes: Mapping[str, tuple[int, ...]], seed: int, stage: str, step: int, device: torch.device
) -> dict[str, Tensor]:
    """Uniform numbers in [0, 1) for every name, each from a stream of its own."""
    return {
        name: torch.rand(tuple(shape), generator=stream(seed, stage, step, "noise", name)).to(device)
        for name, shape in shapes.items()
    }
