"""The figures of a study in its report: each with a title and a caption that has the numbers."""

from __future__ import annotations

from functools import partial

import pandas as pd
from markupsafe import Markup

from ....invariants import GraphFamily
from ....training import EnsembleConfig
from ...analysis.layers.constraints import COMMON, EQUALS
from ...analysis.layers.layer import Tables
from ...analysis.network_subsets import ALL, of_all_networks
from ...analysis.selection import at_last_epoch, where
from ...analysis.through_training.trajectories import layers_by_shape
from ...notation.number_format import number, rounded
from ...notation.symbols import formula_html, group_html, layer_name, parameter_html
from ...plots.figures.departures import plot_departures_by_epoch
from ...plots.figures.distances import plot_distances
from ...plots.figures.initialisation import LEAST, plot_initialisation
from ...plots.figures.largest_departures import plot_largest_departures
from ...plots.figures.learning import plot_learning
from ...plots.figures.parameters import plot_parameters
from ...plots.figures.path import plot_path
from ...plots.figures.symmetry import plot_nested_models
from ...plots.style import Illustration
from ...runs.files import file_name
from ...runs.shared_out import SharedOut
from ..cards import graph_family
from .dead_units import dead_units
from .symmetry import symmetry_drawings
from .z_score_overview import z_score_overview

#: Makes a figure; another process can do it.
Drawing = partial[Illustration]


def draw_study(
    tables: Tables, config: EnsembleConfig, processes: int = 1, pdf: bool = False
) -> SharedOut[Illustration]:
    """Draw all figures that the tables have rows for, in the order of the report.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.
        processes: how many draw; those beside this one begin at once.
        pdf: whether figures are wanted as PDF besides SVG.

    Returns:
        The figures, drawn.

    >>> row = {"epoch": 0.0, "subset": "all", "networks": 9, "mean": 0.5, "q05": 0.4, "q95": 0.6}
    >>> metrics = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    >>> training = pd.DataFrame([row | {"metric": metric} for metric in metrics])
    >>> [figure.name for figure in draw_study({"training": training}, EnsembleConfig())]
    ['learning']
    """
    return SharedOut([partial(partial, _drawn, drawing, pdf) for drawing in drawings(tables, config)], processes)


def _drawn(drawing: Drawing, pdf: bool) -> Illustration:
    return drawing().drawn(pdf)


def drawings(tables: Tables, config: EnsembleConfig) -> list[Drawing]:
    """List the figures that the tables have rows for, each with its rows.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Returns:
        What draws them, in the order of the report.

    >>> drawings({"training": pd.DataFrame()}, EnsembleConfig())[0].func.__name__
    'learning'
    """
    found = [partial(learning, tables["training"])]
    if "units" in tables:
        found.append(partial(dead_units, tables["units"], tables["networks"]))
    if "parameters" in tables:
        for name, draw in (("parameters", parameters), ("initialisation", initialisation)):
            table = where(tables[name], subset=ALL)
            for shape, layers in layers_by_shape(config).items():
                chosen = table[table.layer.isin(layers)]
                if len(chosen):
                    found.append(partial(draw, chosen, shape))
        if "nested_models" in tables:
            found.append(partial(nested_models, tables["nested_models"]))
        found.append(partial(distances, tables["distances"]))
        if "trajectory" in tables:
            found += paths(tables["trajectory"], tables["trajectory_distances"])
        found += symmetry_drawings(tables, config)
        found.append(partial(departures_by_epoch, where(tables["comparison_summary"], subset=ALL)))
        families = {layer: graph_family(config.shapes[layer]) for layer in config.stored_layers}
        compared = of_all_networks(tables["comparison"])
        top = float(compared.z.abs().max())
        found.append(partial(z_score_overview, at_last_epoch(compared), families, top=top))
        for layer, chosen in where(tables["largest_departures"], subset=ALL).groupby("layer"):
            found.append(partial(largest, chosen, int(str(layer)), families[int(str(layer))]))
    return found


