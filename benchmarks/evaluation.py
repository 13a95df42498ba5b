"""Evaluation of all 361 invariants of degree <= 4 against plain numpy, one matrix at a time, of the paper's 52.

python benchmarks/evaluation.py     (about a minute)

The baseline evaluates only the 13 linear and quadratic invariants and the 39 higher ones that arXiv:2510.05218 studies
(those with 1, 2, n-1 or n nodes, n the largest number for the degree), by numpy operations on one
matrix, with the products of matrices and the sums that they share computed once.
"""

import time

import numba
import numpy as np
from threadpoolctl import threadpool_info

from pigmm.invariants import evaluate, expectation_map, multigraphs
from pigmm.invariants.kernels.arrays import run_on_arrays
from pigmm.invariants.interpreter import assemble, run
from pigmm.invariants.kernels.plan import plan

ALL = tuple(graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree))
PAPER = tuple(
    graph
    for degree in (1, 2, 3, 4)
    for graph in multigraphs(degree)
    if degree <= 2 or graph.number_of_nodes in (1, 2, 2 * degree - 1, 2 * degree)
)


def microseconds(function, matrices, repeats):
    """Least time a matrix of several runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        function(matrices)
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / len(matrices)


def baseline(matrices):
    """Plain numpy, one matrix at a time."""
    steps = plan(PAPER)
    for matrix in matrices:
        run_on_arrays(steps, matrix[None])


def main():
    """Print the table."""
    kernels = {info.get("architecture") for info in threadpool_info() if info["user_api"] == "blas"}
    print(f"numba {numba.__version__}, numpy {np.__version__}, BLAS kernel {', '.join(map(str, kernels))}")
    print(f"baseline: {len(PAPER)} invariants; evaluate: all {len(ALL)}")
    print(f"{'N':>4s}{'baseline us':>14s}{'evaluate us':>14s}{'ratio':>8s}   (two threads)")
    rng = np.random.default_rng(0)
    for size, batch in ((10, 50_000), (24, 10_000), (40, 4_000), (160, 20)):
        matrices = rng.standard_normal((batch, size, size))
        evaluate(matrices[:32], ALL)  # compiled, or read from the cache
        ours = microseconds(lambda m: evaluate(m, ALL), matrices, repeats=3)
        plain = microseconds(baseline, matrices[: max(10, min(300, batch))], repeats=3)
        print(f"{size:4d}{plain:14.1f}{ours:14.2f}{plain / ours:8.1f}")

    print("one thread, results not allocated: us a matrix")
    for size, batch in ((10, 50_000), (40, 2_000), (64, 400)):
        matrices, results = rng.standard_normal((batch, 1, size, size)), np.zeros((batch, len(ALL)))
        program = assemble(plan(ALL), (size,))
        print(f"{size:4d}{microseconds(lambda m, p=program, r=results: run(p, m, r), matrices, repeats=5):14.2f}")
    print("one matrix, milliseconds, and ratio to three products (gemm, the same BLAS and threads)")
    for size in (160, 640):
        matrix = rng.standard_normal((1, size, size))
        other, product = matrix[0].copy(), np.empty((size, size))
        ours = microseconds(lambda m: run_on_arrays(plan(ALL), m), matrix, repeats=10)
        gemm = microseconds(lambda m, o=other, p=product: np.matmul(m[0], o, out=p), matrix, repeats=10)
        print(f"{size:4d}{ours / 1000:14.2f}{ours / (3 * gemm):8.2f}")
    compiled, models = expectation_map(ALL, 10), rng.standard_normal((20_000, 13))
    print(f"expectation values of all 361: {microseconds(compiled, models, repeats=5):.2f} us a model")


if __name__ == "__main__":
    main()
