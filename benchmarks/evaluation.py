"""Evaluation of all 361 invariants of degree <= 4: against plain numpy, against BLAS, against the machine's limits.

python benchmarks/evaluation.py     (about two minutes; Linux)

Every ratio is of one run, in which what is compared takes turns, and the fastest of several rounds counts. "One thread"
is one processor: `evaluate` uses as many threads as there are processors that the process may run on, so the process
restricts itself to one for as long as that takes; BLAS is told the number. Results go into those
of the call before (`out`), unless they are said to be fresh.
"""

from __future__ import annotations

import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numba
import numpy as np
import zarr
from baselines.plain_invariants import FORMULAS, GRAPHS, plain_invariants
from llvmlite.binding import get_host_cpu_name
from threadpoolctl import ThreadpoolController

from pigmm.invariants import (
    Multigraph,
    evaluate,
    evaluate_gradient,
    evaluate_with_gradient,
    expectation_map,
    multigraphs,
)
from pigmm.invariants.evaluation.chunked import invariant_moments
from pigmm.invariants.evaluation.kernels.plan import plan
from pigmm.invariants.evaluation.kernels.strips.program import _SPARE
from pigmm.simd import add, aligned_empty, fma, load, store

ALL = tuple(graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree))
LIBRARIES = ThreadpoolController()

# N, matrices of a batch, and how many of them the baseline evaluates
BATCHES = ((10, 50_000, 500), (24, 10_000, 300), (40, 4_000, 100), (160, 48, 4), (640, 4, 1))

PRODUCTS = ("product", "product_transposed", "transposed_product")

# those of the baseline that numpy evaluates by pow
POWERS = ("01 01 01", "00 01 01 01", "01 01 01 10", "01 01 01 11", "01 01 01 01")


@contextmanager
def processors(count: int) -> Iterator[None]:
    """Let this thread and those that it starts run on so many processors only, and BLAS use as many threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        with LIBRARIES.limit(limits=count, user_api="blas"):
            yield
    finally:
        os.sched_setaffinity(0, before)


def best_times(
    runs: dict[str, tuple[int, Callable[[], object]]], rounds: int, calls: int = 1, rest: float = 0.05
) -> dict[str, float]:
    """Least seconds of each run, a name: (processors, function), which take turns of so many calls."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, (count, function) in runs.items():
            with processors(count):
                time.sleep(rest)  # after its work BLAS keeps the processors of its threads busy for a while
                for _ in range(calls):
                    best[name] = min(best[name], seconds(function))
    return best


