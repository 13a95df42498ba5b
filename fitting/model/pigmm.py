"""The 13-parameter model of square matrices."""

from __future__ import annotations

from typing import Self

from numpy.typing import ArrayLike

from ...invariants.representation.spaces import MatrixSpace, SquareSpace
from .gaussian import BlockGaussian


class PIGMM(BlockGaussian):
    """The 13-parameter permutation-invariant Gaussian matrix model of N x N matrices (arXiv:1809.07559, 2510.05218).

    Args:
        size: N, at least 4.
        parameters: 13 numbers: mu_1, mu_2; the covariances Lambda^-1 of V_0 (11, 12, 22), of V_H
            (11, 12, 13, 22, 23, 33), of V_2 and of V_3.
        given: (n, 2), trivial components: the law of n matrices given these; see `BlockGaussian`.

    Raises:
        ValueError: if the size is below 4, there are not 13 finite numbers, or a block is not positive definite
            (the message names it).

    >>> model = PIGMM(5, [1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1])
    >>> model.mean[0]  # mu_1 / N everywhere
    array([0.2, 0.2, 0.2, 0.2, 0.2])
    """

    def __init__(self, size: int, parameters: ArrayLike, given: ArrayLike | None = None) -> None:
        super().__init__(SquareSpace(size), parameters, given)

    @classmethod
    def from_space(cls, space: MatrixSpace, parameters: ArrayLike, given: ArrayLike | None = None) -> Self:
        """Make the model on a space.

        Args:
            space: square, under S_N.
            parameters: as in `PIGMM`.
            given: as in `PIGMM`.

        Returns:
            The model.

        Raises:
            ValueError: if the space is another; as `PIGMM`.
        """
        if not isinstance(space, SquareSpace):
            raise ValueError(f"matrices must be square for the 13-parameter model, got {space}")
        return cls(space.size, parameters, given)

    @classmethod
    def space_for(cls, shape: tuple[int, ...]) -> MatrixSpace:
        """Square matrices under S_N.

        Args:
            shape: of one matrix.

        Returns:
            A `SquareSpace`.

        Raises:
            ValueError: if the shape is not square.
        """
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(
                f"matrices must be of shape (n, N, N) and square, got (n, {str(shape)[1:]}; if their number is the "
                "last axis, np.moveaxis(matrices, -1, 0) puts it first"
            )
        return SquareSpace(shape[0])

    @classmethod
    def iid(cls, size: int, variance: float, mean: float = 0.0) -> Self:
        """Independent entries of one mean and variance: the model of a network at its initialisation.

        Args:
            size: N, at least 4.
            variance: of an entry, positive.
            mean: of an entry.

        Returns:
            The model.

        Raises:
            ValueError: if the size is below 4 or the variance is not positive.

        >>> PIGMM.iid(4, variance=2.0, mean=1.0).parameters.tolist()
        [4.0, 0.0, 2.0, 0.0, 2.0, 2.0, 0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 2.0]
        """
        return cls.white(SquareSpace(size), variance, mean)

    @property
    def size(self) -> int:
        """N."""
        return self.space.shape[0]


def gaussian_class(space: MatrixSpace) -> type[BlockGaussian]:
    """The class of Gaussian models on a space.

    Args:
        space: the matrices.

    Returns:
        `PIGMM` for square matrices, else `BlockGaussian`.

    >>> gaussian_class(SquareSpace(4)).__name__
    'PIGMM'
    """
    return PIGMM if isinstance(space, SquareSpace) else BlockGaussian
