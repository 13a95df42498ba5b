"""Intervals of distances, distances to independent entries, and which of two ensembles is farther: calibration."""

import numpy as np
import pytest
import scipy.stats
from scipy.optimize import brentq

from pigmm.fitting import (
    PIGMM,
    distance_interval,
    distance_test,
    distance_to_independent,
    farther_test,
    restricted_fits,
    sample_estimates,
    wasserstein_distance,
)
from pigmm.fitting.distances.paths import on_path

ENSEMBLES = 24
DRAWS = 19


def fits(law, count, seed):
    """Fits to `count` matrices of a law each, by the exact law of fits."""
    return [law.from_space(law.space, row) for row in sample_estimates(law, count, ENSEMBLES, seed)]


def test_paths_join_the_models_and_go_on(random_model):
    p, q = random_model(5, seed=1), random_model(5, seed=2)
    np.testing.assert_allclose(on_path(p, q, 0).parameters, p.parameters, atol=1e-12)
    np.testing.assert_allclose(on_path(p, q, 1).parameters, q.parameters, atol=1e-12)
    np.testing.assert_allclose(on_path(q, p, 0.3).parameters, on_path(p, q, 0.7).parameters, atol=1e-12)
    places = [0.0, 0.5, 1.0, 2.0, 4.0]
    assert (np.diff([wasserstein_distance(p, on_path(p, q, place)) for place in places]) > 0).all()


def test_distances_to_independent_entries_are_calibrated():
    """p-values are uniform for independent entries; the plain test against the nearest model is far from it."""
    law = PIGMM.iid(5, variance=2.0, mean=0.5)
    found = fits(law, 20, seed=1)
    p = [distance_to_independent(fit, 20, replicates=DRAWS, seed=k).p_value for k, fit in enumerate(found)]
    assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3
    assert distance_to_independent(PIGMM.iid(5, 1.0), 20, replicates=DRAWS).distance < 1e-12


def test_dependent_entries_are_not_independent(random_model):
    fit = PIGMM.fit(random_model(5, seed=1).sample(60, seed=0))
    row = distance_to_independent(fit, 60, replicates=DRAWS)
    assert row.p_value == 1 / (DRAWS + 1)
    assert row.distance == wasserstein_distance(fit, PIGMM(5, restricted_fits(fit, 60)["iid"].parameters))


@pytest.mark.parametrize("submodel", ["iid, zero mean", "iid", "S_N x S_N", "S_N, transpose"])
def test_two_fits_of_the_same_matrices_are_refused(submodel):
    """Such distances are smaller than those of independent fits, and would never be called large."""
    matrices = PIGMM.iid(5, variance=1.0).sample(50, seed=0)
    full, small = PIGMM.fit(matrices), restricted_fits(matrices)[submodel]
    for p, q, count in ((full, small, 50), (full, small, None), (small, full, 50)):
        with pytest.raises(ValueError, match=rf'got [pq] the fit of "{submodel}" to the matrices of [pq]'):
            distance_test(p, q, 50, count, replicates=9)
        with pytest.raises(ValueError, match="fits of different matrices"):
            distance_interval(p, q, 50, count, replicates=9)
    other = restricted_fits(PIGMM.iid(5, variance=1.0).sample(50, seed=1))[submodel]
    assert distance_test(full, other, 50, 50, replicates=9).p_value >= 0.1


@pytest.mark.parametrize(("place", "given"), [(0.05, True), (0.05, False), (1.0, False)])
def test_intervals_hold_the_true_distance(place, given, random_model):
    """Near zero, where fits are three times as far apart as their populations, and far: 80 % of intervals do."""
    p = random_model(5, seed=1)
    q = on_path(p, random_model(5, seed=2), place)
    true = wasserstein_distance(p, q)
    first, second = fits(p, 40, seed=1), [q] * ENSEMBLES if given else fits(q, 80, seed=2)
    rows = [
        distance_interval(a, b, 40, None if given else 80, replicates=DRAWS, seed=k, level=0.8)
        for k, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    below, above = (sum(row.lower > true for row in rows), sum(row.upper < true for row in rows))
    # more than 6 of 24 have a probability of 1 % if one in ten is expected
    assert below <= 6
    assert above <= 6
    widths = np.array([row.upper - row.lower for row in rows])
    assert widths.max() < 1.5
    if place == 0.05:
        assert np.mean([row.distance for row in rows]) > 2 * true
        assert np.mean([row.lower == 0 for row in rows]) > 0.6
    else:
        assert below + above >= 1
        assert all(row.lower < row.distance for row in rows)


def test_intervals_reach_zero_where_the_test_does_not_reject(random_model):
    law = random_model(4, seed=1)
    for seed in range(4):
        a, b = PIGMM.fit(law.sample(30, seed=2 * seed)), PIGMM.fit(law.sample(30, seed=2 * seed + 1))
        row = distance_interval(a, b, 30, 30, replicates=DRAWS, level=0.9)
        p_value = distance_test(a, b, 30, 30, replicates=199).p_value
        assert (row.lower == 0) == (p_value > 0.05) or abs(p_value - 0.05) < 0.04


def test_the_farther_of_two_is_judged_without_bias(random_model):
    """Two laws equally far from a reference, fitted to 30 and 120 matrices: p-values are uniform."""
    far = 0.2
    reference, *ends = (random_model(5, seed=seed) for seed in (1, 2, 3))
    laws = [
        on_path(
            reference,
            end,
            brentq(lambda x, end=end: wasserstein_distance(reference, on_path(reference, end, x)) - far, 0, 4),
        )
        for end in ends
    ]
    rows = [
        farther_test(p, q, reference, 30, 120, replicates=DRAWS, seed=k)
        for k, (p, q) in enumerate(zip(fits(laws[0], 30, seed=1), fits(laws[1], 120, seed=2), strict=True))
    ]
    assert scipy.stats.kstest([row.p_value for row in rows], "uniform").pvalue > 1e-3
    assert min(row.difference for row in rows) > 0  # for 30 matrices are noisier than 120


def test_the_farther_of_two_is_found():
    law = PIGMM.iid(5, variance=1.0)
    near, far = (PIGMM.fit(PIGMM.iid(5, variance).sample(100, seed=0)) for variance in (1.5, 2.5))
    one, other = (
        farther_test(far, near, law, 100, 100, replicates=99),
        farther_test(near, far, law, 100, 100, replicates=99),
    )
    assert one.p_value == other.p_value == 0.02
    assert one.difference == -other.difference == one.p_distance - one.q_distance > one.null_upper
    fitted = farther_test(far, near, PIGMM.fit(law.sample(50, seed=1)), 100, 100, 50, replicates=99)
    assert fitted.p_value == 0.02


def test_bad_input():
    law, other = PIGMM.iid(4, 1.0), PIGMM.iid(4, 2.0)
    with pytest.raises(ValueError, match="got equal models"):
        distance_interval(law, law, 10, 10)
    with pytest.raises(ValueError, match="q must be another model than the reference"):
        farther_test(other, law, law, 10, 10)
    with pytest.raises(ValueError, match="same space"):
        farther_test(other, PIGMM.iid(5, 1.0), law, 10, 10)
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
        distance_interval(law, other, 10, 10, level=95)
    with pytest.raises(ValueError, match="replicates"):
        distance_to_independent(law, 10, replicates=0)
    with pytest.raises(ValueError, match="distance must grow along the path"):
        distance_interval(law, other, 10, 10, distance=lambda p, q: 1.0 + (p is law), replicates=3)
