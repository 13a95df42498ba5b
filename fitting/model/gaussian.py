"""Permutation-invariant Gaussian models of matrices, on blocks: no operation ever needs the N^2 x N^2 covariance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, pi, prod
from os import PathLike
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import as_array, checked_integer
from ...invariants.expectation.compiled import ExpectationMap, expectation_map
from ...invariants.graphs.given import GivenGraph
from ...invariants.representation.spaces import MatrixSpace, irrep_dimensions, space_of
from .blocks import blocks_from_parameters, check_positive_definite, parameters_from_blocks, trivial_parameters
from .estimability import least_count, without_variation
from .shown import Shown
from .storage import read_json, space_content, space_from_content, write_json
from .sufficient_statistics import SufficientStatistics, checked_batch
from .trivial import trivial_components, watched

Array = NDArray[np.float64]

# Entries of the matrices that are projected together: 32 MiB in float64.
_INFLUENCE_ENTRIES = 1 << 22


@dataclass(frozen=True, init=False, eq=False)
class BlockGaussian(Shown):
    """The Gaussian distribution of matrices with invariant mean and covariance, given by one covariance for each irrep.

    With `given` it is the law of matrices given their trivial components. These keep their values, one row for each
    matrix; all other components have mean zero and their covariances. The covariance of the trivial components is not
    known then: NaN in `parameters`, absent from tables, and zero in this law. Expectation values are averages over the
    rows, and the i-th matrix of a sample has the trivial components of row i (modulo their number).

    Args:
        space: the matrices and the permutations that act on them.
        parameters: means of the trivial components, then the upper triangle of each irrep's covariance of copies,
            in the order of `space.decomposition.parameters`.
        given: (n, copies of the trivial irrep), n at least 1: the law given these; the parameters of the trivial irrep
            are then replaced, the means by the average of the rows. None for the law of all components.

    Raises:
        ValueError: if the number of parameters is wrong, one is not finite, or a block is not positive definite; if
            `given` is not of that shape and finite.

    Source:
        arXiv:1809.07559, section 2, for square matrices; the law given the trivial components is that of derivation 9.

    >>> from pigmm.invariants.representation.spaces import RectangularSpace
    >>> white = BlockGaussian(RectangularSpace(3, 4), [0.0, 1.0, 1.0, 1.0, 1.0])
    >>> white.log_prob(np.zeros((1, 3, 4))).round(4)
    array([-11.0273])
    """

    space: MatrixSpace
    parameters: Array
    given: Array | None = None

    def __init__(self, space: MatrixSpace, parameters: ArrayLike, given: ArrayLike | None = None) -> None:
        expected = len(space.decomposition.parameters)
        try:
            vector = np.array(parameters)
        except ValueError:
            vector = np.empty(0)
        if vector.shape != (expected,) or vector.dtype.kind not in "fiu":
            raise ValueError(f"parameters must be {expected} real numbers, got {parameters!r}")
        vector = vector.astype(np.float64) + 0.0  # -0.0 becomes 0.0, so that equal models have equal hashes
        means, own_covariance = trivial_parameters(space)
        rows = None if given is None else _checked_given(given, means.stop)
        if rows is not None:
            vector[means] = rows.mean(axis=0)
        known = np.ones(expected, dtype=bool)
        known[own_covariance] = rows is None
        if not np.isfinite(vector[known]).all():
            raise ValueError(f"parameters must be finite, got {vector.tolist()}")
        vector[~known] = np.nan
        vector.flags.writeable = False
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "parameters", vector)
        object.__setattr__(self, "given", rows)
        for irrep, covariance in zip(space.decomposition.irreps, self.covariances, strict=True):
            if given is None or not irrep.is_trivial:
                check_positive_definite(covariance, irrep.name)

    @classmethod
    def from_space(cls, space: MatrixSpace, parameters: ArrayLike, given: ArrayLike | None = None) -> Self:
        """Make the model of this class on a space, as `fit` and `load` do.

        Args:
            space: of the matrices.
            parameters: as in `BlockGaussian`.
            given: as in `BlockGaussian`.

        Returns:
            A model of this class.

        Raises:
            ValueError: as `BlockGaussian`; if the class has no models on such a space.
        """
        return cls(space, parameters, given)

    @classmethod
    def white(cls, space: MatrixSpace, variance: float, mean: float = 0.0) -> Self:
        """Every entry of one mean, and one variance in all directions of a space: of all entries, independent ones.

        Args:
            space: the matrices; symmetric ones have twice the variance on the diagonal as off it (the GOE).
            variance: of a component of unit norm; positive.
            mean: of an entry.

        Returns:
            The model, of this class.

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
        """The space that `fit` assumes for matrices of a shape.

        Args:
            shape: of one matrix, or of several under one permutation.

        Returns:
            As `space_of`.

        Raises:
            ValueError: if there is none.
        """
        return space_of(shape)

    @classmethod
    def fit(
        cls,
        matrices: ArrayLike | Iterator[ArrayLike] | SufficientStatistics,
        space: MatrixSpace | None = None,
        *,
        shrinkage: float = 0.0,
        given_trivial: bool = False,
    ) -> Self:
        """Maximum likelihood: the model whose mean and second moments of the components are the measured ones.

        Given the trivial components, one matrix is enough: its other components hold many copies of what each
        covariance fixes, such as N - 1 of V_H. The covariance of the trivial components is then not estimated.

        Args:
            matrices: (n, rows, columns), any real dtype, finite, n at least one more than the copies of the trivial
                irrep (3 for square matrices, 2 for rectangular ones), or at least 1 given the trivial components; or an
                iterator of chunks of them (a generator, say `matrix_chunks` of an array on disk), of which one is in
                memory at a time; or their `SufficientStatistics`.
            space: the permutations assumed (default: S_N for square matrices, S_M x S_N for rectangular ones; give
                `SymmetricSpace` for symmetric matrices). Statistics have their own.
            shrinkage: intensity s in [0, 1] of a regularisation: each covariance G becomes (1 - s) G + s v 1, with v
                the fitted variance per free entry, that of the iid model (linear shrinkage to the identity as by
                Ledoit and Wolf 2004, but with a given intensity). With s > 0 two matrices suffice, and blocks may be
                singular.
            given_trivial: True for the law given the trivial components of each matrix; see `BlockGaussian`. Statistics
                of more than one matrix do not have these.

        Returns:
            The model, of this class.

        Raises:
            ValueError: if there are too few matrices, their shape is not that of the space, an entry is not finite,
                or a block of the estimate is singular (as for symmetric matrices, or all-equal ones) and s is 0.

        >>> model = BlockGaussian.fit(np.random.default_rng(0).normal(size=(500, 3, 4)))
        >>> dict(zip(model.names[1:], model.parameters[1:].round(1).tolist()))
        {'G00': 1.0, 'G0H': 1.0, 'GH0': 1.0, 'GHH': 1.0}
        >>> one = np.random.default_rng(0).normal(size=(1, 60, 80))
        >>> BlockGaussian.fit(one, given_trivial=True).to_frame().round(1).value.to_dict()
        {'mu': -0.3, 'G0H': 1.0, 'GH0': 1.1, 'GHH': 1.0}
        """
        if not 0 <= shrinkage <= 1:
            raise ValueError(f"shrinkage must be in [0, 1], got {shrinkage!r}")
        statistics, given = cls._statistics(matrices, space, given_trivial)
        space = statistics.space
        varying = slice(given_trivial, None)
        irreps, dimensions = space.decomposition.irreps[varying], irrep_dimensions(space)[varying]
        least = least_count(irreps, dimensions)
        least = min(2 - given_trivial, least) if shrinkage else least
        if statistics.count < least:
            hint = (
                "; `analyse_matrix` tests one matrix, given_trivial=True fits it"
                if statistics.count == 1 and not given_trivial
                else ""
            )
            raise ValueError(f"matrices must be at least {least} for a fit, got {statistics.count}{hint}")
        moments = statistics.moments
        if shrinkage:
            total = sum(d * float(np.trace(m)) for d, m in zip(dimensions, moments[varying], strict=True))
            free = sum(d * len(m) for d, m in zip(dimensions, moments[varying], strict=True))
            moments = tuple((1 - shrinkage) * m + shrinkage * total / free * np.eye(len(m)) for m in moments)
        if constant := statistics.irreps_without_variation(moments[varying]):
            raise ValueError(without_variation(space, constant, statistics.rounding, len(irreps)))
        return cls.from_space(space, parameters_from_blocks(statistics.mean, moments), given)

    @classmethod
    def _statistics(
        cls,
        matrices: ArrayLike | Iterator[ArrayLike] | SufficientStatistics,
        space: MatrixSpace | None,
        given_trivial: bool,
    ) -> tuple[SufficientStatistics, Array | None]:
        """The statistics of matrices, and their trivial components if these are to be given."""
        if isinstance(matrices, SufficientStatistics):
            if space is not None and space != matrices.space:
                raise ValueError(f"space must be that of the statistics, {matrices.space}, got {space}")
            if given_trivial and matrices.count > 1:
                raise ValueError(
                    "matrices must be the matrices themselves for a fit given the trivial components of each, got the "
                    f"statistics of {matrices.count}"
                )
            return matrices, matrices.mean[None] if given_trivial else None
        if isinstance(matrices, Iterator):
            seen: list[Array] = []
            chunks = watched(matrices, space, seen) if given_trivial else matrices
            statistics = SufficientStatistics.of_chunks(chunks, space)
            return statistics, np.concatenate(seen) if given_trivial else None
        batch = checked_batch(matrices, space)
        space = cls.space_for(batch.shape[1:]) if space is None else space
        return SufficientStatistics.of(batch, space), trivial_components(space, batch) if given_trivial else None

    def given_those_of(self, matrices: ArrayLike) -> Self:
        """The law with these covariances given the trivial components of each of some matrices (n, rows, columns).

        Args:
            matrices: finite, n at least 1.

        Returns:
            The model, of this class.

        Raises:
            ValueError: if the matrices are not those of the space, or none.

        >>> from pigmm.fitting import PIGMM
        >>> model = PIGMM.iid(4, variance=1.0).given_those_of(np.ones((1, 4, 4)))
        >>> model.sample(2, seed=0).sum(axis=(1, 2)).round(12).tolist()
        [16.0, 16.0]
        """
        given = trivial_components(self.space, checked_batch(matrices, self.space))
        return self.from_space(self.space, self.parameters, given)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(parameter.symbol.name for parameter in self.space.decomposition.parameters)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the parameters that are not known: none, or the trivial irrep's covariance if that is given.

        >>> from pigmm.fitting import PIGMM
        >>> PIGMM.fit(np.random.default_rng(0).normal(size=(1, 9, 9)), given_trivial=True).unknown
        ('G0_11', 'G0_12', 'G0_22')
        """
        return () if self.given is None else self.names[trivial_parameters(self.space)[1]]

    def __getitem__(self, name: str) -> float:
        """Return the parameter of a name.

        Args:
            name: one of `names`.

        Returns:
            Its value.

        Raises:
            KeyError: if no parameter has this name, or it is not known.

        >>> from pigmm.fitting import PIGMM
        >>> PIGMM.iid(4, variance=2.0)["G3"]
        2.0
        """
        if name not in self.names:
            raise KeyError(f"name must be one of {', '.join(self.names)}, got {name!r}")
        if name in self.unknown:
            raise KeyError(f"{name} is not known: {self._what_is_given}")
        return float(self.parameters[self.names.index(name)])

    @property
    def _what_is_given(self) -> str:
        if self.given is None:
            return ""
        count = len(self.given)
        matrices = "one matrix" if count == 1 else f"each of {count} matrices"
        return f"the trivial components of {matrices} are given"

    def to_frame(self) -> pd.DataFrame:
        """Show the parameters that are known as a table.

        Returns:
            A row a parameter: index parameter, column value.
        """
        table = pd.DataFrame({"value": self.parameters}, index=pd.Index(self.names, name="parameter"))
        return table.drop(index=list(self.unknown))

    def _heading(self) -> str:
        head = f"{type(self).__name__} on {self.space}"
        if self.unknown:
            head += f"; {self._what_is_given}, {', '.join(self.unknown)} not known"
        return head

    @property
    def means(self) -> Array:
        """(copies of the trivial irrep,): its mean components; the average of the given ones, if so."""
        return self._blocks[0]

    @property
    def covariances(self) -> tuple[Array, ...]:
        """The (copies, copies) covariance of each irrep; zero for trivial components that are given."""
        return self._blocks[1]

    @cached_property
    def _blocks(self) -> tuple[Array, tuple[Array, ...]]:
        means, covariances = blocks_from_parameters(self.space, self.parameters)
        if self.given is not None:
            covariances = (np.zeros_like(covariances[0]), *covariances[1:])
        for covariance in covariances:
            covariance.flags.writeable = False  # shared by all who ask
        return means, covariances

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """Dimension of each irrep."""
        return irrep_dimensions(self.space)

    @property
    def varying(self) -> tuple[tuple[int, Array], ...]:
        """(dimension, covariance) of each irrep whose components vary: all but the trivial one if that is given."""
        return tuple(zip(self.dimensions, self.covariances, strict=True))[self._first_varying :]

    @property
    def _first_varying(self) -> int:
        return 0 if self.given is None else 1  # the trivial irrep is the first

    @property
    def total_dimension(self) -> int:
        """Number of entries that are free; fewer by the trivial components if these are given."""
        return sum(dimension * len(covariance) for dimension, covariance in self.varying)

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

        Returns:
            (count, rows, columns); if the trivial components are given, the i-th has those of matrix i, modulo their
            number.

        Raises:
            ValueError: if the count is no such integer.

        >>> from pigmm.fitting import PIGMM
        >>> PIGMM.iid(4, variance=1.0).sample(2, seed=0).shape
        (2, 4, 4)
        """
        return self.space.assemble(self.sample_components(count, seed))

    def sample_components(self, count: int, seed: int | np.random.Generator | None = None) -> list[Array]:
        """Draw the components, as `space.project` gives them, of the matrices that `sample` draws with the same seed.

        Args:
            count: of matrices.
            seed: as in `sample`.

        Returns:
            For each irrep (count, copies, labels).

        >>> from pigmm.fitting import PIGMM
        >>> [part.shape for part in PIGMM.iid(4, variance=1.0).sample_components(2, seed=0)]
        [(2, 2, 1), (2, 3, 4), (2, 1, 16), (2, 1, 16)]
        """
        checked_integer("count", count, least=0)
        white = np.random.default_rng(seed).standard_normal((count, *self.space.shape))
        return self._coloured_components(white)

    def log_prob(self, matrices: ArrayLike) -> Array:
        """Logarithm of the density at matrices.

        The density is by the Euclidean volume of the space (of symmetric matrices: in the Frobenius norm). If the
        trivial components are given, it is that of each matrix given its own, by the volume of the other components.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n,), in nats.

        Raises:
            ValueError: if the matrices are not those of the space.
        """
        batch = self._checked(matrices)
        result = np.full(len(batch), -0.5 * self.total_dimension * log(2 * pi))
        parts = self._whitened_components(batch)[self._first_varying :]
        for (dimension, covariance), part in zip(self.varying, parts, strict=True):
            result -= 0.5 * (np.square(part).sum(axis=(-2, -1)) + dimension * np.linalg.slogdet(covariance)[1])
        return result

    def whiten(self, matrices: ArrayLike) -> Array:
        """Matrices with the mean taken off and the covariance made that of white noise.

        The components of each irrep are solved for with the Cholesky root of its covariance; the inverse of `colour`.
        Trivial components that are given become zero.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n, rows, columns).

        >>> from pigmm.fitting import PIGMM
        >>> model = PIGMM.iid(4, variance=4.0, mean=1.0)
        >>> model.whiten(np.full((1, 4, 4), 3.0))[0, 0].round(12).tolist()
        [1.0, 1.0, 1.0, 1.0]
        """
        return self.space.assemble(self._whitened_components(self._checked(matrices)))

    def colour(self, matrices: ArrayLike) -> Array:
        """Make matrices of the model from white noise: the inverse of `whiten`.

        Trivial components are replaced by the given ones, as in `sample`.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n, rows, columns).

        >>> from pigmm.fitting import PIGMM
        >>> model = PIGMM.iid(4, variance=4.0, mean=1.0)
        >>> model.colour(np.ones((1, 4, 4)))[0, 0].round(12).tolist()
        [3.0, 3.0, 3.0, 3.0]
        """
        return self.space.assemble(self._coloured_components(self._checked(matrices)))

    def _coloured_components(self, matrices: Array) -> list[Array]:
        # a single copy is only scaled, which is faster than a product of matrices
        white = zip(self._roots, self.space.project(matrices), strict=True)
        components = [root @ part if len(root) > 1 else root.item() * part for root, part in white]
        components[0] += self._means_of(len(matrices))[:, :, None]
        return components

    def _means_of(self, count: int) -> Array:
        """(count or 1, copies of the trivial irrep): the means of its components in each of so many matrices."""
        return self.means[None] if self.given is None else self.given[np.arange(count) % len(self.given)]

    @cached_property
    def _roots(self) -> tuple[Array, ...]:
        """Lower triangular roots of the covariances; zero is its own."""
        return tuple(np.asarray(np.linalg.cholesky(g), np.float64) if g.any() else g for g in self.covariances)

    def _whitened_components(self, matrices: Array) -> list[Array]:
        parts = self._centred(self.space.project(matrices))
        for number in range(self._first_varying, len(parts)):
            parts[number] = np.asarray(np.linalg.solve(self._roots[number], parts[number]), dtype=np.float64)
        return parts

    def entropy(self) -> float:
        """Compute the differential entropy, in nats; given the trivial components that of the others.

        Returns:
            Nats.

        >>> from pigmm.fitting import PIGMM
        >>> round(PIGMM.iid(4, variance=1.0).entropy() / 16, 4)  # (1 + log 2 pi) / 2 for each entry
        1.4189
        """
        logs = sum(dimension * np.linalg.slogdet(covariance)[1] for dimension, covariance in self.varying)
        return 0.5 * (self.total_dimension * (1 + log(2 * pi)) + float(logs))

    def expectation(self, graphs: Iterable[GivenGraph]) -> Array:
        """Exact expectation values of invariants; compiled once for a set of graphs and a size.

        Given the trivial components, the mean of each matrix is its trivial part and the covariance has none. Wick's
        theorem holds for each, and the result is the average over the given matrices.

        Args:
            graphs: of matrices of this kind.

        Returns:
            (len(graphs),), in the order given.

        Raises:
            ValueError: if the graphs are of another kind of matrices.

        Source:
            arXiv:1809.07559, section 3; derivation 9 for the law given the trivial components.

        >>> from pigmm.fitting import PIGMM
        >>> from pigmm.invariants import Multigraph
        >>> PIGMM.iid(4, variance=2.0).expectation([Multigraph([(0, 1), (0, 1)])])  # sum_ij M_ij^2
        array([32.])
        """
        compiled = self._expectation_map(graphs)
        return compiled(self.parameters) if self.given is None else compiled.average(self._given_parameters)

    def expectation_gradient(self, graphs: Iterable[GivenGraph]) -> Array:
        """Derivatives of the expectation values by the parameters.

        Args:
            graphs: as in `expectation`.

        Returns:
            (len(graphs), len(parameters)); zero for the trivial irrep if its components are given.
        """
        compiled = self._expectation_map(graphs)
        if self.given is None:
            return compiled.gradient(self.parameters)
        gradient = compiled.average_gradient(self._given_parameters)
        for fixed in trivial_parameters(self.space):
            gradient[:, fixed] = 0
        return gradient

    @property
    def _given_parameters(self) -> Array:
        """(given matrices, len(parameters)): the law of each by itself, a Gaussian one of no trivial covariance."""
        means, own_covariance = trivial_parameters(self.space)
        rows = self._means_of(1 if self.given is None else len(self.given))
        parameters = np.tile(self.parameters, (len(rows), 1))
        parameters[:, means] = rows
        parameters[:, own_covariance] = 0
        return parameters

    def _expectation_map(self, graphs: Iterable[GivenGraph]) -> ExpectationMap:
        return expectation_map(graphs, self.space.sizes, self.space.decomposition.family)

    def influence(self, matrices: ArrayLike) -> Array:
        """Compute the contribution of each matrix to the fitted parameters, to leading order, times n.

        The mean over the matrices that were fitted is zero; the covariance divided by n is that of the estimates.
        Trivial components that are given add nothing.

        Args:
            matrices: (n, rows, columns); the components of a few at a time are in memory.

        Returns:
            (n, len(parameters)).

        Raises:
            ValueError: if the matrices are not those of the space.
        """
        batch = checked_batch(matrices, self.space)
        step = max(1, _INFLUENCE_ENTRIES // max(1, prod(self.space.shape)))
        chunks = (batch[start : start + step].astype(np.float64) for start in range(0, max(1, len(batch)), step))
        return np.concatenate([self.influence_of_components(self.space.project(chunk)) for chunk in chunks])

    def influence_of_components(self, components: Sequence[Array]) -> Array:
        """`influence` of matrices that are given by their components, as `space.project` gives them.

        Args:
            components: for each irrep (n, copies, labels).

        Returns:
            (n, len(parameters)).

        >>> from pigmm.fitting import PIGMM
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
        """Write the model as JSON; parameters that are not known are left out.

        Args:
            path: of the file, replaced if it exists.
        """
        content: dict[str, Any] = {"space": space_content(self.space), "parameters": self.to_frame().value.to_dict()}
        if self.given is not None:
            content["given"] = self.given.tolist()
        write_json(path, "model", content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a model written by `save`.

        Args:
            path: of the file.

        Returns:
            The model, of this class.

        Raises:
            ValueError: if the file is not one, or of a model of another class.

        >>> from pigmm.fitting import PIGMM
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.json"
        >>> PIGMM.iid(4, variance=1.0).save(path)
        >>> PIGMM.load(path) == PIGMM.iid(4, variance=1.0)
        True
        """

        def build(content: dict[str, Any]) -> Any:  # Self, which mypy does not take here
            space = space_from_content(content["space"])
            names = [str(parameter.symbol) for parameter in space.decomposition.parameters]
            stored, given = content["parameters"], content.get("given")
            unknown = names[trivial_parameters(space)[1]] if given is not None else []
            values = [np.nan if name in unknown else float(stored[name]) for name in names]
            return cls.from_space(space, values, given)

        model: Self = read_json(path, "model", build)
        return model

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_space, (self.space, self.parameters, self.given)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BlockGaussian):
            return NotImplemented
        if self.space != other.space or not np.array_equal(self.parameters, other.parameters, equal_nan=True):
            return False
        if self.given is None or other.given is None:
            return self.given is other.given
        return np.array_equal(self.given, other.given)

    def __hash__(self) -> int:
        given = b"" if self.given is None else self.given.tobytes()
        return hash((self.space, self.parameters.tobytes(), given))

    def __repr__(self) -> str:
        named = [f"{name}={value:.6g}" for name, value in self.to_frame().value.items()]
        told = [] if self.given is None else [f"given={len(self.given)} x {self.given.shape[1]} trivial components"]
        return f"{type(self).__name__}({self.space}, {', '.join(named + told)})"

    def _checked(self, matrices: ArrayLike) -> Array:
        return checked_batch(matrices, self.space).astype(np.float64)

    def _centred(self, components: Sequence[Array]) -> list[Array]:
        """Components with the mean of the trivial ones taken off, which is all of them if they are given."""
        first = components[0] - self.means[:, None] if self.given is None else np.zeros_like(components[0])
        return [first, *components[1:]]


def _checked_given(given: ArrayLike, copies: int) -> Array:
    rows = as_array("given", given)
    if rows.ndim != 2 or rows.shape[1] != copies or len(rows) == 0 or rows.dtype.kind not in "fiu":
        raise ValueError(f"given must be real numbers of shape (n, {copies}), n at least 1, got {rows.shape}")
    rows = rows.astype(np.float64) + 0.0
    if not np.isfinite(rows).all():
        raise ValueError(f"given must be finite, got {int((~np.isfinite(rows)).sum())} NaN or infinite numbers")
    rows.flags.writeable = False
    return rows
