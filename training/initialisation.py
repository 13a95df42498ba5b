"""Laws of initial weights: independent entries of mean zero, or random orthogonal matrices.

The variance of entries is stated, for all layers or for each, or found by a pilot run.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMED = {
    "gaussian": "normal(1/fan_in)",
    "uniform": "uniform(1/(3*fan_in))",  # on +-1/sqrt(fan_in)
    "xavier-normal": "normal(2/(fan_in + fan_out))",
    "xavier-uniform": "uniform(2/(fan_in + fan_out))",
    "he-normal": "normal(2/fan_in)",
    "he-uniform": "uniform(2/fan_in)",
}
STATIONARY = "stationary"
_PILOT_NUMBERS = "(20, 30, 0.01)"

_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}


@dataclass(frozen=True)
class Pilot:
    """A pilot run that finds the variances with which training neither shrinks nor grows the weights of any layer.

    Args:
        networks: trained in each round, as those of the ensemble are, but with random numbers of their own.
        rounds: the most that are made.
        tolerance: it ends when the mean square weight of each layer changes by less than this share.
    """

    networks: int
    rounds: int
    tolerance: float

    @classmethod
    def parse(cls, text: str) -> Pilot | None:
        """Read `stationary` or `stationary(NETWORKS, ROUNDS, TOLERANCE)`.

        Args:
            text: as of `EnsembleConfig.initialisation`.

        Returns:
            The pilot run; None if the text asks for none.

        Raises:
            ValueError: the three numbers are not of this kind.

        >>> Pilot.parse("stationary"), Pilot.parse("he-normal")
        (Pilot(networks=20, rounds=30, tolerance=0.01), None)
        """
        law, bracket, rest = (text + _PILOT_NUMBERS if text == STATIONARY else text).partition("(")
        if law != STATIONARY or not bracket:
            return None
        found = re.fullmatch(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d*\.?\d+(?:e-?\d+)?)\s*\)", rest)
        if not found or not (int(found[1]) > 1 and int(found[2]) > 0 and 0 < float(found[3]) < 1):
            raise ValueError(
                "initialisation: stationary(NETWORKS, ROUNDS, TOLERANCE) with at least 2 networks, 1 round and a "
                f"tolerance between 0 and 1 is required, got {text!r}"
            )
        return cls(int(found[1]), int(found[2]), float(found[3]))


@dataclass(frozen=True)
class Initialisation:
    """The law of a layer's weights before training.

    Args:
        law: `normal` or `uniform`, independent entries; `orthogonal`, rows or columns orthonormal, whichever are fewer,
            from the rotation-invariant (Haar) law.
        variance: of an entry, as an expression of fan_in and fan_out; of an orthogonal matrix it follows.

    >>> Initialisation.parse("he-normal")
    Initialisation(law='normal', variance='2/fan_in')
    >>> Initialisation.parse("uniform(1/3/sqrt(fan_in*fan_out))").moments((10, 10))[0]
    0.03333333333333333
    """

    law: Literal["normal", "uniform", "orthogonal"]
    variance: str = ""

    @classmethod
    def parse(cls, text: str, layer: int = 0) -> Initialisation:
        """Read a name, `normal(VARIANCE)` or `uniform(VARIANCE)`.

        Args:
            text: as of `EnsembleConfig.initialisation`. One variance holds for all layers; several, with semicolons
                between them, are those of the layers.
            layer: number of the layer, 0 for the first.

        Returns:
            The law of this layer.

        Raises:
            ValueError: the text is none of these, or has no variance for this layer; says what is accepted and what
                came.

        Source:
            X. Glorot and Y. Bengio, AISTATS (2010) 249 (xavier); arXiv:1502.01852 (he).

        >>> Initialisation.parse("normal(0.002; 0.1)", layer=1).variance
        '0.1'
        """
        if text == "orthogonal":
            return cls("orthogonal")
        law, bracket, rest = NAMED.get(text, text).partition("(")
        if law not in ("normal", "uniform") or not bracket or not rest.endswith(")"):
            names = ", ".join((*NAMED, "orthogonal", STATIONARY))
            raise ValueError(
                f"initialisation: {names}, normal(VARIANCE) or uniform(VARIANCE) is required, got {text!r}"
            )
        variances = rest[:-1].split(";")
        if len(variances) > 1 and layer >= len(variances):
            raise ValueError(f"initialisation: a variance for each layer is required, got {len(variances)} in {text!r}")
        return cls("normal" if law == "normal" else "uniform", variances[layer if len(variances) > 1 else 0].strip())

    def moments(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Return <w^2> and <w^4> of an entry of a layer.

        Args:
            shape: (fan_out, fan_in).

        Returns:
            The two moments.

        Raises:
            ValueError: the expression is not one, or the variance is not a positive number.
        """
        if self.law == "orthogonal":  # an entry of a unit vector in max(shape) dimensions
            size = max(shape)
            return 1 / size, 3 / (size * (size + 2))
        variance = _value(self.variance, {"fan_out": float(shape[0]), "fan_in": float(shape[1])})
        return variance, (3 if self.law == "normal" else 9 / 5) * variance**2

    def draw(self, shape: tuple[int, int], generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw the weights of one layer.

        Args:
            shape: (fan_out, fan_in).
            generator: source of the random numbers.

        Returns:
            (fan_out, fan_in) float32.

        Source:
            F. Mezzadri, arXiv:math-ph/0609050, for orthogonal matrices.
        """
        import numpy as np  # only here, so that the command's help, which reads the configuration, is there at once

        if self.law == "orthogonal":
            tall = generator.standard_normal((max(shape), min(shape)))
            q, r = np.linalg.qr(tall)
            q *= np.sign(np.diag(r))  # without the signs the law is not invariant under rotations
            return (q if shape[0] >= shape[1] else q.T).astype(np.float32)
        variance, _ = self.moments(shape)
        if self.law == "normal":
            return generator.standard_normal(shape, dtype=np.float32) * np.float32(sqrt(variance))
        return (2 * generator.random(shape, dtype=np.float32) - 1) * np.float32(sqrt(3 * variance))


def _value(expression: str, names: dict[str, float]) -> float:
    """The value of an arithmetic expression, in floating point, so that no power takes long."""

    def evaluate(node: ast.AST) -> float:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](evaluate(left), evaluate(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -evaluate(operand)
            case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
                return sqrt(evaluate(argument))
        raise ValueError(f"{ast.unparse(node)} is not understood")

    try:
        value = evaluate(ast.parse(expression.strip(), mode="eval").body)
        if isinstance(value, complex) or not (isfinite(value) and value > 0):
            raise ValueError(f"it is {value}")
    except (ValueError, ArithmeticError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"initialisation: a variance must be a positive number made of numbers, {', '.join(names)}, + - * / **, "
            f"sqrt and parentheses, got {expression!r} ({error})"
        ) from None
    return value
