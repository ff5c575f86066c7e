"""The contract of stages, over the folder; and what each of them does."""

import math
from dataclasses import replace
from importlib import import_module

import by_hand
import pytest
import torch

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import checkpoint, fix
from recspace.runtime.choices import Fixed, defaults, drawn, even, one_hot, one_hots
from recspace.runtime.context import Context
from recspace.runtime.derive_stage import groups, settled
from recspace.runtime.examples import divided
from recspace.runtime.registry import promises
from recspace.runtime.samplers import Everything
from recspace.runtime.settings import Settings
from recspace.runtime.task import Found
from recspace.runtime.training import Diverged, batches

ABLE = [n for n, p in promises().stages.items() if p.implemented and p.role not in ("optimizer", "controller", "evaluator")]
ROWS = by_hand.rows(900)
SHORT = "batch_size = 128, epochs = 2"
WRITTEN = {
    "relax": f"relax(as = gate, {SHORT})",
    "derive": "derive()",
    "exhaustive": "exhaustive(batch_size = 512, epochs = 1)",
    "random": f"random(trials = 3, {SHORT})",
    "warmup": f"warmup({SHORT}, decisions = random)",
}
WEIGHING = {"keep": torch.tensor([0.9, -0.4, 0.0, 0.1, -0.05, -2.0])}


def context(found=None, factory=by_hand.fis, encoded=ROWS, fixes=(), **settings):
    set_up = Settings(**settings)
    supernet = factory(None)
    examples = divided(encoded, "binary", 0.1, set_up.seed, "f0")
    fixed = fix.parsed(fixes, supernet.decisions) if fixes else Fixed(supernet.decisions, {})
    return Context("1.s", factory, supernet, examples, set_up, torch.device("cpu"), fixed, found or Found())


def started(text, place=None):
    call = by_hand.call(text)
    return import_module(f"recspace.runtime.strategies.{call.name}").start(place or context(), call)


def ended(task):
    while not task.done:
        task.step()
    return task


def result(text, place=None):
    return ended(started(text, place)).found()


def same(one, two):
    a, b = one.state(), two.state()
    assert dict(a.facts) == dict(b.facts)
    assert set(a.tensors) == set(b.tensors)
    return all(torch.equal(a.tensors[n], b.tensors[n]) for n in a.tensors)


@pytest.mark.parametrize("name", ABLE)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.62, 0.95])
def test_going_on_from_a_state_is_the_same(tmp_path, name, share):
    """Through a checkpoint on the disk, from any moment."""
    text = WRITTEN.get(name, f"{name}({SHORT})")
    place = context(Found(weighing=WEIGHING, raw=True))
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
    task = started(WRITTEN.get(name, f"{name}({SHORT})"), context(Found(weighing=WEIGHING, raw=True)))
    for _ in range(0 if name == "derive" else 3):
        task.step()
    task.hurry()
    assert task.done
    if name not in ("random", "exhaustive"):
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
@pytest.mark.parametrize("option", ["temperature = 0.1", "temperature = 2 -> 0.1", "straight_through = true", "initial = 1"])
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
    ],
)
def test_which_rows_a_stage_sees(text, allowed):
    watched = Watched(ROWS)
    place = context(Found(weighing=WEIGHING, raw=True), encoded=watched)
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
    assert fit.epochs_done == fit.best_epoch + 3
    figures = [line["auc"] for line in fit.history]
    assert max(figures) == figures[fit.best_epoch - 1]
    exactly = result(text.format(0).replace("60", str(fit.best_epoch)))
    assert all(torch.equal(exactly.model[n], task.found().model[n]) for n in exactly.model)


def test_the_metric_decides():
    fits = {m: ended(started(f"train(epochs = 25, batch_size = 64, patience = 30, metric = {m})")).fit for m in ("auc", "logloss")}
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
        poison = "p_B.sum() * float('nan')" if what == "loss" else "(self.table - self.table.detach()).abs().sqrt().sum()"
        return replace(compiled, source=compiled.source.replace("return p_B, (", f"return p_B, ({poison}, "))

    task = started(f"train({SHORT})", context(factory=broken))
    before = {n: t.clone() for n, t in task.fit.model.parameters.items()}
    with pytest.raises(Diverged, match=what):
        task.step()
    assert all(torch.equal(before[n], t) for n, t in task.fit.model.parameters.items())


