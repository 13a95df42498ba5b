"""Standard errors at initialisation: closed forms, all of them, and simulation."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from pigmm.fitting import PIGMM, BlockGaussian, MatrixSpace, RectangularSpace, SquareSpace
from pigmm.invariants import RECTANGULAR, Multigraph, evaluate, multigraphs
from pigmm.studies.analysis.layers.initial_law import InitialLaw
from pigmm.studies.analysis.layers.layer import graphs_of_degrees
from pigmm.studies.analysis.layers.sampling_errors import (
    invariant_variances,
    parameter_law,
    variances_of_uncorrelated_terms,
)

LAWS = {
    "gaussian": InitialLaw.of("gaussian", 7),
    "uniform": InitialLaw.of("uniform", 7),
    "two-valued": InitialLaw(0.25, 0.0625),  # +-1/2
}


def closed_forms(d: int, e2: float, e4: float) -> dict[Multigraph, float]:
    """Variances of the 13 invariants of one matrix of iid symmetric entries, counted by hand."""
    diagonal_pairs = d * e4 + (2 * d**2 - 3 * d) * e2**2
    loop_and_arc = d * e4 + (d**2 - 2 * d) * e2**2
    common_end = d**2 * e4 + d**2 * (2 * d - 3) * e2**2
    in_a_row = d * e4 + (d**3 + d**2 - 3 * d) * e2**2
    return {
        Multigraph([(0, 0)]): d * e2,
        Multigraph([(0, 1)]): d**2 * e2,
        Multigraph([(0, 1), (0, 1)]): d**2 * (e4 - e2**2),
        Multigraph([(0, 1), (1, 0)]): diagonal_pairs,
        Multigraph([(0, 0), (0, 1)]): loop_and_arc,
        Multigraph([(0, 0), (1, 0)]): loop_and_arc,
        Multigraph([(0, 1), (0, 2)]): common_end,
        Multigraph([(0, 1), (2, 1)]): common_end,
        Multigraph([(0, 1), (1, 2)]): in_a_row,
        Multigraph([(0, 1), (2, 3)]): d**2 * e4 + (2 * d**4 - 3 * d**2) * e2**2,
        Multigraph([(0, 0), (0, 0)]): d * (e4 - e2**2),
        Multigraph([(0, 0), (1, 1)]): diagonal_pairs,
        Multigraph([(0, 0), (1, 2)]): in_a_row,
    }


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("size", [4, 5, 10, 24])
def test_invariants_have_the_closed_forms(law: InitialLaw, size: int) -> None:
    expected = closed_forms(size, law.second_moment, law.fourth_moment)
    graphs = (*multigraphs(1), *multigraphs(2))
    assert set(graphs) == expected.keys()
    found = invariant_variances(law, SquareSpace(size), graphs)
    np.testing.assert_allclose(found, [expected[graph] for graph in graphs], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_published_variances(law: InitialLaw) -> None:
    """As the published code has them: too small for seven quadratic invariants, and right for the others."""
    d, e2, e4 = 10, law.second_moment, law.fourth_moment
    published = closed_forms(d, e2, e4)
    pairs = d * e4 + d * (d - 2) * e2**2
    published |= {
        Multigraph([(0, 1), (1, 0)]): pairs,
        Multigraph([(0, 0), (1, 1)]): pairs,
        Multigraph([(0, 1), (0, 2)]): d * pairs,
        Multigraph([(0, 1), (2, 1)]): d * pairs,
        Multigraph([(0, 1), (1, 2)]): d * e4 + d * (d**2 - 2) * e2**2,
        Multigraph([(0, 0), (1, 2)]): d * e4 + d * (d**2 - 2) * e2**2,
        Multigraph([(0, 1), (2, 3)]): d**2 * e4 + d**2 * (d**2 - 2) * e2**2,
    }
    graphs = tuple(published)
    found = variances_of_uncorrelated_terms(law, SquareSpace(d), graphs)
    np.testing.assert_allclose(found, list(published.values()), rtol=1e-12, atol=1e-12)
    assert (found < 0.95 * invariant_variances(law, SquareSpace(d), graphs)).sum() == 7


def test_gaussian_parameters_have_the_closed_forms() -> None:
    n, d, s2 = 50, 10, 0.1
    means, errors = parameter_law(InitialLaw.of("gaussian", 10), SquareSpace(d), n)
    centring = sqrt(1 - 1 / n)
    square, mixed = s2 * sqrt(2 / (n * (d - 1))), s2 / sqrt(n * (d - 1))
    expected = [
        *2 * [sqrt(s2 / n)],
        *(centring * s2 * factor / sqrt(n) for factor in (sqrt(2), 1, sqrt(2))),
        *(square, mixed, mixed, square, mixed, square),
        s2 * sqrt(4 / (n * d * (d - 3))),
        s2 * sqrt(4 / (n * (d - 1) * (d - 2))),
    ]
    np.testing.assert_allclose(errors, expected, rtol=1e-12)
    exact = PIGMM.iid(d, s2).parameters.copy()
    exact[2:5] *= 1 - 1 / n
    np.testing.assert_allclose(means, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("space", [SquareSpace(4), RectangularSpace(3, 5)], ids=["square", "rectangular"])
@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
def test_against_simulation(space: MatrixSpace, kind: str) -> None:
    """20,000 fits of 4 matrices each: mean and spread of estimates, and of invariants, within 5 Monte-Carlo errors."""
    fits, count = 20_000, 4
    rng = np.random.default_rng(5)
    law = InitialLaw.of("gaussian", 4) if kind == "gaussian" else InitialLaw.of("uniform", 4)
    shape = (fits, count, *space.shape)
    entries = rng.normal(0, 0.5, shape) if kind == "gaussian" else rng.uniform(-0.5, 0.5, shape)

    # the estimates without the check of positive definiteness: second moments of the components
    columns = []
    for place, (part, irrep) in enumerate(zip(space.project(entries), space.decomposition.irreps, strict=True)):
        if irrep.is_trivial:
            columns.append(part[..., 0].mean(axis=1))
            part = part - part.mean(axis=1, keepdims=True)
        dimension = BlockGaussian(space, law.model(space).parameters).dimensions[place]
        block = np.einsum("fnxa,fnya->fxy", part, part) / (count * dimension)
        columns.append(block[:, *np.triu_indices(block.shape[-1])])
    estimates = np.concatenate(columns, axis=1)
    means, errors = parameter_law(law, space, count)
    assert np.abs((estimates.mean(axis=0) - means) / (errors / sqrt(fits))).max() < 5
    squares = ((estimates - means) / errors) ** 2
    assert np.abs((squares.mean(axis=0) - 1) / (squares.std(axis=0) / sqrt(fits))).max() < 5

    graphs = graphs_of_degrees((1, 2), space.decomposition.family)
    assert len(graphs) == (13 if space.decomposition.family != RECTANGULAR else 5)
    values = evaluate(entries.reshape(-1, *space.shape), graphs)
    squares = (values - law.model(space).expectation(graphs)) ** 2 / invariant_variances(law, space, graphs)
    assert np.abs((squares.mean(axis=0) - 1) / (squares.std(axis=0) / sqrt(len(values)))).max() < 5


def test_higher_degrees_are_refused() -> None:
    with pytest.raises(ValueError, match="degree 1 or 2"):
        invariant_variances(LAWS["gaussian"], SquareSpace(4), multigraphs(3))
