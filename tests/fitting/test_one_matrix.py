"""One matrix by itself: formulas against the projections, exact null laws, power, and what is refused."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from pigmm.fitting import SquareSpace, analyse_matrix
from pigmm.fitting.tests_of_models.one_matrix.bartlett import bartlett_factor
from pigmm.fitting.tests_of_models.one_matrix.column_shifts import Parts, all_shifts, random_shifts, unpermuted
from pigmm.fitting.tests_of_models.one_matrix.hubs import hub_row_draws


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def test_square_statistics_are_those_of_the_components():
    size = 9
    matrix = normal(0, size, size) + 0.3
    v0, vh, v2, v3 = SquareSpace(size).project(matrix)
    hook, d2, d3 = size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2
    of_hook = vh @ vh.T / hook
    g2, g3 = np.square(v2).sum() / d2, np.square(v3).sum() / d3
    pooled = (hook * of_hook[2, 2] + d2 * g2 + d3 * g3) / ((size - 1) ** 2 - 1)
    expected = hook * (np.log(of_hook[0, 0] * of_hook[1, 1]) - np.linalg.slogdet(of_hook)[1])
    expected += ((size - 1) ** 2 - 1) * np.log(pooled) - d2 * np.log(g2) - d3 * np.log(g3)
    found = analyse_matrix(matrix, replicates=0)
    assert found.likelihood_ratio == pytest.approx(expected, rel=1e-10)
    assert found.z_trace == pytest.approx(v0[1, 0] / np.sqrt(pooled), rel=1e-10)
    assert found.symmetric_to_antisymmetric == pytest.approx(g2 / g3, rel=1e-10)
    # gHH of the hub ratios is over all of V_H x V_H, the trivial component included
    centred = (size - 1) ** 2
    within = (pooled * (centred - 1) + v0[1, 0] ** 2) / centred
    assert found.column_hubs == pytest.approx(of_hook[0, 0] / within, rel=1e-10)
    assert found.row_hubs == pytest.approx(of_hook[1, 1] / within, rel=1e-10)


def test_what_must_not_matter():
    matrix = normal(1, 8, 8)
    order = np.random.default_rng(2).permutation(8)
    names = ["likelihood_ratio", "p_value", "z_trace", "symmetric_to_antisymmetric"]
    reference = analyse_matrix(matrix, replicates=0)[names].astype(float)
    for same in (matrix[np.ix_(order, order)], matrix.T, -3e-200 * matrix, matrix + 5.0):
        found = analyse_matrix(same, replicates=0)[names].astype(float)
        np.testing.assert_allclose(found.abs(), reference.abs(), rtol=1e-9)
    shifted = analyse_matrix(matrix - 2 * np.eye(8), replicates=0)
    assert shifted.likelihood_ratio == pytest.approx(reference.likelihood_ratio, rel=1e-9)
    assert shifted.z_trace < reference.z_trace - 2


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (5, 12)])
def test_sizes_of_the_tests_under_gaussian_entries(shape):
    count = 1000
    tables = [analyse_matrix(normal((3, k), *shape), replicates=0) for k in range(count)]
    names = ["p_value", "p_row_hubs", "p_column_hubs"] + (
        ["p_trace", "p_symmetry", "p_row_column"] if shape[0] == shape[1] else []
    )
    for name in names:
        p = np.array([table[name] for table in tables])
        assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3, name
        assert scipy.stats.binomtest(int((p <= 0.05).sum()), count, 0.05).pvalue > 1e-3, name


def test_bartlett_factor_is_the_mean_of_the_ratio():
    ratios = [analyse_matrix(normal((4, k), 6, 6), replicates=0).likelihood_ratio for k in range(2000)]
    error = np.std(ratios) / np.sqrt(len(ratios))
    assert np.mean(ratios) == pytest.approx(5 * bartlett_factor((5, 9, 10), 5), abs=4 * error)


def test_randomisation_is_exact_for_heavy_tails_and_hubs():
    """Rows and columns of unequal scale and entries without a fourth moment: S_N x S_N all the same."""
    count, draws = 400, 39
    names = ["p_randomisation", "p_trace_randomisation", "p_symmetry_randomisation", "p_row_column_randomisation"]
    found = []
    for k in range(count):
        rng = np.random.default_rng((5, k))
        matrix = rng.standard_t(3, size=(10, 10)) * np.exp(rng.normal(size=(10, 1))) + rng.normal(size=10)
        found.append(analyse_matrix(matrix, replicates=draws, seed=k)[names])
    table = pd.DataFrame(found).astype(float)
    for name in names:
        for level in (0.05, 0.1, 0.2):  # a sequential p-value is exact below 10 of 40, and never too small
            assert scipy.stats.binomtest(int((table[name] <= level).sum()), count, level).pvalue > 1e-3, (name, level)
        assert scipy.stats.binomtest(int((table[name] <= 0.5).sum()), count, 0.5, "greater").pvalue > 1e-3, name


def test_randomised_hubs_are_exact_for_heavy_tails():
    """The columns of unequal scale, which is no hub row; and the same turned."""
    count, draws, p = 400, 19, []
    for k in range(count):
        rng = np.random.default_rng((12, k))
        matrix = rng.standard_cauchy(size=(8, 20)) * np.exp(rng.normal(size=20))
        turned = k % 2
        table = analyse_matrix(matrix.T if turned else matrix, replicates=draws, seed=k)
        p.append(table.p_column_hubs_randomisation if turned else table.p_row_hubs_randomisation)
    counts = np.histogram(p, np.arange(0.5, 21) / 20)[0]  # uniform on 1/20, ..., 1
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_shifts_are_permutations_of_the_columns():
    size = 70  # more rows than are taken at a time
    parts = Parts.of(normal(13, size, size))
    shifts = all_shifts(parts)
    rows = np.arange(size)
    for k in (0, 1, 33, 69):
        slow = unpermuted(parts.reordered(rows, (rows + k) % size))
        for name, values in vars(slow).items():
            assert getattr(shifts, name)[k] == pytest.approx(float(values[0]), rel=1e-9, abs=1e-9), name
    orbits = random_shifts(parts, np.random.default_rng(0))
    first, second = next(orbits), next(orbits)
    assert (len(first.trace), len(second.trace)) == (size - 1, size)
    measured = float(unpermuted(parts).product[0])
    assert not np.isclose(first.product, measured).any()


def test_hub_draws_are_sums_of_shifted_blocks():
    matrix = normal(14, 7, 5)  # a block a column
    found = hub_row_draws(matrix, 6, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    order, places = rng.permutation(5), rng.permutation(7)
    blocks = matrix[places]
    shifts = rng.integers(7, size=(6, 5))
    by_column = np.empty((6, 5), dtype=int)
    by_column[:, order] = shifts
    slow = [np.square(sum(np.roll(blocks[:, j], row[j]) for j in range(5))).sum() for row in by_column]
    np.testing.assert_allclose(found, [np.square(matrix.sum(axis=1)).sum(), *slow], rtol=1e-10)


def test_randomisations_end_when_the_verdict_is_sure():
    assert analyse_matrix(normal(15, 24, 24), replicates=5000).replicates < 3000
    found = analyse_matrix(normal(16, 24, 24) - 2 * np.eye(24), replicates=999)
    assert (found.replicates, found.p_trace_randomisation) == (999, 1e-3)


def test_structure_is_found_and_named():
    size = 64
    noise = normal(6, size, size)
    inhibited = analyse_matrix(noise - 0.6 * np.eye(size))
    assert (inhibited.z_trace < -3, inhibited.p_trace < 0.01, inhibited.p_value > 0.01) == (True, True, True)
    antisymmetric = analyse_matrix(noise - 0.3 * noise.T)
    assert antisymmetric.symmetric_to_antisymmetric < 0.5
    assert antisymmetric.p_randomisation == 1e-3
    related = np.random.default_rng(7).normal(size=size)
    assert analyse_matrix(noise + 0.3 * (related[:, None] + related)).p_value < 1e-4
    hubs = analyse_matrix(normal(8, 20, 50) + normal(9, 20, 1))
    assert hubs.row_hubs > 10 > 2 > hubs.column_hubs
    assert (hubs.p_value < 1e-6, hubs.p_row_hubs_randomisation, hubs.p_randomisation) == (True, 1e-3, 2e-3)
    assert analyse_matrix(np.random.default_rng(10).standard_t(4, size=(64, 64))).excess_kurtosis > 1


def test_the_same_for_the_same_seed():
    matrix = normal(11, 12, 12)
    first, again, other = (analyse_matrix(matrix, replicates=99, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert first.p_randomisation != other.p_randomisation
    assert first.drop("replicates").index.is_unique


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((3, 3)), r"matrix must have at least 4 rows and columns, got shape \(3, 3\): below that an irrep is"),
        (np.ones(9), "a last two axes"),
        (np.zeros((5, 5)), r"matrix must vary, got .* all 0"),
        (np.full((5, 5), 2.0), "matrix must vary, got"),
        (
            np.outer(np.arange(6.0), np.arange(1.0, 8.0)) * 0 + np.arange(7.0),
            "matrix must have a rank above one, got the product of a column and a row: 13 numbers, not 42",
        ),
        (normal(0, 6, 6) + normal(0, 6, 6).T, "is it symmetric"),
        (np.where(np.eye(5), np.nan, 1.0), "finite"),
    ],
)
def test_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        analyse_matrix(matrix)


def test_memory_of_a_large_matrix_is_bounded():
    """At most ten buffers of the matrix in double precision, randomisations included."""
    size = 768
    matrix = normal(17, size, size).astype(np.float16)
    analyse_matrix(matrix[:8, :8], replicates=9)  # what is loaded once
    tracemalloc.start()
    try:
        analyse_matrix(matrix, replicates=999)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 10 * 8 * size**2
