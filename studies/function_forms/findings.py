"""What a study of function forms found, as data; the sentences are in the report's templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
from markupsafe import Markup

from ..analysis.selection import records
from ..analysis.verdicts import Verdict, Verdicts, subjects
from ..notation.number_format import number, with_error
from ..report.findings.finding import Record
from .claims import PAPERS_SHARE
from .descent import DESCENT, FLOW
from .groups import group_name_html
from .questions import APPROXIMATE, AT_WIDTH, EVERY, GAUSSIAN, INNER, INVARIANT, MOMENTS, RATES
from .settings import Settings

Tables = Mapping[str, pd.DataFrame]


def function_form_records(tables: Tables, verdicts: Verdicts, settings: Settings) -> Iterator[Record]:
    """Collect the findings in the order of the page.

    Args:
        tables: of the study.
        verdicts: on `function_form_tests`.
        settings: of the study.

    Yields:
        A record a finding.
    """
    yield Spectrum.of(tables, verdicts)
    yield Agreement.of(tables, settings)
    yield Orthogonality.of(tables, verdicts)
    yield Decay.of(tables, verdicts)
    yield Widths.of(tables, settings)
    yield FisherModel.of(tables, verdicts)


@dataclass(frozen=True)
class Headline:
    """The three sentences of the first screen.

    Args:
        share: of the trace in the four groups; exact_share for infinite width, papers_share by the paper's values.
        approximate_off: the largest relative error of the paper's eigenvalues.
        rates: the measured decay rates of gradient flow, of F_0, F_l and the mean of F_ab and F_gg.
        rates_off: largest relative difference to the eigenvalues.
        error: largest squared error of the function of an approximate eigenvector, in parts of E[F^2].
        leak: the same of eigenvectors.
        hidden: m.
    """

    template: ClassVar[str] = "function_forms/headline"

    share: float
    exact_share: float
    papers_share: float
    approximate_off: float
    rates: tuple[float, float, float]
    rates_off: float
    error: float
    leak: float
    hidden: int

    @classmethod
    def of(cls, tables: Tables, settings: Settings) -> Headline:
        """Read the tables.

        Args:
            tables: of the study.
            settings: of the study.

        Returns:
            The record.
        """
        values, rates = tables["eigenvalues"], tables["rates"]
        flow = rates[rates.method == FLOW].set_index("group")
        agreement = tables["agreement"].set_index("quantity").measured
        measured = flow.measured
        return cls(
            values.share.sum(),
            values.exact_share.sum(),
            PAPERS_SHARE,
            (values.approximate / values.exact - 1).abs().max(),
            (measured["F_0"], measured["F_l"], (measured["F_ab"] + measured["F_gg"]) / 2),
            (flow.measured / flow.exact - 1).abs().max(),
            agreement["function_error"].max(),
            agreement["function_leak"].max(),
            settings.hidden,
        )


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of the four groups.

    Args:
        table: of `eigenvalue_table`, as rows.
        departing, papers_departing: groups whose mean departs from the value at this width, and from the paper's.
        gap: the first eigenvalue below the groups, in parts of the smallest of them, means over the networks.
    """

    heading: ClassVar[str] = "Eigenvalues"
    template: ClassVar[str] = "function_forms/spectrum"

    table: tuple[dict[str, object], ...]
    departing: Markup
    papers_departing: Markup
    gap: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Spectrum:
        """Read the tables.

        Args:
            tables: of the study: eigenvalues and spectrum.
            verdicts: of the page.

        Returns:
            The record.
        """
        means = tables["spectrum"]["mean"].to_numpy()
        return cls(
            tuple(records(tables["eigenvalues"])),
            _groups(verdicts, AT_WIDTH),
            _groups(verdicts, APPROXIMATE),
            float(means[-1] / means[-2]),
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a group."""
        return [
            {
                "group": group_name_html(str(row["group"])),
                "multiplicity": str(row["multiplicity"]),
                "measured": with_error(_f(row, "measured"), _f(row, "standard_error")),
                "this width": number(_f(row, "at_width"), ".5g"),
                "infinite width": number(_f(row, "exact"), ".5g"),
                "the paper's": number(_f(row, "approximate"), ".5g"),
                "spread": f"{number(100 * _f(row, 'spread'), '.2g')}%",
                "spread, 1/m": f"{number(100 * _f(row, 'expected_spread'), '.2g')}%",
                "of the trace": f"{number(100 * _f(row, 'share'), '.4g')}%",
                "exact share": f"{number(100 * _f(row, 'exact_share'), '.4g')}%",
            }
            for row in self.table
        ]


@dataclass(frozen=True)
class Agreement:
    """Eigenvectors and functions against the four groups.

    Args:
        table: of `agreement_table`, as rows.
        hidden: m.
        error, leak: the largest squared error of functions of approximate vectors, and the same of eigenvectors.
    """

    heading: ClassVar[str] = "Eigenvectors and functions"
    template: ClassVar[str] = "function_forms/agreement"

    table: tuple[dict[str, object], ...]
    hidden: int
    error: float
    leak: float

    @classmethod
    def of(cls, tables: Tables, settings: Settings) -> Agreement:
        """Read the tables.

        Args:
            tables: of the study: agreement.
            settings: of the study.

        Returns:
            The record.
        """
        largest = tables["agreement"].groupby("quantity").measured.max()
        found = tuple(records(tables["agreement"]))
        return cls(found, settings.hidden, largest["function_error"], largest["function_leak"])

    def rows(self) -> list[dict[str, str]]:
        """A row a group, measured beside expected."""
        names = {"vector_leak": "vectors outside", "function_leak": "functions outside", "function_error": "error of f"}
        found: dict[str, dict[str, str]] = {}
        for row in self.table:
            own = found.setdefault(str(row["group"]), {"group": group_name_html(str(row["group"]))})
            quantity, measured, error = str(row["quantity"]), _f(row, "measured"), _f(row, "standard_error")
            if quantity == "angle":
                own["largest angle"] = f"{with_error(measured, error)}°"
            else:
                own[names[quantity]] = f"{with_error(100 * measured, 100 * error)}%"
                own[f"{names[quantity]}, expected"] = f"{number(100 * _f(row, 'expected'), '.3g')}%"
        return list(found.values())


@dataclass(frozen=True)
class Orthogonality:
    """Inner products in parameter space and in function space.

    Args:
        table: of `orthogonality_table`, as rows.
        pairs: of functions.
        largest_z: of the Monte Carlo against u^T I v.
        departs: whether that is a departure.
        largest_between: the largest root mean square cosine between two groups.
    """

    heading: ClassVar[str] = "Orthogonality in function space"
    template: ClassVar[str] = "function_forms/orthogonality"

    table: tuple[dict[str, object], ...]
    pairs: int
    largest_z: float
    departs: bool
    largest_between: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Orthogonality:
        """Read the tables.

        Args:
            tables: of the study: inner_products and orthogonality.
            verdicts: of the page.

        Returns:
            The record.
        """
        table, products = tables["orthogonality"], tables["inner_products"]
        return cls(
            tuple(records(table)),
            len(products),
            products.z.abs().max(),
            verdicts[INNER, EVERY] is Verdict.DEPARTS,
            table[table.first_group != table.second_group].root_mean_square.max(),
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a pair of groups."""
        return [
            {
                "groups": group_name_html(str(row["first_group"])) + ", " + group_name_html(str(row["second_group"])),
                "pairs": str(row["pairs"]),
                "root mean square cosine": number(_f(row, "root_mean_square"), ".3f"),
                "largest": number(_f(row, "largest"), ".3f"),
                "infinite width": number(_f(row, "limit"), ".3g"),
                "expected at this width": number(_f(row, "expected"), ".3f"),
            }
            for row in self.table
        ]


@dataclass(frozen=True)
class Decay:
    """How fast the functions of each group are learnt.

    Args:
        table: of the rates, as rows.
        flow, descent: groups whose rates depart from the eigenvalues.
        fastest: how many times as fast as F_ab F_0 is learnt, by gradient flow.
    """

    heading: ClassVar[str] = "What is learnt first"
    template: ClassVar[str] = "function_forms/decay"

    table: tuple[dict[str, object], ...]
    flow: Markup
    descent: Markup
    fastest: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Decay:
        """Read the tables.

        Args:
            tables: of the study: rates.
            verdicts: of the page.

        Returns:
            The record.
        """
        rates = tables["rates"]
        flow = rates[rates.method == FLOW].set_index("group").measured
        by_flow, by_descent = (_groups(verdicts, RATES[method]) for method in (FLOW, DESCENT))
        return cls(tuple(records(rates)), by_flow, by_descent, float(flow["F_0"] / flow["F_ab"]))

    def rows(self) -> list[dict[str, str]]:
        """A row for each method and group."""
        return [
            {
                "method": str(row["method"]),
                "group": group_name_html(str(row["group"])),
                "measured rate": with_error(_f(row, "measured"), _f(row, "standard_error")),
                "by the exact eigenvalue": number(_f(row, "exact")),
                "by the paper's": number(_f(row, "approximate")),
            }
            for row in self.table
        ]


@dataclass(frozen=True)
class Widths:
    """What a finite width changes.

    Args:
        hidden: the widths.
        shift, spread: by group name: of the mean eigenvalue and within the group, relative, at the full width: measured
            and expected.
        worst: the largest |measured - expected| in standard errors at the full width, of all quantities.
    """

    heading: ClassVar[str] = "What a finite width changes"
    template: ClassVar[str] = "function_forms/widths"

    hidden: tuple[str, ...]
    shift: dict[str, tuple[float, float]]
    spread: dict[str, tuple[float, float]]
    worst: float

    @classmethod
    def of(cls, tables: Tables, settings: Settings) -> Widths:
        """Read the tables.

        Args:
            tables: of the study: widths.
            settings: of the study.

        Returns:
            The record.
        """
        widths = tables["widths"]
        full = widths[widths.hidden == settings.hidden]
        both = {
            name: {row["group"]: (row["measured"], row["expected"]) for row in records(full[full.quantity == name])}
            for name in ("shift", "spread")
        }
        worst = ((full.measured - full.expected) / full.standard_error).abs().max()
        return cls(tuple(map(str, sorted(set(widths.hidden)))), both["shift"], both["spread"], float(worst))

    def rows(self) -> list[dict[str, str]]:
        """A row a group, at the full width."""
        return [
            {
                "group": group_name_html(name),
                "shift of the mean": f"{number(100 * shift[0], '+.2g')}%",
                "expected shift": f"{number(100 * shift[1], '+.2g')}%",
                "spread": f"{number(100 * self.spread[name][0], '.3g')}%",
                "expected spread": f"{number(100 * self.spread[name][1], '.3g')}%",
            }
            for name, shift in self.shift.items()
        ]


@dataclass(frozen=True)
class FisherModel:
    """The Gaussian model of small Fisher matrices.

    Args:
        table: of `gaussianity`, as rows.
        moments, gaussian, invariant: sizes at which each question departs.
        inside, parameters: exact parameters inside their 95% intervals, and how many there are.
        largest: formula, size and z of the largest departure.
    """

    heading: ClassVar[str] = "The Gaussian model of Fisher matrices"
    template: ClassVar[str] = "function_forms/fisher_model"

    table: tuple[dict[str, object], ...]
    moments: str
    gaussian: str
    invariant: str
    inside: int
    parameters: int
    largest: tuple[str, int, float]

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> FisherModel:
        """Read the tables.

        Args:
            tables: of the study: parameters, comparison and gaussianity.
            verdicts: of the page.

        Returns:
            The record.
        """
        own = tables["parameters"]
        compared = tables["comparison"]
        top = compared.iloc[compared.z.abs().argmax()]
        return cls(
            tuple(records(tables["gaussianity"])),
            _sizes(verdicts, MOMENTS),
            _sizes(verdicts, GAUSSIAN),
            _sizes(verdicts, INVARIANT),
            int(own.exact.between(own.lower, own.upper).sum()),
            len(own),
            (top.formula, int(top["size"]), float(top.z)),
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a size."""
        return [
            {
                "size": f"{row['size']} × {row['size']}",
                "matrices": str(row["matrices"]),
                "p, Gaussian": number(_f(row, "global_p_value"), ".2g"),
                "smallest possible": number(_f(row, "smallest_p_value"), ".2g"),
                "median deviation": number(_f(row, "median_deviation"), ".3f"),
                "p, permutation invariant": number(_f(row, "invariance_p_value"), ".2g"),
            }
            for row in self.table
        ]


def _sizes(verdicts: Verdicts, question: str) -> str:
    return ", ".join(map(str, subjects(verdicts, question)))


def _groups(verdicts: Verdicts, question: str) -> Markup:
    return Markup(", ").join(group_name_html(str(name)) for name in subjects(verdicts, question))


def _f(row: Mapping[str, object], name: str) -> float:
    return float(str(row[name]))
