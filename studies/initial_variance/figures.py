"""Figures of a study of the initial variance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis.selection import at_last_epoch, records, where
from ..notation.symbols import layer_name
from ..plots.scales import log_scale
from ..plots.style import GREY, PALETTE, Illustration, in_house_style, line_looks
from .design import STATIONARY

_LABELS = {"train_loss": "final training loss", "test_accuracy": "test accuracy"}


@in_house_style
def plot_initial_variance(ratios: pd.DataFrame, performance: pd.DataFrame) -> Figure:
    """Plot what training does to the weights, and what networks learn, against the variance of the initial weights.

    Args:
        ratios: the table `ratios` of a study: name, layer, scale, epoch, ratio, standard_error.
        performance: the table `performance`: name, scale, epoch, metric, mean, standard_error.

    Returns:
        Three panels with a common axis, the scale c, at the last epoch: r by layer, the final training loss, the test
        accuracy. Bars are two standard errors; the band is the ensemble from the variances of the pilot run.

    >>> row = {"name": "c-1", "scale": 1.0, "epoch": 1.0, "standard_error": 0.1}
    >>> ratios = pd.DataFrame([{**row, "layer": 0, "ratio": 1.1}])
    >>> performance = pd.DataFrame([{**row, "metric": m, "mean": 0.5} for m in ("train_loss", "test_accuracy")])
    >>> len(plot_initial_variance(ratios, performance).axes)
    3
    """
    figure = Figure(figsize=(4.9, 6.2))
    axes = figure.subplots(3, sharex=True)
    last = at_last_epoch(ratios)
    swept = last[last.name != STATIONARY]
    for look, (layer, own) in zip(line_looks(swept.layer.nunique()), swept.groupby("layer"), strict=True):
        axes[0].errorbar(
            own.scale,
            own.ratio,
            2 * own.standard_error,
            marker="o",
            markersize=3,
            label=layer_name(int(str(layer))),
            **look,
        )
    axes[0].axhline(1, color=GREY, linewidth=0.8)
    log_scale(axes[0])
    axes[0].set_ylabel("r = ⟨W²⟩ after / before")
    axes[0].legend()
    final = at_last_epoch(performance)
    for axis, (metric, label) in zip(axes[1:], _LABELS.items(), strict=True):
        rows = where(final, metric=metric)
        own = rows[rows.name != STATIONARY]
        axis.errorbar(own.scale, own["mean"], 2 * own.standard_error, marker="o", markersize=3, color=PALETTE[0])
        for stationary in records(where(rows, name=STATIONARY)):
            value, error = stationary["mean"], 2 * stationary["standard_error"]
            axis.axhspan(value - error, value + error, color=PALETTE[1], alpha=0.25, linewidth=0)
            axis.axhline(value, color=PALETTE[1], linewidth=1, label="stationary variances")
            axis.legend()
        axis.set_ylabel(label)
    for axis in axes:
        axis.axvline(1, color=GREY, linewidth=0.8, linestyle=":")
    _scales(axes[2], swept.scale)
    return figure


@in_house_style
def plot_ratio_by_epoch(ratios: pd.DataFrame) -> Figure:
    """Plot r against the length of training, a panel for each layer, a curve for each variance.

    Args:
        ratios: the table `ratios` of a study: name, layer, scale, epoch, ratio.

    Returns:
        A panel for each layer.

    >>> rows = [{"name": "c-1", "layer": k, "scale": 1.0, "epoch": 1.0, "ratio": 1.1} for k in (0, 1)]
    >>> len(plot_ratio_by_epoch(pd.DataFrame(rows)).axes)
    2
    """
    layers = sorted(ratios.layer.unique())
    figure = Figure(figsize=(7.2, 2.9))
    panels = np.atleast_1d(figure.subplots(1, len(layers)))
    names = list(dict.fromkeys(ratios.name))
    for axis, layer in zip(panels, layers, strict=True):
        for name, look in zip(names, line_looks(len(names)), strict=True):
            own = where(ratios, layer=layer, name=name)
            axis.plot(own.epoch, own.ratio, label=name.replace("c-", "c = "), **look)
        axis.axhline(1, color=GREY, linewidth=0.8)
        log_scale(axis)
        axis.set_title(layer_name(int(layer)))
        axis.set_xlabel("epoch")
    panels[0].set_ylabel("r")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


@in_house_style
def plot_bound(ratios: pd.DataFrame, performance: pd.DataFrame) -> Figure:
    """Plot the final training loss and test accuracy against what the bound says about a variance.

    Args:
        ratios: the table `ratios` of a study: name, layer, epoch, excess.
        performance: the table `performance`: name, epoch, metric, mean, standard_error.

    Returns:
        Two panels, a point for each ensemble, against the excess of the bound over its minimum, summed over layers.

    >>> ratios = pd.DataFrame({"name": ["c-1"], "layer": 0, "epoch": 1.0, "excess": 2.0})
    >>> row = {"name": "c-1", "epoch": 1.0, "mean": 0.5, "standard_error": 0.1}
    >>> performance = pd.DataFrame([{**row, "metric": m} for m in ("train_loss", "test_accuracy")])
    >>> len(plot_bound(ratios, performance).axes)
    2
    """
    excess = at_last_epoch(ratios).groupby("name").excess.sum()
    final = at_last_epoch(performance)
    figure = Figure(figsize=(7.2, 2.9))
    for axis, (metric, label) in zip(figure.subplots(1, 2), _LABELS.items(), strict=True):
        rows = where(final, metric=metric)
        x = rows.name.map(excess)
        axis.errorbar(x, rows["mean"], 2 * rows.standard_error, fmt="o", markersize=4, color=PALETTE[0])
        for name, place, value in zip(rows.name, x, rows["mean"], strict=True):
            axis.annotate(
                name.removeprefix("c-"), (place, value), xytext=(4, 3), textcoords="offset points", fontsize=7
            )
        axis.set_xscale("symlog", linthresh=1)
        axis.set_xlabel("excess of the bound / T")
        axis.set_ylabel(label)
    return figure


@in_house_style
def plot_crossings(crossings: pd.DataFrame) -> Figure:
    """Plot c*, the scale that training keeps, against the length of training.

    Args:
        crossings: the table `crossings` of a study: layer, epoch, c_star, low, high.

    Returns:
        One panel, a curve for each layer with its 95% interval.

    >>> rows = [{"layer": 0, "epoch": float(e), "c_star": 3.0, "low": 2.5, "high": 3.5} for e in (1, 2)]
    >>> len(plot_crossings(pd.DataFrame(rows)).axes)
    1
    """
    figure = Figure(figsize=(4.9, 2.9))
    axis = figure.subplots()
    for look, (layer, own) in zip(line_looks(crossings.layer.nunique()), crossings.groupby("layer"), strict=True):
        axis.fill_between(own.epoch, own.low, own.high, color=look["color"], alpha=0.18, linewidth=0)
        axis.plot(own.epoch, own.c_star, marker="o", markersize=3, label=layer_name(int(str(layer))), **look)
    axis.axhline(1, color=GREY, linewidth=0.8, linestyle=":")
    axis.set_yscale("log", base=2)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel("epoch")
    axis.set_ylabel("c*")
    axis.legend()
    return figure


def draw_figures(tables: dict[str, pd.DataFrame]) -> dict[str, list[Illustration]]:
    """Draw the figures of a page, by the finding that they belong to.

    Args:
        tables: of the study.

    Returns:
        Name of the finding's template -> figures.
    """
    ratios, performance, crossings = (tables[name] for name in ("ratios", "performance", "crossings"))
    by_epoch = Illustration(
        plot_ratio_by_epoch(ratios),
        "ratio_by_epoch",
        "How the weights change with the length of training",
        "The mean square weight over that at the start. Networks from small weights grow; those from large ones hardly "
        "change, so that r near 1 alone does not mean that a variance is good.",
        "A panel for each layer, with a curve for each initial variance.",
    )
    stars = Illustration(
        plot_crossings(crossings),
        "crossings",
        "The variance that training keeps",
        "c* by layer, with 95% intervals from resampled networks. Dotted: He-normal.",
        "A curve for each layer against the epoch.",
    )
    bound = Illustration(
        plot_bound(ratios, performance),
        "bound",
        "What the bound says, and what networks learn",
        "A point for each ensemble, named by its scale c. If the bound chose the best variance, the points to the left "
        "would have the lowest loss and the highest accuracy.",
        "Two panels of points: training loss and test accuracy against the excess of the bound.",
    )
    return {"initial_variance/stationary": [by_epoch, stars], "initial_variance/bound": [bound]}


def draw_answer(tables: dict[str, pd.DataFrame]) -> Illustration:
    """Draw the figure of the first screen.

    Args:
        tables: of the study.

    Returns:
        The figure.
    """
    return Illustration(
        plot_initial_variance(tables["ratios"], tables["performance"]),
        "answer",
        "Weights, loss and accuracy against the initial variance",
        "",
        "Three panels against the scale of the initial variance: growth of the weights, training loss, test accuracy.",
    )


def _scales(axis: Axes, scales: pd.Series) -> None:
    axis.set_xscale("log", base=2)
    axis.set_xticks(
        sorted(scales.unique()),
        [f"{scale:g}" if scale >= 1 else f"1/{1 / scale:g}" for scale in sorted(scales.unique())],
    )
    axis.minorticks_off()
    axis.set_xlabel("c: initial variance in units of He-normal, 2/fan_in")
