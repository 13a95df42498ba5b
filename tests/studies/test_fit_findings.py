"""Findings about a user's matrices, as data: what they hold where tests were done, and where they could not be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pigmm.studies.analysis.layers.layer import Tables
from pigmm.studies.analysis.questions import GAUSSIAN, INVARIANT
from pigmm.studies.analysis.verdicts import Verdict, judge
from pigmm.studies.report.findings.finding import said
from pigmm.studies.user_data.findings.distances import Distances
from pigmm.studies.user_data.findings.gaussian import Gaussian
from pigmm.studies.user_data.findings.interactions import Interactions
from pigmm.studies.user_data.findings.invariance import Invariance
from pigmm.studies.user_data.findings.symmetry import Symmetry
from pigmm.studies.user_data.questions import fit_tests

SLICED = "sliced optimal transport"


def tables(matrices: int = 500, z: tuple[float, ...] = (1.0, -6.0), **columns: object) -> Tables:
    labels = {"ensemble": "words", "matrices": matrices}
    compared = {"formula": "sum_i M_ii^3", "predicted": 0.0, "measured": 1.0, "standard_error": 0.1}
    rows = [labels | compared | {"z": value, "p_value": 1e-6 if abs(value) > 5 else 0.4} | columns for value in z]
    distance = {"ensemble": "words", "distance": SLICED, "between": "samples", "value": 1.0, "p_value": 0.01}
    return {
        "parameters": pd.DataFrame([labels]),
        "comparison": pd.DataFrame(rows),
        "gaussianity": pd.DataFrame(columns=["ensemble"]),
        "distance_tests": pd.DataFrame([distance | {"null_lower": 0.1, "null_upper": 0.4, "replicates": 99}]),
    }


def gaussian(own: Tables) -> Gaussian:
    return Gaussian.of(own, judge(fit_tests(own)))


def test_departures_are_counted_and_the_largest_is_named() -> None:
    found = gaussian(tables())
    assert (found.compared, found.departing, found.overflow, found.calibration) == (2, 1, 0, None)
    assert found.overall is not None
    assert found.overall.verdict is Verdict.DEPARTS
    assert found.largest is not None
    assert (found.largest.z, found.largest.familywise_p) == (-6.0, None)
    assert [own.test.question for own in found.between] == [SLICED]
    assert "p ≤ 0.01, the smallest possible (99 draws)" in said(found).text


def test_a_bootstrap_calibrates() -> None:
    own = tables(familywise_p_value=0.04)
    overall = {"ensemble": "words", "global_p_value": 0.02, "smallest_p_value": 0.02, "replicates": 49}
    own["gaussianity"] = pd.DataFrame([overall])
    found = gaussian(own)
    assert found.calibration is not None
    assert (found.calibration.replicates, found.calibration.smallest) == (49, 0.02)
    assert found.largest is not None
    assert found.largest.familywise_p == 0.04
    assert found.departing == 2


def test_few_matrices_have_no_verdict() -> None:
    found = gaussian(tables(matrices=20))
    assert (found.overall, found.departing) == (None, None)
    assert found.few in said(found).text


@pytest.mark.parametrize(("value", "overflow"), [(np.nan, 0), (np.inf, 1)])
def test_invariants_that_cannot_depart(value: float, overflow: int) -> None:
    own = tables(z=(np.nan,))
    own["comparison"] = own["comparison"].assign(p_value=np.nan, measured=1.0 if np.isnan(value) else value)
    found = gaussian(own)
    assert (found.compared, found.overflow, found.largest) == (0, overflow, None)
    assert ("overflow" if overflow else "forces all to agree") in said(found).text


def test_models_that_were_left_out_are_named() -> None:
    p = dict.fromkeys(("p_chi2", "p_bootstrap", "p_wald", "p_randomisation"), 0.5)
    rows = [
        {"symmetry": "iid", "aic": 3.0, "bic": 4.0, "left_out": ""},
        {"symmetry": "S_N", "aic": np.nan, "bic": np.nan, "left_out": "too few matrices"},
    ]
    found = Symmetry.of(pd.DataFrame([p | {"parameters": 2, "against": "S_N"} | row for row in rows]))
    assert (found.by_aic, found.by_bic) == ("iid", "iid")
    assert [own.left_out for own in found.left_out] == ["too few matrices"]
    assert "(too few matrices)" in said(found).text


@pytest.mark.parametrize("permuted", [True, False])
def test_invariance_with_and_without_permutations(permuted: bool) -> None:
    row: dict[str, object] = {"moment": "mean", "irreps": "all", "p_gaussian": 1e-9}
    table = pd.DataFrame([row | ({"p_permutation": 0.01, "replicates": 99} if permuted else {})])
    found = Invariance.of(
        "words", table, {(INVARIANT["mean"], "words"): Verdict.DEPARTS, (GAUSSIAN, "words"): Verdict.OPEN}
    )
    assert found.departing == ("mean",)
    [test] = found.tests
    assert (test.p_permutation, test.smallest) == ((0.01, 0.01) if permuted else (None, 0.0))
    assert [row["p by permutation"] for row in found.rows()] == ["≤ 0.01" if permuted else "–"]


def test_distances_keep_their_bands() -> None:
    [test] = Distances.of(tables()["distance_tests"]).tests
    assert (test.by_chance, test.p, test.smallest) == ((0.1, 0.4), 0.01, 0.01)


def selection(**about: object) -> pd.DataFrame:
    left = {"candidates": 348, "root_mean_square_z": 2.29, "p_value_of_rest": 0.4, "smallest_p_value": 0.0025}
    return pd.DataFrame([left | {"stopped": "nothing is left"} | about])


def test_interactions_are_counted_and_what_is_left_is_told() -> None:
    row = {"formula": "sum_ij M_ij^4", "joint_coupling": -0.15, "joint_standard_error": 0.01, "z": -20.0}
    row |= {"familywise_p": 0.0025, "root_mean_square_z": 1.04, "gain": 0.76, "gain_standard_error": 0.17}
    table = pd.DataFrame([row | {"one_of_these": label} for label in ("", "00 00 00 00 | 00 00 00 01")])
    found = Interactions.of(table, selection())
    assert [own.alike for own in found.couplings] == [0, 2]
    text = said(found).text
    assert "<b>2</b> are called for" in text
    assert "is 2.29, with them 1.04" in text
    assert "0.76 ± 0.17" in text
    assert found.rows()[0]["coupling"] == "−0.150 ± 0.010"


def test_no_interactions_are_an_answer_and_no_selection_is_another() -> None:
    assert "<b>none</b> is called for" in said(Interactions.of(pd.DataFrame(), selection())).text
    left_out = Interactions.of(pd.DataFrame(), selection(candidates=0, stopped="fewer than 20 matrices"))
    assert "No selection was made: fewer than 20 matrices." in said(left_out).text
