"""The figure of the first screen of a report: how far training moves each layer."""

from __future__ import annotations

from matplotlib.figure import Figure

from ....training import EnsembleConfig
from ...analysis.initial_law import InitialLaw
from ...analysis.layer import Tables
from ...analysis.network_subsets import ALL
from ...analysis.selection import where
from ...notation.symbols import layer_name
from ...plots.epochs import label_epochs, marks
from ...plots.style import Illustration, house_style, line_looks


def answer_figure(tables: Tables, config: EnsembleConfig) -> Illustration | None:
    """Draw the distance of each layer from its law at initialisation, in percent of its initial size.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Returns:
        The figure, small enough for a phone; none if no model was fitted.

    >>> answer_figure({}, EnsembleConfig())
    """
    if "distances" not in tables:
        return None
    table = where(tables["distances"], subset=ALL)
    with house_style():
        figure = Figure(figsize=(4.2, 2.7))
        axes = figure.subplots()
        for (layer, rows), look in zip(table.groupby("layer"), line_looks(table.layer.nunique()), strict=True):
            number = int(str(layer))
            norm = InitialLaw.of_layer(config.initialisation, config.shapes[number]).norm(config.shapes[number])
            axes.plot(rows.epoch, 100 * rows.wasserstein / norm, label=layer_name(number), **look, **marks(rows))
        axes.set_ylim(bottom=0)
        axes.set_ylabel("moved, % of initial size")
        axes.legend()
        label_epochs(axes)
        return Illustration.of(
            figure,
            "answer",
            "How far training moves each layer",
            "",
            "Curves of the distance to the law at initialisation, in percent of the initial size, against the epoch.",
        )
