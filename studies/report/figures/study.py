"""The figures of a study, each from its table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ....invariants import RECTANGULAR, SQUARE, GraphFamily, parse_label
from ....training import EnsembleConfig
from ...analysis.constraints import COMMON, EQUALS
from ...analysis.layer import Tables
from ...analysis.network_subsets import ALL, TRAINED
from ...analysis.selection import at_last_epoch, where
from ...analysis.trajectories import layers_by_shape
from ...notation.number_format import number, rounded
from ...notation.symbols import (
    formula_html,
    formula_latex,
    group_html,
    group_latex,
    layer_name,
    parameter_html,
    parameter_latex,
)
from ...plots.epochs import epoch_ticks, label_epochs, marks
from ...plots.graphs import draw_graph
from ...plots.inline_svg import invariant_id
from ...plots.style import GREY, PALETTE, Illustration, house_style, legend_columns, line_looks
from ...runs.files import file_name
from ..cards import last_layers
from ..findings.dead_units import draw_dead_units
from .symmetry import draw_symmetry
from .z_score_overview import z_score_overview

# on top of the curve of all networks, which it often follows closely
_WITHOUT_UNTRAINED: dict[str, Any] = {"color": "black", "linewidth": 1.3, "linestyle": ":", "zorder": 5}
_DEGREE_NAMES = {3: "cubic", 4: "quartic"}


def draw_study(tables: Tables, config: EnsembleConfig) -> list[Illustration]:
    """All figures that the tables have rows for, in the order of the report.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    >>> row = {"epoch": 0.0, "subset": "all", "networks": 9, "mean": 0.5, "q05": 0.4, "q95": 0.6}
    >>> metrics = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    >>> training = pd.DataFrame([row | {"metric": metric} for metric in metrics])
    >>> [figure.name for figure in draw_study({"training": training}, EnsembleConfig())]
    ['learning']
    """
    with house_style():
        drawn = [learning(tables["training"])]
        if "units" in tables:
            drawn.append(draw_dead_units(tables))
        if "parameters" in tables:
            for name, draw in (("parameters", parameters), ("initialisation", initialisation)):
                table = where(tables[name], subset=ALL)
                for shape, layers in layers_by_shape(config).items():
                    chosen = table[table.layer.isin(layers)]
                    if len(chosen):
                        drawn.append(draw(chosen, shape))
            if "nested_models" in tables:
                drawn.append(nested_models(tables["nested_models"]))
            drawn.append(distances(tables["distances"]))
            if "trajectory" in tables:
                drawn += paths(tables["trajectory"], tables["trajectory_distances"])
            drawn += draw_symmetry(tables, config)
            drawn.append(departures_by_epoch(where(tables["comparison_summary"], subset=ALL)))
            drawn.append(z_score_overview(last_layers(tables["comparison"], config)))
            for layer, chosen in where(tables["largest_departures"], subset=ALL).groupby("layer"):
                number = int(str(layer))
                rows, columns = config.shapes[number]
                drawn.append(largest(chosen, number, SQUARE if rows == columns else RECTANGULAR))
    return drawn


def learning(table: pd.DataFrame) -> Illustration:
    """Loss and accuracy by epoch: mean, and the band between the 5% and 95% quantiles of the networks."""
    figure = Figure(figsize=(7.2, 2.9))
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for part, colour in zip(("train", "test"), PALETTE, strict=False):
            rows = where(table, subset=ALL, metric=f"{part}_{quantity}")
            axes.fill_between(rows.epoch, rows.q05, rows.q95, color=colour, alpha=0.18, linewidth=0)
            axes.plot(rows.epoch, rows["mean"], color=colour, label=part, **marks(rows))
        axes.set_ylabel(quantity)
        label_epochs(axes)
    figure.axes[1].set_ylim(0, 1)
    figure.axes[0].legend()
    last = where(table, subset=ALL, metric="test_accuracy").iloc[-1]
    count = int(last.networks)
    drawn = (
        "Of the one network"
        if count == 1
        else f"Mean over {count} networks (line) and their 5% to 95% quantiles (band)"
    )
    mean = f"{last['mean']:.3f}" if count == 1 else f"{last['mean']:.3f} on average"
    spread = f"; the quantiles are {last.q05:.3f} and {last.q95:.3f}" if count >= 20 else ""
    return Illustration.of(
        figure,
        "learning",
        "Loss and accuracy",
        f"{drawn}. At epoch {last.epoch:g} the test accuracy is {mean}{spread}. Training values are running means over "
        f"the epoch.",
        "Curves of training and test loss and accuracy against the epoch.",
    )


def parameters(table: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """The parameters by epoch, a panel each, a curve for each layer, exact initial values as dashed lines."""
    names = list(table.sort_values("index").parameter.unique())

    def panel(axes: Axes, name: str) -> None:
        chosen = where(table, parameter=name)
        for initial in chosen.initial.unique():
            axes.axhline(initial, color=GREY, linestyle="--", linewidth=1)
        for (_, rows), look in zip(chosen.groupby("layer"), _looks(table), strict=True):
            error = 2 * rows.standard_error
            axes.fill_between(
                rows.epoch, rows.estimate - error, rows.estimate + error, color=look["color"], alpha=0.15, linewidth=0
            )
            axes.plot(rows.epoch, rows.estimate, **look, **marks(rows))
        axes.set_title(f"${parameter_latex(name)}$")

    figure = _panels(names, panel, [*_layer_legend(table), ("exact initial value", {"color": GREY, "linestyle": "--"})])
    equal = [axes for axes, name in zip(figure.axes, names, strict=False) if name in (*EQUALS, COMMON)]
    if shape[0] == shape[1]:
        limits = [axes.get_ylim() for axes in equal]
        for axes in equal:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    size = f"{shape[0]} × {shape[1]}"
    note = (
        Markup("; one ordinate for {}, which the symmetry of the network makes equal").format(
            Markup(", ").join(parameter_html(name) for name in (*EQUALS, COMMON))
        )
        if equal
        else ""
    )
    return Illustration.of(
        figure,
        f"parameters_{shape[0]}x{shape[1]}",
        f"The {len(names)} parameters of the {size} layers",
        Markup(
            "Fitted parameters by epoch, with bands of two standard errors; dashed: the exact initial value{}. "
            "Over training {}."
        ).format(note, _most_moved(table)),
        f"{len(names)} small panels, one for each parameter, with a curve for each layer against the epoch.",
    )


def initialisation(table: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """Deviations of the linear and quadratic invariants from initialisation, in standard errors, on one log scale."""
    graphs = list(table.graph.unique())
    formulas = dict(zip(table.graph, table.formula, strict=True))
    top = 1.5 * max(10.0, table.deviation.max())

    def panel(axes: Axes, graph: str) -> None:
        for (_, rows), look in zip(where(table, graph=graph).groupby("layer"), _looks(table), strict=True):
            axes.plot(rows.epoch, rows.deviation.clip(lower=0.1), **look, **marks(rows))
        axes.axhspan(0.1, 2, color=GREY, alpha=0.12, linewidth=0)
        _log_scale(axes, 0.1, top)
        axes.set_title(formula_latex(formulas[graph]))
        axes.set_gid(invariant_id(formulas[graph], 0))

    figure = _panels(
        graphs,
        panel,
        [*_layer_legend(table), ("compatible with initialisation", {"color": GREY, "alpha": 0.25, "linewidth": 7})],
    )
    first, last = (table[table.epoch == epoch] for epoch in (table.epoch.min(), table.epoch.max()))
    size = f"{shape[0]} × {shape[1]}"
    return Illustration.of(
        figure,
        f"initialisation_{shape[0]}x{shape[1]}",
        f"Linear and quadratic invariants of the {size} layers: deviation from initialisation",
        f"|mean − exact expectation at initialisation| / exact standard error at initialisation, on a log scale "
        f"(values below 0.1 are drawn at 0.1); the grey band: compatible with the weights before training. "
        f"At epoch {first.epoch.iloc[0]:g} the largest of the {len(first)} is {first.deviation.max():.1f}, at epoch "
        f"{last.epoch.iloc[0]:g} it is {last.deviation.max():.3g}, and {(last.deviation > 2).sum()} are above 2.",
        "Small panels, one for each invariant, with the deviation of each layer against the epoch.",
    )


def distances(table: pd.DataFrame) -> Illustration:
    """Wasserstein distance to the exact model at initialisation by epoch and layer, for both subsets of networks."""
    figure = Figure(figsize=(7.2, 3.4))
    axes = figure.subplots()
    for (_, rows), look in zip(table.groupby("layer"), _looks(table), strict=True):
        everyone, learnt = (where(rows, subset=name) for name in (ALL, TRAINED))
        axes.fill_between(
            everyone.epoch, everyone.null_lower, everyone.null_upper, color=look["color"], alpha=0.18, linewidth=0
        )
        axes.plot(everyone.epoch, everyone.wasserstein, **look, **marks(everyone))
        if learnt.networks.max() < everyone.networks.max():
            axes.plot(learnt.epoch, learnt.wasserstein, **_WITHOUT_UNTRAINED)
    axes.set_ylabel("Wasserstein distance $W_2$")
    axes.set_ylim(bottom=0)
    label_epochs(axes)
    entries = [*_layer_legend(table), ("by chance alone", {"color": GREY, "alpha": 0.3, "linewidth": 7})]
    if (table.subset == TRAINED).any() and table.networks.nunique() > 1:
        entries.append(("without untrained networks", _WITHOUT_UNTRAINED))
    _legend(figure, entries)
    everyone = where(table, subset=ALL)
    ends = "; ".join(
        f"{layer_name(layer)} {rows.wasserstein.iloc[0]:.3g} to {rows.wasserstein.iloc[-1]:.3g}"
        for layer, rows in everyone.groupby("layer")
    )
    return Illustration.of(
        figure,
        "distances",
        "Distance to initialisation",
        f"2-Wasserstein distance (of whole matrices, in the Frobenius norm) between the fitted model and the exact one "
        f"at initialisation: "
        f"{ends}, from epoch {everyone.epoch.min():g} to {everyone.epoch.max():g}. The bands have the distances that "
        f"as many matrices of the law at initialisation would have, nine times out of ten: the sampling error of a "
        f"finite ensemble, where a layer starts. arXiv:2510.05218 plots the square, which is in the table.",
        "Curves of the Wasserstein distance against the epoch, one for each layer, and a band at the bottom for each.",
    )


def nested_models(table: pd.DataFrame) -> Illustration:
    """BIC of every nested model above the best, by epoch, a panel for each layer."""
    layers = sorted(table.layer.unique())
    names = list(table.symmetry.unique())
    looks = dict(zip(names, line_looks(len(names)), strict=True))
    figure = Figure(figsize=(2.6 + 2.4 * min(len(layers), 3), 0.9 + 2.3 * ceil(len(layers) / 3)))
    grid = figure.subplots(ceil(len(layers) / 3), min(len(layers), 3), sharey=True, squeeze=False).flatten()
    for axes in grid[len(layers) :]:
        axes.set_axis_off()
    for axes, layer in zip(grid, layers, strict=False):
        own = where(table, layer=layer)
        excess = own.bic - own.groupby("epoch").bic.transform("min")
        for name, rows in own.assign(excess=excess).groupby("symmetry"):
            axes.plot(rows.epoch, rows.excess, **looks[str(name)], **marks(rows))
        axes.set_yscale("symlog", linthresh=10, linscale=0.6)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(layer_name(layer))
        label_epochs(axes, most=3)
    grid[0].set_ylabel("BIC above the best")
    above = table.bic - table.groupby(["layer", "epoch"]).bic.transform("min")
    grid[0].set_ylim(-1, 1.5 * max(10.0, above.max()))
    handles = [Line2D([], [], label=group_latex(name), **look) for name, look in looks.items()]
    columns = legend_columns(names, figure.get_figwidth())
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    best = Markup("; ").join(
        Markup("{}: {}").format(layer_name(layer), group_html(own.sort_values("bic").symmetry.iloc[0]))
        for layer, own in at_last_epoch(table).dropna(subset="bic").groupby("layer")
    )
    return Illustration.of(
        figure,
        "nested_models",
        "Which of the nested models?",
        Markup(
            "Bayesian information criterion of each nested Gaussian model, less that of the best at the same epoch (0 "
            "is the best; linear up to 10, then logarithmic). At epoch {} the best are {}. Entries that are iid are "
            "independent and of one law; {} permutes rows and columns together, {} independently; “transpose”: also "
            "invariant under transposition."
        ).format(f"{table.epoch.max():g}", best, group_html("S_N"), group_html("S_N x S_N")),
        "A panel for each layer, a curve for each nested model against the epoch.",
    )


def paths(places: pd.DataFrame, distances: pd.DataFrame) -> list[Illustration]:
    """For each shape of layers the path of their models through training, and the distances between all of them."""
    found = []
    for rows, columns in places[["rows", "columns"]].drop_duplicates().to_numpy().tolist():
        own, between = (where(table, rows=rows, columns=columns) for table in (places, distances))
        found.append(path(own, between, (rows, columns)))
    return found


def path(places: pd.DataFrame, distances: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """The models of all epochs and layers of one shape in the plane, and the table of their distances in colours."""
    figure = Figure(figsize=(7.6, 3.7))
    plane, square = figure.subplots(1, 2, width_ratios=(1.15, 1))
    for (_, rows), look in zip(places.groupby("layer"), _looks(places), strict=True):
        plane.plot(rows.x1, rows.x2, **look, marker="o", markersize=3)
        last = rows.iloc[-1]
        plane.annotate(f"{last.epoch:g}", (last.x1, last.x2), textcoords="offset points", xytext=(4, 4), fontsize=8)
    first = places[places.epoch == places.epoch.min()]
    plane.plot(first.x1, first.x2, "s", color="black", markersize=5, zorder=4)
    plane.set_xlabel("first coordinate")
    plane.set_ylabel("second coordinate")
    plane.set_aspect("equal", adjustable="datalim")
    order = list(zip(places.layer, places.epoch, strict=True))
    wide = distances.pivot(index=["layer", "epoch"], columns=["other_layer", "other_epoch"], values="wasserstein")
    cells = square.pcolormesh(wide.loc[order, order].to_numpy(), cmap="viridis", vmin=0)
    figure.colorbar(cells, ax=square, label="$W_2$")
    middles, edges = [], [0]
    for layer, rows in places.groupby("layer"):
        middles.append((edges[-1] + len(rows) / 2, str(layer)))
        edges.append(edges[-1] + len(rows))
    for edge in edges[1:-1]:
        square.axhline(edge, color="white", linewidth=1)
        square.axvline(edge, color="white", linewidth=1)
    for axis in (square.xaxis, square.yaxis):
        axis.set_ticks([middle for middle, _ in middles], [name for _, name in middles])
    square.set_xlabel("layer, and in it the epochs")
    square.set_ylabel("layer, and in it the epochs")
    square.set_aspect("equal")
    square.grid(visible=False)
    square.invert_yaxis()
    _legend(figure, [*_layer_legend(places), ("the first epoch", {"color": "black", "marker": "s", "linestyle": ""})])
    size = f"{shape[0]} × {shape[1]}"
    shares = [places.share1.iloc[0], places.share2.iloc[0]]
    epochs = places.epoch.nunique()
    farthest = distances.sort_values("wasserstein").iloc[-1]
    return Illustration.of(
        figure,
        f"path_{shape[0]}x{shape[1]}",
        f"The path of the {size} layers through training",
        f"Left: the fitted models at {epochs} epochs, from a square at the first one to the number of the last, in the "
        f"plane whose distances come nearest to the Wasserstein distances between them (its coordinates show "
        f"{shares[0]:.0%} and {shares[1]:.0%} of them). Right: the distances themselves, between all pairs of layers "
        f"and epochs. The farthest apart are {layer_name(int(farthest.layer))} at epoch {farthest.epoch:g} and "
        f"{layer_name(int(farthest.other_layer))} at epoch {farthest.other_epoch:g}: {farthest.wasserstein:.3g}.",
        "A path in the plane for each layer, and a square of colours with the distance between any two models.",
    )


def departures_by_epoch(summary: pd.DataFrame) -> Illustration:
    """Quantile bands of the higher invariants' deviations: the paper's above, |z| below, a column for each layer."""
    layers = list(summary.layer.unique())
    figure = Figure(figsize=(max(4.2, 2.6 * len(layers)), 4.9))
    grid = figure.subplots(2, len(layers), sharex=True, sharey="row", squeeze=False)
    titles = {"deviation": "|predicted − measured|\n/ standard deviation", "absolute_z": "|z|"}
    for row, (quantity, title) in zip(grid, titles.items(), strict=True):
        for axes, layer in zip(row, layers, strict=True):
            for degree, colour in zip(_DEGREE_NAMES, PALETTE, strict=False):
                rows = where(summary, layer=layer, quantity=quantity, degree=degree)
                axes.fill_between(rows.epoch, rows.q25, rows.q75, color=colour, alpha=0.18, linewidth=0)
                axes.plot(rows.epoch, rows["median"], color=colour, **marks(rows))
                axes.plot(rows.epoch, rows.q95, color=colour, linewidth=1.1, linestyle="--")
                axes.plot(rows.epoch, rows["max"], color=colour, linewidth=1.1, linestyle=":")
            if quantity == "absolute_z":
                axes.axhspan(0.2, 2, color=GREY, alpha=0.1, linewidth=0)
                label_epochs(axes, most=2)
            else:
                axes.set_title(layer_name(layer))
        row[0].set_ylabel(title)
    # after all is drawn, for the limits are shared along a line of panels
    grid[0, 0].set_ylim(bottom=0)
    _log_scale(grid[1, 0], 0.2, 1.3 * max(4.0, where(summary, quantity="absolute_z")["max"].max()))
    degrees = [(name, {"color": colour}) for name, colour in zip(_DEGREE_NAMES.values(), PALETTE, strict=False)]
    quantiles: list[tuple[str, dict[str, Any]]] = [
        ("middle half", {"color": GREY, "alpha": 0.3, "linewidth": 7}),
        ("median", {"color": GREY}),
        ("95%", {"color": GREY, "linestyle": "--"}),
        ("largest", {"color": GREY, "linestyle": ":"}),
    ]
    _legend(figure, [*degrees, *quantiles])
    last = at_last_epoch(summary)
    medians = where(last, quantity="deviation")["median"]
    top = where(last, quantity="absolute_z")["max"].max()
    return Illustration.of(
        figure,
        "departures_by_epoch",
        "Cubic and quartic invariants: departure from the fitted Gaussian model",
        f"How far the Gaussian model fitted at each epoch misses the cubic and quartic invariants. Above, in standard "
        f"deviations of one network's value, the measure of arXiv:2510.05218: at epoch {last.epoch.iloc[0]:g} the "
        f"medians lie between {medians.min():.2g} and {medians.max():.2g}. Below, |z|, the same difference in standard "
        f"errors of the comparison, refit included, on a log scale: up to {top:.3g} at that epoch. The grey "
        f"band: compatible with the fitted model.",
        "Median, quantiles and maximum over the invariants against the epoch, a column of panels for each layer.",
    )


def largest(departures: pd.DataFrame, layer: int | str, family: GraphFamily) -> Illustration:
    """The invariants of largest |z| with their graphs, in the order of the rows."""
    figure = Figure(figsize=(7.6, 0.1 + 1.55 * ceil(len(departures) / 5)))
    grid = figure.subplots(ceil(len(departures) / 5), 5, squeeze=False).flatten()
    for axes in grid[len(departures) :]:
        axes.set_axis_off()
    for axes, row in zip(grid, departures.itertuples(), strict=False):
        draw_graph(axes, parse_label(str(row.graph), family))
        axes.set_title(f"{formula_latex(str(row.formula))}\n$z = {row.z:+.1f}$", fontsize=7.5)
        axes.set_gid(invariant_id(str(row.formula), 0))
    first = departures.iloc[0]
    roles = " (discs are rows, squares columns)" if len(family.node_kinds) > 1 else ""
    when = f" at epoch {first.epoch:g}" if "epoch" in departures else ""
    return Illustration.of(
        figure,
        f"largest_{file_name(layer_name(layer))}",
        f"The largest departures in {layer_name(layer)}",
        Markup(
            "The {} cubic and quartic invariants that the fitted model misses most{}, by |z|. A node is an index that "
            "is summed over{}, an {} a factor <i>M</i><sub>ij</sub>. The first, {}, is predicted as {} and measured as "
            "{}. Many of these are strongly correlated with each other."
        ).format(
            len(departures),
            when,
            roles,
            "arc from i to j" if family.directed else "edge between i and j",
            formula_html(str(first.formula)),
            rounded(first.predicted, first.standard_error),
            rounded(first.measured, first.standard_error),
        ),
        "Drawings of graphs: " + "; ".join(departures.formula),
    )


def _panels(
    names: Sequence[str], draw: Callable[[Axes, str], None], legend: list[tuple[str, dict[str, Any]]]
) -> Figure:
    """A panel for each name, five in a line, and one legend."""
    lines = ceil(len(names) / 5)
    figure = Figure(figsize=(9.2, 0.4 + 1.6 * lines))
    grid = figure.subplots(lines, 5, sharex=True, squeeze=False).flatten()
    for axes, name in zip(grid, names, strict=False):
        draw(axes, name)
        # labels below every panel, so that the lines of panels are evenly apart where the last one is not full
        axes.tick_params(labelsize=7.5, labelbottom=True)
        axes.set_xticks(epoch_ticks(axes.dataLim.x0, axes.dataLim.x1, most=2))
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=9)
    _legend(figure, legend)
    return figure


def _legend(figure: Figure, entries: Sequence[tuple[str, dict[str, Any]]]) -> None:
    handles = [Line2D([], [], label=label, **look) for label, look in entries]
    columns = legend_columns([label for label, _ in entries], figure.get_figwidth())
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)


def _layer_legend(table: pd.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    return [
        (layer_name(layer), {**look}) for layer, look in zip(sorted(table.layer.unique()), _looks(table), strict=True)
    ]


def _looks(table: pd.DataFrame) -> list[dict[str, Any]]:
    return line_looks(table.layer.nunique())


def _log_scale(axes: Axes, low: float, high: float) -> None:
    """A logarithmic ordinate with plain numbers: 0.5, 1, 2, 5 over few decades, powers of ten over many."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _most_moved(table: pd.DataFrame) -> Markup:
    last = at_last_epoch(table)
    row = last.iloc[int(last.z_from_initial.abs().argmax())]
    return Markup("the largest move is that of {} in {}, from {} to {} ({} standard errors at initialisation)").format(
        parameter_html(row.parameter),
        layer_name(row.layer),
        number(row.initial),
        rounded(row.estimate, row.standard_error),
        f"{abs(row.z_from_initial):.3g}",
    )
