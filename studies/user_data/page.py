"""The page and the lines that say what a fit of a user's matrices found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from ...fitting import BlockGaussian
from ..analysis.layers.layer import Tables
from ..analysis.layers.tests import LAW_DRAWS
from ..analysis.questions import GAUSSIAN, INVARIANT
from ..analysis.selection import records, where
from ..analysis.summaries import LARGEST
from ..analysis.verdicts import LEVEL, Verdict, Verdicts, departures, overflowing, stated, too_few
from ..notation.number_format import counted, in_latex, listed, number, rounded, with_error
from ..notation.p_values import p_text
from ..notation.symbols import (
    LEGEND,
    formula_html,
    group_html,
    group_text,
    parameter_html,
    parameter_latex,
    parameter_text,
)
from ..plots.figures.z_scores import plot_z_scores
from ..plots.style import Illustration, figure_files
from ..report.cards import compared_cards
from ..report.figures.study import largest
from ..report.figures.z_score_overview import z_score_overview
from ..report.findings.finding import Finding
from ..report.html import Table, linked, render
from ..report.latex_tables import booktabs, departures_latex
from ..runs.files import replace_files, write_latex, write_text
from ..runs.output_folder import file_names
from ..runs.provenance import package_version
from .headline import Headline
from .questions import CLOSED, fit_tests
from .read import Ensembles

CAPTIONS = {
    "verdicts": "Every test that the page judges, all of them together by Holm's procedure at 5%.",
    "parameters": "The fitted parameters of every ensemble, with 95% intervals.",
    "comparison": "Cubic and quartic invariants: predicted by the fitted model, and measured.",
    "gaussianity": "The global test whether the matrices are Gaussian, by the bootstrap.",
    "nested_models": "Nested models and their tests: which symmetry do the matrices have?",
    "invariance": "Are mean and covariance permutation invariant at all, irrep by irrep?",
    "distance_tests": "To independent entries, between models; and to the fitted model, between samples.",
}


@dataclass(frozen=True)
class Section:
    """What a page says of one ensemble."""

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
    """
    yield from (f"skipped {_skipped(why, names)}" for why, names in passed_over.items())
    for name, matrices in ensembles.items():
        yield f"{name}: {_what(matrices)}; estimates ± sandwich standard errors, 95% intervals by the exact law"
        own = {title: where(table, ensemble=name) for title, table in tables.items()}
        for row in records(own["parameters"]):
            interval = _interval(row["exact_lower"], row["exact_upper"], row["exact_standard_error"])
            estimate = with_error(row["estimate"], row["standard_error"])
            yield f"  {parameter_text(row['parameter']):<10}{estimate:<24}{interval}"
        yield f"  cubic and quartic invariants: {_verdict(own, verdicts)}"
        nested = own["nested_models"].dropna(subset="bic").set_index("symmetry")
        yield from (f"  {line}" for line in _between_samples(own, verdicts))
        tested = int(own["nested_models"].tested.iloc[0])
        if tested < len(matrices):
            yield f"  randomisation, permutations and optimal transport: on a random {tested} of the matrices"
        yield f"  best of the nested models: {group_text(str(nested.bic.idxmin()))} (BIC)"


def _verdict(own: Tables, verdicts: Verdicts) -> str:
    """Whether the cubic and quartic invariants of an ensemble depart, among all that the page judges."""
    if count := overflowing(own["comparison"]):
        return f"no verdict: {count} overflow, too large for floating-point numbers: divide the matrices by a scale"
    if not own["comparison"].z.notna().any():
        return "no invariant can depart: the fit forces all to agree"
    said = [stated(test, verdicts[test.question, test.subject]) for test in fit_tests(own) if test.question == GAUSSIAN]
    return said[0] if said else too_few(int(own["parameters"].matrices.iloc[0]))


def _between_samples(own: Tables, verdicts: Verdicts) -> Iterator[str]:
    """What the distances between samples say."""
    distances = set(own["distance_tests"].distance) - {CLOSED}
    for test in fit_tests(own):
        if test.question in distances:
            yield f"{test.question} to the fitted model: {stated(test, verdicts[test.question, test.subject])}"


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
    answers = (
        Finding("Are they Gaussian?", _gaussian_words(own, compared, top, verdicts)),
        _which_symmetry(own["nested_models"]),
        _are_invariant(name, own["invariance"], verdicts),
        _how_far(own["distance_tests"]),
    )
    family = model.space.decomposition.family
    figures: tuple[Illustration, ...] = ()
    if len(top):
        every = z_score_overview(own["comparison"].assign(layer=name), family, f"z_score_overview_{file}")
        figures = (every, replace(largest(top, name, family), name=f"largest_{file}"))
    parameters = Table.head(f"Parameters of {name}", "", shown, rows=len(shown))
    return Section(name, parameters, answers, figures)


def _interval(low: float, high: float, error: float) -> str:
    """The ends of an interval, to the digits of a standard error.

    >>> _interval(0.12345, 0.56789, 0.11)
    '[0.12, 0.57]'
    """
    return f"[{rounded(low, error)}, {rounded(high, error)}]"


