"""The sentences at the top of a comparison: how far training went, how good the models are, which claims hold."""

from __future__ import annotations

import pandas as pd

from ..analysis.selection import records
from ..notation.number_format import listed, number
from ..notation.symbols import layer_name
from ..report.claims import Agreement


def headline(summary: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """Say in three plain sentences how far training went, how good the models are and which claims hold.

    Args:
        summary: as `summary_table` returns it: run, layer, initial_norm, wasserstein_last, median_deviation_last.
        verdicts: as `verdict_table` returns it: verdict.

    Returns:
        The sentences.

    >>> row = {"run": "a", "layer": 1, "initial_norm": 2.0, "wasserstein_last": 0.5, "median_deviation_last": 0.05}
    >>> verdicts = pd.DataFrame({"verdict": ["agrees", "agrees", "not decided"]})
    >>> print(*headline(pd.DataFrame([row, {**row, "layer": 2, "wasserstein_last": 1.0}]), verdicts), sep="\\n")
    Training moved the layers by 25 % (a, layer 1) to 50 % (a, layer 2) of their initial size.
    The fitted models predict the typical cubic or quartic invariant to within 0.05 of the spread of one network.
    Of the claims of arXiv:2510.05218, 2 agree with these runs; 1 is not decided.
    """
    moved = sorted(
        (float(row["wasserstein_last"] / row["initial_norm"]), f"{row['run']}, {layer_name(row['layer'])}")
        for row in records(summary)
    )
    least, most = (f"{number(100 * share, '.0f')} % ({where})" for share, where in (moved[0], moved[-1]))
    return [
        f"Training moved the layers by {least if least == most else f'{least} to {most}'} of their initial size.",
        "The fitted models predict the typical cubic or quartic invariant to within "
        f"{number(summary.median_deviation_last.max(), '.2g')} of the spread of one network.",
        _claims(verdicts),
    ]


def _claims(verdicts: pd.DataFrame) -> str:
    counts = verdicts.verdict.value_counts()
    words = {
        Agreement.AGREES: ("agrees with these runs", "agree with these runs"),
        Agreement.PARTLY: ("agrees in part", "agree in part"),
        Agreement.DIFFERS: ("differs", "differ"),
    }
    known = {name: int(counts[name]) for name in words if name in counts}
    found = [f"{count} {words[name][count > 1]}" for name, count in known.items()]
    open_ = int(counts.get(Agreement.OPEN, 0))
    undecided = f"{open_} {'is' if open_ == 1 else 'are'} not decided"
    if not found:
        return f"Of the claims of arXiv:2510.05218, {undecided}."
    return f"Of the claims of arXiv:2510.05218, {listed(found)}{f'; {undecided}' if open_ else ''}."
