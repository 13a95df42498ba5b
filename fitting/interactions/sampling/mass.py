"""The mass of Hamiltonian Monte Carlo: the precision of a Gaussian, which acts by blocks.

With velocities v ~ N(0, G) and the Hamiltonian v G^{-1} v / 2 - log p, a density near the Gaussian moves alike in all
its irreps, whatever their variances are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...model.gaussian import BlockGaussian

Array = NDArray[np.float64]


class Mass:
    """G and its inverse.

    Args:
        gaussian: whose covariance is G.

    >>> from pigmm.fitting import PIGMM
    >>> mass = Mass(PIGMM.iid(4, variance=2.0))
    >>> mass.kinetic_energy(np.ones((1, 4, 4))).round(12)
    array([4.])
    >>> float(mass.acceleration(np.ones((1, 4, 4)))[0, 0, 0].round(12))
    2.0
    """

    def __init__(self, gaussian: BlockGaussian) -> None:
        self.gaussian = gaussian
        self._mean = gaussian.mean
        self._precisions = [np.linalg.inv(covariance) for covariance in gaussian.covariances]

    def velocities(self, count: int, rng: np.random.Generator) -> Array:
        """Draws of N(0, G).

        Args:
            count: how many.
            rng: of the draws.

        Returns:
            (count, *shape).
        """
        return self.gaussian.sample(count, rng) - self._mean

    def kinetic_energy(self, velocities: Array) -> Array:
        """v G^{-1} v / 2.

        Args:
            velocities: (n, *shape).

        Returns:
            (n,).
        """
        result = np.zeros(len(velocities))
        for precision, part in zip(self._precisions, self.gaussian.space.project(velocities), strict=True):
            result += 0.5 * np.einsum("nxa,nxa->n", part, precision @ part)
        return result

    def acceleration(self, gradients: Array) -> Array:
        """G applied to gradients of log p.

        Args:
            gradients: (n, *shape).

        Returns:
            (n, *shape).
        """
        space = self.gaussian.space
        pairs = zip(self.gaussian.covariances, space.project(gradients), strict=True)
        return space.assemble([g @ part if len(g) > 1 else g.item() * part for g, part in pairs])
