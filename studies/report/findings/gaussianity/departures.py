"""The number of invariants that depart from the Gaussian model: the main count of a report."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import numpy as np
import pandas as pd

from ....analysis.layers.layer import Tables
from ....analysis.network_subsets import ALL
from ....analysis.selection import at_last_epoch, where
from ....analysis.verdicts import departures, overflowing, too_few
from ....notation.number_format import number, rounded
from ....notation.p_values import p_text
from ....notation.symbols import formula_html, layer_name


@dataclass(frozen=True)
class Largest:
    """The invariant of largest |z| of a layer.

    Args:
        formula: of the invariant.
        predicted, measured, standard_error, z: of the comparison.
        familywise_p: of the bootstrap; NaN if there is none.
        smallest_p: the smallest that the bootstrap can give.
    """

    formula: str
    predicted: float
    measured: float
    standard_error: float
    z: float
    familywise_p: float = nan
    smallest_p: float = 0.0


@dataclass(frozen=True)
class LayerDepartures:
    """The departures of one layer.

    Args:
        layer: its index.
        departing: how many of its invariants depart, judged together; None if there are too few networks.
        tested: how many can depart.
        overflowing: how many are too large for floating-point numbers.
        largest: None if none can depart.
        median_deviation: over the invariants, in standard deviations of one network's value.
    """

    layer: int
    departing: int | None
    tested: int
    overflowing: int
    largest: Largest | None
    median_deviation: float


@dataclass(frozen=True)
class Departures:
    """The number of cubic and quartic invariants that depart at the last epoch, and the largest, layer by layer.

    Args:
        epoch: the last.
        calibrated: whether the bootstrap decides, rather than Holm's procedure on asymptotic p-values.
        few: why there is no verdict; empty if there is one.
        layers: one by one.
    """

    heading: ClassVar[str] = "Beyond the Gaussian model"
    template: ClassVar[str] = "departures"

    epoch: float
    calibrated: bool
    few: str
    layers: tuple[LayerDepartures, ...]

    @classmethod
    def of(cls, tables: Tables) -> Departures:
        """Read the comparison, with the p-values of the bootstrap where it was done.

        Args:
            tables: `comparison`, `parameters` and, if there are such, `bootstrap` and `gaussianity`.

        Returns:
            The record.

        >>> row = {"layer": 1, "epoch": 2.0, "subset": "all", "graph": "00", "formula": "sum_i M_ii^3", "z": 5.0}
        >>> values = {"p_value": 1e-6, "predicted": 1.0, "measured": 2.0, "standard_error": 0.2, "deviation": 0.1}
        >>> networks = pd.DataFrame([{"subset": "all", "networks": 500}])
        >>> found = Departures.of({"comparison": pd.DataFrame([row | values]), "parameters": networks})
        >>> found.layers[0].departing, found.layers[0].tested
        (1, 1)
        """
        last = at_last_epoch(where(tables["comparison"], subset=ALL))
        few = too_few(int(where(tables["parameters"], subset=ALL).networks.iloc[0]), "network")
        bootstrap = where(tables["bootstrap"], epoch=last.epoch.iloc[0]) if "bootstrap" in tables else pd.DataFrame()
        smallest = 1 / (tables["gaussianity"].replicates.iloc[-1] + 1) if len(bootstrap) else 0.0
        layers = []
        for layer, own in last.groupby("layer"):
            calibrated = where(bootstrap, layer=layer) if len(bootstrap) else bootstrap
            judged = calibrated if len(calibrated) else own
            departing = None if few and not len(calibrated) else int(departures(judged).sum())
            layers.append(
                LayerDepartures(
                    int(str(layer)),
                    departing,
                    int(own.z.notna().sum()),
                    overflowing(own),
                    _largest(own, calibrated, smallest),
                    own.deviation.median(),
                )
            )
        return cls(float(last.epoch.iloc[0]), bool(len(bootstrap)), "" if len(bootstrap) else few, tuple(layers))

    @property
    def overflowing(self) -> list[LayerDepartures]:
        """The layers with invariants that are too large."""
        return [own for own in self.layers if own.overflowing]

    @property
    def forced(self) -> list[LayerDepartures]:
        """The layers of which the fit forces all invariants to agree."""
        return [own for own in self.layers if own.largest is None and not own.overflowing]

    def rows(self) -> list[dict[str, str]]:
        """A row a layer that has an invariant that can depart."""
        rows = []
        for own in self.layers:
            if (top := own.largest) is None:
                continue
            line = {"layer": layer_name(own.layer)}
            if own.departing is not None:
                line["depart"] = f"{own.departing} of {own.tested}"
            line |= {
                "largest": formula_html(top.formula),
                "predicted": rounded(top.predicted, top.standard_error),
                "measured": rounded(top.measured, top.standard_error),
                "z": number(top.z, "+.1f"),
            }
            if self.calibrated:
                line["familywise p"] = p_text(top.familywise_p, top.smallest_p)
            rows.append(line | {"median deviation": number(own.median_deviation, ".3f")})
        return rows


def _largest(own: pd.DataFrame, calibrated: pd.DataFrame, smallest: float) -> Largest | None:
    z = own.z.abs()
    if not z.notna().any():
        return None
    top = own.iloc[int(np.nanargmax(z))]
    found = where(calibrated, graph=top.graph) if len(calibrated) else calibrated
    p = float(found.familywise_p_value.iloc[0]) if len(found) else nan
    return Largest(top.formula, top.predicted, top.measured, top.standard_error, top.z, p, smallest)
