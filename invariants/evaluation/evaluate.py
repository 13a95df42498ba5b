"""Evaluate invariants: arrays by the compiled kernels, tensors on their device, chunked sources piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from array_api_compat import is_torch_array
from numpy.typing import ArrayLike, NDArray

from ..graphs.families import GraphFamily
from ..graphs.given import GivenGraph
from .chunked import evaluate_chunked
from .kernels.arrays import evaluate_tensor
from .on_arrays import evaluate_arrays
from .sources import is_chunked


def evaluate(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    family: GraphFamily | None = None,
    out: NDArray[np.float64] | None = None,
) -> Any:  # an array of float64, or what the matrices are
    """Values of the invariants of given graphs on a batch of matrices.

    All graphs are planned together, so a set costs much less than its graphs one after another, and the plan of a
    set is made once. Results are the same bits whatever the number of threads and however a batch is divided.

    Args:
        matrices: (..., N, N); (..., M, N) for bipartite graphs; (..., k, N, N) for graphs of k > 1 matrices;
            any real dtype, computed in float64. Also a torch tensor, evaluated on its device in its dtype and
            differentiable; or an array of zarr, dask or xarray, read piece by piece.
        graphs: all of one kind of matrices; Multigraphs, labels such as "01 12 20", or names such as "tr M^4".
        family: the kind of matrices, if the graphs alone do not tell (how many there are, zero diagonal).
        out: (..., len(graphs)) float64, to write the result into: of many small matrices the memory of the result
            costs more time than its computation, so use one again. Its content is lost if an error is raised.

    Returns:
        (..., len(graphs)) float64, in the order given. Values beyond the range of float64 become infinite or NaN.
        A tensor of a tensor; of an xarray.DataArray one with a last dimension `graph`; of a dask array a lazy one.

    Raises:
        ValueError: if the matrices are not of the shape that the graphs need (square, for graphs of square matrices),
            not symmetric for undirected graphs, or hold NaN or infinite entries; the graphs are of several kinds; or
            `out` is of another shape or dtype, or given for something else than an array.

    Source:
        arXiv:2510.05218, the definition of the invariants; derivation 1.

    >>> evaluate(np.ones((2, 4, 4)), ["tr M", "tr M^2"])
    array([[ 4., 16.],
           [ 4., 16.]])
    """
    chunked, tensor = is_chunked(matrices), is_torch_array(matrices)
    if out is not None and (chunked or tensor):
        raise ValueError(f"out must be None for what is not a numpy array, got matrices of {type(matrices)}")
    if tensor:
        return evaluate_tensor(matrices, graphs, family=family)
    if chunked:
        return evaluate_chunked(matrices, graphs, family)
    return evaluate_arrays(matrices, graphs, family=family, out=out)
