"""Sets that grow: what may join, what can be judged, planted crosses found, and going on from every step."""

import json
from dataclasses import replace
from itertools import combinations

import by_hand
import polars as pl
import pytest
from interrupted import interruptions
from stage_by_hand import ended

from recspace.checking import Question
from recspace.compiler.additive import added
from recspace.compiler.decisions import Decision, Domain
from recspace.dsl import SpaceError
from recspace.recipes import recipe_of
from recspace.running import bound_space, inputs_of
from recspace.runtime.addends import Addends
from recspace.runtime.choices import Fixed
from recspace.runtime.data.synth import Plan, write
from recspace.runtime.growth import Grown, Growth, granularities
from recspace.runtime.plan import obstacles, unsearched
from recspace.runtime.registry import promises
from recspace.runtime.run import resume, search
from recspace.runtime.settings import Settings

FIT = "epochs = 3, batch_size = 512, optimizer = adam(lr = 0.02)"
JUDGED = "evaluate = field_wise_logistic(batches = 4)"
BEAM = f"beam(grow = crosses, join = pairs, width = 2, {JUDGED}, least = 0.004, {FIT}) retrain({FIT})"


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Three pairs among five fields, and a number whose buckets decide a part of the rest."""
    path = tmp_path_factory.mktemp("data") / "planted.parquet"
    truth = write(Plan(fields=5, cardinality=6, rows=6000, groups=2, decoys=0, seed=3), path)
    table = pl.read_parquet(path).with_columns(price=pl.int_range(6000).shuffle(seed=1) / 7)
    table.write_parquet(path)
    return path, {"*".join(g) for g in truth.groups}


def space_of(path, text=None, *sets):
    if text is None:
        return bound_space(Question("autocross", str(path), settings=("order=2", "n=3", *sets)))
    file = path.with_name("own.space")
    file.write_text(text)
    return bound_space(Question(file, str(path)))


def values(folder):
    decisions = json.loads((folder / "architecture.json").read_text())["decisions"]
    return {e["name"]: e["value"] for d in decisions for e in d["elements"]}


def test_planted_pairs_are_found_and_resume_to_the_same_bits(planted, tmp_path):
    path, truth = planted
    inputs = inputs_of(space_of(path), BEAM)
    straight = search(inputs, Settings(seed=1), tmp_path / "straight")
    assert set(values(straight.folder)["crosses"]) == truth
    assert values(straight.folder)["bins[price]"] in (10, 100, 1000)
    hand_made, searched = (straight.report[k]["test"]["auc"] for k in ("hand_made", "searched"))
    assert searched > hand_made + 0.1
    (beam,) = [s for s in straight.report["stages"] if s["stage"] == "0.beam"]
    assert {g["member"] for g in beam["grown"]} == truth
    assert not (straight.folder / "supernet.py").exists()

    folder, settings = tmp_path / "cut", Settings(seed=1, checkpoint_steps=1)
    start = lambda stop: search(inputs, settings, folder, stop)  # noqa: E731
    assert interruptions(start, lambda stop: resume(folder, lambda *_: inputs, stop), 9) > 8
    for name in ("model.safetensors", "architecture.json", "model.py", "baseline.safetensors"):
        assert (folder / name).read_bytes() == (straight.folder / name).read_bytes()


def test_every_state_of_the_stage_goes_on_alike(planted, tmp_path):
    """From before each step on: numbers, the base in training, and every round."""
    inputs = inputs_of(space_of(planted[0]), BEAM)
    fresh = lambda: task_of(inputs, tmp_path)  # noqa: E731
    straight, states = fresh(), []
    while not straight.done:
        states.append(straight.state())
        straight.step()
    for k in range(0, len(states), 4):
        again = fresh()
        again.restore(states[k])
        assert again.at == k
        assert ended(again).found().architecture == straight.found().architecture
        assert again.figures() == straight.figures()
    assert straight.at <= straight.steps


def task_of(inputs, folder):
    from recspace.runtime.growing import start
    from recspace.runtime.journal import Journal
    from recspace.runtime.progress import Silent
    from recspace.runtime.search import Search

    work = Search(inputs, Settings(seed=1), folder, Journal(folder / "events.jsonl"), Silent())
    stage = next(s for s in work.stages if s.call.name == "beam")
    return start(work._context(stage), stage.call)


def test_it_can_be_hurried_anywhere(planted, tmp_path):
    inputs = inputs_of(space_of(planted[0]), BEAM)
    for steps in (0, 1, 5, 30):
        task = task_of(inputs, tmp_path)
        for _ in range(steps):
            task.step()
        task.hurry()
        assert task.done
        assert task.found().architecture is not None


def test_what_is_fixed_stays(planted, tmp_path):
    path, truth = planted
    one = sorted(truth)[0]
    fixes = ("bins[price]=100", f"crosses=[{one}]")
    inputs = inputs_of(space_of(path), BEAM)
    folder = search(inputs, Settings(seed=1, fix=fixes[:1]), tmp_path / "bins").folder
    assert values(folder)["bins[price]"] == 100
    assert set(values(folder)["crosses"]) == truth


REQUIRED = """space Required
choose crosses from subset(subsets(fields - numeric, 2), 0..3) default []
choose bins[f in numeric] from {10, 100}
predict sigmoid(bias() + sum(weight(f) for f in fields - numeric) + sum(weight(bucket(f, bins[f])) for f in numeric)
               + sum(weight(cross(c)) for c in crosses))
