"""The decomposition of matrices: projectors exact for every size, and the fast projections against them."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from pigmm.invariants.graphs.partitions import set_partitions
from pigmm.invariants.representation.matrix_kinds import rectangular, square, symmetric, symmetric_zero_diagonal
from pigmm.invariants.representation.spaces import (
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    irrep_dimensions,
)
from pigmm.invariants.representation.tensors import InvariantTensor, contract

DECOMPOSITIONS = [square(), rectangular(), symmetric(), symmetric_zero_diagonal()]
FULL_SPACES = [SquareSpace(4), SquareSpace(5), SquareSpace(9), RectangularSpace(2, 2), RectangularSpace(3, 7)]
SPACES = [
    *FULL_SPACES,
    SymmetricSpace(4),
    SymmetricSpace(7),
    SymmetricSpace(4, False),
    SymmetricSpace(6, False),
    MultiMatrixSpace(2, 5),
]


def copies(decomposition):
    return [(r, x) for r, irrep in enumerate(decomposition.irreps) for x in range(len(irrep.copies))]


def identity(decomposition):
    """The projector on all matrices of the kind."""
    family = decomposition.family
    rows, columns = family.arc_types[0].tail, family.arc_types[0].head
    straight = contract("ik,jl->ijkl", InvariantTensor.delta(rows, rows), InvariantTensor.delta(columns, columns))
    if family.directed:
        return straight
    result = (straight + contract("ijkl->ijlk", straight)) / 2
    if not family.arc_types[0].loops:
        result = result - InvariantTensor.delta(0, 0, 0, 0)
    return result


@pytest.mark.parametrize("decomposition", DECOMPOSITIONS)
def test_projectors_are_complete_orthogonal_idempotent_and_symmetric(decomposition):
    projectors = [decomposition.projector(*copy) for copy in copies(decomposition)]
    total = projectors[0]
    for projector in projectors[1:]:
        total = total + projector
    assert total == identity(decomposition)
    for projector in projectors:
        assert contract("ijkl,klmn->ijmn", projector, projector) == projector
        assert contract("klij->ijkl", projector) == projector
    for first, second in combinations(projectors, 2):
        assert contract("ijkl,klmn->ijmn", first, second).terms == {}


@pytest.mark.parametrize("decomposition", DECOMPOSITIONS)
def test_traces_are_the_dimensions(decomposition):
    for r, x in copies(decomposition):
        assert contract("ijij->", decomposition.projector(r, x)).terms == {(): decomposition.irreps[r].dimension}


@pytest.mark.parametrize("decomposition", DECOMPOSITIONS)
def test_transfers_between_copies_compose_as_an_irrep_must(decomposition):
    for r, irrep in enumerate(decomposition.irreps):
        for x, y in combinations(range(len(irrep.copies)), 2):
            there, back = decomposition.transfer(r, x, y), decomposition.transfer(r, y, x)
            around = contract("ijkl,klmn->ijmn", there, back)
            assert around == decomposition.projector(r, x) * (irrep.copies[x].norm * irrep.copies[y].norm)


def test_all_parameters_one_on_the_diagonal_gives_the_identity():
    for space in FULL_SPACES:
        rows, columns = space.shape
        total = sum(
            parameter.tensor.to_dense(*space.sizes) / sqrt(float(parameter.norm.as_expr(*[*space.sizes, 1][:2])))
            for parameter in space.decomposition.parameters
            if parameter.y is not None and parameter.x == parameter.y
        )
        np.testing.assert_allclose(total.reshape(rows * columns, -1), np.eye(rows * columns), atol=1e-13)


@pytest.mark.parametrize("space", SPACES)
def test_fast_projections_equal_the_exact_intertwiners(space):
    matrices = np.random.default_rng(1).normal(size=(3, *space.shape))
    parts = space.project(matrices)
    for irrep, part in zip(space.decomposition.irreps, parts, strict=True):
        for x, copy in enumerate(irrep.copies):
            dense = copy.intertwiner.to_dense(*space.sizes)
            norm = float(copy.norm.as_expr(*[*space.sizes, 1][:2]))
            chosen = matrices if matrices.ndim == 3 else matrices[:, copy.colour]
            exact = np.tensordot(chosen, dense, axes=([1, 2], [-2, -1])) / sqrt(norm)
            np.testing.assert_allclose(part[:, x], exact.reshape(3, -1), atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_project_and_assemble_are_inverse_and_keep_lengths(space):
    raw = np.random.default_rng(2).normal(size=(2, 3, *space.shape))
    parts = space.project(raw)
    matrices = space.assemble(parts)  # inside the space; for the full spaces these are the same
    if space in FULL_SPACES:
        np.testing.assert_allclose(matrices, raw, atol=1e-12)
    elif isinstance(space, SymmetricSpace):
        mirrored = (raw + raw.swapaxes(-1, -2)) / 2
        np.testing.assert_allclose(
            matrices, mirrored if space.diagonal else mirrored * (1 - np.eye(space.size)), atol=1e-12
        )
    for part, again in zip(parts, space.project(matrices), strict=True):
        np.testing.assert_allclose(again, part, atol=1e-12)
    lengths = sum(np.square(part).sum(axis=(-2, -1)) for part in parts)
    axes = tuple(range(-len(space.shape), 0))
    np.testing.assert_allclose(lengths, np.square(matrices).sum(axis=axes))


def test_dimensions_add_up():
    for space, free in (
        (SquareSpace(7), 49),
        (RectangularSpace(3, 7), 21),
        (SymmetricSpace(7), 28),
        (SymmetricSpace(7, False), 21),
        (MultiMatrixSpace(3, 7), 147),
    ):
        copies_of = [len(irrep.copies) for irrep in space.decomposition.irreps]
        assert sum(d * m for d, m in zip(irrep_dimensions(space), copies_of, strict=True)) == free


def test_white_noise_has_unit_components():
    space = SquareSpace(6)
    parts = space.project(np.random.default_rng(3).normal(size=(20_000, 6, 6)))
    for dimension, part in zip(irrep_dimensions(space), parts, strict=True):
        gram = np.einsum("nxa,nya->xy", part, part) / (20_000 * dimension)
        # each entry has a standard error of at most sqrt(2 / (20000 dimension))
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=5 * sqrt(2 / (20_000 * dimension)))


def test_permuting_matrices_permutes_components():
    space = SquareSpace(7)
    rng = np.random.default_rng(4)
    matrix, sigma = rng.normal(size=(7, 7)), rng.permutation(7)
    before, after = space.project(matrix), space.project(matrix[np.ix_(sigma, sigma)])
    np.testing.assert_allclose(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1][:, sigma], atol=1e-13)


def test_bell_numbers():
    assert [len(list(set_partitions(legs))) for legs in range(6)] == [1, 1, 2, 5, 15, 52]


def test_legs_of_different_kinds_do_not_mix():
    with pytest.raises(ValueError, match="different kinds"):
        contract("ij,jk->ik", InvariantTensor.delta(0, 0), InvariantTensor.delta(1, 1))
    with pytest.raises(ValueError, match="same legs"):
        InvariantTensor.delta(0, 0) + InvariantTensor.delta(1, 1)


@pytest.mark.parametrize(
    ("build", "message"), [(lambda: SquareSpace(3), "at least 4"), (lambda: RectangularSpace(1, 5), "at least 2")]
)
def test_small_sizes_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
