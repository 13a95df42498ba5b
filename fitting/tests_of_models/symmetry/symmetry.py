"""Tests of larger symmetries that do not assume Gaussian entries: Wald tests, and exact randomisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from ....invariants.checks import checked_integer, checked_matrices
from ....invariants.representation.spaces import MatrixSpace
from ...model.blocks import least_correlation
from ...model.gaussian import BlockGaussian
from ...model.pigmm import PIGMM
from ...model.sufficient_statistics import checked_batch, matrix_chunks
from .nested_models import model_ladder
from .permuted_columns import column_parts, permutations, permuted_moments
from .restrictions import log_determinant, restrictions

Array = NDArray[np.float64]

# Least eigenvalue of correlations whose inverse keeps some four digits.
_SOLVABLE = 1e-12


def wald_tests(matrices: ArrayLike, *, space: MatrixSpace | None = None) -> pd.DataFrame:
    """Wald tests of each nested model against the full one, which assume no law of the entries.

    With C theta = 0 the q constraints of a nested model and V the sample covariance of C times the influence functions
    (the sandwich covariance), W = n (C theta)^T V^-1 (C theta); as for Hotelling's T^2, (n - q) W / (q (n - 1)) is
    compared with F(q, n - q). For "S_N x S_N" these are the eight constraints mu_2 = G0_12 = GH_12 = GH_13 = GH_23 = 0,
    G0_22 = GH_33 = G2 = G3.

    The F law is that of Gaussian estimates; these are averages of squares. In simulations of iid entries, Gaussian and
    of Student's t (5 degrees of freedom), N = 5 and 10, the test of S_N x S_N at 5% rejects 9 to 11% of ensembles of 50
    matrices, 7 to 8% of 100, 6 to 7% of 200. `randomisation_test` is exact.

    Args:
        matrices: (n, rows, columns).
        space: as in `BlockGaussian.fit`.

    Returns:
        A row for each model but the full one (index "symmetry"), with the columns constraints, wald, f, p_value; the
        latter three NaN if n is at most the number of constraints, or the constraints have a singular covariance.

    Raises:
        ValueError: if the full model cannot be fitted.

    Source:
        A. Wald, Trans. Amer. Math. Soc. 54 (1943) 426; H. White, Econometrica 50 (1982) 1; the constraints: derivation
        6.

    >>> table = wald_tests(PIGMM.iid(5, variance=1.0).sample(300, seed=1))
    >>> int(table.constraints["S_N x S_N"]), bool(table.p_value["S_N x S_N"] > 0.01)
    (8, True)
    """
    scaled = Scaled.of(checked_batch(matrices, space))
    model = BlockGaussian.fit(matrix_chunks(scaled), space)
    influence = np.concatenate([model.influence(chunk) for chunk in matrix_chunks(scaled)])
    n = len(influence)
    rows = []
    for submodel in restrictions(model.space)[:-1]:
        constraints = submodel.constraints
        q = len(constraints)
        row: dict[str, object] = {"symmetry": submodel.name, "constraints": q}
        estimate, spread = constraints @ model.parameters, influence @ constraints.T
        scale = spread.std(axis=0, ddof=1)
        if n > q and (scale > 0).all():
            covariance = np.atleast_2d(np.cov(spread / scale, rowvar=False))
            if least_correlation(covariance) > _SOLVABLE:
                wald = n * float((estimate / scale) @ np.linalg.solve(covariance, estimate / scale))
                f = (n - q) / (q * (n - 1)) * wald
                row |= {"wald": wald, "f": f, "p_value": float(scipy.stats.f.sf(f, q, n - q))}
        rows.append(row)
    return pd.DataFrame(rows, columns=["symmetry", "constraints", "wald", "f", "p_value"]).set_index("symmetry")


def randomisation_test(
    matrices: ArrayLike, *, given_trivial: bool = False, replicates: int = 999, seed: int = 0
) -> pd.Series:
    """Exact test that rows and columns may be permuted independently (S_N x S_N), whatever the law of the matrices.

    Under the hypothesis an ensemble whose matrices each have rows and columns permuted at random is as likely as the
    one measured. The statistic is the likelihood ratio of "S_N x S_N" within "S_N"; with B replicates
    p = (1 + number of replicates not below the measured one) / (B + 1), which is at most a with probability at most a.
    The statistic is invariant under joint permutations of rows and columns, f(P M Q) = f(M Q P), so that it is enough
    to permute the columns; and the test is as exact if one side only is exchangeable (an output layer, whose rows are
    classes): the invariants of such matrices have the expectations of S_N x S_N. Of the estimates only those change
    that see the pairing of rows with columns; a thousand replicates of 1000 matrices of size 10 take about a second.

    Args:
        matrices: (n, N, N), n at least 3, or at least 1 given the trivial components.
        given_trivial: True for the likelihood ratio of the laws given the trivial components of each matrix.
        replicates: B, at least 1.
        seed: of the permutations; results do not depend on the number of threads.

    Returns:
        likelihood_ratio (twice the logarithm), replicates, p_value.

    Raises:
        ValueError: if the 13-parameter model cannot be fitted.

    Source:
        J. Besag and P. Clifford, Biometrika 76 (1989) 633; derivation 6.

    >>> heavy = np.random.default_rng(0).standard_t(4, size=(100, 5, 5))  # S_N x S_N, far from Gaussian
    >>> bool(randomisation_test(heavy, replicates=99).p_value > 0.05)
    True
    """
    checked_integer("replicates", replicates, least=1)
    batch = in_units(matrices)
    model = PIGMM.fit(batch, given_trivial=given_trivial)
    nested = restrictions(model.space, given_trivial=given_trivial)
    submodel = next(r for r in nested if r.name == "S_N x S_N")
    size = model.size
    unpermuted = np.broadcast_to(np.arange(size), (1, len(batch), size))
    permuted = permutations(len(batch), size, replicates, np.random.default_rng(seed))
    parts = column_parts(batch)
    # permutations leave the restricted fit alone; but of one given the trivial components they move tr F M F out or in
    constant = log_determinant(submodel.dimensions, submodel.estimate(model.means, model.covariances)[1])

    def log_ratio(sigma: NDArray[np.intp]) -> Array:
        moments = permuted_moments(parts, sigma)
        restricted = constant
        if given_trivial:
            restricted = log_determinant(submodel.dimensions, submodel.estimate(model.means, moments)[1])
        return np.asarray(restricted - log_determinant(submodel.dimensions, moments))

    ratios = len(batch) * np.concatenate([log_ratio(sigma) for sigma in (unpermuted, *permuted)])
    return pd.Series(
        {"likelihood_ratio": float(ratios[0]), "replicates": replicates, "p_value": randomisation_p_value(ratios)},
        dtype=object,
    )


def randomisation_p_value(statistics: Array) -> float:
    """Give the fraction of statistics that are not below the measured one.

    Args:
        statistics: (1 + replicates,), the measured one first.

    Returns:
        The p-value, at least 1 / (1 + replicates).

    Raises:
        ValueError: if one is NaN.

    Source:
        J. Besag and P. Clifford, Biometrika 76 (1989) 633.

    >>> randomisation_p_value(np.array([2.0, 1.0, 3.0, 2.0]))
    0.75
    """
    if np.isnan(statistics).any():
        raise ValueError(f"statistics must be numbers, got {int(np.isnan(statistics).sum())} NaN")
    # equal ones may differ by rounding
    least = statistics[0] - 1e-9 * abs(statistics[0])
    return float((statistics >= least).mean())


def symmetry_p_values(
    matrices: ArrayLike, *, space: MatrixSpace | None = None, replicates: int = 199, seed: int = 0
) -> dict[str, float]:
    """The p-values of every test of S_N x S_N against S_N, by the name of the test.

    Args:
        matrices: (n, N, N), as many as a fit needs.
        space: `SquareSpace`, which is the default; others have no such tests.
        replicates: of the bootstrap and of the randomisation, at least 1.
        seed: of both.

    Returns:
        p-values by the name of the test.

    Raises:
        ValueError: if the 13-parameter model cannot be fitted, or the space is another.

    Source:
        As `nested_models`, `wald_tests` and `randomisation_test`.

    >>> sorted(symmetry_p_values(PIGMM.iid(5, variance=1.0).sample(50, seed=0)))
    ['likelihood ratio, bootstrap', 'likelihood ratio, chi2', 'randomisation', 'wald']
    """
    square = PIGMM.space_for(checked_matrices(matrices, square=False).shape[1:])
    if space not in (None, square):
        raise ValueError(f"space must be {square}, that of the tests of S_N x S_N, got {space}")
    row = model_ladder(matrices, replicates=replicates, seed=seed).loc["S_N x S_N"].to_dict()
    return {
        "likelihood ratio, chi2": float(row["p_chi2"]),
        "likelihood ratio, bootstrap": float(row["p_bootstrap"]),
        "wald": float(wald_tests(matrices).p_value["S_N x S_N"]),
        "randomisation": float(randomisation_test(matrices, replicates=replicates, seed=seed).p_value),
    }


@dataclass(frozen=True, eq=False)
class Scaled:
    """Matrices in units of their largest entry, so that squares of squares neither overflow nor vanish.

    They are scaled as they are read, by slices; the whole is never copied.

    Args:
        matrices: (n, rows, columns), finite.
        unit: above 0.
        centre: (rows, columns) in these units, which is taken off.

    >>> Scaled.of(np.array([[[1, 4]]]))[:].tolist()
    [[[0.25, 1.0]]]
    """

    matrices: NDArray[np.floating]
    unit: float
    centre: Array | float = 0.0

    @classmethod
    def of(cls, matrices: NDArray[np.floating]) -> Scaled:
        """Take matrices about zero, in units of their largest entry.

        Args:
            matrices: (n, rows, columns), finite.

        Returns:
            The same matrices, scaled as they are read.
        """
        ends = float(matrices.max(initial=0)), float(matrices.min(initial=0))
        return cls(matrices, max(map(abs, ends)) or 1.0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of matrices, rows, columns."""
        return self.matrices.shape

    def __getitem__(self, key: slice, /) -> Array:
        return self.matrices[key].astype(np.float64) / self.unit - self.centre


def in_units(matrices: ArrayLike) -> Array:
    """Matrices in units of their largest entry, whole.

    Args:
        matrices: (n, rows, columns).

    Returns:
        (n, rows, columns), entries of at most 1 in size.

    Raises:
        ValueError: if they are no matrices, or not finite.

    >>> in_units(np.array([[[1, 4]]])).tolist()
    [[[0.25, 1.0]]]
    """
    return Scaled.of(checked_matrices(matrices, square=False))[:]
