"""Tests whether mean and covariance are permutation invariant, irrep by irrep.

The model assumes that components of irreps other than the trivial one have mean zero, and that second moments join
only copies of one irrep, each label with itself. A layer whose rows are classes has neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from ....invariants.checks import checked_integer
from ....invariants.representation.spaces import MatrixSpace
from ...model.blocks import check_positive_definite
from ...model.gaussian import BlockGaussian
from ...model.sufficient_statistics import SufficientStatistics, checked_batch, matrix_chunks
from .beta_products import log_beta_survival, wilks_factors
from .permuted_components import Labelled, Permutations, identities, labelled, random_permutations
from .symmetry import Scaled, in_units, randomisation_p_value

Array = NDArray[np.float64]

# A statistic that spreads by less than this fraction of itself is the same for all permutations.
_ROUNDING = 1e-9


def mean_invariance_test(matrices: ArrayLike, *, space: MatrixSpace | None = None) -> pd.DataFrame:
    """Test, irrep by irrep and together, that the mean is invariant, with its exact law for Gaussian matrices.

    With c the mean (copies, labels) of the components of an irrep of dimension d over n matrices, B = n c c^T, and W
    the scatter about the mean, twice the logarithm of the likelihood ratio of a free mean is
        -n d log Lambda,   Lambda = det W / det (W + B)   (Wilks' lambda),
    and under the invariant Gaussian model Lambda is a product of independent variables
    Beta(((n - 1) d - j) / 2, d / 2), j = 0, ..., copies - 1. Irreps are independent, so the law of the sum is as exact.

    Args:
        matrices: (n, rows, columns), as many as a fit needs.
        space: as in `BlockGaussian.fit`.

    Returns:
        A row for each irrep but the trivial one, and "all"; index "irrep", columns degrees_of_freedom (copies times
        dimension: the means that must vanish), likelihood_ratio (twice the logarithm), p_value.

    Raises:
        ValueError: if the model cannot be fitted.

    Source:
        S. S. Wilks, Biometrika 24 (1932) 471; T. W. Anderson, An Introduction to Multivariate Statistical Analysis
        (2003), section 8.4.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(5, variance=1.0).sample(100, seed=0)
    >>> matrices[:, 0] += 0.5  # one row is another class
    >>> mean_invariance_test(matrices).p_value.lt(1e-6).to_dict()
    {'V_H': True, 'V_2': False, 'V_3': False, 'all': True}
    """
    scaled = Scaled.of(checked_batch(matrices, space))
    model = BlockGaussian.fit(matrix_chunks(scaled), space)
    n = len(scaled.matrices)
    mean_matrix = np.sum([chunk.sum(axis=0) for chunk in matrix_chunks(scaled)], axis=0) / n
    means = model.space.project(mean_matrix)
    # in a pass of its own, so that a large mean costs no digits
    about_mean = SufficientStatistics.of_chunks(matrix_chunks(replace(scaled, centre=mean_matrix)), model.space)
    rows, factors = [], []
    irreps = model.space.decomposition.irreps
    for irrep, d, mean, scatter in zip(irreps, model.dimensions, means, about_mean.scatter, strict=True):
        if irrep.is_trivial:
            continue
        copies = len(irrep.copies)
        check_positive_definite(scatter, irrep.name)
        # from the eigenvalues of W^-1 B, so that ratios next to 1 and very large ones keep their digits
        root = np.linalg.cholesky(scatter)
        excess = np.linalg.svd(np.linalg.solve(root, np.sqrt(n) * mean), compute_uv=False)[:copies] ** 2
        ratio = n * d * float(np.log1p(excess).sum())
        own = np.vstack([wilks_factors(copies, d, n), np.full(copies, n * d)])
        factors.append(own)
        rows.append((f"V_{irrep.name}", copies * d, ratio, log_beta_survival(ratio, *own)))
    total = sum(ratio for _, _, ratio, _ in rows)
    degrees = sum(number for _, number, _, _ in rows)
    rows.append(("all", degrees, total, log_beta_survival(total, *np.hstack(factors))))
    columns = ["irrep", "degrees_of_freedom", "likelihood_ratio", "p_value"]
    return pd.DataFrame(rows, columns=columns).set_index("irrep")


def permutation_invariance_test(
    matrices: ArrayLike, *, replicates: int = 199, seed: int = 0, space: MatrixSpace | None = None
) -> pd.DataFrame:
    """Exact test that the law of the matrices is permutation invariant, whatever it is, by their first two moments.

    Under the hypothesis an ensemble whose matrices are each permuted at random (M -> P M P^T, rows and columns by their
    own permutations if the space has them) is as likely as the one measured. The statistics, of components whitened
    by the fit (which permutations do not change): n |mean|^2 for each irrep, and for each pair of irreps
    n |S|^2, S the part of their covariance that is not invariant. With B replicates
    p = (1 + number of replicates not below) / (B + 1).

    Args:
        matrices: (n, rows, columns), as many as a fit needs. Each draw costs O(n entries min(n, entries)).
        replicates: how many, at least 1.
        seed: of the permutations.
        space: as in `BlockGaussian.fit`.

    Returns:
        Index (moment, irreps): "mean" of an irrep and "covariance" of a pair ("V_0 x V_H"; of an irrep with itself only
        if its dimension is above 1: else nothing can depart), with "all" after each kind, the sum of the z (0 where no
        permutation changes the statistic); columns statistic, expected and standard_deviation (over the permuted
        ensembles), p_value.

    Raises:
        ValueError: if the model cannot be fitted.

    Source:
        J. Besag and P. Clifford, Biometrika 76 (1989) 633.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(5, variance=1.0).sample(100, seed=0)
    >>> matrices[:, 0] *= 2  # one row is another class: it varies more
    >>> table = permutation_invariance_test(matrices)
    >>> float(table.p_value["covariance", "all"]), bool(table.p_value["mean", "all"] > 0.01)
    (0.005, True)
    """
    checked_integer("replicates", replicates, least=1)
    batch = in_units(matrices)
    model = BlockGaussian.fit(batch, space)
    names = [f"V_{irrep.name}" for irrep in model.space.decomposition.irreps]
    pairs = _pairs(model.dimensions)
    labels = [("mean", name) for name in names[1:]] + [("covariance", f"{names[r]} x {names[s]}") for r, s in pairs]
    rng = np.random.default_rng(seed)
    drawn = (random_permutations(len(batch), model.space, rng) for _ in range(replicates))
    whitened = Whitened.of(model, batch)
    with threadpool_limits(1, user_api="blas"):  # products this small only wait for each other's threads
        statistics = np.array([whitened.departures(own) for own in (identities(len(batch), model.space), *drawn)])
    # the measured one is among those that standardise, or the sums would not be exchangeable
    spread = statistics.std(axis=0)
    told = spread > _ROUNDING * np.abs(statistics).max(axis=0)
    z = np.divide(statistics - statistics.mean(axis=0), spread, out=np.zeros_like(statistics), where=told)
    columns: dict[tuple[str, str], Array] = {}
    for kind in ("mean", "covariance"):
        own = [number for number, (moment, _) in enumerate(labels) if moment == kind]
        columns |= {labels[number]: statistics[:, number] for number in own}
        columns[kind, "all"] = z[:, own].sum(axis=1)
    rows = {
        label: {
            "statistic": values[0],
            "expected": values[1:].mean(),
            "standard_deviation": values[1:].std(),
            "p_value": randomisation_p_value(values),
        }
        for label, values in columns.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(columns, names=["moment", "irreps"])
    return table


def invariance_p_values(
    matrices: ArrayLike, *, space: MatrixSpace | None = None, replicates: int = 199, seed: int = 0
) -> dict[str, float]:
    """The p-values of every test of permutation invariance, by name.

    Args:
        matrices: (n, rows, columns), as many as a fit needs.
        space: as in `BlockGaussian.fit`.
        replicates: permuted ensembles, at least 1.
        seed: of the permutations.

    Returns:
        p-values by name: "mean, IRREP" of `mean_invariance_test`, "permuted MOMENT, IRREPS" of
        `permutation_invariance_test`.

    Raises:
        ValueError: if the model cannot be fitted.

    Source:
        As `mean_invariance_test` and `permutation_invariance_test`.

    >>> from pigmm.fitting import PIGMM
    >>> p_values = invariance_p_values(PIGMM.iid(5, variance=1.0).sample(50, seed=0))
    >>> p_values.keys() >= {"mean, all", "permuted mean, all", "permuted covariance, V_H x V_H"}
    True
    """
    exact = mean_invariance_test(matrices, space=space).p_value
    by_permutation = permutation_invariance_test(matrices, replicates=replicates, seed=seed, space=space).p_value
    by_permutation.index = by_permutation.index.map(", ".join)
    return {f"mean, {irrep}": float(p) for irrep, p in exact.items()} | {
        f"permuted {name}": float(p) for name, p in by_permutation.items()
    }


def _pairs(dimensions: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of irreps whose second moments can depart from invariance: none of one dimension with itself."""
    pairs = combinations_with_replacement(range(len(dimensions)), 2)
    return [(r, s) for r, s in pairs if r != s or dimensions[r] > 1]


@dataclass(frozen=True, eq=False)
class Whitened:
    """The components of an ensemble in units of its fit, of which a permutation changes the order only.

    Args:
        parts: of each irrep.
        second_moments: of each irrep (copies, copies), over matrices and labels, by dimension.
        dimensions: of the irreps.
    """

    parts: list[Labelled]
    second_moments: list[Array]
    dimensions: tuple[int, ...]

    @classmethod
    def of(cls, model: BlockGaussian, matrices: Array) -> Whitened:
        """Whiten the components of matrices.

        Args:
            model: as fitted to these.
            matrices: (n, *space.shape).

        Returns:
            The record.
        """
        parts = [
            np.linalg.inv(np.linalg.cholesky(covariance)) @ part
            for covariance, part in zip(model.covariances, model.space.project(matrices), strict=True)
        ]
        moments = [
            np.einsum("nxa,nya->xy", part, part) / (len(matrices) * dimension)
            for part, dimension in zip(parts, model.dimensions, strict=True)
        ]
        return cls(labelled(parts, model.space), moments, model.dimensions)

    def departures(self, permutations: Permutations) -> list[float]:
        """The statistics of the ensemble with each matrix permuted.

        Args:
            permutations: for each node kind (n, size).

        Returns:
            n |mean|^2 of each irrep but the trivial one, then n |not invariant part of the covariance|^2 of each pair.
        """
        moved = [part.moved(permutations) for part in self.parts]
        joint = np.concatenate(moved, axis=1)
        mean = joint.mean(axis=0)
        joint -= mean
        n, ends = len(joint), np.cumsum([own.shape[1] for own in moved])
        means = np.split(mean, ends[:-1])
        invariant = []
        for own, moment, dimension in zip(means, self.second_moments, self.dimensions, strict=True):
            of_copies = own.reshape(len(moment), -1)
            invariant.append(dimension * float(np.square(moment - of_copies @ of_copies.T / dimension).sum()))
        inner = squared_covariances(joint, ends)
        pairs = _pairs(self.dimensions)
        return [n * float(np.square(own).sum()) for own in means[1:]] + [
            n * (float(inner[r, s]) - (invariant[r] if r == s else 0)) for r, s in pairs
        ]


def squared_covariances(joint: Array, ends: NDArray[np.intp]) -> Array:
    """Squared norms of the covariances between k samples.

    |X^T Y|^2 = tr (X X^T) (Y Y^T), whichever side is the smaller.

    Args:
        joint: (n, width) of zero mean, the samples side by side.
        ends: (k,) where each ends.

    Returns:
        (k, k).
    """
    n, width = joint.shape
    starts = np.concatenate([[0], ends[:-1]])
    if width <= n:
        squares = np.square(joint.T @ joint)
        sums = np.add.reduceat(np.add.reduceat(squares, starts, axis=0), starts, axis=1)
    else:
        # each sample on its own in memory, where a product with its transpose costs half
        samples = [np.ascontiguousarray(joint[:, start:end]) for start, end in zip(starts, ends, strict=True)]
        grams = np.array([(sample @ sample.T).ravel() for sample in samples])
        sums = grams @ grams.T
    return np.asarray(sums / n**2)
