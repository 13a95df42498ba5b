"""Permutation-invariant Gaussian models of matrices, on blocks: no operation ever needs the N^2 x N^2 covariance."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import log, pi, prod
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..invariants.checks import checked_integer, checked_matrices, rounding_unit
from ..invariants.compiled_expectations import ExpectationMap, expectation_map
from ..invariants.multigraph import Multigraph
from ..invariants.spaces import (
    MatrixSpace,
    RectangularSpace,
    SeveralSpace,
    SquareSpace,
    SymmetricSpace,
    irrep_dimensions,
    space_of,
)
from .blocks import blocks_from_parameters, check_positive_definite, mean_and_second_moments, parameters_from_blocks

Array = NDArray[np.float64]

_SPACES = {space.__name__: space for space in (SquareSpace, RectangularSpace, SymmetricSpace, SeveralSpace)}


@dataclass(frozen=True, init=False, eq=False)
class BlockGaussian:
    """The Gaussian distribution of matrices with invariant mean and covariance, given by one covariance for each irrep.

    Args:
        space: the matrices and the permutations that act on them.
        parameters: means of the trivial components, then the upper triangle of each irrep's covariance of copies,
            in the order of `space.decomposition.parameters`.

    Raises:
        ValueError: if the number of parameters is wrong, one is not finite, or a block is not positive definite.

    >>> white = BlockGaussian(RectangularSpace(3, 4), [0.0, 1.0, 1.0, 1.0, 1.0])
    >>> white.log_prob(np.zeros((1, 3, 4))).round(4)
    array([-11.0273])
    """

    space: MatrixSpace
    parameters: Array

    def __init__(self, space: MatrixSpace, parameters: ArrayLike) -> None:
        expected = len(space.decomposition.parameters)
        try:
            vector = np.array(parameters)
        except ValueError:
            vector = np.empty(0)
        if vector.shape != (expected,) or vector.dtype.kind not in "fiu":
            raise ValueError(f"parameters must be {expected} real numbers, got {parameters!r}")
        vector = vector.astype(np.float64) + 0.0  # -0.0 becomes 0.0, so that equal models have equal hashes
        if not np.isfinite(vector).all():
            raise ValueError(f"parameters must be finite, got {vector.tolist()}")
        vector.flags.writeable = False
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "parameters", vector)
        for irrep, covariance in zip(space.decomposition.irreps, self.covariances, strict=True):
            check_positive_definite(covariance, irrep.name)

    @classmethod
    def from_space(cls, space: MatrixSpace, parameters: ArrayLike) -> Self:
        """The model of this class on a space; what `fit` and `load` build."""
        return cls(space, parameters)

    @classmethod
    def space_for(cls, shape: tuple[int, ...]) -> MatrixSpace:
        """The space that `fit` assumes for matrices of a shape."""
        return space_of(shape)

    @classmethod
    def fit(cls, matrices: ArrayLike, space: MatrixSpace | None = None) -> Self:
        """Maximum likelihood: the model whose mean and second moments of the components are the measured ones.

        Args:
            matrices: (n, rows, columns), finite; n at least one more than the copies of the trivial irrep
                (3 for square matrices, 2 for rectangular ones).
            space: the permutations assumed (default: S_N for square matrices, S_M x S_N for rectangular ones; give
                `SymmetricSpace` for symmetric matrices).

        Raises:
            ValueError: if there are too few matrices, their shape is not that of the space, an entry is not finite,
                or a block of the estimate is singular (as for symmetric matrices, or all-equal ones).

        >>> model = BlockGaussian.fit(np.random.default_rng(0).normal(size=(500, 3, 4)))
        >>> dict(zip(model.names[1:], model.parameters[1:].round(1).tolist()))
        {'G00': 1.0, 'G0H': 1.0, 'GH0': 1.0, 'GHH': 1.0}
        """
        batch = checked_matrices(matrices, square=False)
        if batch.ndim < 3:
            raise ValueError(f"matrices must be of shape (n, rows, columns), got {batch.shape}")
        space = cls.space_for(batch.shape[1:]) if space is None else space
        _check_in_space(batch, space)
        least = 1 + max(len(irrep.copies) for irrep in space.decomposition.irreps if irrep.is_trivial)
        if len(batch) < least:
            raise ValueError(f"matrices must be at least {least} for a fit, got {len(batch)}")
        # in units of the largest entry, so that squares neither overflow nor vanish
        unit = float(np.abs(batch).max()) or 1.0
        mean, moments = mean_and_second_moments(space, batch, unit)
        largest = max(float(np.trace(block)) for block in moments)
        precision = rounding_unit(batch)
        for irrep, block in zip(space.decomposition.irreps, moments, strict=True):
            # below this a block is rounding error of data without this part
            if float(np.diag(block).min()) <= (100 * precision) ** 2 * largest:
                hint = "; symmetric matrices need SymmetricSpace" if isinstance(space, SquareSpace) else ""
                raise ValueError(
                    f"matrices must vary in every irrep, got none in V_{irrep.name}: its covariance is singular{hint}"
                )
        scaled = parameters_from_blocks(unit * mean, [unit**2 * block for block in moments])
        return cls.from_space(space, scaled)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(str(parameter.symbol) for parameter in self.space.decomposition.parameters)

    @property
    def means(self) -> Array:
        """(copies of the trivial irrep,): its mean components."""
        return blocks_from_parameters(self.space, self.parameters)[0]

    @property
    def covariances(self) -> tuple[Array, ...]:
        """For each irrep the (copies, copies) covariance of its copies."""
        return blocks_from_parameters(self.space, self.parameters)[1]

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """Dimension of each irrep."""
        return irrep_dimensions(self.space)

    @property
    def total_dimension(self) -> int:
        """Dimension of the space: the number of entries that are free."""
        return sum(d * len(i.copies) for d, i in zip(self.dimensions, self.space.decomposition.irreps, strict=True))

    @property
    def mean(self) -> Array:
        """(rows, columns): the mean matrix."""
        components = [np.zeros_like(part) for part in self.space.project(np.zeros(self.space.shape))]
        components[0][:, 0] = self.means
        return self.space.assemble(components)

    @property
    def covariance(self) -> Array:
        """(*shape, *shape): the dense covariance, for small sizes, checks and plots; memory O(N^4)."""
        shape = self.space.shape
        units = np.eye(prod(shape)).reshape(-1, *shape)
        coloured = [
            np.einsum("xy,...ya->...xa", covariance, part)
            for covariance, part in zip(self.covariances, self.space.project(units), strict=True)
        ]
        return self.space.assemble(coloured).reshape(*shape, *shape)

    def sample(self, count: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw matrices (count, rows, columns): white noise, coloured block by block; cost O(rows columns) each.

        Args:
            count: how many, at least 0.
            seed: an integer or a numpy Generator; the same seed gives the same matrices.

        >>> PIGMM.iid(4, variance=1.0).sample(2, seed=0).shape
        (2, 4, 4)
        """
        checked_integer("count", count, least=0)
        white = np.random.default_rng(seed).standard_normal((count, *self.space.shape))
        components = [
            np.einsum("xy,nya->nxa", np.linalg.cholesky(covariance), part)
            for covariance, part in zip(self.covariances, self.space.project(white), strict=True)
        ]
        components[0] += self.means[:, None]
        return self.space.assemble(components)

    def log_prob(self, matrices: ArrayLike) -> Array:
        """Logarithm of the density at matrices (n, rows, columns): (n,).

        The density is by the Euclidean volume of the space (of symmetric matrices: in the Frobenius norm).
        """
        batch = self._checked(matrices)
        result = np.full(len(batch), -0.5 * self.total_dimension * log(2 * pi))
        for covariance, dimension, part in zip(self.covariances, self.dimensions, self._centred(batch), strict=True):
            whitened = np.linalg.solve(np.linalg.cholesky(covariance), part)
            result -= 0.5 * (np.square(whitened).sum(axis=(-2, -1)) + dimension * np.linalg.slogdet(covariance)[1])
        return result

    def entropy(self) -> float:
        """Differential entropy, in nats.

        >>> round(PIGMM.iid(4, variance=1.0).entropy() / 16, 4)  # (1 + log 2 pi) / 2 for each entry
        1.4189
        """
        logs = sum(d * np.linalg.slogdet(c)[1] for d, c in zip(self.dimensions, self.covariances, strict=True))
        return 0.5 * (self.total_dimension * (1 + log(2 * pi)) + float(logs))

    def expectation(self, graphs: Iterable[Multigraph]) -> Array:
        """Exact expectation values (len(graphs),) of invariants; compiled once for a set of graphs and a size.

        >>> PIGMM.iid(4, variance=2.0).expectation([Multigraph([(0, 1), (0, 1)])])  # sum_ij M_ij^2
        array([32.])
        """
        return self._expectation_map(graphs)(self.parameters)

    def expectation_gradient(self, graphs: Iterable[Multigraph]) -> Array:
        """Derivatives (len(graphs), len(parameters)) of the expectation values by the parameters."""
        return self._expectation_map(graphs).gradient(self.parameters)

    def _expectation_map(self, graphs: Iterable[Multigraph]) -> ExpectationMap:
        return expectation_map(graphs, self.space.sizes, self.space.decomposition.family)

    def influence(self, matrices: ArrayLike) -> Array:
        """(n, len(parameters)): what each matrix adds to the fitted parameters, to leading order, times n.

        The mean over the matrices that were fitted is zero; the covariance divided by n is that of the estimates.
        """
        batch = self._checked(matrices)
        parts = self._centred(batch)
        moments = [
            np.einsum("nxa,nya->nxy", part, part) / dimension - covariance
            for part, dimension, covariance in zip(parts, self.dimensions, self.covariances, strict=True)
        ]
        return parameters_from_blocks(parts[0][..., 0], moments)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as JSON."""
        content = {
            "format": "pigmm model",
            "space": {"kind": type(self.space).__name__, **vars(self.space)},
            "parameters": dict(zip(self.names, self.parameters.tolist(), strict=True)),
        }
        target = Path(path)
        # renamed into place, so that an interrupted write leaves no half file under the name
        partial = target.with_name(target.name + ".partial")
        partial.write_text(json.dumps(content, indent=1) + "\n")
        partial.replace(target)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model written by `save`; ValueError if the file is not one.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.json"
        >>> PIGMM.iid(4, variance=1.0).save(path)
        >>> PIGMM.load(path) == PIGMM.iid(4, variance=1.0)
        True
        """
        try:
            content = json.loads(Path(path).read_text())
            sizes = {name: value for name, value in content["space"].items() if name != "kind"}
            space = _SPACES[content["space"]["kind"]](**sizes)
            parameters = [float(content["parameters"][str(p.symbol)]) for p in space.decomposition.parameters]
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path} must be a model written by pigmm, but it cannot be read as one: {error!r}"
            ) from None
        return cls.from_space(space, parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_space, (self.space, self.parameters)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BlockGaussian):
            return NotImplemented
        return self.space == other.space and np.array_equal(self.parameters, other.parameters)

    def __hash__(self) -> int:
        return hash((self.space, self.parameters.tobytes()))

    def __repr__(self) -> str:
        named = ", ".join(f"{name}={value:.6g}" for name, value in zip(self.names, self.parameters, strict=True))
        return f"{type(self).__name__}({self.space}, {named})"

    def _checked(self, matrices: ArrayLike) -> Array:
        batch = checked_matrices(matrices, square=False)
        _check_in_space(batch, self.space)
        return batch.astype(np.float64)

    def _centred(self, batch: Array) -> list[Array]:
        """Components with the mean of the trivial ones taken off."""
        parts = list(self.space.project(batch))
        parts[0] = parts[0] - self.means[:, None]
        return parts


