"""Three sentences about one network, made from its table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...notation.number_format import counted, listed, number

#: Structures in the order in which they are told, as `structure` names them.
KINDS = (
    "negative self-connections",
    "positive self-connections",
    "excess of symmetry",
    "excess of antisymmetry",
    "rows and columns of a unit related",
    "hub rows",
    "hub columns",
)
_HUBS = ("hub rows", "hub columns")
#: Excess kurtosis above which tails are called heavy: that of Student's t with seven degrees of freedom.
HEAVY = 2.0


@dataclass(frozen=True)
class Headline:
    """The main results for a network, as data.

    Args:
        matrices: analysed.
        paired: matrices in which the pairing of rows with columns shows, and the most significant of them, if any.
        hubs: matrices with hub rows or columns.
        heavy: matrices with heavy tails.
        kinds: number of matrices with each structure.
    """

    matrices: int
    paired: tuple[str, ...]
    hubs: tuple[str, ...]
    heavy: tuple[str, ...]
    kinds: dict[str, int]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Headline:
        """Read the table of `analyse_network`."""
        analysed = table[table.note == ""]
        has = {kind: analysed.structure.map(lambda words, kind=kind: kind in words.split(", ")) for kind in KINDS}
        frame = pd.DataFrame(has, index=analysed.index)
        paired = frame.drop(columns=list(_HUBS)).any(axis=1)
        strongest = _strength(analysed)[paired].sort_values(ascending=False)
        return cls(
            len(analysed),
            tuple(strongest.index),
            tuple(analysed.index[frame[list(_HUBS)].any(axis=1)]),
            tuple(analysed.index[analysed.excess_kurtosis.astype(float) > HEAVY]),
            {kind: int(count) for kind, count in zip(KINDS, frame[list(KINDS)].sum(), strict=True) if count},
        )

    def sentences(self) -> list[str]:
        """Three plain sentences.

        >>> Headline(3, (), ("a",), (), {"hub rows": 1}).sentences()[0]
        'In none of 3 matrices is the row of a unit related to its column.'
        """
        every = counted(self.matrices, "matrix")
        pairing = [f"{kind} ({count})" for kind, count in self.kinds.items() if kind not in _HUBS]
        if self.paired:
            first = (
                f"In {len(self.paired)} of {every} the row of a unit is related to its column: {listed(pairing)}. "
                f"It is clearest in {self.paired[0]}."
            )
        else:
            first = f"In none of {every} is the row of a unit related to its column."
        have = f"{len(self.hubs)} of {every} have" if self.hubs else f"None of {every} has"
        hubs = f"{have} hub rows or columns, units far stronger or weaker than the others."
        heavy = len(self.heavy) or "none"
        tails = f"Heavy tails (excess kurtosis above {number(HEAVY, 'g')}) are in {heavy} of {every}."
        return [first, hubs, tails]


def _strength(analysed: pd.DataFrame) -> pd.Series[float]:
    """How clearly rows and columns are related: squares of standard deviations.

    The likelihood ratio does not see the trace; it holds for independent entries, which those of products are not.
    """
    ratio = analysed.likelihood_ratio.astype(float)
    of_products = analysed.z_symmetry.astype(float).fillna(0) ** 2
    products = analysed.read_as.str.startswith("product")
    return ratio.where(~products, of_products) + analysed.z_trace.astype(float).fillna(0) ** 2
