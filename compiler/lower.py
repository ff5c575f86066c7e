"""The passes between the graph of a space and the text of a module, in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from .ir import Cost, DecisionNode, Graph, Output
from .passes.algebra import algebra
from .passes.batch import batch
from .passes.fold import fold
from .passes.given import given
from .passes.hoist import hoist
from .passes.mix import mix
from .passes.narrow import narrow
from .passes.prune import prune
from .passes.relax import relax
from .passes.share import share
from .passes.tabulate import tabulate
from .penalties import without
from .promise import Promises
from .verify import verify

Pass = Callable[[Graph], Graph]

BEFORE: tuple[Pass, ...] = (
    given,  # first: below it nothing is computed for every value of a field
    fold,  # before share: what is constant needs no node, and fewer nodes are compared below
    share,  # equal nodes become one, so that equal rows can be seen
    hoist,  # rows computed once
    share,  # hoisting makes families of equal rows equal nodes
    prune,  # nothing that no output reads is relaxed
)
AFTER: tuple[Pass, ...] = (
    fold,  # relaxing leaves products with constants
    share,  # alternatives of several consumers are the same nodes
    tabulate,  # after fold: alternatives are constants by now
    algebra,  # after fold: a gate that is on multiplies nothing; before prune: the products are read no more
    batch,  # what is left of inner products, and
    mix,  # of sums that decisions weigh, as products of matrices
    prune,  # decisions that only settled widths of what is gone
)


SWITCHES = ("fold", "share", "hoist", "algebra", "batch", "mix", "prune", "tile")
"""What can be left out, so that what it gains can be measured: passes that the others do not need, and steps in tiles."""
PASSES = ("fold", "share", "hoist", "given", "prune", "narrow", "relax", "algebra", "batch", "mix")
Watch = Callable[[str, Graph, Graph], None]
"""Is told of every pass: its name, the graph before and after."""


def lower(
    graph: Graph,
    promises: Promises,
    settled: Collection[str] = (),
    without: frozenset[str] = frozenset(),
    watch: Watch = lambda *_: None,
) -> Graph:
    """All passes but those `without`; the graph is verified after each. `settled`: decisions for values whose options a
    plain model holds."""

    def each(graph: Graph, steps: tuple[tuple[str, Pass], ...]) -> Graph:
        for name, step in steps:
            if name not in without:
                after = verify(step(graph), name)
                watch(name, graph, after)
                graph = after
        return graph

    between: tuple[tuple[str, Pass], ...] = (
        ("narrow", lambda g: narrow(g, promises)),  # zeros are known, and widths still follow from the graph
        ("relax", lambda g: relax(g, promises)),
    )
    return each(_the_model(graph, settled), (*_named(BEFORE), *between, *_named(AFTER)))


def _named(steps: tuple[Pass, ...]) -> tuple[tuple[str, Pass], ...]:
    return tuple((step.__name__, step) for step in steps)


def _the_model(graph: Graph, settled: Collection[str]) -> Graph:
    """What architectures must meet is no part of a module, nor what samples are drawn by, nor what predicted decisions that
    are settled, nor what costs are minimised or add to that: samplers look at these. Requirements between decisions are
    checked where one is compiled, those on costs where one is derived."""
    kept, graph = {}, without(graph)
    for key, node in graph.items():
        if isinstance(node, Output) and (node.role == "constraint" or is_cost(graph, node)):
            continue
        if isinstance(node, DecisionNode):
            node = replace(node, prior=None, given=None if node.name in settled else node.given)
        kept[key] = node
    return graph.with_nodes(kept)


def is_cost(graph: Graph, output: Output) -> bool:
    """Whether an objective is a cost of the model, such as `flops`, that no example has a part in."""
    if output.role != "objective" or graph[output.value.node].phase == "run":
        return False
    return any(isinstance(graph[key], Cost) for key in graph.ancestors([output.value.node]))
