"""The elliptical model: against scipy's multivariate t, known scales, and exact moments."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from pigmm.fitting import PIGMM, BlockGaussian, EllipticalModel, RectangularSpace, SquareSpace, SymmetricSpace
from pigmm.invariants import evaluate, multigraphs

from .test_mixtures import by_differences

SPACES = [SquareSpace(5), RectangularSpace(3, 5), SymmetricSpace(5)]


@pytest.fixture
def heavy(generic):
    """A generic model with heavy tails and a mean."""
    return EllipticalModel(PIGMM(5, generic(SquareSpace(5), 0).parameters), 6.0)


def test_density_is_that_of_scipy(heavy):
    matrices = heavy.sample(20, seed=0)
    law = scipy.stats.multivariate_t(heavy.base.mean.ravel(), heavy.base.covariance.reshape(25, 25), df=6.0)
    np.testing.assert_allclose(heavy.log_prob(matrices), law.logpdf(matrices.reshape(-1, 25)), rtol=1e-10)


def test_objective_is_that_of_the_density(heavy):
    matrices = heavy.sample(4, seed=1)
    np.testing.assert_allclose(heavy.objective(matrices), by_differences(heavy.log_prob, matrices), rtol=1e-4)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_fit_maximises_the_likelihood(space, generic):
    truth = EllipticalModel(generic(space, 0), 5.0)
    matrices = truth.sample(400, seed=1)
    fitted = EllipticalModel.fit(matrices, space=space)
    best = fitted.log_prob(matrices).sum()
    assert best > truth.log_prob(matrices).sum()
    assert best > BlockGaussian.fit(matrices, space).log_prob(matrices).sum() + 100
    for factor in (0.98, 1.02):
        assert EllipticalModel(fitted.base, factor * fitted.degrees_of_freedom).log_prob(matrices).sum() < best
        for number, value in enumerate(fitted.base.parameters):
            shifted = fitted.base.parameters.copy()
            shifted[number] = value + (factor - 1) * max(abs(value), 0.1)
            other = EllipticalModel(fitted.base.from_space(space, shifted), fitted.degrees_of_freedom)
            assert other.log_prob(matrices).sum() < best + 1e-4


def test_estimates_and_scales_are_those_of_the_law():
    rng = np.random.default_rng(0)
    scales = 1 / np.sqrt(rng.gamma(4.0, 1 / 4.0, size=3000))
    matrices = 0.2 + scales[:, None, None] * PIGMM.iid(10, variance=2.0).sample(3000, seed=rng)
    model = EllipticalModel.fit(matrices)
    assert abs(model.degrees_of_freedom - 8) < 1
    assert abs(model.base["G3"] - 2) < 0.06
    assert abs(model.base["mu_1"] - 2.0) < 0.15
    ratio = model.scales(matrices) / scales
    assert abs(ratio.mean() - 1) < 0.02
    assert ratio.std() < 1.2 / np.sqrt(2 * 100)


def test_gaussian_matrices_have_a_gaussian_fit():
    matrices = PIGMM.iid(8, variance=1.0).sample(500, seed=2)
    model = EllipticalModel.fit(matrices)
    assert model.degrees_of_freedom > 300
    gaussian = PIGMM.fit(matrices)
    assert abs(model.log_prob(matrices).sum() - gaussian.log_prob(matrices).sum()) < 2
    light = matrices / np.sqrt(np.square(matrices).mean(axis=(1, 2), keepdims=True))  # lighter tails than Gaussian
    model = EllipticalModel.fit(light + 0.1 * matrices)
    assert model.degrees_of_freedom == np.inf
    np.testing.assert_allclose(model.base.parameters, PIGMM.fit(light + 0.1 * matrices).parameters, atol=1e-9)
    assert model.scales(light).tolist() == [1.0] * 500


def test_means_of_invariants(heavy):
    graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree)]
    heavier = EllipticalModel(heavy.base, 30.0)
    values = evaluate(heavier.sample(200_000, seed=0), graphs)
    z = (values.mean(axis=0) - heavier.expectation(graphs)) / (values.std(axis=0) / np.sqrt(len(values)))
    assert np.sqrt(np.square(z).mean()) < 1.6


def test_means_are_integrals_over_the_scale(heavy):
    graphs = list(multigraphs(3))
    half = 0.5 * heavy.degrees_of_freedom

    def at(precision):
        density = scipy.stats.gamma(half, scale=1 / half).pdf(precision)
        return density * heavy._scaled(1 / precision).expectation(graphs)

    expected, _ = scipy.integrate.quad_vec(at, 1e-9, 40, epsrel=1e-10)
    np.testing.assert_allclose(heavy.expectation(graphs), expected, rtol=1e-6, atol=1e-6)


def test_means_that_do_not_exist_are_infinite():
    square, fourth = multigraphs(2)[0], multigraphs(4)[0]
    model = EllipticalModel(PIGMM.iid(5, 1.0), 3.0)
    assert np.isfinite(model.expectation([square])).all()
    assert np.isinf(model.expectation([square, fourth])).tolist() == [False, True]


def test_files_keep_every_digit(heavy, tmp_path):
    for model in (heavy, EllipticalModel(heavy.base, np.inf)):
        model.save(tmp_path / "model.json")
        loaded = EllipticalModel.load(tmp_path / "model.json")
        assert loaded.base == model.base
        assert loaded.degrees_of_freedom == model.degrees_of_freedom
    assert "degrees of freedom" in heavy.summary()


def test_bad_input():
    with pytest.raises(ValueError, match="degrees_of_freedom must be positive, got 0"):
        EllipticalModel(PIGMM.iid(5, 1.0), 0)
    with pytest.raises(ValueError, match="got one given the trivial components"):
        EllipticalModel(PIGMM.fit(np.random.default_rng(0).normal(size=(1, 9, 9)), given_trivial=True), 5.0)
    with pytest.raises(ValueError, match="matrices must be at least 3"):
        EllipticalModel.fit(PIGMM.iid(5, 1.0).sample(2, seed=0))
