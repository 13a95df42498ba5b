"""The symmetrised comparison of square layers: by the symmetry of the network, S_N x S_N.

Where rows and columns are exchangeable apart, an invariant and its average over their permutations have the same
expectation value, and the average varies less from matrix to matrix: what is lost is noise. The 348 cubic and quartic
invariants of S_N become combinations of 43 bipartite ones, and the 13 parameters five.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from ....fitting import BlockGaussian, RectangularSpace, q_values
from ....fitting.tests_of_models.gaussianity.graph_columns import graph_columns
from ....fitting.tests_of_models.gaussianity.residuals import ResidualMoments
from ....invariants import RECTANGULAR, Multigraph, evaluate
from ..verdicts import LEVEL
from .averaging import averaging_map

Array = NDArray[np.float64]
Matrices = NDArray[np.floating]

#: The three ways to ask: the invariants of S_N, the same averaged over S_N x S_N, and the invariants of S_N x S_N.
SQUARE_GRAPHS, AVERAGED, BIPARTITE_GRAPHS = "S_N", "S_N, averaged", "S_N x S_N"

# Entries of matrices in float64 at a time.
_CHUNK_ENTRIES = 1 << 22


def five_parameter_model(matrices: Matrices) -> BlockGaussian:
    """The model of independent permutations of rows and columns, fitted to matrices (n, M, N), square ones too.

    >>> five_parameter_model(np.random.default_rng(0).normal(size=(50, 4, 4))).names
    ('mu', 'G00', 'G0H', 'GH0', 'GHH')
    """
    return BlockGaussian.fit(matrices, RectangularSpace(*matrices.shape[1:]))


def averaged_comparison(
    model: BlockGaussian, matrices: Matrices, graphs: Sequence[Multigraph], bipartite: Sequence[Multigraph]
) -> pd.DataFrame:
    """`compare` for invariants of square matrices, averaged over the permutations of rows and of columns.

    Args:
        model: of five parameters, as fitted to these.
        matrices: (n, N, N), n at least 2.
        graphs: of square matrices.
        bipartite: all bipartite graphs of the degrees of `graphs`.

    Returns:
        Columns graph (its label), standard_error (of measured - predicted, refit included), z, p_value and q_value, as
        in `compare`, and largest_share: what one matrix contributes to the square of the standard error.

    >>> from pigmm.invariants import multigraphs
    >>> matrices = np.random.default_rng(0).normal(size=(50, 4, 4))
    >>> bipartite = multigraphs(3, RECTANGULAR)
    >>> len(averaged_comparison(five_parameter_model(matrices), matrices, multigraphs(3), bipartite))
    52
    """
    averaging = averaging_map(graphs, bipartite, matrices.shape[-1]).T
    gradient = model.expectation_gradient(bipartite).T

    def parts() -> Iterator[tuple[Array, Array]]:
        step = max(1, _CHUNK_ENTRIES // prod(matrices.shape[1:]))
        for start in range(0, len(matrices), step):
            chunk = matrices[start : start + step].astype(np.float64)
            yield evaluate(chunk, bipartite, family=RECTANGULAR), model.influence(chunk) @ gradient

    values, followed = (np.concatenate(columns) for columns in zip(*parts(), strict=True))
    averaged, residuals = values @ averaging, (values - followed) @ averaging
    squares = np.square(residuals - residuals.mean(axis=0))
    moments = ResidualMoments(
        len(matrices), averaged.mean(axis=0), averaged.std(axis=0, ddof=1), residuals.std(axis=0, ddof=1)
    )
    z = moments.studentised(model.expectation(bipartite) @ averaging)
    p = 2 * t.sf(np.abs(z), len(matrices) - 1)
    return pd.DataFrame(
        {
            "graph": graph_columns(graphs)["graph"],
            "standard_error": moments.residual_deviation / np.sqrt(len(matrices)),
            "z": z,
            "p_value": p,
            "q_value": q_values(p),
            "largest_share": squares.max(axis=0) / squares.sum(axis=0),
        }
    )


def symmetrised_comparison_table(square: pd.DataFrame, averaged: pd.DataFrame, bipartite: pd.DataFrame) -> pd.DataFrame:
    """Summarise how clearly three sets of invariants show the departures from Gaussianity.

    Averaging removes the differences between the permutations of a matrix, not those between matrices. If few matrices
    with large entries make most of the standard errors, nothing is gained, and z is far from normal.

    Args:
        square: as `compare` gives it, of the invariants of square matrices.
        averaged: of the same invariants as `square`, as `averaged_comparison` gives it.
        bipartite: as `compare` gives it, of the invariants of rectangular matrices.

    Returns:
        A row a set. Columns: invariants (which set), tested (how many that the fit does not force to agree),
        significant (of a false discovery rate of at most 0.05 in the set), largest_absolute_z, root_mean_square_z (1 if
        there is nothing but chance), median_absolute_z; of the averages also error_ratio, error_ratio_q05,
        error_ratio_q95 (median and quantiles over the invariants of their standard errors, each in units of that of the
        invariant itself) and largest_share (the median share of one matrix in the squared standard error).

    >>> table = pd.DataFrame({"z": [3.0, -4.0], "q_value": [0.01, 0.001], "standard_error": 1.0})
    >>> found = symmetrised_comparison_table(table, table.assign(standard_error=0.5, largest_share=0.01), table)
    >>> found.root_mean_square_z.round(3).tolist(), found.error_ratio.tolist()
    ([3.536, 3.536, 3.536], [nan, 0.5, nan])
    """
    both = square.z.notna().to_numpy() & averaged.z.notna().to_numpy()
    ratio = pd.Series(averaged.standard_error.to_numpy()[both] / square.standard_error.to_numpy()[both])
    rows = []
    for name, table in ((SQUARE_GRAPHS, square), (AVERAGED, averaged), (BIPARTITE_GRAPHS, bipartite)):
        z = table.z.to_numpy()
        z = np.abs(z[~np.isnan(z)])
        row = {
            "invariants": name,
            "tested": len(z),
            "significant": int((table.q_value.to_numpy() <= LEVEL).sum()),
            "largest_absolute_z": z.max() if len(z) else np.nan,
            "root_mean_square_z": float(np.sqrt(np.square(z).mean())) if len(z) else np.nan,
            "median_absolute_z": np.median(z) if len(z) else np.nan,
        }
        if name == AVERAGED:
            row |= {
                "error_ratio": ratio.median(),
                "error_ratio_q05": ratio.quantile(0.05),
                "error_ratio_q95": ratio.quantile(0.95),
                "largest_share": table.largest_share.median(),
            }
        rows.append(row)
    return pd.DataFrame(rows)
