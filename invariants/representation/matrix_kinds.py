"""The kinds of matrices: square, rectangular, symmetric, and several at once, each by its irreps and intertwiners."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sympy import Symbol

from ..graphs.families import RECTANGULAR, SQUARE, SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL, GraphFamily
from .decomposition import Copy, Decomposition, Irrep
from .tensors import FIELD, SIZES, InvariantTensor, contract

#: The size N of a square matrix, and the number of columns of a rectangular one.
SIZE = Symbol("N", integer=True, positive=True)
#: The number of rows M of a rectangular matrix.
ROWS = Symbol("M", integer=True, positive=True)


@lru_cache(maxsize=1)
def square() -> Decomposition:
    """Decompose N x N matrices under S_N: 2 V_0 + 3 V_H + V_2 + V_3.

    Returns:
        The decomposition, with an intertwiner for each copy of each irrep.

    Source:
        arXiv:1809.07559, section 2.

    >>> len(square().parameters)
    13
    """
    n = SIZES[0]
    f, one = InvariantTensor.centring(), InvariantTensor.ones(0)
    h3 = contract("am,mi,mj->aij", f, f, f)
    symmetric = (contract("ik,jl->klij", f, f) + contract("il,jk->klij", f, f)) / 2
    antisymmetric = (contract("ik,jl->klij", f, f) - contract("il,jk->klij", f, f)) / 2
    # V_2 is what is left of the symmetric part of V_H x V_H without its copies of V_0 and V_H
    inside_0 = contract("ij,kl->klij", f, f) / (n - 1)
    inside_h = contract("aij,akl->klij", h3, h3) * (n / (n - 2))
    return Decomposition(
        family=SQUARE,
        sizes=(SIZE,),
        irreps=(
            Irrep("0", FIELD.one, (Copy(InvariantTensor.ones(0, 0), n**2), Copy(f, n - 1)), is_trivial=True),
            Irrep(
                "H",
                n - 1,
                (
                    Copy(contract("aj,i->aij", f, one), n),  # centred column sums
                    Copy(contract("ai,j->aij", f, one), n),  # centred row sums
                    Copy(h3, (n - 2) / n),  # centred diagonal of F M F
                ),
            ),
            Irrep("2", n * (n - 3) / 2, (Copy(symmetric - inside_0 - inside_h, FIELD.one),)),
            Irrep("3", (n - 1) * (n - 2) / 2, (Copy(antisymmetric, FIELD.one),)),
        ),
    )


@lru_cache(maxsize=1)
def rectangular() -> Decomposition:
    """Decompose M x N matrices under S_M x S_N: the four products of V_0 and V_H, each once.

    Returns:
        The decomposition, with an intertwiner for each copy of each irrep.

    Source:
        Derivation 6.

    >>> [str(parameter.symbol) for parameter in rectangular().parameters]
    ['mu', 'G00', 'G0H', 'GH0', 'GHH']
    """
    rows, columns = SIZES[0], SIZES[1]
    f_rows, f_columns = InvariantTensor.centring(0), InvariantTensor.centring(1)
    one_row, one_column = InvariantTensor.ones(0), InvariantTensor.ones(1)
    return Decomposition(
        family=RECTANGULAR,
        sizes=(ROWS, SIZE),
        irreps=(
            Irrep("00", FIELD.one, (Copy(InvariantTensor.ones(0, 1), rows * columns),), is_trivial=True),
            Irrep("0H", columns - 1, (Copy(contract("aj,i->aij", f_columns, one_row), rows),)),
            Irrep("H0", rows - 1, (Copy(contract("ai,j->aij", f_rows, one_column), columns),)),
            Irrep("HH", (rows - 1) * (columns - 1), (Copy(contract("ai,bj->abij", f_rows, f_columns), FIELD.one),)),
        ),
    )


@lru_cache(maxsize=1)
def symmetric() -> Decomposition:
    """Decompose symmetric N x N matrices under S_N: 2 V_0 + 2 V_H + V_2.

    Returns:
        The decomposition, with an intertwiner for each copy of each irrep.

    Source:
        Derivation 8.

    >>> len(symmetric().parameters)
    9
    """
    trivial, hook, two, _ = square().irreps
    columns, rows, diagonal = hook.copies
    sums = Copy(columns.intertwiner + rows.intertwiner, columns.norm + rows.norm)
    return Decomposition(SYMMETRIC, (SIZE,), (trivial, replace(hook, copies=(sums, diagonal)), two))


@lru_cache(maxsize=1)
def symmetric_zero_diagonal() -> Decomposition:
    """Decompose symmetric N x N matrices of zero diagonal under S_N: V_0 + V_H + V_2.

    V_2 lies inside already: the diagonal, V_0 + V_H, has no part of it.

    Returns:
        The decomposition, with an intertwiner for each copy of each irrep.

    Source:
        Derivation 8.

    >>> [str(parameter.symbol) for parameter in symmetric_zero_diagonal().parameters]
    ['mu', 'G0', 'GH', 'G2']
    """
    n = SIZES[0]
    f, off_diagonal = InvariantTensor.centring(), InvariantTensor.ones(0, 0) - InvariantTensor.delta(0, 0)
    # F_ai + F_aj, without the diagonal
    vector = contract("ai,ij->aij", f, off_diagonal) + contract("aj,ij->aij", f, off_diagonal)
    return Decomposition(
        SYMMETRIC_ZERO_DIAGONAL,
        (SIZE,),
        (
            Irrep("0", FIELD.one, (Copy(off_diagonal, n * (n - 1)),), is_trivial=True),
            Irrep("H", n - 1, (Copy(vector, 2 * (n - 2)),)),
            square().irreps[2],
        ),
    )


@lru_cache(maxsize=8)
def several_square(count: int) -> Decomposition:
    """Decompose several N x N matrices under one S_N: the copies of each irrep in all of them.

    Args:
        count: number of matrices.

    Returns:
        The decomposition, with an intertwiner for each copy of each irrep.

    Source:
        arXiv:2104.03707 for two matrices.

    >>> len(several_square(2).parameters)  # 4 means; 10 + 21 + 3 + 3 covariances
    41
    """
    irreps = tuple(
        replace(irrep, copies=tuple(replace(copy, colour=c) for c in range(count) for copy in irrep.copies))
        for irrep in square().irreps
    )
    return Decomposition(GraphFamily(SQUARE.arc_types * count), (SIZE,), irreps)


def decomposition_of(family: GraphFamily) -> Decomposition:
    """Return the decomposition of the matrices that a family of graphs belongs to.

    Args:
        family: the kind of matrices.

    Returns:
        The decomposition, with an intertwiner for each copy of each irrep.

    Raises:
        ValueError: there is no decomposition of these matrices.

    >>> decomposition_of(RECTANGULAR) is rectangular()
    True
    """
    for known in (square, rectangular, symmetric, symmetric_zero_diagonal):
        if known().family == family:
            return known()
    if set(family.arc_types) == set(SQUARE.arc_types) and family.directed:
        return several_square(len(family.arc_types))
    raise ValueError(f"family must be of square, rectangular, symmetric or several square matrices, got {family}")


#: The 13 parameters of the square model, in the order of arXiv:2510.05218: mu_1, mu_2, then the covariances
#: G = Lambda^-1 of V_0 (11, 12, 22), V_H (11, 12, 13, 22, 23, 33), V_2 and V_3.
PARAMETERS: tuple[Symbol, ...] = tuple(parameter.symbol for parameter in square().parameters)
