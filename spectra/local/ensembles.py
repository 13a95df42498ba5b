"""The ensembles that spectra are compared with: GOE, GUE, and levels that ignore each other (Poisson)."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigvalsh_tridiagonal

from ..checks import Array


@dataclass(frozen=True)
class Ensemble:
    """An ensemble of spectra whose levels repel each other as spacing^beta.

    Args:
        name: as in the literature.
        beta: 1 for real symmetric matrices, 2 for complex Hermitian ones, 0 for independent levels.

    >>> round(GOE.mean_ratio, 4), round(POISSON.mean_ratio, 4)
    (0.5359, 0.3863)
    """

    name: str
    beta: int

    def spectrum(self, count: int, rng: np.random.Generator) -> Array:
        """Draw the eigenvalues of one matrix, in increasing order.

        GOE and GUE are drawn from the tridiagonal matrix of the same eigenvalues, scaled to the semicircle on [-2, 2].

        Args:
            count: of eigenvalues.
            rng: source of random numbers.

        Returns:
            (count,), float64, sorted.

        Source:
            I. Dumitriu and A. Edelman, J. Math. Phys. 43 (2002) 5830.

        >>> GOE.spectrum(3, np.random.default_rng(0)).shape
        (3,)
        """
        if self.beta == 0:
            return np.sort(rng.uniform(-2, 2, size=count))
        diagonal = rng.normal(scale=np.sqrt(2), size=count)
        beside = np.sqrt(rng.chisquare(self.beta * np.arange(count - 1, 0, -1)))
        values: Array = eigvalsh_tridiagonal(diagonal, beside) / np.sqrt(self.beta * count)
        return values

    def spacing_density(self, spacing: ArrayLike) -> Array:
        """Return Wigner's surmise of the density of spacings of mean one; exact for Poisson.

        Args:
            spacing: at least 0, in mean spacings; any shape.

        Returns:
            Float64, of the same shape.

        Source:
            M. L. Mehta, Random Matrices, chapter 1.

        >>> float(GOE.spacing_density(1.0).round(4))
        0.7162
        """
        s = np.asarray(spacing, dtype=np.float64)
        if self.beta == 0:
            return np.exp(-s)
        if self.beta == 1:
            return np.pi / 2 * s * np.exp(-np.pi / 4 * s**2)
        return 32 / np.pi**2 * s**2 * np.exp(-4 / np.pi * s**2)

    def ratio_density(self, ratio: ArrayLike) -> Array:
        """Return the density of min(r, 1/r) for 3 x 3 matrices, with r the ratio of consecutive spacings.

        Args:
            ratio: min(r, 1/r), between 0 and 1; any shape.

        Returns:
            Float64, of the same shape.

        Source:
            Y. Y. Atas, E. Bogomolny, O. Giraud and G. Roux, Phys. Rev. Lett. 110 (2013) 084101.

        >>> float(POISSON.ratio_density(0.0))
        2.0
        """
        r = np.asarray(ratio, dtype=np.float64)
        if self.beta == 0:
            return 2 / (1 + r) ** 2
        norm = {1: 27 / 8, 2: 81 * np.sqrt(3) / (4 * np.pi)}[self.beta]
        density: Array = 2 * norm * (r + r**2) ** self.beta / (1 + r + r**2) ** (1 + 1.5 * self.beta)
        return density

    @property
    def mean_ratio(self) -> float:
        """Mean of min(r, 1/r) under `ratio_density`; large GOE matrices have .5307, GUE ones .5996."""
        if self.beta == 0:
            return 2 * log(2) - 1
        if self.beta == 1:
            return 4 - 2 * sqrt(3)
        return 2 * sqrt(3) / pi - 0.5


GOE = Ensemble("GOE", 1)
GUE = Ensemble("GUE", 2)
POISSON = Ensemble("Poisson", 0)
