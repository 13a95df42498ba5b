# %% [markdown]
# # 1. Invariants of a matrix are directed multigraphs
#
# The symmetric group $S_N$ acts on the entries of a real $N \times N$ matrix by $M_{ij} \to M_{\sigma(i)\sigma(j)}$.
# Which polynomials in the entries stay the same? This paper finds them from the definition, counts them, and checks
# that the library lists the same ones. It is a script: every statement is asserted when it runs.
#
# ## From monomials to graphs
#
# The group permutes monomials, so the invariant polynomials of degree $d$ are spanned by the sums over its orbits of
# monomials. Read a monomial as a drawing: the factor $M_{ij}$ is an arc from node $i$ to node $j$. Permuting indices
# renames nodes; so an orbit is a drawing without names, a **directed multigraph** with $d$ arcs, and loops
# ($M_{ii}$) and parallel arcs ($M_{ij}^2$) are allowed. A drawing of $d$ arcs has at most $2d$ nodes, so for
# $N \ge 2d$ their number does not depend on $N$.
#
# We count orbits with nothing but the definition: list all monomials at $N = 2d$, and join those that the two
# generators of $S_N$, a transposition and a cycle, map to each other.

# %%
from collections import Counter
from itertools import combinations_with_replacement, product

import numpy as np

from pigmm.invariants import Multigraph, count_multigraphs, evaluate, multigraphs


def orbits_of_monomials(degree: int, size: int) -> list[tuple[tuple[int, int], ...]]:
    """One monomial, as its list of (row, column), from each orbit of S_N on monomials."""
    entries = list(product(range(size), repeat=2))
    monomials = list(combinations_with_replacement(entries, degree))
    number = {monomial: k for k, monomial in enumerate(monomials)}
    generators = [[1, 0, *range(2, size)], [*range(1, size), 0]]
    images = [[number[tuple(sorted((g[i], g[j]) for i, j in m))] for m in monomials] for g in generators]
    orbit = [-1] * len(monomials)
    representatives = []
    for start in range(len(monomials)):
        if orbit[start] >= 0:
            continue
        representatives.append(monomials[start])
        reached = [start]
        orbit[start] = start
        for k in reached:
            for image in images:
                if orbit[image[k]] < 0:
                    orbit[image[k]] = start
                    reached.append(image[k])
    return representatives


# %%
orbits = {degree: orbits_of_monomials(degree, 2 * degree) for degree in (1, 2, 3)}
print({degree: len(found) for degree, found in orbits.items()})
assert [len(orbits[degree]) for degree in (1, 2, 3)] == [2, 11, 52]

# %% [markdown]
# Each representative, read as a graph, is one of the library's, and each of the library's is met exactly once.

# %%
for degree, representatives in orbits.items():
    graphs = []
    for monomial in representatives:
        names = {index: place for place, index in enumerate(sorted({i for pair in monomial for i in pair}))}
        graphs.append(Multigraph([(names[i], names[j]) for i, j in monomial]))
    assert len(set(graphs)) == len(graphs)
    assert set(graphs) == set(multigraphs(degree))

# %% [markdown]
# The two linear and the eleven quadratic invariants:

# %%
for graph in multigraphs(1) + multigraphs(2):
    print(f"{graph.label:8s} {graph.formula}")

# %% [markdown]
# ## Counting without listing
#
# Burnside's lemma: the number of orbits is the average number of monomials that a permutation leaves in place. A
# permutation of the nodes permutes the $N^2$ possible arcs; two cycles of lengths $a$ and $b$ give $\gcd(a, b)$ cycles
# of length $\mathrm{lcm}(a, b)$ among the arcs; and the multisets of $d$ arcs that stay in place are counted by the
# coefficient of $x^d$ in $\prod_{\text{cycles}} 1 / (1 - x^{\text{length}})$. That is one sum over the partitions of
# $N = 2d$, and gives the sequence A052171 of the OEIS.

# %%
counts = [count_multigraphs(degree) for degree in range(1, 9)]
print(counts)
assert counts == [2, 11, 52, 296, 1724, 11060, 74527, 533046]
assert counts[:5] == [len(multigraphs(degree)) for degree in range(1, 6)]

# %% [markdown]
# ## By number of nodes
#
# At a finite size only graphs with at most $N$ nodes are independent, so the number of nodes matters.

# %%
by_nodes = {degree: [count_multigraphs(degree, nodes=n) for n in range(1, 2 * degree + 1)] for degree in (1, 2, 3, 4)}
for degree, row in by_nodes.items():
    print(degree, row, "sum", sum(row))
    listed = Counter(graph.number_of_nodes for graph in multigraphs(degree))
    assert row == [listed[n] for n in range(1, 2 * degree + 1)]
assert by_nodes[4] == [1, 18, 71, 108, 71, 22, 4, 1]

# %% [markdown]
# and from the definition: the orbits at a size $N < 2d$ are the graphs with at most $N$ nodes.

# %%
for degree, size in ((2, 2), (2, 3), (3, 2), (3, 4), (4, 3)):
    assert len(orbits_of_monomials(degree, size)) == sum(by_nodes[degree][:size])

# %% [markdown]
# ## Products
#
# Summing every index over all its values independently, the invariant of a graph of several components is the product
# of theirs. So the connected graphs generate all: 2, 8, 32, 167 of them in degrees 1 to 4, as the logarithm of the
# generating function says.

# %%
connected = [len(multigraphs(degree, connected=True)) for degree in (1, 2, 3, 4)]
assert connected == [2, 8, 32, 167] == [count_multigraphs(degree, connected=True) for degree in (1, 2, 3, 4)]

matrix = np.random.default_rng(0).integers(-3, 4, size=(5, 5))
for graph in multigraphs(3):
    parts = evaluate(matrix, graph.components)
    assert evaluate(matrix, [graph])[0] == parts.prod()
print("every invariant of degree 3 is the product of those of its components")
