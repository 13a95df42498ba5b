"""Nested models: closed forms against direct fits and maximisation, and the laws of their tests."""

import itertools
from math import log

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    model_ladder,
    nested_models,
    restricted_fits,
)
from pigmm.fitting.model.sampling_law import sample_estimates
from pigmm.fitting.model.sufficient_statistics import SufficientStatistics
from pigmm.fitting.tests_of_models.symmetry.nested_models import statistics_of_fit
from pigmm.fitting.tests_of_models.symmetry.restrictions import log_determinant, restrictions, unpacked

SPACES = [
    SquareSpace(5),
    RectangularSpace(3, 5),
    SymmetricSpace(5),
    SymmetricSpace(5, diagonal=False),
    MultiMatrixSpace(2, 4),
]


@pytest.mark.parametrize("space", SPACES)
def test_likelihoods_are_those_of_the_models_and_stationary(space, generic):
    """At a restricted fit no direction that is free changes the likelihood to first order, and none raises it."""
    matrices = generic(space, seed=1).sample(40, seed=2)
    table, models = model_ladder(matrices, space=space, replicates=1), restricted_fits(matrices, space=space)
    assert list(models) == list(table.index)
    for submodel in restrictions(space):
        model = models[submodel.name]
        best = model.log_prob(matrices).sum()
        assert table.log_likelihood[submodel.name] == pytest.approx(best, rel=1e-10)
        assert table.parameters[submodel.name] == np.linalg.matrix_rank(submodel.directions)
        np.testing.assert_allclose(
            submodel.constraints @ model.parameters, 0, atol=1e-9 * np.abs(model.parameters).max()
        )
        for direction in submodel.directions:
            step = 1e-4 * np.abs(model.parameters).max() * direction
            moved = [BlockGaussian(space, model.parameters + s * step).log_prob(matrices).sum() - best for s in (-1, 1)]
            assert max(moved) < 0
            assert abs(moved[0] - moved[1]) < 0.02 * abs(min(moved))


@pytest.mark.parametrize("name", ["S_N x S_N", "independent, diagonal apart", "B_N"])
def test_direct_maximisation_finds_no_more(name, random_model):
    matrices = random_model(5, seed=1).sample(30, seed=2)
    submodel = next(r for r in restrictions(SquareSpace(5)) if r.name == name)
    model = restricted_fits(matrices)[name]

    def loss(coefficients):
        try:
            return -PIGMM(5, coefficients @ submodel.directions).log_prob(matrices).sum()
        except ValueError:
            return np.inf

    start = PIGMM.iid(5, variance=float(matrices.var())).parameters @ np.linalg.pinv(submodel.directions)
    options = {"maxfev": 4000, "xatol": 1e-7, "fatol": 1e-9}
    found = scipy.optimize.minimize(loss, start, method="Nelder-Mead", options=options)
    assert -found.fun == pytest.approx(model.log_prob(matrices).sum(), abs=1e-6)
    np.testing.assert_allclose(found.x @ submodel.directions, model.parameters, atol=1e-3)


def test_likelihood_ratio_of_independent_permutations_in_closed_form(random_model):
    """The 5 parameters within the 13, from the fitted vector alone."""
    size, n = 6, 50
    matrices = random_model(size, seed=3).sample(n, seed=4)
    model = PIGMM.fit(matrices)
    f, (_, _, d2, d3) = model.parameters, model.dimensions
    common = (f[4] + f[1] ** 2 + (size - 1) * f[10] + d2 * f[11] + d3 * f[12]) / (size - 1) ** 2
    dets = [np.linalg.slogdet(block)[1] for block in model.covariances[:2]]
    expected = n * (
        log(f[2])
        + (size - 1) * (log(f[5]) + log(f[8]))
        + (size - 1) ** 2 * log(common)
        - dets[0]
        - (size - 1) * dets[1]
        - d2 * log(f[11])
        - d3 * log(f[12])
    )
    row = model_ladder(matrices, replicates=1).loc["S_N x S_N"]
    assert row.likelihood_ratio == pytest.approx(expected, rel=1e-10)
    assert (row.against, row.degrees_of_freedom) == ("S_N", 8)
    assert row.p_chi2 == pytest.approx(scipy.stats.chi2.sf(expected, 8))


