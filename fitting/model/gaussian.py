"""Permutation-invariant Gaussian models of matrices, on blocks: no operation ever needs the N^2 x N^2 covariance."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, pi, prod
from os import PathLike
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import checked_integer
from ...invariants.expectation.compiled import ExpectationMap, expectation_map
from ...invariants.graphs.given import GivenGraph
from ...invariants.representation.spaces import MatrixSpace, SquareSpace, irrep_dimensions, space_of
from .blocks import blocks_from_parameters, check_positive_definite, parameters_from_blocks
from .storage import read_json, space_content, space_from_content, write_json
from .sufficient_statistics import SufficientStatistics, checked_batch

Array = NDArray[np.float64]

# Entries of the matrices that are projected together: 32 MiB in float64.
_INFLUENCE_ENTRIES = 1 << 22


@dataclass(frozen=True, init=False, eq=False)
class BlockGaussian:
    """The Gaussian distribution of matrices with invariant mean and covariance, given by one covariance for each irrep.

    Args:
        space: the matrices and the permutations that act on them.
        parameters: means of the trivial components, then the upper triangle of each irrep's covariance of copies,
            in the order of `space.decomposition.parameters`.

    Raises:
        ValueError: if the number of parameters is wrong, one is not finite, or a block is not positive definite.

    >>> from pigmm.invariants.representation.spaces import RectangularSpace
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
    def white(cls, space: MatrixSpace, variance: float, mean: float = 0.0) -> Self:
        """Every entry of one mean, and one variance in all directions of a space: of all entries, independent ones.

        Args:
            space: the matrices; symmetric ones have twice the variance on the diagonal as off it (the GOE).
            variance: of a component of unit norm; positive.
            mean: of an entry.

        Raises:
            ValueError: if the variance is not positive.

        >>> from pigmm.invariants.representation.spaces import RectangularSpace
        >>> BlockGaussian.white(RectangularSpace(2, 8), 0.25, mean=1.0).parameters.tolist()
        [4.0, 0.25, 0.25, 0.25, 0.25]
        """
        if not variance > 0:
            raise ValueError(f"variance must be positive, got {variance!r}")
        blocks = [variance * np.eye(len(irrep.copies)) for irrep in space.decomposition.irreps]
        of_ones = space.project(np.ones(space.shape))[0][:, 0]
        return cls.from_space(space, parameters_from_blocks(mean * of_ones, blocks))

    @classmethod
    def space_for(cls, shape: tuple[int, ...]) -> MatrixSpace:
        """The space that `fit` assumes for matrices of a shape."""
        return space_of(shape)

    @classmethod
    def fit(
        cls,
        matrices: ArrayLike | Iterator[ArrayLike] | SufficientStatistics,
        space: MatrixSpace | None = None,
        *,
        shrinkage: float = 0.0,
    ) -> Self:
        """Maximum likelihood: the model whose mean and second moments of the components are the measured ones.

        Args:
            matrices: (n, rows, columns), finite, n at least one more than the copies of the trivial irrep
                (3 for square matrices, 2 for rectangular ones); or an iterator of chunks of them (a generator, say
                `matrix_chunks` of an array on disk), of which one is in memory at a time; or their
                `SufficientStatistics`.
            space: the permutations assumed (default: S_N for square matrices, S_M x S_N for rectangular ones; give
                `SymmetricSpace` for symmetric matrices). Statistics have their own.
            shrinkage: intensity s in [0, 1] of a regularisation: each covariance G becomes (1 - s) G + s v 1, with v
                the fitted variance per free entry, that of the iid model (linear shrinkage to the identity as by
                Ledoit and Wolf 2004, but with a given intensity). With s > 0 two matrices suffice, and blocks may be
                singular.

        Raises:
            ValueError: if there are too few matrices, their shape is not that of the space, an entry is not finite,
                or a block of the estimate is singular (as for symmetric matrices, or all-equal ones) and s is 0.

        >>> model = BlockGaussian.fit(np.random.default_rng(0).normal(size=(500, 3, 4)))
        >>> dict(zip(model.names[1:], model.parameters[1:].round(1).tolist()))
        {'G00': 1.0, 'G0H': 1.0, 'GH0': 1.0, 'GHH': 1.0}
        """
        if not 0 <= shrinkage <= 1:
            raise ValueError(f"shrinkage must be in [0, 1], got {shrinkage!r}")
        statistics = cls._statistics(matrices, space)
        space = statistics.space
        copies = max(len(irrep.copies) for irrep in space.decomposition.irreps if irrep.is_trivial)
        least = 2 if shrinkage else 1 + copies
        if statistics.count < least:
            hint = "; `analyse_matrix` tests the symmetry of a single matrix" if statistics.count == 1 else ""
            raise ValueError(f"matrices must be at least {least} for a fit, got {statistics.count}{hint}")
        moments = statistics.moments
        if shrinkage:
            dimensions = irrep_dimensions(space)
            total = sum(d * float(np.trace(block)) for d, block in zip(dimensions, moments, strict=True))
            free = sum(d * len(block) for d, block in zip(dimensions, moments, strict=True))
            moments = tuple((1 - shrinkage) * m + shrinkage * total / free * np.eye(len(m)) for m in moments)
        if constant := statistics.irreps_without_variation(moments):
            raise ValueError(_without_variation(space, constant, statistics.rounding))
        return cls.from_space(space, parameters_from_blocks(statistics.mean, moments))

    @classmethod
    def _statistics(
        cls, matrices: ArrayLike | Iterator[ArrayLike] | SufficientStatistics, space: MatrixSpace | None
    ) -> SufficientStatistics:
        if isinstance(matrices, SufficientStatistics):
            if space is not None and space != matrices.space:
                raise ValueError(f"space must be that of the statistics, {matrices.space}, got {space}")
            return matrices
        if isinstance(matrices, Iterator):
            return SufficientStatistics.of_chunks(matrices, space)
        batch = checked_batch(matrices, space)
        return SufficientStatistics.of(batch, cls.space_for(batch.shape[1:]) if space is None else space)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(str(parameter.symbol) for parameter in self.space.decomposition.parameters)

    def __getitem__(self, name: str) -> float:
        """The parameter of a name.

        Raises:
            KeyError: if no parameter has this name.

        >>> PIGMM.iid(4, variance=2.0)["G3"]
        2.0
        """
        if name not in self.names:
            raise KeyError(f"name must be one of {', '.join(self.names)}, got {name!r}")
        return float(self.parameters[self.names.index(name)])

    def to_frame(self) -> pd.DataFrame:
        """The parameters as a table: index parameter, column value."""
        return pd.DataFrame({"value": self.parameters}, index=pd.Index(self.names, name="parameter"))

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(f'{type(self).__name__} on {self.space}')}</p>{self.to_frame().to_html()}"

    @property
    def means(self) -> Array:
        """(copies of the trivial irrep,): its mean components."""
        return self._blocks[0]

    @property
    def covariances(self) -> tuple[Array, ...]:
        """For each irrep the (copies, copies) covariance of its copies."""
        return self._blocks[1]

    @cached_property
    def _blocks(self) -> tuple[Array, tuple[Array, ...]]:
        means, covariances = blocks_from_parameters(self.space, self.parameters)
        for covariance in covariances:
            covariance.flags.writeable = False  # shared by all who ask
        return means, covariances

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
        return self.space.assemble(self.sample_components(count, seed))

    def sample_components(self, count: int, seed: int | np.random.Generator | None = None) -> list[Array]:
        """Components, as `space.project` gives them, of the matrices that `sample` draws with the same seed.

        >>> [part.shape for part in PIGMM.iid(4, variance=1.0).sample_components(2, seed=0)]
        [(2, 2, 1), (2, 3, 4), (2, 1, 16), (2, 1, 16)]
        """
        checked_integer("count", count, least=0)
        white = np.random.default_rng(seed).standard_normal((count, *self.space.shape))
        return self._coloured_components(white)

    def log_prob(self, matrices: ArrayLike) -> Array:
        """Logarithm of the density at matrices (n, rows, columns): (n,).

        The density is by the Euclidean volume of the space (of symmetric matrices: in the Frobenius norm).
        """
        batch = self._checked(matrices)
        result = np.full(len(batch), -0.5 * self.total_dimension * log(2 * pi))
        parts = self._whitened_components(batch)
        for covariance, dimension, part in zip(self.covariances, self.dimensions, parts, strict=True):
            result -= 0.5 * (np.square(part).sum(axis=(-2, -1)) + dimension * np.linalg.slogdet(covariance)[1])
        return result

    def whiten(self, matrices: ArrayLike) -> Array:
        """Matrices (n, rows, columns) with the mean taken off and the covariance made that of white noise.

        The components of each irrep are solved for with the Cholesky root of its covariance; the inverse of `colour`.

        >>> model = PIGMM.iid(4, variance=4.0, mean=1.0)
        >>> model.whiten(np.full((1, 4, 4), 3.0))[0, 0].round(12).tolist()
        [1.0, 1.0, 1.0, 1.0]
        """
        return self.space.assemble(self._whitened_components(self._checked(matrices)))

    def colour(self, matrices: ArrayLike) -> Array:
        """What makes matrices (n, rows, columns) of the model of white noise: the inverse of `whiten`.

        >>> model = PIGMM.iid(4, variance=4.0, mean=1.0)
        >>> model.colour(np.ones((1, 4, 4)))[0, 0].round(12).tolist()
        [3.0, 3.0, 3.0, 3.0]
        """
        return self.space.assemble(self._coloured_components(self._checked(matrices)))

    def _coloured_components(self, matrices: Array) -> list[Array]:
        roots = [np.linalg.cholesky(covariance) for covariance in self.covariances]
        # a single copy is only scaled, which is faster than a product of matrices
        white = zip(roots, self.space.project(matrices), strict=True)
        components = [root @ part if len(root) > 1 else root.item() * part for root, part in white]
        components[0] += self.means[:, None]
        return components

    def _whitened_components(self, matrices: Array) -> list[Array]:
        parts = self._centred(self.space.project(matrices))
        roots = [np.linalg.cholesky(covariance) for covariance in self.covariances]
        return [np.linalg.solve(root, part) for root, part in zip(roots, parts, strict=True)]

    def entropy(self) -> float:
        """Differential entropy, in nats.

        >>> round(PIGMM.iid(4, variance=1.0).entropy() / 16, 4)  # (1 + log 2 pi) / 2 for each entry
        1.4189
        """
        logs = sum(d * np.linalg.slogdet(c)[1] for d, c in zip(self.dimensions, self.covariances, strict=True))
        return 0.5 * (self.total_dimension * (1 + log(2 * pi)) + float(logs))

    def expectation(self, graphs: Iterable[GivenGraph]) -> Array:
        """Exact expectation values (len(graphs),) of invariants; compiled once for a set of graphs and a size.

        >>> from pigmm.invariants import Multigraph
        >>> PIGMM.iid(4, variance=2.0).expectation([Multigraph([(0, 1), (0, 1)])])  # sum_ij M_ij^2
        array([32.])
        """
        return self._expectation_map(graphs)(self.parameters)

    def expectation_gradient(self, graphs: Iterable[GivenGraph]) -> Array:
        """Derivatives (len(graphs), len(parameters)) of the expectation values by the parameters."""
        return self._expectation_map(graphs).gradient(self.parameters)

    def _expectation_map(self, graphs: Iterable[GivenGraph]) -> ExpectationMap:
        return expectation_map(graphs, self.space.sizes, self.space.decomposition.family)

    def influence(self, matrices: ArrayLike) -> Array:
        """(n, len(parameters)): what each matrix adds to the fitted parameters, to leading order, times n.

        The mean over the matrices that were fitted is zero; the covariance divided by n is that of the estimates.

        Args:
            matrices: (n, rows, columns); the components of a few at a time are in memory.
        """
        batch = self._checked(matrices)
        step = max(1, _INFLUENCE_ENTRIES // max(1, prod(self.space.shape)))
        chunks = [batch[start : start + step] for start in range(0, max(1, len(batch)), step)]
        return np.concatenate([self.influence_of_components(self.space.project(chunk)) for chunk in chunks])

    def influence_of_components(self, components: Sequence[Array]) -> Array:
        """`influence` of matrices that are given by their components, as `space.project` gives them.

        >>> model = PIGMM.iid(4, variance=1.0)
        >>> model.influence_of_components(model.sample_components(3, seed=0)).shape
        (3, 13)
        """
        parts = self._centred(components)
        moments = [
            np.einsum("nxa,nya->nxy", part, part) / dimension - covariance
            for part, dimension, covariance in zip(parts, self.dimensions, self.covariances, strict=True)
        ]
        return parameters_from_blocks(parts[0][..., 0], moments)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as JSON."""
        content = {
            "space": space_content(self.space),
            "parameters": dict(zip(self.names, self.parameters.tolist(), strict=True)),
        }
        write_json(path, "model", content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model written by `save`; ValueError if the file is not one.

        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.json"
        >>> PIGMM.iid(4, variance=1.0).save(path)
        >>> PIGMM.load(path) == PIGMM.iid(4, variance=1.0)
        True
        """

        def build(content: dict[str, Any]) -> Any:  # Self, which mypy does not take here
            space = space_from_content(content["space"])
            names = [str(parameter.symbol) for parameter in space.decomposition.parameters]
            return cls.from_space(space, [float(content["parameters"][name]) for name in names])

        model: Self = read_json(path, "model", build)
        return model

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
        return checked_batch(matrices, self.space).astype(np.float64)

    def _centred(self, components: Sequence[Array]) -> list[Array]:
        """Components with the mean of the trivial ones taken off."""
        return [components[0] - self.means[:, None], *components[1:]]


def _without_variation(space: MatrixSpace, constant: tuple[str, ...], rounding: float) -> str:
    """Explain that matrices vary in some irreps by no more than rounding errors."""
    dtype = next((t.__name__ for t in (np.float16, np.float32) if np.finfo(t).eps == rounding), "float64")
    if dtype == "float64" and len(constant) == len(space.decomposition.irreps):
        return "matrices must vary in every irrep, got matrices that are all the same up to rounding"
    hint = ""
    if isinstance(space, SquareSpace) and constant == ("V_3",):
        hint = "; symmetric matrices need SymmetricSpace"
    elif constant == ("V_0",):
        hint = "; do all matrices have one sum, or one trace?"
    elif dtype != "float64":
        hint = "; if it is more than rounding, take off a mean or give the matrices as float64"
    return (
        f"matrices must vary in every irrep by more than 100 rounding errors of the largest entries, got no more in "
        f"{', '.join(constant)} (rounding of {dtype}: {rounding:.1e}){hint}"
    )


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

        Args:
            size: N, at least 4.
            variance: of an entry, positive.
            mean: of an entry.

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
