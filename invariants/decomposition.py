"""Matrices as representations of the symmetric group: irreps, copies and intertwiners, exact for every size.

An irrep that occurs m times has m copies; each copy has an intertwiner T_x, a tensor whose last two legs are the row
and the column index and whose other legs label the component inside the irrep. Components are
    C_x = <T_x, M> / sqrt(norm_x),   norm_x = <T_x, T_x> per dimension,
so that all coefficients of T stay rational; square roots enter only through sqrt(norm). Labels may be overcomplete:
orthonormal means that T_x and T_y, contracted over the matrix legs, give delta_xy norm_x times the projector on the
irrep's labels. Formulas: MATH of arXiv:1809.07559 section 2, arXiv:2510.05218 section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations_with_replacement

from sympy import Symbol

from .families import RECTANGULAR, SQUARE, GraphFamily
from .tensors import FIELD, SIZES, Coefficient, InvariantTensor, contract

#: The size N of a square matrix, and the number of columns of a rectangular one.
SIZE = Symbol("N", integer=True, positive=True)
#: The number of rows M of a rectangular matrix.
ROWS = Symbol("M", integer=True, positive=True)


@dataclass(frozen=True)
class Copy:
    """One occurrence of an irrep: its intertwiner (label legs, then row and column) and squared normalisation."""

    intertwiner: InvariantTensor
    norm: Coefficient


@dataclass(frozen=True)
class Irrep:
    """An irreducible representation and its copies in the space of matrices.

    Args:
        name: as in the parameter symbols (0, H, 2, 3 for square matrices).
        dimension: rational function of the sizes.
        copies: in the order of the parameter vector.
        is_trivial: whether the group acts trivially, so that the components may have a mean.
    """

    name: str
    dimension: Coefficient
    copies: tuple[Copy, ...]
    is_trivial: bool = False


@dataclass(frozen=True)
class Parameter:
    """One number of the Gaussian model: a mean (y is None) or a covariance of two copies of an irrep.

    The term it multiplies in the mean or the covariance of the matrix is `tensor` / sqrt(`norm`).

    Args:
        symbol: its name in exact expressions.
        irrep: position of the irrep in the decomposition.
        x, y: copies; y is None for a mean.
        tensor: two legs (row, column) for a mean; four (row, column, row', column') for a covariance.
        norm: rational function under the square root.
    """

    symbol: Symbol
    irrep: int
    x: int
    y: int | None
    tensor: InvariantTensor
    norm: Coefficient


@dataclass(frozen=True)
class Decomposition:
    """A space of matrices under permutations: the family of its graphs, its size symbols and its irreps.

    >>> [(irrep.name, len(irrep.copies), irrep.dimension.as_expr(SIZE, ROWS).factor()) for irrep in square().irreps]
    [('0', 2, 1), ('H', 3, N - 1), ('2', 1, N*(N - 3)/2), ('3', 1, (N - 2)*(N - 1)/2)]
    """

    family: GraphFamily
    sizes: tuple[Symbol, ...]
    irreps: tuple[Irrep, ...]

    def transfer(self, irrep: int, x: int, y: int) -> InvariantTensor:
        """sum over labels of T_x (row, column) T_y (row', column'): copy y to copy x, without normalisation.

        For x = y, divided by the copy's norm, this is the projector on the copy.
        """
        left, right = (self.irreps[irrep].copies[copy].intertwiner for copy in (x, y))
        labels = "abcdef"[: len(left.kinds) - 2]
        return contract(f"{labels}ij,{labels}kl->ijkl", left, right)

    def projector(self, irrep: int, copy: int = 0) -> InvariantTensor:
        """Orthogonal projector on one copy of an irrep; legs (row, column, row', column').

        >>> square().projector(3).as_expr([SIZE])[(0, 1, 0, 1)]  # the coefficient of delta_ik delta_jl in V_3
        1/2
        """
        projector: InvariantTensor = self.transfer(irrep, copy, copy) / self.irreps[irrep].copies[copy].norm
        return projector

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the invariant Gaussian model: means, then covariances irrep by irrep (upper triangles).

        >>> [str(parameter.symbol) for parameter in square().parameters][:5]
        ['mu_1', 'mu_2', 'G0_11', 'G0_12', 'G0_22']
        """
        found = []
        for r, irrep in enumerate(self.irreps):
            if irrep.is_trivial:
                for x, copy in enumerate(irrep.copies):
                    name = f"mu_{x + 1}" if len(irrep.copies) > 1 else "mu"
                    found.append(Parameter(Symbol(name, real=True), r, x, None, copy.intertwiner, copy.norm))
        for r, irrep in enumerate(self.irreps):
            for x, y in combinations_with_replacement(range(len(irrep.copies)), 2):
                name = f"G{irrep.name}_{x + 1}{y + 1}" if len(irrep.copies) > 1 else f"G{irrep.name}"
                tensor = self.transfer(r, x, y)
                if x != y:
                    tensor += self.transfer(r, y, x)
                norm = irrep.copies[x].norm * irrep.copies[y].norm
                found.append(Parameter(Symbol(name, real=True), r, x, y, tensor, norm))
        return tuple(found)


@lru_cache(maxsize=1)
def square() -> Decomposition:
    """N x N matrices under S_N: 2 V_0 + 3 V_H + V_2 + V_3 (arXiv:1809.07559, section 2).

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
    """M x N matrices under S_M x S_N: the four products of V_0 and V_H, each once.

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


#: The 13 parameters of the square model, in the order of arXiv:2510.05218: mu_1, mu_2, then the covariances
#: G = Lambda^-1 of V_0 (11, 12, 22), V_H (11, 12, 13, 22, 23, 33), V_2 and V_3.
PARAMETERS: tuple[Symbol, ...] = tuple(parameter.symbol for parameter in square().parameters)
