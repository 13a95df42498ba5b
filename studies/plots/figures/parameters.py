"""The fitted parameters through training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...analysis.layers.constraints import COMMON, EQUALS
from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import at_last_epoch, where
from ...notation.symbols import parameter_latex
from ..epochs import label_epochs, marks
from ..style import GREY, PALETTE, in_house_style
from .panels import Entry, layer_entries, layer_looks, legend_above, panels

_INITIAL: Entry = ("exact initial value", {"color": GREY, "linestyle": "--"})


@in_house_style
def plot_parameters(parameters: pd.DataFrame) -> Figure:
    """Plot each parameter by epoch, with bands of two standard errors and the exact initial value.

    The panels of the four variances that the symmetry of a network makes equal have one ordinate.

    Args:
        parameters: the table `parameters` of a study, layers of one shape: layer, epoch, parameter, index, estimate,
            standard_error, initial.

    Returns:
        A panel for each parameter, a curve for each layer.

    >>> row = {"layer": 1, "parameter": "mu_1", "index": 0, "standard_error": 0.1, "initial": 0.0}
    >>> figure = plot_parameters(pd.DataFrame([{**row, "epoch": e, "estimate": 0.2 * e} for e in (0.0, 1.0)]))
    >>> figure.axes[0].get_title()
    '$\\\\mu_{1}$'
    """
    table = of_all_networks(parameters)
    names = list(table.sort_values("index").parameter.unique())
    looks = layer_looks(table)

    def panel(axes: Axes, name: str) -> None:
        chosen = where(table, parameter=name)
        for initial in chosen.initial.unique():
            axes.axhline(initial, color=GREY, linestyle="--", linewidth=1)
        for layer, rows in chosen.groupby("layer"):
            look, error = looks[layer], 2 * rows.standard_error
            axes.fill_between(
                rows.epoch, rows.estimate - error, rows.estimate + error, color=look["color"], alpha=0.15, linewidth=0
            )
            axes.plot(rows.epoch, rows.estimate, **look, **marks(rows))
        axes.set_title(f"${parameter_latex(name)}$")

    figure = panels(names, panel, [*layer_entries(table), _INITIAL])
    equal = [axes for axes, name in zip(figure.axes, names, strict=False) if name in (*EQUALS, COMMON)]
    limits = [axes.get_ylim() for axes in equal]
    for axes in equal:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    return figure


@in_house_style
def plot_interior_parameters(interior_parameters: pd.DataFrame) -> Figure:
    """Plot the five parameters of independent permutations by epoch, and their parts in the squared distance.

    The mean is in units of the initial standard deviation of an entry, variances in units of its initial variance.

    Args:
        interior_parameters: the table of that name of a study, layers of one shape: layer, epoch, parameter, index,
            relative, relative_error, initial, wasserstein_squared.

    Returns:
        Five panels with a curve for each layer, and one with a bar for each layer.

    >>> names = ("mu", "G00", "G0H", "GH0", "GHH")
    >>> values = {"relative": 1.0, "relative_error": 0.1, "initial": 0.1, "wasserstein_squared": 0.1}
    >>> table = pd.DataFrame({"layer": 1, "epoch": 0.0, "parameter": names, "index": range(5), **values})
    >>> plot_interior_parameters(table).axes[5].get_xlabel()
    'part in the squared distance'
    """
    table = of_all_networks(interior_parameters)
    names = list(table.sort_values("index").parameter.unique())
    looks = layer_looks(table)
    figure = Figure(figsize=(8.2, 4.9))
    grid = figure.subplots(2, 3).flatten()
    for axes, name in zip(grid, names, strict=False):
        chosen = where(table, parameter=name)
        axes.axhline(float(chosen.initial.iloc[0] > 0), color=GREY, linestyle="--", linewidth=1)
        for layer, rows in chosen.groupby("layer"):
            look, error = looks[layer], 2 * rows.relative_error
            axes.fill_between(
                rows.epoch, rows.relative - error, rows.relative + error, color=look["color"], alpha=0.18, linewidth=0
            )
            axes.plot(rows.epoch, rows.relative, **look, **marks(rows))
        unit = "initial standard deviation" if name.startswith("mu") else "initial variance"
        axes.set_title(f"${parameter_latex(name)}$ / {unit}", fontsize=8.5)
        label_epochs(axes, most=3)
    _shares(grid[len(names)], at_last_epoch(table), names)
    for axes in grid[len(names) + 1 :]:
        axes.set_axis_off()
    legend_above(figure, [*layer_entries(table), _INITIAL])
    return figure


def _shares(axes: Axes, last: pd.DataFrame, names: Sequence[str]) -> None:
    """For each layer a bar of the parts of the parameters in the squared distance."""
    wide = last.pivot(index="layer", columns="parameter", values="wasserstein_squared")[list(names)]
    wide = wide.div(wide.sum(axis=1), axis=0)
    start = np.zeros(len(wide))
    for name, colour in zip(names, PALETTE, strict=False):
        axes.barh([str(layer) for layer in wide.index], wide[name], left=start, color=colour, height=0.6)
        start += wide[name].to_numpy()
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_ylabel("layer")
    axes.set_xlabel("part in the squared distance")
    axes.grid(visible=False)
    handles = [
        Line2D([], [], label=f"${parameter_latex(name)}$", color=colour, linewidth=5)
        for name, colour in zip(names, PALETTE, strict=False)
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=7.5, handlelength=0.8)
