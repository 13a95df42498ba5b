"""Make reference values afresh, by brute force and without pigmm: python tests/golden/brute_force.py FOLDER.

Dense N^2 x N^2 Gaussians from an explicit orthonormal basis, Isserlis' theorem over all pairings by einsum, graphs told
apart by networkx's isomorphism test. Slow on purpose. Same files and format as the ones beside it.
"""

import itertools
import json
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import scipy.linalg


def all_graphs(degree):
    """Directed multigraphs of a degree, told apart by networkx."""
    if degree == 0:
        return [[]]
    found, by_signature = [], {}
    for smaller in all_graphs(degree - 1):
        n = 1 + max((v for arc in smaller for v in arc), default=-1)
        for arc in [*itertools.product(range(n + 1), repeat=2), (n, n + 1)]:
            arcs = [*smaller, arc]
            graph = nx.MultiDiGraph(arcs)
            signature = tuple(
                sorted((d, graph.out_degree(v), graph.number_of_edges(v, v)) for v, d in graph.in_degree())
            )
            if not any(nx.is_isomorphic(graph, other) for other in by_signature.get(signature, [])):
                by_signature.setdefault(signature, []).append(graph)
                found.append(arcs)
    return found


def irreps(size):
    """For each irrep its intertwiners (copies, dimension, N, N) in an orthonormal basis."""
    ones = np.ones(size) / np.sqrt(size)
    basis = scipy.linalg.null_space(ones[None, :]).T  # of V_H, (N - 1, N)
    centring = basis.T @ basis
    v0 = np.stack([np.outer(ones, ones), centring / np.sqrt(size - 1)])[:, None]
    h1 = np.stack([np.outer(ones, e) for e in basis])
    h3 = np.sqrt(size / (size - 2)) * np.stack([centring @ np.diag(e) @ centring for e in basis])
    vh = np.stack([h1, h1.swapaxes(1, 2), h3])
    pairs = list(itertools.combinations(range(size - 1), 2))
    v3 = np.stack([np.outer(basis[a], basis[b]) - np.outer(basis[b], basis[a]) for a, b in pairs]) / np.sqrt(2)
    symmetric = [np.outer(e, f) + np.outer(f, e) for e, f in itertools.combinations_with_replacement(basis, 2)]
    known = np.concatenate([v0[1], h3]).reshape(size, -1)
    rest = np.stack(symmetric).reshape(len(symmetric), -1)
    rest = scipy.linalg.orth((rest - rest @ known.T @ known).T).T
    v2 = rest.reshape(-1, size, size)
    return [v0, vh, v2[None], v3[None]]


def dense(size, parameters):
    """Mean (N, N) and covariance (N, N, N, N)."""
    v0, *_ = blocks = irreps(size)
    mean = np.einsum("x,xij->ij", parameters[:2], v0[:, 0])
    covariance, place = np.zeros((size,) * 4), 2
    for block in blocks:
        copies = len(block)
        g = np.zeros((copies, copies))
        for x, y in itertools.combinations_with_replacement(range(copies), 2):
            g[x, y] = g[y, x] = parameters[place]
            place += 1
        covariance += np.einsum("xy,xaij,yakl->ijkl", g, block, block, optimize=True)
    return mean, covariance


def matchings(items):
    """All ways to split items into singles and pairs."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for others in matchings(rest):
        yield [(first,), *others]
    for k, partner in enumerate(rest):
        for others in matchings(rest[:k] + rest[k + 1 :]):
            yield [(first, partner), *others]


def expectation(arcs, mean, covariance):
    """Isserlis' theorem, every pairing summed densely."""
    letters, total = "abcdefghijklmnop", 0.0
    for matching in matchings(tuple(range(len(arcs)))):
        names = ["".join(letters[v] for a in part for v in arcs[a]) for part in matching]
        tensors = [mean if len(part) == 1 else covariance for part in matching]
        total += float(np.einsum(",".join(names) + "->", *tensors, optimize=True))
    return total


def fit(matrices):
    """Moment estimates: V_0 centred, the other irreps of zero mean; covariances divide by n."""
    size = matrices.shape[1]
    result = []
    for r, block in enumerate(irreps(size)):
        components = np.einsum("xaij,nij->nxa", block, matrices)
        if r == 0:
            mean = components.mean(axis=0)
            result += mean[:, 0].tolist()
            components = components - mean
        g = np.einsum("nxa,nya->xy", components, components) / (len(matrices) * block.shape[1])
        result += g[np.triu_indices(len(g))].tolist()
    return result


def distances(size, p, q):
    """(W_2 squared, KL(p||q), KL(q||p)) of the dense Gaussians."""
    (mp, cp), (mq, cq) = ((m.ravel(), c.reshape(size**2, size**2)) for m, c in (dense(size, p), dense(size, q)))
    root = scipy.linalg.sqrtm(cp)
    bures = np.trace(cp + cq - 2 * scipy.linalg.sqrtm(root @ cq @ root).real)

    def kl(m1, c1, m2, c2):
        ratio = np.linalg.solve(c2, c1)
        shift = m1 - m2
        return 0.5 * (np.trace(ratio) - size**2 - np.linalg.slogdet(ratio)[1] + shift @ np.linalg.solve(c2, shift))

    return float((mp - mq) @ (mp - mq) + bures), float(kl(mp, cp, mq, cq)), float(kl(mq, cq, mp, cp))


def random_parameters(rng):
    """13 numbers with positive definite blocks."""
    result = rng.normal(size=2).tolist()
    for copies in (2, 3, 1, 1):
        root = rng.normal(size=(copies, copies + 1))
        result += (root @ root.T / copies)[np.triu_indices(copies)].tolist()
    return result


def main(folder):
    """Write the four files, seeded."""
    rng = np.random.default_rng(2025)
    graphs = {degree: all_graphs(degree) for degree in (1, 2, 3, 4)}
    models = [(size, random_parameters(rng)) for size in (4, 5, 8)]
    files = {"multigraphs": {"graphs": graphs}}
    files["expectations"] = {"cases": []}
    for size, parameters in models:
        moments = dense(size, parameters)
        values = [{"arcs": arcs, "value": expectation(arcs, *moments)} for d in graphs for arcs in graphs[d]]
        files["expectations"]["cases"].append({"size": size, "parameters": parameters, "expectations": values})
    batches = [rng.normal(size=(count, size, size)) + 0.3 for size, count in ((4, 3), (5, 6), (9, 12))]
    files["fits"] = {"cases": [{"size": b.shape[1], "matrices": b.tolist(), "parameters": fit(b)} for b in batches]}
    files["distances"] = {"cases": []}
    for size in (4, 6, 7):
        p, q = random_parameters(rng), random_parameters(rng)
        case = dict(zip(("wasserstein2_squared", "kl_p_q", "kl_q_p"), distances(size, p, q), strict=True))
        files["distances"]["cases"].append({"size": size, "p": p, "q": q, **case})
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
