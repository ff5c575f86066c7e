"""The contract of stages, over the folder: going on from any state, options honoured, which rows are seen."""

import math
from dataclasses import replace

import by_hand
import pytest
import torch
from stage_by_hand import ROWS, SHORT, WEIGHING, context, ended, result, same, started

from recspace.runtime import checkpoint
from recspace.runtime.choices import one_hots
from recspace.runtime.registry import promises
from recspace.runtime.settings import Settings
from recspace.runtime.task import Found
from recspace.runtime.training import LEAST, Diverged, batches

ABLE = [
    n for n, p in promises().stages.items() if p.implemented and p.role not in ("optimizer", "controller", "evaluator")
]
WRITTEN = {
    "asha": "asha(random(trials = 4, epochs = 3, batch_size = 256), factor = 2)",
    "cmaes": "cmaes(trials = 9, epochs = 1, batch_size = 512)",
    "nsga2": "nsga2(trials = 9, population = 3, epochs = 1, batch_size = 512)",
    "tpe": "tpe(trials = 6, startup = 2, epochs = 1, batch_size = 512)",
    "bayes_tree": f"bayes_tree(trials = 4, least = 2, {SHORT})",
    "beam": "beam(grow = pairs, join = pairs, width = 2, epochs = 1, batch_size = 512)",
    "relax": f"relax(as = gate, {SHORT})",
    "derive": "derive()",
    "evolution": f"evolution(trials = 5, population = 2, mutants = 2, crossover = 0.5, {SHORT})",
    "exhaustive": "exhaustive(batch_size = 512, epochs = 1)",
    "progressive": f"progressive(along = i, step = relax(as = gate, {SHORT}))",
    "generator": f"generator(samples = 3, retrain = 2, drawn = 2, {SHORT})",
    "one_shot": f"one_shot(samples = 4, retrain = 2, finetune = 1, {SHORT})",
    "random": f"random(trials = 3, {SHORT})",
    "variational": f"variational(weights = [], {SHORT})",
    "salience": "salience(batches = 3, batch_size = 32)",
    "reinforce": f"reinforce(trials = 3, rows = 64, {SHORT})",
    "screen": "screen(threshold = 1, top = 3)",
    "stream": f"stream(train({SHORT}), window = 150, new_values = mean, distill = 0.5)",
    "warmup": f"warmup({SHORT}, decisions = random)",
}


def place_of(name):
    """A space that the stage can search."""
    if name == "beam":
        return context(factory=by_hand.sets)
    if name == "cmaes":
        return context(factory=by_hand.dim)
    return context(Found(weighing=WEIGHING, raw=True))


@pytest.mark.parametrize("name", ABLE)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.62, 0.95])
def test_going_on_from_a_state_is_the_same(tmp_path, name, share):
    """Through a checkpoint on the disk, from any moment."""
    text = WRITTEN.get(name, f"{name}({SHORT})")
    place = place_of(name)
    straight = started(text, place)
    steps = 0
    while not straight.done:
        straight.step()
        steps += 1
    task = started(text, place)
    for _ in range(round(share * steps)):
        task.step()
    checkpoint.write(tmp_path, 0, task.state())
    if not task.done:
        task.step()  # must not reach into the state that was taken
    again = started(text, place)
    again.restore(checkpoint.read(tmp_path).state)
    assert again.at == round(share * steps)
    ended(again)
    assert same(again.found(), straight.found())
    assert again.figures() == straight.figures()
    assert again.at <= again.steps


@pytest.mark.parametrize("name", ABLE)
def test_a_stage_can_be_hurried(name):
    task = started(WRITTEN.get(name, f"{name}({SHORT})"), place_of(name))
    for _ in range(0 if name == "derive" else 3):
        task.step()
    task.hurry()
    assert task.done
    if name not in ("asha", "bayes_tree", "beam", "cmaes", "evolution", "exhaustive", "nsga2", "random", "tpe"):
        assert task.found() is not None


def learned(text, **kinds):
    """Every tensor that a stage has left behind, as one list."""
    found = result(text, context(Found(weighing=WEIGHING, raw=True), **kinds))
    parts = {**found.weights, **found.weighing, **found.model, **found.gates}
    return torch.cat([t.flatten().float() for t in parts.values()])


