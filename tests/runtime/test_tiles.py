"""Tiles of a batch: their gradients add up to those of the batch wherever no example sees another."""

import pytest
import small_tables
import torch
from stage_by_hand import SHORT, context, ended, started

import recspace
from recspace.reading import shipped
from recspace.runtime import tiles, training
from recspace.runtime.choices import even, for_forward
from recspace.runtime.module import build, initialise
from recspace.runtime.randomness import noises

SEEING_ONE_ANOTHER = ("batch_norm", "dice", "normalize")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_tables.write(tmp_path_factory.mktemp("tiles"))


@pytest.mark.parametrize("name", [name for name in shipped() if name not in small_tables.RANKING])
def test_gradients_of_a_supernet_tile_by_tile(folder, name):
    space = recspace.compile(name, small_tables.block_of(folder, name))
    try:
        compiled = space.models.supernet
    except recspace.SpaceError:
        pytest.skip("no supernet")
    sees = [n.operator for _, n in compiled.graph.items() if getattr(n, "operator", "") in SEEING_ONE_ANOTHER]
    if sees or "places" in compiled.source:
        assert not compiled.tiled
        return
    assert compiled.tiled
    model = build(compiled, torch.device("cpu"))
    initialise(model, 1)
    model.module.train()
    encoded = space.verdict.bound.encode(list(compiled.columns))
    batch = encoded.batch(torch.from_numpy(encoded.rows("train"))[:200])
    weights = {d.name: even(d).requires_grad_() for d in compiled.decisions}
    choices, noise = for_forward(compiled.decisions, weights), noises(model.noise_shapes(batch), 1, "t", 0, "cpu")
    learned = {**model.parameters, **weights}

    def gradients(tile):
        _, terms = model.objective(tile.batch, choices, tile.noise)
        loss = tile.share * sum(terms)
        found = torch.autograd.grad(loss, list(learned.values()), allow_unused=True, retain_graph=True)
        return {n: g for n, g in zip(learned, found, strict=True) if g is not None}

    whole, parts = tiles.tiles(batch, noise, 200), tiles.tiles(batch, noise, 64)
    assert (len(whole), len(parts)) == (1, 4)
    total = {}
    for part in parts:
        total = tiles.added(total, gradients(part))
    for n, gradient in gradients(whole[0]).items():
        torch.testing.assert_close(total[n], gradient, rtol=1e-3, atol=1e-5)


def test_weighted_examples_have_their_share():
    weight = torch.cat([torch.full((100,), 3.0), torch.zeros(64), torch.ones(36)])
    parts = tiles.tiles({":weight": weight, "x": torch.arange(200)}, {"n": torch.arange(200)}, 50)
    assert [round(p.share, 4) for p in parts] == [round(150 / 336, 4), round(150 / 336, 4), round(36 / 336, 4)]
    assert parts[2].batch["x"].tolist() == parts[2].noise["n"].tolist() == list(range(150, 200))


def test_rows_of_a_tile_follow_what_is_kept_and_what_is_learned():
    kept = tiles.KEPT // 256
    assert tiles.rows_of(kept, 0, 4096) == 256
    assert tiles.rows_of(kept, 0, 200) == 200
    assert tiles.rows_of(tiles.KEPT, 0, 4096) == tiles.FEWEST
    # Gradients of many parameters are made once for every tile: then larger ones, or none.
    assert tiles.rows_of(kept, 4096 * kept // 4, 4096) == 2048
    assert tiles.rows_of(kept, 4096 * kept, 4096) == 4096


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("l0sign", "relax(as = hard_concrete"),
        ("optinter", "relax(as = gumbel, bilevel = first_order"),
        ("optinter", "warmup("),
    ],
)
def test_a_stage_takes_tiles_and_ends_where_it_would_without(folder, monkeypatch, name, recipe):
    space = recspace.compile(name, small_tables.block_of(folder, name))
    supernet = space.models.supernet
    encoded = space.verdict.bound.encode(list(supernet.columns))
    place = context(factory=lambda *_: supernet, encoded=encoded, graph=space.graph)
    sizes = []

    def result(rows):
        monkeypatch.setattr(training, "rows_of", lambda kept, gradients, size: sizes.append((kept, size)) or rows)
        return ended(started(f"{recipe}, {SHORT})".replace("(,", "("), place)).fit.state().tensors

    whole, parts = result(10**6), result(64)
    assert len({kept for kept, _ in sizes}) == 1
    assert sizes[0][0] > 0
    assert any(not torch.equal(whole[n], parts[n]) for n in whole)
    for n in whole:
        torch.testing.assert_close(parts[n], whole[n], rtol=0.02, atol=2e-4)


@pytest.mark.parametrize("clip", ["", ", clip = 0.01"])
def test_gradients_of_the_touched_rows_alone_move_tables_as_whole_ones_do(folder, monkeypatch, clip):
    space = recspace.compile("optinter", small_tables.block_of(folder, "optinter"))
    supernet = space.models.supernet
    encoded = space.verdict.bound.encode(list(supernet.columns))
    place = context(factory=lambda *_: supernet, encoded=encoded, graph=space.graph)
    tables = {t.attribute for t in supernet.tensors if t.embedding}
    layouts = []

    gradients = training.Fit._gradients

    def watched(self, *arguments, **named):
        found = gradients(self, *arguments, **named)
        layouts.extend(found[name].is_sparse for name in tables if name in found)
        return found

    def result(sparse):
        layouts.clear()
        monkeypatch.setattr(training.Fit, "sparse", sparse)
        fit = ended(started(f"warmup(optimizer = adam(rows = touched), {SHORT}{clip})", place)).fit
        assert set(layouts) == {sparse}
        return fit.state().tensors

    monkeypatch.setattr(training.Fit, "_gradients", watched)
    whole, rows = result(False), result(True)
    for n in whole:
        torch.testing.assert_close(rows[n], whole[n], rtol=1e-3, atol=1e-6)
