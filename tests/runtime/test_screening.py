"""screen: planted parities found, next to nothing kept of permuted labels, what is settled respected by what follows."""

import itertools
import json
from dataclasses import replace

import by_hand
import polars as pl
import pytest
import torch
from interrupted import interruptions
from stage_by_hand import ROWS, context, ended, result, same, started

from recspace.checking import Question
from recspace.compared import remarks
from recspace.compiler.decisions import Decision, Domain
from recspace.dsl import SpaceError
from recspace.running import bound_space, inputs_of
from recspace.runtime import screening
from recspace.runtime.agreement import agreement, values_of
from recspace.runtime.choices import Fixed
from recspace.runtime.data.synth import Plan, write
from recspace.runtime.examples import divided
from recspace.runtime.journal import Journal, read
from recspace.runtime.module import initialise, transfer
from recspace.runtime.plan import obstacles
from recspace.runtime.progress import Silent
from recspace.runtime.registry import promises
from recspace.runtime.run import resume, search
from recspace.runtime.search import Search
from recspace.runtime.set_index import sets_of
from recspace.runtime.settings import Settings

GATE = Domain("gate", ("off", "on"))
TRIPLES = """space Own
let e[f in fields] = embed(f, 4)
choose keep[s in subsets(fields, 3)] from {off, on}
predict  sigmoid(bias() + sum(weight(f) for f in fields) + sum(sum(keep[s] * product(e[f] for f in s) for s in subsets(fields, 3))))
minimize logloss
"""
ORDERS = """space Own
let e[f in fields] = embed(f, 4)
choose keep[k in 2..3, s in subsets(fields, k)] from {off, on}
let order[k in 2..3] = sum(sum(keep[k, s] * product(e[f] for f in s) for s in subsets(fields, k)))
predict  sigmoid(bias() + sum(weight(f) for f in fields) + sum(order[k] for k in 2..3))
minimize logloss
"""
PAIRS = """space Own
let e[f in fields] = embed(f, 4)
choose keep[i < j in fields] from {off, on}
predict  sigmoid(bias() + sum(keep[i, j] * batch_norm[i, j](dot(e[i], e[j]), affine = false) for i < j in fields))
minimize logloss
"""
FIT = "epochs = 1, batch_size = 1024"
THEN = f"relax(as = gate, initial = 0.5, {FIT}) derive(threshold = 0) retrain({FIT})"


def table_of(folder, permuted=False, order=3, **given):
    plan = Plan(7, 4, 8000, 2, order, "parity", 0, seed=2, permuted=permuted, **given)
    return folder / "t.parquet", {"*".join(g) for g in write(plan, folder / "t.parquet").groups}


@pytest.fixture(scope="module")
def parity(tmp_path_factory):
    return table_of(tmp_path_factory.mktemp("parity"))


def inputs_for(path, recipe, text=TRIPLES):
    file = path.with_name("own.space")
    file.write_text(f"{text}\nsearch {{ {recipe} }}\n")
    return inputs_of(bound_space(Question(file, None if text.startswith("data") else str(path))))


def opened(folder):
    decisions = json.loads((folder / "architecture.json").read_text())["decisions"]
    return {e["name"].partition("[")[2][:-1] for d in decisions for e in d["elements"] if e["value"] == "on"}


def row_of(run, stage):
    return next(r for r in run.report["stages"] if r["stage"].endswith(stage))


def context_of(inputs, folder, **settings):
    work = Search(inputs, Settings(**settings), folder, Journal(folder / "events.jsonl"), Silent())
    return work._context(next(s for s in work.stages if s.call.name == "screen"))


def screened(inputs, folder, text="screen()", **settings):
    place = context_of(inputs, folder, **settings)
    task = ended(started(text, place))
    kept = task.found().settled
    return {d.label(e) for d in place.decisions for e in range(d.elements) if e not in kept.get(d.name, {})}


def test_planted_parities_are_found(parity, tmp_path):
    """And the gates of the others are off in everything that follows, and not even in the supernet."""
    path, groups = parity
    run = search(inputs_for(path, f"screen(top = 4) {THEN}"), Settings(seed=1), tmp_path / "run")
    assert opened(run.folder) == groups
    row = row_of(run, ".screen")
    assert row["gates_left"] == {"keep": 2}
    assert row["judged"] == row["of_sets"] == 35
    assert row["rows"] == 5760
    assert {line["set"] for line in row["salient"][:2]} == groups
    assert row["salient"][1]["z"] > 10 > 4 > row["salient"][2]["z"]
    assert row_of(run, ".derive")["gates_open"] == {"keep": 2}
    assert "0.screen judged 35 sets of fields; gates left open: 2 of keep" in remarks(run.report)
    sizes = [len((run.folder / name).read_text()) for name in ("supernet.py", "model.py")]
    assert sizes[0] < 1.2 * sizes[1]


