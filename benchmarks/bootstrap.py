"""Fits of a million matrices from disk, and the bootstrap comparison of a thousand with a thousand refits.

python benchmarks/bootstrap.py     (about a minute; --matrices and --replicates make it shorter)
"""

import argparse
import os
import resource
import tempfile
import time

import numpy as np
import zarr

from pigmm.fitting import PIGMM, bootstrap_comparison, compare, confidence_intervals, matrix_chunks
from pigmm.invariants import multigraphs

GRAPHS = (*multigraphs(3), *multigraphs(4))


def timed(what, function):
    """Print the wall and processor seconds of a call, and give its result."""
    before, start = os.times(), time.perf_counter()
    result = function()
    after, seconds = os.times(), time.perf_counter() - start
    busy = after.user + after.system - before.user - before.system
    print(f"{what:62s}{seconds:8.2f} s, {busy:7.2f} s of processor")
    return result


def store_of(path, count, size):
    """Write `count` matrices to a zarr store, in chunks of 16 MB."""
    store = zarr.create_array(path, shape=(count, size, size), chunks=(20_000, size, size), dtype="f8")
    rng = np.random.default_rng(0)
    for start in range(0, count, 20_000):
        store[start : start + 20_000] = rng.standard_normal((min(20_000, count - start), size, size))
    return store


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--matrices", type=int, default=1_000_000)
    parser.add_argument("--replicates", type=int, default=1000)
    options = parser.parse_args()
    size = 10
    with tempfile.TemporaryDirectory() as folder:
        store = timed(
            f"write {options.matrices} matrices of size {size}",
            lambda: store_of(f"{folder}/m.zarr", options.matrices, size),
        )
        timed("fit them from the zarr store", lambda: PIGMM.fit(matrix_chunks(store)))
        print(f"{'largest memory so far':62s}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB")
    for n in (200, 1000):
        matrices = PIGMM.iid(size, variance=1 / size).sample(n, seed=1)
        model = timed(f"fit {n} matrices", lambda m=matrices: PIGMM.fit(m))
        compare(model, matrices[:10], GRAPHS)  # compiled
        timed(f"compare {n} matrices, {len(GRAPHS)} graphs", lambda f=model, m=matrices: compare(f, m, GRAPHS))
        timed(f"exact intervals, {n} matrices", lambda f=model, m=matrices: confidence_intervals(f, m))
        result = timed(
            f"bootstrap comparison of {n} matrices, {options.replicates} refits",
            lambda f=model, m=matrices: bootstrap_comparison(f, m, GRAPHS, replicates=options.replicates),
        )
        print(f"    global p-value {result.global_p_value:.4f}, the smallest possible {result.smallest_p_value:.4f}")


if __name__ == "__main__":
    main()
