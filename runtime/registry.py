"""What the runtime offers, found by listing its folders: file name = name in the language. Imports no torch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType, MappingProxyType, ModuleType
from typing import TypeVar

from recspace.compiler.promise import Operator, Promises, Relaxation, Stage

from . import operators, optimizers, relaxations, strategies

_P = TypeVar("_P", Operator, Stage, Relaxation)


@cache
def promises() -> Promises:
    """The promises of all operators, stages and relaxations, sorted by name."""
    return Promises(
        operators=_folder(operators, Operator),
        stages=MappingProxyType({**_folder(strategies, Stage), **_folder(optimizers, Stage)}),
        relaxations=_folder(relaxations, Relaxation),
        sources=sources,
    )


@cache
def sources(operator: str) -> Mapping[str, str]:
    """The functions of an operator's file as text, by name, in the order of the file: what codegen copies.

    Names that start with `_` belong to the promise and are left out. A composite has none.
    """
    module = import_module(f"{operators.__name__}.{operator}")
    found = {
        name: inspect.getsource(function)
        for name, function in vars(module).items()
        if isinstance(function, FunctionType) and function.__module__ == module.__name__ and not name.startswith("_")
    }
    return MappingProxyType(found)


def _folder(package: ModuleType, kind: type[_P]) -> Mapping[str, _P]:
    """The promise of every file in a package; a file whose promise bears another name than the file is refused."""
    found: dict[str, _P] = {}
    for name in sorted(m.name for m in iter_modules(package.__path__) if not m.name.startswith("_")):
        promise = getattr(import_module(f"{package.__name__}.{name}"), "promise", None)
        if not isinstance(promise, kind):
            raise TypeError(f"{package.__name__}.{name} has no `promise = {kind.__name__}(…)`")
        if promise.name != name:
            raise TypeError(f"{package.__name__}.{name} promises {promise.name!r}: the name of the file is the name")
        found[name] = promise
    return MappingProxyType(found)
