"""The law of given eigenvalues, such as those of a measured noise matrix."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from ..checks import checked_spectra
from .law import Array, Complex


@dataclass(frozen=True)
class EmpiricalLaw:
    """Equal weights on given eigenvalues.

    Args:
        eigenvalues: (count,), real.

    >>> EmpiricalLaw(np.array([1.0, -1.0])).stieltjes([3.0]).real
    array([0.375])
    """

    eigenvalues: Array = field(repr=False)

    def __post_init__(self) -> None:
        values = checked_spectra(self.eigenvalues, least=2)
        if values.ndim != 1:
            raise ValueError(f"eigenvalues must have one axis, got shape {values.shape}")
        object.__setattr__(self, "eigenvalues", values)

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest eigenvalue."""
        return float(self.eigenvalues[0]), float(self.eigenvalues[-1])

    def stieltjes(self, z: ArrayLike) -> Complex:
        """Return G(z), the mean of 1/(z - lambda).

        Args:
            z: complex, or real and no eigenvalue; any shape.

        Returns:
            Complex, of the shape of z.

        Source:
            Derivation 10.
        """
        z = np.asarray(z, dtype=np.complex128)
        found: Complex = (1 / (z[..., None] - self.eigenvalues)).mean(axis=-1)
        return found

    def r_transform(self, g: ArrayLike) -> Array:
        """Return R(g) = K(g) - 1/g with G(K(g)) = g, K outside the interval of eigenvalues.

        Args:
            g: real, not zero; any shape.

        Returns:
            Float64, of the shape of g.

        Raises:
            ValueError: if g is zero or not finite.

        Source:
            arXiv:2205.08601.

        >>> EmpiricalLaw(np.array([1.0, -1.0])).r_transform([0.375]).round(6)
        array([0.333333])
        """
        g = np.asarray(g, dtype=np.float64)
        if not (np.isfinite(g) & (g != 0)).all():
            raise ValueError(f"g must be finite and not zero, got {g.tolist()}")
        inverse = np.array([self._inverse(float(value)) for value in g.ravel()]).reshape(g.shape)
        return inverse - 1 / g

    def outlier(self, theta: ArrayLike) -> Array:
        """Return the eigenvalue outside the interval of eigenvalues that an added spike makes: K(1/theta).

        G of finitely many eigenvalues diverges at the last one. So every spike moves some eigenvalue out of the
        interval; a small spike moves it only a little.

        Args:
            theta: eigenvalue of the added matrix of rank one, not zero; any shape.

        Returns:
            Float64, of the shape of theta.

        Source:
            arXiv:2205.08601.

        >>> EmpiricalLaw(np.array([1.0, -1.0])).outlier([8 / 3]).round(6)
        array([3.])
        """
        theta = np.asarray(theta, dtype=np.float64)
        found: Array = self.r_transform(1 / theta) + theta
        return found

    def _inverse(self, g: float) -> float:
        lower, upper = self.support
        edge, sign = (upper, 1.0) if g > 0 else (lower, -1.0)

        def excess(distance: float) -> float:
            return sign * float(np.mean(1 / (edge + sign * distance - self.eigenvalues))) - abs(g)

        # at the distance d, |G| is at least 1/(d + upper - lower) and 1/(count d), and at most 1/d
        far = 1 / abs(g)
        near = max(far - (upper - lower), far / len(self.eigenvalues))
        return edge + sign * float(brentq(excess, near * (1 - 1e-9), far * (1 + 1e-9), xtol=1e-15 * far))
