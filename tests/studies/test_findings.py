"""Findings where there is nothing to judge: deviations that are all missing, invariants that overflow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pigmm.fitting import PIGMM, compare
from pigmm.invariants import multigraphs
from pigmm.studies.analysis.questions import judge_study
from pigmm.studies.analysis.verdicts import Verdict, overflowing
from pigmm.studies.report.findings.finding import said
from pigmm.studies.report.findings.gaussianity.departures import Departures
from pigmm.studies.report.findings.gaussianity.initialisation import Initialisation
from pigmm.studies.report.findings.symmetry.constraints import Constraints
from pigmm.studies.report.findings.symmetry.interior_parameters import InteriorParameters
from pigmm.studies.report.findings.symmetry.nested_models import NestedModels

LABELS = {"layer": 1, "epoch": 0.0, "subset": "all", "networks": 500}


def comparison(**values: float) -> pd.DataFrame:
    row = {"formula": "sum_i M_ii^3", "graph": "00 00 00", "predicted": 0.0, "measured": 0.0, "standard_error": 0.0}
    missing = {"z": np.nan, "p_value": np.nan, "deviation": np.nan}
    return pd.DataFrame([LABELS | row | missing | values] * 2)


def test_invariants_of_which_none_can_depart() -> None:
    tables = {"parameters": pd.DataFrame([LABELS]), "comparison": comparison()}
    found = Departures.of(tables)
    [layer] = found.layers
    assert (layer.departing, layer.tested, layer.overflowing, layer.largest) == (0, 0, 0, None)
    assert found.forced == [layer]
    assert said(found).table is None


def test_overflow_is_named() -> None:
    tables = {
        "parameters": pd.DataFrame([LABELS]),
        "comparison": comparison(predicted=np.inf, measured=np.inf, standard_error=np.inf),
    }
    found = Departures.of(tables)
    assert [own.overflowing for own in found.overflowing] == [2]
    assert not found.forced
    assert "too large for floating-point numbers" in said(found).text


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("scale", "count"), [(1.0, 0), (1e60, 52), (1e120, 52)])
def test_overflow_of_a_comparison(scale: float, count: int) -> None:
    matrices = np.random.default_rng(0).normal(size=(50, 4, 4)) * scale
    assert overflowing(compare(PIGMM.fit(matrices), matrices, multigraphs(3))) == count


def test_constraints_without_standard_errors() -> None:
    rows = [LABELS | {"z": np.nan, "parameter": name, "minus": minus} for name, minus in (("mu_2", ""), ("G2", "G3"))]
    tables = {"symmetry": pd.DataFrame(rows)}
    found = Constraints.of(tables, judge_study(tables))
    assert found.layers[0].verdict is Verdict.OPEN
    assert np.isnan(found.layers[0].zero.z)
    assert said(found).table is not None


def test_initialisation_without_standard_errors() -> None:
    tables = {"parameters": pd.DataFrame([LABELS | {"parameter": "mu_1", "z_from_initial": np.nan}])}
    found = Initialisation.of(tables, judge_study(tables))
    assert found.worst == ()
    assert "no model could be fitted" in said(found).text


def test_five_parameters_without_standard_errors() -> None:
    row = {"parameter": "mu", "relative": 1.0, "relative_error": np.nan, "initial": 0.0, "wasserstein_squared": 1.0}
    found = InteriorParameters.of(pd.DataFrame([LABELS | row]))
    assert found.farthest is None
    assert found.nearest == []
    assert "Farthest" not in said(found).text


def test_nested_models_of_which_none_was_fitted() -> None:
    row = {"symmetry": "iid", "aic": np.nan, "bic": np.nan, "p_bootstrap": np.nan, "p_wald": np.nan}
    found = NestedModels.of(pd.DataFrame([LABELS | row]))
    assert (found.layers[0].by_bic, said(found).table is None) == ("", False)