def test_a_sampler_goes_on_after_a_failure():
    def sometimes(architecture, keep=frozenset()):
        compiled = by_hand.fis(architecture, keep)
        if architecture is not None and architecture["keep"][0] == 1:
            return replace(compiled, source=compiled.source.replace("return p_B, (", "return p_B, (p_B.sum() / 0, "))
        return compiled

    task = ended(started("exhaustive(batch_size = 512, epochs = 1)", context(factory=sometimes)))
    assert task.figures()["trials"] == 64
    assert task.figures()["failed"] == 32
    assert all(("not finite" in t["failed"]) == (t["architecture"]["keep"][0] == 1) for t in task.trials)
    assert task.found().architecture["keep"][0] == 0
    with pytest.raises(SpaceError, match="S0610"):
        result("random(trials = 2)", context(factory=sometimes, fixes=("keep[f0,f1]=on",)))


def test_exhaustive_finds_the_truth():
    text = "exhaustive(batch_size = 64, epochs = 12, optimizer = adam(lr = 0.03))"
    fixes = ("keep[f0,f2]=off", "keep[f0,f3]=off", "keep[f1,f2]=off", "keep[f1,f3]=off")
    found = result(text, context(encoded=by_hand.rows(3000), fixes=fixes))
    assert found.architecture["keep"] == (1, 0, 0, 0, 0, 1)


def test_same_architectures_are_judged_once():
    task = ended(started("exhaustive(batch_size = 512, epochs = 1)", context(fixes=("keep[f0,f1]=off",))))
    scores = [t["goodness"] for t in task.trials]
    assert len(scores) == 64
    assert len(set(scores)) <= 32
    assert scores[:32] == scores[32:]


def test_inherited_scores_are_those_of_the_supernet():
    warm = result(f"warmup({SHORT}, decisions = random)")
    task = ended(started("exhaustive(evaluate = inherited)", context(warm)))
    assert len({t["goodness"] for t in task.trials}) > 32
    assert task.found().weights


def test_too_large_to_enumerate():
    with pytest.raises(SpaceError, match=r"S0609.*more than 10 assignments"):
        started("exhaustive(limit = 10)")
    sampler = Everything((by_hand.DIM,), 100, None)
    asked = [sampler.ask()["dim"] for _ in range(sampler.trials)]
    assert len(set(asked)) == 16 == sampler.trials


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", (1, 1, 0, 1, 1, 1)),
        ("by = magnitude, threshold = 0", (1, 1, 0, 1, 1, 1)),
        ("threshold = 0.2", (1, 1, 0, 0, 0, 1)),
        ("by = argmax", (1, 0, 0, 0, 0, 0)),
        ("by = argmax, threshold = 0.05", (1, 0, 0, 1, 0, 0)),
        ("top = 2", (1, 0, 0, 0, 0, 1)),
        ("top = 6", (1, 1, 0, 1, 1, 1)),
        ("keep = 50%", (1, 1, 0, 0, 0, 1)),
        ("top = 1, per = i", (1, 0, 0, 1, 0, 1)),
        ("by = argmax, top = 1, per = j", (1, 0, 1, 1, 0, 0)),
    ],
)
def test_derive_gates(options, expected):
    found = result(f"derive({options})", context(Found(weighing=WEIGHING, raw=True)))
    assert found.architecture["keep"] == expected
    assert not found.gates


def test_derive_shares_open_above_one_half():
    shares = {"keep": torch.tensor([0.6, 0.4, 0.51, 0.5, 0.0, 1.0])}
    assert result("derive()", context(Found(weighing=shares))).architecture["keep"] == (1, 0, 1, 0, 0, 1)


def test_derive_soft_keeps_weights():
    found = result("derive(soft = true, threshold = 0.2)", context(Found(weighing=WEIGHING, raw=True)))
    torch.testing.assert_close(found.gates["keep"], torch.tensor([0.9, -0.4, 0.0, 0.0, 0.0, -2.0]))


