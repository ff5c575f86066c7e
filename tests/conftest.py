"""For every test: those for a GPU are skipped where there is none; generated examples are the same in all CI runs."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # a core for each worker and for what it starts; read when torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# No deadline: the time of one example says more about the machine than about the code.
settings.register_profile("local", deadline=None)
settings.register_profile("fixed", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("fixed" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `gpu` on a machine without a CUDA device; torch is imported only if something is."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device here"))
