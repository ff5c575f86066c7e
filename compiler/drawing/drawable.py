"""What a picture needs of a graph; so that a graph can be asked for its picture without importing one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..decisions import Decision
from ..ir.nodes import Node


class Drawable(Protocol):
    """A name, decisions, and nodes with their ids, producers before consumers."""

    name: str
    decisions: tuple[Decision, ...]

    def items(self) -> Iterator[tuple[int, Node]]: ...
