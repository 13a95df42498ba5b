"""Null bands of distances between fits, against fits to simulated matrices."""

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    distance_test,
    distances_to,
    hellinger_distance,
    kl_divergence,
    wasserstein_distance,
)


def fits(model, count, ensembles, seed):
    matrices = model.sample(count * ensembles, seed).reshape(ensembles, count, *model.space.shape)
    return [PIGMM.fit(ensemble) for ensemble in matrices]


def test_band_is_that_of_simulated_fits(random_model):
    law = random_model(5, seed=1)
    p, q = fits(law, 30, 200, seed=2), fits(law, 50, 200, seed=3)
    simulated = [wasserstein_distance(a, b) for a, b in zip(p, q, strict=True)]
    row = distance_test(p[0], q[0], 30, 50, replicates=200)
    assert row.distance == simulated[0]
    assert row.null_mean == pytest.approx(np.mean(simulated), rel=0.15)
    inside = np.mean([row.null_lower < value < row.null_upper for value in simulated])
    assert abs(inside - 0.9) < 0.1


@pytest.mark.parametrize("distance", [wasserstein_distance, kl_divergence, hellinger_distance])
def test_p_values_are_uniform_under_equality(distance, random_model):
    law = random_model(4, seed=1)
    p, q = fits(law, 20, 40, seed=2), fits(law, 20, 40, seed=3)
    two = [
        distance_test(a, b, 20, 20, distance=distance, replicates=19, seed=k).p_value
        for k, (a, b) in enumerate(zip(p, q, strict=True))
    ]
    one = [distance_test(a, law, 20, None, distance=distance, replicates=19, seed=k).p_value for k, a in enumerate(p)]
    for values in (two, one):
        assert scipy.stats.kstest(values, "uniform").pvalue > 1e-3


def test_a_movement_is_seen(random_model):
    law = PIGMM.iid(5, 1.0)
    moved = PIGMM.iid(5, 1.3)
    a, b = (PIGMM.fit(model.sample(200, seed=0)) for model in (law, moved))
    assert distance_test(a, b, 200, 200, replicates=99).p_value == 0.01
    table = distances_to({("weight_1", 0.0): a, ("weight_1", 1.0): b}, law, 200, replicates=99)
    assert table.index.names == ["layer", "epoch"]
    assert table.p_value["weight_1", 1.0] == 0.01
    assert table.p_value["weight_1", 0.0] > 0.01
    assert (table.null_lower < table.null_mean).all()
    assert (table.null_mean < table.null_upper).all()


def test_seeds():
    law = PIGMM.iid(4, 1.0)
    rows = [distance_test(law, law, 10, 10, replicates=20, seed=seed) for seed in (1, 1, 2)]
    assert rows[0].equals(rows[1])
    assert not rows[0].equals(rows[2])


def test_bad_input():
    law = PIGMM.iid(4, 1.0)
    with pytest.raises(ValueError, match="same space"):
        distance_test(law, PIGMM.iid(5, 1.0), 10, 10)
    with pytest.raises(ValueError, match="count must be an integer of at least 3, got 2"):
        distance_test(law, law, 2, 10)
    with pytest.raises(ValueError, match="replicates"):
        distance_test(law, law, 10, 10, replicates=0)
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
        distance_test(law, law, 10, 10, level=95)
    with pytest.raises(ValueError, match="models must be one or more"):
        distances_to({}, law, 10)
