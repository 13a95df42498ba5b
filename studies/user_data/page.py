"""The page and the terminal's lines about a fit of a user's matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from ...fitting import BlockGaussian
from ...invariants import GraphFamily
from ..analysis.layers.layer import Tables
from ..analysis.selection import records, where
from ..analysis.summaries import LARGEST
from ..analysis.verdicts import Verdicts, stated
from ..notation.number_format import counted, in_latex, rounded, with_error
from ..notation.symbols import (
    LEGEND,
    group_text,
    parameter_html,
    parameter_latex,
    parameter_text,
)
from ..plots.figures.largest_departures import plot_largest_departures
from ..plots.figures.selection_path import plot_selection_path
from ..plots.figures.z_scores import plot_z_scores
from ..plots.style import Illustration, figure_files
from ..report.cards import compared_cards
from ..report.figures.study import largest
from ..report.figures.z_score_overview import z_score_overview
from ..report.findings.finding import Finding, said
from ..report.html import Table, linked, render
from ..report.latex_tables import booktabs, departures_latex
from ..report.prose import prose
from ..runs.files import replace_files, write_latex, write_text
from ..runs.output_folder import file_names
from ..runs.provenance import package_version
from .findings.distances import Distances
from .findings.gaussian import Gaussian
from .findings.interactions import Interactions
from .findings.invariance import Invariance
from .findings.symmetry import Symmetry
from .headline import Headline
from .read import Ensembles

CAPTIONS = {
    "verdicts": "Every test that the page judges, all of them together by Holm's procedure at 5%.",
    "parameters": "The fitted parameters of every ensemble, with 95% intervals.",
    "comparison": "Cubic and quartic invariants: predicted by the fitted model, and measured.",
    "gaussianity": "The global test whether the matrices are Gaussian, by the bootstrap.",
    "nested_models": "Nested models and their tests: which symmetry do the matrices have?",
    "invariance": "Are mean and covariance permutation invariant at all, irrep by irrep?",
    "interactions": "Couplings of cubic and quartic invariants, in the order of their selection.",
    "interactions_left": "Why each selection ended, and what it left.",
    "distance_tests": "To independent entries, between models; and to the fitted model, between samples.",
}


@dataclass(frozen=True)
class Section:
    """The part of a page about one ensemble."""

    name: str
    parameters: Table
    answers: tuple[Finding, ...]
    figures: tuple[Illustration, ...]


def write_page(
    folder: Path,
    title: str,
    ensembles: Ensembles,
    models: dict[str, BlockGaussian],
    passed_over: dict[str, list[str]],
    tables: Tables,
    verdicts: Verdicts,
    pdf: bool = False,
) -> None:
    """Write report.html and figures/*.svg; on request figures/*.pdf and tables/*.tex.

    Args:
        folder: holds the tables already.
        title: of the page.
        ensembles: (n, rows, columns) each, by name.
        models: fitted to each.
        passed_over: names of arrays by the reason.
        tables: by the names of `CAPTIONS`, with a column "ensemble".
        verdicts: of everything that the page judges.
        pdf: whether figures are wanted as PDF too, and tables of parameters and departures as LaTeX.
    """
    files = file_names(ensembles)
    sections = [_section(name, file, models[name], tables, verdicts) for name, file in files.items()]
    replace_files(folder / "figures", figure_files((figure for s in sections for figure in s.figures), pdf))
    write_latex(folder / "tables", _latex(models, tables) if pdf else {})
    page = render(
        "fit.html",
        title=title,
        version=package_version(),
        legend=LEGEND,
        headline=Headline.of(tables, verdicts).sentences(),
        answer=Illustration(
            plot_z_scores(tables["comparison"]),
            "answer",
            "How far the cubic and quartic invariants are from the fitted model",
            "",
            "Curves of |z| of the invariants in ascending order, beside what chance gives.",
        ),
        ensembles=[
            (name, _what(matrices) + _tested(tables, name, len(matrices))) for name, matrices in ensembles.items()
        ],
        skipped=[_skipped(why, names) for why, names in passed_over.items()],
        sections=sections,
        tables=linked(tables, CAPTIONS),
        cards=compared_cards(
            (name, model.space.decomposition.family, where(tables["comparison"], ensemble=name))
            for name, model in models.items()
        ),
    )
    write_text(folder / "report.html", page)


def _latex(models: dict[str, BlockGaussian], tables: Tables) -> dict[str, str]:
    """The parameters and the largest departures of all ensembles, by the names of files."""
    rows = records(tables["parameters"])
    parameters = pd.DataFrame(
        {
            "ensemble": [row["ensemble"] for row in rows],
            "parameter": [f"${parameter_latex(row['parameter'])}$" for row in rows],
            "estimate": [f"${in_latex(with_error(row['estimate'], row['standard_error']))}$" for row in rows],
            "95\\%, sandwich": [
                in_latex(f"${_interval(row['sandwich_lower'], row['sandwich_upper'], row['standard_error'])}$")
                for row in rows
            ],
            "95\\%, exact": [
                in_latex(f"${_interval(row['exact_lower'], row['exact_upper'], row['exact_standard_error'])}$")
                for row in rows
            ],
        },
        dtype=object,
    )
    compared = tables["comparison"].dropna(subset="z")
    order = compared.z.abs().sort_values(ascending=False, kind="stable").index
    top = compared.loc[order].groupby("ensemble", sort=False).head(LARGEST).sort_values("ensemble", kind="stable")
    caption = (
        "Fitted parameters $\\pm$ standard errors of the sandwich, and 95\\% intervals by the sandwich and by the "
        "exact law of Gaussian matrices."
    )
    families = {name: model.space.decomposition.family for name, model in models.items()}
    return {
        "parameters": booktabs(parameters, caption, "parameters", latex=list(parameters)[1:]),
        "departures": departures_latex(top, "ensemble", families),
    }


def page_title(paths: Sequence[Path]) -> str:
    """The title of the page of a fit.

    >>> page_title([Path("words.npy")])
    'Gaussian models of words.npy'
    """
    return f"Gaussian models of {', '.join(path.name for path in paths[:3])}{' …' if len(paths) > 3 else ''}"


def summary(
    ensembles: Ensembles, passed_over: dict[str, list[str]], tables: Tables, verdicts: Verdicts
) -> Iterator[str]:
    """Give the lines of a terminal: arrays passed over, parameters and tests of each ensemble.

    Args:
        ensembles: (n, rows, columns) each, by name.
        passed_over: names of arrays by the reason.
        tables: by the names of `CAPTIONS`, with a column "ensemble".
        verdicts: of everything that the page judges.

    Yields:
        Lines.
    """
    yield from (f"skipped {_skipped(why, names)}" for why, names in passed_over.items())
    for name, matrices in ensembles.items():
        yield f"{name}: {_what(matrices)}; estimates ± sandwich standard errors, 95% intervals by the exact law"
        own = {title: where(table, ensemble=name) for title, table in tables.items()}
        for row in records(own["parameters"]):
            interval = _interval(row["exact_lower"], row["exact_upper"], row["exact_standard_error"])
            estimate = with_error(row["estimate"], row["standard_error"])
            yield f"  {parameter_text(row['parameter']):<10}{estimate:<24}{interval}"
        found = Gaussian.of(own, verdicts)
        yield f"  cubic and quartic invariants: {prose('fit/verdict', found).unescape()}"
        for between in found.between:
            yield f"  {between.test.question} to the fitted model: {stated(between.test, between.verdict)}"
        tested = int(own["nested_models"].tested.iloc[0])
        if tested < len(matrices):
            yield f"  randomisation, permutations and optimal transport: on a random {tested} of the matrices"
        if "interactions_left" in own:
            yield f"  interactions: {_interactions_of(own).stated()}"
        yield f"  best of the nested models: {group_text(Symmetry.of(own['nested_models']).by_bic)} (BIC)"


def _skipped(why: str, names: list[str]) -> str:
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"{shown}: {why}"


def _section(name: str, file: str, model: BlockGaussian, tables: Tables, verdicts: Verdicts) -> Section:
    own = {title: where(table, ensemble=name) for title, table in tables.items()}
    compared = own["comparison"].dropna(subset="z")
    order = compared.z.abs().sort_values(ascending=False, kind="stable").index
    top = compared.loc[order[:LARGEST]]
    estimates = own["parameters"]
    shown = pd.DataFrame({"parameter": [parameter_html(parameter) for parameter in estimates.parameter]}, dtype=object)
    for law, error in (("exact", "exact_standard_error"), ("sandwich", "standard_error")):
        ends = zip(
            estimates.estimate, estimates[f"{law}_lower"], estimates[f"{law}_upper"], estimates[error], strict=True
        )
        values = [(with_error(estimate, size), _interval(low, high, size)) for estimate, low, high, size in ends]
        shown[f"{law}: ± standard error"] = [value for value, _ in values]
        shown[f"{law}: 95%"] = [interval for _, interval in values]
    answers: tuple[Finding, ...] = (
        said(Gaussian.of(own, verdicts)),
        said(Symmetry.of(own["nested_models"])),
        said(Invariance.of(name, own["invariance"], verdicts)),
        said(Distances.of(own["distance_tests"])),
    )
    if "interactions_left" in own:
        answers = (*answers, said(_interactions_of(own)))
    family = model.space.decomposition.family
    figures: tuple[Illustration, ...] = ()
    if len(top):
        every = z_score_overview(own["comparison"].assign(layer=name), family, f"z_score_overview_{file}")
        figures = (every, replace(largest(top, name, family), name=f"largest_{file}"))
    if len(own.get("interactions", ())):
        figures = (*figures, *_selection(own, name, file, family))
    parameters = Table.head(f"Parameters of {name}", "", shown, rows=len(shown))
    return Section(name, parameters, answers, figures)


def _interactions_of(own: Tables) -> Interactions:
    return Interactions.of(own.get("interactions", pd.DataFrame()), own["interactions_left"])


def _selection(own: Tables, name: str, file: str, family: GraphFamily) -> tuple[Illustration, ...]:
    """The path of a selection, and the graphs that it found."""
    table = own["interactions"]
    formulas = "; ".join(table.formula)
    return (
        Illustration(
            plot_selection_path(table, float(own["interactions_left"].root_mean_square_z.iloc[0])),
            f"selection_{file}",
            f"The interactions of {name}, one after another",
            "Left, what is left of all invariants after each coupling (1, dashed, is nothing); right, the gain over "
            "the Gaussian on held-out matrices by score matching, with standard errors.",
            f"Curves over the couplings in the order of their selection: {formulas}",
        ),
        Illustration(
            plot_largest_departures(table, family),
            f"interactions_{file}",
            f"The graphs of the interactions of {name}",
            "In the order of their selection, with z on entering.",
            f"Drawings of graphs: {formulas}",
        ),
    )


def _interval(low: float, high: float, error: float) -> str:
    """The ends of an interval, to the digits of a standard error.

    >>> _interval(0.12345, 0.56789, 0.11)
    '[0.12, 0.57]'
    """
    return f"[{rounded(low, error)}, {rounded(high, error)}]"


def _tested(tables: Mapping[str, pd.DataFrame], name: str, count: int) -> str:
    """How many of the matrices the costly tests were made on, if not on all."""
    tested = int(where(tables["nested_models"], ensemble=name).tested.iloc[0])
    return (
        ""
        if tested == count
        else f"; randomisation, permutations and optimal transport are tested on a random {tested} of them"
    )


def _what(matrices: NDArray[Any]) -> str:
    return f"{counted(matrices.shape[0], 'matrix')} {matrices.shape[1]} × {matrices.shape[2]}, {matrices.dtype}"