class PIGMM(BlockGaussian):
    """The 13-parameter permutation-invariant Gaussian matrix model of N x N matrices (arXiv:1809.07559, 2510.05218).

    Args:
        size: N, at least 4.
        parameters: 13 numbers: mu_1, mu_2; the covariances Lambda^-1 of V_0 (11, 12, 22), of V_H
            (11, 12, 13, 22, 23, 33), of V_2 and of V_3.

    Raises:
        ValueError: if the size is below 4, there are not 13 finite numbers, or a block is not positive definite
            (the message names it).

    >>> model = PIGMM(5, [1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1])
    >>> model.mean[0]  # mu_1 / N everywhere
    array([0.2, 0.2, 0.2, 0.2, 0.2])
    """

    def __init__(self, size: int, parameters: ArrayLike) -> None:
        super().__init__(SquareSpace(size), parameters)

    @classmethod
    def from_space(cls, space: MatrixSpace, parameters: ArrayLike) -> Self:
        """The model on a space, which must be square under S_N."""
        if not isinstance(space, SquareSpace):
            raise ValueError(f"matrices must be square for the 13-parameter model, got {space}")
        return cls(space.size, parameters)

    @classmethod
    def space_for(cls, shape: tuple[int, ...]) -> MatrixSpace:
        """Square matrices under S_N; ValueError for other shapes."""
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(f"matrices must be of shape (n, N, N) and square, got (n, {str(shape)[1:]}")
        return SquareSpace(shape[0])

    @classmethod
    def iid(cls, size: int, variance: float, mean: float = 0.0) -> Self:
        """Independent entries of one mean and variance: the model of a network at its initialisation.

        >>> PIGMM.iid(4, variance=2.0, mean=1.0).parameters.tolist()
        [4.0, 0.0, 2.0, 0.0, 2.0, 2.0, 0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 2.0]
        """
        if not variance > 0:
            raise ValueError(f"variance must be positive, got {variance!r}")
        blocks = [variance * np.eye(len(irrep.copies)) for irrep in SquareSpace(size).decomposition.irreps]
        return cls(size, parameters_from_blocks(np.array([size * mean, 0.0]), blocks))

    @property
    def size(self) -> int:
        """N."""
        return self.space.shape[0]


def _check_in_space(batch: NDArray[np.floating], space: MatrixSpace) -> None:
    if batch.shape[1:] != space.shape:
        raise ValueError(f"matrices must be of shape (n, {str(space.shape)[1:]}, got {batch.shape}")
    space.check(batch)
