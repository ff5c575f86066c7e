"""Which column each option of a decision puts into the logits: what field-wise logistic regression can judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from recspace.compiler.additive import added, read
from recspace.compiler.decisions import Architecture, Decision
from recspace.compiler.ir import Graph
from recspace.compiler.schema import Column

from .growth import options_of


class Addends:
    """Columns of a set's members and of a number's options, found in the graphs of the models that they mean.

    `settled`: see `Context`; `decision`: the set; `base`: the architecture that numbers are varied in.
    """

    def __init__(self, settled: Callable[[Architecture], Graph], decision: Decision, base: Architecture) -> None:
        self._settled, self._decision, self._base = settled, decision, base
        self._members: tuple[Architecture, Mapping[int, Column]] | None = None

    def members(self, architecture: Architecture) -> Mapping[int, Column]:
        """By its position the column of each member that adds one to the logits and does nothing else."""
        others = {name: options for name, options in architecture.items() if name != self._decision.name}
        if self._members is None or self._members[0] != others:
            self._members = (others, self._found(others))
        return self._members[1]

    def _found(self, others: Architecture) -> Mapping[int, Column]:
        labels = tuple(map(str, self._decision.domains[0].options))
        full = self._settled({**others, self._decision.name: (tuple(range(len(labels))),)})
        none = self._settled({**others, self._decision.name: ((),)})
        position = {label: k for k, label in enumerate(labels)}
        found: dict[int, list[Column]] = {}
        for one in added(full):
            if one.key and str(one.key[-1]) in position:
                found.setdefault(position[str(one.key[-1])], []).append(one.column)
        single = {k: columns[0] for k, columns in found.items() if len(columns) == 1}
        more = read(full) - read(none)
        # What else the set brings into the model, field-wise regression would not see.
        return single if sum(more.values()) == sum(len(columns) for columns in found.values()) else {}

    def numbers_at(self, decision: Decision, element: int) -> tuple[Column, ...]:
        """The column of each option of a number that cuts one column and does nothing else; () for other numbers."""
        own = self._base[decision.name]
        found = []
        for option in range(options_of(decision, element)):
            chosen = {**self._base, decision.name: (*own[:element], option, *own[element + 1 :])}
            graph = self._settled(chosen)
            found.append(({a.column for a in added(graph)}, read(graph)))
        shared = found[0][1]
        for _, reads in found[1:]:
            shared = shared & reads
        own_columns = [reads - shared for _, reads in found]
        alone = all(sum(c.values()) == 1 for c in own_columns)
        if not alone or not all(next(iter(c)) in terms for c, (terms, _) in zip(own_columns, found, strict=True)):
            return ()
        return tuple(next(iter(c)) for c in own_columns)
