"""What tests of commands share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Runs in this process compute as a run by the command line does with one thread."""
    from recspace.runtime import devices

    with devices.settled(1):
        yield
