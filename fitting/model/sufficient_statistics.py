"""Sufficient statistics in constant memory: accumulated by chunks, merged exactly but for rounding; as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from os import PathLike
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...invariants.centred_sums import CentredSums
from ...invariants.checks import checked_integer, checked_matrices, rounding_unit
from ...invariants.representation.spaces import MatrixSpace, irrep_dimensions, space_of
from .storage import read_json, space_content, space_from_content, write_json

Array = NDArray[np.float64]

# Entries projected at a time: few enough for the temporary arrays to stay in cache.
_CHUNK_ENTRIES = 1 << 16
# Entries read from a store at a time.
_READ_ENTRIES = 1 << 22


@dataclass(frozen=True, eq=False)
class SufficientStatistics:
    """Number of matrices, mean of their trivial components, and scatter of the components of each irrep.

    Args:
        space: the matrices.
        count: how many, at least 1.
        mean: (copies of the trivial irrep,).
        scatter: for each irrep (copies, copies), the sum over matrices and labels of products of components; of the
            trivial irrep with the mean taken off, so that a large mean costs no digits.
        rounding: relative rounding error of the matrices' entries (the coarsest dtype that was seen).

    >>> rng = np.random.default_rng(0)
    >>> first, second = rng.normal(size=(2, 50, 4, 4))
    >>> merged = SufficientStatistics.of(first).merge(SufficientStatistics.of(second))
    >>> merged.count
    100
    """

    space: MatrixSpace
    count: int
    mean: Array
    scatter: tuple[Array, ...]
    rounding: float

    @classmethod
    def of(cls, matrices: ArrayLike, space: MatrixSpace | None = None) -> SufficientStatistics:
        """The statistics of matrices (n, *space.shape).

        Args:
            matrices: finite, n at least 1.
            space: the permutations assumed (default: `space_of` the shape).

        Returns:
            The statistics.

        Raises:
            ValueError: if the shape is not that of the space, or an entry is not finite (says which).
        """
        batch = checked_batch(matrices, space)
        if len(batch) == 0:
            raise ValueError(f"matrices must be at least 1, got shape {batch.shape}")
        space = space_of(batch.shape[1:]) if space is None else space
        rounding = rounding_unit(batch)
        step = max(1, _CHUNK_ENTRIES // prod(batch.shape[1:]))
        starts = range(0, len(batch), step)
        parts = (space.project(batch[start : start + step].astype(np.float64)) for start in starts)
        return cls.merged(cls.of_components(space, components, rounding) for components in parts)

    @classmethod
    def of_components(
        cls, space: MatrixSpace, components: Iterable[Array], rounding: float | None = None
    ) -> SufficientStatistics:
        """The statistics of matrices given by their components, as `space.project` gives them.

        Args:
            space: the matrices.
            components: for each irrep (n, copies, labels).
            rounding: of the entries that they were computed from (default: that of float64).

        Returns:
            The statistics.

        >>> space = space_of((4, 4))
        >>> SufficientStatistics.of_components(space, space.project(np.ones((3, 4, 4)))).mean
        array([4., 0.])
        """
        parts = list(components)
        trivial = parts[0][..., 0]
        mean = trivial.mean(axis=0)
        parts[0] = (trivial - mean)[..., None]
        scatter = tuple(np.einsum("nxa,nya->xy", part, part) for part in parts)
        return cls(space, len(trivial), mean, scatter, rounding or float(np.finfo(np.float64).eps))

    @classmethod
    def of_chunks(cls, chunks: Iterable[ArrayLike], space: MatrixSpace | None = None) -> SufficientStatistics:
        """The statistics of matrices in chunks, one in memory at a time; empty ones are skipped.

        Args:
            chunks: (n_k, *space.shape) each.
            space: the permutations assumed (default: `space_of` the shape).

        Returns:
            The statistics.

        Raises:
            ValueError: as `of`, naming the chunk; if there is no matrix at all.

        >>> SufficientStatistics.of_chunks(np.ones((3, 2, 4, 4))).count
        6
        """
        total: SufficientStatistics | None = None
        for number, chunk in enumerate(chunks):
            if np.shape(chunk)[:1] == (0,):
                continue
            try:
                own = cls.of(chunk, total.space if total else space)
            except ValueError as error:
                seen = total.count if total else 0
                raise ValueError(f"chunk {number} (after {seen} matrices): {error}") from None
            total = own if total is None else total.merge(own)
        if total is None:
            raise ValueError("chunks must hold at least 1 matrix, got none")
        return total

    def merge(self, other: SufficientStatistics) -> SufficientStatistics:
        """The statistics of both sets of matrices together.

        Args:
            other: of the same space.

        Returns:
            The statistics of both.

        Raises:
            ValueError: if they are of different spaces.
        """
        if self.space != other.space:
            raise ValueError(f"statistics must be of the same space, got {self.space} and {other.space}")
        trivial = self._trivial + other._trivial
        rest = [a + b for a, b in zip(self.scatter[1:], other.scatter[1:], strict=True)]
        rounding = max(self.rounding, other.rounding)
        return SufficientStatistics(self.space, trivial.count, trivial.mean, (trivial.squares, *rest), rounding)

    @property
    def _trivial(self) -> CentredSums:
        return CentredSums(self.count, self.mean, self.scatter[0])

    @classmethod
    def merged(cls, statistics: Iterable[SufficientStatistics]) -> SufficientStatistics:
        """Several merged in their order.

        Args:
            statistics: of one space.

        Returns:
            The statistics of all.

        Raises:
            ValueError: if there are none, or they are of different spaces.

        >>> SufficientStatistics.merged([SufficientStatistics.of(np.ones((3, 4, 4)))] * 3).count
        9
        """
        total: SufficientStatistics | None = None
        for own in statistics:
            total = own if total is None else total.merge(own)
        if total is None:
            raise ValueError("statistics must be one or more, got none")
        return total

    @property
    def moments(self) -> tuple[Array, ...]:
        """The (copies, copies) maximum-likelihood covariance of each irrep.

        Components of irreps that are not trivial have zero mean by symmetry, so theirs are plain second moments.
        """
        dimensions = irrep_dimensions(self.space)
        return tuple(s / (self.count * d) for s, d in zip(self.scatter, dimensions, strict=True))

    def irreps_without_variation(self, covariances: Sequence[Array]) -> tuple[str, ...]:
        """Name the irreps in which the matrices vary no more than by rounding errors.

        Args:
            covariances: for each irrep (copies, copies), an estimate from these statistics; or for the last irreps.

        Returns:
            Names such as "V_H", in their order.

        >>> statistics = SufficientStatistics.of(np.eye(4) + np.zeros((3, 1, 1)))  # three times the identity
        >>> statistics.irreps_without_variation(statistics.moments)
        ('V_0', 'V_H', 'V_2', 'V_3')
        """
        largest = max(float(np.trace(block)) for block in self.moments) + float(np.square(self.mean).sum())
        least = (100 * self.rounding) ** 2 * largest
        pairs = zip(self.space.decomposition.irreps[-len(covariances) :], covariances, strict=True)
        return tuple(f"V_{irrep.name}" for irrep, block in pairs if float(np.diag(block).min()) <= least)

    def save(self, path: str | PathLike[str]) -> None:
        """Write as JSON; every digit is kept.

        Args:
            path: of the file, replaced if it exists.
        """
        content = {
            "space": space_content(self.space),
            "count": self.count,
            "mean": self.mean.tolist(),
            "scatter": [block.tolist() for block in self.scatter],
            "rounding": self.rounding,
        }
        write_json(path, "sufficient statistics", content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> SufficientStatistics:
        """Read statistics from a file of `save`.

        Args:
            path: of the file.

        Returns:
            The statistics.

        Raises:
            ValueError: if the file is something else.

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/statistics.json"
        >>> SufficientStatistics.of(np.ones((3, 4, 4))).save(path)
        >>> SufficientStatistics.load(path).mean
        array([4., 0.])
        """
        return read_json(path, "sufficient statistics", cls._from_content)

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> SufficientStatistics:
        space = space_from_content(content["space"])
        mean = np.array(content["mean"], dtype=np.float64)
        scatter = tuple(np.array(block, dtype=np.float64) for block in content["scatter"])
        copies = [len(irrep.copies) for irrep in space.decomposition.irreps]
        if mean.shape != (copies[0],) or [block.shape for block in scatter] != [(k, k) for k in copies]:
            raise ValueError(f"mean and scatter must have {copies} copies, got mean {mean.shape} and {len(scatter)}")
        count, rounding = checked_integer("count", content["count"], least=1), float(content["rounding"])
        if not all(np.isfinite(numbers).all() for numbers in (mean, *scatter)) or not 0 < rounding < 1:
            raise ValueError("mean and scatter must be finite, and rounding between 0 and 1, got others")
        return cls(space, count, mean, scatter, rounding)


class StoredArray(Protocol):
    """An array on disk that is read by slices: zarr, h5py, numpy's memmap."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of matrices first."""

    def __getitem__(self, key: slice, /) -> Any:
        """Read a slice along the first axis."""


