"""All matrices of a network in one figure, in the order of the file."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm

from ...notation.plain_text import printable
from ...plots.scales import log_scale, signed_log_scale
from ...plots.style import GREY, PALETTE, Illustration, in_house_style

_MOST_NAMES = 40
# beyond this p-values are rounding; z is drawn at the edge
_LARGEST_Z = 37.0


@in_house_style
def plot_network(table: pd.DataFrame) -> Figure:
    """Plot each matrix by its place in the network: self-connections, symmetry, hub rows and columns.

    Args:
        table: as `analyse_network` returns it.

    Returns:
        Three panels with a common axis; filled points depart by Holm's procedure, open ones do not.

    >>> from pigmm.studies import analyse_network
    >>> weights = {"w": np.random.default_rng(0).normal(size=(8, 8))}
    >>> len(plot_network(analyse_network(weights, replicates=0)).axes)
    3
    """
    place = np.arange(len(table))
    height = 5.2 + (0.9 if len(table) <= _MOST_NAMES else 0)
    figure = Figure(figsize=(4.9, height))
    axes = figure.subplots(3, sharex=True)
    symmetry = table.symmetric_to_antisymmetric.astype(float)
    z_symmetry = np.sign(symmetry - 1) * np.minimum(norm.isf(table.p_symmetry.astype(float) / 2), _LARGEST_Z)
    products = table.read_as.str.startswith("product")  # judged against permuted columns
    z_symmetry = z_symmetry.where(~products, table.z_symmetry.astype(float).clip(-_LARGEST_Z, _LARGEST_Z))
    _points(axes[0], place, table.z_trace, _has(table, "self-connections"), PALETTE[0])
    _points(axes[1], place, z_symmetry, _has(table, "excess of"), PALETTE[1])
    for axis, label in zip(axes[:2], ("self-connections\n(z)", "symmetric (+) or\nantisymmetric (−), z"), strict=True):
        axis.set_ylabel(label)
        axis.axhline(0, color=GREY, linewidth=0.8)
        axis.axhspan(-2, 2, color=GREY, alpha=0.12, linewidth=0)
        signed_log_scale(axis, linear=4)
    _points(axes[2], place, table.row_hubs, _has(table, "hub rows"), PALETTE[2], "rows")
    _points(axes[2], place, table.column_hubs, _has(table, "hub columns"), PALETTE[3], "columns", marker="s")
    axes[2].axhline(1, color=GREY, linewidth=0.8)
    axes[2].set_ylabel("variance of means\n(1: independent)")
    log_scale(axes[2])
    axes[2].legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    _name_matrices(axes[2], table)
    return figure


def draw_network(table: pd.DataFrame) -> Illustration:
    """Draw the figure of `plot_network` for a page.

    Args:
        table: as `analyse_network` returns it.

    Returns:
        The figure.
    """
    return Illustration(
        plot_network(table),
        "network",
        "Every matrix of the network",
        "Filled points depart from independent rows and columns, by Holm's procedure over all tests of all "
        "matrices; open ones do not. Grey: two standard deviations. Above: the centred trace, negative where units "
        "inhibit themselves, and the excess of the symmetric part over the antisymmetric one, of square matrices. "
        "Below: how much the means of rows and of columns vary, in units of what independent entries give.",
        "Three panels of points, one for each matrix in the order of the file.",
    )


@in_house_style
def plot_checkpoints(table: pd.DataFrame) -> Figure:
    """Plot the change of each matrix between two checkpoints, and that of its law, by its place in the network.

    Args:
        table: as `compare_networks` returns it.

    Returns:
        Two panels with a common axis; filled points of the upper one are changes that show structure, those of the
        lower one distances whose interval leaves out zero.

    >>> from pigmm.studies import compare_networks
    >>> before, after = ({"w": np.random.default_rng(seed).normal(size=(8, 8))} for seed in (0, 1))
    >>> len(plot_checkpoints(compare_networks(before, after, replicates=0)).axes)
    2
    """
    place = np.arange(len(table))
    figure = Figure(figsize=(4.9, 4.0 + (0.9 if len(table) <= _MOST_NAMES else 0)))
    axes = figure.subplots(2, sharex=True)
    _points(axes[0], place, table.relative_change, (table.structure != "").to_numpy(dtype=bool), PALETTE[0])
    axes[0].set(ylabel="change of the weights\n(of their norm)", ylim=(0, None))
    distance, low, high = (table[name].to_numpy(dtype=float) for name in ("distance", "low", "high"))
    axes[1].vlines(place, low, high, color=PALETTE[1], linewidth=1)
    _points(axes[1], place, table.distance, np.nan_to_num(low) > 0, PALETTE[1])
    axes[1].set(ylabel="change of the law\n(standard deviations)", ylim=(0, 1.05 * np.nanmax([*high, *distance, 1e-9])))
    _name_matrices(axes[1], table)
    return figure


def draw_checkpoints(table: pd.DataFrame) -> Illustration:
    """Draw the figure of `plot_checkpoints` for a page.

    Args:
        table: as `compare_networks` returns it.

    Returns:
        The figure.
    """
    return Illustration(
        plot_checkpoints(table),
        "checkpoints",
        "What moved between the checkpoints",
        "Above: the norm of the change over that of the matrix; filled where the change itself shows structure beyond "
        "independent rows and columns. Below: the Wasserstein distance of the fitted laws given the trivial "
        "components, an entry, in standard deviations, with 95% intervals; filled where zero is left out.",
        "Two panels of points, one for each matrix in the order of the file.",
    )


def _name_matrices(axis: Axes, table: pd.DataFrame) -> None:
    """Names of the matrices below a panel, or what the places are where there are too many."""
    if len(table) <= _MOST_NAMES:
        names = [_short(printable(str(name))) for name in table.index]
        axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6.5)
    else:
        axis.set_xlabel("matrix, in the order of the file")


def _has(table: pd.DataFrame, words: str) -> NDArray[np.bool_]:
    return table.structure.str.contains(words, regex=False).to_numpy(dtype=bool)


def _points(
    axis: Axes, place: NDArray[np.intp], values: pd.Series, filled: NDArray[np.bool_], colour: str,
    label: str | None = None, marker: str = "o",
) -> None:  # fmt: skip
    numbers = values.to_numpy(dtype=float)
    for chosen, face, name in ((filled, colour, label), (~filled, "none", None if filled.any() else label)):
        axis.scatter(
            place[chosen], numbers[chosen], s=16, facecolors=face, edgecolors=colour, marker=marker, label=name
        )


def _short(name: str, letters: int = 34) -> str:
    return name if len(name) <= letters else "…" + name[1 - letters :]
