"""The same space for another task: what becomes of the head and of the loss, and what cannot be swapped."""

from dataclasses import replace

import pytest
from generate import program_of

from recspace.compiler.schema import Label
from recspace.compiler.tasks import TASKS, swapped
from recspace.dsl import SpaceError, ast
from recspace.dsl.format import format_expr
from recspace.runtime.choices import even, for_forward

from .agreement import Pair, float64, model_of, relaxed_agrees, shipped, tensors_of
from .test_agreement import IDS


def outputs(program):
    statements = program.file.space.statements
    lets = {s.name: s.value for s in statements if isinstance(s, ast.Let) and not s.index}
    predict = next(s.value for s in statements if isinstance(s, ast.Predict))
    predict = lets.get(predict.name, predict) if isinstance(predict, ast.Name) else predict
    return format_expr(predict), ", ".join(
        map(format_expr, next(s.values for s in statements if isinstance(s, ast.Minimize)))
    )


Z = "wide() + fm(e) + deep(e)"
C = "count(classes(label))"
HEADS = {
    ("deepfm.space", "ctr"): (f"sigmoid({Z})", "logloss"),
    ("deepfm.space", "rating"): (Z, "mse"),
    ("deepfm.space", "topk"): (Z, "bpr(negatives = 4)"),
    ("deepfm.space", "classes"): (f"deep_classes(e) + linear([wide(), fm(e)], {C})", "logloss"),
    ("baselines/mf.space", "ctr"): ("sigmoid(dot(embed(user, width), embed(item, width)))", "logloss"),
    ("baselines/mf.space", "topk"): ("dot(embed(user, width), embed(item, width))", "bpr(negatives = negatives)"),
    ("component/sif.space", "topk"): (
        "bias() + sum(normed_linear[o](combine(o, u, v), 1) for o in ops)", "bpr(negatives = 4)",
    ),
    ("component/sif.space", "classes"): (
        f"sum(normed_linear[o](combine(o, u, v), {C}) for o in ops) + linear([bias()], {C})", "logloss",
    ),
    ("component/autoloss_ratings.space", "rating"): (Z, None),
    ("component/slf.space", "ctr"): ("sigmoid(wide() + fm(e))", None),
    ("interaction/l0sign.space", "rating"): (
        "bias() + mean(linear(h[T, f], 1, bias = false) for f in fields)", "mse + 0.001 * l0(edge) + 1e-07 * l2(z)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "task"), HEADS, ids=lambda x: str(x).rpartition("/")[2])
def test_heads_and_losses(path, task):
    predict, loss = outputs(swapped(shipped(path), task))
    assert predict == HEADS[path, task][0]
    assert HEADS[path, task][1] in (None, loss)


@pytest.mark.parametrize("path", ["deepfm.space", "component/sif.space", "interaction/autofis.space"])
@pytest.mark.parametrize("task", TASKS)
def test_there_and_back(path, task):
    """A swap is one of its own kind, and clicks are clicks again after it."""
    once = swapped(shipped(path), task)
    assert outputs(swapped(once, task)) == outputs(once)
    if task != "classes":
        assert outputs(swapped(once, "ctr")) == outputs(swapped(shipped(path), "ctr"))


@pytest.mark.parametrize(
    "path", ["deepfm.space", "component/sif.space", "interaction/l0sign.space", "interaction/autofis.space"]
)
def test_classes_agree_with_the_oracle(path):
    schema = replace(IDS, label=Label("classes", 3, "label"))
    pair = Pair(swapped(shipped(path), "classes"), schema, {"width": 3})
    compiled = pair.supernet
    assert compiled.source.count("logloss_classes(") >= 1
    with float64():
        model = model_of(compiled)
        assert model.module(tensors_of(pair.batch(compiled, 1)), _even(compiled)).shape == (6, 3)


def _even(compiled):
    return for_forward(compiled.decisions, {d.name: even(d).double() for d in compiled.decisions})


@pytest.mark.parametrize("task", ["rating", "ctr"])
def test_swapped_spaces_agree_with_the_oracle(task):
    relaxed_agrees(Pair(swapped(shipped("component/sif.space"), task), IDS, {"width": 3}), 1)


READ = """space S
let e[f in fields] = embed(f, 2)
let y = sigmoid(sum(weight(f) for f in fields))
let t = y * weight(user)
predict y
minimize logloss + 0.1 * l2(t)
"""
LOSSES = """space S
let y = sigmoid(weight(user))
predict y
minimize {loss}(label, y)
"""
WAYS = """space S
predict concat(linear(embed(user, 2), 1) for c in 1..count(classes(label)))
minimize logloss
"""


@pytest.mark.parametrize(
    ("text", "task", "code", "place"),
    [
        (READ, "rating", "S0430", "y"),
        (WAYS, "ctr", "S0430", "concat(linear(embed(user, 2), 1) for c in 1..count(classes(label)))"),
        (LOSSES.format(loss="cross_entropy"), "rating", "S0431", "cross_entropy"),
        (LOSSES.format(loss="squared"), "topk", "S0431", "squared"),
        (LOSSES.format(loss="focal"), "classes", "S0431", "focal"),
    ],
)
def test_what_cannot_be_swapped_is_refused(text, task, code, place):
    with pytest.raises(SpaceError) as refused:
        swapped(program_of(text), task)
    (found,) = refused.value.diagnostics
    assert found.code == code
    assert found.span.text == place
    assert found.help
