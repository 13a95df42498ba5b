"""InvariantMoments: exact where it says so, stable where it rounds, the same from file, and never of two things."""

import copy
from fractions import Fraction
from functools import reduce
from operator import add

import numpy as np
import pytest

from pigmm.invariants import (
    RECTANGULAR,
    SYMMETRIC,
    TWO_SQUARE,
    ArcType,
    GraphFamily,
    Multigraph,
    evaluate,
    multigraphs,
)
from pigmm.invariants.evaluation.moments import _BLOCK, InvariantMoments

GRAPHS = (*multigraphs(1), *multigraphs(2))
EPSILON = np.finfo(np.float64).eps


def matrices(count, size=5, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size, size))


def state(moments):
    """Everything that later results depend on."""
    return moments.count, moments.mean, moments.second_moments if moments.cross else moments.variance


def assert_same(first, second):
    for one, other in zip(state(first), state(second), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_close(first, second, bound=50 * EPSILON):
    """Second moments are compared with the standard deviations that they are made of."""
    assert first.count == second.count
    scale = np.sqrt(first.count * np.diagonal(first.second_moments))
    assert (np.abs(first.mean - second.mean) * first.count <= bound * (scale + np.abs(first.mean) * first.count)).all()
    spread = np.sqrt(np.multiply.outer(*[np.diagonal(first.second_moments)] * 2))
    assert (np.abs(first.second_moments - second.second_moments) <= bound * spread).all()


@pytest.mark.parametrize("count", [1, 2, 7, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK + 5])
def test_as_numpy_computes_them_at_once(count):
    values = evaluate(matrices(count), GRAPHS)
    moments = InvariantMoments.of(matrices(count), GRAPHS)
    assert moments.count == count
    np.testing.assert_allclose(moments.mean, values.mean(axis=0), rtol=1e-12, atol=1e-12)
    if count > 1:
        np.testing.assert_allclose(moments.covariance, np.cov(values.T), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(moments.standard_deviation, values.std(axis=0, ddof=1), rtol=1e-12)
        np.testing.assert_allclose(moments.standard_error, values.std(axis=0, ddof=1) / np.sqrt(count), rtol=1e-12)
        variances = InvariantMoments.of(matrices(count), GRAPHS, cross=False)
        np.testing.assert_allclose(variances.variance, moments.variance, rtol=1e-13)
        np.testing.assert_array_equal(variances.mean, moments.mean)


def test_against_exact_rational_arithmetic():
    """A mean 10^9 times the spread loses at most as many digits; sums of squares would lose twice as many, and all."""
    values = 1e9 + np.random.default_rng(3).normal(size=(2500, 2))
    exact = [[Fraction(x) for x in column] for column in values.T]
    means = [sum(column) / len(column) for column in exact]
    moments = InvariantMoments([*multigraphs(1)])
    moments.update_values(values)
    for k in range(2):
        assert abs(Fraction(moments.mean[k]) - means[k]) <= 2 * EPSILON * means[k]
        for j in range(2):
            product = sum((x - means[k]) * (y - means[j]) for x, y in zip(exact[k], exact[j], strict=True))
            # the means of blocks are rounded at eps * 10^9, and their differences enter
            assert abs(moments.second_moments[k, j] - float(product)) <= EPSILON * 1e9 * len(values)
    naive = (values**2).sum(axis=0) / len(values) - values.mean(axis=0) ** 2
    assert (np.abs(naive - 1) > 0.5).any()  # what the formula avoids


def test_a_long_stream_keeps_its_digits():
    """400 blocks of values whose sum is known exactly."""
    values = np.tile(np.arange(_BLOCK, dtype=float)[:, None] + 1e6, (1, 1))
    moments = InvariantMoments([Multigraph([(0, 0)])])
    for _ in range(400):
        moments.update_values(values)
    assert moments.mean[0] == pytest.approx(1e6 + (_BLOCK - 1) / 2, rel=4 * EPSILON)
    exact = Fraction(_BLOCK**2 - 1, 12) * _BLOCK * 400
    assert moments.second_moments[0, 0] == pytest.approx(float(exact), rel=100 * EPSILON)


@pytest.mark.parametrize("batch", [1, 7, 1000, _BLOCK, 1500])
@pytest.mark.parametrize("cross", [True, False])
def test_the_cut_into_batches_does_not_show(batch, cross):
    stream = matrices(2600)
    whole = InvariantMoments.of(stream, GRAPHS, cross=cross)
    parts = InvariantMoments(GRAPHS, cross=cross)
    for start in range(0, len(stream), batch):
        parts.update(stream[start : start + batch])
    assert_same(whole, parts)


def test_leading_axes_are_of_no_account():
    stream = matrices(60)
    assert_same(
        InvariantMoments.of(stream, GRAPHS), InvariantMoments.of(stream.reshape(3, 20, *stream.shape[1:]), GRAPHS)
    )


@pytest.mark.parametrize("counts", [(5, 9, 2), (_BLOCK, _BLOCK, _BLOCK), (3000, 1, 1100)])
def test_merging(counts):
    stream = matrices(sum(counts))
    a, b, c = (InvariantMoments.of(part, GRAPHS) for part in np.split(stream, [counts[0], counts[0] + counts[1]]))
    assert_same(a + b, b + a)
    assert_close((a + b) + c, a + (b + c))
    assert_close((a + b) + c, InvariantMoments.of(stream, GRAPHS))


def test_many_merged_in_a_tree_or_a_row():
    parts = [InvariantMoments.of(matrices(1 + k % 4, seed=k), GRAPHS) for k in range(64)]
    row, tree = reduce(add, parts), parts
    while len(tree) > 1:
        tree = [one + other for one, other in zip(tree[::2], tree[1::2], strict=True)]
    assert_close(row, tree[0])


def test_merging_with_empty_moments_is_exact():
    stream = matrices(1500)
    empty, some = InvariantMoments(GRAPHS), InvariantMoments.of(stream[:1100], GRAPHS)
    for merged in (empty + some, some + empty):
        assert_same(merged, some)
        merged.update(stream[1100:])  # and so is what follows
        assert_same(merged, InvariantMoments.of(stream, GRAPHS))
    assert some.count == 1100
    assert (empty + InvariantMoments(GRAPHS)).count == 0


def test_merged_moments_go_on_and_leave_their_parts_alone():
    a, b = InvariantMoments.of(matrices(10), GRAPHS), InvariantMoments.of(matrices(20, seed=1), GRAPHS)
    before = state(a)
    merged = a + b
    merged.update(matrices(5, seed=2))
    assert merged.count == 35
    for old, new in zip(before, state(a), strict=True):
        np.testing.assert_array_equal(old, new)


FAMILIES = [
    (GRAPHS, None, (5, 5)),
    (multigraphs(2, RECTANGULAR), None, (3, 5)),
    (multigraphs(2, TWO_SQUARE), TWO_SQUARE, (2, 4, 4)),
    (multigraphs(1), GraphFamily(TWO_SQUARE.arc_types * 2), (4, 4, 4)),
    ([*multigraphs(5)[-3:], *multigraphs(6)[-1:]], None, (3, 3)),  # twelve nodes: another form of label
]


@pytest.mark.parametrize(("graphs", "family", "shape"), FAMILIES)
@pytest.mark.parametrize("cross", [True, False])
def test_files(graphs, family, shape, cross, tmp_path):
    stream = np.random.default_rng(4).normal(size=(1100, *shape))
    moments = InvariantMoments.of(stream[:1050], graphs, family=family, cross=cross)
    moments.save(tmp_path / "moments")  # the name as given
    loaded = InvariantMoments.load(tmp_path / "moments")
    assert (loaded.graphs, loaded.family, loaded.cross, loaded.shape) == (
        moments.graphs,
        moments.family,
        cross,
        shape,
    )
    assert_same(loaded, moments)
    for one in (loaded, moments):
        one.update(stream[1050:])
    assert_same(loaded, moments)
    assert (loaded + moments).count == 2200
    with np.load(tmp_path / "moments", allow_pickle=False) as content:  # nothing that needs unpickling
        assert all(content[name].dtype.kind != "O" for name in content.files)


def test_moments_of_nothing_and_of_symmetric_matrices_are_saved(tmp_path):
    moments = InvariantMoments(multigraphs(2, SYMMETRIC))
    moments.save(tmp_path / "empty.npz")
    loaded = InvariantMoments.load(tmp_path / "empty.npz")
    assert loaded.count == 0
    assert loaded.family == SYMMETRIC
    loaded.update(np.eye(4))
    assert loaded.mean[0] == evaluate(np.eye(4), multigraphs(2, SYMMETRIC))[0]


def test_files_of_something_else(tmp_path):
    path = tmp_path / "file.npz"
    with pytest.raises(FileNotFoundError):
        InvariantMoments.load(path)
    np.savez(path, matrices=np.ones(3))
    with pytest.raises(ValueError, match=r"file\.npz must be a file of invariant moments"):
        InvariantMoments.load(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="must be a file of invariant moments") as refused:
        InvariantMoments.load(path)
    assert "pickle" not in str(refused.value)  # no advice to allow that
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(ValueError, match="must be a file of invariant moments"):
        InvariantMoments.load(path)
    InvariantMoments.of(matrices(3), GRAPHS).save(path)
    with np.load(path, allow_pickle=False) as archive:
        content = dict(archive)
    for name, wrong in (
        ("mean", np.ones(2)),
        ("count", np.array(-1)),
        ("labels", np.array(["0>1"] * len(GRAPHS))),
        ("squares", content["squares"].astype(np.float32)),
        ("mean", np.array([{}] * len(GRAPHS), dtype=object)),
    ):
        np.savez(path, **{**content, name: wrong})
        with pytest.raises(ValueError, match="must be a file of invariant moments"):
            InvariantMoments.load(path)


def test_the_table():
    moments = InvariantMoments.of(matrices(40), GRAPHS, cross=False)
    frame = moments.to_frame()
    assert frame["graph"].tolist() == [graph.label for graph in GRAPHS]
    np.testing.assert_array_equal(frame["mean"], moments.mean)
    np.testing.assert_array_equal(frame["standard_error"], moments.standard_error)
    assert (frame["count"] == 40).all()


def test_different_things_are_not_merged():
    moments = InvariantMoments.of(matrices(3), GRAPHS)
    for other, message in (
        (InvariantMoments(GRAPHS[::-1]), "same graphs in the same order"),
        (InvariantMoments(multigraphs(3)), "same graphs"),
        (InvariantMoments(GRAPHS, cross=False), "same cross .* True and False"),
        (InvariantMoments(GRAPHS, family=TWO_SQUARE), "same family .* square and two-square"),
        (InvariantMoments.of(matrices(3, size=6), GRAPHS), r"same shape of matrices .* \(5, 5\) and \(6, 6\)"),
    ):
        with pytest.raises(ValueError, match=message):
            moments + other
    with pytest.raises(TypeError):
        moments + 1
    without = ArcType(loops=False)
    first, second = GraphFamily((ArcType(), without)), GraphFamily((without, ArcType()))
    assert first.name == second.name
    arcs = [Multigraph([(0, 1)])]
    with pytest.raises(ValueError, match="same family"):
        InvariantMoments(arcs, family=first) + InvariantMoments(arcs, family=second)


def test_errors_name_what_is_required():
    moments = InvariantMoments(GRAPHS, cross=False)
    with pytest.raises(ValueError, match="mean needs moments of at least 1 matrices, got 0"):
        _ = moments.mean
    moments.update(matrices(1))
    with pytest.raises(ValueError, match="at least 2 matrices, got 1"):
        _ = moments.standard_error
    with pytest.raises(ValueError, match="cross=True"):
        _ = moments.second_moments
    with pytest.raises(ValueError, match=r"of shape \(5, 5\), as those before, got \(6, 6\)"):
        moments.update(matrices(1, size=6))
    with pytest.raises(ValueError, match=r"13 numbers in the last axis, got shape \(4,\)"):
        moments.update_values(np.ones(4))
    bad = matrices(_BLOCK + 10)
    bad[-1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        moments.update(bad)
    assert moments.count == 1  # nothing of what failed was added


def test_constant_values_have_no_spread():
    moments = InvariantMoments.of(np.full((3000, 5, 5), 0.1), GRAPHS)
    assert (moments.standard_deviation <= 4 * EPSILON * np.abs(moments.mean)).all()


def test_values_beyond_float64_are_passed_on():
    moments = InvariantMoments(multigraphs(1), cross=True)
    moments.update_values([[np.inf, 1.0], [1e300, 2.0]])
    assert not np.isfinite(moments.mean[0])
    assert moments.mean[1] == 1.5
    assert moments.variance[1] == 0.5


def test_what_is_given_out_cannot_be_written_to():
    moments = InvariantMoments.of(matrices(3), GRAPHS)
    for array in (moments.mean, moments.second_moments):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_copy_is_independent():
    normal = np.random.default_rng(0).normal
    moments = InvariantMoments.of(normal(size=(3, 4, 4)), multigraphs(1))
    before = moments.mean
    other = copy.copy(moments)
    other.update(normal(size=(5, 4, 4)))
    moments.update(normal(size=(1, 4, 4)))
    assert (moments.count, other.count) == (4, 8)
    again = InvariantMoments.of(np.zeros((0, 4, 4)), multigraphs(1)) + other
    assert again.count == 8
    assert not np.array_equal(moments.mean, before)
