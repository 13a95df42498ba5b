"""Can a model be fitted to these matrices: are there enough, and do they vary?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...invariants.representation.decomposition import Irrep
from ...invariants.representation.spaces import MatrixSpace, SquareSpace


def least_count(irreps: Sequence[Irrep], dimensions: Sequence[int]) -> int:
    """Least number of matrices for covariances that are not singular: copies over dimension, and one for a mean."""
    pairs = zip(irreps, dimensions, strict=True)
    return max(-(-len(irrep.copies) // dimension) + irrep.is_trivial for irrep, dimension in pairs)


def without_variation(space: MatrixSpace, constant: tuple[str, ...], rounding: float, irreps: int) -> str:
    """Explain that matrices vary in some of so many irreps by no more than rounding errors."""
    dtype = next((t.__name__ for t in (np.float16, np.float32) if np.finfo(t).eps == rounding), "float64")
    if dtype == "float64" and len(constant) == irreps:
        if irreps < len(space.decomposition.irreps):
            return "matrices must vary in every irrep, got matrices that are all constant (b, and c on the diagonal)"
        return "matrices must vary in every irrep, got matrices that are all the same up to rounding"
    hint = ""
    if isinstance(space, SquareSpace) and constant == ("V_3",):
        hint = "; symmetric matrices need SymmetricSpace"
    elif constant == ("V_0",):
        hint = "; do all matrices have one sum, or one trace?"
    elif dtype != "float64":
        hint = "; if it is more than rounding, take off a mean or give the matrices as float64"
    return (
        f"matrices must vary in every irrep by more than 100 rounding errors of the largest entries, got no more in "
        f"{', '.join(constant)} (rounding of {dtype}: {rounding:.1e}){hint}"
    )
