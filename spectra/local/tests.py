"""Tests of local statistics: do the spacings, and the eigenvectors, behave as those of a random matrix?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import beta, kstest

from ..checks import Array, checked_spectra
from .ensembles import GOE, Ensemble
from .spacings import spacing_ratios


def local_statistics_test(
    spectra: Iterable[ArrayLike], ensemble: Ensemble = GOE, *, replicates: int = 999, seed: int = 0
) -> pd.Series:
    """Test whether the ratios of spacings of several spectra are those of a random ensemble.

    The ratios of all spectra are pooled. Their mean, and their largest distance from the cumulative law of the
    ensemble, are compared with those of as many simulated spectra of as many levels. So correlations of neighbouring
    ratios, and the few levels at the edges, are the same on both sides, and the test is calibrated at any size.

    Args:
        spectra: each (count,), at least 3 distinct eigenvalues; counts may differ.
        ensemble: `GOE`, `GUE` or `POISSON`.
        replicates: simulated sets of spectra.
        seed: of the simulation.

    Returns:
        mean_ratio, expected (its mean over the replicates), standard_error (their standard deviation), z, p_mean (two
        sides), distance (Kolmogorov-Smirnov), p_distance, p_value of both (twice the smaller, at most one), spectra,
        ratios, replicates.

    Raises:
        ValueError: as `spacing_ratios`; if there are no spectra, or fewer than 19 replicates.

    Source:
        Y. Y. Atas, E. Bogomolny, O. Giraud and G. Roux, Phys. Rev. Lett. 110 (2013) 084101, for the ratios.

    >>> rng = np.random.default_rng(1)
    >>> symmetric = [np.linalg.eigvalsh(a + a.T) for a in rng.normal(size=(5, 40, 40))]
    >>> independent = rng.uniform(size=(5, 40))
    >>> tests = [local_statistics_test(spectra, replicates=199) for spectra in (symmetric, independent)]
    >>> [bool(test.p_value < 0.05) for test in tests]
    [False, True]
    """
    if replicates < 19:
        raise ValueError(f"replicates must be at least 19, got {replicates}")
    levels = [checked_spectra(spectrum, least=3) for spectrum in spectra]
    if not levels or any(spectrum.ndim != 1 for spectrum in levels):
        raise ValueError(
            f"spectra must be one or more arrays of one axis each, got shapes {[spectrum.shape for spectrum in levels]}"
        )
    measured = np.sort(np.concatenate([spacing_ratios(spectrum) for spectrum in levels]))
    simulated = _simulated(ensemble, tuple(len(spectrum) for spectrum in levels), replicates, seed)
    # each set against the pooled law of the others, itself included in all
    law = np.sort(np.append(simulated.ravel(), measured))
    means = np.append(measured.mean(), simulated.mean(axis=1))
    distances = np.array([_distance(ratios, law) for ratios in (measured, *simulated)])
    expected, error = float(simulated.mean()), float(means[1:].std(ddof=1))
    p_mean = _share_as_extreme(np.abs(means - means.mean()))
    p_distance = _share_as_extreme(distances)
    return pd.Series(
        {
            "ensemble": ensemble.name,
            "mean_ratio": float(means[0]),
            "expected": expected,
            "standard_error": error,
            "z": (float(means[0]) - expected) / error,
            "p_mean": p_mean,
            "distance": float(distances[0]),
            "p_distance": p_distance,
            "p_value": min(1.0, 2 * min(p_mean, p_distance)),
            "spectra": len(levels),
            "ratios": len(measured),
            "replicates": replicates,
        }
    )


@lru_cache(maxsize=2)
def _simulated(ensemble: Ensemble, counts: tuple[int, ...], replicates: int, seed: int) -> Array:
    """The ratios of each simulated set, sorted; many tests of spectra of the same numbers of levels share them."""
    rng = np.random.default_rng(seed)
    sets = (np.concatenate([spacing_ratios(ensemble.spectrum(n, rng)) for n in counts]) for _ in range(replicates))
    simulated = np.sort(np.stack(list(sets)), axis=1)
    simulated.flags.writeable = False
    return simulated


def _distance(ratios: Array, law: Array) -> float:
    """Largest distance of the cumulative laws; both sorted."""
    below = np.searchsorted(law, ratios, side="right") / len(law)
    steps = np.arange(len(ratios) + 1) / len(ratios)
    return float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))


def _share_as_extreme(values: Array) -> float:
    """Share of values at least as large as the first, itself included."""
    return float((values >= values[0] * (1 - 1e-12)).mean())


def delocalisation_test(eigenvectors: ArrayLike, direction: ArrayLike) -> pd.Series:
    """Test whether eigenvectors are spread over all directions as those of a random matrix (quantum unique ergodicity).

    For a fixed unit vector q of dimension P, |<u, q>|^2 of a uniform unit vector u has the law Beta(1/2, (P - 1)/2), of
    mean 1/P.

    Args:
        eigenvectors: (P, count), a unit vector in each column, as numpy.linalg.eigh returns them; leave out those of
            outliers.
        direction: (P,), not zero; chosen without looking at the eigenvectors.

    Returns:
        mean_overlap: mean of P |<u, q>|^2, expected one; p_value by Kolmogorov and Smirnov, which takes the overlaps as
        independent; participation: mean of the share 1/(P sum u_i^4) of entries that eigenvectors live on, a third for
        random ones; eigenvectors, dimension.

    Raises:
        ValueError: if shapes do not fit, or the columns are no unit vectors.

    Source:
        arXiv:2205.08601.

    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=(100, 100))
    >>> test = delocalisation_test(np.linalg.eigh(a + a.T)[1], np.ones(100))
    >>> bool(test.p_value > 0.01)
    True
    """
    vectors, q = np.asarray(eigenvectors, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    if vectors.ndim != 2 or q.shape != vectors.shape[:1] or not np.linalg.norm(q) > 0:
        raise ValueError(
            f"eigenvectors must be (P, count) and direction (P,) and not zero, got shapes {vectors.shape} and {q.shape}"
        )
    if not np.allclose(np.square(vectors).sum(axis=0), 1, atol=1e-6):
        raise ValueError(
            "eigenvectors must have length one in each column, got lengths up to "
            f"{np.sqrt(np.square(vectors).sum(axis=0)).max():.6g}"
        )
    dimension, count = vectors.shape
    overlaps = np.square(q @ vectors) / np.square(q).sum()
    return pd.Series(
        {
            "mean_overlap": float(dimension * overlaps.mean()),
            "p_value": float(kstest(overlaps, beta(0.5, (dimension - 1) / 2).cdf).pvalue),
            "participation": float(np.mean(1 / (dimension * (vectors**4).sum(axis=0)))),
            "eigenvectors": count,
            "dimension": dimension,
        }
    )
