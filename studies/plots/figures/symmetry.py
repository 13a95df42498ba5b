"""Figures of the symmetry of the matrices."""

from __future__ import annotations

from math import ceil
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ...analysis.layers.constraints import COMMON
from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import where
from ...analysis.verdicts import LEVEL, bound
from ...notation.symbols import group_latex, layer_name, parameter_latex
from ..epochs import label_epochs, marks
from ..scales import log_scale, signed_log_scale
from ..style import GREY, PALETTE, in_house_style, legend_columns, line_looks
from .panels import Entry, legend_above

#: Smaller p-values are drawn there.
LEAST_P = 1e-6

_BAND: dict[str, Any] = {"color": GREY, "alpha": 0.12, "linewidth": 0}


@in_house_style
def plot_nested_models(nested_models: pd.DataFrame) -> Figure:
    """Plot the BIC of every nested model above the best, by epoch.

    Args:
        nested_models: the table of that name of a study: layer, epoch, symmetry, bic.

    Returns:
        A panel for each layer, a curve for each nested model; linear up to 10, then logarithmic.

    >>> table = pd.DataFrame({"layer": 1, "epoch": 0.0, "symmetry": ["S_N", "S_N x S_N"], "bic": [30.0, 10.0]})
    >>> [line.get_ydata().tolist() for line in plot_nested_models(table).axes[0].lines]
    [[20.0], [0.0]]
    """
    layers = sorted(nested_models.layer.unique())
    names = list(nested_models.symmetry.unique())
    looks = dict(zip(names, line_looks(len(names)), strict=True))
    figure = Figure(figsize=(2.6 + 2.4 * min(len(layers), 3), 0.9 + 2.3 * ceil(len(layers) / 3)))
    grid = figure.subplots(ceil(len(layers) / 3), min(len(layers), 3), sharey=True, squeeze=False).flatten()
    for axes in grid[len(layers) :]:
        axes.set_axis_off()
    above = nested_models.bic - nested_models.groupby(["layer", "epoch"]).bic.transform("min")
    for axes, layer in zip(grid, layers, strict=False):
        own = where(nested_models.assign(excess=above), layer=layer)
        for name, rows in own.groupby("symmetry"):
            axes.plot(rows.epoch, rows.excess, **looks[str(name)], **marks(rows))
        signed_log_scale(axes, linear=10, stretch=0.6)
        axes.set_title(layer_name(layer))
        label_epochs(axes, most=3)
    grid[0].set_ylabel("BIC above the best")
    grid[0].set_ylim(-1, 1.5 * max(10.0, above.max()))
    # in plain letters, whose widths are those of the mathematics
    columns = legend_columns(names, figure.get_figwidth())
    legend_above(figure, [(group_latex(name), look) for name, look in looks.items()], ncols=columns)
    return figure


@in_house_style
def plot_constraints(symmetry: pd.DataFrame, nested_models: pd.DataFrame | None = None) -> Figure:
    """Plot the eight constraints that the symmetry of a network puts on the parameters, in standard errors, by epoch.

    Args:
        symmetry: the table of that name of a study: layer, epoch, parameter, minus, z.
        nested_models: the table of that name, for the p-values of all eight: layer, epoch, symmetry, p_wald,
            p_randomisation.

    Returns:
        A column of panels for each layer: the constraints, and below them the p-values.

    >>> row = {"layer": 1, "epoch": 0.0, "minus": ""}
    >>> table = pd.DataFrame([{**row, "parameter": "mu_2", "z": 0.5}, {**row, "parameter": "G0_12", "z": -1.0}])
    >>> len(plot_constraints(table).axes)
    1
    """
    table = of_all_networks(symmetry)
    layers = sorted(table.layer.unique())
    names = list(dict.fromkeys(table.parameter))
    looks = dict(zip(names, line_looks(len(names)), strict=True))
    lines = 1 if nested_models is None else 2
    figure = Figure(figsize=(1.4 + 2.6 * len(layers), 0.9 + 2.3 * lines))
    grid = figure.subplots(lines, len(layers), sharex=True, sharey="row", squeeze=False)
    of_one, of_all = bound(1), bound(len(names))
    for axes, layer in zip(grid[0], layers, strict=True):
        own = where(table, layer=layer)
        axes.axhspan(-of_one, of_one, **_BAND)
        for side in (-of_all, of_all):
            axes.axhline(side, color=GREY, linestyle="--", linewidth=1)
        for name, look in looks.items():
            rows = where(own, parameter=name)
            axes.plot(rows.epoch, rows.z, **{**look, "linewidth": 1.1}, **marks(rows))
        axes.set_title(layer_name(layer))
    grid[0, 0].set_ylabel("z of each constraint")
    entries: list[Entry] = [(_constraint(name, table), look) for name, look in looks.items()]
    if nested_models is not None:
        tests = {"p_wald": ("Wald", "o", PALETTE[0]), "p_randomisation": ("randomisation", "x", PALETTE[1])}
        exchangeable = where(of_all_networks(nested_models), symmetry="S_N x S_N")
        for axes, layer in zip(grid[1], layers, strict=True):
            own = where(exchangeable, layer=layer)
            for column, (_, marker, colour) in tests.items():
                p = own[column].clip(lower=LEAST_P)
                axes.plot(own.epoch, p, linestyle="", marker=marker, markersize=4, color=colour)
            axes.axhline(LEVEL, color=GREY, linestyle="--", linewidth=1)
        low = exchangeable[list(tests)].min().min()  # NaN if there are too few networks
        log_scale(grid[1, 0], 0.5 * max(LEAST_P, min(0.008, low)), 1.4)
        grid[1, 0].set_ylabel("p of all eight")
        entries += [
            (name, {"linestyle": "", "marker": marker, "color": colour}) for name, marker, colour in tests.values()
        ]
    for axes in grid[-1]:
        label_epochs(axes, most=2)
    legend_above(figure, entries, ncols=5, fontsize=8)
    return figure


def _constraint(name: str, table: pd.DataFrame) -> str:
    other = COMMON if where(table, parameter=name).minus.isin([COMMON]).any() else ""
    return f"${parameter_latex(name)}$" + (f" − ${parameter_latex(other)}$" if other else "")