def test_permuted_labels_leave_next_to_nothing(tmp_path):
    path, _ = table_of(tmp_path, permuted=True)
    run = search(inputs_for(path, f"screen() {THEN}"), Settings(seed=1), tmp_path / "run")
    assert opened(run.folder) == set()
    assert row_of(run, ".screen")["gates_left"] == {"keep": 0}


def test_what_is_left_open_is_what_a_plain_model_is_made_of(parity, tmp_path):
    """Without a stage that settles them, gates that stay open are at their default."""
    path, groups = parity
    run = search(inputs_for(path, f"screen() retrain({FIT})"), Settings(seed=1), tmp_path / "run")
    assert opened(run.folder) == groups
    assert not (run.folder / "supernet.py").exists()


def test_a_killed_run_ends_with_the_same_bits(parity, tmp_path):
    inputs = inputs_for(parity[0], f"screen(top = 3) {THEN}")
    straight = search(inputs, Settings(seed=1), tmp_path / "straight")
    folder, settings = tmp_path / "cut", Settings(seed=1, checkpoint_steps=1)
    start = lambda stop: search(inputs, settings, folder, stop)  # noqa: E731
    assert interruptions(start, lambda stop: resume(folder, lambda *_: inputs, stop), 4) > 5
    for name in ("model.safetensors", "supernet.safetensors", "supernet.py", "architecture.json"):
        assert (folder / name).read_bytes() == (straight.folder / name).read_bytes()


def test_every_state_goes_on_alike(monkeypatch):
    """From before each step on: the first-order model under way, sets judged in part."""
    monkeypatch.setattr(screening, "TOGETHER", 2)
    text = "screen(threshold = 1, top = 3)"
    straight, states = started(text), []
    while not straight.done:
        states.append(straight.state())
        straight.step()
    assert len(states) == straight.steps == 11
    for k, state in enumerate(states):
        again = started(text)
        again.restore(state)
        assert again.at == k
        assert same(ended(again), straight)
        assert same(again.found(), straight.found())
        assert again.figures() == straight.figures()


def test_hurried_it_leaves_open_what_it_has_not_judged():
    task = started("screen(threshold = 1000)")
    task.step()
    task.hurry()
    assert task.done
    assert task.found().settled == {"keep": {}}
    assert task.figures()["judged"] == 0
    assert result("screen(threshold = 1000)").settled == {"keep": dict.fromkeys(range(6), 0)}


def test_scores_are_those_of_the_residuals():
    """Of labels less the share of positives: the statistic itself, on training rows."""
    place = context()
    figures = ended(started("screen(against = share)", place)).figures()
    rows = place.examples.train
    label = ROWS.dense[":label"][rows].double()
    for line in figures["salient"]:
        fields = [values_of(ROWS.ids[rows, int(name[1:])].long()) for name in line["set"].split("*")]
        assert line["z"] == pytest.approx(agreement(fields, label - label.mean(), 10**6).z, abs=1e-3)
    assert {line["set"] for line in figures["salient"][:2]} == {"f0*f1", "f2*f3"}


def test_training_rows_alone_are_looked_at():
    place = context()
    other = torch.ones(ROWS.count, dtype=torch.bool)
    other[place.examples.train] = False
    label = torch.where(other, 1 - ROWS.dense[":label"], ROWS.dense[":label"])
    ids = torch.where(other.unsqueeze(1), ROWS.ids.flip(1), ROWS.ids)
    changed = replace(ROWS, ids=ids, dense={":label": label})
    turned = replace(place, examples=replace(place.examples, encoded=changed))
    assert same(ended(started("screen()", turned)), ended(started("screen()", place)))


