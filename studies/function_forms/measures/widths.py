"""What a finite width changes, from narrow to wide networks, measured and to the order 1/m."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from ....spectra import relu_finite_width
from ..settings import Settings, number_of_functions
from .draws import Stream, generator, hidden_weights
from .eigenspaces import Eigenspaces
from .groups import groups_of
from .means import mean_and_error

QUANTITIES = ("shift", "spread", "vector_leak", "function_leak", "function_error")

_PARTS = (27, 9, 3)
# networks of a narrower width, for each of the widest: the errors of their means are then alike
_MORE = 3


def widths_of(settings: Settings) -> list[int]:
    """Choose the widths to compare: a third, a ninth and a 27th of the full one, as far as the groups stay apart.

    Args:
        settings: of the study.

    Returns:
        From the narrowest on.

    >>> widths_of(Settings(dimension=5, hidden=3000))
    [111, 333, 1000]
    """
    least = 4 * number_of_functions(settings.dimension)
    return [settings.hidden // part for part in _PARTS if settings.hidden // part >= least]


def width_table(networks: pd.DataFrame, settings: Settings, advance: Callable[[], None]) -> pd.DataFrame:
    """Measure the eigenspaces at several widths.

    Args:
        networks: of `eigenspace_tables`, for the full width.
        settings: of the study.
        advance: called after each narrower width.

    Returns:
        hidden, networks, group, quantity, measured, standard_error, expected. The quantities are shift (of the mean
        eigenvalue, relative to infinite width), spread (relative) and those of `FiniteWidth`.
    """
    parts = [_rows(networks, settings.dimension, settings.hidden)]
    for hidden in widths_of(settings):
        rows = []
        for network in range(_MORE * settings.networks):
            weights = hidden_weights(
                settings.dimension, hidden, generator(settings.seed, Stream.WIDTHS, hidden, network)
            )
            found = Eigenspaces.of(weights)
            for group in groups_of(settings.dimension):
                rows.append({"network": network, "group": group.name, **found.agreement(group)})
        parts.append(_rows(pd.DataFrame(rows), settings.dimension, hidden))
        advance()
    return pd.concat(parts, ignore_index=True).sort_values("hidden", kind="stable", ignore_index=True)


def _rows(networks: pd.DataFrame, dimension: int, hidden: int) -> pd.DataFrame:
    widths = relu_finite_width(dimension, hidden)
    rows = []
    for group in groups_of(dimension):
        own = networks[networks.group == group.name]
        expected = widths[group.degree]
        values = {quantity: own[quantity] for quantity in QUANTITIES[2:]}
        values |= {"shift": own["mean"] / group.exact - 1, "spread": own.spread}
        theory = {
            "shift": expected.mean / group.exact - 1,
            "spread": expected.spread / group.exact,
            **{quantity: getattr(expected, quantity) for quantity in QUANTITIES[2:]},
        }
        for quantity in QUANTITIES:
            # a spread is the root of a mean square, and so is its mean over networks
            squares = values[quantity] ** 2 if quantity == "spread" else values[quantity]
            mean, error = mean_and_error(squares)
            if quantity == "spread":
                mean, error = mean**0.5, error / (2 * mean**0.5)
            row = {"hidden": hidden, "networks": networks.network.nunique(), "group": group.name}
            numbers = {"measured": mean, "standard_error": error, "expected": theory[quantity]}
            rows.append({**row, "quantity": quantity, **numbers})
    return pd.DataFrame(rows)
