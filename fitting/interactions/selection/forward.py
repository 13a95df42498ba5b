"""Which interactions do matrices have? Couplings of invariants, selected one after another."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ....invariants.checks import checked_integer
from ....invariants.graphs.given import GivenGraph
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.representation.spaces import MatrixSpace
from ...model.gaussian import BlockGaussian
from ...model.sufficient_statistics import checked_batch
from ...tests_of_models.gaussianity.graph_columns import graph_columns
from ..held_out import held_out_gain
from .candidates import candidate_graphs, has_symmetry
from .exact_covariances import has_exact_covariances, wick_covariances
from .population import Population
from .reference_law import ReferenceLaw
from .residual_values import ResidualValues
from .what_is_left import WhatIsLeft

Array = NDArray[np.float64]

# Matrices simulated from the Gaussian: as many as have so many entries (512 MB), at least and at most these.
_SIMULATED_ENTRIES = 1 << 26
_LEAST_SIMULATED, _MOST_SIMULATED = 2000, 1 << 15


def select_interactions(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph] | None = None,
    seed: int = 0,
    *,
    space: MatrixSpace | None = None,
    symmetry: str | None = None,
    level: float = 0.05,
    steps: int = 20,
    replicates: int = 399,
    exact: bool = True,
) -> pd.DataFrame:
    r"""Find the couplings of p(M) ~ p_0(M) exp(sum_g theta_g O_g(M - mean)) that the matrices call for, one at a time.

    At each step the graph with the largest |z| is taken: its score test, the mean of its residual less that of the law
    with the couplings selected so far, in standard errors that allow for the fit of the Gaussian parameters and of
    these couplings. The selection ends when the largest |z| is one that chance would give: its p-value is among the
    largest |z| of ensembles drawn from that law, so that at every step a coupling is added in `level` of the cases
    where none is missing. At the first step the law is the fitted Gaussian, with exact covariances. Later it is the
    Gaussian with the couplings, fitted together by maximum likelihood, from simulated matrices with weights: this is
    not an expansion to first order, by which a strong coupling would leave false ones behind.

    Args:
        matrices: (n, rows, columns), n at least 20.
        graphs: candidates of degree 3 or more (default: all of degree 3 and 4 that are independent at this size).
        seed: of the simulations.
        space: the permutations assumed, as in `BlockGaussian.fit`.
        symmetry: a larger group whose invariants alone may be selected: "S_N x S_N", "B_N" or "B_M x B_N" of square
            matrices, "B_M x B_N" of rectangular ones. The attribute `p_value_of_others` says whether these suffice.
        level: the share of false additions, between 0 and 1.
        steps: couplings at most.
        replicates: ensembles drawn at each step.
        exact: False to simulate the covariances of the first step too, as is done anyway for graphs of degree above 4
            and for several matrices.

    Returns:
        A row a step. graph, name, formula, degree, nodes; coupling and standard_error: of the fit at this step, with
        all couplings up to it, errors by the sandwich; joint_coupling, joint_standard_error: of the fit with all
        couplings of the table; z and familywise_p: on entering; one_of_these: graphs that these data would not tell
        from this one, separated by " | " (of their z^2, less than 3.84 would be left to find); root_mean_square_z: of
        what is left after the step, 1 being nothing; gain and gain_standard_error: of the couplings up to this one over
        the Gaussian on held-out matrices, by score matching (`held_out_gain`).
        The attributes `attrs` of the table tell the rest: matrices, candidates, root_mean_square_z (before the first
        step), effective_matrices (of the last law), next_graph, next_z and next_familywise_p (of what was not taken),
        smallest_p_value (that the replicates can give), p_value_of_rest (largest |z| and mean of z^2 of all that is
        left), p_value_of_others (the same of graphs outside `symmetry`) and stopped (the reason).

    Raises:
        ValueError: for matrices as in `BlockGaussian.fit`, or fewer than 20, or too large to simulate; no candidate,
            one of degree below 3, or of another kind; another symmetry; a level, steps, replicates or seed that is
            none.

    Source:
        C. R. Rao, Proc. Camb. Phil. Soc. 44 (1948) 50, for score tests; C. J. Geyer and E. A. Thompson, J. R. Statist.
        Soc. B 54 (1992) 657, for maximum likelihood by simulation.

    >>> rng = np.random.default_rng(0)
    >>> matrices = rng.normal(size=(400, 4, 4)) * rng.choice([0.6, 1.3], size=(400, 1, 1))  # two scales
    >>> select_interactions(matrices, ["tr M^3", "sum M_ij^4", "(tr M)^4"], steps=1).graph.tolist()
    ['01 01 01 01']
    """
    batch = checked_batch(matrices, space)
    checked_integer("the number of matrices", len(batch), least=20)
    for name, value, least in (("seed", seed, 0), ("steps", steps, 1), ("replicates", replicates, 19)):
        checked_integer(name, value, least)
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    model, centred = _fitted_about_its_mean(batch, space)
    candidates = candidate_graphs(graphs, model.space)
    allowed = np.array([symmetry is None or has_symmetry(graph, symmetry) for graph in candidates])
    if not allowed.any():
        raise ValueError(f"graphs must have one at least that is invariant under {symmetry}, got none")
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)]

    covariances = units = None
    if exact and has_exact_covariances(candidates, model):
        covariances = wick_covariances(model, candidates)
        units = np.sqrt(np.diag(covariances))
        covariances = covariances / np.outer(units, units)
    population = Population.gaussian(model, candidates, units, _simulated_count(model.space), streams[0])
    units = population.units
    measured = ResidualValues.of(model, centred, candidates, units)
    target = measured.residuals.mean(axis=0)

    law = ReferenceLaw(population, (), population.exponent)
    left = WhatIsLeft.of(law, measured, covariances, replicates, streams[1])
    before = left.root_mean_square
    laws: list[ReferenceLaw] = []
    rows: list[dict[str, Any]] = []
    stopped = f"{steps} couplings are selected"
    while True:
        column = left.largest(allowed)
        p = 1.0 if column is None else left.familywise_p(allowed)
        if column is None or p > level:
            stopped = "the largest |z| of what is left is within the bound of chance"
            break
        if len(rows) == steps:
            break
        following = law.with_coupling(column, target, streams[0])
        if following is None:
            stopped = "no law with the next coupling is reached by simulation from the Gaussian"
            break
        alike = [candidates[k].label for k in np.flatnonzero(left.alike(column) & allowed)]
        row = {"z": float(left.z[column]), "familywise_p": p, "one_of_these": " | ".join(alike)}
        law, left = following, WhatIsLeft.of(following, measured, None, replicates, streams[1])
        laws.append(law)
        found = held_out_gain(centred, [candidates[k] for k in law.selected], model.space, seed=seed)
        gain = {"gain": found.gain, "gain_standard_error": found.standard_error}
        rows.append(row | {"root_mean_square_z": left.root_mean_square} | gain)
    table = _table(candidates, laws, rows, measured, units)
    table.attrs |= {
        "matrices": len(batch),
        "candidates": int(allowed.sum()),
        "root_mean_square_z": before,
        "effective_matrices": law.effective_count,
        "next_graph": None if column is None else candidates[column].label,
        "next_z": None if column is None else float(left.z[column]),
        "next_familywise_p": p,
        "smallest_p_value": 1 / (replicates + 1),
        "p_value_of_rest": left.global_p(np.ones_like(allowed)),
        "p_value_of_others": left.global_p(~allowed),
        "stopped": stopped,
    }
    return table


def _fitted_about_its_mean(
    batch: NDArray[np.floating], space: MatrixSpace | None
) -> tuple[BlockGaussian, NDArray[np.float64]]:
    """The Gaussian fit of matrices less their fitted mean, and these. Then Wick products are all that is left."""
    centred = batch.astype(np.float64)
    for _ in range(2):  # the second time for what rounding leaves of a large mean
        model = BlockGaussian.fit(centred, space)
        centred = centred - model.mean
    model = BlockGaussian.fit(centred, space)
    parameters = model.parameters.copy()
    parameters[: len(model.means)] = 0
    return BlockGaussian(model.space, parameters), centred


def _simulated_count(space: MatrixSpace) -> int:
    largest = _SIMULATED_ENTRIES // _LEAST_SIMULATED
    if prod(space.shape) > largest:
        raise ValueError(
            f"matrices must have at most {largest} entries, as thousands of them are simulated, got {space.shape}"
        )
    return min(_SIMULATED_ENTRIES // prod(space.shape), _MOST_SIMULATED)


def _table(
    candidates: tuple[Multigraph, ...],
    laws: list[ReferenceLaw],
    rows: list[dict[str, Any]],
    measured: ResidualValues,
    units: Array,
) -> pd.DataFrame:
    """A row a step; couplings and errors in the units of the matrices."""
    selected = list(laws[-1].selected) if laws else []
    errors = [_standard_errors(law, measured) for law in laws]
    own = {
        "coupling": [law.couplings[-1] for law in laws],
        "standard_error": [found[-1] for found in errors],
        "joint_coupling": laws[-1].couplings if laws else [],
        "joint_standard_error": errors[-1] if laws else [],
    }
    table = pd.DataFrame(
        graph_columns(candidates[column] for column in selected)
        | {name: np.array(values) / units[selected] for name, values in own.items()}
    )
    names = ("z", "familywise_p", "one_of_these", "root_mean_square_z", "gain", "gain_standard_error")
    return table.assign(**{name: [row[name] for row in rows] for name in names})


def _standard_errors(law: ReferenceLaw, measured: ResidualValues) -> Array:
    variances = np.diag(law.coupling_covariance(measured))
    errors: Array = np.sqrt(variances / len(measured.residuals))
    return errors