def seconds(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def normal(*shape: int) -> np.ndarray:
    """Normal entries, the same in every run."""
    return np.random.default_rng(0).standard_normal(shape)


def against_plain_numpy() -> None:
    """All 361 against the baseline's 52."""
    print(f"\nAll {len(ALL)} by evaluate against {len(GRAPHS)} by plain numpy; microseconds a matrix")
    print(f"{'N':>4}{'numpy, 52':>12}{'1 thread':>11}{'ratio':>8}{'2 threads':>11}{'ratio':>8}{'2, fresh results':>18}")
    for size, batch, few in BATCHES:
        matrices = normal(batch, size, size)
        out = evaluate(matrices, ALL)
        runs = {
            "plain": (1, lambda m=matrices[:few]: [plain_invariants(matrix) for matrix in m]),
            "one": (1, lambda m=matrices, o=out: evaluate(m, ALL, out=o)),
            "two": (2, lambda m=matrices, o=out: evaluate(m, ALL, out=o)),
            "fresh": (2, lambda m=matrices: evaluate(m, ALL)),
        }
        best = best_times(runs, rounds=5)
        plain, one, two, fresh = (
            1e6 * best[name] / (few if name == "plain" else batch) for name in ("plain", "one", "two", "fresh")
        )
        print(f"{size:4}{plain:12.1f}{one:11.2f}{plain / one:8.1f}{two:11.2f}{plain / two:8.1f}{fresh:18.2f}")
    one = normal(4, 4)
    fixed = best_times({"": (1, lambda: evaluate(one, ALL))}, rounds=100)[""]
    print(f"(what each call takes, whatever the batch: {1e6 * fixed:.0f} microseconds with a single matrix of N = 4)")
    matrix = matrices[0]
    shared = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    runs = {
        "powers": (1, lambda: [FORMULAS[arcs](matrix, *shared) for arcs in POWERS]),
        "all": (1, lambda: plain_invariants(matrix)),
    }
    best = best_times(runs, rounds=3)
    share = best["powers"] / best["all"]
    print(
        f"(the five of the baseline with m**3 or m**4 take {share:.0%} of its time at N = {len(matrix)}: pow is slow)"
    )


def against_products() -> None:
    """One matrix against three products."""
    architectures = sorted({str(info.get("architecture")) for info in LIBRARIES.select(user_api="blas").info()})
    print(f"\nAll {len(ALL)} of one matrix against three products, np.matmul(m, other, out=) of two arrays: gemm of")
    print(f"{', '.join(info['internal_api'] for info in LIBRARIES.select(user_api='blas').info())}, kernel", end=" ")
    print(f"{', '.join(architectures)}; milliseconds")
    print(f"{'N':>4}{'threads':>9}{'evaluate':>10}{'3 gemm':>9}{'ratio':>7}{'peak memory, in N x N':>23}")
    for size in (160, 640):
        matrix, other = normal(2, size, size)
        product, out = np.empty((size, size)), np.empty(len(ALL))
        for count in (1, 2):
            runs = {
                "evaluate": (count, lambda m=matrix, o=out: evaluate(m, ALL, out=o)),
                "gemm": (count, lambda m=matrix, o=other, p=product: [np.matmul(m, o, out=p) for _ in range(3)]),
            }
            best = best_times(runs, rounds=8, calls=8, rest=0.3)
            ours, three = 1e3 * best["evaluate"], 1e3 * best["gemm"]
            with processors(count):
                memory = peak_memory(runs["evaluate"][1]) / matrix.nbytes
            print(f"{size:4}{count:9}{ours:10.2f}{three:9.2f}{ours / three:7.2f}{memory:23.1f}")


def peak_memory(function: Callable[[], object]) -> int:
    """Bytes that a call allocates at most, besides what is there before."""
    _SPARE.clear()  # memory that is kept from call to call
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def higher_degrees() -> None:
    """The graphs of degree 5 and 6."""
    print("\nDegrees 5 and 6; seconds of a call with 8 matrices of N = 10 (the first plans; the listing of the graphs")
    print("is not counted), and microseconds a matrix of many, two threads. What goes through numpy, since no")
    print("elimination through vectors and matrices reaches it, apart: the complete graph on four nodes, oriented")
    print(f"{'':>12}{'graphs':>8}{'first call':>12}{'second':>9}{'N = 10':>9}{'N = 40':>9}")
    for degree in (5, 6):
        graphs = multigraphs(degree)
        few = normal(8, 10, 10)
        calls = [seconds(lambda m=few, g=graphs: evaluate(m, g)) for _ in range(2)]
        general = tuple(graph for graph in graphs if plan((graph,)).needs_general_contractions)
        planned = tuple(graph for graph in graphs if graph not in set(general))
        columns = [many(planned, size, batch) for size, batch in ((10, 1024), (40, 128))]
        print(f"{f'degree {degree}':>12}{len(graphs):8}{calls[0]:12.2f}{calls[1]:9.2f}", end="")
        print("".join(f"{column:9.0f}" for column in columns))
        if general:
            columns = [many(general, size, batch) for size, batch in ((10, 1024), (40, 128))]
            print(f"{'of which':>12}{len(general):8}{'':21}" + "".join(f"{column:9.0f}" for column in columns))


def many(graphs: tuple[Multigraph, ...], size: int, batch: int) -> float:
    """Microseconds a matrix of a batch."""
    matrices = normal(batch, size, size)
    out = evaluate(matrices, graphs)
    return 1e6 * best_times({"": (2, lambda: evaluate(matrices, graphs, out=out))}, rounds=3)[""] / batch


def gradients() -> None:
    """Gradients of a weighted sum of all 361, and of each of them."""
    print("\nGradient of a weighted sum of all 361 against evaluate, and both in one pass; microseconds a matrix, one")
    print("thread")
    print(f"{'N':>4}{'evaluate':>11}{'gradient':>11}{'ratio':>7}{'with values':>13}{'ratio':>7}")
    weights = normal(len(ALL))
    for size, batch, _ in BATCHES:
        matrices = normal(batch // 2, size, size)
        out = evaluate(matrices, ALL)
        runs = {
            "evaluate": (1, lambda m=matrices, o=out: evaluate(m, ALL, out=o)),
            "gradient": (1, lambda m=matrices: evaluate_gradient(m, ALL, weights=weights)),
            "both": (1, lambda m=matrices: evaluate_with_gradient(m, ALL, weights)),
        }
        best = best_times(runs, rounds=5)
        ours, gradient, both = (1e6 * best[name] / len(matrices) for name in runs)
        print(f"{size:4}{ours:11.2f}{gradient:11.2f}{gradient / ours:7.2f}{both:13.2f}{both / ours:7.2f}")
    print("\nGradients of each of all 361 against filling as much fresh memory; microseconds a matrix, one thread")
    print(f"{'N':>4}{'filling':>11}{'gradients':>11}{'ratio':>7}")
    for size, batch in ((10, 400), (24, 40), (40, 20)):
        matrices = normal(batch, size, size)
        runs = {
            "fill": (1, lambda m=matrices: np.ones((len(m), len(ALL), *m.shape[1:]))),
            "each": (1, lambda m=matrices: evaluate_gradient(m, ALL)),
        }
        best = best_times(runs, rounds=5)
        fill, each = (1e6 * best[name] / batch for name in runs)
        print(f"{size:4}{fill:11.1f}{each:11.1f}{each / fill:7.2f}")


def expectations() -> None:
    """Expectation values of all 361 under many models."""
    compiled, models = expectation_map(ALL, 10), normal(100_000, 13)
    best = best_times({"": (2, lambda: compiled(models))}, rounds=3)[""]
    print(f"\nExpectation values of all 361 under {len(models)} models, N = 10, two threads:", end=" ")
    print(f"{1e6 * best / len(models):.2f} microseconds a model")


def streaming() -> None:
    """Means and variances of all 361 over an array on disk."""
    count, size = 100_000, 10
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/matrices.zarr"
        store = zarr.create_array(path, shape=(count, size, size), chunks=(20_000, size, size), dtype="f8")
        store[:] = normal(count, size, size)
        best = best_times({"": (2, lambda: invariant_moments(zarr.open_array(path), ALL, cross=False))}, rounds=3)[""]
    print(f"Means and variances of all 361 over {count} matrices in a zarr array, N = {size}, two threads:", end=" ")
    print(f"{1e6 * best / count:.2f} microseconds a matrix")


@numba.njit(nogil=True, error_model="numpy")
def multiply_and_add(count, w):
    """Twelve independent chains of multiplications and additions, more than the processor can delay."""
    x, y = load(w, 0), load(w, 8)
    a, b, c, d, e, f = load(w, 16), load(w, 24), load(w, 32), load(w, 40), load(w, 48), load(w, 56)
    g, h, i, j, k, l = load(w, 64), load(w, 72), load(w, 80), load(w, 88), load(w, 96), load(w, 104)
    for _ in range(count):
        a, b, c, d = fma(a, x, y), fma(b, x, y), fma(c, x, y), fma(d, x, y)
        e, f, g, h = fma(e, x, y), fma(f, x, y), fma(g, x, y), fma(h, x, y)
        i, j, k, l = fma(i, x, y), fma(j, x, y), fma(k, x, y), fma(l, x, y)
    total = add(add(add(a, b), add(c, d)), add(add(e, f), add(g, h)))
    store(w, 16, add(total, add(add(i, j), add(k, l))))


def peak_arithmetic() -> tuple[int, Callable[[], object]]:
    """Multiplications and additions, and a function that does as many in registers alone."""
    numbers, count = aligned_empty(112), 1_000_000
    numbers[:] = 1 / np.arange(2, 114)  # all chains different, none grows beyond bounds
    multiply_and_add(1, numbers)  # compiled
    return count * 12 * 16, lambda: multiply_and_add(count, numbers)


def arithmetic(size: int) -> tuple[int, int]:
    """Multiplications and additions: of products of matrices (half of a symmetric one is computed), and of the rest."""
    found = plan(ALL)
    products = [step for step in found.steps if step.operation in PRODUCTS]
    symmetric = sum(step.operation != "product" and len(set(step.inputs)) == 1 for step in products)
    each = size**2 * (2 * size - 1)
    return len(products) * each - symmetric * each // 2, found.cost((size,)).flops - len(products) * each


def limits() -> None:
    """How near evaluation on one thread comes to what one processor can do."""
    operations, arithmetic_alone = peak_arithmetic()
    source, target = np.ones(1 << 24), np.zeros(1 << 24)
    runs = {
        "arithmetic": (1, arithmetic_alone),
        "memory": (1, lambda: np.copyto(target, source)),
    }
    for size, batch, _ in BATCHES:
        matrices = normal(batch, size, size)
        out = evaluate(matrices, ALL)
        runs[size] = (1, lambda m=matrices, o=out: evaluate(m, ALL, out=o))
    best = best_times(runs, rounds=5)
    peak, bandwidth = operations / best["arithmetic"], 2 * source.nbytes / best["memory"]
    print(f"\nOne thread against the machine: {peak / 1e9:.0f} Gflop/s of multiplications and additions;", end=" ")
    print(f"{bandwidth / 1e9:.1f} GB/s read and written by a copy")
    print("(flops: as Plan.cost counts them, but of a symmetric product the half that is computed; bytes: the matrix")
    print("in, the results out)")
    print(f"{'N':>4}{'us':>10}{'Mflop':>10}{'Gflop/s':>9}{'of peak':>9}{'KB':>9}{'GB/s':>7}{'of copy':>9}")
    for size, batch, _ in BATCHES:
        flops, traffic, time_of_one = sum(arithmetic(size)), 8 * (size * size + len(ALL)), best[size] / batch
        print(f"{size:4}{1e6 * time_of_one:10.2f}{flops / 1e6:10.3f}{flops / time_of_one / 1e9:9.1f}", end="")
        print(f"{flops / time_of_one / peak:9.0%}{traffic / 1e3:9.1f}{traffic / time_of_one / 1e9:7.2f}", end="")
        print(f"{traffic / time_of_one / bandwidth:9.0%}")


def main() -> None:
    """Print the tables."""
    available = len(os.sched_getaffinity(0))
    print(f"numpy {np.__version__}, numba {numba.__version__}, {get_host_cpu_name()}, {available} processors")
    against_plain_numpy()
    against_products()
    higher_degrees()
    gradients()
    expectations()
    streaming()
    limits()


if __name__ == "__main__":
    main()
