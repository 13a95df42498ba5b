"""The simplest invariant law with heavy tails: a Gaussian one whose scale differs from matrix to matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log, pi
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import checked_integer
from ...invariants.graphs.given import GivenGraph, checked_graphs
from ...invariants.representation.spaces import MatrixSpace, irrep_dimensions, space_of
from ..model.blocks import blocks_from_parameters, parameters_from_blocks
from ..model.gaussian import BlockGaussian
from ..model.pigmm import gaussian_class
from ..model.shown import Shown
from ..model.storage import read_json, space_content, space_from_content, write_json
from ..model.sufficient_statistics import checked_batch, matrix_chunks
from .hyvarinen import gaussian_gradient
from .moments_of_each import whitened_moments

Array = NDArray[np.float64]

# Degrees of freedom that are searched; above the last the model is Gaussian.
_LEAST_FREEDOM, _MOST_FREEDOM = 0.1, 1e7
_MOST_STEPS = 500
_TOLERANCE = 1e-6  # nats


@dataclass(frozen=True, eq=False)
class EllipticalModel(Shown):
    """Student's t for matrices: mean + scale x noise, one random scale for each matrix, the noise Gaussian.

    One over the squared scale has a gamma law of mean 1 and shape half the degrees of freedom. All entries of a matrix
    share the scale, so their sizes are dependent though they may be uncorrelated.

    Args:
        base: the Gaussian model of scale 1; its covariance is that of the noise.
        degrees_of_freedom: positive; infinite for the Gaussian model itself.

    Raises:
        ValueError: if they are not positive, or the base is given trivial components.

    >>> from pigmm.fitting import PIGMM
    >>> heavy = EllipticalModel(PIGMM.iid(10, variance=1.0), degrees_of_freedom=5.0)
    >>> heavy.scales(3.0 * PIGMM.iid(10, variance=1.0).sample(1, seed=0)).round(1)
    array([2.9])
    """

    base: BlockGaussian
    degrees_of_freedom: float

    def __post_init__(self) -> None:
        if not self.degrees_of_freedom > 0:
            raise ValueError(f"degrees_of_freedom must be positive, got {self.degrees_of_freedom!r}")
        if self.base.given is not None:
            raise ValueError("base must be a model of all components, got one given the trivial components")

    @classmethod
    def fit(cls, matrices: ArrayLike, *, space: MatrixSpace | None = None) -> EllipticalModel:
        """Maximum likelihood by expectation maximisation on the moments of each matrix.

        Args:
            matrices: (n, rows, columns), finite, n at least 3.
            space: the permutations assumed, as in `BlockGaussian.fit`.

        Returns:
            The model; of infinite degrees of freedom if no heavier tail makes the matrices likelier.

        Raises:
            ValueError: as `BlockGaussian.fit`.

        Source:
            K. L. Lange, R. J. A. Little, J. M. G. Taylor, J. Am. Stat. Assoc. 84 (1989) 881; C. Liu, D. B. Rubin, Y. N.
            Wu, Biometrika 85 (1998) 755.

        >>> from pigmm.fitting import PIGMM
        >>> scales = 1 / np.sqrt(np.random.default_rng(0).gamma(3.0, 1 / 3.0, size=500))
        >>> model = EllipticalModel.fit(scales[:, None, None] * PIGMM.iid(6, variance=1.0).sample(500, seed=0))
        >>> round(model.degrees_of_freedom)
        6
        """
        batch = checked_batch(matrices, space)
        space = space_of(batch.shape[1:]) if space is None else space
        pooled = gaussian_class(space).fit(batch, space)
        moments = whitened_moments(pooled, batch)
        dimensions, n = irrep_dimensions(space), len(moments)
        total = pooled.total_dimension
        means = np.zeros_like(pooled.means)
        blocks: list[Array] = [np.eye(len(g)) for g in pooled.covariances]
        likelihood, freedom = -inf, inf
        for _ in range(_MOST_STEPS):
            distances, volume = _squared_distances(space, moments, means, blocks)
            freedom, now = _best_freedom(distances, total)
            if now - n * volume - likelihood < _TOLERANCE:
                break
            likelihood = now - n * volume
            shares = (freedom + total) / (freedom + distances) if freedom < inf else np.ones(n)
            means, scatter = blocks_from_parameters(space, shares @ moments)
            weight = float(shares.sum())
            means = means / weight
            first = scatter[0] - weight * np.outer(means, means)
            # divided by the sum of the weights and not by n, which converges faster to the same maximum
            blocks = [g / (weight * d) for g, d in zip((first, *scatter[1:]), dimensions, strict=True)]
        roots = [np.linalg.cholesky(g) for g in pooled.covariances]
        mean = pooled.means + roots[0] @ means
        own = [root @ block @ root.T for root, block in zip(roots, blocks, strict=True)]
        return cls(pooled.from_space(space, parameters_from_blocks(mean, own)), freedom)

    @property
    def space(self) -> MatrixSpace:
        """Of the matrices."""
        return self.base.space

    @property
    def number_of_parameters(self) -> int:
        """Free parameters: those of the base, and the degrees of freedom."""
        return len(self.base.parameters) + 1

    def scales(self, matrices: ArrayLike) -> Array:
        """The scale of each matrix, as far as its entries tell: the root of the mean square scale given the matrix.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n,), 1 for a matrix of the size of the noise; all 1 for infinite degrees of freedom.

        Raises:
            ValueError: if the matrices are not those of the space.
        """
        batch = checked_batch(matrices, self.space)
        if self.degrees_of_freedom == inf:
            return np.ones(len(batch))
        total = self.base.total_dimension
        result: Array = np.sqrt(
            (self.degrees_of_freedom + self._distances(batch)) / (self.degrees_of_freedom + total - 2)
        )
        return result

    def log_prob(self, matrices: ArrayLike) -> Array:
        """Logarithm of the density at matrices.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n,), in nats.

        Raises:
            ValueError: if the matrices are not those of the space.
        """
        batch = checked_batch(matrices, self.space)
        if self.degrees_of_freedom == inf:
            return self.base.log_prob(batch)
        total, distances = self.base.total_dimension, self._distances(batch)
        # the base says all but how the distance enters
        gaussian = self.base.log_prob(batch) + 0.5 * distances + 0.5 * total * log(2 * pi)
        return gaussian + _log_radial(distances, total, self.degrees_of_freedom)

    def sample(self, count: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw matrices.

        Args:
            count: how many, at least 0.
            seed: an integer or a numpy Generator; the same seed gives the same matrices.

        Returns:
            (count, rows, columns).

        >>> from pigmm.fitting import PIGMM
        >>> EllipticalModel(PIGMM.iid(4, 1.0), 5.0).sample(2, seed=0).shape
        (2, 4, 4)
        """
        checked_integer("count", count, least=0)
        rng = np.random.default_rng(seed)
        noise = self.base.sample(count, rng)
        if self.degrees_of_freedom == inf:
            return noise
        half = 0.5 * self.degrees_of_freedom
        scales = 1 / np.sqrt(rng.gamma(half, 1 / half, size=count))
        mean = self.base.mean
        result: Array = mean + scales.reshape(-1, *[1] * mean.ndim) * (noise - mean)
        return result

    def expectation(self, graphs: Iterable[GivenGraph]) -> Array:
        """Exact expectation values of invariants, infinite where the tails are too heavy for them.

        The expectation value of a graph of k arcs is a polynomial of degree k / 2 at most in the squared scale. It is
        found from as many scales as it has coefficients, and each power has a known mean.

        Args:
            graphs: of matrices of this kind.

        Returns:
            (len(graphs),), in the order given; inf if the invariant has no mean.

        Raises:
            ValueError: if the graphs are of another kind of matrices.

        Source:
            arXiv:1809.07559, section 3, at each scale.

        >>> from pigmm.fitting import PIGMM
        >>> from pigmm.invariants import Multigraph
        >>> square = Multigraph([(0, 1), (0, 1)])  # sum_ij M_ij^2
        >>> EllipticalModel(PIGMM.iid(4, 1.0), 4.0).expectation([square]).round(9)
        array([32.])
        """
        given = checked_graphs(graphs, self.space.decomposition.family)
        if self.degrees_of_freedom == inf:
            return self.base.expectation(given)
        powers = max((graph.degree for graph in given), default=0) // 2 + 1
        squares = np.arange(1.0, powers + 1)
        models = [self._scaled(square) for square in squares]
        values = np.stack([model.expectation(given) for model in models])
        coefficients = np.linalg.solve(np.vander(squares, increasing=True), values)
        half, order = 0.5 * self.degrees_of_freedom, np.arange(powers)
        finite = half > order
        logs = order * log(half) + scipy.special.gammaln(np.where(finite, half - order, 1.0))
        means = np.where(finite, np.exp(logs - scipy.special.gammaln(half)), inf)
        small = 1e-9 * np.abs(values).max(axis=0, initial=0.0)  # rounding of a power that the invariant does not have
        present = np.abs(coefficients) > small
        terms = np.where(present, np.where(present, coefficients, 1.0) * means[:, None], 0.0)
        result: Array = terms.sum(axis=0)
        return result

    def _scaled(self, square: float) -> BlockGaussian:
        blocks = [square * covariance for covariance in self.base.covariances]
        return self.base.from_space(self.space, parameters_from_blocks(self.base.means, blocks))

    def objective(self, matrices: ArrayLike) -> Array:
        """Hyvärinen's score of each matrix; see `MixtureModel.objective`.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n,), in units of one over the square of an entry; lower is better.

        Raises:
            ValueError: if the matrices are not those of the space.

        Source:
            A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695.
        """
        batch = checked_batch(matrices, self.space)
        return np.concatenate([np.empty(0), *(self._objective(chunk) for chunk in matrix_chunks(batch))])

    def _objective(self, chunk: Array) -> Array:
        gradient, laplacian = gaussian_gradient(self.base, chunk)
        square: Array = np.square(gradient).sum(axis=tuple(range(1, chunk.ndim)))
        if self.degrees_of_freedom == inf:
            return 0.5 * square + laplacian
        below = self.degrees_of_freedom + self._distances(chunk)
        factor = (self.degrees_of_freedom + self.base.total_dimension) / below
        return factor * laplacian + (2 * factor / below + 0.5 * factor**2) * square

    def _distances(self, matrices: NDArray[np.floating]) -> Array:
        """Squared Mahalanobis distance of each matrix from the mean."""
        axes = tuple(range(1, 1 + len(self.space.shape)))
        own = (np.square(self.base.whiten(chunk)).sum(axis=axes) for chunk in matrix_chunks(matrices))
        return np.concatenate([np.empty(0), *own])

    def to_frame(self) -> pd.DataFrame:
        """Show the parameters as a table.

        Returns:
            A row a parameter: index parameter, column value; the degrees of freedom last.
        """
        table = self.base.to_frame()
        table.loc["degrees_of_freedom"] = self.degrees_of_freedom
        return table

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as JSON; every digit is kept.

        Args:
            path: of the file, replaced if it exists.
        """
        content = {"space": space_content(self.space), "parameters": self.base.parameters.tolist()}
        freedom = self.degrees_of_freedom
        write_json(path, "elliptical model", content | {"degrees_of_freedom": None if freedom == inf else freedom})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> EllipticalModel:
        """Read a model written by `save`.

        Args:
            path: of the file.

        Returns:
            The model.

        Raises:
            ValueError: if the file is not one.

        >>> import tempfile
        >>> from pigmm.fitting import PIGMM
        >>> path = tempfile.mkdtemp() + "/elliptical.json"
        >>> EllipticalModel(PIGMM.iid(4, 1.0), 5.0).save(path)
        >>> EllipticalModel.load(path).degrees_of_freedom
        5.0
        """

        def build(content: dict[str, Any]) -> EllipticalModel:
            space = space_from_content(content["space"])
            freedom = content["degrees_of_freedom"]
            base = gaussian_class(space).from_space(space, content["parameters"])
            return cls(base, inf if freedom is None else float(freedom))

        return read_json(path, "elliptical model", build)

    def _heading(self) -> str:
        return f"EllipticalModel on {self.space}, {self.degrees_of_freedom:.3g} degrees of freedom"

    def __repr__(self) -> str:
        return f"EllipticalModel({self.base!r}, degrees_of_freedom={self.degrees_of_freedom:.6g})"


def _squared_distances(space: MatrixSpace, moments: Array, means: Array, blocks: list[Array]) -> tuple[Array, float]:
    """Squared distances (n,) of white matrices from a mean in units of covariances, and half the log-determinant."""
    inverses = [np.linalg.inv(block) for block in blocks]
    linear = inverses[0] @ means
    doubled = [np.where(np.eye(len(block), dtype=bool), 1.0, 2.0) * block for block in inverses]
    coefficients = parameters_from_blocks(-2 * linear, doubled)
    dimensions = irrep_dimensions(space)
    volume = 0.5 * sum(d * float(np.linalg.slogdet(g)[1]) for d, g in zip(dimensions, blocks, strict=True))
    return np.maximum(0.0, moments @ coefficients + float(linear @ means)), volume


def _best_freedom(distances: Array, total: int) -> tuple[float, float]:
    """The likeliest degrees of freedom for these distances, and the log-likelihood but for the determinant."""

    def cost(logarithm: float) -> float:
        return -float(_log_radial(distances, total, exp(logarithm)).sum())

    found = scipy.optimize.minimize_scalar(cost, bounds=(log(_LEAST_FREEDOM), log(_MOST_FREEDOM)), method="bounded")
    gaussian = -0.5 * float(distances.sum()) - 0.5 * len(distances) * total * log(2 * pi)
    if -found.fun <= gaussian + _TOLERANCE:
        return inf, gaussian
    return exp(found.x), -float(found.fun)


def _log_radial(distances: Array, total: int, freedom: float) -> Array:
    """Logarithm of Student's density in `total` dimensions at squared distances, for unit covariance."""
    half = 0.5 * freedom
    constant = (
        scipy.special.gammaln(half + 0.5 * total) - scipy.special.gammaln(half) - 0.5 * total * log(2 * pi * half)
    )
    result: Array = constant - (half + 0.5 * total) * np.log1p(distances / freedom)
    return result
