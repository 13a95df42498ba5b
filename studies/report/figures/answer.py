"""The figure of the first screen of a report: how far training moves each layer."""

from __future__ import annotations

from ....training import EnsembleConfig
from ...analysis.layers.initial_law import InitialLaw
from ...analysis.layers.layer import Tables
from ...plots.figures.distances import plot_movement
from ...plots.style import Illustration


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
    shapes = {layer: config.shapes[layer] for layer in tables["distances"].layer.unique().tolist()}
    norms = {layer: InitialLaw.of_layer(config, layer).norm(shape) for layer, shape in shapes.items()}
    return Illustration(
        plot_movement(tables["distances"], norms),
        "answer",
        "How far training moves each layer",
        "",
        "Curves of the distance to the law at initialisation, in percent of the initial size, against the epoch.",
    )
