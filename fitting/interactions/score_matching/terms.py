"""The two tables of score matching as invariants: products of gradients, and Laplacians, of given graphs.

A density p ~ exp(sum_a theta_a O_a) is matched through K_ab = <grad O_a, grad O_b> and b_a = Laplacian O_a. Both are
invariants of the matrix again, combinations of graphs with two arcs less, so they are evaluated as all invariants are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ....invariants.derivatives.symbolic import Derivative, gradient_product, laplacian
from ....invariants.graphs.families import GraphFamily
from ....invariants.graphs.multigraph import Multigraph

Array = NDArray[np.float64]

# Their products are kept: 128 MB.
_MOST_INVARIANTS = 4096


@dataclass(frozen=True, eq=False)
class ScoreTerms:
    """K and b of graphs, as linear maps of the values of some invariants (with the constant 1 before them).

    Args:
        graphs: the O_a.
        invariants: those that K and b are made of.
        products: (len(graphs)^2, 1 + len(invariants)) sparse, the entries of K.
        laplacians: (len(graphs), 1 + len(invariants)), b.
    """

    graphs: tuple[Multigraph, ...]
    invariants: tuple[Multigraph, ...]
    products: sparse.csr_array
    laplacians: Array

    def equations(self, means: Array) -> tuple[Array, Array]:
        """K and b at the means of the invariants.

        Args:
            means: (len(invariants),).

        Returns:
            (len(graphs), len(graphs)) and (len(graphs),).

        Source:
            A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695, for exponential families.

        >>> from pigmm.invariants import SQUARE
        >>> terms = score_terms((Multigraph([(0, 1), (0, 1)]),), (4,), SQUARE)  # sum M_ij^2
        >>> terms.equations(np.array([16.0]))  # |2 M|^2 and 2 N^2
        (array([[64.]]), array([32.]))
        """
        values = np.concatenate([[1.0], means])
        return (self.products @ values).reshape(len(self.graphs), -1), self.laplacians @ values

    def scores(self, theta: Array) -> Array:
        """K theta + b of one matrix, as a linear map of the values of its invariants.

        Args:
            theta: (len(graphs),).

        Returns:
            (len(graphs), 1 + len(invariants)).

        >>> from pigmm.invariants import SQUARE
        >>> terms = score_terms((Multigraph([(0, 1), (0, 1)]),), (4,), SQUARE)
        >>> terms.scores(np.array([-0.5]))
        array([[32., -2.]])
        """
        along = sparse.kron(sparse.eye_array(len(self.graphs)), theta[None], format="csr")
        found: Array = (along @ self.products).toarray() + self.laplacians
        return found

    def objective(self, theta: Array) -> Array:
        """theta K theta / 2 + theta b of one matrix, as a linear map of the values of its invariants.

        Args:
            theta: (len(graphs),).

        Returns:
            (1 + len(invariants),).
        """
        return 0.5 * theta @ (self.scores(theta) + self.laplacians)


@lru_cache(maxsize=32)
def score_terms(graphs: tuple[Multigraph, ...], sizes: tuple[int, ...], family: GraphFamily) -> ScoreTerms:
    """Make K and b of graphs: an arc removed from each of two and their ends joined, or two removed from one.

    The result is remembered.

    Args:
        graphs: each once.
        sizes: one for each kind of nodes.
        family: the kind of matrices.

    Returns:
        The terms.

    Raises:
        ValueError: if K and b have more than 4096 invariants.

    >>> from pigmm.invariants import SQUARE
    >>> score_terms((Multigraph([(0, 0)]),), (4,), SQUARE).products.toarray()  # the gradient of the trace is 1
    array([[4.]])
    """
    size = sizes if len(sizes) > 1 else sizes[0]
    of_one = [laplacian(graph, size, family=family) for graph in graphs]
    seen: set[Multigraph | None] = set().union(*of_one)
    of_two = {}
    for a, b in combinations_with_replacement(range(len(graphs)), 2):
        of_two[a, b] = gradient_product(graphs[a], graphs[b], size, family=family)
        seen.update(of_two[a, b])
        if len(seen) > _MOST_INVARIANTS:
            raise ValueError(
                f"graphs must be fewer, so that their score has at most {_MOST_INVARIANTS} invariants, got "
                f"{len(graphs)} with more"
            )
    invariants = tuple(sorted(graph for graph in seen if graph is not None))
    place: dict[Multigraph | None, int] = {graph: 1 + number for number, graph in enumerate(invariants)}
    place[None] = 0
    rows, columns, values = [], [], []
    for (a, b), combination in of_two.items():
        for row in {a * len(graphs) + b, b * len(graphs) + a}:
            for graph, coefficient in combination.items():
                rows.append(row)
                columns.append(place[graph])
                values.append(float(coefficient))
    products = sparse.csr_array((values, (rows, columns)), shape=(len(graphs) ** 2, 1 + len(invariants)))
    return ScoreTerms(graphs, invariants, products, _dense(of_one, place))


def _dense(combinations: list[Derivative], place: dict[Multigraph | None, int]) -> Array:
    table = np.zeros((len(combinations), len(place)))
    for row, combination in enumerate(combinations):
        for graph, coefficient in combination.items():
            table[row, place[graph]] = float(coefficient)
    return table
