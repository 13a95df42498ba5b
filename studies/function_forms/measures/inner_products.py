"""Inner products of functions: u^T I v, the mean of f_u f_v by Monte Carlo, and the limits' orthogonality."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ....spectra import relu_eigenvectors, relu_fisher_matrix
from ..settings import Settings
from .draws import Array, Stream, generator, hidden_weights
from .groups import groups_of

_CHUNK = 4000


def inner_product_table(settings: Settings, advance: Callable[[], None]) -> pd.DataFrame:
    """Measure the inner products of the functions of one network, in parameter space and in function space.

    Args:
        settings: of the study.
        advance: called after each chunk of inputs; `chunks_of` says how many there are.

    Returns:
        A row for each pair of approximate eigenvectors u, v (each pair once, with itself too): first, second (names),
        first_group, second_group, fisher (u^T I v), cosine (of f_u and f_v by it), monte_carlo (mean of f_u f_v over
        random inputs), standard_error and z of their difference.
    """
    rng = generator(settings.seed, Stream.INPUTS)
    weights = hidden_weights(settings.dimension, settings.hidden, rng)
    named = relu_eigenvectors(weights)
    vectors = np.array(list(named.values()))
    exact = vectors @ relu_fisher_matrix(weights) @ vectors.T
    sums, squares = np.zeros_like(exact), np.zeros_like(exact)
    for count in chunks_of(settings):
        values = np.maximum(rng.normal(size=(count, settings.dimension)) @ weights, 0) @ vectors.T
        sums += values.T @ values
        squares += (values**2).T @ values**2
        advance()
    mean = sums / settings.inputs
    error = np.sqrt((squares / settings.inputs - mean**2) / settings.inputs)
    return _pairs(settings.dimension, list(named), exact, mean, error)


def chunks_of(settings: Settings) -> list[int]:
    """Divide the inputs into chunks that fit into memory.

    Args:
        settings: of the study.

    Returns:
        The numbers of inputs.

    >>> chunks_of(Settings(inputs=9000))
    [4000, 4000, 1000]
    """
    return [min(_CHUNK, settings.inputs - start) for start in range(0, settings.inputs, _CHUNK)]


def _pairs(dimension: int, names: list[str], exact: Array, mean: Array, error: Array) -> pd.DataFrame:
    group = [group.name for group in groups_of(dimension) for _ in range(group.start, group.stop)]
    u, v = np.triu_indices(len(names))
    norms = np.sqrt(np.diagonal(exact))
    return pd.DataFrame(
        {
            "first": [names[k] for k in u],
            "second": [names[k] for k in v],
            "first_group": [group[k] for k in u],
            "second_group": [group[k] for k in v],
            "fisher": exact[u, v],
            "cosine": exact[u, v] / (norms[u] * norms[v]),
            "monte_carlo": mean[u, v],
            "standard_error": error[u, v],
            "z": (mean[u, v] - exact[u, v]) / error[u, v],
        }
    )


def orthogonality_table(products: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Summarise the cosines of the functions of different approximate eigenvectors, by pairs of groups.

    Args:
        products: of `inner_product_table`.
        settings: of the study.

    Returns:
        A row for each pair of groups: first_group, second_group, pairs, root_mean_square and largest (absolute cosine),
        limit (of the root mean square for infinite width: that of the limits F, which are orthogonal but for F_gg among
        each other) and expected (to the order m^(-1/2), for different degrees).
    """
    d, m = settings.dimension, settings.hidden
    groups = {group.name: group for group in groups_of(d)}
    distinct = products[products["first"] != products["second"]]
    rows = []
    for names, own in distinct.groupby(["first_group", "second_group"], sort=False):
        one, other = (groups[str(name)] for name in names)
        sizes = one.exact + (d + 2) / (2 * m), other.exact + (d + 2) / (2 * m)  # of E[f^2], with what leaks in
        scale = (one.exact + other.exact) / np.sqrt(sizes[0] * sizes[1])
        rows.append(
            {
                "first_group": one.name,
                "second_group": other.name,
                "pairs": len(own),
                "root_mean_square": float(np.sqrt((own.cosine**2).mean())),
                "largest": own.cosine.abs().max(),
                "limit": 1 / (d - 1) if one.name == other.name == "F_gg" else 0.0,
                "expected": np.nan if one.degree == other.degree else float(np.sqrt((d + 2) / (d * m)) * scale),
            }
        )
    return pd.DataFrame(rows)
