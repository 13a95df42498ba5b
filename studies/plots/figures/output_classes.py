"""The classes of the output layer."""

from __future__ import annotations

from math import ceil

import pandas as pd
from matplotlib.figure import Figure

from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import at_last_epoch, where
from ...notation.symbols import parameter_latex
from ..epochs import label_epochs, marks
from ..style import GREY, PALETTE, in_house_style, line_looks
from .panels import legend_above


@in_house_style
def plot_output_classes(output_classes: pd.DataFrame, class_tests: pd.DataFrame) -> Figure:
    """Plot the mean weight of each class by epoch and at the end, and the part of the class means in a variance.

    Args:
        output_classes: the table of that name of a study: class, epoch, mean, standard_error.
        class_tests: the table of that name: epoch, share, share_error.

    Returns:
        Three panels.

    >>> classes = pd.DataFrame({"class": [0, 1], "epoch": 1.0, "mean": [0.1, -0.1], "standard_error": 0.01})
    >>> figure = plot_output_classes(classes, pd.DataFrame({"epoch": [1.0], "share": [0.5], "share_error": [0.1]}))
    >>> figure.axes[1].get_title()
    'at epoch 1'
    """
    table, tests = of_all_networks(output_classes), of_all_networks(class_tests)
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
    if len(names) <= 20:
        legend_above(figure, [(str(name), look) for name, look in looks.items()], ncols=10)
    return figure
