"""The law of A + B for free A and B: R-transforms add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from .law import Complex, SpectralLaw

# Steps of the fixed point, which takes the more of them the nearer to the real axis, and the accuracy that is asked.
_STEPS = 2000
_ACCURACY = 1e-13


@dataclass(frozen=True)
class FreeSum:
    """The law of the sum of two matrices whose eigenvectors have nothing to do with each other.

    Args:
        first, second: any laws.

    >>> from pigmm.spectra import Semicircle
    >>> total = FreeSum(Semicircle(3.0), Semicircle(4.0))
    >>> bool(abs(total.stieltjes(1 + 1j) - Semicircle(5.0).stieltjes(1 + 1j)) < 1e-10)
    True
    """

    first: SpectralLaw
    second: SpectralLaw

    def r_transform(self, g: Any) -> Any:
        """Return the sum of the two R-transforms.

        Args:
            g: an array, or an expression of sympy.

        Returns:
            The same kind.

        Source:
            D. Voiculescu, J. Funct. Anal. 66 (1986) 323; derivation 10.

        >>> from pigmm.spectra import MarchenkoPastur, Semicircle
        >>> s, c, g = sympy.symbols("s c g", positive=True)
        >>> FreeSum(Semicircle(s), MarchenkoPastur(c, 1)).r_transform(g)
        g*s**2 + 1/(-c*g + 1)
        """
        return self.first.r_transform(g) + self.second.r_transform(g)

    def equation(self, g: sympy.Symbol, z: sympy.Symbol) -> sympy.Poly:
        """Return the polynomial in g that vanishes at g = G(z), for laws of rational R-transforms.

        Args:
            g: symbol of the Stieltjes transform.
            z: symbol of its argument.

        Returns:
            A polynomial of sympy.

        Source:
            Derivation 10.

        >>> from pigmm.spectra import Semicircle
        >>> g, z = sympy.symbols("g z")
        >>> FreeSum(Semicircle(sympy.Integer(3)), Semicircle(sympy.Integer(4))).equation(g, z).as_expr()
        25*g**2 - g*z + 1
        """
        total = self.r_transform(g)
        if total.has(sympy.Float):
            raise ValueError("the laws must have exact parameters, got floats: give sympy.Rational or symbols")
        numerator, _ = sympy.fraction(sympy.together(total + 1 / g - z))
        return sympy.Poly(numerator, g)

    def subordination(self, z: ArrayLike) -> tuple[Complex, Complex]:
        """Return w_1 and w_2 with G(z) = G_1(w_1) = G_2(w_2) and w_1 + w_2 = z + 1/G(z).

        Args:
            z: complex, off the real axis; any shape.

        Returns:
            w_1 and w_2, complex, each of the shape of z.

        Raises:
            ValueError: if a z is real.
            ArithmeticError: if the fixed point is not reached.

        Source:
            S. T. Belinschi and H. Bercovici, J. Anal. Math. 101 (2007) 357.
        """
        z = np.asarray(z, dtype=np.complex128)
        if (z.imag == 0).any():
            raise ValueError("z must be off the real axis, got a real value: add a small imaginary part")
        lower = z.imag < 0
        above = np.where(lower, z.conj(), z)

        def reduced(law: SpectralLaw, w: Complex) -> Complex:
            return 1 / law.stieltjes(w) - w

        first = above.copy()
        for _ in range(_STEPS):
            second = above + reduced(self.first, first)
            following = above + reduced(self.second, second)
            # the half step never leaves the upper half plane, and damps what would swing
            following = (first + following) / 2
            done = np.abs(following - first) <= _ACCURACY * np.abs(following)
            first = following
            if done.all():
                break
        else:
            raise ArithmeticError(f"the subordination is not found at {int((~done).sum())} points: move z off the axis")
        second = above + reduced(self.first, first)
        return np.where(lower, first.conj(), first), np.where(lower, second.conj(), second)

    def stieltjes(self, z: ArrayLike) -> Complex:
        """Return G(z), by subordination.

        Args:
            z: complex, off the real axis; any shape.

        Returns:
            Complex, of the shape of z.

        Raises:
            ValueError, ArithmeticError: as `subordination`.

        Source:
            As `subordination`.
        """
        first, _ = self.subordination(z)
        return self.first.stieltjes(first)
