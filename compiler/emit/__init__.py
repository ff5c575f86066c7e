"""Nodes as lines of Python over tensors: [B, *shape], in a family [B, N, *shape]; without an example [N, *shape]."""

from __future__ import annotations

from .emitter import Emitter
from .nodes import emit

__all__ = ["Emitter", "emit"]
