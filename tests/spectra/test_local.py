"""Local statistics: of GOE, GUE and Poisson spectra, and the size and power of the tests."""

import numpy as np
import pytest
from scipy.stats import binom, kstest

from pigmm.spectra import (
    GOE,
    GUE,
    POISSON,
    Semicircle,
    delocalisation_test,
    local_statistics_test,
    number_variance,
    spacing_ratios,
    unfold,
    without_zeros,
)

RNG = np.random.default_rng


def test_ratios_in_any_order_and_along_the_last_axis():
    assert spacing_ratios([7.0, 0.0, 1.0, 3.0]) == pytest.approx([0.5, 0.5])
    assert spacing_ratios(np.arange(12.0).reshape(2, 6) ** 2).shape == (2, 4)


@pytest.mark.parametrize(("ensemble", "mean"), [(GOE, 0.5307), (GUE, 0.5996), (POISSON, 0.3863)], ids=lambda e: str(e))
def test_mean_ratios_of_large_spectra(ensemble, mean):
    ratios = np.concatenate([spacing_ratios(ensemble.spectrum(400, RNG(k))) for k in range(60)])
    assert ratios.mean() == pytest.approx(mean, abs=5 * ratios.std() / np.sqrt(len(ratios)))


@pytest.mark.parametrize("ensemble", [GOE, GUE, POISSON], ids=lambda e: e.name)
def test_densities_of_ratios_and_spacings(ensemble):
    r, s = np.linspace(0, 1, 20001), np.linspace(0, 40, 200001)
    assert np.trapezoid(ensemble.ratio_density(r), r) == pytest.approx(1, abs=1e-6)
    assert np.trapezoid(r * ensemble.ratio_density(r), r) == pytest.approx(ensemble.mean_ratio, abs=1e-6)
    assert np.trapezoid(ensemble.spacing_density(s), s) == pytest.approx(1, abs=1e-4)
    assert np.trapezoid(s * ensemble.spacing_density(s), s) == pytest.approx(1, abs=1e-4)


def test_the_surmise_is_exact_for_three_levels():
    ratios = np.concatenate([spacing_ratios(GOE.spectrum(3, RNG(k))) for k in range(4000)])
    grid = np.linspace(0, 1, 2001)
    steps = np.cumsum((GOE.ratio_density(grid)[1:] + GOE.ratio_density(grid)[:-1]) / 2 * np.diff(grid))
    law = np.append(0.0, steps)
    assert kstest(ratios, lambda x: np.interp(x, grid, law)).pvalue > 0.001


@pytest.mark.parametrize("beta", [1, 2])
def test_tridiagonal_matrices_have_the_moments_of_dense_ones(beta):
    """Means of tr A^2 and tr A^4 of dense GOE and GUE matrices, which are known exactly."""
    n, ensemble = 6, {1: GOE, 2: GUE}[beta]
    spectra = np.array([ensemble.spectrum(n, RNG([beta, k])) for k in range(4000)])
    scale = np.sqrt(n)  # entries of variance one off the diagonal
    second, fourth = ((scale * spectra) ** power for power in (2, 4))
    expected = {1: (n**2 + n, 2 * n**3 + 5 * n**2 + 5 * n), 2: (n**2, 2 * n**3 + n)}[beta]
    for values, mean in zip((second.sum(axis=1), fourth.sum(axis=1)), expected, strict=True):
        assert values.mean() == pytest.approx(mean, abs=4.5 * values.std() / np.sqrt(len(values)))


def test_three_ways_to_unfold():
    spectra = np.array([GOE.spectrum(300, RNG(k)) for k in range(40)])
    middle = slice(30, -30)
    for unfolded in (unfold(spectra, Semicircle(1.0)), unfold(spectra), np.array([unfold(s) for s in spectra])):
        gaps = np.diff(unfolded[:, middle], axis=-1).ravel()
        assert gaps.mean() == pytest.approx(1, abs=0.01)
        # the surmise is good to a percent or two
        assert kstest(gaps, lambda s: 1 - np.exp(-np.pi / 4 * s**2)).statistic < 0.025


