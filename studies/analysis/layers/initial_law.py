"""The law of the weights before training: independent entries of mean zero, Gaussian or uniform."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Literal

from ....fitting import BlockGaussian, MatrixSpace
from ....training import EnsembleConfig
from ....training.initialisation import Initialisation


@dataclass(frozen=True)
class InitialLaw:
    """Independent, symmetric entries of mean zero.

    Args:
        second_moment: E2 = <w^2>.
        fourth_moment: E4 = <w^4>.

    >>> InitialLaw.of("uniform", fan_in=10).second_moment
    0.03333333333333333
    """

    second_moment: float
    fourth_moment: float

    @classmethod
    def of(cls, initialisation: Literal["gaussian", "uniform"], fan_in: int) -> InitialLaw:
        """N(0, 1/fan_in), or uniform on +-1/sqrt(fan_in) (arXiv:2510.05218, section 3)."""
        if initialisation == "gaussian":
            return cls(1 / fan_in, 3 / fan_in**2)
        return cls(1 / (3 * fan_in), 1 / (5 * fan_in**2))

    @property
    def fourth_cumulant(self) -> float:
        """E4 - 3 E2^2: zero for Gaussian entries."""
        return self.fourth_moment - 3 * self.second_moment**2

    @classmethod
    def of_layer(cls, config: EnsembleConfig, layer: int) -> InitialLaw:
        """Find the law of the entries of a layer.

        The entries of orthogonal matrices are not independent: variances that follow from this law are then rough.

        Args:
            config: of the ensemble, with its variances: as `RunFolder.drawn` has them after a pilot run.
            layer: index of the weight matrix.

        Returns:
            The law.

        >>> config = EnsembleConfig(initialisation="he-normal", hidden=(8, 10))
        >>> InitialLaw.of_layer(config, 1) == InitialLaw.of("gaussian", 4)
        True
        """
        return cls(*Initialisation.parse(config.initialisation, layer).moments(config.shapes[layer]))

    def norm(self, shape: tuple[int, int]) -> float:
        """Root mean square Frobenius norm of a matrix of the given shape.

        >>> InitialLaw.of("gaussian", 4).norm((9, 4))
        3.0
        """
        return sqrt(shape[0] * shape[1] * self.second_moment)

    def model(self, space: MatrixSpace) -> BlockGaussian:
        """The Gaussian model with the same mean and covariance: all copies independent, each with variance E2.

        >>> from pigmm.fitting import RectangularSpace
        >>> InitialLaw.of("gaussian", 4).model(RectangularSpace(3, 4)).parameters.tolist()
        [0.0, 0.25, 0.25, 0.25, 0.25]
        """
        return _white(space, self.second_moment)  # type: ignore[arg-type]  # every space is a frozen value


@lru_cache(maxsize=64)  # the same at every epoch
def _white(space: MatrixSpace, variance: float) -> BlockGaussian:
    return BlockGaussian.white(space, variance)
