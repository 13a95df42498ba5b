"""Batch Hessians s(b) X + A: exponent, outliers and preconditioned steps against matrices of known noise."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pigmm.spectra import (
    GOE,
    descent_steps,
    fit_noise,
    fit_outliers,
    semicircle_test,
    slope_of_coupled_noise,
)
from pigmm.spectra.batches.line import fit_line

SIZES = (4, 8, 16, 32)
SPIKES = (8.0, 5.0)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Threads of small matrices only wait for each other."""
    with threadpool_limits(1):
        yield


def goe(dimension, rng):
    """A symmetric matrix whose eigenvalues fill the semicircle on [-2, 2]."""
    entries = rng.normal(size=(dimension, dimension))
    return (entries + entries.T) / np.sqrt(2 * dimension)


@pytest.fixture(scope="module")
def hessians():
    """Noise and Hessians of 12 batches of each size, 300 parameters, s(b) = 2 b^-1/2."""
    rng = np.random.default_rng(0)
    noise = {b: np.stack([2 / np.sqrt(b) * goe(300, rng) for _ in range(12)]) for b in SIZES}
    spiked = np.zeros(300)
    spiked[:2] = SPIKES
    return noise, {b: own + np.diag(spiked) for b, own in noise.items()}


def test_a_line_through_unequal_means_has_its_level_and_its_coverage():
    """Errors from only six draws each; 2000 lines: five standard errors of both shares are within 0.025."""
    rng = np.random.default_rng(1)
    x, spread = np.array([0.25, 0.125, 0.0625, 0.03125]), np.array([3.0, 2.0, 1.0, 0.7])
    rejected = covered = 0
    for _ in range(2000):
        draws = (1 + 2 * x + spread * rng.normal(size=(6, 4))).T
        line = fit_line(x, draws.mean(axis=1), draws.std(axis=1, ddof=1) / np.sqrt(6), np.full(4, 6))
        rejected += line.p_value < 0.05
        covered += line.slope.low < 2 < line.slope.high
    assert abs(rejected / 2000 - 0.05) < 0.025
    assert abs(covered / 2000 - 0.95) < 0.025


def test_the_scale_of_noise_is_a_power_of_the_batch_size(hessians):
    fit = fit_noise({b: np.linalg.eigvalsh(own) for b, own in hessians[0].items()})
    assert fit.exponent.low < -0.5 < fit.exponent.high
    assert fit.exponent.high - fit.exponent.low < 0.01
    assert fit.at_one.low < 2 * np.sqrt(301 / 300) < fit.at_one.high  # the diagonal has twice the variance
    assert fit.p_value > 0.01


def test_another_power_and_no_power_are_told():
    rng = np.random.default_rng(2)
    spectra = {b: np.stack([GOE.spectrum(100, rng) for _ in range(10)]) for b in SIZES}
    quarter = fit_noise({b: own * b**-0.25 for b, own in spectra.items()})
    assert quarter.exponent.low < -0.25 < quarter.exponent.high
    floor = fit_noise({b: own * np.sqrt(1 / b + 0.1) for b, own in spectra.items()})
    assert floor.p_value < 1e-6


def test_outliers_are_linear_in_the_inverse_batch_size(hessians):
    """theta + 4 / (b theta): slopes to within five standard errors, and corrections of order 1/b^2 at most a tenth."""
    table = fit_outliers({b: np.linalg.eigvalsh(own) for b, own in hessians[1].items()}, places=(-1, -2))
    for row, spike in zip(table.itertuples(), SPIKES, strict=True):
        assert abs(row.theta - spike) < 0.1
        assert abs(row.slope - 4 / spike) < 5 * row.slope_error + 0.1
        assert abs(row.noise_variance - 4) < 5 * row.noise_variance_error + 0.5
        assert row.p_value > 0.001
    assert (table.slope_low > 0).all()


def test_what_has_mean_zero_is_taken_off_an_outlier(hessians):
    """The first order of the noise is what moves an outlier from batch to batch."""
    spectra = {b: np.linalg.eigvalsh(own) for b, own in hessians[1].items()}
    first_order = {b: own[:, :1, 0] for b, own in hessians[0].items()}
    plain, precise = fit_outliers(spectra), fit_outliers(spectra, first_order=first_order)
    assert precise.slope_error[0] < plain.slope_error[0] / 5
    assert abs(precise.slope[0] - 4 / SPIKES[0]) < 5 * precise.slope_error[0] + 0.1
    with pytest.raises(ValueError, match="first_order must be"):
        fit_outliers(spectra, first_order={b: own[:, :2, 0] for b, own in hessians[0].items()})