def learning(table: pd.DataFrame) -> Illustration:
    """Loss and accuracy by epoch, and the test accuracy at the end."""
    last = where(table, subset=ALL, metric="test_accuracy").iloc[-1]
    count = int(last.networks)
    drawn = (
        "Of the one network"
        if count == 1
        else f"Mean over {count} networks (line) and their 5% to 95% quantiles (band)"
    )
    mean = f"{last['mean']:.3f}" if count == 1 else f"{last['mean']:.3f} on average"
    spread = f"; the quantiles are {last.q05:.3f} and {last.q95:.3f}" if count >= 20 else ""
    return Illustration(
        plot_learning(table),
        "learning",
        "Loss and accuracy",
        f"{drawn}. At epoch {last.epoch:g} the test accuracy is {mean}{spread}. Training values are running means over "
        f"the epoch.",
        "Curves of training and test loss and accuracy against the epoch.",
    )


def parameters(table: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """The parameters by epoch, a panel each, a curve for each layer, exact initial values as dashed lines."""
    names = list(table.sort_values("index").parameter.unique())
    equal = [name for name in (*EQUALS, COMMON) if name in names]
    size = f"{shape[0]} × {shape[1]}"
    note = (
        Markup("; one ordinate for {}, which the symmetry of the network makes equal").format(
            Markup(", ").join(parameter_html(name) for name in equal)
        )
        if equal
        else ""
    )
    return Illustration(
        plot_parameters(table),
        f"parameters_{shape[0]}x{shape[1]}",
        f"The {len(names)} parameters of the {size} layers",
        Markup(
            "Fitted parameters by epoch, with bands of two standard errors; dashed: the exact initial value{}. "
            "Over training {}."
        ).format(note, _most_moved(table)),
        f"{len(names)} small panels, one for each parameter, with a curve for each layer against the epoch.",
    )


def initialisation(table: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """Deviations of the linear and quadratic invariants from initialisation, in standard errors, on one log scale."""
    first, last = (table[table.epoch == epoch] for epoch in (table.epoch.min(), table.epoch.max()))
    size = f"{shape[0]} × {shape[1]}"
    return Illustration(
        plot_initialisation(table),
        f"initialisation_{shape[0]}x{shape[1]}",
        f"Linear and quadratic invariants of the {size} layers: deviation from initialisation",
        f"|mean − exact expectation at initialisation| / exact standard error at initialisation, on a log scale "
        f"(values below {LEAST} are drawn there); the grey band: compatible with the weights before training. "
        f"At epoch {first.epoch.iloc[0]:g} the largest of the {len(first)} is {first.deviation.max():.1f}, at epoch "
        f"{last.epoch.iloc[0]:g} it is {last.deviation.max():.3g}, and {(last.deviation > 2).sum()} are above 2.",
        "Small panels, one for each invariant, with the deviation of each layer against the epoch.",
    )


def distances(table: pd.DataFrame) -> Illustration:
    """Wasserstein distance to the exact model at initialisation by epoch and layer, for both subsets of networks."""
    everyone = where(table, subset=ALL)
    ends = "; ".join(
        f"{layer_name(layer)} {rows.wasserstein.iloc[0]:.3g} to {rows.wasserstein.iloc[-1]:.3g}"
        for layer, rows in everyone.groupby("layer")
    )
    return Illustration(
        plot_distances(table),
        "distances",
        "Distance to initialisation",
        f"2-Wasserstein distance (of whole matrices, in the Frobenius norm) between the fitted model and the exact one "
        f"at initialisation: "
        f"{ends}, from epoch {everyone.epoch.min():g} to {everyone.epoch.max():g}. The bands have the distances that "
        f"as many matrices of the law at initialisation would have, nine times out of ten: the sampling error of a "
        f"finite ensemble, where a layer starts. arXiv:2510.05218 plots the square, which is in the table.",
        "Curves of the Wasserstein distance against the epoch, one for each layer, and a band at the bottom for each.",
    )


def nested_models(table: pd.DataFrame) -> Illustration:
    """BIC of every nested model above the best, by epoch, a panel for each layer."""
    best = Markup("; ").join(
        Markup("{}: {}").format(layer_name(layer), group_html(own.sort_values("bic").symmetry.iloc[0]))
        for layer, own in at_last_epoch(table).dropna(subset="bic").groupby("layer")
    )
    return Illustration(
        plot_nested_models(table),
        "nested_models",
        "Which of the nested models?",
        Markup(
            "Bayesian information criterion of each nested Gaussian model, less that of the best at the same epoch (0 "
            "is the best; linear up to 10, then logarithmic). At epoch {} the best are {}. Entries that are iid are "
            "independent and of one law; {} permutes rows and columns together, {} independently; “transpose”: also "
            "invariant under transposition."
        ).format(f"{table.epoch.max():g}", best, group_html("S_N"), group_html("S_N x S_N")),
        "A panel for each layer, a curve for each nested model against the epoch.",
    )


def paths(places: pd.DataFrame, distances: pd.DataFrame) -> list[Drawing]:
    """For each shape of layers the path of their models through training, and the distances between all of them."""
    found = []
    for rows, columns in places[["rows", "columns"]].drop_duplicates().to_numpy().tolist():
        own, between = (where(table, rows=rows, columns=columns) for table in (places, distances))
        found.append(partial(path, own, between, (rows, columns)))
    return found


def path(places: pd.DataFrame, distances: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """The models of all epochs and layers of one shape in the plane, and the table of their distances in colours."""
    size = f"{shape[0]} × {shape[1]}"
    shares = [places.share1.iloc[0], places.share2.iloc[0]]
    epochs = places.epoch.nunique()
    farthest = distances.sort_values("wasserstein").iloc[-1]
    return Illustration(
        plot_path(places, distances),
        f"path_{shape[0]}x{shape[1]}",
        f"The path of the {size} layers through training",
        f"Left: the fitted models at {epochs} epochs, from a square at the first one to the number of the last, in the "
        f"plane whose distances come nearest to the Wasserstein distances between them (its coordinates show "
        f"{shares[0]:.0%} and {shares[1]:.0%} of them). Right: the distances themselves, between all pairs of layers "
        f"and epochs. The farthest apart are {layer_name(int(farthest.layer))} at epoch {farthest.epoch:g} and "
        f"{layer_name(int(farthest.other_layer))} at epoch {farthest.other_epoch:g}: {farthest.wasserstein:.3g}.",
        "A path in the plane for each layer, and a square of colours with the distance between any two models.",
    )


def departures_by_epoch(summary: pd.DataFrame) -> Illustration:
    """Quantile bands of the higher invariants' deviations: the paper's above, |z| below, a column for each layer."""
    last = at_last_epoch(summary)
    medians = where(last, quantity="deviation")["median"]
    top = where(last, quantity="absolute_z")["max"].max()
    return Illustration(
        plot_departures_by_epoch(summary),
        "departures_by_epoch",
        "Cubic and quartic invariants: departure from the fitted Gaussian model",
        f"How far the Gaussian model fitted at each epoch misses the cubic and quartic invariants. Above, in standard "
        f"deviations of one network's value, the measure of arXiv:2510.05218: at epoch {last.epoch.iloc[0]:g} the "
        f"medians lie between {medians.min():.2g} and {medians.max():.2g}. Below, |z|, the same difference in standard "
        f"errors of the comparison, refit included, on a log scale: up to {top:.3g} at that epoch. The grey "
        f"band: compatible with the fitted model.",
        "Median, quantiles and maximum over the invariants against the epoch, a column of panels for each layer.",
    )


def largest(departures: pd.DataFrame, layer: int | str, family: GraphFamily) -> Illustration:
    """The invariants of largest |z| with their graphs, in the order of the rows."""
    first = departures.iloc[0]
    roles = " (discs are rows, squares columns)" if len(family.node_kinds) > 1 else ""
    when = f" at epoch {first.epoch:g}" if "epoch" in departures else ""
    return Illustration(
        plot_largest_departures(departures, family),
        f"largest_{file_name(layer_name(layer))}",
        f"The largest departures in {layer_name(layer)}",
        Markup(
            "The {} cubic and quartic invariants that the fitted model misses most{}, by |z|. A node is an index that "
            "is summed over{}, an {} a factor <i>M</i><sub>ij</sub>. The first, {}, is predicted as {} and measured as "
            "{}. Many of these are strongly correlated with each other."
        ).format(
            len(departures),
            when,
            roles,
            "arc from i to j" if family.directed else "edge between i and j",
            formula_html(str(first.formula)),
            rounded(first.predicted, first.standard_error),
            rounded(first.measured, first.standard_error),
        ),
        "Drawings of graphs: " + "; ".join(departures.formula),
    )


def _most_moved(table: pd.DataFrame) -> Markup:
    last = at_last_epoch(table)
    row = last.iloc[int(last.z_from_initial.abs().argmax())]
    return Markup("the largest move is that of {} in {}, from {} to {} ({} standard errors at initialisation)").format(
        parameter_html(row.parameter),
        layer_name(row.layer),
        number(row.initial),
        rounded(row.estimate, row.standard_error),
        f"{abs(row.z_from_initial):.3g}",
    )