def test_number_variance():
    lengths = np.array([1.0, 3.0, 6.0])
    unfolded = unfold(np.array([GOE.spectrum(400, RNG(k)) for k in range(30)]), Semicircle(1.0))[:, 80:-80]
    expected = 2 / np.pi**2 * (np.log(2 * np.pi * lengths) + 0.5772 + 1 - np.pi**2 / 8)
    assert number_variance(unfolded, lengths) == pytest.approx(expected, abs=0.04)
    independent = np.cumsum(RNG(0).exponential(size=(30, 400)), axis=-1)
    assert number_variance(independent, lengths) == pytest.approx(lengths, rel=0.1)


@pytest.mark.parametrize("ensemble", [GOE, GUE, POISSON], ids=lambda e: e.name)
def test_size_of_the_test_of_local_statistics(ensemble):
    """Rejections at 5% in 120 sets of spectra from the ensemble itself."""
    p = [
        local_statistics_test(
            [ensemble.spectrum(n, RNG([k, n])) for n in (8, 12)], ensemble, replicates=39, seed=k
        ).p_value
        for k in range(120)
    ]
    assert binom.sf(np.sum(np.array(p) <= 0.05) - 1, 120, 0.05) > 0.001


def test_power_of_the_test_of_local_statistics():
    def p_value(spectra):
        return local_statistics_test(spectra, replicates=199).p_value

    assert p_value([POISSON.spectrum(60, RNG(k)) for k in range(4)]) <= 0.05
    # two independent GOE spectra in one, as where a symmetry was overlooked
    mixed = [np.append(GOE.spectrum(60, RNG([k, 0])), GOE.spectrum(60, RNG([k, 1]))) for k in range(4)]
    assert p_value(mixed) <= 0.05
    # a deformed ensemble keeps GOE's local statistics
    deformed = []
    for k in range(4):
        a = RNG(k).normal(size=(80, 80))
        deformed.append(np.linalg.eigvalsh((a + a.T) / np.sqrt(160) + np.diag(np.linspace(-1, 1, 80))))
    assert p_value(deformed) > 0.01


def test_the_same_seed_gives_the_same_p_values():
    spectra = [GOE.spectrum(30, RNG(0))]
    first, second, other = (local_statistics_test(spectra, replicates=99, seed=seed) for seed in (1, 1, 2))
    assert first.equals(second)
    assert not first.equals(other)


def test_delocalised_and_localised_eigenvectors():
    rng = RNG(5)
    a = rng.normal(size=(200, 200))
    vectors = np.linalg.eigh(a + a.T)[1]
    spread = delocalisation_test(vectors, np.eye(200)[0])
    assert spread.p_value > 0.001
    assert spread.mean_overlap == pytest.approx(1, abs=1e-6)  # all eigenvectors together
    assert spread.participation == pytest.approx(1 / 3, abs=0.02)
    # a band matrix of strong disorder
    band = np.diag(10 * rng.normal(size=200)) + np.diag(np.ones(199), 1) + np.diag(np.ones(199), -1)
    localised = delocalisation_test(np.linalg.eigh(band)[1], np.eye(200)[7])
    assert localised.p_value < 1e-6
    assert localised.participation < 0.05


def test_zeros_are_set_aside_and_counted():
    rng = RNG(0)
    y = rng.normal(size=(30, 20))
    rest, zeros = without_zeros(np.linalg.eigvalsh(y @ y.T))
    assert (len(rest), zeros) == (20, 10)
    assert without_zeros([1e-7, 1.0], tolerance=1e-6)[1] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spacing_ratios([1.0, 2.0]), r"at least 3 along the last axis, got shape \(2,\)"),
        (lambda: spacing_ratios([1.0, 1.0, 1.0]), "set degenerate eigenvalues aside"),
        (lambda: spacing_ratios([1.0, np.nan, 2.0]), "must be finite, got 1"),
        (lambda: spacing_ratios(np.array([1j, 2, 3])), "must be real numbers, got dtype complex128"),
        (lambda: unfold(np.zeros(20)), "must differ"),
        (lambda: number_variance(np.arange(20.0), [15.0]), "at most half"),
        (lambda: local_statistics_test([]), "one or more arrays"),
        (lambda: local_statistics_test([np.arange(5.0)], replicates=5), "replicates must be at least 19, got 5"),
        (lambda: delocalisation_test(np.eye(3), np.ones(2)), "shapes"),
        (lambda: delocalisation_test(2 * np.eye(3), np.ones(3)), "length one"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