def test_weights_of_rows_count():
    """A row that weighs nothing says nothing; whole numbers are as many rows as far as the first order goes."""
    weight = (torch.arange(ROWS.count) % 2).float()
    weighed = replace(ROWS, dense={**ROWS.dense, ":weight": weight})
    label = torch.where(weight > 0, ROWS.dense[":label"], 1 - ROWS.dense[":label"])
    turned = replace(weighed, dense={**weighed.dense, ":label": label})
    one, two, plain = (ended(started("screen()", context(encoded=e))) for e in (weighed, turned, ROWS))
    assert same(one, two)
    assert not same(one, plain)


def test_what_single_fields_explain_is_taken_out(tmp_path):
    """Fields that depend on one another and act each for itself are no interaction, whatever the share of positives says."""
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(0, 4, (8000,), generator=generator)
    b = torch.where(torch.rand(8000, generator=generator) < 0.7, a, torch.randint(0, 4, (8000,), generator=generator))
    c = torch.randint(0, 4, (8000,), generator=generator)
    label = torch.rand(8000, generator=generator) < torch.sigmoid(1.2 * (a - 1.5) + 1.2 * (b - 1.5))
    path = tmp_path / "t.parquet"
    columns = {"a": a, "b": b, "c": c}
    frame = {name: pl.Series([f"v{v}" for v in ids.tolist()]) for name, ids in columns.items()}
    pl.DataFrame({**frame, "label": label.long().numpy()}).write_parquet(path)
    inputs = inputs_for(path, "screen()", PAIRS)
    assert screened(inputs, tmp_path, "screen(against = share)") == {"keep[a,b]"}
    assert screened(inputs, tmp_path) == set()
    number = 5 * a + 5 * b + torch.randn(8000, generator=generator)
    pl.DataFrame({**frame, "label": number.numpy()}).write_parquet(path)
    inputs = inputs_for(path, "screen()", PAIRS.replace("sigmoid(", "(").replace("logloss", "mse"))
    assert screened(inputs, tmp_path, "screen(against = share)") == {"keep[a,b]"}
    assert screened(inputs, tmp_path) == set()


def test_labels_that_are_numbers(tmp_path):
    path, groups = table_of(tmp_path, order=2)
    table = pl.read_parquet(path)
    table.with_columns(label=pl.col("label") * 3.5 + pl.int_range(table.height) % 7 / 10).write_parquet(path)
    text = PAIRS.replace("sigmoid(", "(").replace("logloss", "mse")
    assert screened(inputs_for(path, "screen()", text), tmp_path) == {f"keep[{g.replace('*', ',')}]" for g in groups}


def test_raw_numbers_are_cut_into_bins(tmp_path):
    """Parity of the halves of two numbers: two buckets show it, as ten do; a wave of four quarters needs more."""
    generator = torch.Generator().manual_seed(3)
    x, y, z = torch.rand(3, 8000, generator=generator)
    halves = (x > 0.5) ^ (y > 0.5)
    waves = ((x * 4).long() % 2 == 1) ^ (z > 0.5)
    label = torch.rand(8000, generator=generator) < 0.2 + 0.3 * halves.double() + 0.3 * waves.double()
    path = tmp_path / "t.parquet"
    pl.DataFrame(
        {"x": x.numpy(), "y": y.numpy(), "z": z.numpy(), "label": label.long().numpy()}
    ).write_parquet(path)  # fmt: skip
    raw = 'data own { source: "t.parquet"\n label: label\n x: number()\n y: number()\n z: number() }\n'
    inputs = inputs_for(path, "screen()", raw + PAIRS)
    assert screened(inputs, tmp_path) == {"keep[x,y]", "keep[x,z]"}
    assert screened(inputs, tmp_path, "screen(bins = 2)") == {"keep[x,y]"}


def test_few_cells_count_frequent_values_alone(parity, tmp_path):
    inputs = inputs_for(parity[0], "screen()")
    place = context_of(inputs, tmp_path)
    z = {}
    for cells in (16, 64):
        salient = ended(started(f"screen(cells = {cells})", place)).figures()["salient"]
        z[cells] = min(line["z"] for line in salient if line["set"] in parity[1])
    assert z[64] > z[16] > 0


def test_top_counts_within_an_index(parity, tmp_path):
    path, groups = parity
    inputs = inputs_for(path, "screen()", ORDERS)
    both = screened(inputs, tmp_path, "screen(top = 2, per = k, threshold = -100)")
    assert {g for g in both if g.startswith("keep[3,")} == {f"keep[3,{g}]" for g in groups}
    assert len(both) == 4
    assert screened(inputs, tmp_path, "screen(top = 2, threshold = -100)") == {f"keep[3,{g}]" for g in groups}
    with pytest.raises(AssertionError, match="S0603"):
        screened(inputs, tmp_path, "screen(top = 0)")
    assert len(screened(inputs, tmp_path, "screen(threshold = -100)")) == 21 + 35