@pytest.mark.parametrize(
    "space", [SquareSpace(5), SymmetricSpace(5), SymmetricSpace(5, diagonal=False), MultiMatrixSpace(2, 5)]
)
def test_the_model_of_signed_permutations_is_all_that_they_leave_alone(space, generic):
    """Its law is the average of the full one over the whole group, 3840 signed permutations of 5 units."""
    full = generic(space, seed=1)
    own = restricted_fits(full, 100)["B_N"]
    entries = int(np.prod(space.shape))
    mean, moment = np.zeros(entries), np.zeros((entries, entries))
    about = full.covariance.reshape(entries, entries) + np.outer(full.mean, full.mean)
    for signs in itertools.product([-1.0, 1.0], repeat=5):
        for order in itertools.permutations(range(5)):
            places = np.arange(entries).reshape(space.shape)[..., np.array(order)[:, None], np.array(order)].ravel()
            factors = np.broadcast_to(np.outer(signs, signs), space.shape).ravel()
            mean += factors * full.mean.ravel()[places]
            moment += factors[:, None] * about[np.ix_(places, places)] * factors
    mean, moment = mean / 3840, moment / 3840
    np.testing.assert_allclose(own.mean.ravel(), mean, atol=1e-9)
    np.testing.assert_allclose(own.covariance.reshape(entries, entries), moment - np.outer(mean, mean), atol=1e-9)


def test_rungs_are_what_they_are_called(random_model):
    matrices = random_model(5, seed=3).sample(50, seed=4)
    models = restricted_fits(matrices)
    rectangular = BlockGaussian.fit(matrices, RectangularSpace(5, 5))
    np.testing.assert_allclose(models["S_N x S_N"].log_prob(matrices), rectangular.log_prob(matrices))
    both = np.concatenate([matrices, matrices.swapaxes(1, 2)])
    np.testing.assert_allclose(models["S_N, transpose"].parameters, PIGMM.fit(both).parameters, atol=1e-12)
    transposed = BlockGaussian.fit(both, RectangularSpace(5, 5))
    np.testing.assert_allclose(models["S_N x S_N, transpose"].log_prob(matrices), transposed.log_prob(matrices))
    iid = PIGMM.iid(5, variance=matrices.var(), mean=matrices.mean())
    np.testing.assert_allclose(models["iid"].parameters, iid.parameters, atol=1e-12)
    zero_mean = PIGMM.iid(5, variance=np.square(matrices).mean())
    np.testing.assert_allclose(models["iid, zero mean"].parameters, zero_mean.parameters, atol=1e-12)
    diagonal = np.eye(5, dtype=bool)
    apart = scipy.stats.norm.logpdf(matrices[:, diagonal], matrices[:, diagonal].mean(), matrices[:, diagonal].std())
    off = matrices[:, ~diagonal]
    expected = apart.sum() + scipy.stats.norm.logpdf(off, off.mean(), off.std()).sum()
    assert models["independent, diagonal apart"].log_prob(matrices).sum() == pytest.approx(expected)


def test_orthogonal_ensemble_and_independent_symmetric_entries(generic):
    space = SymmetricSpace(5)
    matrices = generic(space, seed=1).sample(50, seed=2)
    models = restricted_fits(matrices, space=space)
    rotation = scipy.stats.ortho_group.rvs(5, random_state=0)
    rotated = rotation @ matrices @ rotation.T
    rotated = (rotated + rotated.swapaxes(1, 2)) / 2
    invariant = models["GOE, zero mean"]
    np.testing.assert_allclose(invariant.log_prob(rotated), invariant.log_prob(matrices))
    apart = models["independent, diagonal apart"].covariance
    on, off = np.diagonal(matrices, axis1=1, axis2=2), matrices[:, *np.triu_indices(5, 1)]
    assert apart[0, 0, 0, 0] == pytest.approx(on.var())
    assert apart[0, 1, 0, 1] == apart[0, 1, 1, 0] == pytest.approx(off.var())
    assert apart[0, 1, 0, 2] == pytest.approx(0, abs=1e-12)


def test_independent_matrices_are_fitted_one_by_one(generic):
    matrices = generic(MultiMatrixSpace(2, 4), seed=1).sample(50, seed=2)
    together = restricted_fits(matrices)["independent"].log_prob(matrices).sum()
    apart = sum(PIGMM.fit(matrices[:, k]).log_prob(matrices[:, k]).sum() for k in (0, 1))
    assert together == pytest.approx(apart)


def test_a_model_or_statistics_say_as_much_as_the_matrices(random_model):
    matrices = random_model(5, seed=3).sample(50, seed=4)
    table = model_ladder(matrices, replicates=9)
    for other in (
        model_ladder(PIGMM.fit(matrices), 50, replicates=9),
        model_ladder(SufficientStatistics.of(matrices), replicates=9),
    ):
        np.testing.assert_allclose(other.log_likelihood, table.log_likelihood, rtol=1e-12)
        assert other.p_bootstrap.equals(table.p_bootstrap)
    assert table.aic["iid"] == pytest.approx(4 - 2 * table.log_likelihood["iid"])
    assert table.bic["iid"] == pytest.approx(2 * log(50) - 2 * table.log_likelihood["iid"])


