"""Scores of the couplings that a law does not have: what is left of the residuals, and how large chance makes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...tests_of_models.gaussianity.bootstrap import global_p_values
from .reference_law import ReferenceLaw
from .residual_values import ResidualValues

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Matrices of a simulated ensemble at most: of more, sums are closer to normal, and the bound is a little too wide.
_LARGEST_ENSEMBLE = 4000
# A residual whose variance given the couplings is below this fraction of its own follows from theirs.
_DEPENDENT = 1e-6
# chi^2 of one degree of freedom at 5%: two graphs whose z^2 are expected to differ by less are alike.
_ALIKE = 3.841


@dataclass(frozen=True, eq=False)
class WhatIsLeft:
    """The score test of every coupling more.

    Args:
        law: with the couplings selected so far.
        covariances: (graphs, graphs) of the projected residuals of one matrix where they are known exactly; None to
            take those of the simulated matrices.
        z: (graphs,), zero where a residual follows from the couplings.
        free: (graphs,), False there.
        replicated: (replicates, graphs), z of ensembles of the law.
    """

    law: ReferenceLaw
    covariances: Array | None
    z: Array
    free: Mask
    replicated: Array

    @classmethod
    def of(
        cls,
        law: ReferenceLaw,
        measured: ResidualValues,
        covariances: Array | None,
        replicates: int,
        rng: np.random.Generator,
    ) -> WhatIsLeft:
        """Compare the data with a law.

        The law is known by its simulated matrices, which adds to the variance of the difference.

        Args:
            law: whose Gaussian was fitted to the data.
            measured: of the data.
            covariances: as above.
            replicates: how many ensembles are drawn.
            rng: the source of chance.

        Returns:
            The scores.
        """
        count = len(measured.residuals)
        variances = law.variances if covariances is None else np.diag(covariances)
        free = variances > _DEPENDENT
        ensemble = min(count, _LARGEST_ENSEMBLE)
        inverse = np.where(free, 1 / np.sqrt(np.where(free, variances, 1)), 0)
        error = np.sqrt(1 / count + law.simulation_variance)
        z = (measured.residuals.mean(axis=0) - law.means) * inverse / error
        replicated = law.replicated_means(ensemble, replicates, rng) * inverse * np.sqrt(ensemble)
        return cls(law, covariances, z, free, replicated)

    @property
    def root_mean_square(self) -> float:
        """Of z, over the graphs that do not follow from the couplings; NaN if all do."""
        return float(np.sqrt(np.square(self.z[self.free]).mean())) if self.free.any() else np.nan

    def largest(self, mask: Mask) -> int | None:
        """The column of the largest |z|.

        Args:
            mask: (graphs,), those that count.

        Returns:
            The column; None if none is free.
        """
        return int(np.where(mask & self.free, np.abs(self.z), -1).argmax()) if (mask & self.free).any() else None

    def familywise_p(self, mask: Mask) -> float:
        """The p-value of the largest |z| of some graphs among the largest of each replicate.

        Args:
            mask: (graphs,), those that count.

        Returns:
            (1 + replicates at least as large) / (1 + replicates).

        Source:
            P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing (1993).
        """
        largest = np.abs(self.replicated[:, mask]).max(axis=1)
        return float(1 + (largest >= np.abs(self.z[mask]).max()).sum()) / (1 + len(largest))

    def global_p(self, mask: Mask) -> float:
        """The p-value of the largest |z| and the mean of z^2 together.

        Args:
            mask: (graphs,), those that count.

        Returns:
            One p-value; 1 if none is free.
        """
        mask = mask & self.free
        return global_p_values(self.z[mask], self.replicated[:, mask])[2] if mask.any() else 1.0

    def alike(self, column: int) -> Mask:
        """The graphs that these data would not tell from one, were its coupling all there is.

        Args:
            column: of the graph.

        Returns:
            (graphs,), False for itself.
        """
        if self.covariances is None:
            covariances, variances = self.law.covariances_with(column), self.law.variances
        else:
            covariances, variances = self.covariances[column], np.diag(self.covariances)
        norms = np.where(self.free, variances, np.inf) * variances[column]
        found: Mask = (1 - np.square(covariances) / norms) * self.z[column] ** 2 <= _ALIKE
        found[column] = False
        return found & self.free
