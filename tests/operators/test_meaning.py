"""What single operators compute, against torch's own modules or a formula written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from operators.harness import OPERATORS, close, drawn, functions
from torch import Tensor

from recspace.compiler.promise import Initial
from recspace.compiler.shapes import NUMBER, Searched, matrix, sequence, vector


def signed(*shape: int, seed: int = 0) -> Tensor:
    return drawn(shape, seed, -2.0, 2.0)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
        ("tanh", lambda x: (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1)),
        ("relu", lambda x: x * (x > 0)),
        ("gelu", lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5))),
        ("swish", lambda x: x / (1 + torch.exp(-x))),
        ("exp", lambda x: 2.718281828459045**x),
        ("ceil", lambda x: x + (-x) % 1),
        ("floor", lambda x: x - x % 1),
        ("round", lambda x: (x + 0.5) - (x + 0.5) % 1),
        ("abs", lambda x: x * x.sign()),
    ],
)
def test_functions(name: str, formula: object) -> None:
    x = signed(50)
    close(functions(name)[name](x), formula(x))  # type: ignore[operator]


def test_round_takes_halves_to_the_even() -> None:
    assert functions("round")["round"](torch.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]


def test_batch_norm_is_torchs() -> None:
    theirs = torch.nn.BatchNorm1d(3, dtype=torch.float64)
    mean, var = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    weight, bias = theirs.weight.detach(), theirs.bias.detach()
    ours = functions("batch_norm")["batch_norm"]
    for seed in range(3):
        x = signed(5, 3, seed=seed)
        close(ours(x, weight, bias, mean, var, training=True), theirs(x))
    close(mean, theirs.running_mean)
    close(var, theirs.running_var)
    theirs.eval()
    close(ours(x, weight, bias, mean, var, training=False), theirs(x))


def test_a_batch_of_one_row_leaves_statistics_alone() -> None:
    mean, var = torch.full((3,), 0.5), torch.full((3,), 4.0)
    y = functions("batch_norm")["batch_norm"](torch.ones(1, 3), mean, var, training=True)
    torch.testing.assert_close(y, torch.full((1, 3), 0.25))
    assert mean.tolist() == [0.5] * 3
    assert var.tolist() == [4.0] * 3


def test_normalize_pools_the_statistics_of_all_rows() -> None:
    rows = signed(30, 2) * torch.tensor([1.0, 40.0]) + 7
    count, mean, var = torch.zeros((), dtype=torch.float64), *(torch.zeros(2, dtype=torch.float64) for _ in "mv")
    normalize = functions("normalize")["normalize"]
    for batch in rows.split([1, 4, 20, 5]):
        normalize(batch, count, mean, var, training=True)
    assert count == 30
    close(mean, rows.mean(0))
    close(var, rows.var(0, unbiased=False))
    close(
        normalize(rows, count, mean, var, training=False),
        (rows - rows.mean(0)) / (rows.var(0, unbiased=False) + 1e-5).sqrt(),
    )


def test_layer_norm_is_torchs() -> None:
    x, weight, bias = signed(4, 3, 5), signed(5, seed=1), signed(5, seed=2)
    close(functions("layer_norm")["layer_norm"](x, weight, bias), F.layer_norm(x, (5,), weight, bias))


def test_dropout_keeps_the_mean() -> None:
    x, noise = torch.ones(100_000), drawn((100_000,), 3, 0, 1).float()
    dropout = functions("dropout")["dropout"]
    y = dropout(x, rate=0.25, noise=noise, training=True)
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert dropout(x, rate=0.25, noise=noise, training=False) is x


def test_conv1d_is_torchs() -> None:
    for window in (1, 3, 5):
        theirs = torch.nn.Conv1d(4, 2, window, padding="same", dtype=torch.float64)
        x = signed(3, 6, 4)
        ours = functions("conv1d")["conv1d"](x, theirs.weight.permute(2, 1, 0), theirs.bias)
        close(ours, theirs(x.transpose(1, 2)).transpose(1, 2))


def test_gru_is_torchs() -> None:
    theirs = torch.nn.GRU(4, 3, batch_first=True, dtype=torch.float64)
    w_ih, w_hh, b_ih, b_hh = theirs.parameters()
    x = signed(2, 6, 4)
    close(functions("gru")["gru"](x, w_ih.t(), w_hh.t(), b_ih, b_hh), theirs(x)[0])


def test_gru_steps_over_absent_positions() -> None:
    weights = [signed(*shape, seed=k) for k, shape in enumerate(((4, 9), (3, 9), (9,), (9,)))]
    x, present = signed(2, 4, 4, seed=9), torch.tensor([[True, False, True, False]] * 2)
    gru = functions("gru")["gru"]
    y, short = gru(x, *weights, present=present), gru(x[:, [0, 2]], *weights)
    close(y[:, [0, 2]], short)
    assert not y[:, [1, 3]].any()


def test_self_attention_is_torchs() -> None:
    theirs = torch.nn.MultiheadAttention(6, 2, bias=False, batch_first=True, dtype=torch.float64)
    query, key, value = theirs.in_proj_weight.chunk(3)
    x, present = signed(2, 5, 6), torch.tensor([[True] * 5, [True, True, False, True, False]])
    weights = (query.t(), key.t(), value.t(), theirs.out_proj.weight.t())
    ours = functions("self_attention")["self_attention"]
    expected = theirs(x, x, x, key_padding_mask=~present)[0] * present.unsqueeze(-1)
    close(ours(x, *weights, heads=2, scaled=True, present=present), expected)
    # Neither divided nor joined: a query that is divided already, an output that changes nothing.
    theirs.out_proj.weight.data = torch.eye(6, dtype=torch.float64)
    expected = theirs(x, x, x, key_padding_mask=~present)[0] * present.unsqueeze(-1)
    divided = (query.t() / 3**0.5, key.t(), value.t())
    close(ours(x, *divided, heads=2, scaled=False, present=present), expected)


def test_cin_mixes_all_products() -> None:
    x, y, weight = signed(3, 4, 5), signed(3, 2, 5, seed=1), signed(4, 2, 6, seed=2)
    close(functions("cin")["cin"](x, y, weight), torch.einsum("brn,bsn,rsh->bhn", x, y, weight))


def test_softmax_of_large_numbers() -> None:
    x = torch.tensor([[1000.0, 1000.0, 0.0], [-1000.0, -1000.0, -2000.0]])
    torch.testing.assert_close(functions("softmax")["softmax"](x), torch.tensor([[0.5, 0.5, 0.0]] * 2))


def test_pool1d_does_not_count_what_is_outside() -> None:
    x = torch.tensor([[[1.0], [2.0], [6.0], [8.0]]])
    pool1d = functions("pool1d")["pool1d"]
    torch.testing.assert_close(pool1d(x, window=3).flatten(), torch.tensor([1.5, 3.0, 16 / 3, 7.0]))
    present = torch.tensor([[True, False, True, True]])
    torch.testing.assert_close(pool1d(x, window=3, present=present).flatten(), torch.tensor([1.0, 0.0, 7.0, 7.0]))


def test_blocks_over_a_matrix() -> None:
    x, one = signed(3, 4, 5), torch.eye(5, dtype=torch.float64)
    pairs = [(r, s) for r in range(4) for s in range(r + 1, 4)]
    products = torch.stack([x[:, r] * x[:, s] for r, s in pairs], 1)
    close(functions("pairwise_product")["pairwise_product"](x), products)
    close(functions("fm_block")["fm_block"](x, one, torch.zeros(5, dtype=torch.float64)), products.sum(1))
    mix, zero = signed(4, 3, seed=1), torch.zeros(3, dtype=torch.float64)
    mixed = torch.einsum("brn,rs->bsn", x, mix)
    dots = torch.stack([(mixed[:, r] * mixed[:, s]).sum(-1) for r, s in ((0, 1), (0, 2), (1, 2))], 1)
    close(functions("dot_block")["dot_block"](x, mix, torch.eye(3, dtype=torch.float64), zero), dots)
    bias = signed(3, seed=2)
    close(functions("conv1x1")["conv1x1"](x, mix, bias), mixed + bias[:, None])
    close(functions("efc_block")["efc_block"](x, mix, bias), torch.relu(mixed + bias[:, None]))
    squeeze, excite = signed(4, 2, seed=3), signed(2, 4, seed=4)
    weights = torch.relu(torch.relu(x.mean(-1) @ squeeze) @ excite)
    close(functions("senet")["senet"](x, squeeze, excite), x * weights[..., None])
    close(functions("flatten")["flatten"](x), x.reshape(3, 20))


@pytest.mark.parametrize(
    "name", ["linear", "conv1x1", "efc_block", "fm_block", "dot_block", "pairwise_product", "flatten", "senet"]
)
def test_no_rows_at_all(name: str) -> None:
    """Of nothing a layer gives its bias."""
    promise = OPERATORS[name]
    options = {o.name: 2 for o in promise.options} | ({"bias": True} if name == "linear" else {})
    x = torch.zeros(3, 0, dtype=torch.float64) if name == "linear" else torch.zeros(3, 0, 4, dtype=torch.float64)
    shape = vector(0) if name == "linear" else matrix(0, 4)
    weights = [drawn(tuple(int(d) for d in w.shape), 1) for w in promise.weights((shape,), options)]  # type: ignore[arg-type]
    y = functions(name)[name](x, *weights)
    assert tuple(y.shape[1:]) == promise.shape((shape,), options).dims
    if name in ("linear", "fm_block", "dot_block"):
        close(y, weights[-1].expand(3, 2))


def test_dice() -> None:
    x, slope = signed(6, 2), torch.tensor([0.0, 0.3], dtype=torch.float64)
    mean, var = signed(2, seed=1), drawn((2,), 2)
    p = torch.sigmoid((x - mean) / (var + 1e-5).sqrt())
    close(functions("dice")["dice"](x, slope, mean, var, training=False), p * x + (1 - p) * slope * x)


def test_elementwise_is_a_net_on_one_number() -> None:
    weights = [signed(1, 8), signed(8, seed=1), signed(8, 1, seed=2), signed(1, seed=3)]
    x = signed(3, 4)
    ours = functions("elementwise")["elementwise"](x, *weights, activation="tanh")
    close(ours, (torch.tanh(x[..., None] * weights[0][0] + weights[1]) @ weights[2] + weights[3])[..., 0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plus", [4, 3]),
        ("minus", [-2, 7]),
        ("multiply", [3, -10]),
        ("minimum", [1, -2]),
        ("maximum", [3, 5]),
        ("concatenate", [1, 5, 3, -2]),
    ],
)
def test_combine(name: str, expected: list[float]) -> None:
    u, v = torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, -2.0]])
    assert functions("combine")["combine"](u, v, name=name).tolist() == [expected]


def test_losses() -> None:
    y, p = torch.tensor([0.0, 1.0, 0.3], dtype=torch.float64), torch.tensor([0.2, 0.9, 0.6], dtype=torch.float64)
    entropy = F.binary_cross_entropy(p, y, reduction="none")
    close(functions("cross_entropy")["cross_entropy"](y, p), entropy)
    close(functions("cross_entropy")["cross_entropy_with_logits"](y, torch.logit(p)), entropy)
    close(functions("logloss")["logloss"](p, y), entropy)
    close(functions("logloss")["logloss_with_logits"](torch.logit(p), y), entropy)
    close(functions("squared")["squared"](y, p), (y - p) ** 2)
    close(functions("absolute")["absolute"](y, p), F.l1_loss(p, y, reduction="none"))
    close(functions("huber")["huber"](4 * y, p, delta=0.5), F.huber_loss(p, 4 * y, reduction="none", delta=0.5))
    close(functions("mse")["mse"](p, y), (y - p) ** 2)
    close(functions("hinge")["hinge"](y[:2], p[:2]), torch.tensor([0.4, 0.2], dtype=torch.float64))
    close(
        functions("focal")["focal"](y[:2], p[:2], gamma=2.0),
        torch.tensor([0.04, 0.01], dtype=torch.float64) * entropy[:2],
    )
    close(functions("kl")["kl"](y, p), entropy - F.binary_cross_entropy(y, y, reduction="none"))


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "kl"])
def test_losses_stay_finite_at_the_ends(name: str) -> None:
    y, p = torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    options = {"gamma": 2.0} if name == "focal" else {}
    loss = functions(name)[name](y, p, **options)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert p.grad is not None
    assert torch.isfinite(p.grad).all()


def test_ranking_losses() -> None:
    positive, negative = torch.tensor([1.0, 0.0]), torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    bpr = functions("bpr")["bpr"](positive, negative)
    torch.testing.assert_close(bpr, -torch.sigmoid(positive[:, None] - negative).log().mean(1))
    scores = torch.cat([positive[:, None], negative], 1)
    softmax = functions("softmax_loss")["softmax_loss"](positive, negative)
    torch.testing.assert_close(softmax, -scores.softmax(1)[:, 0].log())


def test_classes() -> None:
    z, label = signed(4, 3), torch.tensor([0, 2, 1, 1])
    ours = functions("logloss")["logloss_classes"](z, label)
    close(ours, -z.softmax(1).log()[torch.arange(4), label])


def test_penalties() -> None:
    x = signed(3, 4)
    close(functions("l2")["l2"](x), x.square().mean(1, keepdim=True))
    rows = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]], [[1.0, 1.0], [2.0, 2.0], [5.0, 5.0]]])
    torch.testing.assert_close(functions("diversity")["diversity"](rows), torch.tensor([1 / 3, 1.0]))
    assert functions("diversity")["diversity"](rows[:, :1]).tolist() == [0, 0]


# -- fields ------------------------------------------------------------------------------------------------


def test_embeddings() -> None:
    embed, table = functions("embed"), signed(5, 3)
    close(embed["embed"](torch.tensor([4, 0]), table), table[[4, 0]])
    ids = torch.tensor([[2, -1, 3], [-1, -1, -1]])
    found = embed["embed_sequence"](ids, table)
    close(found[0, 0], table[2])
    assert not found[ids < 0].any()
    close(
        embed["pool_mean"](found, ids >= 0),
        torch.stack([(table[2] + table[3]) / 2, torch.zeros(3, dtype=torch.float64)]),
    )
    close(embed["pool_sum"](found, ids >= 0)[0], table[2] + table[3])
    close(
        embed["embed_number"](torch.tensor([2.0, -1.0], dtype=torch.float64), table[:1]),
        torch.stack([2 * table[0], -table[0]]),
    )
    numbers = signed(4, 2)
    close(embed["embed_number"](numbers, table[:2]), numbers[..., None] * table[:2])
    close(embed["embed_vector"](signed(2, 5), table), signed(2, 5) @ table)


def test_padding_has_no_gradient() -> None:
    table = signed(3, 2).requires_grad_()
    functions("embed")["embed_sequence"](torch.tensor([[1, -1]]), table).sum().backward()
    assert table.grad is not None
    assert table.grad.tolist() == [[0, 0], [1, 1], [0, 0]]


def test_first_order_weights() -> None:
    weight, table = functions("weight"), signed(4, 1)
    close(weight["weight"](torch.tensor([[3], [1]]), table), table[[3, 1]])
    close(weight["weight_number"](torch.tensor([2.0], dtype=torch.float64), table[:1]), 2 * table[0])
    close(weight["weight_vector"](signed(2, 4), table), (signed(2, 4) @ table)[:, 0])
    assert functions("bias")["bias"](torch.tensor([0.5])).dim() == 0


def test_promises_of_fields() -> None:
    embed, weight, bias = OPERATORS["embed"], OPERATORS["weight"], OPERATORS["bias"]
    width = Searched((2, 8), ("dim",))
    assert embed.shape((NUMBER,), {"n": width}) == vector(width)
    assert embed.shape((sequence(1),), {"n": 4}) == sequence(4)
    assert [w.shape for w in embed.weights((NUMBER,), {"n": 4, "rows": 10, "mean": 0.0, "std": 0.1})] == [(10, 4)]
    table = embed.weights((NUMBER,), {"n": 4, "rows": 10, "mean": 0.2, "std": 0.01})[0]
    assert table.initial == Initial("normal", 0.01, 0.2)
    assert [w.shape for w in embed.weights((vector(64),), {"n": 4, "rows": 10})] == [(64, 4)]
    assert [w.shape for w in weight.weights((NUMBER,), {"rows": 10})] == [(10, 1)]
    assert weight.weights((NUMBER,), {"rows": 10})[0].initial.value == 0
    assert [w.shape for w in bias.weights((), {})] == [(1,)]
