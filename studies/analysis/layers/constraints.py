"""Whether a square layer has the symmetry of a network: rows and columns permuted independently, S_N x S_N.

The units of each hidden layer can be relabelled on their own, and initialisation, loss and element-wise optimisers
do not see it. For the 13 parameters of one S_N this means eight constraints: mu_2 = G0_12 = GH_12 = GH_13 = GH_23 = 0
and G0_22 = GH_33 = G2 = G3. They hold for the output layer too, of which one side only is a hidden layer: averaging
an invariant over one side's permutations is averaging it over both.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....fitting import BlockGaussian

ZEROS = ("mu_2", "G0_12", "GH_12", "GH_13", "GH_23")
COMMON = "G3"
EQUALS = ("G0_22", "GH_33", "G2")
#: What the constraints leave free; G3 is the common value.
FREE = ("mu_1", "G0_11", "GH_11", "GH_22", COMMON)


def symmetry_table(model: BlockGaussian, matrices: NDArray[np.floating]) -> pd.DataFrame:
    """Test the eight constraints one by one, with standard errors of the influence functions, correlations included.

    Args:
        model: of square matrices, as fitted to these.
        matrices: (n, N, N).

    Returns:
        A row a constraint. Columns: networks, parameter, minus (the parameter that it must equal, empty if it must be
        zero), estimate (of the parameter or of the difference), standard_error, z.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=0.25).sample(200, seed=0)
    >>> table = symmetry_table(PIGMM.fit(matrices), matrices)
    >>> len(table), bool((table.z.abs() < 4).all())
    (8, True)
    """
    place = {name: number for number, name in enumerate(model.names)}
    rows = [(name, "") for name in ZEROS] + [(name, COMMON) for name in EQUALS]
    signs = np.zeros((len(rows), len(place)))
    for line, (name, other) in zip(signs, rows, strict=True):
        line[place[name]] = 1
        if other:
            line[place[other]] = -1
    estimate = signs @ model.parameters
    error = (model.influence(matrices) @ signs.T).std(axis=0, ddof=1) / np.sqrt(len(matrices))
    return pd.DataFrame(
        {
            "networks": len(matrices),
            "parameter": [name for name, _ in rows],
            "minus": [other for _, other in rows],
            "estimate": estimate,
            "standard_error": error,
            "z": np.divide(estimate, error, out=np.full_like(error, np.nan), where=error > 0),
        }
    )
