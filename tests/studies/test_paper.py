"""The studies of the paper: their data, a small one end to end, the comparison of runs, and the verdicts."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pigmm.fitting import PIGMM
from pigmm.studies.analysis.layers.initial_law import InitialLaw
from pigmm.studies.analysis.layers.layer import analyse_snapshot, snapshot_tests
from pigmm.studies.analysis.selection import at_last_epoch, where
from pigmm.studies.analysis.verdicts import Verdict, judge
from pigmm.studies.cli.main import main
from pigmm.studies.comparison.claims.claim import Line
from pigmm.studies.comparison.claims.distance import GrowingDistance
from pigmm.studies.comparison.claims.general_model import GeneralModel
from pigmm.studies.comparison.claims.higher_invariants import Deviations, HigherInvariants
from pigmm.studies.comparison.claims.initialisation import SimpleGaussian
from pigmm.studies.comparison.claims.linear_and_quadratic import LinearAndQuadratic
from pigmm.studies.comparison.claims.missing import Missing
from pigmm.studies.comparison.claims.predictions import Predictions
from pigmm.studies.comparison.claims.regularisation import regularisation
from pigmm.studies.comparison.claims.relative_change import RelativeChange
from pigmm.studies.comparison.claims.table import run_claims, verdict_table
from pigmm.studies.comparison.claims.width import width
from pigmm.studies.comparison.questions import claim_tests
from pigmm.studies.comparison.runs import FinishedRun, finished_runs
from pigmm.studies.paper.studies import paper_study, study_names
from pigmm.studies.report.claims import Agreement
from pigmm.studies.runs.files import read_table, write_table
from pigmm.training import EnsembleConfig

NAMES = {
    "mnist-gaussian", "mnist-uniform", "mnist-gaussian-decay", "mnist-uniform-decay",
    "cifar10-gaussian", "cifar10-uniform", "width", "depth",
}  # fmt: skip
LAYERS = 3


# --- the data ---


def test_the_studies_are_those_of_the_paper() -> None:
    assert set(study_names()) == NAMES
    for name, description in study_names().items():
        study = paper_study(name)
        assert description == study.description
        assert description.endswith(".")
        for config in study.configurations.values():
            assert (config.networks, config.epochs, config.optimizer) == (1000, 50, "adam")
            assert (config.learning_rate, config.batch_size, config.bias) == (1e-3, 100, False)
            assert config.dataset == ("cifar10" if name.startswith("cifar10") else "mnist")
            assert config.initialisation == ("uniform" if "uniform" in name else "gaussian")
            assert config.weight_decay == (0.01 if name.endswith("decay") else 0.0)


def test_widths_and_depths() -> None:
    widths = paper_study("width").configurations.values()
    assert [config.hidden for config in widths] == [(a, a) for a in (10, 40, 160, 640)]
    assert [[config.shapes[k] for k in config.stored_layers] for config in widths] == [
        [(a, a)] for a in (10, 40, 160, 640)
    ]
    assert [len(config.hidden) for config in paper_study("depth").configurations.values()] == [3, 5, 8]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_quick_needs_no_download_and_is_large_enough_for_verdicts(name: str) -> None:
    study = paper_study(name, quick=True)
    for run, config in study.configurations.items():
        assert config.dataset == "mnist-5k"
        assert 100 <= config.networks < 1000
        assert config.epochs <= 20
        assert run not in study.left_out
    assert {*study.configurations, *study.left_out} == set(paper_study(name).configurations)


def test_every_data_file_is_listed_and_packaged() -> None:
    folder = files("pigmm.studies") / "paper"
    assert {file.name for file in folder.iterdir() if file.name.endswith(".toml")} == {f"{name}.toml" for name in NAMES}


def test_overrides_replace_the_values_of_every_configuration() -> None:
    study = paper_study("depth", quick=True, networks=7, epochs=None, seed=5)
    assert {config.networks for config in study.configurations.values()} == {7}
    assert {config.seed for config in study.configurations.values()} == {5}
    assert {config.epochs for config in study.configurations.values()} == {5}


# --- the command line ---


def test_list(pigmm: Any) -> None:
    outcome = pigmm("paper", "--list")
    assert outcome.code == 0
    assert {line.split()[0] for line in outcome.out.splitlines()} == NAMES | {"initial-variance"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paper", "imagenet", "x"), ("imagenet", *NAMES)),
        (("paper",), ("STUDY", "width")),
        (("paper", "width"), ("RUN", "width")),
        (("paper", "width", "x", "--networks", "0"), ("networks", "got 0")),
        (("paper", "--verdicts", "nowhere"), ("nowhere",)),
        (("compare", "nowhere"), ("nowhere",)),
    ],
)
def test_bad_input_is_one_line(pigmm: Any, arguments: tuple[str, ...], words: tuple[str, ...], tmp_path: Path) -> None:
    outcome = pigmm(*arguments)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_the_device_is_passed_on(pigmm: Any, tmp_path: Path) -> None:
    outcome = pigmm("paper", "width", tmp_path / "run", "--quick", "--device", "abacus")
    assert (outcome.code, "device: a device of this torch is required, got 'abacus'" in outcome.err) == (2, True)


@pytest.fixture(scope="module")
def study_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny width study: the quick version has widths 10 and 40."""
    run = tmp_path_factory.mktemp("paper") / "run"
    with pytest.raises(SystemExit) as left:
        main(["paper", "width", str(run), "--quick", "--networks", "5", "--epochs", "1"])
    assert left.value.code == 0
    return run


