"""Sampling law and intervals: against the formulas for iid entries, scipy's Wishart law, fits, and by coverage."""

from math import sqrt

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    RectangularSpace,
    SquareSpace,
    confidence_intervals,
    sample_estimates,
    standard_errors,
)
from pigmm.fitting.model.blocks import blocks_from_parameters
from pigmm.fitting.model.intervals import covariance_interval, fiducial_probability, resampled_estimates
from pigmm.fitting.model.sampling_law import degrees_of_freedom


def test_standard_errors_of_iid_entries():
    """The closed forms for one variance s2, of n matrices of size d."""
    n, d, s2 = 300, 7, 0.3
    own = s2 * sqrt(2 / (n * (d - 1)))
    joint = s2 / sqrt(n * (d - 1))
    centred = sqrt(1 - 1 / n)
    expected = [sqrt(s2 / n)] * 2
    expected += [centred * s2 * sqrt(2 / n), centred * s2 / sqrt(n), centred * s2 * sqrt(2 / n)]
    expected += [own, joint, joint, own, joint, own]
    expected += [s2 * sqrt(4 / (n * d * (d - 3))), s2 * sqrt(4 / (n * (d - 1) * (d - 2)))]
    np.testing.assert_allclose(standard_errors(PIGMM.iid(d, variance=s2), n), expected, rtol=1e-12)


def test_drawn_estimates_have_the_exact_errors(random_model):
    model = random_model(6, seed=1)
    drawn = sample_estimates(model, 50, 40_000, seed=0)
    np.testing.assert_allclose(drawn.std(axis=0), standard_errors(model, 50), rtol=0.02)
    expected = model.parameters.copy()
    expected[2:5] *= 49 / 50  # maximum likelihood divides by n
    z = (drawn.mean(axis=0) - expected) / standard_errors(model, 50) * 200
    assert np.abs(z).max() < 4.5


def test_drawn_estimates_have_the_law_of_fits(random_model):
    """Every parameter and the determinants, for so few matrices that nothing is nearly normal."""
    model, count = random_model(4, seed=3), 4
    fitted = np.array([PIGMM.fit(model.sample(count, seed=k)).parameters for k in range(1500)])
    drawn = sample_estimates(model, count, 1500, seed=1)

    def features(estimates):
        blocks = [blocks_from_parameters(model.space, row)[1] for row in estimates]
        determinants = [[np.linalg.det(block) for block in row] for row in blocks]
        return np.hstack([estimates, determinants])

    p = [scipy.stats.ks_2samp(a, b).pvalue for a, b in zip(features(fitted).T, features(drawn).T, strict=True)]
    assert min(p) > 0.001 / len(p)


def test_drawn_covariances_are_scipys_wishart(generic):
    model, count = generic(SquareSpace(5), seed=4), 6
    drawn = sample_estimates(model, count, 3000, seed=0)
    blocks = [blocks_from_parameters(model.space, row)[1] for row in drawn]
    for k, m in enumerate(degrees_of_freedom(model, count)[:2]):
        law = scipy.stats.wishart(m, model.covariances[k]).rvs(3000, random_state=k)
        ours = np.array([row[k] for row in blocks]) * count * model.dimensions[k]
        for x, y in zip(*np.triu_indices(len(model.covariances[k])), strict=True):
            assert scipy.stats.ks_2samp(ours[:, x, y], law[:, x, y]).pvalue > 1e-4


def test_exact_intervals_cover_all_thirteen_parameters(random_model):
    """10,000 ensembles of 200 matrices of size 10, by the sampling law: 95% within four Monte-Carlo errors."""
    model, ensembles, n = random_model(10, seed=5), 10_000, 200
    drawn = sample_estimates(model, n, ensembles, seed=2)
    means, covariances = drawn[:, :2], [np.empty((ensembles, k, k)) for k in (2, 3, 1, 1)]
    for e, row in enumerate(drawn):
        for whole, block in zip(covariances, blocks_from_parameters(model.space, row)[1], strict=True):
            whole[e] = block
    errors = np.sqrt(np.diagonal(covariances[0], axis1=1, axis2=2) / (n - 1))
    inside = [np.abs(means - model.means) <= scipy.stats.t.isf(0.025, n - 1) * errors]
    for m, d, fits, true in zip(
        degrees_of_freedom(model, n), model.dimensions, covariances, model.covariances, strict=True
    ):
        for x, y in zip(*np.triu_indices(len(true)), strict=True):
            scatter = n * d * fits[:, [x, x, y, y], [x, y, x, y]].reshape(-1, 2, 2)
            if x == y:
                p = scipy.stats.chi2.cdf(scatter[:, 0, 0] / true[x, x], m)
            else:
                p = fiducial_probability(scatter, m, true[x, y])
            inside.append(((p >= 0.025) & (p <= 0.975))[:, None])
    coverage = np.hstack(inside).mean(axis=0)
    assert len(coverage) == 13
    assert np.abs(coverage - 0.95).max() <= 4 * sqrt(0.95 * 0.05 / ensembles)


