"""Small multiples by epoch: a panel for each layer or parameter, a curve for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, sqrt
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..analysis.layers.constraints import FREE
from ..analysis.selection import at_last_epoch, where
from ..notation.symbols import layer_name, parameter_latex
from ..plots.epochs import epoch_ticks, marks
from ..plots.scales import log_scale
from ..plots.style import GREY, Illustration, house_style, legend_columns, line_looks
from .runs import FinishedRun

_PANELS_IN_A_LINE = 4
_LEAST_Z = 0.2
_LEAST_DEVIATION = 0.001

# (panel, run, look of its curves, layer)
Draw = Callable[[Axes, FinishedRun, dict[str, Any], int], None]


def draw_comparison(runs: Sequence[FinishedRun]) -> list[Illustration]:
    """The figures of a comparison, in the order of its page.

    >>> draw_comparison([])
    []
    """
    if not runs:
        return []
    with house_style():
        drawn = [accuracy(runs), distances(runs), median_deviations(runs), significance(runs)]
        if any(run.square_layers for run in runs):
            drawn.append(five_parameters(runs))
    return drawn


def answer(summary: pd.DataFrame) -> Illustration:
    """Draw how far training moves each layer of each run, small enough for the first screen.

    Args:
        summary: a row for each run and layer: run, layer, initial_norm, wasserstein_last.

    Returns:
        The figure.
    """
    with house_style():
        figure = Figure(figsize=(4.2, 2.7))
        axes = figure.subplots()
        for (run, rows), look in zip(
            summary.groupby("run", sort=False), line_looks(summary.run.nunique()), strict=True
        ):
            axes.plot(rows.layer, 100 * rows.wasserstein_last / rows.initial_norm, marker="o", label=run, **look)
        axes.set_xticks(sorted(summary.layer.unique()))
        axes.set_xlabel("layer")
        axes.set_ylabel("moved, % of initial size")
        axes.set_ylim(bottom=0)
        if summary.run.nunique() <= 6:
            axes.legend()
    return Illustration(
        figure,
        "answer",
        "How far training moves each layer",
        "",
        "For each run the distance to the law at initialisation at the last epoch, in percent of the initial size, by "
        "layer.",
    )


def accuracy(runs: Sequence[FinishedRun]) -> Illustration:
    """Test accuracy: mean over the networks, and the band between their 5% and 95% quantiles."""
    figure, [[axes]] = _grid(runs, 1, 1, size=(7.2, 2.9))
    ends = []
    for run, look in zip(runs, line_looks(len(runs)), strict=True):
        rows = where(run.table("training"), metric="test_accuracy")
        axes.fill_between(rows.epoch, rows.q05, rows.q95, color=look["color"], alpha=0.12, linewidth=0)
        _plot(axes, rows.epoch, rows["mean"], look)
        ends.append(f"{run.label}: {at_last_epoch(rows)['mean'].iloc[0]:.3f}")
    axes.set_ylabel("test accuracy")
    _finish(figure)
    return Illustration(
        figure,
        "accuracy",
        "Test accuracy",
        f"Mean over the networks (line) and their 5% to 95% quantiles (band). At the last epoch: {'; '.join(ends)}.",
        "Curves of the mean test accuracy against the epoch, one for each run.",
    )


def distances(runs: Sequence[FinishedRun]) -> Illustration:
    """Wasserstein distance to initialisation, in units of the norm that the matrices start with."""

    def draw(axes: Axes, run: FinishedRun, look: dict[str, Any], layer: int) -> None:
        rows = run.table("distances", layer)
        _plot(axes, rows.epoch, rows.wasserstein / run.initial_norm(layer), look)

    figure = _by_layer(runs, draw, "$W_2$ / initial norm")
    for axes in figure.axes:
        axes.set_ylim(bottom=0)
    ends = [
        (at_last_epoch(run.table("distances", layer)).wasserstein.iloc[0] / run.initial_norm(layer), run, layer)
        for run in runs
        for layer in _layers([run])
    ]
    low, high = (choose(ends, key=lambda end: end[0]) for choose in (min, max))
    return Illustration(
        figure,
        "distances",
        "Wasserstein distance to initialisation",
        "2-Wasserstein distance between the fitted model and the exact one at initialisation, divided by the root mean "
        "square norm of the matrices at initialisation, so that runs of different sizes and laws share a scale. At the "
        f"last epoch it lies between {low[0]:.2f} ({low[1].label}, {layer_name(low[2])}) and {high[0]:.2f} "
        f"({high[1].label}, {layer_name(high[2])}).",
        "Curves of the relative Wasserstein distance against the epoch, a panel for each layer, a curve for each run.",
    )


def median_deviations(runs: Sequence[FinishedRun]) -> Illustration:
    """The paper's deviation of the cubic and quartic invariants: median and 95% quantile over them."""
    figure = _by_layer(runs, _quantiles("deviation"), "|predicted − measured|\n/ standard deviation")
    log_scale(figure.axes[0], _LEAST_DEVIATION)
    return Illustration(
        figure,
        "median_deviations",
        "Cubic and quartic invariants: deviation from the fitted model, in spreads of one network",
        "Deviation of the cubic and quartic invariants from the model fitted at each epoch, the measure of "
        "arXiv:2510.05218: median over the invariants, and with thin lines the 95% quantile. "
        f"Values below {_LEAST_DEVIATION} are drawn there. {_last_medians(runs, 'deviation')}",
        "Median and 95% quantile of the deviation against the epoch, a panel for each layer, a curve for each run.",
    )


