"""The loss surface of a small run: Hessians, tables, verdicts and page; and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from pigmm.spectra import GOE
from pigmm.studies import read_table, run_loss_surface
from pigmm.studies.cli.main import main
from pigmm.studies.loss_surface import driver, surface
from pigmm.studies.loss_surface import number_variance as counts_of_levels
from pigmm.studies.loss_surface.findings.local_statistics import LocalStatistics
from pigmm.studies.loss_surface.findings.number_variance import NumberVariance
from pigmm.studies.loss_surface.number_variance import number_variances
from pigmm.studies.loss_surface.plan import plan_of
from pigmm.studies.loss_surface.questions import judged
from pigmm.studies.loss_surface.spacings import local_statistics
from pigmm.studies.loss_surface.surface import pooling_of
from pigmm.training import EnsembleConfig, LabelledData, train_ensemble

TINY = EnsembleConfig(hidden=(4, 4), bias=True, layers="all", networks=2, epochs=1, block_size=2)
PLAN = replace(
    plan_of(True, 0), networks=2, law_networks=1, population=100, sizes=(8, 16, 32), batch=16, batches=4, replicates=19,
    draws=99,
)  # fmt: skip


def make_run(folder, config, **data):
    folder.mkdir()
    (folder / "config.json").write_text(config.model_dump_json())
    train_ensemble(config, folder / "ensemble.zarr", progress=False, **data)
    return folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The results of a tiny plan, with pixels pooled to 2 x 2: 90 parameters."""
    run = make_run(tmp_path_factory.mktemp("runs") / "run", TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "plan_of", lambda quick, seed: PLAN)
        patch.setattr(surface, "COMFORTABLE", 100)
        report = run_loss_surface(run, progress=False)
    return report.parent


def test_the_page_holds_findings_figures_and_tables(measured):
    page = (measured / "report.html").read_text()
    for words in ("Local statistics", "The noise of a batch", "Eigenvectors of the noise", 'id="batch_sizes"'):
        assert words in page
    assert {"spacings.svg", "mean_ratios.svg", "batch_sizes.svg"} <= {f.name for f in (measured / "figures").iterdir()}


def test_eigenvalues_are_those_of_each_network_epoch_and_part(measured):
    eigenvalues = read_table(measured / "tables" / "eigenvalues.csv")
    groups = eigenvalues.groupby(["epoch", "data", "network"])
    assert len(groups) == 2 * 2 * 2  # before and after the only epoch, train and test, two networks
    assert (groups.size() == 90).all()
    # adding a constant to all logits of the last layer changes nothing: one direction for each of its 5 inputs
    assert (groups.zero.sum() >= 5).all()
    largest = groups.eigenvalue.transform(lambda values: values.abs().max())
    assert (eigenvalues.eigenvalue.abs()[eigenvalues.zero] < 1e-12 * largest[eigenvalues.zero]).all()


def test_the_noise_falls_as_the_root_of_the_batch_size(measured):
    fit = read_table(measured / "tables" / "noise_fit.csv").iloc[0]
    assert fit.exponent_low < -0.5 < fit.exponent_high
    outliers = read_table(measured / "tables" / "outliers.csv")
    assert (outliers.theta_low < outliers.theta).all()
    counted = read_table(measured / "tables" / "number_variance.csv")
    tests = 12 + len(counted) // (3 * 4) + 3 + 2 + 2 * len(outliers) + 3 * len(outliers)
    assert len(read_table(measured / "tables" / "verdicts.csv")) == tests


def test_spectra_of_goe_and_of_independent_levels_are_told_apart():
    rng = np.random.default_rng(0)
    verdicts = {}
    for name, draw in (("GOE", lambda: GOE.spectrum(200, rng)), ("Poisson", lambda: np.sort(rng.uniform(size=200)))):
        parts = [
            pd.DataFrame({"epoch": 0.0, "data": name, "network": network, "zero": False, "eigenvalue": draw()})
            for network in range(6)
        ]
        table = local_statistics(pd.concat(parts), replace(PLAN, replicates=49))
        counts = number_variances(pd.concat(parts), PLAN)
        tables = {
            "local": table, "number_variance": counts, "noise_fit": pd.DataFrame(), "delocalisation": pd.DataFrame()
        }  # fmt: skip
        found = LocalStatistics.of(table, judged(tables))
        assert NumberVariance.of(counts, judged(tables)).departing == (
            ["epoch 0, Poisson"] if name == "Poisson" else []
        )
        verdicts[name] = [ensemble for ensemble in ("GOE", "GUE", "Poisson") if found.departing(ensemble)]
    assert verdicts == {"GOE": ["GUE", "Poisson"], "Poisson": ["GOE", "GUE"]}


def test_the_number_variance_of_goe_has_its_size(monkeypatch):
    """Cells of six spectra with half their levels above zero, which are judged against spectra drawn apart."""
    monkeypatch.setattr(counts_of_levels, "_SIMULATED", 50)
    rng = np.random.default_rng(1)
    cells = [
        pd.DataFrame({"epoch": epoch, "data": "train", "network": network, "zero": False, "eigenvalue": values})
        for epoch in range(30)
        for network in range(6)
        for values in [GOE.spectrum(80, rng)]
    ]
    table = number_variances(pd.concat(cells), PLAN)
    against = table[(table.ensemble == "GOE") & (table.length == 2)]
    assert len(against) == 30
    assert (against.p_value < 0.05).sum() <= scipy.stats.binom.ppf(0.999, 30, 0.05)
    assert (table[(table.ensemble == "Poisson") & (table.length == 2)].p_value < 0.05).mean() > 0.5


def test_spectra_of_few_levels_have_no_number_variance():
    few = pd.DataFrame({"epoch": 0.0, "data": "train", "network": 0, "zero": False, "eigenvalue": np.arange(1.0, 9.0)})
    assert len(number_variances(few, PLAN)) == 0


def test_a_run_without_all_layers_is_refused_in_one_line(tmp_path):
    run = make_run(tmp_path / "run", TINY.model_copy(update={"layers": "square"}))
    with pytest.raises(ValueError, match="ensemble must have all layers") as error:
        run_loss_surface(run, quick=True, progress=False)
    assert "\n" not in str(error.value)


def test_a_run_without_its_data_is_refused_in_one_line(tmp_path, capsys):
    rng = np.random.default_rng(0)
    data = LabelledData(
        rng.normal(size=(40, 6)), rng.integers(2, size=40), rng.normal(size=(10, 6)), rng.integers(2, size=10)
    )
    config = EnsembleConfig(
        dataset=data.describe(), hidden=(4, 4), networks=2, epochs=1, block_size=2, batch_size=20, layers="all"
    )
    run = make_run(tmp_path / "run", config, data=data)
    with pytest.raises(SystemExit):
        main(["loss-surface", str(run), "--quick"])
    assert "error: data must be what dataset describes" in capsys.readouterr().err


def test_networks_too_large_for_dense_hessians_are_refused():
    assert pooling_of(EnsembleConfig(hidden=(10, 10, 10))) == 4
    with pytest.raises(ValueError, match="at most 3000 parameters for dense Hessians"):
        pooling_of(EnsembleConfig(hidden=(60, 60)))