@pytest.mark.parametrize(
    ("stage", "one", "other"),
    [
        (stage, one, other)
        for stage in ("warmup", "train", "retrain", "relax")
        for one, other in (
            ("epochs = 1", "epochs = 2"),
            ("batch_size = 64", "batch_size = 128"),
            ("decay = none", "decay = cosine"),
            ("decay = linear", "decay = cosine"),
            ("clip = 0", "clip = 0.01"),
            ("{} = adam()", "{} = adam(lr = 0.01)"),
            ("{} = adam()", "{} = sgd()"),
            ("{} = adam()", "{} = adagrad()"),
            ("{} = adam(rows = touched)", "{} = adam(rows = dense)"),
            ("{} = adam()", "{} = adam(embedding_decay = 0.1)"),
        )
    ]
    + [
        ("warmup", "decisions = default", "decisions = random"),
        ("warmup", "decisions = default", "decisions = even"),
        ("relax", "bilevel = none", "bilevel = first_order"),
        ("relax", "optimizer = grda()", "optimizer = grda(c = 0.1)"),
        ("relax", "optimizer = grda()", "optimizer = grda(mu = 0.5)"),
        ("relax", "optimizer = grda()", "optimizer = grda(dies = 0.9)"),
        ("relax", "optimizer = adam()", "optimizer = adam(lr = 0.1)"),
        ("relax", "every = 1", "every = 3"),
        ("relax", "bilevel = first_order, every = 1", "bilevel = first_order, every = 3"),
        ("relax", "optimizer = sgd()", "optimizer = sgd(), normalize_gradients = true"),
        ("relax", "initial = 0.6", "initial = 0.5"),
        ("relax", "spread = 0.001", "spread = 0.1"),
        ("retrain", "gates = none", "gates = fixed"),
        ("retrain", "gates = fixed", "gates = trained"),
    ],
)
def test_options_are_honoured(stage, one, other):
    weights = "weights" if stage == "relax" else "optimizer"
    base = {"epochs": "epochs = 2", "batch_size": "batch_size = 128"}
    if stage == "relax":
        base["as"] = "as = gate"
    elif stage != "warmup":
        base["patience"] = "patience = 0"
    texts = []
    for text in (one, other):
        others = [given for name, given in base.items() if name not in text]
        texts.append(f"{stage}({', '.join([text.format(weights), *others])})")
    first, second = (learned(t) for t in texts)
    assert first.shape != second.shape or not torch.equal(first, second)


@pytest.mark.parametrize("name", ["softmax", "gumbel", "sigmoid"])
@pytest.mark.parametrize(
    "option", ["temperature = 0.1", "temperature = 2 -> 0.1", "straight_through = true", "initial = 1"]
)
def test_options_of_relaxations_are_honoured(name, option):
    if name == "sigmoid" and "straight" in option:
        pytest.skip("it has no such option")
    plain = learned(f"relax(as = {name}, {SHORT})")
    assert not torch.equal(plain, learned(f"relax(as = {name}, {SHORT}, {option})"))


def test_settings_are_honoured():
    plain = learned(f"train({SHORT})")
    # amp only matters where there is a product of matrices
    products = learned(f"train({SHORT})", factory=by_hand.dim)
    assert not torch.equal(products, learned(f"train({SHORT})", factory=by_hand.dim, amp=True))
    for given in ({"seed": 1}, {"epochs": 3}):
        assert not torch.equal(plain, learned(f"train({SHORT})", **given)), given
    assert torch.equal(plain, learned(f"train({SHORT})", evaluation_rows=7))


@pytest.mark.slow
def test_compiled_training_learns_the_same():
    plain, fast = (learned("train(batch_size = 128, epochs = 1)", compile=c) for c in (False, True))
    torch.testing.assert_close(plain, fast, atol=1e-4, rtol=1e-3)


def test_rows_of_early_stopping_are_apart():
    examples = context().examples
    parts = [set(getattr(examples, n).tolist()) for n in ("train", "stopping", "valid", "test")]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == 900
    assert parts[0] | parts[1] == set(ROWS.rows("train").tolist())


class Watched:
    """Rows that remember who asked for them."""

    def __init__(self, encoded):
        self.encoded, self.seen = encoded, set()

    def __getattr__(self, name):
        return getattr(self.encoded, name)

    def batch(self, rows):
        self.seen |= set(rows.tolist())
        return self.encoded.batch(rows)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        (f"warmup({SHORT})", ("train",)),
        (f"relax(as = gate, {SHORT})", ("train",)),
        (f"relax(as = gate, bilevel = first_order, {SHORT})", ("train", "valid")),
        (f"retrain({SHORT})", ("train", "stopping")),
        (f"train({SHORT}, patience = 0)", ("train",)),
        (f"random(trials = 2, {SHORT})", ("train", "valid")),
        ("random(trials = 2, evaluate = inherited)", ("valid",)),
        (f"beam(grow = pairs, {SHORT})", ("train", "valid")),
    ],
)
def test_which_rows_a_stage_sees(text, allowed):
    watched = Watched(ROWS)
    factory = by_hand.sets if "beam" in text else by_hand.fis
    place = context(Found(weighing=WEIGHING, raw=True), factory, encoded=watched)
    result(text, place)
    expected = set()
    for name in allowed:
        expected |= set(getattr(place.examples, name).tolist())
    assert watched.seen == expected


