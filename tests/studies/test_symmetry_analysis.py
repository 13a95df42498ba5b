"""What the symmetry of the network gives: averaged invariants, five parameters, output classes."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pigmm.fitting import PIGMM, BlockGaussian, RectangularSpace, compare, wasserstein_distance_squared
from pigmm.invariants import RECTANGULAR, SQUARE, Multigraph, evaluate, multigraphs
from pigmm.studies.analysis.layers.averaging import averaging_map
from pigmm.studies.analysis.layers.initial_law import InitialLaw
from pigmm.studies.analysis.layers.layer import analyse_layer, analyse_snapshot, graphs_of_degrees
from pigmm.studies.analysis.layers.output_classes import class_table, class_test_table
from pigmm.studies.analysis.layers.symmetrised import (
    averaged_comparison,
    five_parameter_model,
    symmetrised_comparison_table,
)
from pigmm.studies.analysis.questions import judge_study
from pigmm.studies.analysis.through_training.relative_change import by_chance, change_table
from pigmm.studies.analysis.verdicts import Verdict
from pigmm.studies.report.findings.gaussianity.symmetrised import Symmetrised
from pigmm.studies.report.findings.networks.output_classes import OutputClasses, low_from
from pigmm.studies.report.findings.networks.without_untrained import WithoutUntrained
from pigmm.studies.report.findings.symmetry.interior_parameters import InteriorParameters
from pigmm.studies.runs.files import read_table
from pigmm.training import open_ensemble

GRAPHS, BIPARTITE = (graphs_of_degrees((3, 4), family) for family in (SQUARE, RECTANGULAR))


def exchangeable(count: int, size: int, seed: int) -> np.ndarray[Any, Any]:
    """Matrices of the law of a network: rows and columns scaled at random, not Gaussian, nor independent."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.gamma(16, size=(2, count, size)) / 16
    return 0.1 + rng.normal(size=(count, size, size)) * rows[:, :, None] * columns[:, None, :]


@pytest.mark.parametrize("size", [4, 5])
def test_averages_are_those_over_all_permutations(size: int) -> None:
    matrix = np.random.default_rng(size).normal(size=(size, size)) + 0.3
    # invariants do not see a joint permutation: the columns alone are enough
    exact = evaluate(np.array([matrix[:, order] for order in permutations(range(size))]), GRAPHS).mean(axis=0)
    averaging = averaging_map(GRAPHS, BIPARTITE, size)
    found = averaging @ evaluate(matrix[None], BIPARTITE, family=RECTANGULAR)[0]
    np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-10 * np.abs(exact).max())


def test_averages_span_the_bipartite_invariants() -> None:
    averaging = averaging_map(GRAPHS, BIPARTITE, 10)
    assert np.linalg.matrix_rank(averaging) == len(BIPARTITE) == 43
    # no node is tail and head: its own average
    line = averaging[GRAPHS.index(Multigraph([(0, 1)] * 3))]
    assert line.tolist() == [graph == Multigraph([(0, 1)] * 3, kinds=(0, 1)) for graph in BIPARTITE]


def test_averaged_comparison_is_the_comparison_of_combinations() -> None:
    """With no fit in between: z of the invariants averaged by brute force over the permutations of the columns."""
    matrices = exchangeable(60, 4, seed=1)
    model = five_parameter_model(matrices)
    table = averaged_comparison(model, matrices, GRAPHS, BIPARTITE)
    orders = list(permutations(range(4)))
    values = np.mean([evaluate(matrices[:, :, order], GRAPHS) for order in orders], axis=0)
    embedded = PIGMM(4, embedded_parameters(model))
    # the influence of a matrix on the five, carried to the 13
    embed = np.array([embedded_parameters_of(direction, 4) for direction in np.eye(5)])
    residuals = values - model.influence(matrices) @ embed @ embedded.expectation_gradient(GRAPHS).T
    error = residuals.std(axis=0, ddof=1) / np.sqrt(60)
    z = (values.mean(axis=0) - embedded.expectation(GRAPHS)) / error
    np.testing.assert_allclose(table.standard_error, error, rtol=1e-6)
    np.testing.assert_allclose(table.z, z, rtol=1e-5, atol=1e-6)
    squares = np.square(residuals - residuals.mean(axis=0))
    np.testing.assert_allclose(table.largest_share, squares.max(axis=0) / squares.sum(axis=0), rtol=1e-5)