def test_an_outlier_that_is_not_linear_is_told(hessians):
    bent = {b: np.linalg.eigvalsh(own) + 3 / b**2 * (np.arange(300) == 299) for b, own in hessians[1].items()}
    bent[4][:, -1] += 3
    assert fit_outliers(bent).p_value[0] < 1e-3


def test_coupled_noise_gives_the_slope_that_is_measured():
    """Noise in one plane only: A = diag(4, 1, 0...), N of variance 1/b between the first two axes."""
    rng = np.random.default_rng(3)
    spectra, signal = {}, np.diag([4.0, 1.0, *np.zeros(8)])
    for b in (16, 32, 64, 128):
        matrices = np.repeat(signal[None], 400, axis=0)
        matrices[:, 0, 1] = matrices[:, 1, 0] = rng.normal(size=400) / np.sqrt(b)
        spectra[b] = np.linalg.eigvalsh(matrices)
    row = fit_outliers(spectra).iloc[0]
    couplings = np.zeros(10)
    couplings[-2] = 1
    predicted = slope_of_coupled_noise(np.linalg.eigvalsh(signal), couplings, -1)
    assert predicted == pytest.approx(1 / 3)
    assert abs(row.slope - predicted) < 5 * row.slope_error


def test_noise_without_a_semicircle_is_told():
    rng = np.random.default_rng(4)
    semicircle = [np.linalg.eigvalsh(goe(80, rng)) for _ in range(5)]
    heavy = [np.linalg.eigvalsh(y @ y.T - 40 * np.eye(80)) for y in rng.normal(size=(5, 80, 40))]
    assert semicircle_test(semicircle).p_value > 0.05
    found = semicircle_test(heavy)
    assert found.p_value == 0.01  # the smallest of 99 replicates
    assert semicircle_test(semicircle).fourth_moment == pytest.approx(2, abs=0.2)


def test_the_step_along_a_spike_follows_the_local_law(hessians):
    """Damping 3 under a semicircle of s = 1, theta = 8: e = (3 + sqrt 5) / 2, 300 parameters, tolerance 5 errors."""
    values, vectors = np.linalg.eigh(hessians[1][4])
    noise = np.linalg.eigvalsh(hessians[0][4])
    steps = descent_steps(values, vectors[:, 0] ** 2, 8.0, 3.0, noise)
    assert steps.effective_damping == pytest.approx((3 + np.sqrt(5)) / 2, rel=0.01)
    assert abs(steps.measured - steps.predicted) < 5 * steps.standard_error
    assert abs(steps.measured - steps.without_noise) > 5 * steps.standard_error


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_noise({4: np.zeros((4, 5)), 8: np.zeros((4, 5))}), "noise must not vanish"),
        (lambda: fit_noise({4: np.zeros((3, 5)), 8: np.ones((4, 5))}), "at least 4 batches"),
        (lambda: fit_noise({4: np.full((4, 5), np.nan), 8: np.ones((4, 5))}), "eigenvalues must be finite"),
        (lambda: fit_noise({0: np.ones((4, 5)), 8: np.ones((4, 5))}), "batch sizes must be at least 1"),
        (lambda: fit_outliers({4: np.ones((4, 5)), 8: np.ones((4, 6))}), "one dimension"),
        (lambda: fit_outliers({4: np.ones((4, 5)), 8: np.ones((4, 5))}, [5]), "places must be below 5"),
        (lambda: fit_outliers({4: np.ones((4, 5)), 8: np.ones((4, 5))}), "must vary from batch to batch"),
        (lambda: descent_steps(np.ones((2, 2)), np.ones((2, 2)), 1.0, 1.0, [0.0, 0.0]), "add up to one"),
        (lambda: descent_steps(-np.ones((2, 2)), np.full((2, 2), 0.5), 1.0, 1.0, [0.0, 0.0]), "damping must be above"),
        (lambda: semicircle_test(np.zeros((2, 20))), "not all zero"),
    ],
)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