def matrix_chunks(stored: StoredArray) -> Iterator[Array]:
    """Slices of a stored array along its first axis, each read when it is asked for, in whole chunks of the store.

    Args:
        stored: (n, rows, columns), an array of zarr, dask, h5py or numpy (a memory map, say).

    Yields:
        (at least one chunk, rows, columns), arrays of numpy.

    Raises:
        ValueError: its matrices are of no size.

    >>> [len(chunk) for chunk in matrix_chunks(np.ones((100_000, 10, 10)))]
    [41943, 41943, 16114]
    """
    first = (getattr(stored, "chunks", None) or (1,))[0]
    own = max(first) if isinstance(first, tuple) else first  # dask tells the length of every chunk
    entries = prod(stored.shape[1:])
    if len(stored.shape) < 3 or not entries:
        raise ValueError(f"stored must be of shape (n, rows, columns), with rows and columns, got {stored.shape}")
    step = max(own, _READ_ENTRIES // entries // own * own)
    for start in range(0, stored.shape[0], step):
        yield np.asarray(stored[start : start + step])


def checked_batch(matrices: ArrayLike, space: MatrixSpace | None = None) -> NDArray[np.floating]:
    """Check that matrices are finite and inside their space.

    Args:
        matrices: (n, *space.shape), any real dtype.
        space: None to check for any matrices (n, rows, columns).

    Returns:
        The matrices as an array of their dtype.

    Raises:
        ValueError: if they are not; the message gives the reason.

    >>> checked_batch(np.ones((4, 4)))
    Traceback (most recent call last):
        ...
    ValueError: matrices must be of shape (n, rows, columns), got (4, 4)
    """
    batch = checked_matrices(matrices, square=False)
    if batch.ndim < 3:
        rows, entries = batch.shape
        size = isqrt(entries)
        flat = rows != entries and size**2 == entries > 1
        hint = f"; of flattened matrices give matrices.reshape(-1, {size}, {size})" if flat else ""
        raise ValueError(f"matrices must be of shape (n, rows, columns), got {batch.shape}{hint}")
    if space is not None:
        if not hasattr(space, "decomposition"):
            raise ValueError(f"space must be a MatrixSpace, such as SquareSpace(5), got {space!r}")
        if batch.shape[1:] != space.shape:
            raise ValueError(f"matrices must be of shape (n, {str(space.shape)[1:]}, got {batch.shape}")
        space.check(batch)
    return batch
