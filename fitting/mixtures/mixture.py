"""Mixtures of permutation-invariant Gaussian models: several kinds of matrices in one ensemble."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import scipy.special
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import as_array, checked_integer
from ...invariants.graphs.given import GivenGraph
from ...invariants.representation.spaces import MatrixSpace, space_of
from ..model.blocks import parameters_from_blocks
from ..model.gaussian import BlockGaussian
from ..model.pigmm import gaussian_class
from ..model.shown import Shown
from ..model.storage import read_json, space_content, space_from_content, write_json
from ..model.sufficient_statistics import checked_batch, matrix_chunks
from .expectation_maximisation import WhiteMixture, fit_mixture
from .hyvarinen import gaussian_gradient
from .moments_of_each import whitened_moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MixtureModel(Shown):
    """Matrices of several kinds: each is drawn from one of some Gaussian models, with given probabilities.

    Args:
        weights: (components,), positive, of sum 1.
        models: one Gaussian model a component, all of one space.

    Raises:
        ValueError: if the weights are not such, or the models are of different spaces or given trivial components.

    >>> from pigmm.fitting import PIGMM
    >>> narrow, wide = PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=9.0)
    >>> mixture = MixtureModel([0.75, 0.25], [narrow, wide])
    >>> mixture.responsibilities(np.full((1, 4, 4), 3.0)).round(2)[0]
    array([0., 1.])
    """

    weights: Array
    models: tuple[BlockGaussian, ...]

    def __init__(self, weights: ArrayLike, models: Sequence[BlockGaussian]) -> None:
        shares = as_array("weights", weights).astype(np.float64)
        if shares.ndim != 1 or len(shares) != len(models) or len(shares) == 0:
            raise ValueError(f"weights must be one for each of {len(models)} models, got shape {shares.shape}")
        if not (shares > 0).all() or abs(float(shares.sum()) - 1) > 1e-9:
            raise ValueError(f"weights must be positive and of sum 1, got {shares.tolist()}")
        if any(model.space != models[0].space for model in models):
            raise ValueError(f"models must be of one space, got {', '.join(str(model.space) for model in models)}")
        if any(model.given is not None for model in models):
            raise ValueError("models must be of all components, got one given the trivial components")
        shares = shares / shares.sum()
        shares.flags.writeable = False
        object.__setattr__(self, "weights", shares)
        object.__setattr__(self, "models", tuple(models))

    @classmethod
    def fit(
        cls,
        matrices: ArrayLike,
        components: int = 2,
        seed: int = 0,
        *,
        space: MatrixSpace | None = None,
        labels: ArrayLike | None = None,
        starts: int = 10,
    ) -> MixtureModel:
        """Maximum likelihood by expectation maximisation, or of given groups.

        Each matrix enters by the few numbers in which a Gaussian log-density is linear (13 of a square matrix), so a
        step costs nothing that grows with the size. The covariance of each component is shrunk to the pooled one as if
        one number a copy had been seen in it: too little to matter where a component has many matrices, enough for a
        maximum to exist.

        Args:
            matrices: (n, rows, columns), finite, n at least 3.
            components: how many, from 1 to n.
            seed: of the starts.
            space: the permutations assumed, as in `BlockGaussian.fit`.
            labels: (n,), the group of each matrix, if they are known; a component is then the fit to a group, and the
                order is that of the sorted labels. `components` and the starts do not count.
            starts: of the search.

        Returns:
            The mixture, the largest weight first.

        Raises:
            ValueError: as `BlockGaussian.fit`, for all matrices or for a group (says which); if a number is too small.

        Source:
            A. P. Dempster, N. M. Laird, D. B. Rubin, J. R. Statist. Soc. B 39 (1977) 1.

        >>> from pigmm.fitting import PIGMM
        >>> first, second = PIGMM.iid(8, 1.0).sample(60, seed=0), PIGMM.iid(8, 4.0).sample(30, seed=1)
        >>> mixture = MixtureModel.fit(np.concatenate([first, second]))
        >>> mixture.weights.round(2), [round(model["G3"], 1) for model in mixture.models]
        (array([0.67, 0.33]), [0.9, 4.2])
        """
        batch = checked_batch(matrices, space)
        space = space_of(batch.shape[1:]) if space is None else space
        if labels is not None:
            return cls._of_groups(batch, space, as_array("labels", labels))
        if checked_integer("components", components, least=1) > len(batch):
            raise ValueError(f"components must be at most the number of matrices, {len(batch)}, got {components}")
        checked_integer("starts", starts, least=1)
        pooled = gaussian_class(space).fit(batch, space)
        found = fit_mixture(space, whitened_moments(pooled, batch), components, starts, seed)
        return cls.of_white(pooled, found)

    @classmethod
    def of_white(cls, pooled: BlockGaussian, white: WhiteMixture) -> MixtureModel:
        """The mixture of the matrices of which one is known in the coordinates where the pooled model is white noise.

        Args:
            pooled: the model of all matrices.
            white: the mixture of the whitened ones.

        Returns:
            The mixture.
        """
        roots = [np.linalg.cholesky(covariance) for covariance in pooled.covariances]
        means = pooled.means + white.means @ roots[0].T
        blocks = [root @ block @ root.T for root, block in zip(roots, white.covariances, strict=True)]
        parameters = parameters_from_blocks(means, blocks)
        return cls(white.weights, [pooled.from_space(pooled.space, each) for each in parameters])

    @classmethod
    def _of_groups(cls, batch: NDArray[np.floating], space: MatrixSpace, labels: NDArray[Any]) -> MixtureModel:
        if labels.shape != (len(batch),):
            raise ValueError(f"labels must be one for each of {len(batch)} matrices, got shape {labels.shape}")
        names, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
        models = []
        for number, name in enumerate(names):
            try:
                models.append(gaussian_class(space).fit(batch[group == number], space))
            except ValueError as error:
                raise ValueError(f"group {name} of labels: {error}") from None
        return cls(counts / counts.sum(), models)

    @property
    def space(self) -> MatrixSpace:
        """Of the matrices."""
        return self.models[0].space

    @property
    def number_of_parameters(self) -> int:
        """Free parameters: those of the models, and the weights but one."""
        return sum(len(model.parameters) for model in self.models) + len(self.weights) - 1

    def log_prob(self, matrices: ArrayLike) -> Array:
        """Logarithm of the density at matrices.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n,), in nats.

        Raises:
            ValueError: if the matrices are not those of the space.
        """
        result: Array = scipy.special.logsumexp(self._joint_log_densities(matrices), axis=1)
        return result

    def responsibilities(self, matrices: ArrayLike) -> Array:
        """Probability of each component given the matrix.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n, components), rows of sum 1.

        Raises:
            ValueError: if the matrices are not those of the space.
        """
        result: Array = scipy.special.softmax(self._joint_log_densities(matrices), axis=1)
        return result

    def _joint_log_densities(self, matrices: ArrayLike) -> Array:
        batch = checked_batch(matrices, self.space)
        return np.stack([model.log_prob(batch) for model in self.models], axis=1) + np.log(self.weights)

    def bic(self, matrices: ArrayLike) -> float:
        """Bayesian information criterion, k log n - 2 log likelihood; the smaller, the better.

        Args:
            matrices: (n, rows, columns), those of the fit.

        Returns:
            The criterion.

        Source:
            G. Schwarz, Ann. Statist. 6 (1978) 461.
        """
        likelihoods = self.log_prob(matrices)
        return self.number_of_parameters * log(len(likelihoods)) - 2 * float(likelihoods.sum())

    def sample(self, count: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw matrices, each from a component drawn by the weights.

        Args:
            count: how many, at least 0.
            seed: an integer or a numpy Generator; the same seed gives the same matrices.

        Returns:
            (count, rows, columns).

        >>> from pigmm.fitting import PIGMM
        >>> MixtureModel([0.5, 0.5], [PIGMM.iid(4, 1.0), PIGMM.iid(4, 9.0)]).sample(3, seed=0).shape
        (3, 4, 4)
        """
        checked_integer("count", count, least=0)
        rng = np.random.default_rng(seed)
        kinds = rng.choice(len(self.weights), size=count, p=self.weights)
        result = np.empty((count, *self.space.shape))
        for number, model in enumerate(self.models):
            result[kinds == number] = model.sample(int((kinds == number).sum()), rng)
        return result

    def expectation(self, graphs: Iterable[GivenGraph]) -> Array:
        """Exact expectation values of invariants: the averages of the components' by weight.

        Args:
            graphs: of matrices of this kind.

        Returns:
            (len(graphs),), in the order given.

        Raises:
            ValueError: if the graphs are of another kind of matrices.

        Source:
            arXiv:1809.07559, section 3, for each component.

        >>> from pigmm.fitting import PIGMM
        >>> from pigmm.invariants import Multigraph
        >>> mixture = MixtureModel([0.5, 0.5], [PIGMM.iid(4, 1.0), PIGMM.iid(4, 3.0)])
        >>> mixture.expectation([Multigraph([(0, 1), (0, 1)])])
        array([32.])
        """
        given = list(graphs)
        result: Array = self.weights @ np.stack([model.expectation(given) for model in self.models])
        return result

    def objective(self, matrices: ArrayLike) -> Array:
        """Hyvärinen's score of each matrix: half the squared gradient of the log-density, and its Laplacian.

        Lower is better. Its mean is least for the true density, and it needs no normalisation constant, so it compares
        models of any kind on matrices that were not fitted.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            (n,), in units of one over the square of an entry.

        Raises:
            ValueError: if the matrices are not those of the space.

        Source:
            A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695.
        """
        batch = checked_batch(matrices, self.space)
        return np.concatenate([np.empty(0), *(self._objective(chunk) for chunk in matrix_chunks(batch))])

    def _objective(self, chunk: Array) -> Array:
        shares = self.responsibilities(chunk).T
        gradients, laplacians = zip(*(gaussian_gradient(model, chunk) for model in self.models), strict=True)
        axes = tuple(range(1, chunk.ndim))
        own = [np.square(gradient).sum(axis=axes) for gradient in gradients]
        mean = sum(
            share.reshape(-1, *[1] * len(axes)) * gradient for share, gradient in zip(shares, gradients, strict=True)
        )
        # the Laplacian of a log-sum is the average of Laplacians and squared gradients, less the square of the average
        curvature = sum(
            share * (laplacian + square) for share, laplacian, square in zip(shares, laplacians, own, strict=True)
        )
        result: Array = curvature - 0.5 * np.square(mean).sum(axis=axes)
        return result

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters of a component, in order."""
        return self.models[0].names

    def to_frame(self) -> pd.DataFrame:
        """Show weights and parameters as a table.

        Returns:
            A row a component (index component), with the columns weight and one for each parameter.
        """
        parameters = pd.DataFrame([model.parameters for model in self.models], columns=list(self.names))
        parameters.insert(0, "weight", self.weights)
        return parameters.rename_axis("component")

    def save(self, path: str | PathLike[str]) -> None:
        """Write the mixture as JSON; every digit is kept.

        Args:
            path: of the file, replaced if it exists.
        """
        parameters = [model.parameters.tolist() for model in self.models]
        content = {"space": space_content(self.space), "weights": self.weights.tolist(), "parameters": parameters}
        write_json(path, "mixture", content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> MixtureModel:
        """Read a mixture written by `save`.

        Args:
            path: of the file.

        Returns:
            The mixture.

        Raises:
            ValueError: if the file is not one.

        >>> from pigmm.fitting import PIGMM
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/mixture.json"
        >>> MixtureModel([1.0], [PIGMM.iid(4, 1.0)]).save(path)
        >>> MixtureModel.load(path).to_frame().weight.tolist()
        [1.0]
        """

        def build(content: dict[str, Any]) -> MixtureModel:
            space = space_from_content(content["space"])
            kind = gaussian_class(space)
            return cls(content["weights"], [kind.from_space(space, each) for each in content["parameters"]])

        return read_json(path, "mixture", build)

    def _heading(self) -> str:
        return f"Mixture of {len(self.models)} Gaussian models on {self.space}"

    def __repr__(self) -> str:
        shares = ", ".join(f"{weight:.3g}" for weight in self.weights)
        return f"MixtureModel({self.space}, weights {shares})"
