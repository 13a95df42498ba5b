"""A section for each matrix of a network, or for like ones together: parameters with intervals, and a portrait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....fitting import confidence_intervals
from ...notation.number_format import counted, listed
from ..reading.plan import Plan, as_rectangular, matrices_of
from ..tests_of_matrices.alike import groups_of
from ..tests_of_matrices.analysis import law_of
from .headline import Headline
from .portraits import Portrait, portrait

Array = NDArray[np.float64]

#: So many sections have a portrait, those that show most first.
MOST_PORTRAITS = 24
_NOTHING = "Nothing departs from independent rows and columns"
_COLUMNS = ("matrix", "parameter", "estimate", "lower", "upper")


@dataclass(frozen=True)
class Section:
    """One matrix, or like ones, in detail.

    Args:
        title: name of the matrix, or what the names of like ones have in common.
        names: of the matrices, the clearest first.
        about: what they are and what they show, in a few sentences.
        departs: whether any of them shows structure.
        parameters: a row a matrix and parameter: estimate, lower and upper, in units of the variance of the entries.
        portrait: of the clearest matrix; None beyond the first 24 sections, or where its law is singular.
    """

    title: str
    names: tuple[str, ...]
    about: str
    departs: bool
    parameters: pd.DataFrame
    portrait: Portrait | None


def sections(
    plan: Plan, table: pd.DataFrame, *, seed: int = 0, advance: Callable[[str], None] = lambda name: None
) -> list[Section]:
    """Describe all matrices of a network that could be analysed, like ones together; those that show most first.

    Args:
        plan: of the network.
        table: as `analyse_network` returns it.
        seed: of the simulations, and of the choice of units of matrices with more than 256.
        advance: called with the name of each matrix.

    Returns:
        The sections.

    >>> from pigmm.studies.networks.tests_of_matrices.analysis import analyse_plan

    >>> from pigmm.studies.networks.reading.plan import plan_of
    >>> plan = plan_of({"w": np.random.default_rng(0).normal(size=(16, 16)) - 2 * np.eye(16)})
    >>> (section,) = sections(plan, analyse_plan(plan, replicates=99))
    >>> section.about
    'Negative self-connections. 16 x 16, one matrix.'
    """
    grouped = _grouped(table)
    drawn = {names[0]: number for number, names in enumerate(list(grouped.values())[:MOST_PORTRAITS])}
    parameters: dict[str, pd.DataFrame] = {}
    notes: dict[str, str] = {}
    drawings: dict[str, Portrait] = {}
    for name, matrix, _ in matrices_of(plan, {}, names={name for names in grouped.values() for name in names}):
        advance(name)
        rectangular = as_rectangular(plan, name, matrix.shape)
        entries = np.asarray(matrix, dtype=np.float64)
        entries = entries / entries.std()
        try:
            parameters[name] = _parameters(name, entries, rectangular)
            if name in drawn:
                drawings[name] = portrait(name, entries, rectangular, drawn[name], seed)
        except ValueError as error:  # a block of the law is singular: a diagonal of zeros, nearly no entries
            whole = name if name not in parameters else f"a part of {name}"
            notes[name] = f"The law of {whole} cannot be fitted: {error}."
    return [
        Section(
            title,
            tuple(names),
            " ".join([_about(table.loc[names]), *(notes[name] for name in names if name in notes)]),
            bool((table.structure[names] != "").any()),
            pd.concat([pd.DataFrame(columns=list(_COLUMNS)), *(parameters[n] for n in names if n in parameters)]),
            drawings.get(names[0]),
        )
        for title, names in grouped.items()
    ]


def _grouped(table: pd.DataFrame) -> dict[str, list[str]]:
    """Names of matrices by the title of their section: those with structure first, the others in order of the file."""
    analysed = table[table.note == ""]
    headline = Headline.of(table)
    title_of = {name: title for title, names in groups_of(analysed).items() for name in names}
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys((*headline.paired, *headline.hubs, *map(str, analysed.index))):
        found.setdefault(title_of.get(name, name), []).append(name)
    return found


def _parameters(name: str, entries: Array, rectangular: bool) -> pd.DataFrame:
    intervals = confidence_intervals(law_of(entries, rectangular), 1).reset_index()
    return intervals.assign(matrix=name)[list(_COLUMNS)]


def _about(rows: pd.DataFrame) -> str:
    """What the matrices of a section show, and what they are."""
    first = rows.iloc[0]
    shape = f"{first['rows']} x {first['columns']}, {first.read_as}."
    if len(rows) == 1:
        said = first.structure.capitalize() or "Nothing departs from independent rows and columns"
        return f"{said}. {shape}"
    kinds = rows.structure[rows.structure != ""].str.split(", ").explode().value_counts()
    said = listed([f"{kind} ({count})" for kind, count in kinds.items()]).capitalize()
    return (
        f"{said or 'Nothing departs from independent rows and columns'}. {counted(len(rows), 'matrix')}, each {shape}"
    )
