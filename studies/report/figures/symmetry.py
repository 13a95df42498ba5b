"""The figures of symmetry: constraints, the five parameters that they leave, symmetrised comparisons, and classes."""

from __future__ import annotations

from functools import partial

import pandas as pd
from markupsafe import Markup

from ....training import EnsembleConfig
from ...analysis.layers.layer import Tables
from ...analysis.layers.symmetrised import AVERAGED
from ...analysis.network_subsets import ALL
from ...analysis.selection import at_last_epoch, where
from ...analysis.through_training.trajectories import layers_by_shape
from ...analysis.verdicts import LEVEL, bound
from ...notation.number_format import with_error
from ...notation.symbols import layer_name, parameter_html
from ...plots.figures.departures import plot_changes, plot_symmetrised_comparison
from ...plots.figures.output_classes import plot_output_classes
from ...plots.figures.parameters import plot_interior_parameters
from ...plots.figures.symmetry import LEAST_P, plot_constraints
from ...plots.style import Illustration


def symmetry_drawings(tables: Tables, config: EnsembleConfig) -> list[partial[Illustration]]:
    """List the figures of symmetry that the tables have rows for, each with its rows.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Returns:
        What draws them, in the order of the report.

    >>> symmetry_drawings({}, EnsembleConfig())
    []
    """
    everyone = {name: where(table, subset=ALL) for name, table in tables.items() if "subset" in table}
    found = []
    if "symmetry" in everyone:
        found.append(partial(constraints, everyone["symmetry"], everyone.get("nested_models")))
    if "interior_parameters" in everyone:
        for shape, layers in layers_by_shape(config).items():
            own = everyone["interior_parameters"]
            own = own[own.layer.isin(layers)]
            if len(own):
                found.append(partial(interior_parameters, own, shape))
    if "symmetrised_comparison" in everyone:
        found.append(partial(symmetrised_comparison, everyone["symmetrised_comparison"]))
    if "output_classes" in everyone:
        found.append(partial(output_classes, everyone["output_classes"], everyone["class_tests"]))
    if "change" in everyone:
        found.append(partial(changes, everyone["change"]))
    return found


def constraints(table: pd.DataFrame, nested: pd.DataFrame | None) -> Illustration:
    """The eight constraints by epoch in standard errors, and the p-values of all together, a column for each layer."""
    of_one = bound(1)
    last = at_last_epoch(table)
    outside = (table.z.abs() > of_one).mean()
    return Illustration(
        plot_constraints(table, nested),
        "constraints",
        "The constraints that the symmetry of the network puts on the square layers",
        f"Above: the eight quantities that must be zero while rows and columns are exchangeable independently, in "
        f"standard errors (by the influence functions); the band holds one alone in 95% of cases, the dashed lines "
        f"all eight of a layer at one epoch. Over layers and epochs {outside:.1%} are outside the band; those of "
        f"neighbouring epochs are nearly the same. At epoch {last.epoch.iloc[0]:g} the largest is "
        f"{last.z.abs().max():.2f}. Below: p-values of all eight together, by Wald's test and by the exact "
        f"randomisation test, at the epochs that have the nested models; dashed: {LEVEL:g}; those below {LEAST_P:g} "
        f"are drawn there.",
        "For each layer the eight constraints in standard errors against the epoch, and below the p-values of tests.",
    )


