"""The report of a study: one page that holds all it shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import xarray as xr

from ...training import EnsembleConfig
from ...training.pilot import PilotRun
from ..analysis.layers.layer import Tables
from ..analysis.network_subsets import ALL
from ..analysis.selection import at_last_epoch, where
from ..notation.number_format import counted, listed, number, with_error
from ..notation.symbols import LEGEND, layer_name, parameter_html
from ..paper.size import reductions
from ..paper.studies import reduced_studies
from ..plots.style import Illustration
from ..runs.folder import RunFolder
from ..runs.provenance import package_version
from .cards import Cards, compared_cards, initial_cards, last_layers
from .epochs import packed_epochs
from .figures.answer import answer_figure
from .findings.study import findings
from .headline import headline
from .html import Table, linked, render
from .placing import placed

CAPTIONS = {
    "verdicts": "Every test that this page judges, all of them together by Holm’s procedure at 5%.",
    "parameters": "Fitted parameters of every layer, epoch and subset, beside the exact ones at initialisation.",
    "interior_parameters": "The five parameters of independent permutations of rows and columns.",
    "symmetry": "The constraints that the symmetry of the network puts on the parameters of square layers.",
    "initialisation": "Linear and quadratic invariants, their exact expectation and standard error at initialisation.",
    "comparison": "Cubic and quartic invariants: predicted by the fitted model, and measured.",
    "comparison_summary": "Quantiles over the cubic and over the quartic invariants.",
    "bipartite": "The same of the bipartite invariants of square layers, by the model of five parameters.",
    "symmetrised_comparison": "How clearly the invariants, their averages and the bipartite ones show the departures.",
    "change": "Relative change of the deviation of each invariant from the first to the last epoch.",
    "gaussianity": "The global test whether the matrices are Gaussian, by the bootstrap.",
    "bootstrap": "The comparison with p-values by the bootstrap, at the first and the last epoch.",
    "bipartite_gaussianity": "The global test by the bipartite invariants of square layers.",
    "bipartite_bootstrap": "Their comparison with p-values by the bootstrap.",
    "nested_models": "Nested models and their tests: which symmetry do the matrices have?",
    "invariance": "Are mean and covariance permutation invariant at all, irrep by irrep?",
    "output_classes": "Mean and variance of the weights of each class, the rows of the output layer.",
    "class_tests": "Do the classes differ, and what is the spread of their means of the variance GH0?",
    "largest_departures": "The largest departures at the last epoch.",
    "distances": "Distances between the fitted model and the exact one at initialisation (kl in nats).",
    "trajectory": "Coordinates of the models of some epochs, the layers of one shape together.",
    "trajectory_distances": "Wasserstein distances between these models.",
    "training": "Losses and accuracies over the networks.",
    "networks": "Every network at the last epoch.",
    "units": "Hidden units that are off for every test image, of each network, at the first and the last epoch.",
    "active_units": "Matrices without the columns of dead units: departures from the 5-parameter model.",
    "omissions": "Snapshots that no model could be fitted to.",
}


@dataclass(frozen=True)
class Contents:
    """What takes longest to make of a page, and needs no figures: other processes draw these meanwhile.

    Args:
        tables: with all their rows.
        cards: of the invariants.
        epochs: of the overview of invariants, for its slider.
        answer: the figure of the first screen.
    """

    tables: Sequence[Table]
    cards: Cards
    epochs: dict[str, str]
    answer: Illustration | None

    @classmethod
    def of(cls, tables: Tables, config: EnsembleConfig) -> Contents:
        """Make the contents of the page of a study.

        Args:
            tables: as `analyse` returns them.
            config: of the ensemble.

        Returns:
            The record.

        >>> Contents.of({}, EnsembleConfig()).cards
        {}
        """
        epochs = {"z_score_overview": packed_epochs(tables["comparison"])} if "comparison" in tables else {}
        return cls(linked(tables, CAPTIONS), study_cards(tables, config), epochs, answer_figure(tables, config))


def study_report(
    run: RunFolder, ensemble: xr.Dataset, tables: Tables, contents: Contents, figures: Sequence[Illustration]
) -> str:
    """Write the page report.html of a study.

    Args:
        run: the folder; its configuration and history are reported.
        ensemble: for the versions in its attributes.
        tables: as `analyse` returns them; those of the page link to their CSV files in the folder.
        contents: of these tables.
        figures: they stand in the page itself.

    Returns:
        HTML.
    """
    config = run.drawn
    found, alone = placed(findings(tables, config), figures)
    summaries = []
    if "parameters" in tables:
        summaries.append(parameter_summary(tables["parameters"]))
    return render(
        "report.html",
        title=f"{counted(config.networks, 'network')} {'-'.join(map(str, config.widths))} on {config.dataset}",
        version=package_version(),
        legend=LEGEND,
        notes=[*size_notes(config), *pilot_notes(ensemble)],
        made=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
        configuration=configuration_rows(run.config),
        origin=origin_rows(run, ensemble),
        headline=headline(tables, config),
        answer=contents.answer,
        findings=found,
        figures=alone,
        summaries=summaries,
        tables=contents.tables,
        cards=contents.cards,
        epochs=contents.epochs,
    )


def size_notes(config: EnsembleConfig) -> list[str]:
    """Say at the top of a run that it is a smaller version of a study of the paper.

    >>> size_notes(EnsembleConfig(dataset="mnist", networks=200, weight_decay=0.01))
    ['Smaller than the study mnist-gaussian-decay of arXiv:2510.05218: 200 networks instead of 1000.']
    """
    studies = reduced_studies(config)
    if not studies:
        return []
    names = f"{'study' if len(studies) == 1 else 'studies'} {listed(studies)}"
    return [f"Smaller than the {names} of arXiv:2510.05218: {'; '.join(reductions(config))}."]


def pilot_notes(ensemble: xr.Dataset) -> list[str]:
    """Say the result of a pilot run, if there was one.

    Args:
        ensemble: with the attribute `pilot`, if a pilot run found its initial variances.

    Returns:
        Sentences, none without a pilot run.

    >>> pilot_notes(xr.Dataset())
    []
    >>> pilot = '{"rounds": [{"variance": [2], "ratio": [1.05], "standard_error": [0.1]}], "converged": true}'
    >>> print(*pilot_notes(xr.Dataset(attrs={"pilot": pilot})))
    A pilot run of 1 round found the initial variances 2 (by layer), of which training keeps 1.050.
    """
    if "pilot" not in ensemble.attrs:
        return []
    found = PilotRun.from_json(str(ensemble.attrs["pilot"]))
    last = found.rounds[-1]
    variances = ", ".join(f"{value:.4g}" for value in last.variance)
    ratios = ", ".join(f"{ratio:.3f}" for ratio in last.ratio)
    end = "" if found.converged else " It did not converge."
    return [
        f"A pilot run of {counted(len(found.rounds), 'round')} found the initial variances {variances} (by layer), of "
        f"which training keeps {ratios}.{end}"
    ]


def study_cards(tables: Tables, config: EnsembleConfig) -> Cards:
    """Make the card of each invariant: all networks, the last epoch.

    >>> study_cards({}, EnsembleConfig())
    {}
    """
    if "comparison" not in tables:
        return {}
    first, last = (last_layers(tables[name], config) for name in ("initialisation", "comparison"))
    return initial_cards(first) | compared_cards(last)


def configuration_rows(config: EnsembleConfig) -> list[tuple[str, str]]:
    """The options of a study as text, in their order.

    >>> configuration_rows(EnsembleConfig(networks=8))[2]
    ('networks', '8')
    """
    values = config.model_dump(mode="json", exclude={"data_root"})
    return [
        (name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in values.items()
    ]


def origin_rows(run: RunFolder, ensemble: xr.Dataset) -> list[tuple[str, str]]:
    """Say when, in what time and with which versions a study was made."""
    seconds: dict[str, float] = {}
    for entry in run.history:
        seconds[entry["step"]] = seconds.get(entry["step"], 0.0) + entry["seconds"]
    versions: dict[str, str] = json.loads(str(ensemble.attrs["versions"]))
    rows = [("started", run.history[0]["started"])] if run.history else []
    rows += [(f"time of {step}", f"{total:.1f} s") for step, total in seconds.items() if step != "report"]
    rows += versions.items()
    return rows + [(name, str(ensemble.attrs[name])) for name in ("engine", "processor", "threads")]


def parameter_summary(parameters: pd.DataFrame) -> Table:
    """Parameters of all networks at the last epoch, a row each, with standard errors and exact initial values.

    >>> row = {"layer": 1, "epoch": 0.0, "subset": "all", "parameter": "mu_1", "index": 0}
    >>> values = {"estimate": 0.51234, "standard_error": 0.25, "initial": 0.0}
    >>> [print(cell) for cell in parameter_summary(pd.DataFrame([{**row, **values}])).rows[0]]
    μ<sub>1</sub>
    0 → 0.51 ± 0.25
    [None, None]
    """
    last = at_last_epoch(where(parameters, subset=ALL))
    text = last.assign(
        value=[
            f"{number(initial, '.3g')} → {with_error(estimate, error)}"
            for initial, estimate, error in zip(last.initial, last.estimate, last.standard_error, strict=True)
        ],
        layer=[layer_name(layer) for layer in last.layer],
    )
    order = text.parameter.drop_duplicates()
    wide = text.pivot(index="parameter", columns="layer", values="value").reindex(order).fillna("–")
    wide.insert(0, "parameter", pd.Series([parameter_html(name) for name in wide.index], wide.index, dtype=object))
    epoch = last.epoch.iloc[0] if len(last) else float("nan")
    return Table.head(
        "Parameters before and after training",
        f"Exact value at initialisation → estimate at epoch {epoch:g} ± its standard error.",
        wide,
        rows=len(wide),
    )