def embedded_parameters(model: BlockGaussian) -> list[float]:
    return embedded_parameters_of(model.parameters, model.space.shape[0])


def embedded_parameters_of(five: np.ndarray[Any, Any], size: int) -> list[float]:
    """The five parameters of S_N x S_N as the 13 of S_N (MATH.md: mu_1 = N b, and the model's mean is N b too)."""
    mu, g00, g0h, gh0, ghh = five.tolist()
    return [mu, 0, g00, 0, ghh, g0h, 0, 0, gh0, 0, ghh, ghh, ghh]


def test_standard_errors_shrink_and_expectations_do_not_move() -> None:
    matrices = exchangeable(2000, 6, seed=2)
    square = compare(PIGMM.fit(matrices), matrices, GRAPHS)
    five = five_parameter_model(matrices)
    averaged = averaged_comparison(five, matrices, GRAPHS, BIPARTITE)
    ratio = averaged.standard_error / square.standard_error
    assert ratio.median() < 0.6
    assert ratio.max() < 1.02
    difference = square.measured - square.predicted
    other = averaged.z * averaged.standard_error
    # two measurements of one quantity, the second the more precise: they differ by no more than the errors of the first
    assert (np.abs(difference - other) / square.standard_error).max() < 5
    found = symmetrised_comparison_table(square, averaged, compare(five, matrices, BIPARTITE)).set_index("invariants")
    assert found.root_mean_square_z["S_N, averaged"] > found.root_mean_square_z["S_N"]
    assert found.error_ratio["S_N, averaged"] == ratio.median()


@pytest.mark.parametrize(("count", "heavy"), [(24, False), (200, False), (200, True)])
def test_a_single_network_decides_among_heavy_tails_only(count: int, heavy: bool) -> None:
    rng = np.random.default_rng(10)
    matrices = rng.normal(size=(count, 5, 5)) * np.exp(1.5 * heavy * rng.normal(size=(count, 1, 1)))
    found = analyse_snapshot(matrices, InitialLaw(1.0, 3.0))
    tables = {name: rows.assign(layer=1, epoch=0.0, subset="all") for name, rows in found.items()}
    assert [own.layer for own in Symmetrised.of(tables).heavy] == [1] * heavy


def test_gaussian_matrices_give_no_departure() -> None:
    matrices = BlockGaussian(RectangularSpace(6, 6), [0.5, 1.0, 0.5, 2.0, 1.0]).sample(2000, seed=3)
    found = analyse_snapshot(matrices, InitialLaw.of("gaussian", 6))["symmetrised_comparison"]
    assert (found.significant == 0).all()
    assert found.root_mean_square_z.between(0.5, 1.6).all()


def table(run: Path, name: str) -> pd.DataFrame:
    return read_table(run / "tables" / f"{name}.csv")


