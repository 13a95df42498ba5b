"""The couplings that an ensemble calls for beside the Gaussian, in the order of their selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.selection import records
from ...notation.number_format import number, with_error
from ...notation.p_values import p_text
from ...notation.symbols import formula_html


@dataclass(frozen=True)
class Coupling:
    """A coupling that was selected.

    Args:
        formula: of its invariant, in plain text.
        value, error: of the fit of all couplings together.
        z: of its score test on entering.
        familywise_p: of this, among all candidates.
        left: root mean square z of what is left with it.
        gain, gain_error: on held-out matrices over the Gaussian, with the couplings up to it.
        alike: how many graphs these matrices do not tell from it.
    """

    formula: str
    value: float
    error: float
    z: float
    familywise_p: float
    left: float
    gain: float
    gain_error: float
    alike: int


@dataclass(frozen=True)
class Interactions:
    """All couplings of an ensemble, and what is left.

    Args:
        couplings: in the order of their selection.
        candidates: how many could be selected; 0 if there was no selection.
        before: root mean square z of the Gaussian.
        p_rest: of all that is left.
        smallest: the smallest p-value that the simulations can give.
        stopped: why the selection ended, or was not made.
    """

    heading: ClassVar[str] = "Which interactions do they have?"
    template: ClassVar[str] = "fit/interactions"

    couplings: tuple[Coupling, ...]
    candidates: int
    before: float
    p_rest: float
    smallest: float
    stopped: str

    @classmethod
    def of(cls, interactions: pd.DataFrame, left: pd.DataFrame) -> Interactions:
        """Read the tables of one ensemble.

        Args:
            interactions: a row a coupling; may be empty.
            left: one row, about the selection.

        Returns:
            The record.

        >>> left = {"candidates": 348, "root_mean_square_z": 1.0, "p_value_of_rest": 0.5, "smallest_p_value": 0.01}
        >>> Interactions.of(pd.DataFrame(), pd.DataFrame([left | {"stopped": "nothing is left"}])).stated()
        'none (of 348)'
        """
        couplings = tuple(
            Coupling(
                row["formula"],
                row["joint_coupling"],
                row["joint_standard_error"],
                row["z"],
                row["familywise_p"],
                row["root_mean_square_z"],
                row["gain"],
                row["gain_standard_error"],
                len([label for label in str(row["one_of_these"]).split(" | ") if label]),
            )
            for row in records(interactions)
        )
        row = left.iloc[0]
        return cls(
            couplings,
            int(row.candidates),
            float(row.root_mean_square_z),
            float(row.p_value_of_rest),
            float(row.smallest_p_value),
            str(row.stopped),
        )

    def stated(self) -> str:
        """The answer in a line of a terminal."""
        if not self.candidates:
            return f"no selection, {self.stopped}"
        found = ", ".join(own.formula for own in self.couplings) or "none"
        return f"{found} (of {self.candidates})"

    def rows(self) -> list[dict[str, str]]:
        """A row a coupling."""
        return [
            {
                "invariant": formula_html(own.formula),
                "coupling": with_error(own.value, own.error),
                "z": number(own.z, "+.1f"),
                "familywise p": p_text(own.familywise_p, self.smallest),
                "rms z left": number(own.left, ".2f"),
                "held-out gain": with_error(own.gain, own.gain_error),
                "not told from": str(own.alike),
            }
            for own in self.couplings
        ]
