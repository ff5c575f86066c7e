"""Torch as a run sets it: one thread, deterministic kernels."""

import pytest

from recspace.runtime import devices


@pytest.fixture(autouse=True)
def settled():
    with devices.settled(1):
        yield
