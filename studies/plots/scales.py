"""Logarithmic ordinates with plain numbers."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator


def log_scale(axes: Axes, low: float | None = None, high: float | None = None) -> None:
    """Make the ordinate logarithmic: labels 0.5, 1, 2, 5 over few decades, powers of ten over many.

    Args:
        axes: with everything drawn, also on those that share the ordinate.
        low: lower limit; None keeps that of the curves.
        high: upper limit; None keeps that of the curves.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> log_scale(axes, 0.2, 8)
    >>> axes.yaxis.get_major_formatter()(0.5)
    '0.5'
    """
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    bottom, top = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if top < 100 * bottom else (1.0,)))
    _plain_numbers(axes)


def signed_log_scale(axes: Axes, linear: float, stretch: float = 1.0) -> None:
    """Make the ordinate linear up to a value of either sign, and logarithmic beyond.

    Args:
        axes: of the figure.
        linear: the value.
        stretch: height of the linear part on one side, in decades.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> signed_log_scale(axes, linear=4)
    >>> axes.get_yscale()
    'symlog'
    """
    axes.set_yscale("symlog", linthresh=linear, linscale=stretch)
    _plain_numbers(axes)


def _plain_numbers(axes: Axes) -> None:
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
