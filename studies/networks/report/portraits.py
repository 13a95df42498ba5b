"""The portrait of one matrix: norms of rows and columns, and the invariants that depart most."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm

from ....fitting import compare
from ....invariants import Multigraph, multigraphs
from ....invariants.graphs.labels import parse_label
from ...plots.graphs import draw_graph
from ...plots.style import GREY, PALETTE, Illustration, in_house_style
from ...runs.files import file_name
from ..tests_of_matrices.analysis import law_of

Array = NDArray[np.float64]

_DRAWN = 4
_DEGREE = 3
_REPLICATES = 99
_LARGEST = 256


@dataclass(frozen=True)
class Portrait:
    """One matrix in detail.

    Args:
        name: of the matrix.
        departures: invariants as `compare` gives them, the largest |z| first.
        figure: norms of rows and columns, and the invariants drawn.
    """

    name: str
    departures: pd.DataFrame
    figure: Illustration


def portrait(name: str, entries: Array, rectangular: bool, number: int, seed: int) -> Portrait:
    """Draw one matrix: norms of its rows and columns, and the invariants that depart most from the Gaussian law.

    Args:
        name: of the matrix.
        entries: (rows, columns), of standard deviation 1.
        rectangular: whether rows and columns are different units.
        number: of the figure.
        seed: of the simulation, and of the choice of units of matrices with more than 256.

    Returns:
        The portrait.

    Raises:
        ValueError: a block of the law is singular: rows alike, a diagonal of zeros.

    >>> found = portrait("w", np.random.default_rng(0).normal(size=(8, 8)), False, 0, 0)
    >>> bool(found.departures.z.abs().is_monotonic_decreasing)
    True
    """
    part, chosen = _part(entries, rectangular, np.random.default_rng(seed))
    model = law_of(part, rectangular)
    graphs = multigraphs(_DEGREE, model.space.decomposition.family)
    departures = compare(model, part[None], graphs, replicates=_REPLICATES, seed=seed)
    departures = departures[departures.z.notna()].sort_values("z", key=np.abs, ascending=False)
    drawn = [parse_label(label, model.space.decomposition.family) for label in departures.graph.head(_DRAWN)]
    figure = Illustration(
        _plot(entries, drawn, departures.z.head(_DRAWN).tolist()),
        f"matrix-{number}-{file_name(name)}"[:100],
        f"{name}: norms and invariants",
        "Above: squared norms of the rows and of the columns, in units of their mean; the line is the law for "
        "independent entries with the kurtosis that the entries have. Below: the cubic invariants "
        f"that depart most from the Gaussian law given the trivial components, z over {_REPLICATES} simulated "
        f"matrices{chosen}.",
        "Two histograms beside a curve each, and drawings of graphs.",
    )
    return Portrait(name, departures, figure)


def _part(entries: Array, rectangular: bool, rng: np.random.Generator) -> tuple[Array, str]:
    """The matrix, or that of at most 256 rows and columns chosen at random, and how this is said."""
    if max(entries.shape) <= _LARGEST:
        return entries, ""
    rows, columns = (np.sort(rng.permutation(length)[:_LARGEST]) for length in entries.shape)
    said = f", of at most {_LARGEST} rows and columns chosen at random"
    return entries[np.ix_(rows, columns if rectangular else rows)], said


@in_house_style
def _plot(entries: Array, graphs: list[Multigraph], z: list[float]) -> Figure:
    figure = Figure(figsize=(6.0, 3.9))
    grid = figure.add_gridspec(2, 2 * _DRAWN, height_ratios=(3, 2))
    centred = entries - entries.mean()
    kurtosis = float((centred**4).mean() / (centred**2).mean() ** 2)
    for k, axis_name in enumerate(("rows", "columns")):
        axes = figure.add_subplot(grid[0, k * _DRAWN : (k + 1) * _DRAWN])
        squares = np.square(centred).mean(axis=1 - k) / float(np.square(centred).mean())
        _norms(axes, squares, sqrt((kurtosis - 1) / entries.shape[1 - k]), k)
        axes.set_xlabel(f"squared norms of {axis_name}")
    for k, (graph, value) in enumerate(zip(graphs, z, strict=True)):
        axes = figure.add_subplot(grid[1, 2 * k : 2 * k + 2])
        draw_graph(axes, graph)
        axes.set_title(f"z = {value:+.1f}".replace("-", "−"))
    return figure


def _norms(axes: Axes, squares: Array, spread: float, colour: int) -> None:
    axes.hist(squares, bins=min(30, max(8, len(squares) // 8)), density=True, color=PALETTE[colour], alpha=0.6)
    places = np.linspace(max(0.0, min(squares.min(), 1 - 4 * spread)), max(squares.max(), 1 + 4 * spread), 400)
    axes.plot(places, norm.pdf(places, 1, spread), color=GREY)
    axes.set_yticks([])
