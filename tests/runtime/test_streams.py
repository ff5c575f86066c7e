"""Streams: rows in time order, what is known of values by then, and that predictions come before learning."""

from dataclasses import replace

import by_hand
import numpy as np
import pytest
import torch
from generate import program_of, schema_of
from stage_by_hand import ROWS, context, ended, started

from recspace.compiler.compile import compile_space
from recspace.compiler.schema import Field
from recspace.dsl import SpaceError
from recspace.runtime.flow import Seen, flow_of
from recspace.runtime.module import region
from recspace.runtime.registry import promises
from recspace.runtime.strategies import relax, stream

SHORT = "batch_size = 64, optimizer = adam(lr = 0.01)"


def test_rows_come_in_time_order_equal_times_in_that_of_the_table():
    time = np.array([5.0, 1.0, 3.0, 1.0, 9.0, 3.0])
    flow = flow_of(torch.arange(6), time, 4, 3, 2)
    assert flow.rows.tolist() == [1, 3, 2, 5, 0, 4]
    assert [w.tolist() for w in flow.windows] == [[1, 3, 2, 5], [0, 4]]
    told = [(b.rows.tolist(), b.window, b.first) for b in flow.batches]
    assert told == [
        ([1, 3, 2], 0, True), ([5], 0, True), ([1, 3, 2], 0, False), ([5], 0, False), ([0, 4], 1, True), ([0, 4], 1, False),
    ]  # fmt: skip
    assert [flow.opens(k) for k in range(6)] == [True, False, False, False, True, False]
    assert [flow.closes(k) for k in range(6)] == [False, False, False, True, False, True]


def test_units_of_time_begin_with_the_first_row():
    time = np.array([100.0, 100 + 86399.0, 100 + 86400.0, 100 + 5 * 86400.0])
    assert [w.tolist() for w in flow_of(torch.arange(4), time, "day", 10, 1).windows] == [[0, 1], [2], [3]]
    assert len(flow_of(torch.arange(4), time, None, 2, 1).windows) == 2


SPACE = "space S\nlet e[f in fields] = embed(f, 2)\npredict sigmoid(sum(weight(f) for f in fields) + dot(e[f0], e[f1]))\nminimize logloss"
SCHEMA = schema_of(*(Field(f"f{k}", "category", by_hand.CARDINALITY) for k in range(4)))


def seen_of():
    compiled = compile_space(program_of(SPACE), SCHEMA, promises(), architecture={})
    model = context().model(compiled)
    return Seen(ROWS, compiled), model


def batch_of(ids):
    return {f"f{k}": torch.tensor(ids) for k in range(4)}


def test_values_that_join_start_from_the_mean_of_those_that_are_known():
    seen, model = seen_of()
    seen.add(batch_of([1, 1, 2]))
    (stored,) = [t for t in model.compiled.tensors if t.attribute == "embed_2"]
    view = region(model.tensors["embed_2"], stored.slices[1])
    before = view.clone()
    seen.join(model, batch_of([2, 4, 4]))
    mean = (before[1] + before[2]) / 2
    torch.testing.assert_close(view[4], mean)
    torch.testing.assert_close(view[0], mean)
    assert torch.equal(view[1:4], before[1:4])
    assert torch.equal(view[5:], before[5:])


def test_a_value_that_was_not_seen_is_the_unknown_one():
    seen, _ = seen_of()
    seen.add(batch_of([1, 3]))
    assert seen.masked(batch_of([0, 1, 2, 3, 4]))["f2"].tolist() == [0, 1, 0, 3, 0]


def test_every_window_is_predicted_before_it_is_learned_from():
    text = f"stream(train({SHORT}), window = 200)"
    task = started(text, context())
    answers = {}
    while not task.done:
        opens, window = task.fit.flow.opens(task.at), task.fit.batch_at.window
        if opens and window:
            rows = task.fit.flow.windows[window]
            task.fit.model.module.eval()
            batch = task.fit.seen.masked(ROWS.batch(rows))
            with torch.no_grad():
                answers[window] = task.fit.model.module(batch, {}, {})
        task.step()
    assert len(answers) == len(task.fit.flow.windows) - 1 > 2
    assert task.fit.answers[:200].isnan().all()
    for window, found in answers.items():
        assert torch.equal(task.fit.answers[task.fit._place[task.fit.flow.windows[window]]], found)
    figures = task.figures()
    assert figures["windows_done"] == len(task.fit.flow.windows)
    assert 0 < figures["before_learning"]["auc"] < 1
    assert len(figures["by_window"]) == len(answers)


def tensors(text):
    return ended(started(text, context())).found().model


@pytest.mark.parametrize("option", ["warm_start = none", "distill = 2.0", "window = 300"])
def test_options_are_not_ignored(option):
    more = "" if option.startswith("window") else ", window = 200"
    plain, other = (tensors(f"stream(train({SHORT}), {o})") for o in ("window = 200", option + more))
    assert any(not torch.equal(plain[n], other[n]) for n in plain)


def test_distilling_draws_answers_to_those_of_the_last_model():
    def distance(weight):
        task = started(f"stream(train({SHORT}), window = 300, distill = {weight})", context())
        while not task.done:
            task.step()
        teacher, student = task.fit._teacher, task.fit.model
        rows = task.fit.flow.windows[-1]
        if teacher is None:
            return None
        with torch.no_grad():
            said, answered = (m.module.eval()(ROWS.batch(rows), {}, {}) for m in (teacher, student))
        return float((said - answered).abs().mean())

    assert distance(0.0) is None
    assert distance(20.0) < distance(0.01)


def test_without_a_time_there_is_no_stream():
    with pytest.raises(SpaceError, match="S0653"):
        started("stream(train())", context(encoded=replace(ROWS, time=None)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("stream(derive())", "S0654"),
        ("stream()", "S0654"),
        ("stream(train(), train())", "S0654"),
        ("stream(train(), window = daily)", "S0655"),
        ("stream(train(), window = 0)", "S0655"),
        ("stream(relax(as = softmax), distill = 0.1)", "S0655"),
        ("stream(relax(as = softmax, bilevel = one_step))", "S0655"),
    ],
)
def test_what_cannot_be_streamed_is_refused(text, code):
    with pytest.raises(SpaceError, match=code):
        stream.foresee(context().graph, by_hand.call(text), context().fixed)


def test_a_lag_is_said_of_streams():
    with pytest.raises(SpaceError, match="S0651"):
        relax.foresee(context().graph, by_hand.call("relax(as = gate, lag = 1)"), context().fixed)
