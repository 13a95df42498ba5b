"""The study of the initial variance: c*, comparisons in pairs, verdicts, the command."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
from typer.testing import CliRunner

import pigmm.studies.initial_variance.driver as driver
from pigmm.studies import bound_excess, read_table
from pigmm.studies.analysis.verdicts import Verdict, judge
from pigmm.studies.cli.main import app
from pigmm.studies.initial_variance.claims import claim_table, comparison, optimum
from pigmm.studies.initial_variance.crossings import crossing, crossing_table
from pigmm.studies.initial_variance.design import HE_NORMAL, SCALES, STATIONARY, Design, scale_name
from pigmm.studies.initial_variance.driver import study_initial_variance
from pigmm.studies.initial_variance.measures import Measured, performance_table, ratio_table
from pigmm.studies.initial_variance.questions import ACCURACY, LOSS, initial_variance_tests
from pigmm.studies.report.claims import Agreement
from pigmm.training import load_dataset
from pigmm.training.streams import initial_weights

SMALL = {"dataset": "mnist-5k", "hidden": (6, 6), "networks": 4, "epochs": 1, "batch_size": 400}
SIZES = (200, 100)


def measured(networks: int = 60, c_star: float = 3.0, gain: float = 0.0) -> dict[str, Measured]:
    """Ensembles whose r is (c*/c)^0.1, and whose loss at scale c is 1 + ln(c)^2, lower by `gain` if stationary."""
    found = {}
    for name, scale in [*((scale_name(scale), scale) for scale in SCALES), (STATIONARY, c_star)]:
        rng = np.random.default_rng(0)  # in pairs
        start = scale * np.array(SIZES)[:, None] * rng.gamma(50, 1 / 50, size=(2, networks))
        end = start * (c_star / scale) ** 0.1 * rng.normal(1, 0.01, size=(2, networks))
        noise = rng.normal(size=networks)
        own = np.random.default_rng(1 + len(found)).normal(0, 0.01, networks)
        loss = 1 + 0.1 * noise + (-gain if name == STATIONARY else np.log(scale) ** 2) + own
        metrics = {"train_loss": np.stack([loss + 1, loss]), "test_accuracy": np.stack([0.1 - own, 0.9 - loss / 10])}
        squares = np.stack([start, end], axis=1)
        found[name] = Measured(name, (scale, scale), np.array([0.0, 1.0]), squares, SIZES, metrics)
    return found


def tables_of(ensembles: dict[str, Measured]) -> dict[str, pd.DataFrame]:
    return {
        "ratios": ratio_table(ensembles),
        "performance": performance_table(ensembles),
        "crossings": crossing_table(ensembles),
    }


def test_c_star_and_its_interval_are_found() -> None:
    table = crossing_table(measured(c_star=3.0))
    assert list(table.layer) == [0, 1]
    assert (table.epoch == 1.0).all()
    for row in table.itertuples():
        assert row.low < 3.0 < row.high
        assert row.c_star == pytest.approx(3.0, rel=0.1)
        assert row.high / row.low < 1.3
        assert row.found == 1.0


def test_intervals_of_c_star_cover() -> None:
    """95% intervals of 60 networks miss c* in about one of twenty cases."""
    missed = 0
    rng = np.random.default_rng(3)
    for _ in range(60):
        ensembles = measured()
        for name, own in ensembles.items():
            factor = rng.normal(1, 0.02, size=own.squares[:, 1].shape)
            start = own.squares[:, 0]
            end = start * (3.0 / own.scales[0]) ** 0.1 * factor
            squares = np.stack([start, end], axis=1)
            ensembles[name] = Measured(name, own.scales, own.epochs, squares, own.sizes, own.metrics)
        table = crossing_table(ensembles).iloc[0]
        missed += not table.low <= 3.0 <= table.high
    assert missed <= 10


def test_no_crossing_no_c_star() -> None:
    assert np.isnan(crossing(np.array([0.0, 1.0]), np.array([0.2, 0.1])))
    assert np.isnan(crossing(np.array([0.0, 1.0]), np.array([-0.2, 0.1])))
    table = crossing_table(measured(c_star=100.0))
    assert table.c_star.isna().all()
    assert (table.found == 0).all()
    assert optimum({"crossings": table}).verdict == Agreement.DIFFERS


def test_diverged_scales_are_left_out_of_the_crossing() -> None:
    ensembles = measured()
    worst = ensembles[scale_name(SCALES[-1])]
    worst.squares[:, 1] = np.nan
    assert crossing_table(ensembles).c_star.iloc[0] == pytest.approx(3.0, rel=0.1)


def test_ratios_and_the_excess_of_the_bound() -> None:
    table = ratio_table(measured(c_star=2.0)).set_index(["name", "layer", "epoch"])
    row = table.loc[("c-8", 1, 1.0)]
    assert row.ratio == pytest.approx(0.25**0.1, rel=0.01)
    assert row.excess == pytest.approx(50 * (row.ratio - 1 - np.log(row.ratio)))
    assert table.loc[("c-8", 1, 0.0)].ratio == 1
    assert table.loc[("c-8", 1, 1.0)].growth < 0 < table.loc[("c-0.5", 1, 1.0)].growth
    r, n = sympy.symbols("r n")
    assert float(bound_excess(r, n).subs({r: 2, n: 100})) == pytest.approx(bound_excess(2.0, 100))


def test_networks_are_compared_in_pairs() -> None:
    """The spread between networks, ten times the difference, does not hide it."""
    table = performance_table(measured(gain=0.01)).set_index(["name", "metric", "epoch"])
    row = table.loc[(STATIONARY, "train_loss", 1.0)]
    assert row.difference == pytest.approx(-0.01, abs=0.006)
    assert row.standard_error > 5 * row.difference_standard_error
    assert row.p_value < 0.01
    assert row.better > 0.6
    assert np.isnan(table.loc[(HE_NORMAL, "train_loss", 1.0)].p_value)


def test_diverged_networks_are_left_out_with_their_partners() -> None:
    ensembles = measured()
    ensembles[STATIONARY].metrics["train_loss"][1, :10] = np.nan
    row = performance_table(ensembles).set_index(["name", "metric", "epoch"]).loc[(STATIONARY, "train_loss", 1.0)]
    assert row.networks == 50
    assert np.isfinite(row.difference)


@pytest.mark.parametrize(
    ("gain", "networks", "loss"),
    [
        (0.5, 60, Agreement.AGREES),
        (0.012, 60, Agreement.PARTLY),
        (-0.5, 60, Agreement.DIFFERS),
        (0.0, 4, Agreement.OPEN),
    ],
)
def test_verdicts_follow_the_rule(gain: float, networks: int, loss: str) -> None:
    tables = tables_of(measured(networks, gain=gain))
    verdicts = judge(initial_variance_tests(tables["performance"]))
    assert comparison(tables, verdicts, "train_loss").verdict == loss
    assert len(claim_table(tables, verdicts)) == 4


def test_all_variances_are_judged_together() -> None:
    tests = initial_variance_tests(performance_table(measured()))
    assert len(tests) == 2 * len(SCALES)
    assert {test.subject for test in tests} == {*map(scale_name, SCALES), STATIONARY} - {HE_NORMAL}
    verdicts = judge(tests)
    assert verdicts[LOSS, "c-8"] is Verdict.DEPARTS
    assert verdicts[ACCURACY, "c-8"] is Verdict.DEPARTS


def test_chance_departs_on_one_page_of_twenty() -> None:
    rng = np.random.default_rng(0)
    pages = 0
    for _ in range(200):
        ensembles = {}
        for name in [*map(scale_name, SCALES), STATIONARY]:
            metrics = {metric: rng.normal(size=(1, 20)) for metric in ("train_loss", "test_accuracy")}
            ensembles[name] = Measured(name, (1.0,), np.array([1.0]), np.ones((1, 1, 20)), (1,), metrics)
        pages += Verdict.DEPARTS in judge(initial_variance_tests(performance_table(ensembles))).values()
    assert pages <= 20  # 10 expected


def test_the_same_random_numbers_at_every_scale() -> None:
    configurations = Design.chosen(quick=True).configurations
    shape = configurations["c-0.5"].shapes[1]
    small, large = (initial_weights(configurations[n].initialisation, shape, 0, 3, 1) for n in ("c-0.5", "c-2"))
    np.testing.assert_allclose(large, 2 * small, rtol=1e-6)
    he_normal = initial_weights("he-normal", shape, 0, 3, 1)
    np.testing.assert_array_equal(initial_weights(configurations[HE_NORMAL].initialisation, shape, 0, 3, 1), he_normal)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "run"
    study_initial_variance(folder, progress=False, **SMALL)
    return folder


def test_a_whole_study(run: Path) -> None:
    names = {file.stem for file in (run / "tables").glob("*.csv")}
    assert names == {"claims", "verdicts", "performance", "ratios", "crossings"}
    assert (run / "figures" / "answer.svg").exists()
    page = (run / "report.html").read_text()
    for said in (
        "Claims of arXiv:2508.12834",
        "times the variance of He-normal",
        "One condition, not one for each layer",
    ):
        assert said in page
    ratios = read_table(run / "tables" / "ratios.csv")
    assert set(ratios.name) == {*map(scale_name, SCALES), STATIONARY}
    assert (ratios[ratios.epoch == 0].ratio == 1).all()


def test_layers_grow_alike_in_small_steps(run: Path) -> None:
    """Gradient flow conserves the differences of squared norms; small steps do nearly, but for the input layer."""
    ratios = read_table(run / "tables" / "ratios.csv")
    last = ratios[(ratios.epoch == 1) & (ratios.name == "c-0.5")].set_index("layer").growth
    assert last[1] == pytest.approx(last[2], rel=0.02)
    assert last[0] == pytest.approx(last[2], rel=0.5)


def test_it_goes_on_without_training_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file: file.read_bytes() for file in sorted((run / "tables").glob("*.csv"))}
    (run / "report.html").unlink()
    monkeypatch.setattr("pigmm.training.sweep.finish", lambda *_: pytest.fail("trained again"))
    study_initial_variance(run, progress=False, **SMALL)
    assert {file: file.read_bytes() for file in before} == before
    assert (run / "report.html").exists()


def test_another_study_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^.* was made with other options \(networks: 4 there, 5 now\)[^\n]*$"):
        study_initial_variance(run, progress=False, **{**SMALL, "networks": 5})
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"^.* is not a folder of initial-variance and not empty[^\n]*$"):
        study_initial_variance(tmp_path, progress=False, **SMALL)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_two_processes(run: Path) -> None:
    from pigmm.training.store.lock import exclusive

    with exclusive(run / "lock"), pytest.raises(BlockingIOError):
        study_initial_variance(run, progress=False, **SMALL)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def noted(output: Path, **options: object) -> Path:
        asked.update(options, output=output)
        return output / "report.html"

    monkeypatch.setattr(driver, "study_initial_variance", noted)
    command = [
        "paper",
        "initial-variance",
        str(tmp_path / "run"),
        "--quick",
        "--dataset",
        "fashion-mnist",
        "--seed",
        "3",
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert (asked["quick"], asked["dataset"], asked["seed"], asked["networks"]) == (True, "fashion-mnist", 3, None)
    assert result.output.strip().endswith("report.html")
    listed = CliRunner().invoke(app, ["paper", "--list"]).output
    assert "initial-variance" in listed
    assert "mnist-gaussian" in listed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["initial-variance"], "RUN is required: the folder for initial-variance"),
        (["initial-varianz", "RUN"], "study must be one of .*initial-variance, got 'initial-varianz'"),
        (["initial-variance", "RUN", "--networks", "1"], "networks: at least 2 are required"),
        (["initial-variance", "RUN", "--dataset", "letters"], "dataset: "),
        (["initial-variance", "RUN", "--epochs", "0"], "epochs: "),
    ],
)
def test_what_the_command_refuses(options: list[str], message: str, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "run") if option == "RUN" else option for option in options]
    result = CliRunner().invoke(app, ["paper", *arguments])
    assert isinstance(result.exception, ValueError)
    text = str(result.exception)
    assert "\n" not in text
    assert pd.Series([text]).str.contains(message).all()
    assert not (tmp_path / "run").exists()


def write_idx(path: Path, array: np.ndarray) -> None:
    """The format of the MNIST kind of files: a magic number with the dimensions, their sizes, the bytes."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_fashion_mnist_from_files_in_its_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60,000 and 10,000 images in torchvision's layout: here the bundled digits, again and again."""
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    digits = load_dataset("mnist-5k")
    for part, kind, count in (("train", "train", 60000), ("test", "t10k", 10000)):
        images, labels = getattr(digits, f"{part}_inputs"), getattr(digits, f"{part}_labels")
        chosen = np.arange(count) % len(labels)
        write_idx(raw / f"{kind}-images-idx3-ubyte", images[chosen].reshape(-1, 28, 28))
        write_idx(raw / f"{kind}-labels-idx1-ubyte", labels[chosen])
        for name in (f"{kind}-images-idx3-ubyte", f"{kind}-labels-idx1-ubyte"):
            (raw / f"{name}.gz").write_bytes(gzip.compress((raw / name).read_bytes(), compresslevel=1))
    monkeypatch.setattr("pigmm.training.initialisation._PILOT_NUMBERS", "(2, 1, 0.5)")
    options = {"networks": 2, "epochs": 1, "hidden": (4, 4), "batch_size": 256, "dataset": "fashion-mnist"}
    report = study_initial_variance(tmp_path / "run", progress=False, data_root=tmp_path / "data", **options)
    assert "on fashion-mnist" in report.read_text()
    performance = read_table(tmp_path / "run" / "tables" / "performance.csv")
    assert set(performance.networks) == {2}
