"""Each pass keeps what a graph computes: outputs and gradients; and leaves a sound graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from generate import program_of
from reference import Drawn

from recspace.compiler.codegen import generate
from recspace.compiler.compile import check
from recspace.compiler.ir import Constant, Graph, Operator, Output, Ref, Rows
from recspace.compiler.lower import AFTER, BEFORE
from recspace.compiler.passes.fold import fold
from recspace.compiler.passes.hoist import hoist
from recspace.compiler.passes.narrow import narrow
from recspace.compiler.passes.prune import prune
from recspace.compiler.passes.relax import relax
from recspace.compiler.passes.share import share
from recspace.compiler.verify import Broken, verify
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, fill, float64, model_of, random_weights, shipped, tensors_of
from .test_agreement import CASES, SCHEMAS, SMALL

PASSES = {"fold": fold, "share": share, "hoist": hoist, "prune": prune, "narrow": lambda g: narrow(g, promises())}
RUN = list(dict(CASES).items())
"""Every space once."""
ALONE = [c for c in RUN if c[0] not in ("component/slf.space", "interaction/autogroup.space")]
"""Those that generate without the passes before: AutoGroup's statistics are one family only after sharing."""


def graph_of(pair: Pair) -> Graph:
    graph = check(pair.program, pair.schema, promises(), overrides=pair.overrides).graph
    assert graph is not None
    return graph


def computed(pair: Pair, graph: Graph, weights: Drawn) -> tuple[np.ndarray, dict[object, np.ndarray]]:
    """The objective's terms with the prediction, and the gradient of every weight that the oracle has read."""
    compiled = generate(graph, pair.schema, promises())
    with float64():
        model = model_of(compiled)
        fill(model, weights)
        batch = tensors_of(pair.batch(compiled, 1))
        prediction, terms = model.objective(batch, random_weights(graph.decisions, 1)[0], {})
        (sum(terms) + prediction.sum()).backward()
    found = {}
    for stored in compiled.tensors:
        gradient = getattr(model.module, stored.attribute).grad
        for part in stored.slices if gradient is not None else ():
            place = (part.layer, part.name, part.key, part.candidate, part.part)
            found[place] = gradient[tuple(slice(a, b) for a, b in part.box)].flatten().numpy()
    values = torch.cat([prediction, *(t.reshape(1) for t in terms)]).detach().numpy()
    return values, {k: v for k, v in found.items() if k in weights.found}


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize(("path", "schema"), ALONE)
def test_a_pass_keeps_outputs_and_gradients(path, schema, name):
    pair = Pair(shipped(path), SCHEMAS[schema], SMALL[path])
    weights = Drawn(1)
    batch = pair.batch(pair.supernet, 1)
    graph = graph_of(pair)
    odds = random_weights(graph.decisions, 1)[1]
    pair.oracle(weights).objectives(odds, batch, relaxed=True)
    values, gradients = computed(pair, relax(graph, promises()), weights)
    after = relax(verify(PASSES[name](graph), name), promises())
    if name != "narrow":
        after = verify(PASSES[name](after), name)
    new_values, new_gradients = computed(pair, after, weights)
    np.testing.assert_allclose(new_values, values, rtol=1e-10)
    assert set(new_gradients) == set(gradients)
    assert any(np.abs(g).max() > 0 for g in gradients.values())
    for place, gradient in gradients.items():
        np.testing.assert_allclose(new_gradients[place], gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("path", "schema"), RUN)
def test_graphs_are_sound_after_every_pass(path, schema):
    graph = graph_of(Pair(shipped(path), SCHEMAS[schema], SMALL[path]))
    sizes = [len(graph)]
    for step in BEFORE:
        graph = verify(step(graph), step.__name__)
        sizes.append(len(graph))
    graph = verify(relax(graph, promises()), "relax")
    for step in AFTER:
        graph = verify(step(graph), step.__name__)
    assert sizes == sorted(sizes, reverse=True)
    again = graph
    for step in AFTER:
        again = step(again)
    assert len(again) == len(graph)


NESTED = """space T
choose keep[f in fields] from {off, on}
let one = concat(embed(f, 1) * keep[f] for f in fields)
let two = concat(embed(f, 2) * keep[f] for f in fields)
predict linear(concat(embed(user, 2), concat(one, two), concat(embed(f, 4) * keep[f] for f in fields)), 1)
minimize logloss
"""


@pytest.mark.parametrize(
    ("keep", "width"), [((0, 0, 0, 0), 2), ((1, 0, 0, 0), 2 + 3 + 4), ((1, 1, 1, 1), 2 + 4 * 3 + 4 * 4)]
)
def test_concatenations_that_are_zero_as_a_whole_are_left_out(keep, width):
    """The weight has a row for each number that is not zero; what the model computes stays."""
    pair = Pair(program_of(NESTED), SCHEMAS["ids"], {})
    derived_agrees(pair, 1, {"keep": keep})
    (weight,) = [t for t in pair.plain({"keep": keep}).tensors if t.attribute == "predict_linear__weight"]
    assert weight.shape == (width, 1)


# -- broken graphs -------------------------------------------------------------------------------------------


def broken(change) -> Graph:
    """The graph of DeepFM with its first node that `change` gives another node for."""
    graph = graph_of(Pair(shipped("deepfm.space"), SCHEMAS["ids"], {"width": 3}))
    nodes = dict(graph.items())
    key, node = next((k, new) for k, n in nodes.items() if (new := change(k, n, graph)) is not None)
    return graph.with_nodes({**nodes, key: node})


def fewer_rows(key, node, graph):
    if isinstance(node, Operator) and node.operator == "dot":
        return replace(node, operands=(node.operands[0], Ref(node.operands[1].node, Rows([0]))))
    return None


def row_out_of_range(key, node, graph):
    if isinstance(node, Operator) and node.operator == "dot":
        far = Rows(node.operands[0].rows.array + 100)
        return replace(node, operands=(Ref(node.operands[0].node, far), node.operands[1]))
    return None


def in_a_circle(key, node, graph):
    if isinstance(node, Operator) and node.operator == "relu":
        after = graph.consumers(key)[0]
        return replace(node, operands=(Ref(after, Rows([0])),))
    return None


def nobody(key, node, graph):
    if isinstance(node, Operator) and node.operator == "dot":
        return replace(node, keys=(("one",),))
    return None


@pytest.mark.parametrize(
    ("change", "said"),
    [(fewer_rows, "operands of another number"), (row_out_of_range, "which has 4"), (in_a_circle, "need one another"),
     (nobody, "operands of another number")],
)  # fmt: skip
def test_broken_graphs_are_refused(change, said):
    with pytest.raises(Broken, match=f"after squash: .*{said}"):
        verify(broken(change), "squash")


def test_a_graph_without_outputs_is_refused():
    graph = graph_of(Pair(shipped("deepfm.space"), SCHEMAS["ids"], {"width": 3}))
    nodes = {k: n for k, n in graph.items() if not isinstance(n, Output)}
    with pytest.raises(Broken, match="nothing is put out"):
        verify(graph.with_nodes(nodes), "squash")
    missing = {k: n for k, n in graph.items() if not isinstance(n, Constant | Operator)}
    with pytest.raises(Broken, match="not there"):
        verify(graph.with_nodes(missing), "squash")
