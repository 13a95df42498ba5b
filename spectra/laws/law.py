"""The protocol of laws of eigenvalues: a Stieltjes transform, an R-transform, and the outliers that they give."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class SpectralLaw(Protocol):
    """The law of the eigenvalues of a large symmetric matrix.

    With G(z) = <1/(z - lambda)> the Stieltjes transform, the R-transform is defined by G(R(g) + 1/g) = g. R-transforms
    of free matrices add.
    """

    def stieltjes(self, z: ArrayLike) -> Complex:
        """Return G(z) = <1/(z - lambda)> for z off the support."""
        ...

    def r_transform(self, g: Any) -> Any:
        """Return R(g)."""
        ...


def is_symbolic(*values: Any) -> bool:
    """Return whether any of the values is an expression of sympy.

    >>> is_symbolic(sympy.Symbol("s"), 1.0), is_symbolic(2, 3.0)
    (True, False)
    """
    return any(isinstance(value, sympy.Basic) for value in values)


def density(law: SpectralLaw, x: ArrayLike, width: float = 1e-6) -> Array:
    """Return the density of eigenvalues, from the imaginary part of the Stieltjes transform just above the axis.

    Args:
        law: any with `stieltjes`.
        x: where, any shape.
        width: height above the real axis, in units of x; the density is smoothed by a Lorentz curve of this width.

    Returns:
        Float64, of the shape of x.

    Source:
        The inversion formula of Stieltjes: -Im G(x + i 0) / pi.

    >>> from pigmm.spectra import Semicircle
    >>> density(Semicircle(1.0), [0.0, 3.0]).round(4)
    array([0.3183, 0.    ])
    """
    return -law.stieltjes(np.asarray(x, dtype=np.float64) + 1j * width).imag / np.pi


def effective_damping(law: SpectralLaw, damping: ArrayLike) -> Array:
    """Return e = 1 / <1 / (lambda + damping)>, the damping that a spike direction feels under the noise of this law.

    A step preconditioned by (H + damping)^-1, with H a spike theta in noise of this law, is 1 / (theta + e) along the
    spike. Without noise it is 1 / (theta + damping).

    Args:
        law: of the noise.
        damping: positive, such that -damping is below the support.

    Returns:
        Float64, of the shape of damping.

    Source:
        arXiv:2205.08601; the identity is Sherman and Morrison's with delocalised eigenvectors.

    >>> from pigmm.spectra import Semicircle
    >>> float(effective_damping(Semicircle(1.0), 4.0).round(6))
    3.732051
    """
    return -1 / law.stieltjes(-np.asarray(damping, dtype=np.float64)).real
