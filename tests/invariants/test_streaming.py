"""Streaming: the same values as at once, in bounded memory, for every kind of source, with errors that say where."""

import subprocess
import sys
import tracemalloc
from math import prod

import numpy as np
import pytest
import torch
import xarray as xr
import zarr

from pigmm.invariants import RECTANGULAR, SQUARE, TWO_SQUARE, Multigraph, evaluate, multigraphs
from pigmm.invariants.evaluation.chunked import evaluate_chunked, evaluate_chunks, invariant_moments
from pigmm.invariants.evaluation.moments import InvariantMoments
from pigmm.invariants.evaluation.sources import _SLAB_BYTES, is_chunked, slabs

GRAPHS = (*multigraphs(1), *multigraphs(2))


@pytest.fixture(scope="module")
def matrices():
    return np.random.default_rng(0).normal(size=(103, 4, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def ensemble():
    return np.random.default_rng(1).normal(size=(11, 7, 4, 4)).astype(np.float32)


def stored(path, array, chunks, **options):
    found = zarr.create_array(path, shape=array.shape, chunks=chunks, dtype=array.dtype, **options)
    found[...] = array
    return found


class Counting:
    """A stored array that remembers how much was read, and of which stored chunks."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, array.chunks
        self.reads = []

    def __getitem__(self, index):
        self.reads.append(index)
        return self.array[index]

    @property
    def largest(self):
        return max(prod(piece.stop - piece.start for piece in index) for index in self.reads)


def sources(matrices, folder):
    """Every kind of source that has one leading axis."""
    np.save(folder / "matrices.npy", matrices)
    on_disk = stored(folder / "m.zarr", matrices, (10, 4, 4))
    return {
        "array": matrices,
        "memory map": np.load(folder / "matrices.npy", mmap_mode="r"),
        "zarr": on_disk,
        "zarr, chunks that cut matrices": stored(folder / "c.zarr", matrices, (10, 3, 2)),
        "zarr, shards": stored(folder / "s.zarr", matrices, (5, 4, 4), shards=(20, 4, 4)),
        "DataArray": xr.DataArray(matrices, dims=("network", "row", "column")),
        "batches": [matrices[:50], matrices[50:50], matrices[50:]],
        "generator": (matrices[k : k + 9] for k in range(0, 103, 9)),
        "single matrices": iter(matrices),
    }


def as_rows(values):
    return np.concatenate([part.reshape(-1, len(GRAPHS)) for part in values])


@pytest.mark.parametrize("chunk", [None, 1, 7, 64, 1000])
def test_every_source_gives_the_values_of_the_whole(matrices, chunk, tmp_path):
    expected = evaluate(matrices, GRAPHS)
    for name, source in sources(matrices, tmp_path).items():
        parts = list(evaluate_chunks(source, GRAPHS, chunk=chunk))
        np.testing.assert_array_equal(as_rows(parts), expected, err_msg=name)
        assert all(part.size <= (chunk or 1000) * len(GRAPHS) for part in parts), name


@pytest.mark.parametrize("chunk", [None, 13])
def test_every_source_gives_the_same_moments_to_the_bit(matrices, chunk, tmp_path):
    expected = InvariantMoments.of(matrices, GRAPHS)
    for name, source in sources(matrices, tmp_path).items():
        moments = invariant_moments(source, GRAPHS, chunk=chunk)
        np.testing.assert_array_equal(moments.mean, expected.mean, err_msg=name)
        np.testing.assert_array_equal(moments.covariance, expected.covariance, err_msg=name)


@pytest.mark.parametrize("chunks", [(3, 2, 4, 4), (11, 1, 4, 4), (1, 7, 2, 4), (11, 7, 4, 4)])
@pytest.mark.parametrize("chunk", [None, 1, 5])
def test_several_leading_axes(ensemble, chunks, chunk, tmp_path):
    source = stored(tmp_path / "e.zarr", ensemble, chunks)
    expected = evaluate(ensemble, GRAPHS)
    np.testing.assert_array_equal(evaluate_chunked(source, GRAPHS), expected)
    found = as_rows(evaluate_chunks(source, GRAPHS, chunk=chunk))
    np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(expected.reshape(-1, len(GRAPHS)), axis=0))
    assert len(found) == 77
    moments = invariant_moments(source, GRAPHS, chunk=chunk)
    whole = InvariantMoments.of(ensemble, GRAPHS)
    assert moments.count == 77
    np.testing.assert_allclose(moments.covariance, whole.covariance, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("chunk", [None, 1, 5, 30])
@pytest.mark.parametrize("chunks", [(3, 2, 4, 4), (11, 1, 4, 4), (2, 7, 2, 4)])
def test_slabs_cover_the_source_once_and_no_chunk_is_read_twice(ensemble, chunks, chunk, tmp_path):
    source = Counting(stored(tmp_path / "e.zarr", ensemble, chunks))
    met = np.zeros(ensemble.shape[:2], dtype=int)
    for slab in slabs(source, SQUARE, graphs=1, chunk=chunk):
        met[slab.place] += 1
        np.testing.assert_array_equal(slab.matrices, ensemble[slab.place])
        assert chunk is None or met[slab.place].size <= chunk
    assert (met == 1).all()
    read = np.zeros(ensemble.shape[:2], dtype=int)
    for index in source.reads:
        read[index] += 1
        for piece, size, whole in zip(index, chunks[:2], ensemble.shape[:2], strict=True):
            assert piece.start % size == 0
            assert piece.stop % size == 0 or piece.stop == whole
    assert (read == 1).all()


def test_memory_is_bounded(tmp_path):
    """410 MB of matrices in at most three slabs' worth of memory; with `chunk`, in little more than a stored chunk."""
    source = Counting(
        zarr.create_array(tmp_path / "big.zarr", shape=(200_000, 16, 16), chunks=(1000, 16, 16), dtype=float)
    )
    assert prod(source.shape) * 8 > 12 * _SLAB_BYTES
    for chunk, most in ((None, 3 * _SLAB_BYTES), (500, 3 * 1000 * 256 * 8)):
        source.reads.clear()
        tracemalloc.start()
        try:
            moments = invariant_moments(source, GRAPHS[:2], chunk=chunk)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert moments.count == 200_000
        assert peak < most
        assert source.largest * 8 <= (_SLAB_BYTES if chunk is None else 1000 * 256 * 8)


def test_values_are_counted_where_they_are_more_than_the_matrices():
    """361 values of 2 x 2 matrices: the slab is as large as the values allow."""
    source = np.broadcast_to(np.eye(2), (30_000, 2, 2))
    largest = max(len(slab.matrices) for slab in slabs(source, SQUARE, graphs=361))
    assert _SLAB_BYTES // 2 < largest * 361 * 8 <= _SLAB_BYTES


def test_data_arrays_keep_dimensions_and_coordinates(ensemble):
    labels = xr.DataArray(
        ensemble,
        dims=("network", "epoch", "row", "column"),
        coords={
            "epoch": np.linspace(0, 3, 7),
            "step": ("epoch", np.arange(7)),
            "row": list("abcd"),
            "seed": 5,
            "both": (("row", "network"), np.zeros((4, 11))),
        },
        name="weight_1",
    )
    values = evaluate_chunked(labels, GRAPHS)
    assert values.dims == ("network", "epoch", "graph")
    assert set(values.coords) == {"epoch", "step", "seed", "graph"}
    assert values.name == "weight_1"
    np.testing.assert_array_equal(values, evaluate(ensemble, GRAPHS))
    one = values.sel(graph="01 12", epoch=3.0)
    np.testing.assert_array_equal(one, evaluate(ensemble[:, -1], [Multigraph([(0, 1), (1, 2)])])[:, 0])
    single = evaluate_chunked(labels[0, 0], GRAPHS)
    assert single.dims == ("graph",)
    assert evaluate_chunked(labels[:0], GRAPHS).shape == (0, 7, 13)
    with pytest.raises(ValueError, match="dimension named graph"):
        evaluate_chunked(labels.rename(network="graph"), GRAPHS)
    with pytest.raises(ValueError, match="coordinate named graph"):
        evaluate_chunked(labels.assign_coords(graph=1), GRAPHS)


def test_data_arrays_of_a_store_are_read_chunk_by_chunk(ensemble, tmp_path):
    dataset = xr.Dataset({"weight": (("network", "epoch", "row", "column"), ensemble)}, {"epoch": np.arange(7.0)})
    dataset.to_zarr(tmp_path / "e.zarr", encoding={"weight": {"chunks": (4, 1, 4, 4)}}, consolidated=False)
    lazy = xr.open_zarr(tmp_path / "e.zarr", chunks=None, consolidated=False)["weight"]
    places = [slab.place for slab in slabs(lazy, SQUARE, graphs=1, chunk=4)]
    assert {tuple(piece.stop - piece.start for piece in place) for place in places} == {(4, 1), (3, 1)}
    np.testing.assert_array_equal(evaluate_chunked(lazy, GRAPHS), evaluate(ensemble, GRAPHS))
    chosen = lazy.sel(epoch=2.0)
    np.testing.assert_array_equal(evaluate_chunked(chosen, GRAPHS), evaluate(ensemble[:, 2], GRAPHS))
    assert not lazy.variable._in_memory  # nothing of it was kept


def test_dask_arrays_stay_lazy(ensemble):
    da = pytest.importorskip("dask.array", reason="dask is optional")
    source = da.from_array(ensemble, chunks=((4, 4, 3), (2, 5), 2, 4))
    values = evaluate_chunked(source, GRAPHS)
    assert isinstance(values, da.Array)
    assert values.chunks == ((4, 4, 3), (2, 5), (13,))
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values.compute(), evaluate(ensemble, GRAPHS))
    np.testing.assert_array_equal(values[3, :, 5].compute(scheduler="sync"), evaluate(ensemble[3], GRAPHS[5:6])[:, 0])
    np.testing.assert_array_equal(evaluate_chunked(source[0, 0], GRAPHS), evaluate(ensemble[0, 0], GRAPHS))
    parts = list(evaluate_chunks(source[:, 0], GRAPHS, chunk=4))
    assert [len(part) for part in parts] == [4, 4, 3]
    assert invariant_moments(source, GRAPHS).count == 77

    labelled = xr.DataArray(source, dims=("network", "epoch", "row", "column"))
    found = evaluate_chunked(labelled, GRAPHS)
    assert isinstance(found.data, da.Array)
    assert found.dims == ("network", "epoch", "graph")
    np.testing.assert_array_equal(found.compute(), evaluate(ensemble, GRAPHS))
    moments = invariant_moments(labelled, GRAPHS, cross=False)
    np.testing.assert_allclose(moments.mean, found.mean(("network", "epoch")), rtol=1e-12)


def test_dask_arrays_of_unknown_shape(ensemble):
    da = pytest.importorskip("dask.array", reason="dask is optional")
    source = da.from_array(ensemble[:, 0], chunks=(4, 4, 4))
    chosen = source[source[:, 0, 0] > 0]
    with pytest.raises(ValueError, match="source must be of known shape"):
        evaluate_chunked(chosen, GRAPHS)
    expected = evaluate(ensemble[ensemble[:, 0, 0, 0] > 0, 0], GRAPHS)
    np.testing.assert_array_equal(evaluate_chunked(chosen.compute_chunk_sizes(), GRAPHS), expected)


def test_dask_arrays_say_which_matrix_is_wrong(ensemble):
    da = pytest.importorskip("dask.array", reason="dask is optional")
    bad = ensemble.copy()
    bad[9, 6, 2, 1] = np.inf
    values = evaluate_chunked(da.from_array(bad, chunks=(4, 5, 4, 4)), GRAPHS)
    with pytest.raises(ValueError, match=r"at index \(9, 6\) of the source"):
        values.compute(scheduler="sync")
    with pytest.raises(ValueError, match=r"square .* got shape \(11, 7, 4, 3\)"):
        evaluate_chunked(da.from_array(bad[..., :3], chunks=4), GRAPHS)  # before anything is computed


def test_other_kinds_of_matrices(tmp_path):
    rng = np.random.default_rng(6)
    for shape, family in (((20, 3, 5), RECTANGULAR), ((20, 2, 3, 3), TWO_SQUARE)):
        graphs = multigraphs(2, family)
        source = rng.normal(size=shape)
        expected = evaluate(source, graphs, family=family)
        on_disk = stored(tmp_path / f"{family.name}.zarr", source, (6, *shape[1:]))
        np.testing.assert_array_equal(evaluate_chunked(on_disk, graphs, family), expected)
        for given in (on_disk, source, [source[:3], source[3:]]):
            parts = list(evaluate_chunks(given, graphs, family=family, chunk=4))
            np.testing.assert_array_equal(np.concatenate(parts), expected)
    with pytest.raises(ValueError, match=r"of shape \(\.\.\., 2, N, N\), got \(5, 3, 4, 4\)"):
        next(evaluate_chunks(np.ones((5, 3, 4, 4)), [Multigraph([(0, 1)])], family=TWO_SQUARE))


def test_which_arrays_are_chunked(matrices, tmp_path):
    assert is_chunked(stored(tmp_path / "m.zarr", matrices, (10, 4, 4)))
    assert is_chunked(xr.DataArray(matrices))
    for other in (matrices, matrices.tolist(), matrices[0], 3.0, np.float64(3), "text", xr.Dataset()):
        assert not is_chunked(other)


def test_one_matrix_and_none(tmp_path):
    one = stored(tmp_path / "one.zarr", np.eye(4), (2, 2))
    np.testing.assert_array_equal(evaluate_chunked(one, GRAPHS), evaluate(np.eye(4), GRAPHS))
    assert invariant_moments(one, GRAPHS).count == 1
    none = zarr.create_array(tmp_path / "none.zarr", shape=(0, 4, 4), chunks=(2, 4, 4), dtype=float)
    assert evaluate_chunked(none, GRAPHS).shape == (0, 13)
    for source, message in (
        (none, r"at least one matrix, got shape \(0, 4, 4\)"),
        ([], "at least one matrix, got none"),
        ([np.empty((0, 4, 4))], "at least one matrix, got none"),
    ):
        with pytest.raises(ValueError, match=message):
            list(evaluate_chunks(source, GRAPHS))
        with pytest.raises(ValueError, match=message):
            invariant_moments(source, GRAPHS)


@pytest.mark.parametrize("chunk", [None, 1, 16])
def test_errors_say_which_matrix(matrices, ensemble, chunk, tmp_path):
    bad = matrices.copy()
    bad[[57, 80], 1, 2] = np.nan
    for name, source in sources(bad, tmp_path).items():
        with pytest.raises(ValueError, match=r"NaN or infinite entries, .* index 57 of the source"):
            list(evaluate_chunks(source, GRAPHS, chunk=chunk))
        if name == "zarr":
            with pytest.raises(ValueError, match="index 57 of the source"):
                invariant_moments(source, GRAPHS, chunk=chunk)
            with pytest.raises(ValueError, match="index 57 of the source"):
                evaluate_chunked(source, GRAPHS)
    networks = ensemble.copy()
    networks[8, 3, 0, 0] = -np.inf
    source = stored(tmp_path / "e.zarr", networks, (3, 2, 4, 4))
    with pytest.raises(ValueError, match=r"index \(8, 3\) of the source"):
        invariant_moments(source, GRAPHS, chunk=chunk)
    # batches of two leading axes are counted through
    with pytest.raises(ValueError, match=f"index {8 * 7 + 3} of the source"):
        list(evaluate_chunks([networks[:4], networks[4:]], GRAPHS, chunk=chunk))


def test_other_errors_say_where_as_well():
    symmetric = np.ones((40, 3, 3))
    symmetric[25, 0, 1] = 2
    with pytest.raises(ValueError, match=r"symmetric, .* in matrices from index 20 on of the source"):
        list(evaluate_chunks(symmetric, [Multigraph([(0, 1)], directed=False)], chunk=10))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([np.ones((2, 4, 4)), np.ones((2, 5, 5))], r"one shape, got \(4, 4\) and then \(5, 5\) in batch 1"),
        ([np.ones((2, 4, 3))], r"square in the last two axes, got shape \(2, 4, 3\)"),
        (np.ones((2, 4, 4), dtype=complex), "real numbers, got dtype complex128"),
        (np.ones(4), r"rows and columns, got shape \(4,\)"),
        (["text"], "real numbers"),
        (3.0, "iterable of batches of matrices, got float"),
    ],
)
def test_bad_sources_are_described(source, message):
    with pytest.raises(ValueError, match=message):
        list(evaluate_chunks(source, GRAPHS))
    with pytest.raises(ValueError, match=message):
        invariant_moments(source, GRAPHS)


