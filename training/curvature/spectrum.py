"""Spectra without the matrix: the largest eigenvalues by Lanczos, the density by stochastic Lanczos quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

Array = NDArray[np.float64]


def largest_eigenvalues(
    product: Callable[[Array], Array], size: int, count: int, *, which: str = "LA", seed: int = 0
) -> tuple[Array, Array]:
    """Return the outermost eigenvalues of a symmetric operator, and their eigenvectors.

    Args:
        product: vector (size,) -> operator times vector.
        size: P.
        count: how many, fewer than the size.
        which: "LA" the largest, "SA" the smallest, "BE" half from each end, "LM" the largest in absolute value.
        seed: of the first vector.

    Returns:
        (count,) in increasing order, and (size, count).

    Raises:
        ValueError: if the count does not fit, or the operator is not symmetric or its values are not finite.
        ArithmeticError: if Lanczos does not converge; it says how many have.

    Source:
        R. B. Lehoucq, D. C. Sorensen and C. Yang, ARPACK Users' Guide (1998).

    >>> largest_eigenvalues(lambda v: np.arange(10.0) * v, 10, 2)[0].round(6)
    array([8., 9.])
    """
    if not 0 < count < size:
        raise ValueError(f"count must be at least 1 and below the size {size}, got {count}")
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, size))
    left, right = (np.asarray(product(v), dtype=np.float64) for v in (one, other))
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise ValueError("product must be finite, got NaN or infinite numbers")
    scale = np.linalg.norm(left) * np.linalg.norm(other) + np.linalg.norm(right) * np.linalg.norm(one)
    if abs(left @ other - right @ one) > 1e-4 * scale:
        raise ValueError("product must be that of a symmetric operator, got u^T A v that differs from v^T A u")
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    try:
        values, vectors = eigsh(operator, count, which=which, v0=one)
    except ArpackNoConvergence as error:
        raise ArithmeticError(f"Lanczos found {len(error.eigenvalues)} of {count} eigenvalues: ask for fewer") from None
    order = np.argsort(values)
    return values[order], vectors[:, order]


def lanczos_quadrature(
    product: Callable[[Array], Array], size: int, *, steps: int = 80, vectors: int = 10, seed: int = 0
) -> tuple[Array, Array]:
    """Return nodes and weights of the spectral density: sum of weights f(nodes) estimates the mean of f(eigenvalues).

    Args:
        product: vector (size,) -> symmetric operator times vector.
        size: P.
        steps: of Lanczos from each vector, at most the size; each is orthogonalised against all before.
        vectors: random ones, whose quadratures are averaged.
        seed: of the vectors.

    Returns:
        nodes and weights, each (vectors, steps or fewer); the weights add up to one.

    Raises:
        ValueError: if steps or vectors are below one, or the product is not finite.

    Source:
        S. Ubaru, J. Chen and Y. Saad, SIAM J. Matrix Anal. Appl. 38 (2017) 1075.

    >>> nodes, weights = lanczos_quadrature(lambda v: np.arange(30.0) * v, 30, steps=30, vectors=200)
    >>> bool(abs((weights * nodes).sum() - 14.5) < 1.0)
    True
    """
    if steps < 1 or vectors < 1:
        raise ValueError(f"steps and vectors must be at least 1, got {steps} and {vectors}")
    rng = np.random.default_rng(seed)
    pairs = [_quadrature(product, rng.normal(size=size), min(steps, size)) for _ in range(vectors)]
    # an invariant subspace ends a run early: fill with weight zero
    longest = max(len(nodes) for nodes, _ in pairs)
    nodes = np.stack([np.pad(n, (0, longest - len(n)), mode="edge") for n, _ in pairs])
    weights = np.stack([np.pad(w, (0, longest - len(w))) for _, w in pairs]) / vectors
    return nodes, weights


def _quadrature(product: Callable[[Array], Array], start: Array, steps: int) -> tuple[Array, Array]:
    basis = np.empty((steps, len(start)))
    diagonal: list[float] = []
    beside: list[float] = []
    current = start / np.linalg.norm(start)
    for step in range(steps):
        basis[step] = current
        following = np.asarray(product(current), dtype=np.float64)
        if not np.isfinite(following).all():
            raise ValueError("product must be finite, got NaN or infinite numbers")
        diagonal.append(float(current @ following))
        # twice is enough: orthogonal to rounding
        for _ in range(2):
            following -= basis[: step + 1].T @ (basis[: step + 1] @ following)
        length = float(np.linalg.norm(following))
        if step == steps - 1 or length <= 1e-12 * max(map(abs, diagonal)):
            break
        beside.append(length)
        current = following / length
    values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside[: len(diagonal) - 1]))
    return values, np.square(vectors[0])
