"""Tables of which a part is left: what is stored is the masked table, in the smallest form, and learns as it does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from generate import program_of, schema_of
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from recspace.compiler.compile import models
from recspace.compiler.compiled import Slice
from recspace.compiler.kept import KEPT, Keeping, form_of, structure_of
from recspace.compiler.promise import Initial
from recspace.compiler.schema import Field
from recspace.runtime.module import build, initialise, put, transfer, whole
from recspace.runtime.registry import promises

from .agreement import Pair, derived_agrees, relaxed_agrees
from .test_agreement import IDS, MIXED

CPU = torch.device("cpu")
LOOK_UPS = {}
for _text in KEPT.values():
    exec(_text, {"torch": torch, "F": F, "Tensor": torch.Tensor}, LOOK_UPS)


def table_of(masks):
    """A stored table of masks, one below the other."""
    keeping, end = Keeping(Initial("normal", 1.0), masks[0].shape[1], False), 0
    for k, mask in enumerate(masks):
        one = Slice("e", "table", (f"f{k}",), "", (), ((end, end + len(mask)), (0, mask.shape[1])))
        keeping.made[one], end = mask, end + len(mask)
    return keeping.finished("t", lambda name: name)


def looked_up(kept, values, ids):
    structure = [torch.from_numpy(t.settled) for t in kept.structure]
    more = (kept.width, kept.longest) if kept.form == "cells" else ()
    return LOOK_UPS[f"kept_{kept.form}"](ids, values, *structure, *more)


def filled(kept, weights):
    values = torch.zeros(kept.values.shape)
    for part, weight in zip(kept.values.slices, weights, strict=True):
        put(values, part, weight)
    return values


def masks_of(rows, width, share, by_row, seed, tables=2):
    rng = np.random.default_rng(seed)
    found = [rng.random((rows, 1 if by_row else width)) < share for _ in range(tables)]
    return [np.broadcast_to(m, (rows, width)) & (np.arange(rows) > 0)[:, None] for m in found]


@given(
    rows=st.integers(1, 9), width=st.sampled_from([1, 2, 7, 8, 9]), by_row=st.booleans(),
    share=st.sampled_from([0.0, 0.1, 0.5, 0.97, 1.0]), seed=st.integers(0, 99),
)  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_what_is_stored_is_the_masked_table_and_learns_as_it_does(rows, width, by_row, share, seed):
    masks = masks_of(rows, width, share, by_row, seed)
    kept = table_of(masks)
    weights = [torch.randn(m.shape, generator=torch.Generator().manual_seed(seed)) for m in masks]
    values = filled(kept, weights).requires_grad_()
    ids = torch.from_numpy(np.random.default_rng(seed).integers(-1, 2 * rows, (4, 3)))  # −1: padding
    found = looked_up(kept, values, ids)
    dense = (torch.cat(weights) * torch.from_numpy(np.concatenate(masks))).requires_grad_()
    expected = F.embedding(ids.clamp(min=0), dense)
    assert torch.equal(found, expected)
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(seed + 1))
    (gradient,) = torch.autograd.grad((found * slope).sum(), values)
    (dense_gradient,) = torch.autograd.grad((expected * slope).sum(), dense)
    learned = filled(kept, [g * torch.from_numpy(m) for g, m in zip(dense_gradient.split(rows), masks, strict=True)])
    torch.testing.assert_close(gradient, learned)
    for part, weight, mask in zip(kept.values.slices, weights, masks, strict=True):
        assert torch.equal(whole(values.detach(), part), weight * torch.from_numpy(mask))


@given(width=st.sampled_from([4, 16, 300]), share=st.sampled_from([0.05, 0.5, 0.9, 0.99, 1.0]), by_row=st.booleans())
@settings(deadline=None, max_examples=40)
def test_the_form_is_the_smallest(width, share, by_row):
    (mask,) = masks_of(60, width, share, by_row, 3, tables=1)
    kept = table_of([mask])
    own = filled(kept, [torch.randn(mask.shape)]).nbytes + sum(t.settled.nbytes for t in kept.structure)
    rows, numbers = int(mask.any(1).sum()), int(mask.sum())
    forms = {
        "bits": rows * (4 * width + -(-width // 8)) + 4 * 60,
        "cells": numbers * (5 if width <= 256 else 6) + 4 * 61,
    }
    if numbers == rows * width:
        forms["rows"] = 4 * numbers + 4 * 60
    assert own == min(forms.values()) == forms[kept.form]
    assert own <= 4 * 60 * (width + 1) + 8 or kept.form == "bits"


def test_each_form_has_its_place():
    shares = {"cells": (0.1, False), "bits": (0.97, False), "rows": (0.5, True)}
    for form, (share, by_row) in shares.items():
        assert form_of(masks_of(50, 16, share, by_row, 1, 1)[0]) == form
    assert table_of(masks_of(40, 300, 0.1, False, 1)).structure[1].settled.dtype == np.int16
    assert table_of(masks_of(40, 256, 0.1, False, 1)).structure[1].settled.dtype == np.uint8


TEXT = (
    "space S\nchoose keep[f in {user, item}, v in values(f), k in 1..3] from {off, on}\n"
    "predict sigmoid(linear(concat(embed(f, 3) * keep[f, value(f), :] for f in {user, item}), 1))\nminimize logloss"
)
LARGE = schema_of(Field("user", "category", 60, "user"), Field("item", "category", 40, "item"), *IDS.fields[2:])


def one_in(n, count):
    return bytes(int(k % n == 0) for k in range(count))


def plain_of(options, schema=LARGE):
    made = models(program_of(TEXT), schema, promises())
    return made, made.plain({"keep": options})


def test_a_derived_model_holds_what_is_left_and_no_more():
    _, compiled = plain_of(one_in(7, 300))
    model = build(compiled, CPU)
    stored = model.module.state_dict()
    assert {n: (t.dtype, tuple(t.shape)) for n, t in stored.items() if "embed" in n} == {
        "kept_embed_3": (torch.float32, (43,)),
        "kept_embed_3_start": (torch.int32, (103,)),
        "kept_embed_3_column": (torch.uint8, (43,)),
    }
    assert "keep_options" not in stored
    _, full = plain_of(b"\1" * 300)
    whole_bytes, bytes_ = (len(save(dict(build(c, CPU).module.state_dict()))) for c in (full, compiled))
    assert whole_bytes - bytes_ > 4 * (300 - 43) - 300  # what went, less what says where the rest is


def test_it_starts_where_the_supernets_numbers_started():
    made, compiled = plain_of(one_in(7, 300))
    model, supernet = build(compiled, CPU), build(made.supernet, CPU)
    initialise(model, 4)
    initialise(supernet, 4)
    again = build(compiled, CPU)
    assert not transfer(supernet.tensors, made.supernet, again)
    assert model.tensors["kept_embed_3"].abs().min() > 0
    assert torch.equal(model.tensors["kept_embed_3"], again.tensors["kept_embed_3"])
    # And from one derived model to the other, through the numbers that both have.
    other = build(made.plain({"keep": one_in(14, 300)}), CPU)
    assert not transfer(model.tensors, compiled, other)
    known = set(model.tensors["kept_embed_3"].tolist())
    assert set(other.tensors["kept_embed_3"].tolist()) < known


BODIES = {
    "read bare too": "choose keep[v in values(item)] from {off, on}\nlet e = embed(item, 2)\n"
    "predict sigmoid(linear(concat(e, keep[value(item)] * e), 1))",
    "by two gates": "choose keep[v in values(item)] from {off, on}\nchoose also[v in values(item)] from {off, on}\n"
    "let e = embed(item, 2)\npredict sigmoid(linear(concat(keep[value(item)] * e, also[value(item)] * e), 1))",
    "rare values are unknown": "choose keep[v in values(item)] from {off, on}\n"
    "predict sigmoid(linear(keep[value(item)] * embed(item, 2, min_count = 2), 1))",
    "the same twice": "choose keep[v in values(item)] from {off, on}\nlet e = embed(item, 2)\n"
    "predict sigmoid(linear(concat(keep[value(item)] * e, keep[value(item)] * e), 1))",
    "weights too": "choose keep[f in {user, tags}, v in values(f)] from {off, on}\n"
    "predict sigmoid(linear(concat(keep[f, value(f)] * embed(f, 2) for f in {user, tags}), 1)\n"
    "  + sum(keep[f, value(f)] * weight(f) for f in {user, tags}))",
}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", BODIES)
def test_of_tables_what_any_reader_can_show_stays(name, seed):
    pair = Pair(program_of(f"space S\n{BODIES[name]}\nminimize logloss\n"), MIXED if name == "weights too" else IDS, {})
    relaxed_agrees(pair, seed)
    derived_agrees(pair, seed)
    options = {d.name: b"\1" + b"\0" * (d.elements - 1) for d in pair.supernet.decisions}
    kept = any(t.attribute.startswith("kept_") for t in pair.plain(options).tensors)
    assert kept == (name in ("the same twice", "weights too", "by two gates"))


def test_a_shared_table_is_gated_by_one_decision_alone():
    pair = Pair(program_of(f"space S\n{BODIES['by two gates']}\nminimize logloss\n"), IDS, {})
    assert not any(s.gates for t in pair.supernet.tensors for s in t.slices)
    pair = replace(pair, program=program_of(f"space S\n{BODIES['the same twice']}\nminimize logloss\n"))
    assert [s.gates.decision for t in pair.supernet.tensors for s in t.slices if s.gates] == ["keep"]


def test_a_table_that_is_put_together_gives_what_single_numbers_give():
    """Many ids at a time: the same values and gradients as one after the other."""
    scope = {"torch": torch, "F": F, "Tensor": torch.Tensor}
    exec(KEPT["cells"], scope)
    rng = np.random.default_rng(1)
    mask = rng.random((7, 5)) < 0.4
    mask[0] = False
    places = {name: torch.from_numpy(held) for name, held in structure_of("cells", mask).items()}
    values = torch.randn(int(mask.sum()), requires_grad=True, generator=torch.Generator().manual_seed(1))
    dense = torch.zeros(7, 5)
    dense[torch.from_numpy(mask)] = values.detach()
    longest = int(mask.sum(1).max())
    ids = torch.from_numpy(rng.integers(0, 7, (30, 2)))

    def read(which):
        return scope["kept_cells"](which, values, places["start"], places["column"], 5, longest)

    many, single = read(ids), torch.stack([read(row) for row in ids])
    assert 30 * 2 * longest > 7 * 5 >= 2 * longest, "both ways are taken"
    assert torch.equal(many, single)
    assert torch.equal(many, dense[ids])
    weight = torch.randn(many.shape, generator=torch.Generator().manual_seed(2))
    gradients = [torch.autograd.grad((found * weight).sum(), values)[0] for found in (many, single)]
    assert torch.allclose(*gradients, atol=1e-6)
