"""Figures of a study of function forms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ..plots.figures.z_scores import plot_z_scores
from ..plots.scales import log_scale
from ..plots.style import GREY, PALETTE, Illustration, in_house_style
from .measures.descent import DESCENT, FLOW
from .measures.groups import MATHEMATICS
from .measures.pictures import SHOWN

_COLOURS = dict(zip(MATHEMATICS, PALETTE, strict=False))
_QUANTITIES = {
    "shift": "shift of the mean\neigenvalue (absolute)",
    "spread": "spread of the\neigenvalues",
    "vector_leak": "vectors outside\ntheir eigenspace",
    "function_leak": "functions outside\nthose of eigenvectors",
    "function_error": "error of f\n(of its mean square)",
}
_PICTURED = {"F_0": "$F_0$", "F_1": "$F_1$", "F_12": "$F_{12}$", "F_11": "$F_{11}$"}
_LEVELS = 13
_LAWS = {"exact": "infinite width", "approximate": "the paper's values"}


@in_house_style
def plot_fisher_spectrum(spectrum: pd.DataFrame) -> Figure:
    """Plot the large eigenvalues by rank: means and ranges over the networks, and the exact and approximate values.

    Args:
        spectrum: the table of that name of a study of function forms.

    Returns:
        One panel.

    >>> table = {"rank": [1, 2], "group": ["F_0", "below"], "mean": [0.9, 0.1], "smallest": [0.8, 0.1]}
    >>> table |= {"largest": [1.0, 0.1], "exact": [0.9, float("nan")], "approximate": [0.9, float("nan")]}
    >>> plot_fisher_spectrum(pd.DataFrame(table)).axes[0].get_yscale()
    'log'
    """
    figure = Figure(figsize=(4.9, 3.2))
    axes = figure.subplots()
    reach = np.array([spectrum["mean"] - spectrum.smallest, spectrum.largest - spectrum["mean"]]).clip(min=0)
    axes.errorbar(
        spectrum["rank"], spectrum["mean"], yerr=reach, fmt="o", markersize=3.5, color=PALETTE[0], label="networks"
    )
    for name, style, colour in (("exact", "-", GREY), ("approximate", ":", PALETTE[1])):
        axes.plot([], [], linestyle=style, color=colour, label=_LAWS[name])
        for _, own in spectrum.dropna(subset=name).groupby("group", sort=False):
            ends = [own["rank"].min() - 0.4, own["rank"].max() + 0.4]
            axes.plot(ends, [own[name].iloc[0]] * 2, linestyle=style, color=colour)
    axes.set(xlabel="rank", ylabel="eigenvalue")
    log_scale(axes)
    axes.legend()
    return figure


@in_house_style
def plot_mode_decay(modes: pd.DataFrame, method: str = FLOW) -> Figure:
    """Plot the rest of a function of each group against time: medians over the networks, and the prediction.

    Args:
        modes: the table of that name of a study of function forms.
        method: the gradient flow or the gradient descent, as the column `method` names it.

    Returns:
        One panel, small enough for a phone.

    >>> table = {"method": FLOW, "network": 0, "group": "F_0", "time": [0.0, 1.0, 2.0], "mode": [1.0, 0.4, 0.2]}
    >>> len(plot_mode_decay(pd.DataFrame({**table, "expected": [1.0, 0.4, 0.2]})).axes[0].lines)
    2
    """
    figure = Figure(figsize=(4.2, 2.7))
    axes = figure.subplots()
    chosen = modes[(modes.method == method) & (modes.time > 0)]
    for name, own in chosen.groupby("group", sort=False):
        left = own.groupby("time")[["mode", "expected"]].median()
        colour = _COLOURS[str(name)]
        axes.plot(left.index, left.expected, color=colour, linewidth=1, alpha=0.7)
        every = max(1, len(left) // 24)
        points = left["mode"].iloc[::every] if method == DESCENT else left["mode"]
        axes.plot(points.index, points, "o", markersize=2.6, color=colour, label=MATHEMATICS[str(name)])
    axes.set(xlabel="time" if method == FLOW else "steps", ylabel="left to learn", ylim=(-0.05, 1.05))
    axes.set_xscale("log")
    axes.legend(ncols=2)
    return figure


@in_house_style
def plot_inner_products(inner_products: pd.DataFrame) -> Figure:
    """Plot the cosines of the functions of all pairs of approximate eigenvectors of one network.

    Args:
        inner_products: the table of that name of a study of function forms.

    Returns:
        One panel, with the names of the groups along it.

    >>> table = {"first": ["F_0", "F_0", "F_1"], "second": ["F_0", "F_1", "F_1"], "cosine": [1.0, 0.1, 1.0]}
    >>> groups = {"first_group": ["F_0", "F_0", "F_l"], "second_group": ["F_0", "F_l", "F_l"]}
    >>> len(plot_inner_products(pd.DataFrame({**table, **groups})).axes[0].images)
    1
    """
    table = inner_products
    order = {name: place for place, name in enumerate(table["first"].drop_duplicates())}
    cosines = np.eye(len(order))
    rows, columns = table["first"].map(order).to_numpy(), table["second"].map(order).to_numpy()
    cosines[rows, columns] = cosines[columns, rows] = table.cosine
    figure = Figure(figsize=(4.6, 3.8))
    axes = figure.subplots()
    image = axes.imshow(cosines, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    groups = table.drop_duplicates("first").first_group.reset_index(drop=True)
    middles = groups.index.to_series().groupby(groups.to_numpy(), sort=False).mean()
    starts = np.flatnonzero(groups.ne(groups.shift()))[1:] - 0.5
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(middles.to_numpy(), [MATHEMATICS[str(name)] for name in middles.index])
    for start in starts:
        axes.axvline(start, color=GREY, linewidth=0.7)
        axes.axhline(start, color=GREY, linewidth=0.7)
    axes.grid(False)
    figure.colorbar(image, ax=axes, label="cosine of the functions")
    return figure


@in_house_style
def plot_functions(functions: pd.DataFrame) -> Figure:
    """Plot one function of each group for two and for three inputs: the network's above, the limit below it.

    Args:
        functions: the table of that name of a study of function forms.

    Returns:
        Four rows of four panels: over the plane of two inputs, and over longitude and latitude on the sphere of three.

    >>> grid = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0])).reshape(2, -1)
    >>> values = {"across": grid[0], "up": grid[1], "network": grid[0], "limit": grid[0]}
    >>> parts = [pd.DataFrame({"dimension": d, "function": name, **values}) for d in (2, 3) for name in SHOWN]
    >>> len(plot_functions(pd.concat(parts)).axes)
    16
    """
    figure = Figure(figsize=(7.2, 6.6))
    panels = figure.subplots(4, len(SHOWN))
    for (dimension, name), own in functions.groupby(["dimension", "function"], sort=False):
        place, row = SHOWN.index(str(name)), 2 * (int(str(dimension)) - 2)
        largest = 1.05 * own[["network", "limit"]].abs().to_numpy().max()
        levels = np.linspace(-largest, largest, _LEVELS)
        for offset, kind in enumerate(("network", "limit")):
            axes = panels[row + offset, place]
            grid = own.pivot(index="up", columns="across", values=kind)
            axes.contourf(grid.columns, grid.index, grid, levels=levels, cmap="RdBu_r")
            axes.xaxis.set_major_locator(NullLocator())
            axes.yaxis.set_major_locator(NullLocator())
            if offset == 0:
                axes.set_title(_PICTURED[str(name)])
            if place == 0:
                axes.set_ylabel(f"d = {dimension}\n{kind}")
    return figure


@in_house_style
def plot_widths(widths: pd.DataFrame) -> Figure:
    """Plot the effects of a finite width against the width: measured points, and lines to the order 1/m.

    Args:
        widths: the table of that name of a study of function forms.

    Returns:
        A panel for each quantity, with error bars of one standard error.

    >>> row = {"hidden": [100, 300], "group": "F_0", "quantity": "spread", "measured": [0.2, 0.1]}
    >>> len(plot_widths(pd.DataFrame({**row, "standard_error": 0.01, "expected": [0.2, 0.1]})).axes)
    1
    """
    quantities = [name for name in _QUANTITIES if name in set(widths.quantity)]
    figure = Figure(figsize=(7.2 if len(quantities) > 1 else 3.6, 2.3 * -(-len(quantities) // 3) + 0.4))
    panels = figure.subplots(-(-len(quantities) // 3), min(3, len(quantities)), squeeze=False).ravel()
    for axes in panels[len(quantities) :]:
        axes.remove()
    for axes, quantity in zip(panels, quantities, strict=False):
        for name, own in widths[widths.quantity == quantity].groupby("group", sort=False):
            _points_and_line(axes, own, str(name))
        axes.set_ylabel(_QUANTITIES[quantity])
        axes.set_xscale("log")
        log_scale(axes)
    panels[max(0, len(quantities) - 1)].set_xlabel("hidden units m")
    panels[0].legend(ncols=2, fontsize=7)
    return figure


def _points_and_line(axes: Axes, own: pd.DataFrame, name: str) -> None:
    measured, expected, colour = own.measured.abs(), own.expected.abs(), _COLOURS[name]
    axes.plot(own.hidden, expected, color=colour, linewidth=1)
    # on a logarithmic axis an error that reaches zero is cut off
    down = np.minimum(own.standard_error, 0.9 * measured)
    axes.errorbar(
        own.hidden, measured, yerr=[down, own.standard_error], fmt="o", markersize=3, color=colour,
        label=MATHEMATICS[name],
    )  # fmt: skip


def draw_modes(modes: pd.DataFrame, method: str, name: str) -> Illustration:
    """Draw the figure of `plot_mode_decay` for a page.

    Args:
        modes: the table of that name.
        method: of training.
        name: of the file.

    Returns:
        The figure.
    """
    law = "exp(−λt)" if method == FLOW else "(1 − ηλ)^t"
    return Illustration(
        plot_mode_decay(modes, method),
        name,
        f"What is learnt first: {method}",
        f"What is left of a random function of each group, medians over the networks. Lines: {law} with the exact "
        "eigenvalues for infinite width.",
        "Four falling curves of points on lines, F_0 first, then F_l, and F_ab and F_gg together.",
    )


def draw_figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[Illustration]]:
    """Draw the figures of a page.

    Args:
        tables: of the study.

    Returns:
        By the template of the finding that each stands beside.
    """
    spectrum = Illustration(
        plot_fisher_spectrum(tables["spectrum"]),
        "spectrum",
        "The largest eigenvalues",
        "Means over the networks, with the smallest and the largest; the last is the first below the four groups. "
        "Within a group the order of eigenvalues spreads them.",
        "Points falling in three steps along lines, then far below.",
    )
    products = Illustration(
        plot_inner_products(tables["inner_products"]),
        "inner_products",
        "Cosines of the functions of approximate eigenvectors",
        "Of one network, by the Fisher matrix. Those of different groups would be zero at infinite width.",
        "A square of cosines, dark on the diagonal and pale elsewhere.",
    )
    functions = Illustration(
        plot_functions(tables["functions"]),
        "functions",
        "One function of each group, of a network and in the limit",
        "For two inputs over the plane, for three over longitude and latitude of the unit sphere. The network's is "
        "that of the approximate eigenvector projected on its eigenspace. Red is positive, blue negative.",
        "Pairs of pictures that look alike.",
    )
    widths = Illustration(
        plot_widths(tables["widths"]),
        "widths",
        "What a finite width changes",
        "Points: means over networks with standard errors. Lines: formulas to the order 1/m, exact for the error of f. "
        "The shift of the mean is far smaller than the spread, so its points scatter most.",
        "Falling points along lines, in five panels.",
    )
    compared = tables["comparison"]
    sizes = compared["size"].astype(str)
    model = Illustration(
        plot_z_scores(compared.assign(ensemble=sizes + " × " + sizes)),
        "fisher_model",
        "Cubic and quartic invariants of Fisher matrices against the Gaussian model",
        "How large |z| is, in ascending order, beside what Gaussian matrices give.",
        "Curves of |z| far above that of chance.",
    )
    return {
        "function_forms/spectrum": [spectrum],
        "function_forms/agreement": [functions],
        "function_forms/orthogonality": [products],
        "function_forms/decay": [
            draw_modes(tables["modes"], FLOW, "gradient_flow"),
            draw_modes(tables["modes"], DESCENT, "gradient_descent"),
        ],
        "function_forms/widths": [widths],
        "function_forms/fisher_model": [model],
    }
