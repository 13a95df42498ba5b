"""A real study, end to end: what it writes, that its numbers are the library's, and that work is not done twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    bootstrap_comparison,
    compare,
    kl_divergence,
    model_ladder,
    wald_tests,
    wasserstein_distance,
)
from pigmm.invariants import Multigraph, multigraphs
from pigmm.studies.analysis import side_by_side
from pigmm.studies.analysis.layers.constraints import symmetry_table
from pigmm.studies.analysis.layers.layer import spread
from pigmm.studies.analysis.layers.tests import nested_model_table
from pigmm.studies.analysis.questions import judge_study
from pigmm.studies.analysis.summaries import largest_departures
from pigmm.studies.analysis.verdicts import Verdict
from pigmm.studies.report.cards import last_layers
from pigmm.studies.report.findings.gaussianity.departures import Departures
from pigmm.studies.report.findings.networks.without_untrained import WithoutUntrained
from pigmm.studies.report.findings.study import study_records
from pigmm.studies.report.findings.symmetry.constraints import Constraints
from pigmm.studies.runs.files import read_table
from pigmm.studies.runs.folder import RunFolder
from pigmm.training import EnsembleConfig, open_ensemble

# layer: (parameters, linear and quadratic invariants, cubic and quartic invariants); layers 0 and 3 are rectangular
ROWS = {0: (5, 5, 43), 1: (13, 13, 348), 2: (13, 13, 348), 3: (5, 5, 43)}
EPOCHS, SUBSETS = 3, 2


Command = Callable[..., Any]


def table(run: Path, name: str) -> pd.DataFrame:
    return read_table(run / "tables" / f"{name}.csv")


def snapshot(run: Path, layer: int, epoch: int) -> np.ndarray[Any, Any]:
    return open_ensemble(run / "ensemble.zarr")[f"weight_{layer}"].sel(epoch=epoch).to_numpy()


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_everything_is_there(finished_run: Path) -> None:
    config = RunFolder.open(finished_run).config
    assert config == EnsembleConfig(
        hidden=(5, 5, 5), networks=24, epochs=2, block_size=12, layers="all", seed=3, dataset="mnist-5k"
    )
    for name, column in (("parameters", 0), ("initialisation", 1), ("comparison", 2)):
        counts = table(finished_run, name).groupby("layer").size()
        assert counts.to_dict() == {layer: row[column] * EPOCHS * SUBSETS for layer, row in ROWS.items()}
    assert len(table(finished_run, "distances")) == len(ROWS) * EPOCHS * SUBSETS
    assert len(table(finished_run, "training")) == 4 * EPOCHS * SUBSETS
    assert len(table(finished_run, "networks")) == 24
    assert len(table(finished_run, "comparison_summary")) == len(ROWS) * EPOCHS * SUBSETS * 2 * 2
    assert len(table(finished_run, "largest_departures")) == len(ROWS) * SUBSETS * 10
    figures = {file.stem for file in (finished_run / "figures").glob("*.svg")}
    assert {"learning", "distances", "departures_by_epoch", "parameters_5x5", "parameters_5x784"} <= figures
    assert {"initialisation_5x5", *(f"largest_layer_{layer}" for layer in ROWS)} <= figures
    assert not (finished_run / "partial").exists()
    assert not list(finished_run.rglob("*.partial"))


def test_report_is_self_contained_and_says_what_was_run(finished_run: Path) -> None:
    page = (finished_run / "report.html").read_text()
    assert "24 networks 784-5-5-5-10 on mnist-5k" in page
    assert not re.search(r"""(src|href)=["'](?!data:|#|tables/|figures/)""", page)
    for link in re.findall(r'href="((?:tables|figures)/[^"]+)"', page):
        assert (finished_run / link).is_file()
    described = re.findall(r'<svg viewBox[^>]* role="(?:img|group)" aria-label="[^"]+"', page)
    # the answer stands on the first screen alone, the others among the findings and after them
    assert page.count("<figure") == len(described) - 1 == len(list((finished_run / "figures").iterdir()))
    assert "the bundled mnist-5k" not in page.partition("<main>")[0]  # no study of the paper has these widths