def test_tensors_that_numpy_cannot_read():
    batch = torch.ones((2, 4, 4), requires_grad=True)
    with pytest.raises(ValueError, match=r"batch 1 of the source must be .*tensor\.detach\(\)\.cpu\(\)\.numpy\(\)"):
        invariant_moments([batch.detach(), batch], GRAPHS)
    with pytest.raises(ValueError, match=r"tensor\.detach\(\)\.float\(\)"):
        invariant_moments([batch.detach().bfloat16()], GRAPHS)
    with pytest.raises(ValueError, match=r"tensor\.detach\(\)"):
        InvariantMoments.of(batch, GRAPHS)


def test_bad_options_are_described_before_anything_is_read():
    def source():
        raise AssertionError("was read")
        yield

    with pytest.raises(ValueError, match="chunk must be an integer of at least 1, got 0"):
        evaluate_chunks(source(), GRAPHS, chunk=0)
    with pytest.raises(ValueError, match="graphs must be several"):
        evaluate_chunks(source(), [])
    with pytest.raises(ValueError, match="chunk must be"):
        invariant_moments(source(), GRAPHS, chunk=2.5)


def test_what_is_done_is_told(matrices):
    done = []
    list(evaluate_chunks(matrices, GRAPHS, chunk=50, advance=done.append))
    assert done == [50, 50, 3]
    invariant_moments(iter([matrices[:3], matrices[3]]), GRAPHS, advance=done.append)
    assert done == [50, 50, 3, 3, 1]


def test_a_stream_is_read_as_it_is_used(matrices):
    taken = []

    def stream():
        for number in range(10):
            taken.append(number)
            yield matrices[:5]

    values = evaluate_chunks(stream(), GRAPHS)
    assert taken == []
    next(values)
    assert taken == [0]


def test_no_package_of_arrays_is_imported():
    code = (
        "import sys, numpy as np; from pigmm.invariants.evaluation.chunked import *\n"
        "from pigmm.invariants import multigraphs\n"
        "invariant_moments(np.ones((3, 4, 4)), multigraphs(1)); list(evaluate_chunks([np.eye(4)], multigraphs(1)))\n"
        "print(sorted({'zarr', 'xarray', 'dask', 'pandas', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
