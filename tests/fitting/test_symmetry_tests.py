"""Tests of S_N x S_N that assume no law: against slow twins, their sizes and their power."""

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    SquareSpace,
    SymmetricSpace,
    randomisation_test,
    wald_tests,
)
from pigmm.fitting.tests_of_models.symmetry import permuted_columns
from pigmm.fitting.tests_of_models.symmetry import symmetry as symmetry_tests
from pigmm.fitting.tests_of_models.symmetry.restrictions import restrictions
from pigmm.fitting.tests_of_models.symmetry.symmetry import symmetry_p_values

NAMES = PIGMM.iid(4, 1.0).names


def eight_constraints():
    rows = np.zeros((8, 13))
    for row, name in zip(rows, ["mu_2", "G0_12", "GH_12", "GH_13", "GH_23"], strict=False):
        row[NAMES.index(name)] = 1
    for row, name in zip(rows[5:], ["G0_22", "GH_33", "G2"], strict=True):
        row[NAMES.index(name)], row[NAMES.index("G3")] = 1, -1
    return rows


def test_wald_test_of_independent_permutations_is_that_of_the_eight_constraints(random_model):
    matrices = random_model(5, seed=1).sample(60, seed=2)
    model, constraints = PIGMM.fit(matrices), eight_constraints()
    own = next(r for r in restrictions(SquareSpace(5)) if r.name == "S_N x S_N").constraints
    assert np.linalg.matrix_rank(np.vstack([own, constraints]), tol=1e-9) == 8
    estimate = constraints @ model.parameters
    spread = np.cov(model.influence(matrices) @ constraints.T, rowvar=False)
    wald = 60 * estimate @ np.linalg.inv(spread) @ estimate
    row = wald_tests(matrices).loc["S_N x S_N"]
    assert (row.constraints, row.wald) == (8, pytest.approx(wald, rel=1e-8))
    assert row.f == pytest.approx(52 / (8 * 59) * wald, rel=1e-8)
    assert row.p_value == pytest.approx(scipy.stats.f.sf(row.f, 8, 52), rel=1e-6)


@pytest.mark.parametrize("law", ["normal", "student"])
def test_size_of_the_wald_test(law):
    """At n = 200 near its level, whatever the entries (the chi^2 law instead of Hotelling's F would give 8 to 9%)."""
    rng = np.random.default_rng(0)
    shape = (200, 200, 5, 5)
    ensembles = rng.normal(size=shape) if law == "normal" else rng.standard_t(5, size=shape)
    p = np.array([wald_tests(ensemble).p_value["S_N x S_N"] for ensemble in ensembles])
    assert 0.01 < (p < 0.05).mean() < 0.12


def test_wald_tests_need_more_matrices_than_constraints():
    table = wald_tests(PIGMM.iid(5, 1.0).sample(9, seed=0))
    assert table.p_value.notna().to_dict() == {
        "iid, zero mean": False,
        "B_M x B_N": False,
        "iid": False,
        "S_N x S_N, transpose": False,
        "S_N x S_N": True,
        "independent, diagonal apart": False,
        "B_N": True,
        "S_N, transpose": True,
    }


def test_tests_at_any_scale():
    matrices = np.random.default_rng(0).standard_t(5, size=(40, 5, 5))
    for scale in (1e-140, 1e140):
        np.testing.assert_allclose(wald_tests(scale * matrices).p_value, wald_tests(matrices).p_value, rtol=1e-6)
        assert (
            randomisation_test(scale * matrices, replicates=49).p_value
            == randomisation_test(matrices, replicates=49).p_value
        )


def test_permuted_estimates_are_fits_to_permuted_matrices(random_model):
    rng = np.random.default_rng(0)
    matrices = random_model(6, seed=1).sample(8, seed=2)
    sigma = rng.permuted(np.broadcast_to(np.arange(6), (4, 8, 6)), axis=-1)
    moments = permuted_columns.permuted_moments(permuted_columns.column_parts(matrices), sigma)
    for number, own in enumerate(sigma):
        columns = np.array([matrix[:, s] for matrix, s in zip(matrices, own, strict=True)])
        # any joint permutation besides changes nothing: rows and columns are permuted independently
        joint = [rng.permutation(6) for _ in matrices]
        both = np.array([matrix[s][:, s] for matrix, s in zip(columns, joint, strict=True)])
        fit = PIGMM.fit(both)
        for found, expected in zip(moments, fit.covariances, strict=True):
            np.testing.assert_allclose(found[number], expected, rtol=1e-9, atol=1e-12)


