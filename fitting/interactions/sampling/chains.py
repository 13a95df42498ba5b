"""Hamiltonian Monte Carlo for densities of matrices: many chains side by side, moved by the gradients of invariants.

A trajectory is made of leapfrog steps M += e v, v += e G grad log p, with the covariance G of a Gaussian that is fitted
to the chains: a step is then alike in all irreps (see `mass`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import pi, prod

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....invariants.checks import checked_integer
from ....invariants.evaluation.evaluate import evaluate
from ....invariants.evaluation.gradients import evaluate_with_gradient
from ....invariants.graphs.families import GraphFamily
from ....invariants.graphs.multigraph import Multigraph
from ...model.blocks import parameters_from_blocks
from ...model.gaussian import BlockGaussian
from ...model.shown import Shown
from .mass import Mass
from .mixing import effective_sizes, r_hat
from .progress import patient_bar

Array = NDArray[np.float64]

# Trajectories before the draws: to reach the density, to learn its covariances, and to adapt the step to these.
_REACH, _LEARN, _ADAPT = 50, 50, 100
_ACCEPTANCE = 0.8
# Draws of a chain, at least, for R-hat; chains, at least and at most; entries of the matrices of all chains.
_LEAST_DRAWS = 100
_LEAST_CHAINS = 8
_MOST_CHAINS = 256
_CHAIN_ENTRIES = 1 << 18
# Steps of a trajectory at most, and the size of scaled entries beyond which it is given up.
_MOST_STEPS = 64
_RUNAWAY = 1e20


@dataclass(frozen=True, eq=False)
class Chains(Shown):
    """Draws of several Markov chains, and how well they have mixed.

    Args:
        draws: (draws, chains, *shape).
        family: the kind of matrices.
        graphs: whose mixing is judged.
        values: (draws, chains, len(graphs)) of the draws.
        acceptance: fraction of the proposals that were accepted.
        step: size of a leapfrog step, in units in which all variances are one.
        steps: leapfrog steps of a trajectory.
    """

    draws: Array
    family: GraphFamily
    graphs: tuple[Multigraph, ...]
    values: Array
    acceptance: float
    step: float
    steps: int

    @cached_property
    def r_hat(self) -> pd.Series[float]:
        """R-hat of each graph, by its label."""
        return pd.Series(r_hat(self.values), self._labels)

    @cached_property
    def effective_sizes(self) -> pd.Series[float]:
        """Effective number of draws of each graph, by its label."""
        return pd.Series(effective_sizes(self.values), self._labels)

    def matrices(self, count: int) -> Array:
        """So many draws, evenly spaced; those that follow each other are of different chains.

        Args:
            count: at most draws x chains.

        Returns:
            (count, *shape).
        """
        flat = self.draws.reshape(-1, *self.draws.shape[2:])
        return flat[np.arange(count) * len(flat) // max(count, 1)]

    def means(self, graphs: Sequence[Multigraph]) -> tuple[Array, Array]:
        """Means of invariants over all draws, and their standard errors by the effective numbers of draws.

        Args:
            graphs: of these matrices.

        Returns:
            (len(graphs),) twice.
        """
        values: Array = evaluate(self.draws, graphs, family=self.family)
        flat = values.reshape(-1, len(graphs))
        return flat.mean(axis=0), flat.std(axis=0) / np.sqrt(effective_sizes(values))

    def to_frame(self) -> pd.DataFrame:
        """The mixing as a table.

        Returns:
            A row a graph (its label): mean, standard_error (by the effective number of draws), r_hat, effective_size.
        """
        flat = self.values.reshape(-1, len(self.graphs))
        return pd.DataFrame(
            {
                "mean": flat.mean(axis=0),
                "standard_error": flat.std(axis=0) / np.sqrt(self.effective_sizes.to_numpy()),
                "r_hat": self.r_hat.to_numpy(),
                "effective_size": self.effective_sizes.to_numpy(),
            },
            index=self._labels,
        )

    @property
    def _labels(self) -> pd.Index[str]:
        return pd.Index([graph.label for graph in self.graphs], name="graph")

    def _heading(self) -> str:
        draws, chains = self.draws.shape[:2]
        return (
            f"{chains} chains of {draws} draws: {self.acceptance:.0%} accepted, trajectories of {self.steps} steps of "
            f"{self.step:.2g}, largest R-hat {np.nanmax(self.r_hat.to_numpy()):.3f}"
        )

    def __repr__(self) -> str:
        return f"Chains({self._heading()})"


def sample_chains(
    gaussian: BlockGaussian,
    graphs: Sequence[Multigraph],
    theta: Array,
    exponent: int,
    count: int,
    seed: int | np.random.Generator | None,
) -> Chains:
    """Draw from the density exp(sum_g theta_g O_g), which must have a normalisation.

    Chains begin at draws of the Gaussian. While they warm up, a Gaussian fitted to them gives the mass, and the step is
    adapted to 80% of accepted proposals; then both are fixed, but for a random factor in each trajectory that breaks
    cycles.

    Args:
        gaussian: near the density, of all components.
        graphs: of the density.
        theta: (len(graphs),) coefficients.
        exponent: of the power of two by which the matrices are divided inside.
        count: of draws, at least.
        seed: an integer or a numpy Generator; the same seed gives the same draws.

    Returns:
        The chains.

    Raises:
        ValueError: if the count is no integer of at least 0.

    Source:
        R. M. Neal, Handbook of Markov Chain Monte Carlo (2011), chapter 5.

    >>> from pigmm.fitting import PIGMM
    >>> from pigmm.invariants import as_graph
    >>> square = as_graph("sum M_ij^2")
    >>> chains = sample_chains(PIGMM.iid(4, variance=1.0), [square], np.array([-0.5]), 0, 4000, seed=0)
    >>> bool(abs(chains.to_frame()["mean"].iloc[0] - 16) < 0.5)
    True
    """
    checked_integer("count", count, least=0)
    rng = np.random.default_rng(seed)
    space = gaussian.space
    chains = min(_MOST_CHAINS, _CHAIN_ENTRIES // prod(space.shape), count // _LEAST_DRAWS)
    chains = max(chains, _LEAST_CHAINS)
    draws = max(_LEAST_DRAWS, -(-count // chains))
    scaled = np.ldexp(theta, exponent * np.array([graph.degree for graph in graphs], dtype=int))
    walk = _Walk(_scaled(gaussian, exponent), tuple(graphs), scaled, rng, chains)
    with patient_bar("sampling", _REACH + _LEARN + _ADAPT + draws) as advance:
        walk.warm_up(advance)
        kept, values, accepted = np.empty((draws, *walk.points.shape)), [], 0.0
        for k in range(draws):
            accepted += walk.move()
            kept[k] = walk.points
            values.append(walk.values)
            advance()
    return Chains(
        np.ldexp(kept, exponent),
        space.decomposition.family,
        walk.graphs,
        np.ldexp(np.array(values), exponent * np.array([graph.degree for graph in graphs], dtype=int)),
        accepted / draws,
        walk.step,
        walk.steps,
    )


def _scaled(gaussian: BlockGaussian, exponent: int) -> BlockGaussian:
    """The law of matrices divided by a power of two."""
    covariances = [np.ldexp(block, -2 * exponent) for block in gaussian.covariances]
    parameters = parameters_from_blocks(np.ldexp(gaussian.means, -exponent), covariances)
    return type(gaussian).from_space(gaussian.space, parameters)


class _Walk:
    """The state of all chains, and how they move."""

    def __init__(
        self,
        gaussian: BlockGaussian,
        graphs: tuple[Multigraph, ...],
        theta: Array,
        rng: np.random.Generator,
        chains: int,
    ) -> None:
        self.graphs = graphs
        self.step = 0.1
        self._mass = Mass(gaussian)
        self._family = gaussian.space.decomposition.family
        self._theta = theta
        self._rng = rng
        self.points = gaussian.sample(chains, rng)
        self.values, self._gradient = self._at(self.points)

    @property
    def steps(self) -> int:
        """Steps of a quarter of a period, which makes draws of a Gaussian independent."""
        return min(_MOST_STEPS, max(1, round(pi / 2 / self.step)))

    def warm_up(self, advance: Callable[[], None]) -> None:
        """Move to the density, take its covariances for the mass, and fix the step."""
        self._adapt(_REACH, advance)
        points = np.concatenate(self._adapt(_LEARN, advance))
        self._mass = Mass(type(self._mass.gaussian).fit(points, self._mass.gaussian.space))
        self._adapt(_ADAPT, advance)

    def _adapt(self, moves: int, advance: Callable[[], None]) -> list[Array]:
        """Adapt the step in some moves, and take its average, of the logarithm, over their second half."""
        logarithms, seen = [], []
        for k in range(moves):
            accepted = self.move()
            self.step = float(np.exp(np.log(self.step) + (accepted - _ACCEPTANCE) / np.sqrt(1 + k / 5)))
            logarithms.append(np.log(self.step))
            seen.append(self.points)
            advance()
        self.step = float(np.exp(np.mean(logarithms[moves // 2 :])))
        return seen

    def move(self) -> float:
        """One trajectory of each chain, accepted by Metropolis; the mean probability of acceptance."""
        mass, steps = self._mass, self.steps
        step = self.step * self._rng.uniform(0.8, 1.2)
        velocity = mass.velocities(len(self.points), self._rng)
        before = self.values @ self._theta - mass.kinetic_energy(velocity)
        points, lost = self.points.copy(), np.zeros(len(self.points), dtype=bool)
        velocity += step / 2 * mass.acceleration(self._gradient)
        for k in range(steps):
            points += step * velocity
            away = ~(np.abs(points).reshape(len(points), -1).max(axis=1) < _RUNAWAY)
            lost |= away
            points[away], velocity[away] = self.points[away], 0.0
            values, gradient = self._at(points)
            velocity += (step if k < steps - 1 else step / 2) * mass.acceleration(gradient)
        with np.errstate(over="ignore", invalid="ignore"):
            gained = values @ self._theta - mass.kinetic_energy(velocity) - before
        probability = np.where(lost | np.isnan(gained), 0.0, np.exp(np.minimum(gained, 0.0)))
        accepted = self._rng.random(len(points)) < probability
        points[~accepted], values[~accepted] = self.points[~accepted], self.values[~accepted]
        gradient[~accepted] = self._gradient[~accepted]
        self.points, self.values, self._gradient = points, values, gradient
        return float(probability.mean())

    def _at(self, points: Array) -> tuple[Array, Array]:
        """Values of the graphs, and grad log p."""
        return evaluate_with_gradient(points, self.graphs, self._theta, family=self._family)
