"""A pilot run: the initial variances that training leaves as they are, by iteration to a fixed point.

A round trains networks with initial variances s2 and measures r, the mean square weight of each layer at the end over
that at the start; the next round has s2 r. The fixed point is where r is 1 in every layer, the optimum of the bound of
arXiv:2508.12834. All rounds draw the same random numbers, so that r is a smooth function of s2; and r has the weights
that were drawn in its denominator, not their law, so that their sampling errors cancel.
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
from .store.limits import parse_json

#: Number of the first network of a pilot run: none of an ensemble has its random numbers.
FIRST_NETWORK = 2**31
#: The most by which a round changes a variance.
LARGEST_FACTOR = 2.0

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Round:
    """One round, layer by layer.

    Args:
        variance: of the law of the initial weights, s2.
        ratio: r, the mean square of the trained weights over that of the initial ones.
        standard_error: of r.
    """

    variance: tuple[float, ...]
    ratio: tuple[float, ...]
    standard_error: tuple[float, ...]


@dataclass(frozen=True)
class PilotRun:
    """The result of a pilot run.

    Args:
        rounds: in order; the last has the variances that are taken.
        converged: whether its ratios are 1 to within the tolerance.

    >>> run = PilotRun((Round((0.2, 0.1), (1.25, 1.0), (0.01, 0.01)),), converged=False)
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
        """Read the JSON of `to_json`.

        Args:
            text: the attribute `pilot` of an ensemble.

        Returns:
            The pilot run.

        Raises:
            ValueError: it is something else.
        """
        content = parse_json(text.encode(), "pilot")
        try:
            rounds = tuple(
                Round(*(tuple(map(float, made[name])) for name in ("variance", "ratio", "standard_error")))
                for made in content["rounds"]
            )
            if rounds and all(value > 0 for made in rounds for value in made.variance):
                return cls(rounds, bool(content["converged"]))
        except (KeyError, TypeError, ValueError):
            pass
        raise ValueError(f"pilot must be the rounds of a pilot run, with positive variances, got {text[:80]!r}")


def run_pilot(
    config: EnsembleConfig,
    images: LabelledData,
    engine: EngineName,
    threads: int | None = None,
    after_round: Callable[[Round], None] = lambda _: None,
) -> PilotRun:
    """Find the stationary initial variances of an ensemble.

    Rounds start from He-normal, 2/fan_in. From the second on, Anderson's method with one step of memory takes the place
    of s2 <- s2 r: the fixed point is the same, with fewer rounds.

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

    Source:
        arXiv:2508.12834; D. G. Anderson, J. ACM 12 (1965) 547.

    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(hidden=(8, 8), epochs=2, initialisation="stationary(2, 9, 0.02)", optimizer="sgd")
    >>> found = run_pilot(config, load_dataset("mnist-5k"), "numba")
    >>> found.converged, max(abs(ratio - 1) for ratio in found.rounds[-1].ratio) < 0.02
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
        converged = max(abs(ratio - 1) for ratio in made.ratio) < pilot.tolerance
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
        before, *_, after = snapshots
    start, end = (
        np.stack([(state.weights[layer].astype(np.float64) ** 2).mean(axis=(1, 2)) for layer in range(len(variance))])
        for state in (before, after)
    )
    if not (np.isfinite(end).all() and (end.mean(axis=1) > 0).all()):
        raise ValueError(
            f"initialisation: {config.initialisation!r} requires networks that do not diverge, got weights that are "
            f"not finite with variances {', '.join(f'{value:.3g}' for value in variance)}; lower learning_rate"
        )
    ratio, error = mean_ratio(start, end)
    return Round(tuple(variance.tolist()), tuple(ratio.tolist()), tuple(error.tolist()))


def mean_ratio(start: Vector, end: Vector) -> tuple[Vector, Vector]:
    """Divide two means over networks.

    Args:
        start: (..., networks), positive.
        end: the same networks later.

    Returns:
        mean(end) / mean(start), (...), and its standard error, by the delta method; NaN for one network.

    >>> ratio, error = mean_ratio(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    >>> float(ratio), float(error)
    (2.0, 0.0)
    """
    ratio = end.mean(axis=-1) / start.mean(axis=-1)
    residual = (end - ratio[..., None] * start) / start.mean(axis=-1)[..., None]
    count = end.shape[-1]
    error = np.sqrt((residual**2).sum(axis=-1) / (count * (count - 1))) if count > 1 else np.full_like(ratio, np.nan)
    return ratio, error


def _next_variance(rounds: list[Round]) -> Vector:
    """The variances to try next: Anderson's step, or that of plain iteration where it would leave the positive ones."""
    start = np.array(rounds[-1].variance)
    end = start * np.array(rounds[-1].ratio)
    proposed = end
    if len(rounds) > 1:
        earlier_start = np.array(rounds[-2].variance)
        earlier_end = earlier_start * np.array(rounds[-2].ratio)
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
