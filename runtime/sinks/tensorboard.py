"""`--log tensorboard`: scalars in the folder `tensorboard` of the run; `tensorboard --logdir RUN` shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


class _Board:
    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def scalar(self, tag: str, value: float, step: int) -> None:
        self._writer.add_scalar(tag, value, step)

    def close(self) -> None:
        self._writer.close()


def opened(folder: Path, name: str, step: int) -> _Board:
    """What was told of steps after `step` is purged: a run that is gone on with tells it again."""
    from torch.utils.tensorboard import SummaryWriter

    purge = step + 1 if step else None
    return _Board(SummaryWriter(str(folder / FOLDER), purge_step=purge))