minimize logloss
require count(crosses) <= 1
require all(bins[f] >= 100 for f in numeric)
"""


@pytest.mark.parametrize("evaluate", [JUDGED, "join = any"])
def test_requirements_are_met(planted, tmp_path, evaluate):
    recipe = f"beam(grow = crosses, {evaluate}, {FIT}) retrain(epochs = 1)"
    folder = search(inputs_of(space_of(planted[0], REQUIRED), recipe), Settings(seed=1), tmp_path / "run").folder
    found = values(folder)
    assert len(found["crosses"]) == 1
    assert found["crosses"][0] in planted[1]
    assert found["bins[price]"] == 100


def test_without_an_evaluator_every_set_is_trained(planted, tmp_path):
    inputs = inputs_of(space_of(planted[0]), f"beam(grow = crosses, join = pairs, {FIT})")
    result = search(inputs, Settings(seed=1), tmp_path / "run")
    assert set(values(result.folder)["crosses"]) >= planted[1]
    (beam,) = [s for s in result.report["stages"] if s["stage"] == "0.beam"]
    assert beam["trials"] > 20


@pytest.mark.parametrize("recipe", ["random(trials = 4, epochs = 1)", "exhaustive(epochs = 1, limit = 4000)"])
def test_sets_and_granularities_are_sampled(planted, tmp_path, recipe):
    inputs = inputs_of(space_of(planted[0], None, "n=1"), recipe + " retrain(epochs = 1)")
    found = values(search(inputs, Settings(seed=1), tmp_path / "run").folder)
    assert len(found["crosses"]) <= 1
    assert found["bins[price]"] in (10, 100, 1000)


# -- what may join ---------------------------------------------------------------------------------------------


def growth(join, *members, most=3):
    labels = tuple("*".join(s) for k in (2, 3) for s in combinations("abcd", k))
    sets = Decision("s", (), 1, ((),), (Domain("subset", labels, 0, most),))
    graph = by_hand.graph_of(sets)
    found = Growth(graph, Fixed((sets,), {}), sets, join, frozenset(range(len(labels))))
    chosen = tuple(sorted(labels.index(m) for m in members))
    return {labels[k] for k in found.candidates({"s": (chosen,)})}


def test_what_joins():
    pairs = {"a*b", "a*c", "a*d", "b*c", "b*d", "c*d"}
    triples = {"a*b*c", "a*b*d", "a*c*d", "b*c*d"}
    assert growth("pairs") == pairs
    assert growth("pairs", "a*b") == pairs - {"a*b"} | {"a*b*c", "a*b*d"}
    assert growth("pairs", "a*b", "c*d") == pairs - {"a*b", "c*d"} | triples
    assert growth("any", "a*b") == pairs - {"a*b"} | triples
    assert growth("any", "a*b", most=1) == set()


class Told:
    """Scores of sets by what they hold: each of the good ones is worth 1."""

    def __init__(self, good, width=1):
        labels = tuple("*".join(s) for s in combinations("abcd", 2))
        self.sets = Decision("s", (), 1, ((),), (Domain("subset", labels, 0, 4),))
        self.number = Decision("b", ("f in fields",), 2, (("a",), ("b",)), (Domain("number", (1, 2, 3)),))
        self.good = {labels.index(g) for g in good}
        graph = by_hand.graph_of(self.sets, self.number)
        fixed = Fixed(graph.decisions, {"b": {1: 1}})
        grown = Growth(graph, fixed, graph.decisions[0], "any", frozenset(range(6)))
        start = {"s": ((),), "b": (0, 1)}
        self.sampler = Grown(grown, start, width, granularities(graph.decisions, fixed))
        self.asked = []

    def run(self):
        while len(self.asked) < self.sampler.trials:
            made = self.sampler.ask()
            self.asked.append(made)
            self.sampler.tell(made, len(self.good & set(made["s"][0])) + 0.1 * made["b"][0])
        return self.sampler.best()


@pytest.mark.parametrize("width", [1, 3])
def test_numbers_first_then_sets_until_nothing_is_better(width):
    told = Told({"a*c", "b*d"}, width)
    best = told.run()
    assert best["b"] == (2, 1)  # the last option is the best, and the fixed element is left alone
    assert set(best["s"][0]) == told.good
    sizes = [len(a["s"][0]) for a in told.asked]
    assert sizes == sorted(sizes)
    assert sizes[:3] == [0, 0, 0]
    assert sizes.count(1) == 6
    assert max(sizes) == 3


# -- what can be judged, and what is refused -------------------------------------------------------------------

JOINED = """space Joined
choose crosses from subset(subsets(fields - numeric, 2), 0..2) default []
choose size from {2, 4}
choose act from {relu, tanh}
predict sigmoid(BODY)
minimize logloss
search { beam(grow = crosses, evaluate = field_wise_logistic()) }
"""
FINE = "bias() + sum(weight(cross(c)) for c in crosses) + linear(activate(act, embed(f1, size)), 1)"


def test_what_a_member_adds(planted):
    path, _ = planted
    space = space_of(path)
    addends = Addends(space.models.settled, space.decisions[1], {"bins": (2,), "crosses": ((),)})
    members = addends.members({"bins": (1,), "crosses": ((),)})
    assert {k: c.key for k, c in members.items()}[4] == "f1*price/100>=1"
    assert len(members) == 15
    assert [c.key for c in addends.numbers_at(space.decisions[0], 0)] == ["price/10", "price/100", "price/1000"]
    keys = [str(a.key[-1]) for a in added(space.models.settled({"bins": (0,), "crosses": ((3, 7),)})) if a.key]
    assert keys == ["price", "f1", "f2", "f3", "f4", "f5", "f1*f5", "f2*f5"]


@pytest.mark.parametrize(
    ("body", "judged"),
    [
        (FINE, True),
        ("sum(weight(cross(c)) * 2 for c in crosses)", False),
        ("sum(weight(cross(c)) + sum(embed(cross(c), 2)) for c in crosses)", False),
        ("sum(weight(cross(c)) + sum(embed(f2, 2)) for c in crosses)", False),
        ("sum(weight(cross(c)) for c in crosses) ^ 2", False),
        ("sum(weight(cross(c)) + weight(cross(c)) for c in crosses)", False),
    ],
)
def test_what_field_wise_regression_can_judge(planted, tmp_path, body, judged):
    space = space_of(planted[0], JOINED.replace("BODY", body))
    if judged:
        assert len(Addends(space.models.settled, space.decisions[0], {}).members({"size": (0,), "act": (0,)})) == 10
        return
    with pytest.raises(SpaceError, match=r"S0605.*cannot judge `crosses`"):
        search(inputs_of(space), Settings(), tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_number_that_cuts_nothing_is_left_at_its_default(planted):
    space = space_of(planted[0], JOINED.replace("BODY", FINE))
    base = {"size": (1,), "act": (0,), "crosses": ((),)}
    size = next(d for d in space.decisions if d.name == "size")
    assert Addends(space.models.settled, space.decisions[0], base).numbers_at(size, 0) == ()


def test_what_nothing_searches_is_said(planted):
    space = space_of(planted[0], JOINED.replace("BODY", FINE))
    recipe = recipe_of(space.verdict, "")
    assert not obstacles(recipe, space.decisions, promises())
    (note,) = unsearched(recipe, space.decisions, promises())
    assert (note.code, note.severity) == ("S0613", "warning")
    assert "`act`" in note.message
    both = recipe_of(space.verdict, "beam(grow = crosses) random()")
    assert not unsearched(both, space.decisions, promises())


def test_a_decision_without_elements_cannot_grow(planted, tmp_path):
    text = JOINED.replace("BODY", FINE).replace("size from", "cut[f in multivalued] from").replace("f1, size", "f1, 2")
    with pytest.raises(SpaceError, match=r"S0605.*no element on this data"):
        search(inputs_of(space_of(planted[0], text), "beam(grow = cut)"), Settings(), tmp_path / "run")


@pytest.mark.parametrize(
    ("grow", "code"),
    [
        ("beam(grow = bins)", "S0605"),
        ("beam(grow = nothing)", "S0607"),
        ("beam()", "S0604"),
        ("beam(grow = crosses, width = 0)", "S0603"),
        ("beam(grow = crosses, evaluate = adam())", "S0603"),
    ],
)
def test_wrong_recipes(planted, tmp_path, grow, code):
    with pytest.raises(SpaceError) as refused:
        search(inputs_of(space_of(planted[0]), grow), Settings(), tmp_path / "run")
    assert {d.code for d in refused.value.diagnostics} == {code}


def test_pairs_join_sets_of_fields_alone(planted, tmp_path):
    text = JOINED.replace("subsets(fields - numeric, 2)", "fields - numeric").replace("cross(c)", "c")
    space = space_of(planted[0], text.replace("BODY", FINE.replace("cross(c)", "c")))
    with pytest.raises(SpaceError, match="S0603"):
        search(inputs_of(space, "beam(grow = crosses, join = pairs)"), Settings(), tmp_path / "run")


def test_labels_that_are_no_classes_of_two_are_refused(planted, tmp_path):
    inputs = replace(inputs_of(space_of(planted[0]), BEAM), task="number")
    with pytest.raises(SpaceError, match=r"S0605.*labels of 0 or 1"):
        search(inputs, Settings(), tmp_path / "run")
