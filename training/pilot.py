"""A pilot run: the initial variances that training leaves as they are, by iteration to a fixed point.

A round trains networks whose initial weights have the variances s2 of the round before, and measures the mean square
weight of each layer at the end, <W^2>. The fixed point is where it is s2 in every layer, the optimum of the bound of
arXiv:2508.12834. All rounds draw the same random numbers, so that the map s2 -> <W^2> is smooth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from .config import EngineName, EnsembleConfig
from .data import LabelledData
from .engines.select import load_engine
from .initialisation import Initialisation, Pilot

#: Number of the first network of a pilot run: none of an ensemble has its random numbers.
FIRST_NETWORK = 2**31
#: The most by which a round changes a variance.
LARGEST_FACTOR = 2.0

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Round:
    """One round, layer by layer.

    Args:
        variance: of the initial weights, s2.
        mean_square: of the trained ones, <W^2>, mean over the networks.
        standard_error: of the ratio of the two.
    """

    variance: tuple[float, ...]
    mean_square: tuple[float, ...]
    standard_error: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """<W^2> / s2, layer by layer."""
        return tuple(end / start for end, start in zip(self.mean_square, self.variance, strict=True))


@dataclass(frozen=True)
class PilotRun:
    """What a pilot run found.

    Args:
        rounds: in order; the last has the variances that are taken.
        converged: whether its ratios are 1 to within the tolerance.

    >>> run = PilotRun((Round((0.2, 0.1), (0.25, 0.1), (0.01, 0.01)),), converged=False)
    >>> run.initialisation, PilotRun.from_json(run.to_json()) == run
    ('normal(0.2; 0.1)', True)
    """

    rounds: tuple[Round, ...]
    converged: bool

    @property
    def initialisation(self) -> str:
        """The variances, as `EnsembleConfig.initialisation` takes them."""
        return f"normal({'; '.join(map(repr, self.rounds[-1].variance))})"

    def to_json(self) -> str:
        """Write it as an attribute of a store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PilotRun:
        """Read what `to_json` wrote.

        Args:
            text: the attribute `pilot` of an ensemble.

        Returns:
            The pilot run.
        """
        content = json.loads(text)
        rounds = tuple(
            Round(*(tuple(map(float, made[name])) for name in ("variance", "mean_square", "standard_error")))
            for made in content["rounds"]
        )
        return cls(rounds, bool(content["converged"]))


def run_pilot(
    config: EnsembleConfig,
    images: LabelledData,
    engine: EngineName,
    threads: int | None = None,
    after_round: Callable[[Round], None] = lambda _: None,
) -> PilotRun:
    """Find the stationary initial variances of an ensemble.

    Rounds start from He-normal, 2/fan_in. From the second on, Anderson's method with one step of memory takes the place
    of s2 <- <W^2>: the fixed point is the same, with a third of the rounds.

    Args:
        config: with `initialisation="stationary"`, or with its numbers stated.
        images: training and test images.
        engine: that trains.
        threads: of the processor; None for the engine's own choice.
        after_round: called with each round; what it raises stops the run.

    Returns:
        The rounds.

    Raises:
        ValueError: the configuration asks for no pilot run, or networks diverged.

    Source: arXiv:2508.12834; D. G. Anderson, J. ACM 12 (1965) 547.

    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(hidden=(8, 8), epochs=2, initialisation="stationary(2, 9, 0.02)", optimizer="sgd")
    >>> found = run_pilot(config, load_dataset("mnist-5k"), "numba")
    >>> found.converged, max(abs(ratio - 1) for ratio in found.rounds[-1].ratios) < 0.02
    (True, True)
    """
    pilot = Pilot.parse(config.initialisation)
    if pilot is None:
        raise ValueError(f"initialisation: stationary is required for a pilot run, got {config.initialisation!r}")
    variance = np.array([Initialisation.parse("he-normal").moments(shape)[0] for shape in config.shapes])
    rounds: list[Round] = []
    while True:
        made = _train_round(config, pilot, variance, images, engine, threads)
        rounds.append(made)
        after_round(made)
        converged = max(abs(ratio - 1) for ratio in made.ratios) < pilot.tolerance
        if converged or len(rounds) == pilot.rounds:
            return PilotRun(tuple(rounds), converged)
        variance = _next_variance(rounds)


def _train_round(
    config: EnsembleConfig,
    pilot: Pilot,
    variance: Vector,
    images: LabelledData,
    engine: EngineName,
    threads: int | None,
) -> Round:
    steps = config.epochs * config.steps_per_epoch
    given = {
        "initialisation": f"normal({'; '.join(map(repr, variance.tolist()))})",
        "networks": pilot.networks,
        "layers": "all",
        "snapshots": steps,
    }
    trained = EnsembleConfig(**{**config.model_dump(), **given})
    networks = range(FIRST_NETWORK, FIRST_NETWORK + pilot.networks)
    with closing(load_engine(engine)(trained, images, networks, threads)) as snapshots:
        *_, last = snapshots
    # (network, layer)
    squares = np.stack(
        [(last.weights[layer].astype(np.float64) ** 2).mean(axis=(1, 2)) for layer in range(len(variance))], axis=1
    )
    mean = squares.mean(axis=0)
    if not (np.isfinite(squares).all() and (mean > 0).all()):
        raise ValueError(
            f"initialisation: {config.initialisation!r} requires networks that do not diverge, got weights that are "
            f"not finite with variances {', '.join(f'{value:.3g}' for value in variance)}; lower learning_rate"
        )
    error = squares.std(axis=0, ddof=1) / np.sqrt(pilot.networks) / variance
    return Round(tuple(variance.tolist()), tuple(mean.tolist()), tuple(error.tolist()))


def _next_variance(rounds: list[Round]) -> Vector:
    """The variances to try next: Anderson's step, or that of plain iteration where it would leave the positive ones."""
    start, end = np.array(rounds[-1].variance), np.array(rounds[-1].mean_square)
    proposed = end
    if len(rounds) > 1:
        earlier_start, earlier_end = np.array(rounds[-2].variance), np.array(rounds[-2].mean_square)
        # in units of the variances, so that every layer counts alike
        residual, earlier = (end - start) / start, (earlier_end - earlier_start) / start
        change = residual - earlier
        if (length := float(change @ change)) > 0:
            share = float(residual @ change) / length
            accelerated = (1 - share) * end + share * earlier_end
            # a step against the plain one is towards a point that repels
            if (accelerated > 0).all() and float((accelerated - start) @ ((end - start) / start**2)) > 0:
                proposed = accelerated
    bounded: Vector = np.clip(proposed, start / LARGEST_FACTOR, start * LARGEST_FACTOR)
    return bounded
