"""Tests whether several matrices under one permutation, such as the gates of a recurrent layer, are related.

Of k matrices of size N x N the components of an irrep are k sets of copies, side by side in N - 1, N(N-3)/2 or
(N-1)(N-2)/2 dimensions. If the matrices are independent, the sets are. With S the scatter of all copies of an irrep and
S_1, ..., S_k those of its sets, in m dimensions, the likelihood ratio against any relation is
    sum over irreps of m (ln det S_1 + ... + ln det S_k - ln det S),
and exp(-ratio / m) is, for each irrep, a product of independent beta variables (Wilks): the p-value is exact for
Gaussian entries, whatever the covariances within each matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....invariants.representation.spaces import MultiMatrixSpace, irrep_dimensions
from ..symmetry.beta_products import log_beta_survival
from ..symmetry.symmetry import randomisation_p_value

Array = NDArray[np.float64]

# Entries permuted in all: of larger matrices there are fewer randomisations, at least 99.
_RANDOMISED_ENTRIES = 1 << 27


def relation_tests(
    matrices: Array, space: MultiMatrixSpace, replicates: int, rng: np.random.Generator
) -> dict[str, float]:
    """Test several matrices for relations with each other beyond their trivial components.

    Args:
        matrices: (k, N, N), k at least 2, N above 3 k.
        space: of them.
        replicates: at most; the units of each matrix but the first are permuted by themselves, which is exact for
            entries of any law.
        rng: of the permutations.

    Returns:
        likelihood_ratio, degrees_of_freedom, p_value (exact for Gaussian entries); p_means_and_diagonals,
        p_symmetric_parts and p_antisymmetric_parts, the same of the relations in V_H, V_2 and V_3 alone;
        p_randomisation, of the largest of these three ratios in units of their spread over permutations;
        symmetric_correlation and antisymmetric_correlation, of V_2 and V_3, of the two matrices where it is largest in
        size; replicates, how many randomisations were made.

    Raises:
        ValueError: if the matrices are too few or too small, or one does not vary.

    >>> noise = np.random.default_rng(0).normal(size=(2, 8, 8))
    >>> noise[1] += noise[0]
    >>> found = relation_tests(noise, MultiMatrixSpace(2, 8), 0, np.random.default_rng(0))
    >>> bool(found["p_symmetric_parts"] < 0.01), bool(found["symmetric_correlation"] > 0.5)
    (True, True)
    """
    count, size = space.count, space.size
    if count < 2 or size <= 3 * count:
        raise ValueError(
            f"matrix must be several of more than 3 rows for each of them, got {count} of {size} rows: V_H has "
            f"{3 * count} copies in {size - 1} dimensions, whose covariance is singular"
        )
    dimensions = irrep_dimensions(space)[1:]
    parts = [part.reshape(count, -1, part.shape[-1]) for part in space.project(matrices)[1:]]
    for part, name in zip(parts, ("V_H", "V_2", "V_3"), strict=True):
        squares = np.square(part).sum(axis=2)
        if (squares <= 1e-12 * np.square(matrices).sum(axis=(1, 2))[:, None]).any():
            raise ValueError(f"each matrix must vary in {name}, got one that does not (is it symmetric, or sparse?)")
    ratios = _ratios(parts, dimensions)
    made = min(replicates, max(99, _RANDOMISED_ENTRIES // matrices.size)) if replicates else 0
    drawn = np.array([ratios] + [_ratios(_permuted(parts, size, rng), dimensions) for _ in range(made)])
    # the measured ones are among those that standardise, or the ranks would not be exact
    largest = ((drawn - drawn.mean(axis=0)) / (drawn.std(axis=0) if made else 1.0)).max(axis=1)
    factors = _beta_factors(count, dimensions)
    pairs = np.triu_indices(count, 1)
    symmetric, antisymmetric = (np.atleast_2d(np.corrcoef(part[:, 0]))[pairs] for part in parts[1:])
    return {
        "likelihood_ratio": sum(ratios),
        "degrees_of_freedom": 11 * len(pairs[0]),
        "p_value": log_beta_survival(sum(ratios), *np.concatenate(factors, axis=1)),
        "p_randomisation": randomisation_p_value(largest) if made else np.nan,
        "p_means_and_diagonals": log_beta_survival(ratios[0], *factors[0]),
        "p_symmetric_parts": log_beta_survival(ratios[1], *factors[1]),
        "p_antisymmetric_parts": log_beta_survival(ratios[2], *factors[2]),
        "symmetric_correlation": float(symmetric[np.abs(symmetric).argmax()]),
        "antisymmetric_correlation": float(antisymmetric[np.abs(antisymmetric).argmax()]),
        "replicates": made,
    }


def _ratios(parts: list[Array], dimensions: tuple[int, ...]) -> list[float]:
    """The likelihood ratio of each irrep, from components (k, copies, labels), by correlations of whitened sets."""
    ratios = []
    for part, dimension in zip(parts, dimensions, strict=True):
        roots = np.linalg.cholesky(np.einsum("kxa,kya->kxy", part, part))
        white = np.linalg.solve(roots, part).reshape(-1, part.shape[-1])
        ratios.append(-dimension * float(np.linalg.slogdet(white @ white.T)[1]))
    return ratios


def _permuted(parts: list[Array], size: int, rng: np.random.Generator) -> list[Array]:
    """The components with the units of each matrix but the first permuted: a permutation permutes the labels."""
    count = len(parts[0])
    moved = [part.copy() for part in parts]
    for number in range(1, count):
        sigma = rng.permutation(size)
        both = (sigma[:, None] * size + sigma).ravel()
        for part, own, order in zip(moved, parts, (sigma, both, both), strict=True):
            part[number] = own[number][:, order]
    return moved


def _beta_factors(count: int, dimensions: tuple[int, ...]) -> list[Array]:
    """For each irrep (3, variables): a and b of the beta variables whose logarithms add to the ratio, and the weights.

    Given the q sets before it, the share of a set of p copies that they do not explain is a product of
    Beta((m - p q - j) / 2, p q / 2), j = 0, ..., p - 1.
    """
    return [
        np.array([((m - p * q - j) / 2, p * q / 2, m) for q in range(1, count) for j in range(p)], dtype=np.float64).T
        for m, p in zip(dimensions, (3, 1, 1), strict=True)
    ]
