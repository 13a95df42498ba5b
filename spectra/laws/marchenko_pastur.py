"""The Marchenko-Pastur law: the eigenvalues of sample covariances of independent entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ..checks import checked_positive
from .law import Complex, is_symbolic


@dataclass(frozen=True)
class MarchenkoPastur:
    """The law of s Y Y^T / n, with Y (P, n) of independent entries of variance one, and c = P / n.

    Args:
        c: ratio of dimensions; a positive number, or an expression of sympy. Above one there are zero eigenvalues.
        s: variance of an entry of sqrt(s) Y; a positive number, or an expression of sympy.

    >>> c, s, theta = sympy.symbols("c s theta", positive=True)
    >>> MarchenkoPastur(c, s).outlier(theta)
    s/(-c*s/theta + 1) + theta
    """

    c: Any
    s: Any = 1.0

    def __post_init__(self) -> None:
        for name, value in (("c", self.c), ("s", self.s)):
            if not is_symbolic(value):
                checked_positive(name, value)

    @property
    def support(self) -> tuple[Any, Any]:
        """Lower and upper edge of the continuous part."""
        root = sympy.sqrt(self.c) if is_symbolic(self.c) else float(np.sqrt(self.c))
        return self.s * (1 - root) ** 2, self.s * (1 + root) ** 2

    @property
    def share_of_zeros(self) -> Any:
        """Share of zero eigenvalues: 1 - 1/c above c = 1, else none."""
        return sympy.Max(0, 1 - 1 / self.c) if is_symbolic(self.c) else max(0.0, 1 - 1 / self.c)

    def r_transform(self, g: Any) -> Any:
        """Return R(g) = s / (1 - c s g).

        Args:
            g: an array, or an expression of sympy.

        Returns:
            The same kind.

        Source:
            D. Voiculescu, J. Funct. Anal. 66 (1986) 323; derivation 10.

        >>> MarchenkoPastur(0.5).r_transform(1.0)
        2.0
        """
        return self.s / (1 - self.c * self.s * g)

    def s_transform(self, t: Any) -> Any:
        """Return S(t) = 1 / (s (1 + c t)).

        Args:
            t: an array, or an expression of sympy.

        Returns:
            The same kind.

        Source:
            Derivation 10.

        >>> MarchenkoPastur(0.5).s_transform(2.0)
        0.5
        """
        return 1 / (self.s * (1 + self.c * t))

    def stieltjes(self, z: ArrayLike) -> Complex:
        """Return G(z) = <1/(z - lambda)>, which goes as 1/z at infinity.

        Args:
            z: complex, or real off the support and, for c > 1, not zero; any shape.

        Returns:
            Complex, of the shape of z.

        Source:
            V. A. Marchenko and L. A. Pastur, Math. USSR Sb. 1 (1967) 457.

        >>> float(MarchenkoPastur(1.0).stieltjes(-1.0).real.round(6))
        -0.618034
        """
        z = np.asarray(z, dtype=np.complex128)
        lower, upper = self.support
        root = np.sqrt(z - lower) * np.sqrt(z - upper)
        found: Complex = (z - self.s * (1 - self.c) - root) / (2 * self.c * self.s * z)
        return found

    def outlier(self, theta: Any) -> Any:
        """Return the eigenvalue that an added spike theta makes off the support: theta + s / (1 - c s / theta).

        Args:
            theta: eigenvalue of the added matrix of rank one; an array, or an expression of sympy.

        Returns:
            nan where |theta - c s| <= sqrt(c) s: the spike is swallowed. An expression is returned as it is.

        Source:
            F. Benaych-Georges and R. R. Nadakuditi, Adv. Math. 227 (2011) 494; derivation 10.

        >>> MarchenkoPastur(0.25).outlier([2.0, 0.5])
        array([3.14285714,        nan])
        """
        c, s = self.c, self.s
        if is_symbolic(c, s, theta):
            place = theta + s / (1 - c * s / theta)
            return sympy.nan if (sympy.Abs(theta - c * s) <= sympy.sqrt(c) * s) == sympy.true else place
        theta = np.asarray(theta, dtype=np.float64)
        out = np.abs(theta - c * s) > np.sqrt(c) * s
        # theta = 0 is out for c > 1 too, where it leaves the zero eigenvalues as they are
        used = np.where(out, theta, 2 * (c + 1) * s)
        return np.where(out, used + s * used / (used - c * s), np.nan)