def test_numbers_are_those_of_the_library(finished_run: Path) -> None:
    graphs = (*multigraphs(3), *multigraphs(4))
    matrices = snapshot(finished_run, layer=2, epoch=1)
    model = PIGMM.fit(matrices)

    def rows(name: str) -> pd.DataFrame:
        found = table(finished_run, name)
        return found[(found.layer == 2) & (found.epoch == 1) & (found.subset == "all")].reset_index(drop=True)

    parameters = rows("parameters")
    assert parameters.parameter.tolist() == list(model.names)
    np.testing.assert_array_equal(parameters.estimate, model.parameters)
    expected = compare(model, matrices, graphs)
    pd.testing.assert_frame_equal(rows("comparison")[list(expected.columns)], expected, check_exact=True)
    initial = PIGMM.iid(5, variance=1 / 5)
    distances = rows("distances").iloc[0]
    assert distances.wasserstein == wasserstein_distance(model, initial)
    assert distances.wasserstein_squared == pytest.approx(distances.wasserstein**2, rel=1e-12)
    assert distances.kl == kl_divergence(model, initial)
    deviations = rows("initialisation").set_index("graph")
    # trace: expectation 0, variance d E2; the label survives the file
    assert deviations.z["00"] == pytest.approx(np.trace(matrices, axis1=1, axis2=2).mean(dtype=float) * np.sqrt(24))
    assert Multigraph([(0, 1), (1, 2)]).label in deviations.index


def test_rectangular_layers_have_their_own_model(finished_run: Path) -> None:
    parameters = table(finished_run, "parameters")
    own = parameters[(parameters.layer == 0) & (parameters.epoch == 2) & (parameters.subset == "all")]
    np.testing.assert_array_equal(own.estimate, BlockGaussian.fit(snapshot(finished_run, 0, 2)).parameters)
    assert (own.initial[own.parameter != "mu"] == 1 / 784).all()


def test_the_two_subsets(finished_run: Path) -> None:
    networks, distances = table(finished_run, "networks"), table(finished_run, "distances")
    counts = distances.groupby("subset").networks.unique()
    assert counts["all"].tolist() == [24]
    assert counts["trained"].tolist() == [24 - networks.untrained.sum()]
    training = table(finished_run, "training")
    final = training[(training.metric == "test_accuracy") & (training.epoch == 2) & (training.subset == "all")]
    assert final["mean"].item() == pytest.approx(networks.test_accuracy.mean(), rel=1e-6)


def test_initialisation_is_what_the_configuration_says(finished_run: Path) -> None:
    for name, column in (("parameters", "z_from_initial"), ("initialisation", "z")):
        rows = table(finished_run, name)
        z = rows[(rows.epoch == 0) & (rows.subset == "all")][column]
        assert len(z) == 2 * (13 + 5)
        assert z.abs().max() < 4.5
        assert z.abs().median() > 0.2  # and the errors are not far too large


def test_a_finished_study_is_left_as_it_is(finished_run: Path, pigmm: Command, options: tuple[str, ...]) -> None:
    before = state(finished_run)
    outcome = pigmm("study", finished_run, *options)
    assert outcome.code == 0
    assert outcome.out.splitlines() == ["This study is finished; nothing to do.", str(finished_run / "report.html")]
    assert state(finished_run) == before


def test_other_options_are_refused_by_name(finished_run: Path, pigmm: Command, options: tuple[str, ...]) -> None:
    before = state(finished_run)
    outcome = pigmm("study", finished_run, *options, "--epochs", "3", "--seed", "4")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "epochs: 2 there, 3 now; seed: 3 there, 4 now" in outcome.err
    assert state(finished_run) == before


