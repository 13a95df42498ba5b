"""One look for all figures, and figures as SVG without any global state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from io import BytesIO
from itertools import cycle, islice, product
from math import ceil
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

#: Okabe and Ito's palette, told apart by the colour-blind too (black and yellow left out: axes, and poor contrast).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
GREY = "#6b6b6b"
GRID = "#e6e6e6"

# Of a legend: line and gap of an entry, and a letter of its label, generously.
_INCHES_AN_ENTRY, _INCHES_A_LETTER = 0.6, 0.085

_SETTINGS: Any = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.titley": 1.0,  # where it stands by itself too, after measuring all ticks at every drawing
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-3, 4),
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "pdf.fonttype": 42,  # fonts that journals accept
    "svg.hashsalt": "pigmm",  # the same figure is the same file
}


_P = ParamSpec("_P")


@dataclass(frozen=True)
class Illustration:
    """A figure with its title and captions.

    Args:
        figure: drawn in `house_style`.
        name: of its files, without suffix.
        title, caption: for the report.
        alternative: what the figure shows, for those who do not see it.
    """

    figure: Figure
    name: str
    title: str
    caption: str
    alternative: str

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG, drawn once."""
        with house_style():
            return as_svg(self.figure)

    @cached_property
    def pdf(self) -> bytes:
        """The figure as PDF, for papers."""
        with house_style():
            return as_pdf(self.figure)

    def drawn(self, pdf: bool = False) -> Illustration:
        """Draw the figure now.

        Args:
            pdf: whether it is wanted as PDF besides SVG.

        Returns:
            The same.
        """
        _ = self.svg, self.pdf if pdf else None
        return self

    def __getstate__(self) -> dict[str, object]:
        """What processes send each other: what is drawn, in place of the figure."""
        return {**vars(self), "figure": None}

    @property
    def link(self) -> str:
        """Address of the SVG file, relative to a page in the folder above `figures`."""
        return f"figures/{self.name}.svg"


def figure_files(figures: Iterable[Illustration], pdf: bool = False) -> dict[str, bytes]:
    """Make the files of figures.

    Args:
        figures: of a page.
        pdf: whether each is wanted as PDF besides SVG.

    Returns:
        Contents by name.

    >>> [*figure_files([Illustration(Figure(figsize=(1, 1)), "a", "", "", "")], pdf=True)]
    ['a.svg', 'a.pdf']
    """
    files = {}
    for figure in figures:
        files[f"{figure.name}.svg"] = figure.svg
        if pdf:
            files[f"{figure.name}.pdf"] = figure.pdf
    return files


@contextmanager
def house_style() -> Iterator[None]:
    """Everything drawn inside has the look of this project, whatever the user's own settings.

    >>> with house_style():
    ...     mpl.rcParams["axes.grid"]
    True
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def in_house_style(plot: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Let a function draw in `house_style`; its figure keeps the look wherever it is saved.

    Args:
        plot: any function that returns a figure.

    Returns:
        The function that draws in that style.

    >>> @in_house_style
    ... def plot_nothing() -> Figure:
    ...     figure = Figure()
    ...     figure.subplots()
    ...     return figure
    >>> plot_nothing().axes[0].xaxis.get_majorticklabels()[0].get_fontsize()
    9.0
    """

    @wraps(plot)
    def styled(*arguments: _P.args, **options: _P.kwargs) -> Figure:
        with house_style():
            figure = plot(*arguments, **options)
            for axes in (axes for axes in figure.axes if axes.axison):
                for axis in (axes.xaxis, axes.yaxis):
                    axis.get_major_ticks()  # made now, since later ones take the look of the first
            return figure

    return styled


def as_svg(figure: Figure) -> bytes:
    """Write a figure as SVG, text as outlines, the same bytes every time.

    Args:
        figure: as drawn in `house_style`.

    Returns:
        What `savefig` would write.

    >>> with house_style():
    ...     as_svg(Figure(figsize=(1, 1)))[:5]
    b'<?xml'
    """
    buffer, canvas, dpi = BytesIO(), figure.canvas, figure.dpi
    writer: Any = FigureCanvasSVG(figure)  # without types
    try:
        # savefig would draw everything twice, first for the layout alone, which drawing makes anyway
        writer.print_svg(buffer, metadata={"Date": None})
    finally:
        figure.set_canvas(canvas)
        figure.dpi = dpi
    return buffer.getvalue()


def as_pdf(figure: Figure) -> bytes:
    """A figure as PDF with its fonts, the same bytes every time.

    >>> with house_style():
    ...     as_pdf(Figure(figsize=(1, 1)))[:5]
    b'%PDF-'
    """
    buffer = BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def line_looks(count: int) -> list[dict[str, Any]]:
    """Colour and line style for each of `count` curves, all different up to 18.

    >>> line_looks(1)
    [{'color': '#0072B2', 'linestyle': '-'}]
    """
    looks = ({"linestyle": style, "color": colour} for style, colour in product(("-", "--", ":"), PALETTE))
    return [dict(sorted(look.items())) for look in islice(cycle(looks), count)]


def legend_columns(labels: Sequence[str], width: float) -> int:
    """Count the columns of a legend of these labels that fit beside each other, filled one after another.

    Args:
        labels: of the entries.
        width: of the figure, in inches.

    Returns:
        At least 1.

    >>> legend_columns(["layer 1", "layer 2", "compatible with initialisation"], 7.2), legend_columns(["a" * 200], 7.2)
    (3, 1)
    """
    for columns in range(min(6, len(labels)), 1, -1):
        lines = ceil(len(labels) / columns)
        longest = [max(map(len, labels[start : start + lines])) for start in range(0, len(labels), lines)]
        if sum(_INCHES_AN_ENTRY + _INCHES_A_LETTER * letters for letters in longest) <= width:
            return columns
    return 1
