"""Generated text as modules: starts by identity, weights handed over, nothing read from files."""

import traceback

import by_hand
import pytest
import torch

from recspace.compiler.compiled import Slice, Tensor
from recspace.compiler.promise import Initial
from recspace.runtime.module import build, identity, initialise, region, transfer
from recspace.runtime.randomness import noises, order, stream

CPU = torch.device("cpu")
SOME = {"keep": (1, 0, 0, 1, 0, 1)}


def made(compiled, seed=0):
    model = build(compiled, CPU)
    initialise(model, seed)
    return model


def slices(model):
    return {
        identity(part): region(model.tensors[stored.attribute], part)
        for stored in model.compiled.tensors
        for part in stored.slices
    }


@pytest.mark.parametrize(
    ("whole", "part"),
    [(by_hand.fis(None), by_hand.fis(SOME)), (by_hand.dim(None), by_hand.dim({"dim": (0, 1, 1, 0)}))],
    ids=["fis", "dim"],
)
def test_equal_slices_start_equal(whole, part):
    supernet, derived = slices(made(whole)), slices(made(part))
    assert set(derived) < set(supernet)
    assert all(torch.equal(derived[name], supernet[name]) for name in derived)
    other = slices(made(part, seed=1))
    assert any(not torch.equal(derived[name], other[name]) for name in derived)
    drawn = [v for k, v in supernet.items() if k[0] == "e"]
    assert all(not torch.equal(a, b) for a in drawn for b in drawn if a is not b and a.shape == b.shape)


def test_transfer_by_identity():
    supernet, derived = made(by_hand.fis(None)), made(by_hand.fis(SOME), seed=5)
    with torch.no_grad():
        for tensor in supernet.tensors.values():
            tensor += torch.arange(tensor.numel()).view_as(tensor)
    assert transfer(supernet.tensors, supernet.compiled, derived) == ()
    assert derived.tensors["mean"].tolist() == [0.0, 3.0, 5.0]
    assert torch.equal(derived.tensors["table"], supernet.tensors["table"])


def test_what_the_source_does_not_have_stays_and_is_named():
    small, supernet = made(by_hand.dim({"dim": (0, 0, 0, 0)}), seed=1), made(by_hand.dim(None), seed=2)
    before = supernet.tensors["e1_4"].clone()
    missing = transfer(small.tensors, small.compiled, supernet)
    assert {(name[2], name[3]) for name in missing} == {((f"f{i}",), "4") for i in range(4)}
    assert torch.equal(supernet.tensors["e1_4"], before)
    assert torch.equal(supernet.tensors["e1_2"], small.tensors["e1_2"])


def start(kind, value, shape, *parts):
    lines = ["import torch", "class M(torch.nn.Module):", "    def __init__(self):", "        super().__init__()"]
    text = "\n".join([*lines, f"        self.w = torch.nn.Parameter(torch.zeros({shape}))", ""])
    whole = tuple((0, n) for n in shape)
    boxes = parts or (whole,)
    held = tuple(Slice("l", "w", (), "", (k,), box) for k, box in enumerate(boxes))
    compiled = by_hand.fis(SOME)
    stored = Tensor("w", shape, (Initial(kind, value),), held)
    model = build(type(compiled)("M", "M", text, (), (stored,), (), (), None), CPU)
    initialise(model, 0)
    return model.tensors["w"].detach()


def test_starts_have_their_distribution():
    assert torch.equal(start("constant", 3.5, (2, 3)), torch.full((2, 3), 3.5))
    normal = start("normal", 0.2, (300, 200))
    assert abs(float(normal.mean())) < 0.01
    assert abs(float(normal.std()) - 0.2) < 0.01
    for kind, value, bound in (("uniform", 0.3, 0.3), ("fan_in", 25, 0.2), ("xavier", 0, (6 / 500) ** 0.5)):
        drawn = start(kind, value, (300, 200))
        assert 0.98 * bound < float(drawn.max()) <= bound
        assert -bound <= float(drawn.min()) < -0.98 * bound


def test_fans_are_of_the_whole_weight():
    drawn = start("xavier", 0, (300, 200), ((0, 100), (0, 200)), ((100, 300), (0, 200)))
    assert 0.98 * (6 / 500) ** 0.5 < float(drawn.max()) <= (6 / 500) ** 0.5


def test_a_traceback_shows_the_generated_line():
    model = made(by_hand.fis(None))
    with pytest.raises(KeyError) as error:
        model.module({"f0": torch.zeros(1)}, {}, {})
    assert 'batch[f"f{i}"]' in "".join(traceback.format_exception(error.value))


def test_streams_depend_on_every_name():
    drawn = [torch.rand(4, generator=stream(*names)).tolist() for names in
             ((0,), (1,), (0, "a"), (0, "a", 1), (0, "a", "1"), (0, 1, "a"), (0, "a1"))]  # fmt: skip
    assert len({tuple(d) for d in drawn}) == len(drawn)
    assert torch.rand(4, generator=stream(0, "a", 1)).tolist() == drawn[3]


def test_orders_and_noise():
    assert sorted(order(50, 0, "s", 0).tolist()) == list(range(50))
    assert not torch.equal(order(50, 0, "s", 0), order(50, 0, "s", 1))
    noise = noises({"a": (3, 2), "b": (3, 2)}, 0, "s", 4, CPU)
    assert not torch.equal(noise["a"], noise["b"])
    assert torch.equal(noise["b"], noises({"b": (3, 2)}, 0, "s", 4, CPU)["b"])


def test_embedding_gradients_do_not_depend_on_threads():
    """Forward and backward of look-ups and of index_add give the same bits with one thread and with several."""
    table = torch.randn(500, 8, generator=stream(0), requires_grad=True)
    ids = torch.randint(0, 500, (4096, 20), generator=stream(1))
    weight = torch.randn(4096, 20, 8, generator=stream(2))
    found = []
    for threads in (1, 4):
        torch.set_num_threads(threads)
        rows = torch.nn.functional.embedding(ids, table)
        (gradient,) = torch.autograd.grad((rows * weight).sum(), table)
        summed = torch.zeros(500, 8).index_add(0, ids.flatten(), weight.view(-1, 8))
        picked = torch.autograd.grad((table.index_select(0, ids.flatten()) * weight.view(-1, 8)).sum(), table)[0]
        found.append((rows.detach(), gradient, summed, picked))
    torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
