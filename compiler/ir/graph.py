"""Nodes and who reads whom, on one networkx.DiGraph. This is the only file that touches networkx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..decisions import Decision
from .nodes import Node, Output
from .operands import operands

if TYPE_CHECKING:
    import networkx as nx


class Graph:
    """An immutable graph. `outputs` are the ids of its Output nodes, `decisions` the decision table, `fields` the number of
    fields of the data (0: not known).

    networkx is imported when it is first needed: a fresh graph is in order already, and checking a space takes less time
    than that import.
    """

    __slots__ = ("_nodes", "_order", "_shown", "decisions", "fields", "name", "outputs")

    def __init__(self, name: str, nodes: Mapping[int, Node], decisions: tuple[Decision, ...], fields: int = 0) -> None:
        self._nodes = dict(nodes)
        self._order: tuple[int, ...] | None = None
        self._shown: nx.DiGraph[int] | None = None
        self.name, self.fields = name, fields
        self.decisions = decisions
        self.outputs = tuple(k for k, n in nodes.items() if isinstance(n, Output))

    @property
    def _graph(self) -> nx.DiGraph[int]:
        if self._shown is None:
            import networkx as nx

            graph: nx.DiGraph[int] = nx.DiGraph()
            graph.add_nodes_from(self._nodes)
            graph.add_edges_from((ref.node, key) for key, node in self._nodes.items() for ref in operands(node))
            self._shown = nx.freeze(graph)
        return self._shown

    def __getitem__(self, key: int) -> Node:
        return self._nodes[key]

    def __contains__(self, key: int) -> bool:
        return key in self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def items(self) -> Iterator[tuple[int, Node]]:
        """Nodes with their ids, producers before consumers; the order is stable."""
        if self._order is None:
            rising = all(ref.node < key for key, node in self._nodes.items() for ref in operands(node))
            if rising:
                self._order = tuple(sorted(self._nodes))
            else:
                import networkx as nx

                self._order = tuple(nx.lexicographical_topological_sort(self._graph))
        for key in self._order:
            yield key, self._nodes[key]

    def missing(self) -> tuple[int, ...]:
        """Nodes that are read and are not there."""
        return tuple(sorted({r.node for n in self._nodes.values() for r in operands(n)} - self._nodes.keys()))

    def consumers(self, key: int) -> tuple[int, ...]:
        return tuple(sorted(self._graph.successors(key)))

    def producers(self, key: int) -> tuple[int, ...]:
        return tuple(sorted(self._graph.predecessors(key)))

    def ancestors(self, keys: Iterable[int]) -> frozenset[int]:
        """The nodes themselves and all that they need."""
        found: set[int] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo += [ref.node for ref in operands(self._nodes[key])]
        return frozenset(found)

    def with_nodes(self, nodes: Mapping[int, Node], decisions: tuple[Decision, ...] | None = None) -> Graph:
        """The same graph with other nodes (all of them)."""
        return Graph(self.name, nodes, self.decisions if decisions is None else decisions, self.fields)

    def decision(self, name: str) -> Decision:
        return next(d for d in self.decisions if d.name == name)

    def _repr_html_(self) -> str:
        """Its picture, in a notebook: an image, so that nothing in it is markup of the notebook."""
        from ..drawing.svg import to_image

        return to_image(self)

    def cycle(self) -> list[int]:
        """Some cycle, or nothing."""
        import networkx as nx

        try:
            return [a for a, _ in nx.find_cycle(self._graph)]
        except nx.NetworkXNoCycle:
            return []
