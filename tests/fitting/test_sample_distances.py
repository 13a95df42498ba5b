"""Optimal transport between samples, against assignment, sorting and closed forms."""

import numpy as np
import pytest
import scipy.optimize
import scipy.spatial
import scipy.stats

from pigmm.fitting import PIGMM, BlockGaussian, SymmetricSpace, sample_distance_test, sample_wasserstein

# of POT's optional backends, when it is imported for the first time
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")


def test_exact_is_the_best_assignment():
    x, y = np.random.default_rng(0).normal(size=(2, 40, 4, 4))
    cost = scipy.spatial.distance.cdist(x.reshape(40, -1), y.reshape(40, -1), "sqeuclidean")
    pairs = scipy.optimize.linear_sum_assignment(cost)
    assert sample_wasserstein(x, y) == pytest.approx(np.sqrt(cost[pairs].mean()))


def test_unequal_numbers_of_matrices():
    """Two points against one: each goes there."""
    x, y = np.array([np.zeros((4, 4)), np.ones((4, 4))]), np.full((1, 4, 4), 2.0)
    assert sample_wasserstein(x, y) == pytest.approx(np.sqrt((16 * 4 + 16) / 2))


def test_sliced_is_the_mean_over_directions_of_sorted_distances():
    x = np.random.default_rng(0).normal(size=(500, 3, 4))
    y = x + 0.5
    found = sample_wasserstein(x, y, method="sliced", projections=4000)
    assert found == pytest.approx(0.5, rel=0.05)  # |shift| / sqrt(entries)
    directions = np.random.default_rng(3).standard_normal((12, 5))  # as drawn from the seed
    directions /= np.linalg.norm(directions, axis=0)
    z = 2 * x[::-1] + 1
    sorted_x, sorted_z = (np.sort(m.reshape(500, 12) @ directions, axis=0) for m in (x, z))
    expected = np.sqrt(np.square(sorted_x - sorted_z).mean())
    assert sample_wasserstein(x, z, method="sliced", projections=5, seed=3) == pytest.approx(expected)


def test_subsamples_are_seeded():
    x, y = np.random.default_rng(0).normal(size=(2, 100, 4, 4))
    values = [sample_wasserstein(x, y, subsample=30, seed=seed) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("method", ["exact", "sliced"])
def test_null_of_two_ensembles(method):
    rng = np.random.default_rng(0)
    p = [
        sample_distance_test(
            *rng.standard_t(4, size=(2, 30, 4, 4)), method=method, projections=20, replicates=19, seed=seed
        ).p_value
        for seed in range(60)
    ]
    assert (np.array(p) <= 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)
    assert abs(np.mean(p) - 0.525) < 4 / np.sqrt(12 * 60)


@pytest.mark.parametrize("method", ["exact", "sliced"])
@pytest.mark.parametrize("fitted", [True, False])
def test_null_of_a_model(method, fitted):
    law, p = PIGMM.iid(4, 1.0), []
    for seed in range(40):
        matrices = law.sample(20, seed=seed)
        model = PIGMM.fit(matrices) if fitted else law
        options = {"method": method, "fitted": fitted, "projections": 20, "replicates": 19, "seed": 1000 + seed}
        p.append(sample_distance_test(matrices, model, **options).p_value)
    assert (np.array(p) <= 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 40)
    assert abs(np.mean(p) - 0.525) < 4 / np.sqrt(12 * 40)


def test_the_p_value_of_a_fit_is_uniform():
    """From both sides: samples whose own fits differ from the model would be further away, and the test too kind."""
    law, p = PIGMM.iid(4, 1.0), []
    for seed in range(200):
        matrices = law.sample(12, seed=seed)
        p.append(sample_distance_test(matrices, PIGMM.fit(matrices), replicates=19, seed=1000 + seed).p_value)
    assert abs(np.mean(p) - 0.525) < 3 / np.sqrt(12 * 200)  # uniform on 1/20, ..., 1
    counts = np.histogram(p, bins=np.linspace(0.025, 1.025, 6))[0]
    assert scipy.stats.chisquare(counts).pvalue > 0.01


def test_distances_at_any_scale_and_any_mean():
    x, y = np.random.default_rng(0).normal(size=(2, 30, 4, 4))
    for method in ("exact", "sliced"):
        distance = sample_wasserstein(x, y, method=method)
        assert sample_wasserstein(x + 1e6, y + 1e6, method=method) == pytest.approx(distance, rel=1e-6)
        assert sample_wasserstein(x + 1e6, x + 1e6, method=method) < 1e-6
        for scale in (1e-170, 1e170, 1e307):
            assert sample_wasserstein(scale * x, scale * y, method=method) == pytest.approx(scale * distance, rel=1e-9)
        assert sample_wasserstein(0 * x, 0 * y, method=method) == 0


@pytest.mark.parametrize("method", ["exact", "sliced"])
def test_differences_are_seen(method):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 4, 4))
    wider = 1.5 * rng.normal(size=(150, 4, 4))
    row = sample_distance_test(x, wider, method=method, replicates=19)
    assert row.p_value == 0.05
    assert row.distance > row.null_upper > row.null_mean > row.null_lower > 0
    assert sample_distance_test(wider, PIGMM.fit(x), method=method, fitted=False, replicates=19).p_value == 0.05


def test_an_ensemble_far_from_gaussian_is_told_from_its_fit():
    """Matrices of one sign each: the mean is zero, and no matrix is near it."""
    rng = np.random.default_rng(0)
    matrices = rng.choice([-1.0, 1.0], size=(200, 1, 1)) * 3 + rng.normal(size=(200, 4, 4))
    assert sample_distance_test(matrices, PIGMM.fit(matrices), method="sliced", replicates=19).p_value == 0.05


def test_models_of_symmetric_matrices():
    matrices = np.random.default_rng(0).normal(size=(50, 4, 4))
    matrices += matrices.swapaxes(1, 2)
    model = BlockGaussian.fit(matrices, SymmetricSpace(4))
    assert sample_distance_test(matrices, model, replicates=9, subsample=20).p_value > 0.1


def test_bad_input():
    x = np.ones((5, 4, 4))
    with pytest.raises(ValueError, match="method must be one of exact, sliced, got 'sinkhorn'"):
        sample_wasserstein(x, x, method="sinkhorn")
    with pytest.raises(ValueError, match="p and q must be of shapes"):
        sample_wasserstein(x, np.ones((5, 4, 3)))
    with pytest.raises(ValueError, match="p and q must be of shapes"):
        sample_wasserstein(x, np.ones((0, 4, 4)))
    with pytest.raises(ValueError, match="subsample"):
        sample_wasserstein(x, x, subsample=0)
    with pytest.raises(ValueError, match="shape of the model"):
        sample_distance_test(x, PIGMM.iid(5, 1.0))
    with pytest.raises(ValueError, match=r"p must be one matrix or more .* \(n, 4, 4\), got \(0, 4, 4\)"):
        sample_distance_test(x[:0], PIGMM.iid(4, 1.0), fitted=False)
    with pytest.raises(ValueError, match="replicates"):
        sample_distance_test(x, x, replicates=0)
    with pytest.raises(ValueError, match="finite"):
        sample_wasserstein(np.full((5, 4, 4), np.nan), x)