def significance(runs: Sequence[FinishedRun]) -> Illustration:
    """|z| of the cubic and quartic invariants: median and 95% quantile over them, on a log scale."""
    figure = _by_layer(runs, _quantiles("absolute_z"), "|z|")
    log_scale(figure.axes[0], _LEAST_Z)
    for axes in figure.axes:
        axes.axhspan(_LEAST_Z, 2, color=GREY, alpha=0.1, linewidth=0)
    return Illustration(
        figure,
        "significance",
        "Cubic and quartic invariants: the same deviation in standard errors",
        "As above, in standard errors of the comparison, which shrink as the number of networks grows: compare runs of "
        "equal size. The grey band is what chance explains; values below "
        f"{_LEAST_Z} are drawn there. {_last_medians(runs, 'absolute_z')}",
        "Median and 95% quantile of |z| against the epoch, a panel for each layer, a curve for each run.",
    )


def five_parameters(runs: Sequence[FinishedRun]) -> Illustration:
    """The five parameters that the symmetry of a network leaves free, in units of the law at initialisation."""
    layers = sorted({layer for run in runs for layer in run.square_layers})
    figure, panels = _grid(runs, len(layers), len(FREE), size=(9.2, 0.5 + 1.55 * len(layers)))
    for line, layer in zip(panels, layers, strict=True):
        line[0].set_ylabel(layer_name(layer))
        for axes, name in zip(line, FREE, strict=True):
            for run, look in zip(runs, line_looks(len(runs)), strict=True):
                if layer in run.square_layers:
                    rows = where(run.table("parameters", layer), parameter=name)
                    unit = run.initial_law(layer).second_moment
                    unit = sqrt(unit) if name.startswith("mu") else unit
                    low, high = rows.estimate - 2 * rows.standard_error, rows.estimate + 2 * rows.standard_error
                    axes.fill_between(rows.epoch, low / unit, high / unit, color=look["color"], alpha=0.12, linewidth=0)
                    _plot(axes, rows.epoch, rows.estimate / unit, look)
            axes.axhline(0 if name.startswith("mu") else 1, color=GREY, linewidth=0.9, linestyle=(0, (2, 2)))
            if layer == layers[0]:
                axes.set_title(f"${parameter_latex(name)}$")
    _finish(figure, most=2)
    return Illustration(
        figure,
        "five_parameters",
        "The five parameters that the symmetry of the network leaves free",
        "A line of panels for each square layer. Covariances are in units of the variance of the weights at "
        "initialisation, the mean in units of its root; dashed: the exact initial values. Bands: two standard errors.",
        "Curves of five fitted parameters against the epoch, a line of panels for each layer, a curve for each run.",
    )