def _gaussian_words(own: Tables, compared: pd.DataFrame, top: pd.DataFrame, verdicts: Verdicts) -> Markup:
    """Whether cubic and quartic invariants depart from the model, and the first of the largest departures."""
    found = _verdict(own, verdicts)
    if not len(top):
        return Markup("Cubic and quartic invariants: {}.").format(found)
    text = Markup("The {} cubic and quartic invariants beside what the fitted model predicts: <b>{}</b>. ").format(
        len(compared), found
    )
    first = top.iloc[0]
    calibrated = "familywise_p_value" in compared and compared.familywise_p_value.notna().any()
    if calibrated:
        overall = own["gaussianity"].iloc[0]
        text += Markup(
            "This is one test of all of them, calibrated by {} ensembles drawn from the fitted model and fitted again; "
            "no p-value of it is below {}. One by one, {} {} at a familywise p-value of at most {}. "
        ).format(
            overall.replicates,
            f"{overall.smallest_p_value:.2g}",
            (departing := int(departures(compared).sum())) or "none",
            "depart" if departing > 1 else "departs",
            f"{LEVEL:g}",
        )
    elif not too_few(int(own["parameters"].matrices.iloc[0])):
        departing = int(departures(compared).sum())
        text += Markup("One by one, {} {}, by Holm’s procedure at {}. ").format(
            departing or "none", "depart" if departing > 1 else "departs", f"{LEVEL:.0%}"
        )
    text += Markup("The largest is that of {}, predicted {}, measured {}, <i>z</i> = {}{}.").format(
        formula_html(first.formula),
        rounded(first.predicted, first.standard_error),
        rounded(first.measured, first.standard_error),
        number(first.z, "+.1f"),
        f", familywise p-value {p_text(first.familywise_p_value)}" if calibrated else "",
    )
    if between := "; ".join(_between_samples(own, verdicts)):
        text += Markup(
            " Whole matrices: {}. These may see heavy tails, which also make the standard errors of invariants large."
        ).format(between)
    return text


def _which_symmetry(nested: pd.DataFrame) -> Finding:
    """All nested models with all their tests, in one table."""
    known = nested.dropna(subset="bic").set_index("symmetry")
    smallest = 1 / (LAW_DRAWS + 1)
    shown = pd.DataFrame(
        {
            "model": [group_html(name) for name in nested.symmetry],
            "parameters": nested.parameters.to_list(),
            "AIC": [number(value, "+.1f") for value in nested.aic - nested.aic.min()],
            "BIC": [number(value, "+.1f") for value in nested.bic - nested.bic.min()],
            "against": [group_html(name) for name in nested.against],
            "p: χ²": [p_text(p) for p in nested.p_chi2],
            "p: bootstrap": [p_text(p, smallest) for p in nested.p_bootstrap],
            "p: Wald": [p_text(p) for p in nested.p_wald],
            "p: randomisation": [p_text(p, smallest) for p in nested.p_randomisation],
        },
        dtype=object,
    )
    missing = nested[nested.left_out != ""]
    left_out = Markup(" Left out: {}.").format(
        "; ".join(f"{group_text(row['symmetry'])} ({row['left_out']})" for row in records(missing))
    )
    text = Markup(
        "Nested models, each with its information criteria above the best ({} by AIC, {} by BIC), and p-values: of the "
        "likelihood ratio against a larger model, by χ² and by bootstrap, which suppose Gaussian entries; against the "
        "full model by Wald’s test, which does not; and by permuting rows and columns of each matrix at random, which "
        "is exact for entries of any law.{}"
    ).format(group_html(str(known.aic.idxmin())), group_html(str(known.bic.idxmin())), left_out if len(missing) else "")
    title = "Which symmetry do they have?"
    return Finding(title, text, Table.head(title, "", shown, rows=len(shown)))


def _are_invariant(name: str, table: pd.DataFrame, verdicts: Verdicts) -> Finding:
    permuted = "p_permutation" in table
    smallest = 1 / (table.replicates.iloc[0] + 1) if permuted else 0.0
    shown = pd.DataFrame(
        {
            "moment": table.moment.to_list(),
            "part": [group_html(name) for name in table.irreps],
            "p if Gaussian": [p_text(p) for p in table.p_gaussian],
            "p by permutation": [p_text(p, smallest) for p in table.p_permutation] if permuted else "–",
        },
        dtype=object,
    )
    departing = [moment for moment, asked in INVARIANT.items() if verdicts.get((asked, name)) is Verdict.DEPARTS]
    text = (
        "The model supposes that the mean has no part in irreducible representations other than the trivial one, and "
        "that second moments join only like with like. The tests are exact: of the mean for Gaussian matrices, of both "
        "for matrices of any law, by permuting each matrix at random. "
    )
    conclusion = f"Not invariant: {listed(departing)}." if departing else "No departure is detected."
    title = "Are they permutation invariant?"
    return Finding(title, text + conclusion, Table.head(title, "", shown, rows=len(shown)))


def _how_far(table: pd.DataFrame) -> Finding:
    shown = pd.DataFrame(
        {
            "distance": table.distance.to_list(),
            "between": table.between.to_list(),
            "value": [number(value, ".3g") for value in table.value],
            "by chance": [
                f"{number(row['null_lower'], '.3g')} to {number(row['null_upper'], '.3g')}" for row in records(table)
            ],
            "p": [p_text(row["p_value"], 1 / (row["replicates"] + 1)) for row in records(table)],
        },
        dtype=object,
    )
    text = (
        "The first is in closed form, between the fitted model and that of independent entries of one law: what the "
        "Gaussian model finds beyond mean and variance. The others set the matrices themselves beside a sample of "
        "the fitted model: what is not Gaussian. By chance: what matrices of the simpler law would have, fitted again, "
        "nine times out of ten. In many dimensions samples are sparse, and far from each other even if of one law."
    )
    title = "How far are they from simpler?"
    return Finding(title, text, Table.head(title, "", shown, rows=len(shown)))


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