def test_tables_of_a_study(finished_run: Path) -> None:
    bipartite = table(finished_run, "bipartite")
    assert bipartite.groupby("layer").size().to_dict() == dict.fromkeys((1, 2), 43 * 3 * 2)
    assert table(finished_run, "symmetrised_comparison").groupby("layer").size().to_dict() == dict.fromkeys(
        (1, 2), 3 * 3 * 2
    )
    rows = table(finished_run, "interior_parameters")
    assert rows.groupby("layer").size().to_dict() == dict.fromkeys(range(4), 5 * 3 * 2)
    assert table(finished_run, "output_classes").groupby("layer").size().to_dict() == {3: 10 * 3 * 2}
    change = table(finished_run, "change")
    assert change[change.subset == "all"].groupby("layer").in_paper.sum().to_dict() == {0: 0, 1: 39, 2: 39, 3: 0}
    comparison = table(finished_run, "comparison")
    own = comparison[(comparison.layer == 2) & (comparison.subset == "all")]
    first, last = (own[own.epoch == epoch].set_index("graph").deviation for epoch in (0, 2))
    found = change[(change.layer == 2) & (change.subset == "all")].set_index("graph").change
    np.testing.assert_allclose(found, ((last - first) / (last + first))[found.index])
    figures = {file.stem for file in (finished_run / "figures").glob("*.svg")}
    shapes = {f"interior_parameters_{shape}" for shape in ("5x5", "5x784", "10x5")}
    assert {"constraints", "symmetrised_comparison", "output_classes", "changes", *shapes} <= figures


def test_interior_parameters_are_in_initial_units(finished_run: Path) -> None:
    rows = table(finished_run, "interior_parameters")
    for layer, fan_in, shape in ((0, 784, (5, 784)), (1, 5, (5, 5))):
        own = rows[(rows.layer == layer) & (rows.epoch == 2) & (rows.subset == "all")].set_index("parameter")
        matrices = open_ensemble(finished_run / "ensemble.zarr")[f"weight_{layer}"].sel(epoch=2).to_numpy()
        model = BlockGaussian.fit(matrices, RectangularSpace(*shape))
        np.testing.assert_array_equal(own.estimate, model.parameters)
        assert own.relative["GHH"] == pytest.approx(fan_in * model.parameters[4])
        assert own.relative["mu"] == pytest.approx(np.sqrt(fan_in) * model.parameters[0])
        initial = InitialLaw.of("gaussian", fan_in).model(model.space)
        assert own.wasserstein_squared.sum() == pytest.approx(wasserstein_distance_squared(model, initial))
    start = rows[rows.epoch == 0]
    assert (start.z_from_initial.abs() < 4.5).all()


def shifted_classes(count: int) -> np.ndarray[Any, Any]:
    matrices = np.random.default_rng(4).normal(size=(count, 5, 5))
    return matrices + 0.3 * np.arange(-2, 3)[:, None]


def test_classes_that_differ() -> None:
    matrices = shifted_classes(500)
    rows, tests = class_table(matrices), class_test_table(matrices).iloc[0]
    np.testing.assert_allclose(rows["mean"], matrices.mean(axis=(0, 2)))
    assert (np.abs(rows["mean"] - 0.3 * np.arange(-2, 3)) < 5 * rows.standard_error).all()
    assert tests.p_means < 1e-9
    assert tests.p_variances > 1e-3
    assert tests.p_units > 1e-3
    # spread of the means: 5 * 0.09 * 10 over 4 degrees of freedom; variance of the row sums: 1
    expected = 5 * 0.09 * 10 / 4
    assert abs(tests.share - expected / (1 + expected)) < 4 * tests.share_error
    np.testing.assert_allclose(tests.GH0, five_parameter_model(matrices).parameters[3])


def test_share_of_the_classes_has_its_standard_error() -> None:
    """Over many ensembles the shares spread as their standard errors say, about the true one, zero without classes."""
    rng = np.random.default_rng(5)
    for slope in (0.0, 0.1):
        drawn = [
            class_test_table(rng.normal(size=(100, 4, 5)) + slope * np.arange(4)[:, None]).iloc[0] for _ in range(100)
        ]
        shares, errors = np.array([[row.share, row.share_error] for row in drawn]).T
        true = 5 * slope**2 * 5 / 3
        assert abs(shares.mean() - true / (1 + true)) < 4 * shares.std() / np.sqrt(100)
        # at zero the share is of second order in the means, of which the influence is twice what it adds up to
        assert 0.8 < errors.mean() / shares.std() / (1 if slope else np.sqrt(2)) < 1.2