def test_interrupted_analysis_goes_on(
    finished_run: Path, tmp_path: Path, pigmm: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study that lost a table, whose analysis is stopped after two layers, keeps these and ends as it was."""
    run = RunFolder.open(Path(shutil.copytree(finished_run, tmp_path / "run")))
    (run.tables / "distances.csv").unlink()
    assert not run.is_finished
    analyse_layer, analysed = side_by_side.analyse_layer, []

    def until_third(weights: Any, **options: Any) -> Any:
        if len(analysed) == 2:
            raise KeyboardInterrupt
        analysed.append(weights.name)
        return analyse_layer(weights, **options)

    monkeypatch.setattr(side_by_side, "analyse_layer", until_third)
    assert pigmm("report", run.path).code == 130
    assert not run.is_finished
    analysed.clear()
    outcome = pigmm("report", run.path)
    assert (outcome.code, outcome.out) == (0, f"{run.report}\n")
    assert analysed == ["weight_2", "weight_3"]
    assert run.is_finished
    for folder in ("tables", "figures"):
        for file in (finished_run / folder).iterdir():
            assert (run.path / folder / file.name).read_bytes() == file.read_bytes()


def test_nothing_is_analysed_twice(
    finished_run: Path, tmp_path: Path, pigmm: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished report stays; a figure that is lost is drawn again; damaged weights are noticed."""
    run = RunFolder.open(Path(shutil.copytree(finished_run, tmp_path / "run")))
    monkeypatch.setattr("pigmm.studies.pipeline.analyse", lambda *_, **__: pytest.fail("it was analysed again"))
    before = state(run.path)
    assert pigmm("report", run.path).out == f"This report is finished; nothing to do.\n{run.report}\n"
    assert state(run.path) == before
    drawn = run.figures / "distances.svg"
    content = drawn.read_bytes()
    drawn.unlink()
    assert pigmm("report", run.path).out == f"{run.report}\n"
    assert drawn.read_bytes() == content
    assert run.is_finished
    chunk = next(file for file in sorted((run.ensemble / "weight_1" / "c").rglob("*")) if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\0")
    monkeypatch.undo()
    outcome = pigmm("report", run.path)
    assert outcome.code == 2
    assert "does not match its checksum" in outcome.err


def test_too_few_networks_are_reported_not_crashed_on(tmp_path: Path, pigmm: Command) -> None:
    run = tmp_path / "run"
    outcome = pigmm("study", run, "--hidden", "4,4", "--networks", "2", "--epochs", "1", "--block-size", "2")
    assert outcome.code == 0
    omissions = table(run, "omissions")
    assert len(omissions) == 2 * 2
    assert "at least 3 for a fit" in (run / "report.html").read_text()


def test_train_alone_then_study(tmp_path: Path, pigmm: Command) -> None:
    options = ("--hidden", "5,5", "--networks", "6", "--epochs", "1", "--block-size", "6")
    run = tmp_path / "run"
    assert pigmm("train", run, *options).out.splitlines()[-1] == str(run / "ensemble.zarr")
    weights = state(run / "ensemble.zarr")
    assert pigmm("study", run, *options).out.splitlines() == [str(run / "report.html")]
    assert state(run / "ensemble.zarr") == weights
    steps = [entry["step"] for entry in json.loads((run / "history.json").read_bytes())]
    assert steps == ["training", "analysis", "report"]


def test_interruption_by_the_keyboard(tmp_path: Path) -> None:
    """Ctrl-C during training: exit 130, one line; the same command then finishes."""
    run = tmp_path / "run"
    # a parent may have told its children to ignore the signal
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", script + "from pigmm.studies.cli.main import main; main()"]
    command += ["train", str(run), "--hidden", "4,4", "--networks", "800", "--epochs", "4", "--block-size", "4"]
    environment = {**os.environ, "COLUMNS": "200"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            blocks = run / "ensemble.zarr" / "blocks"
            deadline = time.monotonic() + 600  # hangs
            while not list(blocks.glob("*.done")):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=600)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "interrupted: the same command goes on from here"
    assert "Traceback" not in said


def words_of(page: str) -> str:
    """Text of a report before its tables of files, without figures and their descriptions."""
    page = page.partition('<h2 id="tables">')[0]
    return re.sub(r"<img[^>]*>|<svg.*?</svg>| data-invariant=\"[^\"]*\"", "", page, flags=re.DOTALL)


def test_report_writes_symbols_not_names(finished_run: Path) -> None:
    words = words_of((finished_run / "report.html").read_text())
    assert "Λ<sub>3</sub><sup>−1</sup>" in words
    assert "sum_" not in words
    for name in ("M_ij", "nan", "one in twenty", "independent normal"):
        assert name not in words
    assert not re.search(r"\bG[0H23]\b|[ >(]-\d", words.replace("G0_12", "").partition("<h2")[2])
    assert "&lt;sub&gt;" not in words


def test_bootstrap_gives_a_verdict_on_few_networks(finished_run: Path) -> None:
    words = words_of((finished_run / "report.html").read_text())
    # no verdict from asymptotic standard errors, but from what is calibrated
    assert "too few networks for a verdict: 24" in words
    assert "3.80" not in words
    # four layers: of 19 tests each can depart with 399 draws, where verdicts are made
    assert "399 of them at epoch 2" in words
    found = table(finished_run, "gaussianity")
    assert found[["layer", "epoch"]].to_numpy().tolist() == [[layer, epoch] for layer in ROWS for epoch in (0, 2)]
    assert (found.subset == "all").all()
    assert found.groupby("epoch").replicates.unique().map(list).to_dict() == {0: [99], 2: [399]}
    assert (found[found.epoch == 0].global_p_value > 0.01).all()
    matrices = snapshot(finished_run, layer=1, epoch=2)
    graphs = (*multigraphs(3), *multigraphs(4))
    expected = bootstrap_comparison(PIGMM.fit(matrices), matrices, graphs, replicates=399)
    own = found[(found.layer == 1) & (found.epoch == 2)].iloc[0]
    assert own.global_p_value == expected.global_p_value
    rows = table(finished_run, "bootstrap")
    rows = rows[(rows.layer == 1) & (rows.epoch == 2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[list(expected.table.columns)], expected.table, check_exact=True)


def test_the_bootstrap_can_be_left_out(tmp_path: Path, pigmm: Command) -> None:
    path = tmp_path / "run"
    options = ("--hidden", "4,4", "--networks", "6", "--epochs", "1", "--block-size", "6")
    assert pigmm("study", path, *options, "--replicates", "0").code == 0
    run = RunFolder.open(path, replicates=0)
    assert run.is_finished
    # a study with a bootstrap is another analysis
    assert not RunFolder.open(path).is_finished
    names = {file.stem for file in run.tables.iterdir()}
    assert {"comparison", "nested_models", "invariance"} <= names
    assert names.isdisjoint({"bootstrap", "gaussianity"})
    words = words_of(run.report.read_text())
    assert "Beyond the Gaussian model" in words
    assert "ensembles of as many matrices" not in words
    assert pigmm("study", path, *options, "--replicates", "-1").code == 2


def test_every_epoch_has_asymptotic_p_values(finished_run: Path) -> None:
    comparison = table(finished_run, "comparison")
    tested = comparison.dropna(subset="z")
    assert tested[["p_value", "q_value"]].stack().between(0, 1).all()
    assert (tested.q_value >= tested.p_value).all()


def test_nested_models_of_every_layer(finished_run: Path) -> None:
    nested = table(finished_run, "nested_models")
    names = {layer: rows.symmetry[rows.epoch == 1].tolist() for layer, rows in nested.groupby("layer")}
    assert names[0] == names[3] == ["iid, zero mean", "B_M x B_N", "iid", "S_M x S_N"]
    assert len(names[1]) == 9
    assert (nested.groupby("layer").epoch.nunique() == EPOCHS).all()
    matrices = snapshot(finished_run, layer=2, epoch=2)
    own = nested[(nested.layer == 2) & (nested.epoch == 2)].set_index("symmetry")
    np.testing.assert_allclose(own.log_likelihood, model_ladder(matrices, replicates=1).log_likelihood)
    np.testing.assert_allclose(own.p_wald.iloc[:-1], wald_tests(matrices).p_value)
    randomised = nested[nested.p_randomisation.notna()]
    assert (randomised.symmetry == "S_N x S_N").all()
    assert sorted(randomised.epoch.unique()) == [0, 1, 2]
    # the training is faithful to the symmetry of the network
    assert (randomised.p_randomisation > 0.01).all()


def test_invariance_of_every_layer(finished_run: Path) -> None:
    rows = table(finished_run, "invariance")
    assert sorted(rows[rows.layer == 1].epoch.unique()) == [0, 1, 2]
    start = rows[(rows.epoch == 0) & (rows.irreps == "all")]
    assert (start.p_permutation > 0.01).all()
    assert set(rows.irreps[rows.layer == 0]) >= {"V_0H", "V_HH", "V_H0 x V_HH"}


def test_distances_have_a_null_band(finished_run: Path) -> None:
    rows = table(finished_run, "distances")
    assert (rows.null_lower < rows.null_mean).all()
    assert (rows.null_mean < rows.null_upper).all()
    start = rows[rows.epoch == 0]
    assert (start.p_value > 0.01).all()
    everyone = rows[rows.subset == "all"]
    # the band is that of the layer's law, the same at every epoch
    assert (everyone.groupby("layer").null_mean.nunique() == 1).all()


def test_paths_through_training(finished_run: Path) -> None:
    places, distances = table(finished_run, "trajectory"), table(finished_run, "trajectory_distances")
    square = places[places["rows"] == places["columns"]]
    assert square[["layer", "epoch"]].to_numpy().tolist() == [[layer, epoch] for layer in (1, 2) for epoch in range(3)]
    assert len(distances) == 6**2 + 2 * 3**2
    pair = distances[(distances.layer == 1) & (distances.epoch == 0) & (distances.other_layer == 2)]
    models = [PIGMM.fit(snapshot(finished_run, layer, epoch)) for layer, epoch in ((1, 0), (2, 2))]
    assert pair.wasserstein[pair.other_epoch == 2].item() == pytest.approx(wasserstein_distance(*models), rel=1e-9)
    figures = {file.stem for file in (finished_run / "figures").glob("*.svg")}
    assert {"path_5x5", "path_5x784", "path_10x5", "nested_models"} <= figures


def test_spread_of_epochs() -> None:
    assert spread([0.0], 2) == [0.0]
    for count in (2, 3, 51, 400):
        for most in (2, 5, 17):
            chosen = spread(list(range(count)), most)
            assert (chosen[0], chosen[-1]) == (0, count - 1)
            assert len(chosen) <= most
            assert chosen == sorted(set(chosen))


def test_symmetry_of_the_network(finished_run: Path) -> None:
    rows = table(finished_run, "symmetry")
    assert rows.groupby("layer").size().to_dict() == dict.fromkeys((1, 2), 8 * EPOCHS * SUBSETS)
    own = rows[(rows.layer == 1) & (rows.epoch == 2) & (rows.subset == "all")].set_index("parameter")
    matrices = snapshot(finished_run, layer=1, epoch=2)
    model = PIGMM.fit(matrices)
    value = dict(zip(model.names, model.parameters, strict=True))
    influence = dict(zip(model.names, model.influence(matrices).T, strict=True))
    for name, row in own.iterrows():
        other = row.minus if isinstance(row.minus, str) else None
        difference = value[str(name)] - (value[other] if other else 0)
        error = (influence[str(name)] - (influence[other] if other else 0)).std(ddof=1) / np.sqrt(24)
        np.testing.assert_allclose([row.estimate, row.standard_error, row.z], [difference, error, difference / error])
    assert own.minus.fillna("").tolist() == [""] * 5 + ["G3"] * 3


def symmetry_rows(matrices: np.ndarray[Any, Any]) -> pd.DataFrame:
    return symmetry_table(PIGMM.fit(matrices), matrices).assign(layer=1, epoch=0.0, subset="all")


def verdict_on_symmetry(**tables: pd.DataFrame) -> tuple[Verdict | None, Constraints]:
    found = Constraints.of(tables, judge_study(tables))
    return found.layers[0].verdict, found


def test_symmetry_is_kept_and_broken() -> None:
    matrices = PIGMM.iid(5, variance=0.2).sample(400, seed=5)
    # rows and columns may have structure of their own
    structured = (
        matrices * np.arange(1, 6)[np.random.default_rng(0).permuted(np.tile(range(5), (400, 1)), axis=1)][:, None]
    )
    for ensemble, verdict in ((structured, Verdict.NO_DEPARTURE), (matrices + np.eye(5), Verdict.DEPARTS)):
        found, asymptotic = verdict_on_symmetry(symmetry=symmetry_rows(ensemble))
        assert found is verdict
        assert not asymptotic.exact
        # the exact test has the last word where it was done
        nested = nested_model_table(PIGMM.fit(ensemble), ensemble).assign(layer=1, epoch=0.0)
        found, exact = verdict_on_symmetry(symmetry=symmetry_rows(ensemble), nested_models=nested)
        assert found is verdict
        assert exact.exact
        assert not exact.course
    # through training, by tests that need many networks
    course = pd.concat([nested, nested.assign(epoch=-1.0)])
    [wald] = verdict_on_symmetry(symmetry=symmetry_rows(ensemble), nested_models=course)[1].course
    assert wald.epochs == wald.low == 2
    assert not verdict_on_symmetry(symmetry=symmetry_rows(ensemble[:50]), nested_models=course)[1].course


def test_a_network_that_diverged_leaves_all_networks_their_last_fit(finished_run: Path) -> None:
    """Without a model of all networks after epoch 0 the report is of that epoch for them."""
    config = RunFolder.open(finished_run).config
    tables = {file.stem: read_table(file) for file in (finished_run / "tables").glob("*.csv")}
    for name, rows in tables.items():
        if {"layer", "epoch"} <= set(rows) and name not in ("units", "active_units", "largest_departures"):
            subset = rows.subset if "subset" in rows else "all"
            tables[name] = rows[(subset != "all") | (rows.epoch == 0)].reset_index(drop=True)
    tables["largest_departures"] = largest_departures(tables["comparison"])
    assert tables["largest_departures"].groupby("subset").epoch.unique().map(list).to_dict() == {
        "all": [0],
        "trained": [2],
    }
    shown = last_layers(tables["comparison"], config)
    assert [(layer, rows.epoch.unique().tolist()) for layer, family, rows in shown] == [(k, [0]) for k in range(4)]
    found = {type(record): record for record in study_records(tables, config)}
    assert found[Departures] == Departures.of(tables)
    assert Departures.of(tables).epoch == 0
    assert WithoutUntrained not in found


def test_one_network(tmp_path: Path, pigmm: Command) -> None:
    run = tmp_path / "run"
    assert pigmm("study", run, "--hidden", "4,4", "--networks", "1", "--epochs", "1", "--block-size", "1").code == 0
    words = words_of((run / "report.html").read_text())
    assert "1 network 784-4-4-10" in words
    assert "the one network" in words
    assert "layers 1 and 2" in words or "layer 1," in words
    for wrong in ("nan", "1 networks", "all 1 "):
        assert wrong not in words
