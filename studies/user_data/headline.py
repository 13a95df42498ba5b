"""The sentences at the top of what a fit found: Gaussian or not, which symmetry, how good the predictions are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..analysis.layers.layer import Tables
from ..analysis.questions import GAUSSIAN
from ..analysis.verdicts import Verdict, Verdicts
from ..notation.number_format import counted, listed, number
from ..notation.symbols import group_text

_MOST_NAMES = 4


@dataclass(frozen=True)
class Headline:
    """The main results of the fits of one page, as data.

    Args:
        gaussian: by ensemble, whether its cubic and quartic invariants depart from the fitted model.
        best: by ensemble, the nested model that the BIC prefers.
        deviation: largest over the ensembles of the median deviation, in standard deviations of one matrix.
    """

    gaussian: Mapping[str, Verdict]
    best: Mapping[str, str]
    deviation: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Headline:
        """Read the tables of a fit and their verdicts.

        Args:
            tables: with a column "ensemble": comparison and nested_models.
            verdicts: of everything that the page judges; what it could not test is not decided.

        Returns:
            The record.
        """
        known = tables["nested_models"].dropna(subset="bic").sort_values("bic", kind="stable")
        best = known.groupby("ensemble", sort=False).symmetry.first()
        names = list(tables["comparison"].ensemble.unique())
        medians = tables["comparison"].groupby("ensemble").deviation.median()
        return cls(
            {name: verdicts.get((GAUSSIAN, name), Verdict.OPEN) for name in names},
            {name: str(best[name]) for name in names},
            float(medians.max()),
        )

    def sentences(self) -> list[str]:
        """Three plain sentences.

        >>> print(*Headline({"words": Verdict.DEPARTS}, {"words": "S_N x S_N"}, 0.0512).sentences(), sep="\\n")
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
        if len(self.gaussian) == 1:
            [(name, verdict)] = self.gaussian.items()
            if verdict is Verdict.OPEN:
                return f"Whether {name} is Gaussian is not decided: there are too few matrices or draws."
            verb = "depart" if verdict is Verdict.DEPARTS else "do not depart detectably"
            return f"The cubic and quartic invariants of {name} {verb} from the fitted Gaussian model."
        found = [name for name, verdict in self.gaussian.items() if verdict is Verdict.DEPARTS]
        verb = "depart" if len(found) > 1 else "departs"
        undecided = sum(verdict is Verdict.OPEN for verdict in self.gaussian.values())
        total = counted(len(self.gaussian), "ensemble")
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


def _named(names: list[str]) -> str:
    shown = names[:_MOST_NAMES]
    rest = len(names) - len(shown)
    return listed([*shown, f"{rest} more"] if rest else shown)
