"""The supernet without the gates that a stage has settled as off: what they gate is not computed any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Decision
from recspace.dsl.diagnostics import SpaceError

from .choices import CHANCE, Fixed


def narrowed(factory: Callable[..., Compiled], decisions: tuple[Decision, ...], fixed: Fixed) -> Compiled:
    """The plain model of every gate that is not settled as off, its gates kept as weights (`choices` are as long as before).

    It computes what the supernet does with those gates at 0. The supernet itself where something else than a gate is
    decided, where gates are counted by their chance (penalties), and where no `require` lets all open gates pass.
    """
    whole = factory(None)
    gates = all(d.domains[0].kind == "gate" and not d.given and not d.per_value for d in decisions)
    if not gates or CHANCE in whole.source:
        return whole
    opened: dict[str, Any] = fixed.architecture({d.name: (1,) * d.elements for d in decisions})
    try:
        return factory(opened, frozenset(opened))
    except SpaceError:
        return whole