@pytest.mark.parametrize(("method", "tolerance"), [("exact", 0), ("sandwich", 0.03), ("bootstrap", 0.04)])
def test_intervals_of_samples_cover(method, tolerance, random_model):
    """The table itself, over 300 ensembles; the asymptotic methods may miss by the stated amount more."""
    model, n = random_model(4, seed=6), 100
    inside = []
    for k in range(300):
        matrices = model.sample(n, seed=k)
        table = confidence_intervals(PIGMM.fit(matrices), matrices, method=method, replicates=300)
        inside.append((table.lower <= model.parameters) & (model.parameters <= table.upper))
    coverage = np.mean(inside, axis=0)
    assert np.abs(coverage - 0.95).max() <= 4 * sqrt(0.95 * 0.05 / 300) + tolerance


def test_exact_intervals_end_where_the_law_says(random_model):
    model, n, level = random_model(5, seed=7), 30, 0.9
    table = confidence_intervals(model, n, level=level)
    assert table.index.tolist() == list(model.names)
    assert table.columns.tolist() == ["estimate", "standard_error", "lower", "upper", "method"]
    for m, d, name in zip(degrees_of_freedom(model, n)[2:], model.dimensions[2:], ("G2", "G3"), strict=True):
        pivots = n * d * table.estimate[name] / table.loc[name, ["upper", "lower"]].astype(float)
        np.testing.assert_allclose(scipy.stats.chi2.cdf(pivots, m), [0.05, 0.95], rtol=1e-9)
    scatter = n * 4 * model.covariances[1][:2, :2]
    ends = table.loc["GH_12", ["lower", "upper"]].astype(float)
    p = [fiducial_probability(scatter, n * 4, end) for end in ends]
    np.testing.assert_allclose(p, [0.05, 0.95], atol=1e-7)


def test_the_fiducial_law_is_that_of_drawn_covariances():
    """Its probabilities against draws of K with S = (K B)(K B)^T, for either order of the variables."""
    rng, m = np.random.default_rng(0), 12
    scatter = np.array([[20.0, 6.0], [6.0, 4.0]])
    for order in ([0, 1], [1, 0]):
        s = scatter[np.ix_(order, order)]
        b = np.zeros((100_000, 2, 2))
        b[:, 0, 0], b[:, 1, 1] = np.sqrt(rng.chisquare([m, m - 1], size=(100_000, 2))).T
        b[:, 1, 0] = rng.standard_normal(100_000)
        root = np.linalg.cholesky(s) @ np.linalg.inv(b)
        drawn = np.einsum("ni,ni->n", root[:, 0], root[:, 1])
        for value in (0.1, 0.5, 1.0):
            expected = (drawn < value).mean()
            assert fiducial_probability(s, m, value) == pytest.approx(expected, abs=0.007)


def test_scaling_a_covariance_interval():
    low, high = covariance_interval([[3.0, 1.0], [1.0, 2.0]], 20, 0.05)
    scaled = covariance_interval([[3e12, 1.0], [1.0, 2e-12]], 20, 0.05)
    np.testing.assert_allclose(scaled, (low, high), rtol=1e-6)
    assert covariance_interval([[3.0, -1.0], [-1.0, 2.0]], 20, 0.05) == pytest.approx((-high, -low), rel=1e-6)


def test_intervals_at_any_scale(random_model):
    matrices = random_model(4, seed=1).sample(20, seed=2)
    degree = np.array([1] * 2 + [2] * 11)
    for method in ("exact", "sandwich", "bootstrap"):
        expected = confidence_intervals(PIGMM.fit(matrices), matrices, method=method, replicates=50)
        for scale in (1e-100, 1e100):
            scaled = scale * matrices
            table = confidence_intervals(PIGMM.fit(scaled), scaled, method=method, replicates=50)
            for column in ("standard_error", "lower", "upper"):
                found = table[column].astype(float) / float(scale) ** degree
                np.testing.assert_allclose(found, expected[column].astype(float), rtol=1e-6, atol=1e-9)


