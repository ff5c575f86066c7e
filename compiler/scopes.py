"""What names mean: the space's definitions, a component's, the data's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recspace.dsl import ast

from .columns import Column, Context
from .decisions import Key
from .unroll import ordered_axes

# Words that need no declaration and are no functions.
SETS = ("fields", "categorical", "numeric", "multivalued")


@dataclass(eq=False)
class Scope:
    """The space, or one call of a component (weights and decisions of its own, named by `path`).

    `base`: the context of the call; families of the scope are indexed by it too. `arguments`: the component's
    parameters: a column over `base`, or a family that was passed by its name. `keys`: for every row of `base` what the
    component was subscripted with, if it was.
    """

    path: str
    base: Context | None
    definitions: Mapping[str, ast.Definition | ast.Param]
    components: Mapping[str, ast.Component]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sites: Mapping[tuple[int, int], str] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)
    keys: Sequence[Key] = ()
    component: ast.Component | None = None
    _unrolled: dict[str, int] | None = None

    def inside(self) -> list[ast.Component]:
        """The component that this is a call of, and those that it is called in, from the innermost out."""
        found, scope = [], self
        while scope.component is not None and scope.base is not None and scope.base.parent is not None:
            found.append(scope.component)
            scope = scope.base.parent.scope
        return found

    def axis(self, name: str) -> int | None:
        """The position of the binder along which a family is unrolled; found once for all definitions of the scope."""
        if self._unrolled is None:
            self._unrolled = ordered_axes(self.definitions)
        return self._unrolled.get(name)

    def place(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name


@dataclass(eq=False)
class Family:
    """A definition in a scope, resolved when it is first read.

    `context` holds its elements; `rows_of` finds one by (row of the scope's base, key…). `steps`: where it refers to
    itself, the rows of every step of its ordered axis (`axis` is that binder's position). `values` is filled as
    elements are resolved; `done` says which are; `active` are the steps being resolved now.
    """

    name: str
    scope: Scope
    statement: ast.Let | ast.Choose | ast.Learn
    context: Context
    rows_of: dict[tuple[Any, ...], int]
    names: tuple[str, ...]
    ordered: frozenset[int] = frozenset()
    axis: int | None = None
    values: Column | None = None
    step_of: tuple[Any, ...] = ()
    done: set[Any] = field(default_factory=set)
    active: set[Any] = field(default_factory=set)
    failed: bool = False
