"""Gradient descent on functions of the four groups: how fast each is learnt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.sparse.linalg import expm_multiply

from ..settings import Settings
from .draws import Array, Stream, generator, hidden_weights
from .eigenspaces import Eigenspaces
from .groups import groups_of
from .means import mean_and_error, p_of_mean

FLOW, DESCENT = "gradient flow on the population", "gradient descent on samples"

#: Between these multiples of its decay time the logarithm of a mode is fitted by a line.
WINDOW = (0.2, 1.5)

_FLOW_POINTS = 21
# of what the top eigenvalue allows at most, 2/lambda_0
_RATE = 0.25


def learning_rate(dimension: int) -> float:
    """Return the step of gradient descent: half the inverse of the largest eigenvalue.

    Args:
        dimension: d of the inputs.

    Returns:
        The step, in units of an inverse eigenvalue.

    >>> round(learning_rate(5), 3)
    0.569
    """
    return 2 * _RATE / groups_of(dimension)[0].exact


def descent_tables(settings: Settings, advance: Callable[[], None]) -> dict[str, pd.DataFrame]:
    """Train networks with four outputs, each on a random function of one group, by both methods.

    The target of a group is a random combination t of its approximate eigenvectors. What is left of it after training
    is e; the mode is t.e / t.t, the projection of f_e on the limit of the target (derivation 11).

    Args:
        settings: of the study.
        advance: called after each network.

    Returns:
        modes: method, network, group, time (steps of descent), mode and expected (exp(-lambda t), or
        (1 - eta lambda)^t). rates: method, group, measured (the rate at which the logarithm of a mode falls, by time or
        by step, mean over the networks), standard_error, exact (from the eigenvalue of infinite width) and p_value by
        Student's t, and approximate (from the paper's).
    """
    d, parts = settings.dimension, []
    for network in range(settings.descents):
        weights = hidden_weights(d, settings.hidden, generator(settings.seed, Stream.TRAINING, network))
        rng = generator(settings.seed, Stream.TRAINING, network, 1)
        found = Eigenspaces.of(weights)
        targets = random_targets(found, rng)
        times, modes = flow_modes(found, targets)
        parts.append(_long(FLOW, network, d, times, modes))
        inputs = rng.normal(size=(settings.samples, d))
        modes = descent_modes(weights, targets, inputs)
        parts.append(_long(DESCENT, network, d, np.arange(len(modes), dtype=float), modes))
        advance()
    modes_table = pd.concat(parts, ignore_index=True)
    return {"modes": modes_table, "rates": _rates(modes_table, d)}


def random_targets(found: Eigenspaces, rng: np.random.Generator) -> Array:
    """Combine the approximate eigenvectors of each group at random.

    Args:
        found: of a network.
        rng: the generator.

    Returns:
        (m, groups), each of length one.
    """
    columns = []
    for group in groups_of(found.dimension):
        combination = rng.normal(size=group.stop - group.start) @ found.approximate[group.places]
        columns.append(combination / np.linalg.norm(combination))
    return np.stack(columns, axis=1)


def flow_modes(found: Eigenspaces, targets: Array) -> tuple[Array, Array]:
    """Follow gradient flow on the population from v = 0: what is left of the targets is exp(-I t) t.

    Args:
        found: the decomposed Fisher matrix of the network.
        targets: (m, groups).

    Returns:
        Times (count,), from 0 to twice the longest decay time, and modes (count, groups).

    >>> rng = generator(0, Stream.TRAINING)
    >>> found = Eigenspaces.of(hidden_weights(3, 400, rng))
    >>> times, modes = flow_modes(found, random_targets(found, rng))
    >>> bool(abs(modes[np.searchsorted(times, 4.0), 1] - np.exp(-1)) < 0.05)
    True
    """
    # the large eigenvalues by themselves, so that little is left for the exponential of a matrix
    components = found.vectors.T @ targets
    remainder = targets - found.vectors @ components
    times, modes = [np.zeros(1)], [np.ones((1, targets.shape[1]))]
    for stop in sorted({2 / group.exact for group in groups_of(found.dimension)}):
        grid = np.linspace(0, stop, _FLOW_POINTS)
        left = expm_multiply(-found.rest, remainder, start=0, stop=stop, num=_FLOW_POINTS, endpoint=True)
        large = np.exp(-np.multiply.outer(grid, found.values)) @ components**2
        new = grid > times[-1][-1]
        times.append(grid[new])
        modes.append((large + np.einsum("kmg,mg->kg", left, remainder))[new])
    return np.concatenate(times), np.concatenate(modes)


def descent_modes(weights: Array, targets: Array, inputs: Array) -> Array:
    """Train a network by gradient descent on samples, all at once, from v = 0.

    The loss of each output is the mean of (f(x) - y)^2 / 2, with y the value of its target.

    Args:
        weights: (d, m).
        targets: (m, groups), vectors of the targets.
        inputs: (n, d).

    Returns:
        (steps + 1, groups), the modes before training and after each step.

    >>> rng = generator(0, Stream.TRAINING)
    >>> weights = hidden_weights(3, 400, rng)
    >>> modes = descent_modes(weights, random_targets(Eigenspaces.of(weights), rng), rng.normal(size=(500, 3)))
    >>> bool(modes[1, 0] < 0.6 < modes[1, 1])
    True
    """
    d, rate = len(weights), learning_rate(len(weights))
    active = np.maximum(inputs @ weights, 0).astype(np.float32)
    values = active @ targets.astype(np.float32)
    outputs = np.zeros_like(targets)
    modes = [np.ones(targets.shape[1])]
    for _ in range(int(np.ceil(WINDOW[1] / (rate * groups_of(d)[-1].exact)))):
        errors = active @ outputs.astype(np.float32) - values
        outputs = outputs - rate * (active.T @ errors).astype(np.float64) / len(inputs)
        modes.append((targets * (targets - outputs)).sum(axis=0))
    return np.array(modes)


def _long(method: str, network: int, dimension: int, times: Array, modes: Array) -> pd.DataFrame:
    parts = []
    for place, group in enumerate(groups_of(dimension)):
        expected = np.exp(-_decay(method, dimension, group.exact) * times)
        columns = {"time": times, "mode": modes[:, place], "expected": expected}
        parts.append(pd.DataFrame({"method": method, "network": network, "group": group.name, **columns}))
    return pd.concat(parts, ignore_index=True)


def _decay(method: str, dimension: int, eigenvalue: float) -> float:
    """The rate at which the logarithm of a mode falls."""
    return eigenvalue if method == FLOW else float(-np.log1p(-learning_rate(dimension) * eigenvalue))


def _rates(modes: pd.DataFrame, dimension: int) -> pd.DataFrame:
    rows = []
    for method in (FLOW, DESCENT):
        for group in groups_of(dimension):
            exact = _decay(method, dimension, group.exact)
            own = modes[(modes.method == method) & (modes.group == group.name)]
            measured = [_slope(network, exact) for _, network in own.groupby("network")]
            mean, error = mean_and_error(measured)
            rows.append(
                {
                    "method": method,
                    "group": group.name,
                    "measured": mean,
                    "standard_error": error,
                    "exact": exact,
                    "p_value": p_of_mean(measured, exact),
                    "approximate": _decay(method, dimension, group.approximate),
                }
            )
    return pd.DataFrame(rows)


def _slope(mode: pd.DataFrame, rate: float) -> float:
    """The fitted rate of one mode of one network, within `WINDOW`."""
    scaled = mode.time * rate
    # at least the first two steps of a mode that falls faster than the window
    own = mode[((scaled >= WINDOW[0]) & (scaled <= WINDOW[1])) | mode.time.between(1, 2 if rate * 2 > WINDOW[1] else 0)]
    return float(-np.polyfit(own.time, np.log(own["mode"].abs()), 1)[0])
