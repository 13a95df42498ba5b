"""Loss and accuracy through training."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import where
from ..epochs import label_epochs, marks
from ..style import PALETTE, in_house_style


@in_house_style
def plot_learning(training: pd.DataFrame) -> Figure:
    """Plot loss and accuracy by epoch: the mean, and the band between the 5% and 95% quantiles of the networks.

    Args:
        training: the table `training` of a study: metric (`train_loss`, `train_accuracy`, `test_loss`,
            `test_accuracy`), epoch, mean, q05, q95.

    Returns:
        Two panels, loss and accuracy.

    >>> metrics = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    >>> rows = [{"metric": metric, "epoch": 0.0, "mean": 0.5, "q05": 0.4, "q95": 0.6} for metric in metrics]
    >>> [axes.get_ylabel() for axes in plot_learning(pd.DataFrame(rows)).axes]
    ['loss', 'accuracy']
    """
    table = of_all_networks(training)
    figure = Figure(figsize=(7.2, 2.9))
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for part, colour in zip(("train", "test"), PALETTE, strict=False):
            rows = where(table, metric=f"{part}_{quantity}")
            axes.fill_between(rows.epoch, rows.q05, rows.q95, color=colour, alpha=0.18, linewidth=0)
            axes.plot(rows.epoch, rows["mean"], color=colour, label=part, **marks(rows))
        axes.set_ylabel(quantity)
        label_epochs(axes)
    figure.axes[1].set_ylim(0, 1)
    figure.axes[0].legend()
    return figure