def test_resampled_estimates_are_refits(random_model):
    """A replicate is the fit to the matrices that the same random numbers choose."""
    matrices = random_model(5, seed=8).sample(25, seed=8)
    drawn = resampled_estimates(PIGMM.fit(matrices), matrices, 3, seed=4)
    rng = np.random.default_rng(4)
    for row in drawn:
        chosen = matrices[rng.integers(25, size=25)]
        np.testing.assert_allclose(row, PIGMM.fit(chosen).parameters, rtol=1e-10, atol=1e-12)


def test_robust_errors_of_entries_that_are_not_gaussian():
    """Matrices of two scales: the sandwich and the bootstrap follow, the Gaussian law does not."""
    rng = np.random.default_rng(0)

    def ensemble():
        return rng.choice([0.3, 1.7], size=(400, 1, 1)) * rng.normal(size=(400, 4, 4))

    spread = np.std([PIGMM.fit(ensemble()).parameters for _ in range(400)], axis=0)
    matrices = ensemble()
    model = PIGMM.fit(matrices)
    for method in ("sandwich", "bootstrap"):
        ratio = confidence_intervals(model, matrices, method=method).standard_error / spread
        assert ratio.between(0.75, 1.3).all()
    assert (confidence_intervals(model, matrices).standard_error / spread).min() < 0.6


def test_other_spaces(generic):
    model = generic(RectangularSpace(3, 4), seed=1)
    matrices = model.sample(500, seed=1)
    table = confidence_intervals(model, matrices)
    assert table.index.tolist() == ["mu", "G00", "G0H", "GH0", "GHH"]
    assert ((table.lower < table.estimate) & (table.estimate < table.upper)).all()


def test_bad_input(random_model):
    model = random_model(4, seed=1)
    with pytest.raises(ValueError, match="method must be one of exact, sandwich, bootstrap, got 'delta'"):
        confidence_intervals(model, 100, method="delta")
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
        confidence_intervals(model, 100, level=95)
    with pytest.raises(ValueError, match="number of matrices must be an integer of at least 3, got 2"):
        confidence_intervals(model, 2)
    with pytest.raises(ValueError, match="matrices must be the matrices themselves for method 'sandwich'"):
        confidence_intervals(model, 100, method="sandwich")
    for number in (5.5, np.array(5.5), "many", True):
        with pytest.raises(ValueError, match="the number of matrices must be an integer of at least 3"):
            confidence_intervals(model, number)
    with pytest.raises(ValueError, match="finite"):
        confidence_intervals(model, np.full((5, 4, 4), np.nan))
    with pytest.raises(ValueError, match=r"shape \(n, 4, 4\), got \(9, 5, 5\)"):
        confidence_intervals(model, np.ones((9, 5, 5)))
    with pytest.raises(ValueError, match="count must be an integer of at least 3, got 2"):
        sample_estimates(model, 2, 5)


@pytest.mark.parametrize("degrees", [3, 20, 1000])
@pytest.mark.parametrize("correlation", [1 - 1e-9, 1e-9 - 1])
def test_covariances_of_copies_that_are_nearly_one_have_the_interval_of_a_variance(degrees, correlation):
    low, high = covariance_interval([[1.0, correlation], [correlation, 1.0]], degrees, 0.025)
    ends = np.array([1 / scipy.stats.chi2.isf(0.025, degrees), 1 / scipy.stats.chi2.ppf(0.025, degrees)])
    expected = ends if correlation > 0 else -ends[::-1]
    np.testing.assert_allclose([low, high], expected, rtol=1e-7)


@pytest.mark.parametrize("correlation", [0.3, 0.9, 0.989, 0.991, 0.9999])
@pytest.mark.parametrize("degrees", [3, 10, 100])
def test_fiducial_probabilities_by_simulation(correlation, degrees):
    rng = np.random.default_rng(0)
    size = 200_000
    noise = rng.standard_t(degrees - 1, size) * np.sqrt((1 - correlation**2) / (degrees - 1))
    drawn = (correlation - noise) / rng.chisquare(degrees, size)
    for level in (0.025, 0.5, 0.975):
        value = np.quantile(drawn, level)
        found = fiducial_probability([[1.0, correlation], [correlation, 1.0]], degrees, value)
        assert float(found) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / size))


def test_intervals_of_a_level_next_to_one_end():
    low, high = covariance_interval([[1.0, 0.5], [0.5, 1.0]], 10, 1e-17)
    assert (low, high) == covariance_interval([[1.0, 0.5], [0.5, 1.0]], 10, 1e-14)
