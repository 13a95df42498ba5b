"""Count, mean and centred second moments, summed over matrices part by part without loss of digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CentredSums:
    """Count, mean, and sums of squares or products about the mean.

    Args:
        count: number of samples.
        mean: of any shape.
        squares: sums of squares, of the shape of the mean; or of all products of a mean (G,), (G, G).

    >>> first, second = CentredSums.of(np.array([[1.0], [3.0]])), CentredSums.of(np.array([[5.0]]))
    >>> (first + second).mean, (first + second).squares
    (array([3.]), array([8.]))
    """

    count: int
    mean: Array
    squares: Array

    def __post_init__(self) -> None:
        for array in (self.mean, self.squares):  # given out, and shared by what is merged
            array.flags.writeable = False

    @classmethod
    def empty(cls, numbers: int, products: bool = False) -> CentredSums:
        """Return the sums of no sample.

        Args:
            numbers: in a sample.
            products: whether sums of all products are kept, or of squares only.

        Returns:
            Zeros.
        """
        return cls(0, np.zeros(numbers), np.zeros((numbers, numbers) if products else numbers))

    @classmethod
    def of(cls, values: Array, products: bool = False) -> CentredSums:
        """Return the sums of some samples.

        Args:
            values: (n, G), n > 0.
            products: whether to sum all products, or squares only.

        Returns:
            The sums; infinite or NaN where values are.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # invariants beyond the range of float64
            mean = values.mean(axis=0)
            centred = values - mean
            lost = centred.mean(axis=0)  # by rounding, in adding row after row
            centred -= lost
            squares = centred.T @ centred if products else np.einsum("ng,ng->g", centred, centred)
        return cls(len(values), mean + lost, squares)

    def __add__(self, other: CentredSums) -> CentredSums:
        """Merge by the pairwise formula. Each operation is symmetric in the two, so the sum is.

        Args:
            other: sums of the same numbers.

        Returns:
            The sums of all samples.

        Source:
            Chan, Golub and LeVeque, The American Statistician 37, 242 (1983).
        """
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self.mean * (self.count / count) + other.mean * (other.count / count)
            difference = other.mean - self.mean
            products = self.squares.ndim > difference.ndim
            squares: Array = np.multiply.outer(difference, difference) if products else difference**2
            squares *= self.count * other.count / count
            squares += self.squares + other.squares
        return CentredSums(count, mean, squares)
