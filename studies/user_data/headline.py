"""The sentences at the top of what a fit found: Gaussian or not, which symmetry, how good the predictions are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ..analysis.layer import Tables
from ..analysis.selection import where
from ..analysis.verdicts import bound, too_few
from ..notation.number_format import counted, listed, number
from ..notation.symbols import group_text

_MOST_NAMES = 4


@dataclass(frozen=True)
class Headline:
    """What the fits of one page found, as data.

    Args:
        departs: by ensemble, whether its cubic and quartic invariants depart from the fitted model; None: not decided.
        best: by ensemble, the nested model that the BIC prefers.
        deviation: largest over the ensembles of the median deviation, in standard deviations of one matrix.
    """

    departs: Mapping[str, bool | None]
    best: Mapping[str, str]
    deviation: float

    @classmethod
    def of(cls, tables: Tables) -> Headline:
        """Read the tables of a fit.

        Args:
            tables: with a column "ensemble": parameters, comparison, nested_models, and gaussianity if there is one.
        """
        names = list(tables["parameters"].ensemble.unique())
        own = {name: {title: where(table, ensemble=name) for title, table in tables.items()} for name in names}
        nested = {name: own[name]["nested_models"].dropna(subset="bic").set_index("symmetry").bic for name in names}
        medians = tables["comparison"].groupby("ensemble").deviation.median()
        return cls(
            {name: _departs(own[name]) for name in names},
            {name: str(bic.idxmin()) for name, bic in nested.items()},
            float(medians.max()),
        )

    def sentences(self) -> list[str]:
        """Three plain sentences.

        >>> print(*Headline({"words": True}, {"words": "S_N x S_N"}, 0.0512).sentences(), sep="\\n")
        The cubic and quartic invariants of words depart from the fitted Gaussian model.
        The best of the nested models is S_N × S_N.
        The fitted model predicts the typical cubic or quartic invariant to within 0.051 of the spread of one matrix.
        """
        typical = (
            "The fitted model predicts the typical cubic or quartic invariant to within "
            f"{number(self.deviation, '.2g')} of the spread of one matrix."
        )
        return [self._gaussian(), self._symmetry(), typical]

    def _gaussian(self) -> str:
        if len(self.departs) == 1:
            [(name, departs)] = self.departs.items()
            if departs is None:
                return f"Whether {name} is Gaussian is not decided: there are too few matrices or replicates."
            verb = "depart" if departs else "do not depart detectably"
            return f"The cubic and quartic invariants of {name} {verb} from the fitted Gaussian model."
        found = [name for name, departs in self.departs.items() if departs]
        verb = "depart" if len(found) > 1 else "departs"
        total = counted(len(self.departs), "ensemble")
        undecided = sum(departs is None for departs in self.departs.values())
        first = f"{len(found) or 'None'} of {total} {verb} from the fitted Gaussian model"
        named = f": {_named(found)}" if found else ""
        rest = f"; {undecided} {'is' if undecided == 1 else 'are'} not decided" if undecided else ""
        return f"{first}{named}{rest}."

    def _symmetry(self) -> str:
        chosen: dict[str, list[str]] = {}
        for name, model in self.best.items():
            chosen.setdefault(group_text(model), []).append(name)
        if len(chosen) == 1:
            return f"The best of the nested models is {next(iter(chosen))}."
        parts = [f"{model} for {_named(names)}" for model, names in chosen.items()]
        return f"The best of the nested models is {listed(parts)}."


def _departs(own: Tables) -> bool | None:
    overall = own.get("gaussianity")
    if overall is not None and len(overall):
        departs = overall.departs.iloc[0]
        return None if departs != departs else bool(departs)
    if too_few(int(own["parameters"].matrices.iloc[0])):
        return None
    z: pd.Series[float] = own["comparison"].z.abs().dropna()
    return bool(z.max() > bound(len(z))) if len(z) else None


def _named(names: list[str]) -> str:
    shown = names[:_MOST_NAMES]
    rest = len(names) - len(shown)
    return listed([*shown, f"{rest} more"] if rest else shown)
