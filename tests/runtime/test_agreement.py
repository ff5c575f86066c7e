"""Salience by counting, against sums over pairs of rows written out, over all orders of the labels, and random features."""

import itertools
import math

import pytest
import torch

from recspace.runtime.agreement import Agreement, agreement, level, values_of

WHOLE = 10**6


def drawn(rows, sizes, seed=0):
    """Ids of fields, skewed and depending on one another, and residuals with a mean."""
    generator = torch.Generator().manual_seed(seed)
    ids = [(torch.rand(rows, generator=generator) ** 2 * size).long() for size in sizes]
    ids[-1] = torch.where(torch.rand(rows, generator=generator) < 0.3, ids[0] % sizes[-1], ids[-1])
    return ids, torch.randn(rows, generator=generator, dtype=torch.float64) + 0.7


def naive(ids, residual, most=99):
    """T and the matrix of the pairs, row by row: one-hot vectors of the `most` most frequent values, less their mean."""
    n = len(residual)
    residual = residual - residual.mean()
    vectors = []
    for column in ids:
        values = column.tolist()
        counted = sorted(set(values), key=lambda v: (-values.count(v), v))[:most]
        one_hot = [[float(v == c) for c in counted] for v in values]
        mean = [sum(row[k] for row in one_hot) / n for k in range(len(counted))]
        vectors.append([[x - m for x, m in zip(row, mean, strict=True)] for row in one_hot])
    pairs = torch.zeros(n, n, dtype=torch.float64)
    for b, c in itertools.permutations(range(n), 2):
        pairs[b, c] = math.prod(sum(x * y for x, y in zip(v[b], v[c], strict=True)) for v in vectors)
    return float(residual @ pairs @ residual), pairs, residual


@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 4), (2, 2, 3, 2)])
@pytest.mark.parametrize("cells", [WHOLE, 8])
def test_the_sum_over_pairs_of_rows(sizes, cells):
    ids, residual = drawn(40, sizes)
    fields = [values_of(i) for i in ids]
    expected, _, _ = naive(ids, residual, level([f.count for f in fields], cells))
    assert agreement(fields, residual, cells).statistic == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cells", [WHOLE, 4])
def test_mean_and_variance_over_all_orders_are_exact(cells):
    ids, residual = drawn(7, (3, 3, 2), seed=4)
    fields = [values_of(i) for i in ids]
    _, pairs, r = naive(ids, residual, level([f.count for f in fields], cells))
    orders = torch.tensor(list(itertools.permutations(range(7))))
    shuffled = r[orders]
    every = ((shuffled @ pairs) * shuffled).sum(1)
    found = agreement(fields, residual, cells)
    assert found.mean == pytest.approx(float(every.mean()), rel=1e-9)
    assert found.variance == pytest.approx(float(every.var(correction=0)), rel=1e-9)


def test_random_sign_features_estimate_the_same():
    """mean over ρ of (Σ_b r_b Π_f φ_f(x_f(b))_ρ)², φ less its mean, without the pairs of a row with itself."""
    ids, residual = drawn(60, (4, 3, 3), seed=2)
    r, generator = residual - residual.mean(), torch.Generator().manual_seed(1)
    product_RN = torch.ones(200_000, 60, dtype=torch.float64)
    for column in ids:
        sign_RV = (torch.randint(0, 2, (200_000, 4), generator=generator) * 2 - 1).double()
        phi_RN = sign_RV[:, column]
        product_RN *= phi_RN - phi_RN.mean(1, keepdim=True)
    each_R = (product_RN @ r) ** 2 - (product_RN**2) @ (r * r)
    error = float(each_R.std()) / math.sqrt(200_000)
    found = agreement([values_of(i) for i in ids], residual, WHOLE).statistic
    assert abs(float(each_R.mean()) - found) < 4 * error
    assert error < 0.1 * abs(found)


@pytest.mark.parametrize("sizes", [(2, 2), (2, 2, 2), (12, 9), (6, 5, 7)])
def test_permuted_labels_give_a_normal_number(sizes):
    """Also where few squares make the sum, which is skewed then: all fields of two values are one square."""
    ids, _ = drawn(400, sizes, seed=1)
    fields, generator = [values_of(i) for i in ids], torch.Generator().manual_seed(5)
    label = (torch.rand(400, generator=generator) < 0.3).double()
    z = torch.tensor([
        agreement(fields, label[torch.randperm(400, generator=generator)], WHOLE).z for _ in range(1500)
    ])  # fmt: skip
    assert abs(float(z.mean())) < 0.12
    assert 0.85 < float(z.std()) < 1.12
    assert float((z > 3).double().mean()) < 0.005  # of a normal number 0.0013; unskewed, (χ² − 1) / √2 would have 0.022


def test_the_cube_root_is_that_of_wilson_and_hilferty():
    """χ² of one degree: 10.83 is its 99.9% point, as 3.09 is that of a normal number."""
    found = Agreement(10.83 - 1, 0.0, 2.0, math.sqrt(8))
    assert found.z == pytest.approx(3.09, abs=0.15)
    assert Agreement(3.0, 1.0, 4.0, 0.0).z == 1.0


def test_the_skewness_is_that_of_the_squares():
    """8 Σ λ³ / (2 Σ λ²)^1.5 over the products of the eigenvalues of the fields' covariances, if fields are independent."""
    generator = torch.Generator().manual_seed(0)
    ids = [(torch.rand(4000, generator=generator) ** 4 * size).long() for size in (9, 6)]
    spectra = []
    for column in ids:
        one_hot = torch.nn.functional.one_hot(column).double()
        spectra.append(torch.linalg.eigvalsh(torch.cov(one_hot.T, correction=0)))
    eigen = torch.outer(*spectra)
    expected = float(8 * (eigen**3).sum() / (2 * (eigen**2).sum()) ** 1.5)
    found = agreement([values_of(i) for i in ids], torch.randn(4000, generator=generator), WHOLE)
    assert found.skewness == pytest.approx(expected, rel=1e-9)


def test_a_parity_shows_in_its_own_set_alone():
    generator = torch.Generator().manual_seed(0)
    ids = [torch.randint(0, 4, (6000,), generator=generator) for _ in range(5)]
    parity = (ids[0] % 2 + ids[1] % 2 + ids[2] % 2) % 2
    label = (torch.rand(6000, generator=generator) < 0.3 + 0.4 * parity).double()
    fields = [values_of(i) for i in ids]
    scores = {
        s: agreement([fields[f] for f in s], label, WHOLE).z
        for k in (1, 2, 3, 4)
        for s in itertools.combinations(range(5), k)
    }
    assert scores.pop((0, 1, 2)) > 20
    assert max(scores.values()) < 4


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_constant_says_nothing(seed):
    ids, residual = drawn(50, (3, 4), seed)
    nothing = values_of(torch.full((50,), 7))
    assert agreement([values_of(ids[0]), nothing], residual, WHOLE).z == 0
    assert agreement([values_of(i) for i in ids], torch.ones(50), WHOLE).z == 0
    assert agreement([values_of(i[:3]) for i in ids], residual[:3], WHOLE).z == 0


def test_values_are_ranked_and_tables_bounded():
    found = values_of(torch.tensor([5, 9, 9, 2, 5, 9]))
    assert found.ranks.tolist() == [1, 0, 0, 2, 1, 0]
    assert found.shares.tolist() == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert level([50, 50, 50], 125_000) == 50
    assert level([50, 50, 50], 124_999) == 49
    assert level([2, 1000], 300) == 150
    assert level([10, 10], 1) == 1
