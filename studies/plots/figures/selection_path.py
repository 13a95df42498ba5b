"""The path of a selection of couplings: what is left, and what is gained on held-out matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...notation.symbols import formula_latex
from ..style import PALETTE, in_house_style


@in_house_style
def plot_selection_path(interactions: pd.DataFrame, before: float) -> Figure:
    """Plot the root mean square z that is left, and the held-out gain, after each coupling.

    Args:
        interactions: the table of that name of `pigmm fit`, one ensemble: formula, root_mean_square_z, gain,
            gain_standard_error.
        before: the root mean square z of the Gaussian.

    Returns:
        Two panels, the steps named by their invariants.

    >>> row = {"formula": "sum_ij M_ij^4", "root_mean_square_z": 1.0, "gain": 2.0, "gain_standard_error": 0.1}
    >>> plot_selection_path(pd.DataFrame([row]), before=3.0).axes[1].get_ylabel()
    'held-out gain'
    """
    figure = Figure(figsize=(7.6, 3.4))
    left, right = figure.subplots(1, 2)
    steps = np.arange(len(interactions) + 1)
    left.plot(steps, [before, *interactions.root_mean_square_z], marker="o", color=PALETTE[0])
    left.axhline(1, color="black", linewidth=0.8, linestyle="--")
    left.set_ylim(bottom=0)
    left.set_ylabel("root mean square $z$ of what is left")
    right.errorbar(
        steps, [0, *interactions.gain], [0, *interactions.gain_standard_error], marker="o", color=PALETTE[0], capsize=3
    )
    right.set_ylabel("held-out gain")
    names = ["Gaussian", *(f"+ {formula_latex(formula)}" for formula in interactions.formula)]
    for axes in (left, right):
        axes.set_xticks(steps, names, rotation=40, ha="right", fontsize=7)
    return figure