def test_derive_takes_the_largest_that_exists():
    from recspace.compiler.decisions import Decision, Domain

    uneven = Decision("d", ("f in fields",), 2, (("a",), ("b",)), (Domain("number", (2, 4)), Domain("number", (2, 4, 8))), (0, 1))
    assert settled(uneven, torch.tensor([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]]), {}, False) == (1, 2)
    some = Decision("s", (), 1, ((),), (Domain("subset", ("a", "b", "c", "d"), 1, 2),))
    assert settled(some, torch.tensor([[0.1, 0.9, 0.6, 0.7]]), {}, False) == ((1, 3),)
    assert settled(some, torch.tensor([[0.1, 0.2, 0.3, 0.0]]), {}, False) == ((2,),)


def test_per_an_index():
    assert [list(g) for g in groups(by_hand.keep_decision(), "i")] == [[0, 1, 2], [3, 4], [5]]
    with pytest.raises(SpaceError, match="no index `k`"):
        started("derive(top = 1, per = k)")


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


def test_fixed_elements_stay():
    place = context(fixes=("keep[f1,f0]=off", "keep[f2,f3] = on"))
    found = result(f"relax(as = gate, {SHORT})", place)
    assert found.weighing["keep"][[0, 5]].tolist() == [0.0, 1.0]
    assert (found.weighing["keep"][1:5] != 0).all()
    settled_at = result("derive(top = 0)", replace(place, found=found)).architecture["keep"]
    assert settled_at == (0, 0, 0, 0, 0, 1)
    assert result("train(epochs = 1)", place).architecture["keep"] == (0, 1, 1, 1, 1, 1)
    whole = context(fixes=("keep=off",))
    assert result("train(epochs = 1)", whole).architecture["keep"] == (0,) * 6


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("keep", "fixes no decision"),
        ("kep=on", "did you mean `keep`"),
        ("keep[f0,f9]=on", "no element of keep"),
        ("keep[f0,f1]=maybe", "no option of keep"),
        ("dim=3", "no option of dim"),
    ],
)
def test_fixes_that_fix_nothing(text, says):
    with pytest.raises(SpaceError) as error:
        fix.parsed([text], (by_hand.keep_decision(), by_hand.DIM))
    (fault,) = error.value.diagnostics
    assert fault.code == "S0608"
    assert says in fault.message + fault.help
    assert fault.span.text in text


def test_choices():
    keep = by_hand.keep_decision()
    assert one_hot(keep, (1, 0, 1, 0, 0, 1)).tolist() == [1, 0, 1, 0, 0, 1]
    assert one_hot(by_hand.DIM, (0, 1, 1, 0)).tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert even(keep).tolist() == [0.5] * 6
    assert even(by_hand.DIM).tolist() == [[0.5, 0.5]] * 4
    assert defaults(keep) == (1,) * 6
    many = [drawn((keep, by_hand.DIM), 0, k) for k in range(400)]
    assert many[3] == drawn((keep, by_hand.DIM), 0, 3)
    share = sum(torch.stack([one_hots((keep,), m)["keep"] for m in many])) / 400
    assert ((share - 0.5).abs() < 0.1).all()


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

    text = "relax(as = gate, epochs = 100000, batch_size = 64) derive() retrain(epochs = 100000, batch_size = 64, patience = 0)"
    report = search(by_hand.inputs(text, encoded=ROWS), Settings(hours=3 / 3600), tmp_path / "run").report
    assert 1.5 < report["seconds"] < 6
    assert [s["stage"] for s in report["stages"]] == ["baseline", "0.relax", "1.derive", "2.retrain"]
    assert math.isfinite(report["searched"]["test"]["auc"])


@pytest.mark.gpu
def test_on_a_gpu(tmp_path):
    from recspace.runtime.run import search

    text = f"relax(as = gate, {SHORT}) derive() retrain({SHORT}, gates = trained)"
    for k, settings in enumerate((Settings(device="cuda"), Settings(device="cuda", amp=False))):
        report = search(by_hand.inputs(text, encoded=ROWS), settings, tmp_path / str(k)).report
        assert 0.4 < report["searched"]["test"]["auc"] < 1