@pytest.mark.parametrize(
    ("count", "fitted"),
    [(1, {"iid, zero mean", "B_M x B_N", "iid", "independent, diagonal apart"}), (2, None), (3, set())],
)
def test_rungs_that_need_more_matrices_are_left_out_with_a_reason(count, fitted):
    table = model_ladder(PIGMM.iid(5, 1.0).sample(count, seed=0), replicates=9)
    if count == 1:
        assert set(table.index[table.left_out == ""]) == fitted
    missing = table[table.left_out != ""]
    assert missing.log_likelihood.isna().all()
    assert len(missing) == {1: 5, 2: 2, 3: 0}[count]
    assert missing.left_out.str.fullmatch(rf"needs [23] matrices, got {count}").all()


def test_matrices_without_some_variance_keep_the_rungs_that_they_have():
    rng = np.random.default_rng(0)
    matrices = rng.uniform(size=(50, 5, 5))
    matrices /= matrices.sum(axis=2, keepdims=True)  # rows that sum to one
    table = model_ladder(matrices, replicates=9)
    assert table.left_out["S_N"].startswith("no variance in V_")
    assert np.isfinite(table.log_likelihood["iid"])
    with pytest.raises(ValueError, match="must vary"):
        model_ladder(np.zeros((5, 4, 4)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": PIGMM.iid(4, 1.0)}, "count must be the number"),
        ({"data": PIGMM.iid(4, 1.0), "count": 2}, "count must be an integer of at least 3, got 2"),
        ({"data": np.ones((5, 4, 4)), "count": 5}, "count must be left out"),
        ({"data": PIGMM.iid(4, 1.0), "count": 9, "space": SquareSpace(5)}, "space must be that"),
        (
            {"data": PIGMM.iid(4, 1.0), "count": 9, "replicates": 0},
            "replicates must be an integer of at least 1, got 0",
        ),
        ({"data": np.full((5, 4, 4), np.nan)}, "finite"),
        ({"data": np.ones((4, 4))}, "shape"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        model_ladder(**arguments)


def test_sizes_of_the_likelihood_ratio(random_model):
    """Under S_N x S_N twice the log ratio is chi^2 with 8 degrees of freedom, but for O(1/n)."""
    model = restricted_fits(random_model(6, seed=1), 100)["S_N x S_N"]
    small, large = (next(r for r in restrictions(model.space) if r.name == name) for name in ("S_N x S_N", "S_N"))
    n, draws = 200, 4000
    estimates = unpacked(model.space, sample_estimates(model, n, draws, seed=0))
    below, above = (log_determinant(model.dimensions, submodel.estimate(*estimates)[1]) for submodel in (small, large))
    ratios = n * (below - above)
    assert ratios.min() > 0
    rejected = (ratios > scipy.stats.chi2.isf(0.05, 8)).mean()
    assert abs(rejected - 0.05) < 0.015


@pytest.mark.parametrize("count", [2, 5])
def test_bootstrap_is_calibrated_for_few_matrices(count):
    """At n = 5 chi^2 rejects S_N x S_N far too often, and the bootstrap does not."""
    name = "S_N x S_N" if count > 2 else "iid"
    ensembles = PIGMM.iid(4, 1.0, mean=0.3).sample(100 * count, seed=count).reshape(100, count, 4, 4)
    p = [model_ladder(ensemble, replicates=39, seed=k).p_bootstrap[name] for k, ensemble in enumerate(ensembles)]
    assert abs(np.mean(p) - 0.5) < 4 / np.sqrt(12 * 100)
    assert np.mean(np.array(p) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 / 100)


def test_the_symmetry_is_found(random_model):
    general = random_model(6, seed=5)
    assert model_ladder(general.sample(200, seed=1), replicates=9).bic.idxmin() == "S_N"
    laws = {
        "iid": PIGMM.iid(6, 1.0, mean=0.3),
        "S_N x S_N": PIGMM(6, [1, 0, 2, 0, 1, 1.5, 0, 0, 0.5, 0, 1, 1, 1]),
        "S_N, transpose": PIGMM(6, [1, 0.5, 2, 0.3, 1, 1.5, 0, 0.2, 1.5, 0.2, 1, 1, 2]),
    }
    for name, law in laws.items():
        table = model_ladder(law.sample(1000, seed=1), replicates=99)
        assert table.bic.idxmin() == name
        assert table.p_bootstrap[name] > 0.01


def test_restricted_fits_keep_scales():
    matrices = PIGMM.iid(5, 1.0, mean=0.3).sample(20, seed=0)
    for scale in (1e-140, 1e140):
        ratio = model_ladder(scale * matrices, replicates=9).likelihood_ratio
        np.testing.assert_allclose(ratio, model_ladder(matrices, replicates=9).likelihood_ratio, rtol=1e-6)


def test_statistics_of_a_fit_are_checked():
    with pytest.raises(ValueError, match="count must be an integer of at least 3, got 2"):
        statistics_of_fit(PIGMM.iid(4, 1.0), 2)


def test_the_ladder_is_another_name_of_nested_models():
    matrices = PIGMM.iid(4, variance=1.0).sample(30, seed=0)
    assert model_ladder(matrices, replicates=5, seed=1).equals(nested_models(matrices, replicates=5, seed=1))
