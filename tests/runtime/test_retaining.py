"""A set that grows order by order with shared weights: what is in the pool, what is kept, and that it finds what is there."""

from dataclasses import replace

import by_hand
import pytest
from stage_by_hand import context, ended, started

from recspace.compiler.decisions import Decision, Domain
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.choices import Fixed
from recspace.runtime.plan import obstacles
from recspace.runtime.registry import promises
from recspace.runtime.strategies import progressive

TEXT = "progressive(grow = pairs, keep = {}, epochs = 6, batch_size = 64, weights = adam(lr = 0.02))"
LABELS = ("f0*f1", "f0*f2", "f1*f2", "f2*f3", "f0*f1*f2", "f1*f2*f3", "f0*f2*f3")
MIXED = Decision("pairs", (), 1, ((),), (Domain("subset", LABELS, 0, 4),), (), ((),))


def mixed(architecture, keep=frozenset()):
    """Triples do nothing."""
    if architecture is None:
        return replace(by_hand.fis(None), decisions=(MIXED,))
    chosen = {LABELS[k] for k in architecture["pairs"][0]}
    return by_hand.fis({"keep": [int(f"f{i}*f{j}" in chosen) for i, j in by_hand.PAIRS]})


def test_planted_pairs_are_retained():
    encoded = by_hand.rows(4000)
    found = ended(started(TEXT.format(2), context(factory=by_hand.sets, encoded=encoded))).found()
    names = {by_hand.SETS.domains[0].options[k] for k in found.settled["pairs"][0]}
    assert names == {"f0*f1", "f2*f3"}
    assert found.architecture is None
    assert found.shared


def test_larger_members_are_a_retained_one_and_a_field_more():
    task = started(TEXT.format(1), context(factory=mixed, encoded=by_hand.rows(2000)))
    assert task.orders == (2, 3)
    assert task._pool() == (0, 1, 2, 3)
    while task.round == 0:
        task.step()
    (kept,) = task.retained
    assert LABELS[kept] in ("f0*f1", "f2*f3")
    inside = {k for k, label in enumerate(LABELS) if k > 3 and set(LABELS[kept].split("*")) <= set(label.split("*"))}
    assert set(task._pool()) == {kept, *inside}
    ended(task)
    assert task.at <= task.steps
    assert list(task.retained) == [kept]  # triples help by nothing
    assert task.figures()["judged"] == 4 + 1 + len(inside)


def test_what_does_not_help_is_not_retained():
    text = TEXT.format(4).replace("epochs = 6", "epochs = 1")
    task = ended(started(text, context(factory=mixed)))
    assert all(gain > 0 for gain in task.retained.values())
    assert len(task.retained) <= 4


@pytest.mark.parametrize("share", [0.1, 0.45, 0.8])
def test_going_on_is_the_same(share):
    text = TEXT.format(2).replace("epochs = 6", "epochs = 1")
    place = context(factory=mixed)
    straight = started(text, place)
    ended(straight)
    task, again = started(text, place), started(text, place)
    for _ in range(round(share * straight.at)):
        task.step()
    again.restore(task.state())
    ended(again)
    assert again.retained == straight.retained
    assert again.figures() == straight.figures()


def test_only_a_single_set_grows_and_not_along_an_index():
    recipe = by_hand.recipe("progressive(grow = keep)")
    faults = obstacles(recipe, (by_hand.keep_decision(),), promises())
    assert [f.code for f in faults] == ["S0605"]
    call = by_hand.call("progressive(grow = pairs, along = k)")
    with pytest.raises(SpaceError, match="S0673"):
        progressive.foresee(by_hand.graph_of(by_hand.SETS), call, Fixed((), {}))
