"""Distances: against independent values, dense formulas, and POT."""

import numpy as np
import pytest

from pigmm.fitting import PIGMM, kl_divergence, wasserstein_distance, wasserstein_distance_squared


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


def test_different_spaces_are_refused(random_model):
    with pytest.raises(ValueError, match="same space"):
        wasserstein_distance(random_model(4, seed=1), random_model(5, seed=1))
