"""Figures of a loss surface: spacings, mean ratios, the batch-size law, outliers, steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...spectra import GOE, GUE, POISSON, spacing_ratios, unfold
from ..analysis.selection import records, where
from ..plots.style import GREY, PALETTE, Illustration, in_house_style
from .surface import Array

_ENSEMBLES = ((GOE, PALETTE[0], "-"), (GUE, PALETTE[2], "--"), (POISSON, PALETTE[1], ":"))


@in_house_style
def plot_spacings(eigenvalues: pd.DataFrame) -> Figure:
    """Draw spacings and ratios of spacings of batch Hessians beside those of random ensembles.

    Args:
        eigenvalues: as the file `eigenvalues.csv` of a loss surface: epoch, data, network, zero, eigenvalue.

    Returns:
        Two panels, all networks pooled; zeros are left out.

    >>> rng = np.random.default_rng(0)
    >>> levels = {"epoch": 0.0, "data": "train", "network": 0, "zero": False, "eigenvalue": rng.normal(size=50)}
    >>> len(plot_spacings(pd.DataFrame(levels)).axes)
    2
    """
    figure = Figure(figsize=(7.2, 3.1))
    left, right = figure.subplots(1, 2)
    kept = where(eigenvalues, zero=False)
    marks = iter("os^Dv<>")
    for epoch, own in kept.groupby("epoch"):
        mark = next(marks, ".")
        spectra = [part.to_numpy() for _, part in own.groupby(["data", "network"]).eigenvalue]
        spacings = np.concatenate([np.diff(unfold(part)) for spectrum in spectra for part in _logarithms(spectrum)])
        ratios = np.concatenate([spacing_ratios(spectrum) for spectrum in spectra])
        for axis, values, edges in ((left, spacings, np.linspace(0, 3, 25)), (right, ratios, np.linspace(0, 1, 21))):
            counts, _ = np.histogram(values, edges)
            density = counts / len(values) / np.diff(edges)
            centres = (edges[1:] + edges[:-1]) / 2
            axis.plot(centres, density, mark, color=GREY, markersize=3.5, label=f"epoch {epoch:g}")
    for ensemble, colour, style in _ENSEMBLES:
        s, r = np.linspace(0, 3, 200), np.linspace(0, 1, 200)
        left.plot(s, ensemble.spacing_density(s), style, color=colour, label=ensemble.name)
        right.plot(r, ensemble.ratio_density(r), style, color=colour)
    left.set(xlabel="spacing, in mean spacings", ylabel="density", xlim=(0, 3), ylim=(0, None))
    right.set(xlabel="ratio of neighbouring spacings", ylabel="density", xlim=(0, 1), ylim=(0, None))
    left.legend()
    return figure


@in_house_style
def plot_mean_ratios(local: pd.DataFrame) -> Figure:
    """Draw the mean ratio of spacings through training, on training and on test images.

    Args:
        local: as the file `local.csv` of a loss surface.

    Returns:
        One panel, with bars of two standard errors, and lines for the random ensembles.

    >>> row = {"epoch": 0.0, "data": "train", "mean_ratio": 0.52, "standard_error": 0.01, "expected": 0.5}
    >>> local = pd.DataFrame([{**row, "ensemble": ensemble.name} for ensemble, _, _ in _ENSEMBLES])
    >>> len(plot_mean_ratios(local).axes)
    1
    """
    figure = Figure(figsize=(4.9, 3.1))
    axis = figure.subplots()
    against = where(local, ensemble=GOE.name)
    epochs = list(dict.fromkeys(against.epoch))
    for number, (data, own) in enumerate(against.groupby("data", sort=False)):
        place = np.array([epochs.index(epoch) for epoch in own.epoch]) + 0.12 * (number - 0.5)
        axis.errorbar(
            place, own.mean_ratio, 2 * own.standard_error, fmt="os"[number % 2], color=PALETTE[3 * (number % 2)],
            markersize=5, capsize=2, label=f"{data} images",
        )  # fmt: skip
    for name, colour, style in ((e.name, colour, style) for e, colour, style in _ENSEMBLES):
        expected = float(where(local, ensemble=name).expected.mean())
        axis.axhline(expected, color=colour, linestyle=style, linewidth=1)
        axis.annotate(name, (len(epochs) - 0.55, expected), va="bottom", ha="right", fontsize=8, color=colour)
    axis.set_xticks(range(len(epochs)), [f"{epoch:g}" for epoch in epochs])
    axis.set(xlabel="epoch", ylabel="mean ratio of spacings", xlim=(-0.5, len(epochs) - 0.5))
    axis.legend(loc="center left")
    return figure


@in_house_style
def plot_batch_sizes(noise: pd.DataFrame) -> Figure:
    """Draw the scale of the noise of batch Hessians against the batch size, beside b^(-1/2).

    Args:
        noise: as the file `noise.csv` of a loss surface.

    Returns:
        One panel with logarithmic axes.

    >>> noise = pd.DataFrame({"network": 0, "batch_size": [16, 64], "scale": [2.0, 1.0], "standard_error": 0.1})
    >>> plot_batch_sizes(noise).axes[0].get_xscale()
    'log'
    """
    figure = Figure(figsize=(4.9, 3.1))
    axis = figure.subplots()
    for (network, own), colour in zip(noise.groupby("network"), _colours(noise.network.nunique()), strict=True):
        size = own.batch_size.to_numpy(float)
        axis.errorbar(size, own.scale, 2 * own.standard_error, fmt="o", color=colour, label=f"network {network}")
        axis.plot(size, np.exp(np.mean(np.log(own.scale * np.sqrt(size)))) / np.sqrt(size), color=colour)
    axis.set(xscale="log", yscale="log", xlabel="batch size b", ylabel="scale of the noise, s(b)")
    axis.set_xticks(sorted(noise.batch_size.unique()), [str(size) for size in sorted(noise.batch_size.unique())])
    axis.minorticks_off()
    axis.legend()
    return figure


@in_house_style
def plot_outliers(outlier_means: pd.DataFrame, outliers: pd.DataFrame) -> Figure:
    """Draw the outliers of batch Hessians against 1/b, with the fitted lines and those of a semicircle.

    Args:
        outlier_means: as the file `outlier_means.csv` of a loss surface.
        outliers: as the file `outliers.csv`.

    Returns:
        A panel for each network.

    >>> spike = {"network": 0, "place": -1}
    >>> means = pd.DataFrame({**spike, "batch_size": [16, 64], "mean": [5.5, 5.1], "standard_error": 0.1})
    >>> line = pd.DataFrame([{**spike, "theta": 5.0, "slope": 8.0, "whole": 5.0, "semicircle_slope": 0.1}])
    >>> len(plot_outliers(means, line).axes)
    1
    """
    networks = sorted(outliers.network.unique())
    figure = Figure(figsize=(max(4.0, 3.0 * len(networks)), 3.3))
    for axis, network in zip(np.atleast_1d(figure.subplots(1, len(networks), sharey=True)), networks, strict=True):
        own = where(outliers, network=network)
        for row, colour in zip(records(own), _colours(len(own)), strict=True):
            points = where(outlier_means, network=network, place=row["place"])
            x = 1 / points.batch_size.to_numpy(float)
            line = np.array([0, x.max()])
            axis.errorbar(x, points["mean"], 2 * points.standard_error, fmt="o", color=colour, markersize=4)
            axis.plot(line, row["theta"] + row["slope"] * line, color=colour)
            axis.plot(line, row["whole"] + row["semicircle_slope"] * line, "--", color=colour, linewidth=1)
        axis.set(xlabel="1/b", title=f"network {network}", xlim=(0, None))
    figure.axes[0].set_ylabel("outlier of the batch Hessian")
    return figure


@in_house_style
def plot_descent(descent: pd.DataFrame) -> Figure:
    """Draw measured steps of preconditioned descent along spikes over the predicted ones.

    Args:
        descent: as the file `descent.csv` of a loss surface.

    Returns:
        One panel: a point for each spike and damping.

    >>> steps = {"place": -1, "damping": [0.1, 1.0], "measured": [0.2, 0.1], "predicted": [0.2, 0.1]}
    >>> plot_descent(pd.DataFrame({**steps, "standard_error": 0.01})).axes[0].get_xscale()
    'log'
    """
    figure = Figure(figsize=(4.9, 3.1))
    axis = figure.subplots()
    for (place, own), colour in zip(descent.groupby("place", sort=False), PALETTE, strict=False):
        axis.errorbar(
            own.damping, own.measured / own.predicted, 2 * own.standard_error / own.predicted,
            fmt="o", color=colour, markersize=4, label=f"outlier {-int(str(place))}",
        )  # fmt: skip
    axis.axhline(1, color=GREY, linewidth=0.8)
    axis.set(xscale="log", xlabel="damping", ylabel="measured over predicted step")
    axis.legend()
    return figure


def draw_all(tables: dict[str, pd.DataFrame]) -> list[Illustration]:
    """Draw the figures of a page, those that its tables allow.

    Args:
        tables: as `measured_tables` returns them.

    Returns:
        The figures with what is said about them; the first stands on the first screen.
    """
    figures = [
        Illustration(
            plot_spacings(tables["eigenvalues"]),
            "spacings",
            "Spacings of the eigenvalues of batch Hessians",
            "Points: one batch Hessian of each network, on training and test images, zeros left out. Spacings are "
            "unfolded by a smooth curve through the logarithms of positive and of negative ones; ratios need none. "
            "Lines: Wigner’s surmise and its like.",
            "Two panels of densities with three curves each.",
        ),
        Illustration(
            plot_mean_ratios(tables["local"]),
            "mean_ratios",
            "Mean ratio of spacings through training",
            "Bars are two standard errors, of as many simulated GOE spectra of as many levels.",
            "Points with bars at each epoch, and three horizontal lines.",
        ),
        Illustration(
            plot_batch_sizes(tables["noise"]),
            "batch_sizes",
            "The noise against the batch size",
            "The root mean square eigenvalue of H_b − A at the last epoch, with bars of two standard errors. Lines: "
            "the power −1/2.",
            "Falling lines on logarithmic axes.",
        ),
    ]
    if "outliers" in tables:
        figures += [
            Illustration(
                plot_outliers(tables["outlier_means"], tables["outliers"]),
                "outliers",
                "Outliers against the inverse batch size",
                "Means over batches with two standard errors, the first order of the noise, whose mean is zero, taken "
                "off. Full lines: the fit. Dashed: what noise of a semicircle would do.",
                "Rising lines of points, a panel for each network.",
            ),
            Illustration(
                plot_descent(tables["descent"]),
                "descent",
                "Steps of preconditioned descent along the outliers",
                "Measured over 1/(θ + e); bars are two standard errors over batches of one size.",
                "Points about a horizontal line at one.",
            ),
        ]
    return figures


def _logarithms(spectrum: Array) -> list[Array]:
    """The eigenvalues of each sign on a scale on which their density is smooth: it varies over many decades."""
    parts = (np.log(spectrum[spectrum > 0]), np.log(-spectrum[spectrum < 0]))
    return [part for part in parts if len(part) >= 10]


def _colours(count: int) -> Sequence[str]:
    return [PALETTE[number % len(PALETTE)] for number in range(count)]