def test_patience_keeps_the_best_epoch():
    text = "train(epochs = 60, batch_size = 64, patience = {}, optimizer = adam(lr = 0.05))"
    task = ended(started(text.format(3)))
    fit = task.fit
    assert fit.epochs_done < 60
    waited = max(3, -(-LEAST // fit.steps_an_epoch))
    assert fit.epochs_done == fit.best_epoch + waited
    assert fit.steps_an_epoch * 3 < LEAST
    figures = [line["auc"] for line in fit.history]
    assert max(figures) == figures[fit.best_epoch - 1]
    exactly = result(text.format(0).replace("60", str(fit.best_epoch)))
    assert all(torch.equal(exactly.model[n], task.found().model[n]) for n in exactly.model)


def test_the_metric_decides():
    fits = {
        m: ended(started(f"train(epochs = 25, batch_size = 64, patience = 30, metric = {m})")).fit
        for m in ("auc", "logloss")
    }
    for name, fit in fits.items():
        values = [line[name] for line in fit.history]
        assert values[fit.best_epoch - 1] == (max(values) if name == "auc" else min(values))


def test_batches_leave_no_row_out():
    assert [batches(n, 4) for n in (0, 1, 4, 5, 8, 9)] == [1, 1, 1, 2, 2, 3]
    watched = Watched(ROWS)
    place = context(encoded=watched)
    task = started("train(epochs = 1, batch_size = 100, patience = 0)", place)
    ended(task)
    assert watched.seen == set(place.examples.train.tolist())


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_not_finite_is_found_before_weights_move(what):
    def broken(architecture, keep=frozenset()):
        compiled = by_hand.fis(architecture, keep)
        poison = (
            "p_B.sum() * float('nan')" if what == "loss" else "(self.table - self.table.detach()).abs().sqrt().sum()"
        )
        return replace(compiled, source=compiled.source.replace("return p_B, (", f"return p_B, ({poison}, "))

    task = started(f"train({SHORT})", context(factory=broken))
    before = {n: t.clone() for n, t in task.fit.model.parameters.items()}
    with pytest.raises(Diverged, match=what):
        task.step()
    assert all(torch.equal(before[n], t) for n, t in task.fit.model.parameters.items())


@pytest.mark.parametrize("gates", ["fixed", "trained"])
def test_gates_that_are_kept(gates):
    architecture = {"keep": (1, 1, 0, 0, 0, 1)}
    place = context(Found(weighing=WEIGHING, raw=True, architecture=architecture))
    found = result(f"retrain({SHORT}, gates = {gates})", place)
    kept = torch.tensor([0.9, -0.4, 0.0, 0.0, 0.0, -2.0])
    moved = ~torch.isclose(found.gates["keep"], kept)
    assert moved.tolist() == ([False] * 6 if gates == "fixed" else [True, True, False, False, False, True])
    assert found.model["mean"].shape == (3,)


def test_where_retraining_starts():
    """from = search: the supernet's weights. initial, or rewind: where the supernet's weights started."""
    warm = result(f"warmup({SHORT})")
    place = context(replace(warm, architecture={"keep": (1, 0, 0, 0, 0, 1)}))
    at = {t: started(f"retrain({t})", place).fit.model.tensors["table"] for t in
          ("from = search", "from = initial", "rewind = true", "from = search, rewind = true")}  # fmt: skip
    initial = context().model(by_hand.fis(None)).tensors["table"]
    assert torch.equal(at["from = search"], warm.weights["table"])
    assert all(torch.equal(at[t], initial) for t in at if t != "from = search")


def test_a_one_hot_supernet_is_the_derived_model():
    """By transfer alone: no training, all widths and gates."""
    from recspace.runtime.module import build, initialise, transfer

    batch = ROWS.batch(torch.arange(64))
    for factory, architecture in ((by_hand.fis, {"keep": (1, 0, 0, 1, 0, 1)}), (by_hand.dim, {"dim": (0, 1, 1, 0)})):
        supernet, derived = (build(factory(a), torch.device("cpu")) for a in (None, architecture))
        initialise(supernet, 3)
        assert transfer(supernet.tensors, supernet.compiled, derived) == ()
        choices = one_hots(supernet.compiled.decisions, architecture)
        torch.testing.assert_close(supernet.module.eval()(batch, choices, {}), derived.module.eval()(batch))


def test_hours_end_a_run(tmp_path):
    from recspace.runtime.run import search

    long = "epochs = 100000, batch_size = 64"
    text = f"relax(as = gate, {long}) derive() retrain({long}, patience = 0)"
    report = search(by_hand.inputs(text, encoded=ROWS), Settings(hours=3 / 3600), tmp_path / "run").report
    assert 1.5 < report["seconds"] < 30  # months without the limit
    assert [s["stage"] for s in report["stages"]] == ["baseline", "0.relax", "1.derive", "2.retrain"]
    assert math.isfinite(report["searched"]["test"]["auc"])


@pytest.mark.gpu
def test_on_a_gpu(tmp_path):
    from recspace.runtime.run import search

    text = f"relax(as = gate, {SHORT}) derive() retrain({SHORT}, gates = trained)"
    for k, settings in enumerate((Settings(device="cuda"), Settings(device="cuda", amp=False))):
        report = search(by_hand.inputs(text, encoded=ROWS), settings, tmp_path / str(k)).report
        assert 0.4 < report["searched"]["test"]["auc"] < 1