def interior_parameters(table: pd.DataFrame, shape: tuple[int, int]) -> Illustration:
    """The five parameters of the layers of one shape by epoch, in initial units, and their parts in the distance."""
    last = at_last_epoch(table)
    z = (last.relative - (last.initial > 0)) / last.relative_error
    top = last.iloc[int(z.abs().argmax())]
    size = f"{shape[0]} × {shape[1]}"
    return Illustration(
        plot_interior_parameters(table),
        f"interior_parameters_{shape[0]}x{shape[1]}",
        f"What training moves: the five parameters of the {size} layers",
        Markup(
            "What the symmetry of the network leaves free, by epoch: the mean in units of the initial standard "
            "deviation of an entry, variances in units of its initial variance, with bands of two standard errors; "
            "dashed: the exact initial value, 0 or 1. Last panel: the parts of each parameter in the squared "
            "Wasserstein distance to initialisation at epoch {}. Farthest from its start, in standard errors ({}), is "
            "{} of {}: {}."
        ).format(
            f"{last.epoch.iloc[0]:g}",
            f"{z.abs().max():.3g}",
            parameter_html(top.parameter),
            layer_name(top.layer),
            with_error(top.relative, top.relative_error),
        ),
        "Five small panels with a curve for each layer against the epoch, and bars of the parts in the distance.",
    )


def symmetrised_comparison(table: pd.DataFrame) -> Illustration:
    """Significant share, and root mean square and largest |z|, of the three sets of invariants, by epoch and layer."""
    last = at_last_epoch(table)
    ratios = where(last, invariants=AVERAGED)
    ends = "; ".join(
        f"{layer_name(row.layer)} {row.error_ratio:.2f} ({row.error_ratio_q05:.2f} to {row.error_ratio_q95:.2f})"
        for row in ratios.itertuples()
    )
    return Illustration(
        plot_symmetrised_comparison(table),
        "symmetrised_comparison",
        "Departures from Gaussianity, by the symmetry that is used",
        f"Cubic and quartic invariants of square layers against the Gaussian model fitted at each epoch: those of one "
        f"permutation of rows and columns together, with 13 parameters; the same averaged over independent "
        f"permutations of rows and of columns, and the bipartite invariants that these are combinations of, with five. "
        f"Above, the fraction with a false discovery rate of at most {LEVEL:g}; below, root mean square (1 by chance, "
        f"dashed) and largest |z| (dotted). At epoch {last.epoch.iloc[0]:g} averaging multiplies the standard errors "
        f"by, in the median over the invariants (5% to 95%): {ends}. A |z| that falls while the weights grow need not "
        f"mean that the departures do: heavy tails make the standard errors large.",
        "For each layer the significant fraction and |z| against the epoch, a curve for each set of invariants.",
    )


def output_classes(table: pd.DataFrame, tests: pd.DataFrame) -> Illustration:
    """Mean weight of each class by epoch and at the end, and the part of the class means in the row variance."""
    final = at_last_epoch(tests).iloc[0]
    return Illustration(
        plot_output_classes(table, tests),
        "output_classes",
        "The classes of the output layer",
        Markup(
            "Left: mean over networks and units of the weights of each class, by epoch. Middle: at the last epoch, "
            "with bars of two standard errors (of networks). Right: what the spread of the class means is of {}, the "
            "variance of the row sums, less the part of chance, with a band of two standard errors: {} at epoch {}."
        ).format(
            parameter_html("GH0"),
            f"{with_error(100 * final.share, 100 * final.share_error)}%",
            f"{final.epoch:g}",
        ),
        "Curves of the mean weight of each class by epoch, the means at the end, and their part in a variance.",
    )


def changes(table: pd.DataFrame) -> Illustration:
    """Distribution over the invariants of the relative change of their deviation, a panel for each layer."""
    medians = "; ".join(
        f"{layer_name(layer)} {own.change.median():+.2f}".replace("-", "−") for layer, own in table.groupby("layer")
    )
    return Illustration(
        plot_changes(table),
        "changes",
        "Change of the deviations through training",
        f"Quantity (3) of arXiv:2510.05218: the relative change, from the first to the last epoch, of the deviation of "
        f"the cubic and quartic invariants from the model fitted at that epoch; the distribution over all of them, and "
        f"over the 39 that the paper shows. Dashed: what independent sampling errors of equal size at both ends would "
        f"give. Medians over all: {medians}.",
        "For each layer the cumulative distribution of the relative changes, and that of chance alone.",
    )