def test_what_is_fixed_stays(parity, tmp_path):
    path, groups = parity
    one, two = sorted(groups)
    other = next(s for s in map("*".join, itertools.combinations([f"f{k}" for k in range(1, 8)], 3)) if s not in groups)
    fix = (f"keep[{other}]=on", f"keep[{two}]=off")
    run = search(inputs_for(path, f"screen(top = 1) {THEN}"), Settings(seed=1, fix=fix), tmp_path / "run")
    assert opened(run.folder) == {one, other}
    assert row_of(run, ".screen")["of_sets"] == 33


def test_only_the_decisions_that_are_named(parity, tmp_path):
    text = TRIPLES.replace("predict", "choose width[f in fields] from {2, 4}\npredict").replace(
        "embed(f, 4)", "align[f](embed[f](f, width[f]), 4)"
    )
    with pytest.raises(SpaceError) as refused:
        context_of(inputs_for(parity[0], "screen()", text), tmp_path)
    (fault,) = refused.value.diagnostics
    assert fault.code == "S0605"
    assert "`width`" in fault.message
    sampled = f"screen(only = [keep]) random(trials = 3, {FIT})"
    run = search(inputs_for(parity[0], sampled, text), Settings(seed=1), tmp_path / "run")
    assert opened(run.folder) <= parity[1]
    trials = [e for e in read(run.folder / "events.jsonl") if e["event"] == "trial"]
    assert len(trials) == 3
    for trial in trials:
        assert {n for n, v in trial["chosen"]["keep"].items() if v == "on"} <= {f"keep[{g}]" for g in parity[1]}
    assert row_of(run, ".screen")["gates_left"] == {"keep": 2}


def test_twice_is_narrower(parity, tmp_path):
    run = search(
        inputs_for(parity[0], f"screen() screen(top = 1, threshold = 0) {THEN}"), Settings(seed=1), tmp_path / "run"
    )
    assert len(opened(run.folder)) == 1
    assert row_of(run, "1.screen")["of_sets"] == 2


@pytest.mark.parametrize("text", [TRIPLES, ORDERS, PAIRS])
def test_the_narrower_supernet_computes_the_same(parity, tmp_path, text):
    """As the whole one with the settled gates at 0, from the same weights."""
    inputs = inputs_for(parity[0], "screen()", text)
    place = context_of(inputs, tmp_path)
    (keep,) = place.decisions
    off = {e: 0 for e in range(keep.elements) if e % 5}
    fixed = Fixed(place.decisions, {"keep": off})
    narrow = replace(place, fixed=fixed, found=replace(place.found, settled={"keep": off}))
    whole, small = place.model(place.supernet), narrow.model(narrow.supernet)
    assert small.compiled.source != whole.compiled.source
    initialise(whole, 3)
    assert {missing[0] for missing in transfer(whole.tensors, whole.compiled, small)} <= {"keep"}
    weights = fixed.weights("keep", torch.linspace(-1, 2, keep.elements))
    batch = place.examples.of(whole.compiled.columns).batch(place.examples.train[:50])
    for train in (False, True):
        one, two = (m.module.train(train)(batch, {"keep": weights}, {}) for m in (whole, small))
        assert torch.allclose(one, two, atol=1e-6)


def test_weights_that_were_trained_before_are_handed_on(parity, tmp_path):
    warm = f"warmup({FIT})"
    inputs = inputs_for(
        parity[0], f"{warm} screen() {THEN.replace('relax(', 'relax(weights = adam(lr = 1e-9), ')}", PAIRS
    )
    one = search(inputs, Settings(seed=1), tmp_path / "one")
    two = search(inputs_for(parity[0], f"{warm} relax(as = gate)", PAIRS), Settings(seed=1, epochs=1), tmp_path / "two")
    from safetensors.torch import load_file

    mine, theirs = (load_file(r.folder / "supernet.safetensors") for r in (one, two))
    (table,) = [n for n in mine if n.startswith("table")] or [max(mine, key=lambda n: mine[n].numel())]
    start = context_of(inputs, tmp_path).supernet_model().tensors[table]
    assert (mine[table] - start).abs().max() > 0.003
    assert mine[table].shape == theirs[table].shape