def test_classes_test_is_calibrated() -> None:
    rng = np.random.default_rng(6)
    p = np.array([class_test_table(rng.standard_t(5, size=(200, 4, 5))).p_means[0] for _ in range(300)])
    assert 0.02 < (p < 0.05).mean() < 0.09


def test_findings_on_output_classes_and_interior_parameters() -> None:
    law = InitialLaw(1.0, 3.0)
    labels = {"layer": 3, "epoch": 5.0, "subset": "all"}
    for matrices, verdict, since in (
        (shifted_classes(500), Verdict.DEPARTS, 5.0),
        (np.random.default_rng(7).normal(size=(500, 5, 5)), Verdict.NO_DEPARTURE, None),
    ):
        found = {name: rows.assign(**labels) for name, rows in analyse_snapshot(matrices, law, output=True).items()}
        classes = OutputClasses.of(found, judge_study(found))
        assert (classes.means, classes.variances) == (verdict, Verdict.NO_DEPARTURE)
        assert classes.low_from == since
    assert [own.mean for own in classes.classes] == found["output_classes"]["mean"].tolist()
    moved = InteriorParameters.of(found["interior_parameters"])
    assert [own.initial for own in moved.moved] == [0, 1, 1, 1, 1]
    assert moved.farthest is not None
    assert abs(moved.farthest.z) < 3
    assert sum(own.share for own in moved.moved) == pytest.approx(1)


def test_significant_from_the_epoch_that_it_stays() -> None:
    rows = pd.DataFrame({"epoch": [0.0, 1.0, 2.0], "p": [0.5, 0.5, 0.9]})
    assert low_from(rows.assign(p=0.001), "p") == 0
    assert low_from(rows, "p") is None


def test_untrained_networks_that_matter_are_named() -> None:
    """One network of huge weights hides what the others show."""
    weights = exchangeable(400, 5, seed=8)
    weights[0] *= 30
    array = xr.DataArray(weights[:, None], dims=("network", "epoch", "row", "col"), coords={"epoch": [0.0]})
    masks = {"all": np.ones(400, bool), "trained": np.arange(400) > 0}
    found = analyse_layer(array, InitialLaw.of("gaussian", 5), masks, replicates=0)
    finding = WithoutUntrained.of({name: rows.assign(layer=1) for name, rows in found.items()})
    assert finding is not None
    assert finding.differing == [1]
    assert (finding.networks, finding.learnt) == (400, 399)
    same = {"all": masks["all"], "trained": masks["all"]}
    found = analyse_layer(array, InitialLaw.of("gaussian", 5), same, replicates=0)
    assert WithoutUntrained.of({name: rows.assign(layer=1) for name, rows in found.items()}) is None


def test_change_by_chance() -> None:
    first, last = np.abs(np.random.default_rng(9).normal(size=(2, 20000)))
    change = (last - first) / (last + first)
    levels = np.linspace(-0.9, 0.9, 7)
    np.testing.assert_allclose((change[:, None] < levels).mean(axis=0), by_chance(levels), atol=0.015)


def test_bipartite_counts_by_degree() -> None:
    assert [len(multigraphs(degree, RECTANGULAR)) for degree in (3, 4)] == [10, 33]


def test_changes_are_named_as_graphs_are() -> None:
    """The label of a graph stands beside its name and formula in this table as in the others."""
    rng = np.random.default_rng(0)
    tables = []
    for epoch in (0.0, 1.0):
        matrices = rng.normal(size=(30, 5, 5))
        tables.append(compare(PIGMM.fit(matrices), matrices, GRAPHS).assign(layer=1, subset="all", epoch=epoch))
    change = change_table(pd.concat(tables))
    assert change[["graph", "name", "formula"]].equals(tables[0][["graph", "name", "formula"]])
    assert "tr M^3" in change.name.tolist()