def test_randomisation_is_seeded_and_does_not_depend_on_chunks(monkeypatch):
    matrices = np.random.default_rng(0).normal(size=(30, 5, 5))
    first = randomisation_test(matrices, replicates=200, seed=1)
    monkeypatch.setattr(permuted_columns, "_CHUNK_ENTRIES", 7 * 30 * 25)
    assert randomisation_test(matrices, replicates=200, seed=1).equals(first)
    assert randomisation_test(matrices, replicates=200, seed=2).p_value != first.p_value


def test_heavy_tails_mislead_the_likelihood_ratio_alone():
    """Iid entries of Student's t have every symmetry, and no Gaussian law."""
    ensembles = np.random.default_rng(1).standard_t(3, size=(40, 200, 5, 5))
    p = [symmetry_p_values(ensemble, seed=k, replicates=19) for k, ensemble in enumerate(ensembles)]
    rejected = {name: np.mean([own[name] <= 0.05 for own in p]) for name in p[0]}
    assert rejected["likelihood ratio, chi2"] > 0.3
    assert rejected["likelihood ratio, bootstrap"] > 0.3
    assert rejected["wald"] < 0.2
    assert rejected["randomisation"] < 0.15


def test_randomisation_is_exact_for_few_matrices():
    ensembles = np.random.default_rng(2).standard_t(3, size=(400, 4, 4, 4))
    p = np.array([randomisation_test(ensemble, replicates=19, seed=k).p_value for k, ensemble in enumerate(ensembles)])
    assert abs((p <= 0.05).mean() - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 400)
    assert abs(p.mean() - 0.525) < 4 / np.sqrt(12 * 400)  # uniform on 1/20, ..., 1


def test_one_exchangeable_side_is_enough():
    """An output layer: rows are classes, columns hidden units."""
    rng = np.random.default_rng(3)
    p = []
    for seed in range(100):
        matrices = rng.normal(size=(20, 4, 4)) * np.array([0.2, 1, 1, 3])[:, None] + np.arange(4)[:, None]
        p.append(randomisation_test(matrices, replicates=19, seed=seed).p_value)
    assert (np.array(p) <= 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 100)


def test_joint_symmetry_is_told_from_independent_one(random_model):
    matrices = random_model(6, seed=1).sample(100, seed=2)
    assert randomisation_test(matrices, replicates=99).p_value == 0.01
    assert wald_tests(matrices).p_value["S_N x S_N"] < 1e-4


def test_bad_input():
    with pytest.raises(ValueError, match="replicates must be an integer of at least 1, got 0"):
        randomisation_test(np.ones((5, 4, 4)), replicates=0)
    with pytest.raises(ValueError, match="square"):
        randomisation_test(np.ones((5, 4, 3)))
    with pytest.raises(ValueError, match="at least 3"):
        randomisation_test(np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match="finite"):
        wald_tests(np.full((9, 4, 4), np.inf))


def test_p_values_of_square_matrices_only():
    matrices = PIGMM.iid(5, 1.0).sample(30, seed=0)
    given = symmetry_p_values(matrices, space=SquareSpace(5), replicates=19, seed=1)
    assert given == symmetry_p_values(matrices, replicates=19, seed=1)
    with pytest.raises(ValueError, match=r"space must be SquareSpace\(size=5\)"):
        symmetry_p_values(matrices, space=SymmetricSpace(5))
    with pytest.raises(ValueError, match="square"):
        symmetry_p_values(np.ones((30, 4, 5)))
    with pytest.raises(TypeError, match="positional"):
        symmetry_p_values(matrices, 1)


def test_p_values_are_of_numbers():
    with pytest.raises(ValueError, match="statistics must be numbers, got 1 NaN"):
        symmetry_tests.randomisation_p_value(np.array([np.nan, 1.0, 2.0]))


def test_rectangular_matrices_have_wald_tests_of_their_own():
    matrices = BlockGaussian.fit(np.random.default_rng(0).normal(size=(50, 3, 4))).sample(100, seed=0)
    assert wald_tests(matrices).constraints.to_dict() == {"iid, zero mean": 4, "B_M x B_N": 4, "iid": 3}
