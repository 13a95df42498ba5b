"""All 361 invariants of degree <= 4, each contracted by itself by opt_einsum and by cotengra, against `evaluate`.

python benchmarks/contractions.py     (about a minute; Linux)

Expressions are prepared beforehand, with greedy paths; only their contraction is timed. One matrix at a time, as these
libraries do not share work between graphs or matrices; `evaluate` on a batch. All on one processor, BLAS on one thread.
Each row is of one run, in which the three take turns. opt_einsum is slow with disconnected graphs of large matrices,
since it multiplies components out entry by entry before it sums (cotengra sums first).
"""

from __future__ import annotations

from string import ascii_lowercase

import cotengra
import numpy as np
import opt_einsum
from evaluation import best_times, normal

from pigmm.invariants import Multigraph, evaluate, multigraphs

BATCHES = ((10, 8_192, 5), (40, 1_024, 5), (160, 40, 3))  # N, matrices for evaluate, rounds
DEGREES = ((1,), (2,), (3,), (4,), (1, 2, 3, 4))


def subscripts(graph: Multigraph) -> str:
    """The graph for einsum: a letter for each node, a pair of letters for each arc."""
    return ",".join(ascii_lowercase[tail] + ascii_lowercase[head] for tail, head in graph.arcs) + "->"


def main() -> None:
    """Print the table."""
    print(f"microseconds a matrix, one thread; opt_einsum {opt_einsum.__version__}, cotengra {cotengra.__version__}")
    print(
        f"{'N':>4}{'degree':>8}{'graphs':>8}{'evaluate':>11}{'opt_einsum':>12}{'ratio':>8}{'cotengra':>12}{'ratio':>8}"
    )
    for size, batch, rounds in BATCHES:
        matrices = normal(batch, size, size)
        for degrees in DEGREES:
            graphs = tuple(graph for degree in degrees for graph in multigraphs(degree))
            times = timed(matrices, graphs, rounds)
            ours, *others = (1e6 * times[name] for name in ("evaluate", "opt_einsum", "cotengra"))
            print(f"{size:4}{'1-4' if len(degrees) > 1 else degrees[0]:>8}{len(graphs):8}{ours:11.2f}", end="")
            print("".join(f"{other:12.0f}{other / ours:8.1f}" for other in others))


def timed(matrices: np.ndarray, graphs: tuple[Multigraph, ...], rounds: int) -> dict[str, float]:
    """Seconds a matrix of each library."""
    first, out = matrices[0], evaluate(matrices, graphs)
    by_opt_einsum = [expression(opt_einsum.contract_expression, graph, first.shape) for graph in graphs]
    by_cotengra = [expression(cotengra.einsum_expression, graph, first.shape) for graph in graphs]
    for contractions in (by_opt_einsum, by_cotengra):  # what is prepared by the first call, and a check
        np.testing.assert_allclose([contract(first) for contract in contractions], out[0], rtol=1e-6, atol=1e-6)
    runs = {
        "evaluate": (1, lambda: evaluate(matrices, graphs, out=out)),
        "opt_einsum": (1, lambda: [contract(first) for contract in by_opt_einsum]),
        "cotengra": (1, lambda: [contract(first) for contract in by_cotengra]),
    }
    best = best_times(runs, rounds)
    return best | {"evaluate": best["evaluate"] / len(matrices)}


def expression(prepare, graph, shape):
    """A function of the matrix."""
    contract = prepare(subscripts(graph), *[shape] * graph.degree, optimize="greedy")
    return lambda matrix: contract(*[matrix] * graph.degree)


if __name__ == "__main__":
    main()
