"""The figures about symmetry: constraints, the five parameters that they leave, what these sharpen, and classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ....training import EnsembleConfig
from ...analysis.constraints import COMMON
from ...analysis.layer import Tables
from ...analysis.network_subsets import ALL
from ...analysis.relative_change import by_chance
from ...analysis.selection import at_last_epoch, where
from ...analysis.symmetrised import AVERAGED, BIPARTITE_GRAPHS, SQUARE_GRAPHS
from ...analysis.trajectories import layers_by_shape
from ...analysis.verdicts import LEVEL, bound
from ...notation.number_format import with_error
from ...notation.symbols import group_latex, layer_name, parameter_html, parameter_latex
from ...plots.epochs import label_epochs, marks
from ...plots.style import GREY, PALETTE, Illustration, line_looks

# Smaller p-values are drawn there.
_LEAST_P = 1e-6

_BAND: dict[str, Any] = {"color": GREY, "alpha": 0.12, "linewidth": 0}


def draw_symmetry(tables: Tables, config: EnsembleConfig) -> list[Illustration]:
    """The figures that the tables have rows for, in the order of the report; to be called in `house_style`.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    >>> draw_symmetry({}, EnsembleConfig())
    []
    """
    everyone = {name: where(table, subset=ALL) for name, table in tables.items() if "subset" in table}
    drawn = []
    if "symmetry" in everyone:
        drawn.append(constraints(everyone["symmetry"], everyone.get("nested_models")))
    if "interior_parameters" in everyone:
        for shape, layers in layers_by_shape(config).items():
            own = everyone["interior_parameters"]
            own = own[own.layer.isin(layers)]
            if len(own):
                drawn.append(interior_parameters(own, shape))
    if "symmetrised_comparison" in everyone:
        drawn.append(symmetrised_comparison(everyone["symmetrised_comparison"]))
    if "output_classes" in everyone:
        drawn.append(output_classes(everyone["output_classes"], everyone["class_tests"]))
    if "change" in everyone:
        drawn.append(changes(everyone["change"]))
    return drawn


def constraints(table: pd.DataFrame, nested: pd.DataFrame | None) -> Illustration:
    """The eight constraints by epoch in standard errors, and the p-values of all together, a column for each layer."""
    layers = sorted(table.layer.unique())
    names = list(dict.fromkeys(table.parameter))
    looks = dict(zip(names, line_looks(len(names)), strict=True))
    lines = 1 if nested is None else 2
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
    handles = [Line2D([], [], label=_constraint(name, table), **look) for name, look in looks.items()]
    if nested is not None:
        tests = {"p_wald": ("Wald", "o", PALETTE[0]), "p_randomisation": ("randomisation", "x", PALETTE[1])}
        for axes, layer in zip(grid[1], layers, strict=True):
            own = where(nested, layer=layer, symmetry="S_N x S_N")
            for column, (_, marker, colour) in tests.items():
                p = own[column].clip(lower=_LEAST_P)
                axes.plot(own.epoch, p, linestyle="", marker=marker, markersize=4, color=colour)
            axes.axhline(LEVEL, color=GREY, linestyle="--", linewidth=1)
            axes.set_yscale("log")
        low = where(nested, symmetry="S_N x S_N")[list(tests)].min().min()  # NaN if there are too few networks
        grid[1, 0].set_ylim(0.5 * max(_LEAST_P, min(0.008, low)), 1.4)
        grid[1, 0].set_ylabel("p of all eight")
        handles += [
            Line2D([], [], label=name, linestyle="", marker=marker, color=colour)
            for name, marker, colour in tests.values()
        ]
    for axes in grid[-1]:
        label_epochs(axes, most=2)
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=8)
    last = at_last_epoch(table)
    outside = (table.z.abs() > of_one).mean()
    return Illustration.of(
        figure,
        "constraints",
        "The constraints that the symmetry of the network puts on the square layers",
        f"Above: the eight quantities that must be zero while rows and columns are exchangeable independently, in "
        f"standard errors (by the influence functions); the band holds one alone in 95% of cases, the dashed lines "
        f"all eight of a layer at one epoch. Over layers and epochs {outside:.1%} are outside the band; those of "
        f"neighbouring epochs are nearly the same. At epoch {last.epoch.iloc[0]:g} the largest is "
        f"{last.z.abs().max():.2f}. Below: p-values of all eight together, by Wald's test and by the exact "
        f"randomisation test, at the epochs that have the nested models; dashed: {LEVEL:g}; those below {_LEAST_P:g} "
        f"are drawn there.",
        "For each layer the eight constraints in standard errors against the epoch, and below the p-values of tests.",
    )


def _constraint(name: str, table: pd.DataFrame) -> str:
    other = COMMON if where(table, parameter=name).minus.isin([COMMON]).any() else ""
    return f"${parameter_latex(name)}$" + (f" − ${parameter_latex(other)}$" if other else "")


def interior_parameters(table: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """The five parameters of the layers of one shape by epoch, in initial units, and their parts in the distance."""
    names = list(table.sort_values("index").parameter.unique())
    layers = sorted(table.layer.unique())
    looks = dict(zip(layers, line_looks(len(layers)), strict=True))
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
    last = at_last_epoch(table)
    _shares(grid[len(names)], last, names)
    for axes in grid[len(names) + 1 :]:
        axes.set_axis_off()
    handles = [Line2D([], [], label=layer_name(layer), **look) for layer, look in looks.items()]
    handles.append(Line2D([], [], label="exact initial value", color=GREY, linestyle="--"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    z = (last.relative - (last.initial > 0)) / last.relative_error
    top = last.iloc[int(z.abs().argmax())]
    size = f"{shape[0]} × {shape[1]}"
    return Illustration.of(
        figure,
        f"interior_parameters_{shape[0]}x{shape[1]}",
        f"What training moves: the five parameters of the {size} layers",
        Markup(
            "What the symmetry of the network leaves free, by epoch: the mean in units of the initial standard "
            "deviation of an entry, variances in units of its initial variance, with bands of two standard errors; "
            "dashed: the exact initial value, 0 or 1. Last panel: the parts of each parameter in the squared "
            "Wasserstein distance to initialisation at epoch {}. Farthest from its start, in standard errors ({}), is "
            "{} of {}: {}."
        ).format(
            f"{last.epoch.iloc[0]:g}",
            f"{z.abs().max():.3g}",
            parameter_html(top.parameter),
            layer_name(top.layer),
            with_error(top.relative, top.relative_error),
        ),
        "Five small panels with a curve for each layer against the epoch, and bars of the parts in the distance.",
    )


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


def symmetrised_comparison(table: pd.DataFrame) -> Illustration:
    """Significant share, and root mean square and largest |z|, of the three sets of invariants, by epoch and layer."""
    layers = sorted(table.layer.unique())
    looks = dict(zip((SQUARE_GRAPHS, AVERAGED, BIPARTITE_GRAPHS), line_looks(3), strict=True))
    figure = Figure(figsize=(1.4 + 2.6 * len(layers), 5.2))
    grid = figure.subplots(2, len(layers), sharex=True, sharey="row", squeeze=False)
    for (above, below), layer in zip(grid.T, layers, strict=True):
        for name, look in looks.items():
            rows = where(table, layer=layer, invariants=name)
            above.plot(rows.epoch, rows.significant / rows.tested, **look, **marks(rows))
            below.plot(rows.epoch, rows.root_mean_square_z, **look, **marks(rows))
            below.plot(rows.epoch, rows.largest_absolute_z, **{**look, "linestyle": ":", "linewidth": 1.0})
        below.axhline(1, color=GREY, linestyle="--", linewidth=1)
        below.set_yscale("log")
        above.set_title(layer_name(layer))
        label_epochs(below, most=2)
    grid[0, 0].set_ylim(-0.02, 1)
    grid[0, 0].set_ylabel(f"fraction with q ≤ {LEVEL:g}")
    grid[1, 0].set_ylabel("|z|")
    grid[1, 0].yaxis.set_major_formatter("{x:g}")
    counts = {name: where(table, invariants=name).tested.max() for name in looks}
    labels = {
        SQUARE_GRAPHS: f"{counts[SQUARE_GRAPHS]} of {group_latex('S_N')}",
        AVERAGED: "the same, averaged",
        BIPARTITE_GRAPHS: f"{counts[BIPARTITE_GRAPHS]} of {group_latex('S_N x S_N')}",
    }
    handles = [Line2D([], [], label=labels[name], **look) for name, look in looks.items()]
    handles += [
        Line2D([], [], label="root mean square", color=GREY),
        Line2D([], [], label="largest", color=GREY, linestyle=":"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=8)
    last = at_last_epoch(table)
    ratios = where(last, invariants=AVERAGED)
    ends = "; ".join(
        f"{layer_name(row.layer)} {row.error_ratio:.2f} ({row.error_ratio_q05:.2f} to {row.error_ratio_q95:.2f})"
        for row in ratios.itertuples()
    )
    return Illustration.of(
        figure,
        "symmetrised_comparison",
        "Departures from Gaussianity, by the symmetry that is used",
        f"Cubic and quartic invariants of square layers against the Gaussian model fitted at each epoch: those of one "
        f"permutation of rows and columns together, with 13 parameters; the same averaged over independent "
        f"permutations of rows and of columns, and the bipartite invariants that these are combinations of, with five. "
        f"Above, the fraction with a false discovery rate of at most {LEVEL:g}; below, root mean square (1 by chance, "
        f"dashed) and largest |z| (dotted). At epoch {last.epoch.iloc[0]:g} averaging multiplies the standard errors "
        f"by, in the median over the invariants (5% to 95%): {ends}. A |z| that falls while the weights grow need not "
        f"mean that the departures do: heavy tails make the standard errors large.",
        "For each layer the significant fraction and |z| against the epoch, a curve for each set of invariants.",
    )


def output_classes(table: pd.DataFrame, tests: pd.DataFrame) -> Illustration:
    """Mean weight of each class by epoch and at the end, and the part of the class means in the row variance."""
    names = sorted(table["class"].unique())
    looks = dict(zip(names, line_looks(len(names)), strict=True))
    figure = Figure(figsize=(9.2, 3.4))
    course, end, share = figure.subplots(1, 3)
    for name, look in looks.items():
        rows = where(table, **{"class": name})
        course.plot(rows.epoch, rows["mean"], **{**look, "linewidth": 1.2}, **marks(rows))
    course.set_title("mean weight of a class")
    last = at_last_epoch(table)
    for name, look in looks.items():
        rows = where(last, **{"class": name})
        end.errorbar([name], rows["mean"], yerr=2 * rows.standard_error, fmt="o", color=look["color"], markersize=4)
    end.set_xticks(names if len(names) <= 10 else names[:: ceil(len(names) / 10)])
    end.set_xlabel("class")
    end.set_title(f"at epoch {last.epoch.iloc[0]:g}")
    error = 2 * tests.share_error
    share.fill_between(tests.epoch, tests.share - error, tests.share + error, color=PALETTE[0], alpha=0.18, linewidth=0)
    share.plot(tests.epoch, tests.share, color=PALETTE[0], **marks(tests))
    share.axhline(0, color=GREY, linestyle="--", linewidth=1)
    share.set_title(f"part of the class means in ${parameter_latex('GH0')}$")
    for axes in (course, share):
        label_epochs(axes, most=3)
    handles = [Line2D([], [], label=str(name), **look) for name, look in looks.items()]
    if len(handles) <= 20:
        figure.legend(handles=handles, loc="outside upper center", ncols=10)
    final = at_last_epoch(tests).iloc[0]
    return Illustration.of(
        figure,
        "output_classes",
        "The classes of the output layer",
        Markup(
            "Left: mean over networks and units of the weights of each class, by epoch. Middle: at the last epoch, "
            "with bars of two standard errors (of networks). Right: what the spread of the class means is of {}, the "
            "variance of the row sums, less the part of chance, with a band of two standard errors: {} at epoch {}."
        ).format(
            parameter_html("GH0"),
            f"{with_error(100 * final.share, 100 * final.share_error)}%",
            f"{final.epoch:g}",
        ),
        "Curves of the mean weight of each class by epoch, the means at the end, and their part in a variance.",
    )


def changes(table: pd.DataFrame) -> Illustration:
    """Distribution over the invariants of the relative change of their deviation, a panel for each layer."""
    layers = sorted(table.layer.unique())
    lines = ceil(len(layers) / 4)
    figure = Figure(figsize=(1.2 + 2.3 * min(4, len(layers)), 0.9 + 2.4 * lines))
    grid = figure.subplots(lines, min(4, len(layers)), sharey=True, sharex=True, squeeze=False).flatten()
    values = np.linspace(-1, 1, 201)
    looks: dict[str, dict[str, Any]] = {"all": {"color": PALETTE[0]}, "the paper’s 39": {"color": PALETTE[1]}}
    for axes, layer in zip(grid, layers, strict=False):
        own = where(table, layer=layer).dropna(subset="change")
        axes.plot(values, by_chance(values), color=GREY, linestyle="--", linewidth=1)
        for name, rows in (("all", own), ("the paper’s 39", own[own.in_paper])):
            if len(rows):
                axes.ecdf(rows.change, **looks[name])
        axes.set_title(layer_name(layer))
        axes.set_xlim(-1, 1)
    for axes in grid[len(layers) :]:
        axes.set_axis_off()
    grid[0].set_ylabel("fraction of the invariants below")
    figure.supxlabel("(final − initial) / (final + initial)", fontsize=9)
    handles = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    handles.append(Line2D([], [], label="by chance alone", color=GREY, linestyle="--"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    medians = "; ".join(
        f"{layer_name(layer)} {own.change.median():+.2f}".replace("-", "−") for layer, own in table.groupby("layer")
    )
    return Illustration.of(
        figure,
        "changes",
        "Change of the deviations through training",
        f"Quantity (3) of arXiv:2510.05218: the relative change, from the first to the last epoch, of the deviation of "
        f"the cubic and quartic invariants from the model fitted at that epoch; the distribution over all of them, and "
        f"over the 39 that the paper shows. Dashed: what independent sampling errors of equal size at both ends would "
        f"give. Medians over all: {medians}.",
        "For each layer the cumulative distribution of the relative changes, and that of chance alone.",
    )
