"""Nested models: the parameters of mean and covariances that larger symmetries and independence leave free.

Each restriction keeps the mean in a linear space and the covariance in a linear space of block matrices that holds the
inverses of its members (a Jordan algebra; here what commutes with a group larger than the permutations). For these the
maximum-likelihood estimate is the orthogonal projection: the mean is projected, and the second moments about it are,
with the inner product sum_r d_r tr(A_r B_r) of blocks A_r, B_r of irreps of dimensions d_r. (Transposition-invariant
laws are the case where it is seen at once: averaging over a group is the projection on what it leaves alone.)
Given the trivial components their block is left out: its dimension counts as zero, and the mean stays as it is.
Since the inverse of the estimate lies in the algebra, tr(estimate^-1 moments) is the dimension D of the space, and
    max log likelihood = -n/2 {D (1 + log 2 pi) + sum_r d_r log det G_r}.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....invariants.representation.spaces import (
    MatrixSpace,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    irrep_dimensions,
)
from ...model.blocks import blocks_from_parameters, parameters_from_blocks
from ...model.gaussian import BlockGaussian
from .signed_permutations import signed_covariances, signed_means

Array = NDArray[np.float64]
Blocks = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Restriction:
    """A model nested in the full one of a space.

    Args:
        name: the symmetry, as tables show it.
        space: the matrices.
        means: (free means, copies of the trivial irrep), orthonormal rows.
        covariances: basis of the covariances, each a block for every irrep; orthogonal in the inner product above.
        least: the smallest number of matrices that its maximum-likelihood estimate exists for.
        given_trivial: whether it is one of the laws given the trivial components; it then has no free means.

    >>> five = {r.name: r for r in restrictions(SquareSpace(4))}["S_N x S_N"]
    >>> five.number_of_parameters, five.constraints.shape
    (5, (8, 13))
    """

    name: str
    space: MatrixSpace
    means: Array
    covariances: tuple[Blocks, ...]
    least: int
    given_trivial: bool = False

    @property
    def number_of_parameters(self) -> int:
        """The number of free parameters."""
        return len(self.means) + len(self.covariances)

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        """Dimension of each irrep, as far as it varies: 0 for the trivial one if its components are given."""
        trivial, *others = irrep_dimensions(self.space)
        return (0 if self.given_trivial else trivial, *others)

    @cached_property
    def directions(self) -> Array:
        """(number of parameters, parameters of the full model): the free directions, as parameter vectors."""
        no_mean, no_blocks = np.zeros(self.means.shape[1]), [np.zeros_like(b) for b in self.covariances[0]]
        rows = [parameters_from_blocks(mean, no_blocks) for mean in self.means]
        return np.array(rows + [parameters_from_blocks(no_mean, blocks) for blocks in self.covariances])

    @cached_property
    def constraints(self) -> Array:
        """(constraints, parameters of the full model): orthonormal, each zero on the restriction."""
        directions = self.directions
        return np.linalg.svd(directions)[2][len(directions) :]

    def contains(self, other: Restriction) -> bool:
        """Tell whether another restriction is nested in this one.

        Args:
            other: of the same space.

        Returns:
            Whether each of its models is one of these.
        """
        return bool(np.abs(self.constraints @ other.directions.T).max(initial=0) < 1e-9)

    def estimate(self, mean: Array, moments: Iterable[Array]) -> tuple[Array, Blocks]:
        """Maximum likelihood under the restriction, from the mean and centred moments of the full fit.

        Args:
            mean: (..., copies of the trivial irrep).
            moments: for each irrep (..., copies, copies).

        Returns:
            The same of the restricted model.
        """
        restricted = mean if self.given_trivial else (mean @ self.means.T) @ self.means
        shift = mean - restricted
        first, *rest = moments
        about = (first + shift[..., :, None] * shift[..., None, :], *rest)
        blocks = [np.zeros_like(block) for block in about]
        for element in self.covariances:
            pairs = [(d, e, s) for d, e, s in zip(self.dimensions, element, about, strict=True) if d]
            norm = sum(d * np.square(e).sum() for d, e, _ in pairs)
            weight = sum(d * np.einsum("...xy,xy->...", s, e) for d, e, s in pairs) / norm
            for block, e in zip(blocks, element, strict=True):
                block += weight[..., None, None] * e
        return restricted, tuple(blocks)


def unpacked(space: MatrixSpace, parameters: Array) -> tuple[Array, Blocks]:
    """Split many parameter vectors into means and covariances: `blocks_from_parameters` with leading axes.

    Args:
        space: the matrices.
        parameters: (..., parameters).

    Returns:
        Means (..., copies of the trivial irrep), and for each irrep its covariances (..., copies, copies).

    >>> means, (block, *_) = unpacked(SquareSpace(4), np.arange(26.0).reshape(2, 13))
    >>> means.shape, block[1].tolist()
    ((2, 2), [[15.0, 16.0], [16.0, 17.0]])
    """
    means, blocks = blocks_from_parameters(space, np.arange(parameters.shape[-1], dtype=np.float64))
    return parameters[..., : len(means)], tuple(parameters[..., block.astype(int)] for block in blocks)


def log_determinant(dimensions: Iterable[int], blocks: Iterable[Array]) -> Array:
    """Logarithm of the determinant of a covariance with blocks (..., copies, copies): sum_r d_r log det G_r.

    Args:
        dimensions: of the irreps; those of dimension 0 are left out.
        blocks: one for each irrep.

    Returns:
        (...), one for each leading index.

    >>> float(log_determinant((1, 3), [np.eye(2), 2 * np.eye(1)]).round(4))  # 3 log 2
    2.0794
    """
    pairs = zip(dimensions, blocks, strict=True)
    total: Array = np.sum([d * np.linalg.slogdet(block)[1] for d, block in pairs if d], axis=0)
    return total


def restrictions(space: MatrixSpace, *, given_trivial: bool = False) -> tuple[Restriction, ...]:
    """The nested models of a space, the full one last; each but the last lies in a later one.

    Square matrices: "iid, zero mean" (1 parameter), "B_M x B_N" (the same Gaussian model, as the one that permutations
    and signs of rows and of columns leave alone), "iid" (2), "S_N x S_N, transpose" (4: rows and columns permuted
    independently, and M and its transpose of one law), "S_N x S_N" (5), "independent, diagonal apart" (4), "B_N" (5:
    rows and columns permuted together, and with signs: a multiple of the identity, and variances of the trace, of the
    rest of the diagonal, and of the symmetric and antisymmetric parts off it), "S_N, transpose" (11), "S_N" (13).
    Rectangular ones: "iid, zero mean", "B_M x B_N", "iid", "S_M x S_N" (5).
    Symmetric ones: "GOE, zero mean" (1: variance 2 s^2 on the diagonal, s^2 off it, of density exp(-tr M^2 / 4 s^2)),
    "GOE" (2: and a constant added to all entries), "independent, diagonal apart" (4), "B_N" (4), "S_N" (9); without the
    diagonal "iid, zero mean", "B_N" (the same), "iid" and "S_N" (4). (Symmetric matrices are a null set among square
    ones: likelihoods of the two kinds do not compare.)
    Several square ones: "iid, zero mean", "iid", "B_N" (of k matrices k + 2 k (k + 1) parameters), "independent" (13
    each), "S_N".
    Given the trivial components the numbers are those of the other irreps, and there is no model of zero mean: square
    matrices have "iid" (1), "S_N x S_N, transpose" (2), "S_N x S_N" (3), "independent, diagonal apart" (2), "B_N" (3),
    "S_N, transpose" (6), "S_N" (8).

    Args:
        space: the matrices.
        given_trivial: True for the laws given the trivial components.

    Returns:
        The models, from the smallest to the full one.

    Source:
        Derivation 6 for S_N x S_N, derivation 8 for the models of symmetric matrices.

    >>> [(r.name, r.number_of_parameters) for r in restrictions(RectangularSpace(3, 5))]
    [('iid, zero mean', 1), ('B_M x B_N', 1), ('iid', 2), ('S_M x S_N', 5)]
    """
    if given_trivial:
        return tuple(_given_trivial(submodel) for submodel in restrictions(space) if len(submodel.means))
    copies = [len(irrep.copies) for irrep in space.decomposition.irreps]
    identity = tuple(np.eye(k) for k in copies)
    constant = space.project(np.ones(space.shape))[0][:, 0]
    constant = constant[None] / np.linalg.norm(constant)
    name = "GOE" if isinstance(space, SymmetricSpace) and space.diagonal else "iid"
    no_mean = np.empty((0, copies[0]))
    centred = Restriction(f"{name}, zero mean", space, no_mean, (identity,), 1)
    simple: tuple[Restriction, ...] = (centred, Restriction(name, space, constant, (identity,), 1))
    if isinstance(space, SquareSpace | RectangularSpace):
        simple = (centred, replace(centred, name="B_M x B_N"), simple[1])
    elif isinstance(space, SymmetricSpace) and not space.diagonal:
        simple = (centred, replace(centred, name="B_N"), simple[1])
    all_pairs = [(r, x, y) for r, k in enumerate(copies) for x in range(k) for y in range(x, k)]
    units = {pair: _unit(copies, *pair) for pair in all_pairs}
    full_name = "S_M x S_N" if isinstance(space, RectangularSpace) else "S_N"
    full = Restriction(full_name, space, np.eye(copies[0]), tuple(units.values()), 1 + copies[0])
    if isinstance(space, SquareSpace):
        inside = _sum(units[0, 1, 1], units[1, 2, 2], units[2, 0, 0], units[3, 0, 0])  # V_H x V_H of S_N x S_N
        columns, rows = units[1, 0, 0], units[1, 1, 1]
        sums = _sum(columns, rows)
        swapped = {**units, (1, 0, 0): sums, (1, 0, 2): _sum(units[1, 0, 2], units[1, 1, 2])}
        del swapped[1, 1, 1], swapped[1, 1, 2]
        return (
            *simple,
            Restriction("S_N x S_N, transpose", space, constant, (units[0, 0, 0], sums, inside), 2),
            Restriction("S_N x S_N", space, constant, (units[0, 0, 0], columns, rows, inside), 2),
            _diagonal_apart(space, identity),
            _signed(space),
            Restriction("S_N, transpose", space, full.means, tuple(swapped.values()), full.least),
            full,
        )
    if isinstance(space, SymmetricSpace) and space.diagonal:
        return (*simple, _diagonal_apart(space, identity), _signed(space), full)
    if isinstance(space, MultiMatrixSpace):
        colours = [[copy.colour for copy in irrep.copies] for irrep in space.decomposition.irreps]
        same = tuple(unit for (r, x, y), unit in units.items() if colours[r][x] == colours[r][y])
        return (*simple, _signed(space), Restriction("independent", space, full.means, same, 3), full)
    return (*simple, full)


def restricted(model: BlockGaussian, restriction: Restriction) -> BlockGaussian:
    """The maximum-likelihood model under a restriction, from the full fit.

    Args:
        model: the full fit.
        restriction: of the model's space, given the trivial components if the model is.

    Returns:
        The restricted model, of the same class.

    Source:
        Derivations 6 and 8.

    >>> from pigmm.fitting import PIGMM
    >>> iid = {r.name: r for r in restrictions(SquareSpace(4))}["iid"]
    >>> restricted(PIGMM.iid(4, variance=2.0), iid).parameters[2:5].round(9).tolist()
    [2.0, 0.0, 2.0]
    """
    estimate = restriction.estimate(model.means, model.covariances)
    return model.from_space(model.space, parameters_from_blocks(*estimate), model.given)


def _given_trivial(submodel: Restriction) -> Restriction:
    """A restriction of the covariances of the law given the trivial components, which come first."""
    covariances = tuple((np.zeros_like(first), *others) for first, *others in submodel.covariances)
    left = tuple(blocks for blocks in covariances if any(block.any() for block in blocks))
    return replace(submodel, means=submodel.means[:0], covariances=left, least=1, given_trivial=True)


def _unit(copies: list[int], irrep: int, x: int, y: int) -> Blocks:
    """Blocks that are zero but for entries (x, y) and (y, x) of one irrep."""
    blocks = [np.zeros((k, k)) for k in copies]
    blocks[irrep][x, y] = blocks[irrep][y, x] = 1
    return tuple(blocks)


def _sum(*terms: Blocks) -> Blocks:
    return tuple(np.sum(blocks, axis=0) for blocks in zip(*terms, strict=True))


def _signed(space: MatrixSpace) -> Restriction:
    """The units permuted and multiplied by signs. Each mean needs a matrix, and each variance one more at least."""
    means = signed_means(space)
    return Restriction("B_N", space, means, signed_covariances(space), 1 + len(means))


def _diagonal_apart(space: SquareSpace | SymmetricSpace, identity: Blocks) -> Restriction:
    """Independent entries, of one law on the diagonal and another off it."""
    unit = np.zeros((1, *space.shape))
    unit[0, 0, 0] = 1
    # sum over the diagonal entries of their components' products, the projector on diagonal matrices: as many times
    # that of one of them, for permutations carry it to each of the others
    parts = space.project(unit)
    diagonal = tuple(
        space.size * np.einsum("mxa,mya->xy", part, part) / d
        for part, d in zip(parts, irrep_dimensions(space), strict=True)
    )
    rest = tuple(one - block for one, block in zip(identity, diagonal, strict=True))
    return Restriction("independent, diagonal apart", space, np.eye(2), (diagonal, rest), 1)
