"""Models with effective interactions: a Gaussian times the exponential of cubic, quartic and higher invariants."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import checked_integer
from ...invariants.evaluation.evaluate import evaluate
from ...invariants.expectation.maps import statistics_graphs
from ...invariants.graphs.given import GivenGraph, checked_graphs
from ...invariants.graphs.labels import parse_label
from ...invariants.graphs.multigraph import Multigraph
from ...invariants.representation.spaces import MatrixSpace
from ..model.gaussian import BlockGaussian
from ..model.pigmm import gaussian_class
from ..model.shown import Shown
from ..model.storage import read_json, space_content, space_from_content, write_json
from ..model.sufficient_statistics import checked_batch
from ..tests_of_models.gaussianity.graph_columns import graph_columns
from .first_order import residual_covariances, simulated_shift
from .gaussian_part import gaussian_factor, natural_parameters
from .held_out import variance_of_entry
from .normalisation.far_field import Normalisability, normalisability
from .sampling.chains import Chains, sample_chains
from .score_matching.estimate import rescale, score_estimate
from .score_matching.statistics import ScoreStatistics, checked_couplings, score_values
from .score_matching.terms import score_terms

Array = NDArray[np.float64]

# R-hat of chains that have mixed is below.
_MIXED = 1.1
_METHODS = ("first order", "first order simulated", "sampled")


@dataclass(frozen=True, eq=False)
class InteractingModel(Shown):
    """The density p ~ p_0(M) exp(sum_g theta_g O_g(M)): a Gaussian p_0, and couplings theta_g of higher invariants.

    It is made by `fit`, or from a Gaussian and couplings by `of_couplings`. The density need not have a normalisation,
    as couplings fitted to matrices are those where matrices are. Then it describes them locally: `sample` and
    `log_density` refuse, with the reason, and predictions to first order remain.

    Args:
        gaussian: the maximum-likelihood Gaussian of the matrices, of their means and covariances; without matrices p_0.
        graphs: of the couplings.
        natural: (statistics + len(graphs),) coefficients in log p: of the linear and quadratic graphs, in the order of
            `statistics_graphs`, then the couplings; in units of the matrices.
        covariance: (len(natural), len(natural)) of these estimates.
        count: matrices that it was fitted to; 0 for none.

    >>> from pigmm.fitting import PIGMM
    >>> true = InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15})
    >>> model = InteractingModel.fit(true.sample(1000, seed=0), ["sum M_ij^4"])
    >>> bool(abs(model.couplings + 0.15).item() < 3 * model.standard_errors.item()), model.is_normalisable
    (True, True)
    """

    gaussian: BlockGaussian
    graphs: tuple[Multigraph, ...]
    natural: Array
    covariance: Array
    count: int

    def __post_init__(self) -> None:
        for array in (self.natural, self.covariance):
            array.flags.writeable = False

    @classmethod
    def fit(
        cls,
        matrices: ArrayLike | Iterator[ArrayLike] | ScoreStatistics,
        graphs: Iterable[GivenGraph] | None = None,
        space: MatrixSpace | None = None,
        *,
        ridge: float = 0.0,
    ) -> InteractingModel:
        """Score matching: the Gaussian parameters and the couplings together, by one system of linear equations.

        It needs no normalisation: theta = -K^{-1} b with K_gh = <grad O_g, grad O_h> and b_g = Laplacian O_g, averaged
        over the matrices. Without couplings it is maximum likelihood. Standard errors are those of a sandwich, so they
        hold for matrices of any law, for n large beside the number of couplings.

        Args:
            matrices: (n, *shape), finite, as many as `BlockGaussian.fit` needs; or an iterator of chunks of them; or
                their `ScoreStatistics`.
            graphs: of the couplings, each of degree 3 or more and independent of the others at this size. Statistics
                have their own.
            space: the permutations assumed (default: S_N for square matrices, S_M x S_N for rectangular ones).
                `RectangularSpace(N, N)` takes rows and columns of square ones as independent. Statistics have theirs.
            ridge: lambda of a penalty (lambda / 2) sum_g K_gg theta_g^2 over the couplings, at least 0; standard errors
                are those of the penalised estimates, which are biased.

        Returns:
            The model.

        Raises:
            ValueError: if the matrices are too few, or not those of the space; a graph is of degree below 3, or of
                another kind; the graphs are dependent, at this size or on these matrices (says which).

        Source:
            A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695.

        >>> matrices = np.random.default_rng(0).standard_t(df=9, size=(1000, 3, 5))
        >>> model = InteractingModel.fit(matrices, ["01 01 01 01"])
        >>> model.couplings.index.tolist(), model.is_normalisable
        (['01 01 01 01'], False)
        """
        if not (isinstance(ridge, int | float) and 0 <= ridge < np.inf):
            raise ValueError(f"ridge must be a number of at least 0, got {ridge!r}")
        statistics = _statistics(matrices, graphs, space)
        gaussian = gaussian_class(statistics.space).fit(statistics.gaussian)
        estimate = rescale(score_estimate(statistics, ridge), statistics)
        return cls(gaussian, statistics.couplings, estimate.theta, estimate.covariance, statistics.count)

    @classmethod
    def of_couplings(cls, base: BlockGaussian, couplings: Mapping[GivenGraph, float]) -> InteractingModel:
        """The model of a Gaussian factor and couplings that are given, to sample from.

        Args:
            base: p_0, of all components.
            couplings: graph -> theta, in units of the matrices.

        Returns:
            The model, without standard errors (zero).

        Raises:
            ValueError: as `fit` of the graphs; if a coupling is not a finite number.

        >>> from pigmm.fitting import PIGMM
        >>> InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15})
        InteractingModel(SquareSpace(size=4), {'01 01 01 01': -0.15})
        """
        if base.given is not None:
            raise ValueError("base must be a model of all components, got one given the trivial components")
        graphs = checked_couplings(couplings, base.space)
        theta = np.array(list(couplings.values()), dtype=np.float64)
        if not np.isfinite(theta).all():
            raise ValueError(f"couplings must be finite numbers, got {list(couplings.values())}")
        natural = np.concatenate([natural_parameters(base), theta])
        return cls(base, graphs, natural, np.zeros((len(natural), len(natural))), 0)

    @property
    def space(self) -> MatrixSpace:
        """The matrices and the permutations that act on them."""
        return self.gaussian.space

    @property
    def number_of_parameters(self) -> int:
        """Free parameters: the Gaussian ones, and the couplings."""
        return len(self.natural)

    @property
    def all_graphs(self) -> tuple[Multigraph, ...]:
        """The linear and quadratic graphs, then those of the couplings: in the order of `natural`."""
        return (*statistics_graphs(self.space.decomposition.family), *self.graphs)

    @property
    def couplings(self) -> pd.Series[float]:
        """theta of each graph, by its label, in units of the matrices."""
        return self._series(self.natural)

    @property
    def standard_errors(self) -> pd.Series[float]:
        """Sandwich standard errors of the couplings, by the labels of their graphs."""
        return self._series(np.sqrt(np.diag(self.covariance)))

    def _series(self, values: Array) -> pd.Series[float]:
        index = pd.Index([graph.label for graph in self.graphs], name="graph")
        return pd.Series(values[len(values) - len(self.graphs) :], index, dtype=np.float64)

    @cached_property
    def base(self) -> BlockGaussian:
        """The Gaussian factor p_0; ValueError if it is no density by itself, as where it has several wells."""
        return gaussian_factor(self.space, self.natural[: len(self.natural) - len(self.graphs)])

    @cached_property
    def normalisability(self) -> Normalisability:
        """Whether the density has a normalisation, and how this is known."""
        return normalisability(self.space, self.all_graphs, self.natural)

    @property
    def is_normalisable(self) -> bool:
        """Whether the density has a normalisation; see `normalisability` for how this is known."""
        return self.normalisability.normalisable

    def objective(self, matrices: ArrayLike) -> Array:
        """The score-matching objective |grad log p|^2 / 2 + Laplacian log p of each matrix.

        It is a proper score that needs no normalisation: its expectation is least for the true density. It has the
        units of one over the square of a matrix entry.

        Args:
            matrices: (n, *shape), finite.

        Returns:
            (n,).

        Raises:
            ValueError: if the matrices are not those of the space.

        Source:
            A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695.

        >>> from pigmm.fitting import PIGMM
        >>> InteractingModel.of_couplings(PIGMM.iid(4, variance=0.5), {}).objective(np.ones((1, 4, 4)))
        array([0.])
        """
        batch = checked_batch(matrices, self.space)
        family = self.space.decomposition.family
        terms = score_terms(self.all_graphs, self.space.sizes, family)
        coefficients = terms.objective(np.ldexp(self.natural, self._exponent * self._degrees))
        values = score_values(batch, self.space, terms, self._exponent)
        result: Array = np.ldexp(coefficients[0] + values @ coefficients[1:], -2 * self._exponent)
        return result

    def log_density(self, matrices: ArrayLike) -> Array:
        """Logarithm of the density up to a constant: sum theta_g O_g, the linear and quadratic invariants included.

        Args:
            matrices: (n, *shape), finite.

        Returns:
            (n,).

        Raises:
            ValueError: if the density has no normalisation (says why), or the matrices are not those of the space.

        >>> from pigmm.fitting import PIGMM
        >>> model = InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -1.0})
        >>> model.log_density(np.ones((1, 4, 4)))
        array([-24.])
        """
        self._require_normalisable("a density")
        batch = checked_batch(matrices, self.space).astype(np.float64)
        values: Array = evaluate(batch, self.all_graphs, family=self.space.decomposition.family)
        return values @ self.natural

    def sample(self, count: int, seed: int | np.random.Generator | None = None) -> Array:
        """Draw matrices by Hamiltonian Monte Carlo, with a warning where the chains have not mixed.

        Args:
            count: how many, at least 0.
            seed: an integer or a numpy Generator; the same seed gives the same matrices.

        Returns:
            (count, *shape). Those that follow each other are of different chains.

        Raises:
            ValueError: if the density has no normalisation (says why), or the count is no such integer.

        Source:
            R. M. Neal, Handbook of Markov Chain Monte Carlo (2011), chapter 5.

        >>> from pigmm.fitting import PIGMM
        >>> InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15}).sample(2, seed=0).shape
        (2, 4, 4)
        """
        checked_integer("count", count, least=0)
        return self.sample_chains(count, seed).matrices(count)

    def sample_chains(self, count: int, seed: int | np.random.Generator | None = None) -> Chains:
        """The chains from which `sample` draws, with R-hat and effective sizes of all graphs.

        An R-hat above 1.1 is warned of.

        Args:
            count: of draws, at least; there are always enough to judge the mixing.
            seed: as in `sample`.

        Returns:
            The chains.

        Raises:
            ValueError: as `sample`.

        Source:
            As `sample`; A. Vehtari et al., Bayesian Anal. 16 (2021) 667, for R-hat.

        >>> from pigmm.fitting import PIGMM
        >>> model = InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15})
        >>> bool(model.sample_chains(100, seed=0).r_hat.max() < 1.1)
        True
        """
        self._require_normalisable("samples")
        chains = sample_chains(self.gaussian, self.all_graphs, self.natural, self._exponent, count, seed)
        if chains.r_hat.max() > _MIXED:
            warnings.warn(
                f"the chains have not mixed: R-hat of {chains.r_hat.idxmax()!r} is {chains.r_hat.max():.2f}; "
                "`sample_chains` has them all, and more draws may help",
                stacklevel=2,
            )
        return chains

    def expectation(
        self,
        graphs: Iterable[GivenGraph],
        method: str = "first order",
        *,
        count: int = 10_000,
        seed: int | np.random.Generator | None = 0,
    ) -> Array:
        """Expectation values of invariants; `predictions` gives them with their errors.

        Args:
            graphs: of matrices of this kind, of any degree.
            method: "first order" in the couplings, exactly, about the Gaussian of the same means and covariances;
                "first order simulated", the same from draws of this Gaussian, for many graphs or high degrees; or
                "sampled" from the density, to all orders.
            count: of draws, where there are draws.
            seed: of these.

        Returns:
            (len(graphs),), in the order given.

        Raises:
            ValueError: if the method is another; if the density has no normalisation and is to be sampled; for first
                order of a model that was not fitted, as the Gaussian of its means and covariances is not known.

        Source:
            Derivations 4 and 7, for the covariances after the fit of the Gaussian.

        >>> from pigmm.fitting import PIGMM
        >>> true = InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15})
        >>> true.expectation(["sum M_ij^4"], "sampled").round(0)  # 16 times the fourth moment of an entry
        array([12.])
        """
        return self.predictions(graphs, method, count=count, seed=seed).predicted.to_numpy()

    def predictions(
        self,
        graphs: Iterable[GivenGraph],
        method: str = "first order",
        *,
        count: int = 10_000,
        seed: int | np.random.Generator | None = 0,
    ) -> pd.DataFrame:
        """Expectation values of invariants with the errors of their computation.

        Args:
            graphs: as in `expectation`.
            method: as in `expectation`.
            count: as in `expectation`.
            seed: as in `expectation`.

        Returns:
            A row a graph: graph (its label), name, formula, degree, nodes, predicted, standard_error (of the draws;
            zero where there are none).

        Raises:
            ValueError: as `expectation`.

        Source:
            As `expectation`.
        """
        if method not in _METHODS:
            raise ValueError(f"method must be one of {', '.join(map(repr, _METHODS))}, got {method!r}")
        chosen = checked_graphs(graphs, self.space.decomposition.family)
        checked_integer("count", count, least=100)
        theta = self.natural[len(self.natural) - len(self.graphs) :]
        if method == "sampled":
            values, errors = self.sample_chains(count, seed).means(chosen)
        elif not self.count:
            raise ValueError(f"method must be 'sampled' for a model that was not fitted to matrices, got {method!r}")
        elif method == "first order":
            shifts = residual_covariances(self.gaussian, chosen, self.graphs) @ theta
            values, errors = self.gaussian.expectation(chosen) + shifts, np.zeros(len(chosen))
        else:
            shifts, errors = simulated_shift(self.gaussian, chosen, self.graphs, theta, count, seed)
            values = self.gaussian.expectation(chosen) + shifts
        return pd.DataFrame({**graph_columns(chosen), "predicted": values, "standard_error": errors})

    def to_frame(self) -> pd.DataFrame:
        """Show all coefficients as a table.

        Returns:
            A row a graph (its label): name, formula, degree, coupling, standard_error, z.
        """
        errors = np.sqrt(np.diag(self.covariance))
        return pd.DataFrame(
            {
                "name": [graph.name for graph in self.all_graphs],
                "formula": [graph.formula for graph in self.all_graphs],
                "degree": self._degrees,
                "coupling": self.natural,
                "standard_error": errors,
                "z": np.divide(self.natural, errors, out=np.full_like(errors, np.nan), where=errors > 0),
            },
            index=pd.Index([graph.label for graph in self.all_graphs], name="graph"),
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model as JSON; every digit is kept.

        Args:
            path: of the file, replaced if it exists.
        """
        content = {
            "space": space_content(self.space),
            "gaussian": self.gaussian.parameters.tolist(),
            "graphs": [graph.label for graph in self.graphs],
            "natural": self.natural.tolist(),
            "covariance": self.covariance.tolist(),
            "count": self.count,
        }
        write_json(path, "interacting model", content)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> InteractingModel:
        """Read a model from a file of `save`.

        Args:
            path: of the file.

        Returns:
            The model.

        Raises:
            ValueError: if the file is something else.

        >>> from pigmm.fitting import PIGMM
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.json"
        >>> InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15}).save(path)
        >>> InteractingModel.load(path).couplings.to_dict()
        {'01 01 01 01': -0.15}
        """
        return read_json(path, "interacting model", cls._from_content)

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> InteractingModel:
        space = space_from_content(content["space"])
        gaussian = gaussian_class(space).from_space(space, content["gaussian"])
        labels = [parse_label(label, space.decomposition.family) for label in content["graphs"]]
        graphs = checked_couplings(labels, space)
        natural, covariance = (np.array(content[name], dtype=np.float64) for name in ("natural", "covariance"))
        expected = len(statistics_graphs(space.decomposition.family)) + len(graphs)
        if natural.shape != (expected,) or covariance.shape != (expected, expected):
            raise ValueError(f"natural must be {expected} numbers and covariance their squares, got {natural.shape}")
        if not (np.isfinite(natural).all() and np.isfinite(covariance).all() and (np.diag(covariance) >= 0).all()):
            raise ValueError("natural must be finite, and covariance finite with a diagonal of at least 0, got others")
        return cls(gaussian, graphs, natural, covariance, checked_integer("count", content["count"], least=0))

    @property
    def _degrees(self) -> NDArray[np.int64]:
        return np.array([graph.degree for graph in self.all_graphs])

    @cached_property
    def _exponent(self) -> int:
        """Of the power of two near the size of an entry."""
        mean_square = variance_of_entry(self.gaussian) + float(np.square(self.gaussian.mean).mean())
        return round(0.5 * float(np.log2(mean_square)))

    def _require_normalisable(self, what: str) -> None:
        found = self.normalisability
        if not found.normalisable:
            raise ValueError(
                f"the model must have a normalisation for {what}, got one that {'has' if found.exact else 'may have'} "
                f"none: {found.reason}; first-order predictions remain"
            )

    def _heading(self) -> str:
        fitted = f", fitted to {self.count} matrices" if self.count else ""
        found = self.normalisability
        verdict = "normalisable" if found.normalisable else "not normalisable" if found.exact else "undecided"
        return f"InteractingModel on {self.space}{fitted}; {verdict}: {found.reason}"

    def __repr__(self) -> str:
        named = ", ".join(f"{label!r}: {value:.4g}" for label, value in self.couplings.items())
        return f"InteractingModel({self.space}, {{{named}}})"


def _statistics(
    matrices: ArrayLike | Iterator[ArrayLike] | ScoreStatistics,
    graphs: Iterable[GivenGraph] | None,
    space: MatrixSpace | None,
) -> ScoreStatistics:
    if isinstance(matrices, ScoreStatistics):
        if space is not None and space != matrices.space:
            raise ValueError(f"space must be that of the statistics, {matrices.space}, got {space}")
        if graphs is not None and checked_couplings(graphs, matrices.space) != matrices.couplings:
            raise ValueError(f"graphs must be those of the statistics, {[g.label for g in matrices.couplings]}")
        return matrices
    if graphs is None:
        raise ValueError("graphs must be given with matrices, got none")
    if isinstance(matrices, Iterator):
        return ScoreStatistics.of_chunks(matrices, graphs, space)
    return ScoreStatistics.of(matrices, graphs, space)