def quantile_curves(comparison: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Compute median and 95% quantile over the invariants of one layer, by epoch.

    Args:
        comparison: rows of one layer and subset.
        quantity: `deviation` or `absolute_z`.

    Returns:
        Index epoch; columns 0.5 and 0.95.

    >>> rows = pd.DataFrame({"epoch": [0.0, 0.0, 0.0], "z": [1.0, -2.0, 3.0]})
    >>> quantile_curves(rows, "absolute_z")[0.5].tolist()
    [2.0]
    """
    values = comparison.z.abs() if quantity == "absolute_z" else comparison[quantity]
    return values.groupby(comparison.epoch).quantile(pd.Index([0.5, 0.95])).unstack()


def _quantiles(quantity: str) -> Draw:
    def draw(axes: Axes, run: FinishedRun, look: dict[str, Any], layer: int) -> None:
        least = _LEAST_Z if quantity == "absolute_z" else _LEAST_DEVIATION
        curves = quantile_curves(run.table("comparison", layer), quantity).clip(lower=least)
        _plot(axes, curves.index, curves[0.5], look)
        axes.plot(curves.index, curves[0.95], **look, linewidth=0.7)

    return draw


def _last_medians(runs: Sequence[FinishedRun], quantity: str) -> str:
    """The medians at the last epoch, from the layer that has the smallest to the one that has the largest."""
    said = []
    for run in runs:
        medians = [quantile_curves(run.table("comparison", layer), quantity)[0.5].iloc[-1] for layer in _layers([run])]
        low, high = f"{min(medians):.2g}", f"{max(medians):.2g}"
        said.append(f"{run.label}: {low}" + (f" to {high}" if high != low else ""))
    return f"Medians at the last epoch: {'; '.join(said)}."


def _layers(runs: Sequence[FinishedRun]) -> list[int]:
    return sorted({int(layer) for run in runs for layer in run.table("distances").layer.unique()})


def _by_layer(runs: Sequence[FinishedRun], draw: Draw, ordinate: str) -> Figure:
    """A panel for each layer that any of the runs has, with the curves of those that have it; one ordinate."""
    layers = _layers(runs)
    columns = min(_PANELS_IN_A_LINE, len(layers))
    lines = ceil(len(layers) / columns)
    figure, panels = _grid(runs, lines, columns, size=(max(4.2, 2.4 * columns), 0.7 + 1.9 * lines), sharey=True)
    flat = [axes for line in panels for axes in line]
    for axes, layer in zip(flat, layers, strict=False):
        for run, look in zip(runs, line_looks(len(runs)), strict=True):
            if layer in _layers([run]):
                draw(axes, run, look, layer)
        axes.set_title(layer_name(layer))
    for axes in flat[len(layers) :]:
        figure.delaxes(axes)
    for line in panels:
        line[0].set_ylabel(ordinate)
    _finish(figure, most=2)
    return figure


def _grid(
    runs: Sequence[FinishedRun], lines: int, columns: int, size: tuple[float, float], sharey: bool = False
) -> tuple[Figure, list[list[Axes]]]:
    """A grid of panels, and one legend that names the runs."""
    beside = legend_columns([run.label for run in runs], size[0])
    figure = Figure(figsize=(size[0], size[1] + 0.2 * ceil(len(runs) / beside)))
    grid = figure.subplots(lines, columns, sharey=sharey, squeeze=False)
    looks = line_looks(len(runs))
    handles = [Line2D([], [], label=run.label, **look) for run, look in zip(runs, looks, strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=beside)
    return figure, [list(line) for line in grid]


def _plot(axes: Axes, epochs: Any, values: Any, look: dict[str, Any]) -> None:
    axes.plot(epochs, values, **look, **marks(epochs))


def _finish(figure: Figure, most: int = 5) -> None:
    for axes in figure.axes:
        axes.tick_params(labelsize=7.5)
        axes.set_xticks(epoch_ticks(axes.dataLim.x0, axes.dataLim.x1, most=most))
    figure.supxlabel("epoch", fontsize=9)
