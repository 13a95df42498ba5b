"""Matrices as representations of the symmetric group: irreps, copies and intertwiners, exact for every size.

An irrep that occurs m times has m copies; each copy has an intertwiner T_x, a tensor whose last two legs are the row
and the column index and whose other legs label the component inside the irrep. Components are
    C_x = <T_x, M> / sqrt(norm_x),   norm_x = <T_x, T_x> per dimension,
so that all coefficients of T stay rational; square roots enter only through sqrt(norm). Labels may be overcomplete:
orthonormal means that T_x and T_y, contracted over the matrix legs, give delta_xy norm_x times the projector on the
irrep's labels. Formulas: arXiv:1809.07559 section 2, arXiv:2510.05218 section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

from sympy import Symbol

from ..graphs.families import GraphFamily
from .tensors import Coefficient, InvariantTensor, contract


@dataclass(frozen=True)
class Copy:
    """One occurrence of an irrep: its intertwiner (label legs, then row and column) and squared normalisation.

    `colour` is the number of the matrix that it occurs in, where there are several.
    """

    intertwiner: InvariantTensor
    norm: Coefficient
    colour: int = 0


@dataclass(frozen=True)
class Irrep:
    """An irreducible representation and its copies in the space of matrices.

    Args:
        name: as in the parameter symbols (0, H, 2, 3 for square matrices).
        dimension: rational function of the sizes.
        copies: in the order of the parameter vector, which is that of their colours.
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
        colours: the matrix of a mean, or the two of a covariance.
        tensor: two legs (row, column) for a mean; four (row, column, row', column') for a covariance.
        norm: rational function under the square root.
    """

    symbol: Symbol
    irrep: int
    x: int
    y: int | None
    colours: tuple[int, ...]
    tensor: InvariantTensor
    norm: Coefficient


@dataclass(frozen=True)
class Decomposition:
    """A space of matrices under permutations: the family of its graphs, its size symbols and its irreps.

    >>> from pigmm.invariants.representation.matrix_kinds import ROWS, SIZE, square
    >>> [(irrep.name, len(irrep.copies), irrep.dimension.as_expr(SIZE, ROWS).factor()) for irrep in square().irreps]
    [('0', 2, 1), ('H', 3, N - 1), ('2', 1, N*(N - 3)/2), ('3', 1, (N - 2)*(N - 1)/2)]
    """

    family: GraphFamily
    sizes: tuple[Symbol, ...]
    irreps: tuple[Irrep, ...]

    def transfer(self, irrep: int, x: int, y: int) -> InvariantTensor:
        """Return the map that takes one copy of an irrep to another, without normalisation: the sum over labels of T_x
        (row, column) T_y (row', column').

        For x = y, divided by the copy's norm, this is the projector on the copy.

        Args:
            irrep: number of the irrep.
            x: number of the copy that is reached.
            y: number of the copy that is left.

        Returns:
            A tensor with legs (row, column, row', column').
        """
        left, right = (self.irreps[irrep].copies[copy].intertwiner for copy in (x, y))
        labels = "abcdef"[: len(left.kinds) - 2]
        return contract(f"{labels}ij,{labels}kl->ijkl", left, right)

    def projector(self, irrep: int, copy: int = 0) -> InvariantTensor:
        """Return the orthogonal projector on one copy of an irrep.

        Args:
            irrep: number of the irrep.
            copy: number of the copy.

        Returns:
            A tensor with legs (row, column, row', column').

        >>> from pigmm.invariants.representation.matrix_kinds import SIZE, square
        >>> square().projector(3).as_expr([SIZE])[(0, 1, 0, 1)]  # the coefficient of delta_ik delta_jl in V_3
        1/2
        """
        projector: InvariantTensor = self.transfer(irrep, copy, copy) / self.irreps[irrep].copies[copy].norm
        return projector

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of the invariant Gaussian model.

        Returns:
            Means, then covariances irrep by irrep (upper triangles).

        Source:
            arXiv:1809.07559, section 2, for square matrices.

        >>> from pigmm.invariants.representation.matrix_kinds import square
        >>> [str(parameter.symbol) for parameter in square().parameters][:5]
        ['mu_1', 'mu_2', 'G0_11', 'G0_12', 'G0_22']
        """
        found = []
        for r, irrep in enumerate(self.irreps):
            if irrep.is_trivial:
                for x, copy in enumerate(irrep.copies):
                    symbol = Symbol("mu" + _indices(irrep, x), real=True)
                    found.append(Parameter(symbol, r, x, None, (copy.colour,), copy.intertwiner, copy.norm))
        made: dict[tuple[int, int, bool], tuple[InvariantTensor, Coefficient]] = {}
        for r, irrep in enumerate(self.irreps):
            for x, y in combinations_with_replacement(range(len(irrep.copies)), 2):
                first, second = irrep.copies[x], irrep.copies[y]
                symmetrised = x != y and first.colour == second.colour
                # the copies of further matrices have the intertwiners of the first: every product is made once
                key = id(first.intertwiner), id(second.intertwiner), symmetrised
                if key not in made:
                    tensor = self.transfer(r, x, y)
                    made[key] = tensor + self.transfer(r, y, x) if symmetrised else tensor, first.norm * second.norm
                symbol = Symbol(f"G{irrep.name}" + _indices(irrep, x, y), real=True)
                colours = (first.colour, second.colour)
                found.append(Parameter(symbol, r, x, y, colours, *made[key]))
        return tuple(found)


def _indices(irrep: Irrep, *copies: int) -> str:
    """The index of a parameter: none for a single copy, _12 for two copies, _1_12 from ten copies on."""
    if len(irrep.copies) == 1:
        return ""
    joint = "_" if len(irrep.copies) > 9 else ""
    return "_" + joint.join(str(copy + 1) for copy in copies)