def test_requirements_that_nothing_left_meets(parity, tmp_path):
    text = TRIPLES + "require sum(keep[s] for s in subsets(fields, 3)) >= 5\n"
    with pytest.raises(SpaceError) as refused:
        search(inputs_for(parity[0], f"screen() {THEN}", text), Settings(seed=1), tmp_path / "run")
    assert [d.code for d in refused.value.diagnostics] == ["S0610"]
    assert "screen()" in refused.value.diagnostics[0].message
    run = search(
        inputs_for(parity[0], f"screen(top = 6, threshold = -100) {THEN}", text), Settings(seed=1), tmp_path / "more"
    )
    assert 5 <= len(opened(run.folder)) <= 6


@pytest.mark.parametrize(
    ("axes", "key", "expected"),
    [
        (("i < j in fields",), ("a", "b"), {"a", "b"}),
        (("s in subsets(fields, 3)",), ("a*b*c",), {"a", "b", "c"}),
        (("k in 2..K", "s in subsets(fields, k)"), (3, "a*b*c"), {"a", "b", "c"}),
        (("k in 2..K", "i < j in fields"), (2, "a", "b"), {"a", "b"}),
        (("i <= j in fields",), ("a", "b"), None),
        (("i, j in fields",), ("a", "b"), None),
        (("k in 2..K", "i, j in fields"), (2, "a", "b"), None),
        (("f in fields",), ("a",), None),
        (("i < j in fields", "s in subsets(fields, 2)"), ("a", "b", "a*b"), None),
        ((), (), None),
    ],
)
def test_what_is_indexed_by_sets(axes, key, expected):
    found = sets_of(Decision("keep", axes, 1, (key,), (GATE,)))
    assert found == (None if expected is None else (frozenset(expected),))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("screen(per = i)", "S0603", "`per`"),
        ("screen(only = [keep], top = -1)", "S0603", "top"),
    ],
)
def test_options_that_cannot_be(text, code, words):
    _, faults = by_hand.read_recipe(text)
    if not faults:
        with pytest.raises(SpaceError) as refused:
            started_ahead(text)
        faults = refused.value.diagnostics
    assert [f.code for f in faults] == [code]
    assert words in faults[0].message


def started_ahead(text, decisions=None):
    from recspace.runtime.strategies import screen

    graph = by_hand.graph_of(*(decisions or by_hand.fis(None).decisions))
    screen.foresee(graph, by_hand.call(text), Fixed((), {}))


def test_other_decisions_are_refused_before_anything_is_trained():
    ordered = Decision("adjacent", ("i, j in fields",), 1, (("f0", "f1"),), (GATE,), (), (1,))
    with pytest.raises(SpaceError) as refused:
        started_ahead("screen()", (ordered,))
    (fault,) = refused.value.diagnostics
    assert fault.code == "S0605"
    assert "`adjacent`" in fault.message
    with pytest.raises(SpaceError) as refused:
        started_ahead("screen()", (*by_hand.fis(None).decisions, ordered))
    assert "only = [keep]" in refused.value.diagnostics[0].help
    started_ahead("screen(only = keep)", (*by_hand.fis(None).decisions, ordered))
    for decision, why in ((by_hand.DIM, "number"), (by_hand.SETS, "subset")):
        (fault,) = obstacles(by_hand.recipe("screen()"), (decision,), promises())
        assert fault.code == "S0605"
        assert why in fault.message


def test_fields_and_labels_that_cannot_be_counted(tmp_path):
    from recspace.runtime.strategies import screen

    call = by_hand.call("screen()")
    place = context()
    screen.check(place, call)
    for task in ("classes", "ranking"):
        with pytest.raises(SpaceError) as refused:
            screen.check(replace(place, examples=replace(place.examples, task=task)), call)
        assert [d.code for d in refused.value.diagnostics] == ["S0605"]
    fewer = replace(ROWS, id_keys=("f0", "f1", "f2"), ids=ROWS.ids[:, :3])
    without = replace(place, examples=divided(fewer, "binary", 0.0, 0))
    with pytest.raises(SpaceError) as refused:
        screen.check(without, call)
    assert "`f3`" in refused.value.diagnostics[0].message
    screen.check(replace(without, fixed=Fixed(place.decisions, {"keep": {2: 0, 4: 0, 5: 0}})), call)
