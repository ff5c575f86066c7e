"""Where tensors live, and how torch is set while a run lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .refuse import refusal, words


def pick(name: str) -> torch.device:
    """`auto` takes CUDA where there is a device. Raises SpaceError (S0702) for a device that is not there."""
    cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "cpu")
    if name == "cuda" and not cuda:
        place = words("--device", name)
        raise refusal("S0702", "there is no CUDA device here", place, help="use --device auto or --device cpu")
    return torch.device(name)


@contextmanager
def settled(threads: int) -> Iterator[None]:
    """Threads as asked for and deterministic kernels only; everything as before afterwards.

    Tensors of recommender models are small: the default of one thread for each core costs 3 to 15 times the CPU time.
    Sums are split among threads, so another number of them may give other last bits: it is a setting of the run.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(threads)
    # warn_only: a few CUDA kernels have no deterministic form; on the CPU all that is used has one.
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=warn_only)
