"""Wigner's semicircle: the eigenvalues of a large symmetric matrix of independent entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ..checks import checked_positive
from .law import Array, Complex, is_symbolic


@dataclass(frozen=True)
class Semicircle:
    """The semicircle law of variance s^2, on [-2 s, 2 s].

    Args:
        s: standard deviation; a positive number, or an expression of sympy.

    >>> s, theta = sympy.symbols("s theta", positive=True)
    >>> Semicircle(s).outlier(theta)
    s**2/theta + theta
    """

    s: Any

    def __post_init__(self) -> None:
        if not is_symbolic(self.s):
            checked_positive("s", self.s)

    @property
    def support(self) -> tuple[Any, Any]:
        """Lower and upper edge."""
        return -2 * self.s, 2 * self.s

    def r_transform(self, g: Any) -> Any:
        """Return R(g) = s^2 g.

        Args:
            g: an array, or an expression of sympy.

        Returns:
            The same kind.

        Source:
            D. Voiculescu, J. Funct. Anal. 66 (1986) 323; derivation 10.

        >>> Semicircle(2.0).r_transform(0.5)
        2.0
        """
        return self.s**2 * g

    def s_transform(self, t: Any) -> Any:
        """Return S(t) = 1 / (s sqrt(t)), the branch of positive square root.

        It solves S(t) R(t S(t)) = 1. The law has mean zero, so there are two branches.

        Args:
            t: an array, or an expression of sympy.

        Returns:
            The same kind.

        Source:
            Derivation 10.

        >>> S = Semicircle(sympy.Symbol("s", positive=True)).s_transform(sympy.Symbol("t", positive=True))
        >>> S
        1/(s*sqrt(t))
        """
        return 1 / (self.s * (sympy.sqrt(t) if is_symbolic(self.s, t) else np.sqrt(t)))

    def stieltjes(self, z: ArrayLike) -> Complex:
        """Return G(z) = <1/(z - lambda)>, which goes as 1/z at infinity.

        Args:
            z: complex, or real off the support; any shape.

        Returns:
            Complex, of the shape of z.

        Source:
            E. P. Wigner, Ann. Math. 62 (1955) 548.

        >>> complex(Semicircle(1.0).stieltjes(2.5).round(6))
        (0.5+0j)
        """
        z = np.asarray(z, dtype=np.complex128)
        # the product of two roots has its cut on the support alone
        found: Complex = (z - np.sqrt(z - 2 * self.s) * np.sqrt(z + 2 * self.s)) / (2 * self.s**2)
        return found

    def cdf(self, x: ArrayLike) -> Array:
        """Return the share of eigenvalues at or below x.

        Args:
            x: any shape.

        Returns:
            Between 0 and 1, of the same shape.

        Source:
            E. P. Wigner, Ann. Math. 62 (1955) 548.

        >>> Semicircle(1.0).cdf([-2.0, 0.0, 5.0])
        array([0. , 0.5, 1. ])
        """
        u = np.clip(np.asarray(x, dtype=np.float64) / (2 * self.s), -1, 1)
        share: Array = 0.5 + (u * np.sqrt(1 - u**2) + np.arcsin(u)) / np.pi
        return share

    def outlier(self, theta: Any) -> Any:
        """Return the eigenvalue that a spike theta makes outside the support: theta + s^2 / theta.

        Args:
            theta: eigenvalue of the added matrix of rank one; an array, or an expression of sympy.

        Returns:
            nan where |theta| <= s: the spike is swallowed by the bulk. An expression is returned as it is.

        Source:
            F. Benaych-Georges and R. R. Nadakuditi, Adv. Math. 227 (2011) 494; derivation 10.

        >>> Semicircle(1.0).outlier([5.0, -4.0, 0.5])
        array([ 5.2 , -4.25,   nan])
        """
        if is_symbolic(self.s, theta):
            place = theta + self.s**2 / theta
            return sympy.nan if (sympy.Abs(theta) <= self.s) == sympy.true else place
        theta = np.asarray(theta, dtype=np.float64)
        out = np.abs(theta) > self.s
        return np.where(out, theta + self.s**2 / np.where(out, theta, 1.0), np.nan)
