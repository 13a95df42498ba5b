"""The eigenspaces of Fisher matrices of finite width beside the four groups of functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import helmert, orth, polar, subspace_angles
from scipy.sparse.linalg import eigsh

from ....spectra import relu_eigenvectors, relu_finite_width, relu_fisher_matrix
from ..settings import Settings, number_of_functions
from .draws import Array, Stream, generator, hidden_weights
from .groups import Group, groups_of
from .means import mean_and_error, p_of_mean


@dataclass(frozen=True, eq=False)
class Eigenspaces:
    """The large eigenvalues of one Fisher matrix.

    Args:
        fisher: (m, m).
        approximate: (functions, m), the vectors of `relu_eigenvectors`.
        values: the eigenvalues of the four groups, the largest, in decreasing order.
        vectors: (m, values), their eigenvectors.
        rest: (m, m), the Fisher matrix without these.
    """

    fisher: Array
    approximate: Array
    values: Array
    vectors: Array
    rest: Array

    @classmethod
    def of(cls, weights: Array) -> Eigenspaces:
        """Decompose the Fisher matrix of a network.

        Args:
            weights: (d, m).

        Returns:
            The record.
        """
        fisher = relu_fisher_matrix(weights)
        # the start decides the last digits, so it is given
        values, vectors = eigsh(fisher, number_of_functions(len(weights)), v0=np.ones(len(fisher)))
        rest = fisher - (vectors * values) @ vectors.T
        approximate = np.array(list(relu_eigenvectors(weights).values()))
        return cls(fisher, approximate, values[::-1], vectors[:, ::-1], rest)

    def of_degree(self, degree: int) -> tuple[Array, Array]:
        """Return the eigenvalues and eigenvectors of the harmonics of a degree, by the order of eigenvalues.

        Args:
            degree: 0, 1 or 2.

        Returns:
            (count,) and (m, count).
        """
        d = self.dimension
        stops = (0, 1, 1 + d, number_of_functions(d))
        own = slice(stops[degree], stops[degree + 1])
        return self.values[own], self.vectors[:, own]

    @property
    def below(self) -> float:
        """The largest eigenvalue below those of the four groups, to three digits."""
        return float(eigsh(self.rest, 1, v0=np.ones(len(self.rest)), tol=1e-3, return_eigenvectors=False)[0])

    @property
    def dimension(self) -> int:
        """d of the inputs, of which there are 1 + d + d(d + 1)/2 vectors."""
        return int((np.sqrt(8 * len(self.approximate) + 1) - 3) / 2)

    def parts(self, group: Group) -> Array:
        """Divide each eigenvector of an eigenspace among the groups that share it.

        The approximate vectors of the eigenspace, independent ones, are made orthonormal all together and as little
        changed as possible (polar decomposition). Orthonormal vectors of one group alone would favour eigenvectors of
        larger eigenvalues, by the order 1/m.

        Args:
            group: of the four.

        Returns:
            (values,), the part of each eigenvector that is the group's: sums to its multiplicity.
        """
        _, vectors = self.of_degree(group.degree)
        columns, places, start = [], {}, 0
        for own in (own for own in groups_of(self.dimension) if own.degree == group.degree):
            members = self.approximate[own.places]
            if own.multiplicity < len(members):  # they add up to zero
                members = helmert(len(members)) @ members * np.sqrt(own.multiplicity / len(members))
            columns.append(vectors.T @ members.T)
            places[own.name] = slice(start, start + own.multiplicity)
            start += own.multiplicity
        turned, _ = polar(np.concatenate(columns, axis=1))
        found: Array = (turned[:, places[group.name]] ** 2).sum(axis=1)
        return found

    def agreement(self, group: Group) -> dict[str, float]:
        """Compare one group with its eigenspace.

        For any u, E[f_u F_k] = lambda_k u.v_k exactly (derivation 11), so that no integral is left to do.

        Args:
            group: of the four.

        Returns:
            mean (of the eigenvalues, weighted by `parts`), spread (root mean
            square of eigenvalue / limit - 1), smallest and largest (eigenvalue), share (of the trace), angle (the
            largest between the group's span and the eigenspace, in degrees), vector_leak, function_leak and
            function_error as in `FiniteWidth`.
        """
        values, vectors = self.of_degree(group.degree)
        own = self.approximate[group.places]
        basis = orth(own.T)
        mean = float(self.parts(group) @ values / group.multiplicity)
        overlaps = (own @ vectors) ** 2
        norms = (own**2).sum(axis=1)
        quadratic = ((own @ self.fisher) * own).sum(axis=1)
        return {
            "mean": mean,
            "spread": float(np.sqrt(((values / group.exact - 1) ** 2).mean())),
            "smallest": float(values.min()),
            "largest": float(values.max()),
            "share": group.multiplicity * mean / float(np.trace(self.fisher)),
            "angle": float(np.degrees(subspace_angles(basis, vectors).max())),
            "vector_leak": float((1 - overlaps.sum(axis=1) / norms).mean()),
            "function_leak": float((1 - group.exact * (overlaps / values).sum(axis=1)).mean()),
            "function_error": float((quadratic / group.exact - 2 * norms + 1).mean()),
        }


def eigenspace_tables(settings: Settings, advance: Callable[[], None]) -> dict[str, pd.DataFrame]:
    """Decompose the Fisher matrices of all networks.

    Args:
        settings: of the study.
        advance: called after each network.

    Returns:
        networks: a row for each network and group, with the columns of `Eigenspaces.agreement`. spectrum: a row for
        each eigenvalue of the groups and the first below them: rank, group, mean, smallest and largest over the
        networks, exact and approximate. trace: networks, mean, standard_error, exact.
    """
    rows, spectra, traces = [], [], []
    for network in range(settings.networks):
        rng = generator(settings.seed, Stream.NETWORKS, network)
        found = Eigenspaces.of(hidden_weights(settings.dimension, settings.hidden, rng))
        for group in groups_of(settings.dimension):
            rows.append({"network": network, "group": group.name, **found.agreement(group)})
        spectra.append([*found.values, found.below])
        traces.append(np.trace(found.fisher))
        advance()
    mean, error = mean_and_error(traces)
    trace = {"networks": settings.networks, "mean": mean, "standard_error": error, "exact": settings.dimension / 2}
    return {
        "networks": pd.DataFrame(rows),
        "spectrum": _spectrum(np.array(spectra), settings.dimension),
        "trace": pd.DataFrame([trace]),
    }


def _spectrum(values: Array, dimension: int) -> pd.DataFrame:
    groups = groups_of(dimension)
    own = [group for group in groups for _ in range(group.multiplicity)]
    return pd.DataFrame(
        {
            "rank": np.arange(1, values.shape[1] + 1),
            # products and differences of squares have one eigenvalue, and no order
            "group": [group.name if group.degree < 2 else "F_ab, F_gg" for group in own] + ["below"],
            "mean": values.mean(axis=0),
            "smallest": values.min(axis=0),
            "largest": values.max(axis=0),
            "exact": [group.exact for group in own] + [np.nan],
            "approximate": [group.approximate for group in own] + [np.nan],
        }
    )


def eigenvalue_table(networks: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Summarise the eigenvalues of each group over the networks.

    Args:
        networks: of `eigenspace_tables`.
        settings: of the study.

    Returns:
        A row a group: group, multiplicity, measured (mean eigenvalue) and standard_error; exact (infinite width),
        at_width (mean to the order 1/m), approximate (the paper's) and p_at_width, p_approximate against these two by
        Student's t; spread and expected_spread, relative; smallest and largest eigenvalue of any network; share of the
        trace, exact_share and approximate_share.
    """
    widths = relu_finite_width(settings.dimension, settings.hidden)
    rows = []
    for group in groups_of(settings.dimension):
        own = networks[networks.group == group.name]
        expected = widths[group.degree]
        measured, error = mean_and_error(own["mean"])
        half = settings.dimension / 2
        rows.append(
            {
                "group": group.name,
                "multiplicity": group.multiplicity,
                "measured": measured,
                "standard_error": error,
                "exact": group.exact,
                "at_width": expected.mean,
                "approximate": group.approximate,
                "p_at_width": p_of_mean(own["mean"], expected.mean),
                "p_approximate": p_of_mean(own["mean"], group.approximate),
                "spread": float(np.sqrt((own.spread**2).mean())),
                "expected_spread": expected.spread / group.exact,
                "smallest": own.smallest.min(),
                "largest": own.largest.max(),
                "share": own.share.mean(),
                "exact_share": group.multiplicity * group.exact / half,
                "approximate_share": group.multiplicity * group.approximate / half,
            }
        )
    return pd.DataFrame(rows)


def agreement_table(networks: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Summarise how well eigenvectors and functions agree with the groups, over the networks.

    Args:
        networks: of `eigenspace_tables`.
        settings: of the study.

    Returns:
        A row for each group and quantity (angle, vector_leak, function_leak, function_error): group, quantity,
        measured, standard_error and expected, which is to the order 1/m, exact for function_error and NaN for angles.
    """
    widths = relu_finite_width(settings.dimension, settings.hidden)
    rows = []
    for group in groups_of(settings.dimension):
        own = networks[networks.group == group.name]
        for quantity in ("angle", "vector_leak", "function_leak", "function_error"):
            measured, error = mean_and_error(own[quantity])
            expected = getattr(widths[group.degree], quantity, np.nan)
            rows.append(
                {
                    "group": group.name,
                    "quantity": quantity,
                    "measured": measured,
                    "standard_error": error,
                    "expected": expected,
                }
            )
    return pd.DataFrame(rows)
