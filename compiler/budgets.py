"""Requirements on costs: `require parameters(e) <= 30%`, met by an architecture or not."""

from __future__ import annotations

from typing import Any

from .architectures import hand_made
from .cost import Costs
from .counting.values import scalar
from .decisions import Architecture, Decision
from .evaluate import Evaluator
from .ir import Cost, Graph, Node, Output
from .promise import Promises
from .schema import Schema


def widest(graph: Graph) -> Architecture:
    """Every gate on, every number and set at its largest; names and alternatives at their default."""

    def largest(decision: Decision, element: int, default: Any) -> Any:
        domain = decision.domain(element)
        match domain.kind:
            case "gate":
                return domain.options.index("on")
            case "number":
                return max(range(len(domain.options)), key=lambda k: domain.options[k])
            case "range":
                return int(domain.high) - int(domain.low)
            case "real":
                return domain.high
            case "subset":
                return tuple(range(int(domain.high)))
            case _:
                return default

    plain = hand_made(graph)
    return {
        d.name: tuple(largest(d, 0 if d.per_value else e, x) for e, x in enumerate(plain[d.name]))
        for d in graph.decisions
    }


def meets(graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> bool:
    """Whether an architecture meets the requirements on costs (latency is never counted, and never refuses)."""
    evaluator = CostEvaluator(graph, schema, promises, architecture)
    for key in graph.outputs:
        node = graph[key]
        if isinstance(node, Output) and node.role == "constraint":
            measured = [n.measure for k in graph.ancestors([key]) if isinstance(n := graph[k], Cost)]
            if measured and "latency" not in measured:
                for row in node.value.rows.array.tolist():
                    met = evaluator.row(node.value.node, row)
                    if met is not None and not met:
                        return False
    return True


class CostEvaluator(Evaluator):
    """Evaluates conditions that read costs as well."""

    def __init__(self, graph: Graph, schema: Schema, promises: Promises, architecture: Architecture) -> None:
        super().__init__(graph, architecture, strict=True)
        self.costs = Costs(graph, schema, promises, architecture)
        self._widest: Costs | None = None

    def _value(self, node: Node, row: int, value: int | None) -> Any:
        if not isinstance(node, Cost) or node.measure == "latency":
            return super()._value(node, row, value)
        found = self.costs.measure(node.measure, node.scope)
        if not node.relative:
            return found
        if self._widest is None:
            self._widest = Costs(self.graph, self.costs.schema, self.costs.promises, widest(self.graph))
        whole = self._widest.measure(node.measure, node.scope)
        return scalar("/", [found, whole]) if whole else 0
