"""Tests of signs: their statistic against fits of flipped matrices, their size whatever the entries, their power."""

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    nested_models,
    sign_test,
)
from pigmm.fitting.tests_of_models.symmetry import random_signs

CASES = [
    (SquareSpace(5), False),
    (SquareSpace(5), True),
    (RectangularSpace(3, 5), True),
    (SymmetricSpace(5), False),
    (SymmetricSpace(5, diagonal=False), False),
    (MultiMatrixSpace(2, 5), False),
]


@pytest.mark.parametrize(("space", "independent"), CASES)
def test_the_statistic_is_that_of_the_nested_models(space, independent, generic):
    matrices = generic(space, 0).sample(60, seed=1)
    found = sign_test(matrices, space=space, independent=independent, replicates=9)
    table = nested_models(matrices, space=space, replicates=1)
    name = "B_M x B_N" if independent else "B_N"
    ratio = 2 * (table.log_likelihood.iloc[-1] - table.log_likelihood[name])
    assert found.likelihood_ratio == pytest.approx(ratio, rel=1e-8)
    assert found.degrees_of_freedom == table.parameters.iloc[-1] - table.parameters[name]
    assert found.p_value == 0.1  # a generic model is far from it


@pytest.mark.parametrize(("space", "independent"), CASES)
def test_matrices_with_signs_have_those_signs_and_leave_the_smaller_model_alone(space, independent, generic):
    matrices = generic(space, 0).sample(20, seed=1)
    signed = random_signs._with_signs(matrices, 3, independent, np.random.default_rng(0))
    assert signed.shape == (3, *matrices.shape)
    np.testing.assert_array_equal(np.abs(signed), np.abs(matrices)[None].repeat(3, axis=0))
    ratios = np.sign(signed[0] * matrices)
    first = ratios[..., :1, :] * ratios[..., :, :1] * ratios[..., :1, :1]
    nonzero = matrices != 0
    assert (ratios[nonzero] == first[nonzero]).all() or space == SymmetricSpace(5, diagonal=False)
    name = "B_M x B_N" if independent else "B_N"
    before, after = (nested_models(m, space=space, replicates=1).log_likelihood[name] for m in (matrices, signed[1]))
    assert after == pytest.approx(before, rel=1e-10)


@pytest.mark.parametrize(("space", "independent"), CASES)
def test_size_whatever_the_law_of_the_entries(space, independent):
    """Skewed scales, heavy tails, signs at random: p-values are uniform on their 20 values."""
    rng = np.random.default_rng(0)
    p_values = []
    for seed in range(200):
        matrices = rng.standard_t(3, size=(12, *space.shape)) * rng.exponential(size=(12, *(1,) * len(space.shape)))
        if isinstance(space, SymmetricSpace):
            matrices = matrices + matrices.swapaxes(1, 2)
            matrices *= 1 if space.diagonal else 1 - np.eye(5)
        elif not independent:
            matrices = matrices + 2 * np.eye(space.shape[-1])  # which diagonal signs leave alone
        p_values.append(sign_test(matrices, space=space, independent=independent, replicates=19, seed=seed).p_value)
    counts = np.bincount(np.round(20 * np.array(p_values)).astype(int), minlength=21)[1:]
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_power_against_a_mean_and_against_a_hub():
    matrices = PIGMM.iid(10, 1.0).sample(50, seed=0)
    assert sign_test(matrices + 0.1, replicates=199).p_value == 0.005
    hubs = matrices.copy()
    hubs += 0.8 * np.random.default_rng(1).normal(size=(50, 10, 1))  # rows whose entries have one sign
    assert sign_test(hubs, replicates=199).p_value == 0.005
    assert sign_test(matrices, replicates=199).p_value > 0.05
    # independent signs are more than those of units that label both sides
    assert sign_test(matrices + 0.5 * np.eye(10), replicates=199).p_value > 0.05
    assert sign_test(matrices + 0.5 * np.eye(10), independent=True, replicates=199).p_value == 0.005


def test_seed_and_bad_input():
    matrices = PIGMM.iid(5, 1.0).sample(20, seed=0)
    first, second = (sign_test(matrices, replicates=99, seed=3) for _ in range(2))
    assert first.equals(second)
    assert sign_test(1e-150 * matrices, replicates=99, seed=3).p_value == first.p_value
    symmetric = matrices + matrices.swapaxes(1, 2)
    with pytest.raises(ValueError, match="independent must be False for SymmetricSpace"):
        sign_test(symmetric, space=SymmetricSpace(5), independent=True)
    with pytest.raises(ValueError, match="matrices must be at least 3 for a fit, got 2"):
        sign_test(matrices[:2])
    with pytest.raises(ValueError, match="replicates must be an integer of at least 1"):
        sign_test(matrices, replicates=0)