def test_a_study_of_several_has_a_run_for_each_and_a_comparison(study_of_two: Path) -> None:
    for name in ("width-10", "width-40"):
        top = (study_of_two / name / "report.html").read_text().partition("<main>")[0]
        assert "Smaller than the study width of arXiv:2510.05218: the bundled mnist-5k" in top
    runs = finished_runs([study_of_two])
    assert [run.label for run in runs] == ["hidden 10-10", "hidden 40-40"]
    assert all(run.config.dataset == "mnist-5k" for run in runs)
    page = (study_of_two / "comparison" / "report.html").read_text()
    assert "5 networks instead of 1000" in page
    assert "width-160 and width-640" in page
    summary = read_table(study_of_two / "comparison" / "tables" / "summary.csv")
    assert summary[["run", "rows", "networks"]].values.tolist() == [["hidden 10-10", 10, 5], ["hidden 40-40", 40, 5]]


def test_it_goes_on_and_refuses_other_options(pigmm: Any, study_of_two: Path) -> None:
    stores = {store: store.stat().st_mtime_ns for store in study_of_two.glob("*/history.json")}
    again = pigmm("paper", "width", study_of_two, "--quick", "--networks", "5", "--epochs", "1")
    assert again.code == 0
    assert again.out.splitlines()[0].startswith("Reduced: ")
    assert again.out.splitlines()[-1] == str(study_of_two / "comparison" / "report.html")
    assert {store: store.stat().st_mtime_ns for store in stores} == stores
    other = pigmm("paper", "width", study_of_two, "--quick", "--networks", "4", "--epochs", "1")
    assert (other.code, "networks: 5 there, 4 now" in other.err) == (2, True)
    other = pigmm("paper", "depth", study_of_two, "--quick")
    assert (other.code, "holds width" in other.err) == (2, True)


