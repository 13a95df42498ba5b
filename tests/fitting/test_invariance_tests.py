"""Tests of permutation invariance: exact laws, sizes, and what they find."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    invariance_p_values,
    mean_invariance_test,
    permutation_invariance_test,
)
from pigmm.fitting.tests_of_models.symmetry.beta_products import log_beta_survival, wilks_factors
from pigmm.fitting.tests_of_models.symmetry.invariance import Whitened, squared_covariances
from pigmm.fitting.tests_of_models.symmetry.permuted_components import identities, labelled, random_permutations
from pigmm.invariants.representation.spaces import irrep_dimensions

SPACES = [
    SquareSpace(4),
    RectangularSpace(3, 5),
    SymmetricSpace(5),
    SymmetricSpace(5, diagonal=False),
    MultiMatrixSpace(2, 4),
]


@pytest.mark.parametrize(("a", "b", "w"), [(3.0, 0.5, 1.0), (1.5, 0.5, 2.0), (500, 17.5, 35_000), (5e5, 50, 1e6)])
@pytest.mark.parametrize("tail", [0.999, 0.9, 0.5, 0.45, 0.1, 1e-3, 1e-30, 1e-200])
def test_one_logarithm_of_a_beta_variable(a, b, w, tail):
    value = -w * np.log(scipy.stats.beta(a, b).ppf(tail))
    expected = scipy.stats.beta(a, b).cdf(np.exp(-value / w))
    assert log_beta_survival(value, [a], [b], [w]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("value", [0.95, 0.8, 0.5, 0.01])
def test_wilks_lambda_of_two_copies_has_an_f_law(value):
    """(1 - sqrt Lambda) / sqrt Lambda (nu - 1) / d ~ F(2 d, 2 (nu - 1)) (Anderson, Multivariate Analysis, 8.4)."""
    d, nu = 5, 95
    f = (value**-0.5 - 1) * (nu - 1) / d
    found = log_beta_survival(-np.log(value), *wilks_factors(2, d, 20), [1, 1])
    assert found == pytest.approx(scipy.stats.f.sf(f, 2 * d, 2 * (nu - 1)), rel=1e-9)


def test_sums_by_simulation():
    factors = np.hstack([wilks_factors(3, 9, 50), wilks_factors(1, 35, 50)])
    weights = np.array([450, 450, 450, 1750])
    drawn = -np.log(np.random.default_rng(0).beta(*factors, size=(200_000, 4))) @ weights
    for level in (0.01, 0.5, 0.9, 0.999):
        value = np.quantile(drawn, level)
        assert log_beta_survival(value, *factors, weights) == pytest.approx(1 - level, abs=4 * np.sqrt(0.25 / 2e5))
    assert log_beta_survival(0.0, *factors, weights) == 1


def test_one_copy_is_tested_by_the_f_test(random_model):
    matrices = random_model(5, seed=1).sample(7, seed=2)
    _, _, _, part = SquareSpace(5).project(matrices)
    d, n = 6, 7
    between = n * np.square(part.mean(axis=0)).sum()
    within = np.square(part).sum() - between
    expected = scipy.stats.f.sf((n - 1) * between / within, d, (n - 1) * d)
    assert mean_invariance_test(matrices).p_value["V_3"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_exact_law_for_few_matrices(space, generic):
    n = 5
    ensembles = generic(space, seed=1).sample(200 * n, seed=2).reshape(200, n, *space.shape)
    p = [mean_invariance_test(ensemble, space=space).p_value for ensemble in ensembles]
    for irrep in p[0].index:
        assert scipy.stats.kstest([own[irrep] for own in p], "uniform").pvalue > 1e-3


def test_mean_test_is_the_likelihood_ratio_of_free_means(random_model):
    """Of V_2 alone the statistic is n d log of the ratio of its variances about zero and about the mean."""
    matrices = random_model(5, seed=1).sample(9, seed=2)
    _, vh, v2, _ = SquareSpace(5).project(matrices)
    table = mean_invariance_test(matrices)
    assert table.degrees_of_freedom.to_dict() == {"V_H": 12, "V_2": 5, "V_3": 6, "all": 23}
    about_mean = np.square(v2 - v2.mean(axis=0)).sum()
    assert table.likelihood_ratio["V_2"] == pytest.approx(9 * 5 * np.log(np.square(v2).sum() / about_mean))
    scatter = [np.einsum("nxa,nya->xy", part, part) for part in (vh, vh - vh.mean(axis=0))]
    logs = [np.linalg.slogdet(block)[1] for block in scatter]
    assert table.likelihood_ratio["V_H"] == pytest.approx(9 * 4 * (logs[0] - logs[1]))
    assert table.likelihood_ratio["all"] == pytest.approx(table.likelihood_ratio[:-1].sum())


def test_relabelling_all_matrices_alike_changes_nothing(random_model):
    matrices = random_model(5, seed=1).sample(20, seed=2)
    matrices[:, 1] += 0.3
    sigma = [3, 1, 4, 0, 2]
    first, second = (mean_invariance_test(m).p_value for m in (matrices, matrices[:, sigma][:, :, sigma]))
    np.testing.assert_allclose(first, second, rtol=1e-9)


def permuted(matrices, space, permutations):
    """Each matrix with its rows and columns permuted: what `permuted_components` knows from the labels."""
    kinds = space.decomposition.family.arc_types[0]
    between = (1,) * (matrices.ndim - 3)  # several matrices are permuted together
    rows = permutations[kinds.tail].reshape(len(matrices), *between, -1, 1)
    columns = permutations[kinds.head].reshape(len(matrices), *between, 1, -1)
    return np.take_along_axis(np.take_along_axis(matrices, rows, axis=-2), columns, axis=-1)


@pytest.mark.parametrize("space", SPACES)
def test_permutations_move_the_labels_of_components(space, generic):
    matrices = generic(space, seed=1).sample(5, seed=2)
    sigma = random_permutations(5, space, np.random.default_rng(0))
    moved = permuted(matrices, space, sigma)
    unmoved = identities(5, space)
    of_moved, of_these = (labelled(space.project(some), space) for some in (moved, matrices))
    for expected, part in zip(of_moved, of_these, strict=True):
        found = part.moved(sigma)
        np.testing.assert_allclose(found, expected.moved(unmoved), atol=1e-12)
        # those above the diagonal stand for all
        flat = expected.components.reshape(5, -1)
        np.testing.assert_allclose(found @ found.T, flat @ flat.T, atol=1e-12)
    assert (np.abs(moved - matrices).max(axis=tuple(range(1, matrices.ndim))) > 0).sum() >= 4


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("n", [6, 150])  # fewer and more than components
def test_statistics_of_permuted_matrices_are_those_of_their_covariance(space, n, generic):
    """From the whole covariance of the whitened components, less its invariant part, with nothing left out."""
    matrices = generic(space, seed=1).sample(n, seed=2)
    matrices[:, ..., 0, :] *= 2
    if isinstance(space, SymmetricSpace):
        matrices = (matrices + matrices.swapaxes(-1, -2)) / 2
    model = BlockGaussian.fit(matrices, space)
    sigma = random_permutations(n, space, np.random.default_rng(0))
    white = [
        np.linalg.inv(np.linalg.cholesky(covariance)) @ part
        for covariance, part in zip(model.covariances, space.project(permuted(matrices, space, sigma)), strict=True)
    ]
    centred = [part - part.mean(axis=0) for part in white]
    expected = [n * np.square(part.mean(axis=0)).sum() for part in white[1:]]
    for r, s in combinations_with_replacement(range(len(white)), 2):
        covariance = np.einsum("nxa,nyb->xayb", centred[r], centred[s]) / n
        total = np.square(covariance).sum()
        if r == s:
            if model.dimensions[r] == 1:
                continue
            total -= np.square(np.einsum("xaya->xy", covariance)).sum() / model.dimensions[r]
        expected.append(n * total)
    np.testing.assert_allclose(Whitened.of(model, matrices).departures(sigma), expected, rtol=1e-9)


def test_squared_covariances_by_either_side():
    rng = np.random.default_rng(0)
    for n in (4, 50):
        x, y = rng.normal(size=(n, 3)), rng.normal(size=(n, 6))
        expected = [[np.square(a.T @ b / n).sum() for b in (x, y)] for a in (x, y)]
        np.testing.assert_allclose(squared_covariances(np.hstack([x, y]), np.array([3, 9])), expected)


def test_permutation_test_is_exact_whatever_the_law():
    """Entries of heavy tails that share a random factor by matrix: invariant, and nothing like Gaussian."""
    rng = np.random.default_rng(1)
    p = []
    for seed in range(100):
        matrices = rng.standard_t(3, size=(15, 4, 4)) * rng.exponential(size=(15, 1, 1))
        p.append(permutation_invariance_test(matrices, replicates=19, seed=seed).p_value)
    for moment in ("mean", "covariance"):
        rejected = np.mean([own[moment, "all"] <= 0.05 for own in p])
        assert rejected < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)
        assert abs(np.mean([own[moment, "all"] for own in p]) - 0.525) < 4 / np.sqrt(12 * 100)


@pytest.mark.parametrize("shape", [(2, 2), (2, 5), (3, 2)])
def test_irreps_of_one_dimension_have_no_covariance_to_depart(shape):
    """With two rows or columns: a sign is all that moves, so the square tells nothing, and rounding may not speak."""
    space = RectangularSpace(*shape)
    p = []
    for seed in range(100):
        matrices = np.random.default_rng(seed).standard_t(4, size=(15, *shape))
        table = permutation_invariance_test(matrices, space=space, replicates=19, seed=seed)
        assert table.notna().all().all()
        p.append(table.p_value["covariance", "all"])
    names = {name for moment, name in table.index if moment == "covariance"}
    for name, dimension in zip(["V_00", "V_0H", "V_H0", "V_HH"], irrep_dimensions(space), strict=True):
        assert (f"{name} x {name}" in names) == (dimension > 1)
    assert abs(np.mean(p) - 0.525) < 4 / np.sqrt(12 * 100)


def test_p_values_by_name():
    matrices = np.random.default_rng(0).normal(size=(30, 4, 4))
    matrices += matrices.swapaxes(1, 2)
    p = invariance_p_values(matrices, space=SymmetricSpace(4), replicates=19, seed=1)
    assert p["mean, all"] == mean_invariance_test(matrices, space=SymmetricSpace(4)).p_value["all"]
    assert "permuted covariance, V_2 x V_2" in p


def test_expected_statistics_are_the_degrees_of_freedom():
    matrices = PIGMM.iid(5, 1.0).sample(200, seed=0)
    table = permutation_invariance_test(matrices, replicates=199)
    assert table.expected["mean", "V_H"] == pytest.approx(12, abs=1.5)
    assert table.expected["mean", "V_3"] == pytest.approx(6, abs=1)
    assert table.expected["covariance", "V_2 x V_3"] == pytest.approx(30, abs=3)


def test_classes_are_found_where_they_are():
    """Rows with class means, as an output layer has: V_H in the mean, and under S_M x S_N the rows alone."""
    rng = np.random.default_rng(0)
    means = 0.4 * np.array([1.0, -1, 0, 2, -2])[:, None]
    square, rectangular = rng.normal(size=(100, 5, 5)) + means, rng.normal(size=(100, 5, 8)) + means
    p = permutation_invariance_test(square, replicates=99).p_value
    assert p["mean", "V_H"] == p["mean", "all"] == 0.01
    exact = mean_invariance_test(square).p_value
    assert exact["V_H"] < 1e-10
    assert exact.drop(["V_H", "all"]).min() > 0.01
    sides = mean_invariance_test(rectangular).p_value
    assert sides["V_H0"] < 1e-10
    assert sides["V_0H"] > 0.01


def test_unequal_spreads_are_found_in_the_covariance_only():
    matrices = np.random.default_rng(0).normal(size=(100, 5, 5)) * np.array([0.5, 1, 1, 1, 2])[:, None]
    p = permutation_invariance_test(matrices, replicates=99).p_value
    assert p["covariance", "all"] == p["covariance", "V_H x V_H"] == 0.01
    assert p["mean", "all"] > 0.01
    assert permutation_invariance_test(matrices, replicates=99).p_value.equals(p)  # seeded


def test_bad_input():
    with pytest.raises(ValueError, match="replicates must be an integer of at least 1, got 0"):
        permutation_invariance_test(np.ones((5, 4, 4)), replicates=0)
    with pytest.raises(ValueError, match="vary in every irrep"):
        mean_invariance_test(np.ones((5, 4, 4)))
    with pytest.raises(ValueError, match="finite"):
        mean_invariance_test(np.full((5, 4, 4), np.nan))
    with pytest.raises(ValueError, match="shape"):
        mean_invariance_test(np.ones((5, 4, 4)), space=SquareSpace(5))


@pytest.mark.parametrize("shift", [10.0, 1e4, 1e8])
def test_a_very_clear_departure_has_a_p_value(shift):
    matrices = PIGMM.iid(5, variance=1.0).sample(100, seed=0)
    plain = mean_invariance_test(matrices)
    matrices[:, 0] += shift
    table = mean_invariance_test(matrices)
    assert table.p_value["V_H"] == table.p_value["all"] == 0
    # rows move V_H alone
    np.testing.assert_allclose(table.likelihood_ratio["V_2"], plain.likelihood_ratio["V_2"], rtol=1e-6)
    # n d log(1 + n |c|^2 / w), w the scatter of what moves
    expected = 100 * 4 * np.log(shift**2)
    assert table.likelihood_ratio["V_H"] == pytest.approx(expected, abs=1000)


def test_tails_that_vanish_are_zero():
    assert log_beta_survival(1e9, [3.0], [1.0], [1.0]) == 0
    assert log_beta_survival(230.0, [3.0], [1.0], [1.0]) == pytest.approx(np.exp(-690.0), rel=1e-9)
