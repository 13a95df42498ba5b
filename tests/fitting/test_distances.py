"""Distances: against independent values, dense formulas, and POT."""

import numpy as np
import pytest
from mpmath import det, log, matrix, mp, mpf

from pigmm.fitting import (
    PIGMM,
    bhattacharyya_distance,
    hellinger_distance,
    jeffreys_divergence,
    kl_divergence,
    wasserstein_distance,
    wasserstein_distance_squared,
)
from pigmm.fitting.model.blocks import parameters_from_blocks


def test_golden_distances(golden):
    for case in golden("distances")["cases"]:
        p, q = PIGMM(case["size"], case["p"]), PIGMM(case["size"], case["q"])
        assert wasserstein_distance_squared(p, q) == pytest.approx(case["wasserstein2_squared"], rel=1e-8)
        assert wasserstein_distance(p, q) == pytest.approx(case["wasserstein2_squared"] ** 0.5, rel=1e-8)
        assert kl_divergence(p, q) == pytest.approx(case["kl_p_q"], rel=1e-8)
        assert kl_divergence(q, p) == pytest.approx(case["kl_q_p"], rel=1e-8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")  # of POT's optional backends
@pytest.mark.parametrize("size", [4, 6])
def test_against_pot(size, random_model):
    import ot

    p, q = random_model(size, seed=1), random_model(size, seed=2)
    dense = [(m.mean.ravel(), m.covariance.reshape(size**2, size**2)) for m in (p, q)]
    expected = ot.gaussian.bures_wasserstein_distance(dense[0][0], dense[1][0], dense[0][1], dense[1][1])
    assert wasserstein_distance(p, q) == pytest.approx(float(expected), rel=1e-8)


def test_a_model_is_at_no_distance_from_itself(random_model):
    model = random_model(10, seed=1)
    assert wasserstein_distance(model, model) < 1e-13
    assert abs(kl_divergence(model, model)) < 1e-12


def test_small_distances_keep_their_digits():
    """Two iid models of standard deviations 1 and 1 + 1e-9 are N * 1e-9 apart."""
    p, q = PIGMM.iid(10, 1.0), PIGMM.iid(10, (1 + 1e-9) ** 2)
    assert wasserstein_distance(p, q) == pytest.approx(1e-8, rel=1e-6)


def test_small_divergences_keep_their_digits():
    """Variances 1 and 1 + e of N^2 entries are N^2 e^2 / 4 apart, to leading order."""
    found = kl_divergence(PIGMM.iid(10, 1.0), PIGMM.iid(10, 1.0 + 1e-7))
    assert found == pytest.approx(100 * 1e-14 / 4, rel=1e-5)


def test_divergence_by_monte_carlo(random_model):
    p, q = random_model(5, seed=3), random_model(5, seed=4)
    matrices = p.sample(20_000, seed=0)
    ratio = p.log_prob(matrices) - q.log_prob(matrices)
    assert abs(ratio.mean() - kl_divergence(p, q)) < 5 * ratio.std() / np.sqrt(len(ratio))


@pytest.mark.parametrize("size", [4, 6])
def test_symmetric_divergences_by_dense_formulas(size, random_model):
    p, q = random_model(size, seed=1), random_model(size, seed=2)
    (a, b), shift = (m.covariance.reshape(size**2, size**2) for m in (p, q)), (p.mean - q.mean).ravel()
    average = (a + b) / 2
    logs = [np.linalg.slogdet(matrix)[1] for matrix in (average, a, b)]
    expected = shift @ np.linalg.solve(average, shift) / 8 + (logs[0] - (logs[1] + logs[2]) / 2) / 2
    assert bhattacharyya_distance(p, q) == pytest.approx(expected, rel=1e-8)
    assert bhattacharyya_distance(q, p) == pytest.approx(expected, rel=1e-8)
    assert hellinger_distance(p, q) == pytest.approx(np.sqrt(1 - np.exp(-expected)), rel=1e-8)
    assert jeffreys_divergence(p, q) == pytest.approx(kl_divergence(p, q) + kl_divergence(q, p), rel=1e-8)


def test_affinity_by_monte_carlo():
    """exp(-Bhattacharyya) is the mean of sqrt(q / p) under p, at most 1."""
    p, q = PIGMM.iid(4, 1.0), PIGMM.iid(4, 1.3, mean=0.1)
    matrices = p.sample(50_000, seed=0)
    roots = np.exp((q.log_prob(matrices) - p.log_prob(matrices)) / 2)
    assert abs(roots.mean() - np.exp(-bhattacharyya_distance(p, q))) < 5 * roots.std() / np.sqrt(len(roots))


def test_small_symmetric_divergences_keep_their_digits():
    """Variances 1 and 1 + e of N^2 entries: Jeffreys N^2 e^2 / 2, Bhattacharyya N^2 e^2 / 16, to leading order."""
    p, q, e = PIGMM.iid(10, 1.0), PIGMM.iid(10, 1.0 + 1e-9), 1e-9
    assert jeffreys_divergence(p, q) == pytest.approx(100 * e**2 / 2, rel=1e-6)
    assert bhattacharyya_distance(p, q) == pytest.approx(100 * e**2 / 16, rel=1e-6)
    assert hellinger_distance(p, q) == pytest.approx(10 * e / 4, rel=1e-6)


DISTANCES = [
    wasserstein_distance,
    kl_divergence,
    jeffreys_divergence,
    bhattacharyya_distance,
    hellinger_distance,
]


@pytest.mark.parametrize("distance", DISTANCES)
def test_different_spaces_are_refused(distance, random_model):
    with pytest.raises(ValueError, match="same space"):
        distance(random_model(4, seed=1), random_model(5, seed=1))


@pytest.mark.parametrize("distance", DISTANCES)
def test_every_distance_vanishes_between_equals_only(distance, random_model):
    p, q = random_model(5, seed=1), random_model(5, seed=2)
    assert abs(distance(p, p)) < 1e-12
    assert distance(p, q) > 0.1


def exact_divergences(p, q):
    """KL, Jeffreys and Bhattacharyya in 120 digits."""
    mp.dps = 120
    total = [mpf(0)] * 3
    for d, *blocks in zip(p.dimensions, p.covariances, q.covariances, strict=True):
        a, b = (matrix([[mpf(float(x)) for x in row] for row in block]) for block in blocks)
        there, back = (sum((x**-1 * y)[i, i] for i in range(len(a))) - len(a) for x, y in ((b, a), (a, b)))
        logs = [log(det(x)) for x in (a, b, (a + b) / 2)]
        own = (there - logs[0] + logs[1], there + back, logs[2] - (logs[0] + logs[1]) / 2)
        total = [sum_ + mpf(d) / 2 * term for sum_, term in zip(total, own, strict=True)]
    return [float(value) for value in total]


@pytest.mark.parametrize("decades", [0, 8, 16, 40, 100])
@pytest.mark.parametrize("nearness", [None, 0.3, 1e-3, 1e-8])
def test_divergences_keep_their_digits_at_all_ratios(decades, nearness):
    """Of correlated blocks whose copies differ by many orders of magnitude, and of models next to each other."""
    rng = np.random.default_rng(decades)

    def model():
        blocks = []
        for copies in (2, 3, 1, 1):
            roots, scale = rng.normal(size=(copies, 6)), 10.0 ** (-decades / 2 * rng.uniform(size=copies))
            blocks.append(roots @ roots.T * np.outer(scale, scale))
        return PIGMM(6, parameters_from_blocks(np.zeros(2), blocks))

    p = model()
    q = model() if nearness is None else PIGMM(6, p.parameters * (1 + nearness))
    found = [divergence(p, q) for divergence in (kl_divergence, jeffreys_divergence, bhattacharyya_distance)]
    np.testing.assert_allclose(found, exact_divergences(p, q), rtol=1e-13)


def test_divergences_of_iid_models_beyond_the_digits_of_their_ratio():
    """16 entries of variances 1e-17 and 1: 4 log((1 + r)^2 / 4 r)."""
    found = bhattacharyya_distance(PIGMM.iid(4, 1e-17), PIGMM.iid(4, 1.0))
    assert found == pytest.approx(4 * (17 * np.log(10) - np.log(4)), rel=1e-14)
    assert np.isfinite(kl_divergence(PIGMM.iid(4, 1e-200), PIGMM.iid(4, 1.0)))
