"""How deep an evaluation may nest. The limit is the compiler's own, and Python's is out of its way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from recspace.dsl import ast
from recspace.dsl.diagnostics import Note
from recspace.dsl.source import Span

from .atoms import MOST
from .builder import Failed
from .scopes import Scope
from .state import State

DEEPEST = 4_000
"""Expressions that wait for one another. Each takes up to a dozen calls; none of them is a call of C code."""
FRAMES = 16 * DEEPEST
EXPANDED = 10_000
STEPS = 4_000
ITSELF = 64
"""Calls of one component inside one another."""

_lock = Lock()
_users: list[int] = []


@contextmanager
def room() -> Iterator[None]:
    """Room for `DEEPEST` in Python's stack, given back when the last user is done."""
    with _lock:
        _users.append(sys.getrecursionlimit())
        sys.setrecursionlimit(max(FRAMES, sys.getrecursionlimit()))
    try:
        yield
    finally:
        with _lock:
            before = _users.pop()
            if not _users:
                sys.setrecursionlimit(before)


def stop(state: State, failure: Failed) -> Failed:
    """Nothing is evaluated any more: what is too much once would be so again and again."""
    state.stopped = True
    return failure


def check_depth(state: State, span: Span) -> None:
    """Called for every expression that is evaluated inside others."""
    if state.stopped:
        raise Failed("stopped")
    if state.depth > DEEPEST:
        said = f"more than {DEEPEST:,} expressions wait for one another here"
        raise stop(state, state.builder.report(
            "S0217", said, span, "too deep", notes=_waiting(state),
            help="write shorter chains: an aggregate such as sum(… for k in 1..n) in the place of steps",
        ))  # fmt: skip


def too_many(state: State, span: Span) -> Failed:
    """A set whose elements would have to be spelled out."""
    return state.builder.report(
        "S0219", f"this makes more than {MOST:,} elements", span, "too many",
        help="take a smaller set; a range of reals such as 0.0..1000000.0 is not spelled out",
    )  # fmt: skip


def _waiting(state: State) -> tuple[Note, ...]:
    found = dict.fromkeys(fam.statement.name_span for fam, _ in state.resolving)
    return tuple(Note(span, "on the way to it") for span in list(found)[-4:])


def check_calls(state: State, scope: Scope, component: ast.Component, span: Span) -> None:
    """A component may call itself where a condition known when compiling ends it, and soon."""
    state.expanded += 1
    if state.expanded > EXPANDED:
        raise stop(state, state.builder.report(
            "S0221", f"more than {EXPANDED:,} calls of components are expanded", span, "one too many",
            help="give what is called twice a name, and read it twice: let x = c(n) and then x + x",
        ))  # fmt: skip
    outside = [c is component for c in scope.inside()]
    if sum(outside) < ITSELF:
        return
    calling = scope.inside()[: outside.index(True) + 1][::-1]
    names = " → ".join(c.name for c in (*calling, component))
    inside = tuple(dict.fromkeys(c.name_span for c in calling))
    raise stop(state, state.builder.report(
        "S0216", f"`{component.name}` calls itself: {names}", span, f"inside itself {ITSELF} times",
        notes=tuple(Note(s, "declared here") for s in inside[:8]),
        help="end it by a condition that is known when compiling: return x if n == 0 else c(n - 1)",
    ))  # fmt: skip


def check_steps(state: State, count: int, span: Span) -> None:
    """A family that reads itself is computed step by step."""
    if count > STEPS:
        raise state.builder.report(
            "S0222", f"a family that reads itself has {STEPS:,} steps at most, and this has {count:,}", span,
            "too many steps", help="take fewer steps, or write the value as an aggregate: sum(… for k in 1..t)",
        )  # fmt: skip