def test_a_folder_of_something_else_is_left_alone(pigmm: Any, tmp_path: Path, finished_run: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    for arguments in (
        ("paper", "width", tmp_path, "--quick"),
        ("paper", "mnist-gaussian", tmp_path, "--quick"),
        ("compare", finished_run, "--output", tmp_path),
    ):
        outcome = pigmm(*arguments)
        assert (outcome.code, "not empty" in outcome.err) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


# --- the comparison ---


def test_comparison_page(pigmm: Any, finished_run: Path, study_of_two: Path, tmp_path: Path) -> None:
    """Runs of other sizes, with rectangular layers, and one that is given twice."""
    copy = shutil.copytree(finished_run, tmp_path / "copy")
    output = tmp_path / "side_by_side"
    for _ in range(2):  # the second time over the first
        outcome = pigmm("compare", finished_run, study_of_two, copy, "--output", output)
        assert (outcome.code, outcome.out.strip()) == (0, str(output / "report.html"))
    page = (output / "report.html").read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#|tables/|figures/)""", page)
    assert "prefers-color-scheme: dark" in page
    for link in re.findall(r'href="((?:tables|figures)/[^"]+)"', page):
        assert (output / link).is_file()
    described = re.findall(r'<svg viewBox[^>]* role="img" aria-label="[^"]+"', page)
    assert page.count("<figure") == len(described) - 1 == len(list((output / "figures").iterdir())) == 5
    labels = [run.label for run in finished_runs([finished_run, study_of_two, copy])]
    assert len(set(labels)) == 4
    assert all(label in page for label in labels)


def test_numbers_of_the_comparison_are_those_of_the_runs(study_of_two: Path) -> None:
    tables = study_of_two / "comparison" / "tables"
    summary, by_epoch = read_table(tables / "summary.csv"), read_table(tables / "by_epoch.csv")
    for run in finished_runs([study_of_two]):
        own = where(read_table(run.path / "tables" / "distances.csv"), subset="all")
        row = where(summary, run=run.label).iloc[0]
        assert [row.wasserstein_first, row.wasserstein_last] == own.wasserstein.tolist()
        # N x N entries of variance 1/N
        assert row.initial_norm == pytest.approx(np.sqrt(row.rows))
        curve = where(by_epoch, run=run.label, layer=1, quantity="wasserstein")
        assert curve.value.tolist() == own.wasserstein.tolist()
        comparison = where(read_table(run.path / "tables" / "comparison.csv"), subset="all", epoch=1)
        assert row.median_deviation_last == pytest.approx(comparison.deviation.median())


def test_a_run_without_tables_is_named(pigmm: Any, finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "copy")
    shutil.rmtree(copy / "tables")
    outcome = pigmm("compare", copy, "--output", tmp_path / "out")
    assert (outcome.code, "pigmm report" in outcome.err, "training.csv" in outcome.err) == (2, True, True)


def test_tables_of_an_earlier_version_are_named(pigmm: Any, finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "copy")
    file = copy / "tables" / "initialisation.csv"
    write_table(file, read_table(file).drop(columns="published_deviation"))
    for arguments in (("compare", copy, "--output", tmp_path / "out"), ("paper", "--verdicts", copy)):
        outcome = pigmm(*arguments)
        assert (outcome.code, f"by `pigmm report {copy}`" in outcome.err) == (2, True)
    assert not (tmp_path / "out").exists()


# --- the verdicts ---


def simulated(last: PIGMM, initialisation: str = "gaussian", count: int = 400, **options: Any) -> FinishedRun:
    """A run whose one 6 x 6 layer is drawn from the initial law, and at epoch 50 from `last`."""
    size = last.size
    config = EnsembleConfig(
        dataset="mnist", hidden=(size, size), layers=(1,), networks=count, initialisation=initialisation, **options
    )
    rng = np.random.default_rng(1)
    side, shape = 1 / np.sqrt(size), (count, size, size)
    gaussian = initialisation == "gaussian"
    first = rng.normal(scale=side, size=shape) if gaussian else rng.uniform(-side, side, shape)
    law = InitialLaw(side**2, 3 * side**4) if gaussian else InitialLaw(side**2 / 3, side**4 / 5)
    parts: dict[str, list[pd.DataFrame]] = {}
    for epoch, matrices in ((0.0, first), (50.0, last.sample(count, seed=2))):
        asymptotic = snapshot_tests(matrices, nested=True)
        for name, table in (analyse_snapshot(matrices, law) | asymptotic).items():
            labels = {"layer": 1, "epoch": epoch, "subset": "all"}
            parts.setdefault(name, []).append(table.assign(**labels))
    tables = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    tables["networks"] = pd.DataFrame({"untrained": np.zeros(count, bool)})
    label = ", ".join(f"{name} {value}" for name, value in options.items()) or initialisation
    return FinishedRun(Path("run"), label, config, config, tables)


def parameters(**changed: float) -> PIGMM:
    names = PIGMM.iid(6, variance=1.0).names
    start = dict(zip(names, PIGMM.iid(6, variance=1 / 6).parameters, strict=True))
    return PIGMM(6, list((start | changed).values()))


def claims_of(run: FinishedRun) -> dict[type, Any]:
    """The records of the claims about the one square layer, by their class."""
    lines = run_claims(run, judge(claim_tests([run])))
    assert all(line.networks >= 100 for line in lines)
    return {type(line.claim): line.claim for line in lines}


def verdicts(run: FinishedRun) -> dict[type, Agreement]:
    return {kind: claim.verdict for kind, claim in claims_of(run).items()}


@pytest.fixture(scope="module")
def five_moved() -> FinishedRun:
    """Trained as the symmetry of a network allows: mean, columns and rows."""
    return simulated(parameters(mu_1=0.8, G0_11=0.5, GH_11=0.4, GH_22=0.3))


def test_quantities_and_findings_are_judged_by_what_is_simulated(five_moved: FinishedRun) -> None:
    assert verdicts(five_moved) == {
        LinearAndQuadratic: Agreement.AGREES,
        HigherInvariants: Agreement.AGREES,
        RelativeChange: Agreement.OPEN,
        GrowingDistance: Agreement.AGREES,
        SimpleGaussian: Agreement.AGREES,
        GeneralModel: Agreement.PARTLY,  # five parameters suffice
        Predictions: Agreement.AGREES,
    }


def test_all_thirteen_are_needed_where_rows_and_columns_are_correlated() -> None:
    found = claims_of(simulated(parameters(GH_12=0.08, GH_11=0.3)))[GeneralModel]
    assert (found.verdict, found.five) == (Agreement.AGREES, Verdict.DEPARTS)


def test_nothing_learnt_is_seen() -> None:
    run = simulated(parameters())
    found = claims_of(replace(run, config=run.config.model_copy(update={"networks": 1000})))
    assert {found[kind].verdict for kind in (GeneralModel, LinearAndQuadratic, GrowingDistance)} == {Agreement.DIFFERS}
    assert found[GeneralModel].smaller == ()
    smaller = claims_of(run)[GeneralModel]
    assert smaller.verdict is Agreement.OPEN
    assert smaller.smaller == ("400 networks instead of 1000",)


def test_invariants_that_cannot_depart_are_not_decided(five_moved: FinishedRun) -> None:
    missing = dict.fromkeys(("z", "p_value", "deviation"), np.nan)
    start = five_moved.tables["parameters"].assign(z_from_initial=np.nan)
    tables = {"comparison": five_moved.tables["comparison"].assign(**missing), "parameters": start}
    found = claims_of(replace(five_moved, tables=five_moved.tables | tables))
    assert found[SimpleGaussian].verdict is found[Predictions].verdict is Agreement.OPEN
    assert (found[SimpleGaussian].parameter, found[SimpleGaussian].gaussian) == ("", Verdict.OPEN)


def test_uniform_entries_are_not_gaussian() -> None:
    found = claims_of(simulated(parameters(), "uniform"))
    start = found[SimpleGaussian]
    assert (start.verdict, start.parameters, start.gaussian, start.uniform) == (
        *(Agreement.PARTLY, Verdict.NO_DEPARTURE, Verdict.DEPARTS, True),
    )
    assert found[RelativeChange].uniform


def test_measurements_are_the_numbers_of_the_tables(five_moved: FinishedRun) -> None:
    found = claims_of(five_moved)
    last = at_last_epoch(five_moved.table("comparison", 1))
    chosen = last[last.nodes.isin([1, 2]) | (last.nodes >= 2 * last.degree - 1)]
    assert found[HigherInvariants].end == Deviations(50.0, 39, chosen.deviation.median(), chosen.deviation.max())
    assert found[HigherInvariants].everything.invariants == len(last)
    distance = at_last_epoch(five_moved.table("distances", 1)).wasserstein.iloc[0]
    assert (found[GrowingDistance].last, found[GrowingDistance].end) == (50.0, distance)
    start = five_moved.table("parameters", 1).query("epoch == 0")
    assert found[SimpleGaussian].z == start.z_from_initial.abs().max()


def test_every_claim_is_said(five_moved: FinishedRun) -> None:
    """Each template speaks of its record, whatever the verdict, in plain text."""
    unlike = [five_moved, simulated(parameters()), simulated(parameters(), "uniform")]
    rows = [line.row() for run in unlike for line in run_claims(run, judge(claim_tests([run])))]
    rows += [line.row() for line in (*regularisation([], {}), *width([]))]
    assert len(rows) == 3 * 7 + 2
    assert all(row["measurement"] for row in rows)
    said = "".join(f"{row['measurement']}{row['reason']}" for row in rows)
    assert "<w⁴> is 9/5" in said
    assert not {"&", "{", "None"} & {*said.split()}
    [squared] = {row["measurement"] for row in rows[:7] if "squared" in row["measurement"]}
    distance = at_last_epoch(five_moved.table("distances", 1)).wasserstein.iloc[0]
    assert f"{distance:.3g} at epoch 50 (squared {distance**2:.3g})" in squared


def test_regularisation_compares_runs_that_differ_only_in_it(five_moved: FinishedRun) -> None:
    def lines(run: FinishedRun) -> list[Line]:
        return run_claims(run, judge(claim_tests([run])))

    decayed = simulated(parameters(mu_1=0.6, G0_11=0.4, GH_11=0.3, GH_22=0.3), weight_decay=0.01)
    runs = [decayed, five_moved]
    single = {run.label: lines(run) for run in runs}
    [line] = regularisation(runs, single)
    assert (line.verdict, line.layer, line.run) == (Agreement.AGREES, 1, "gaussian / weight_decay 0.01")
    assert [run.weight_decay for run in line.claim.runs] == [0, 0.01]
    unlike = simulated(parameters(), weight_decay=0.01)
    [line] = regularisation([five_moved, unlike], single | {unlike.label: lines(unlike)})
    assert line.verdict is Agreement.PARTLY
    assert LinearAndQuadratic.title in line.claim.changed
    other_seed = replace(decayed, config=decayed.config.model_copy(update={"seed": 1}))
    assert isinstance(regularisation([five_moved, other_seed], single)[0].claim, Missing)


def test_width_compares_runs_that_differ_only_in_it(five_moved: FinishedRun) -> None:
    wide = replace(five_moved, label="wide", config=five_moved.config.model_copy(update={"hidden": (8, 8)}))

    def off_by(run: FinishedRun, factor: float) -> FinishedRun:
        comparison = run.tables["comparison"]
        table = comparison.assign(deviation=factor * comparison.deviation)
        return replace(run, tables=run.tables | {"comparison": table})

    [line] = width([off_by(wide, 20), five_moved])
    assert line.verdict is Agreement.AGREES
    assert [run.width for run in line.claim.runs] == [6, 8]
    assert width([off_by(wide, 0.5), five_moved])[0].verdict is Agreement.DIFFERS
    assert width([wide, five_moved])[0].verdict is Agreement.OPEN  # sampling errors
    deeper = replace(wide, config=wide.config.model_copy(update={"hidden": (8, 8, 8)}))
    assert isinstance(width([deeper, five_moved])[0].claim, Missing)


def test_no_verdict_on_few_networks(five_moved: FinishedRun) -> None:
    [line, *_] = run_claims(five_moved, judge(claim_tests([five_moved])))
    few = replace(line, networks=24)
    assert (line.verdict, few.verdict) == (Agreement.AGREES, Agreement.OPEN)
    assert few.row()["reason"] == few.few != ""


def test_verdicts_of_a_tiny_run(pigmm: Any, finished_run: Path) -> None:
    table = verdict_table(finished_runs([finished_run]))
    assert table.layer.dropna().unique().tolist() == [1, 2]  # the square ones
    assert len(table) == 2 * 7 + 2
    assert set(table.verdict) == {"not decided"}
    assert table.reason.str.contains("too few networks for a verdict: 24").sum() == 14
    outcome = pigmm("paper", "--verdicts", finished_run)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "| run | layer | claim | measurement | verdict | reason |"
    assert len(re.findall(r"(?m)^\|", outcome.out)) == 2 + len(table)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in lines if line.startswith("|"))
    assert "24 networks instead of 1000" in lines[-1]
