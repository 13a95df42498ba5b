"""The rule of verdicts: Holm's procedure over all that a page judges, tests that could not be done, tests by draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from pigmm.fitting import PIGMM, compare
from pigmm.invariants import multigraphs
from pigmm.studies.analysis.layers.initial_law import InitialLaw
from pigmm.studies.analysis.layers.layer import parameter_table
from pigmm.studies.analysis.questions import GAUSSIAN, SYMMETRY, how_many_tests, judge_study, study_tests
from pigmm.studies.analysis.verdicts import (
    LEVEL,
    Test,
    Verdict,
    can_depart,
    departures,
    draws_for,
    holm,
    judge,
    smallest_of,
    two_sided,
    verdict_table,
)
from pigmm.studies.user_data.questions import fit_tests
from pigmm.training import EnsembleConfig


def step_down(p):
    """Holm's procedure as it is written in textbooks."""
    order, found = np.argsort(p), np.zeros(len(p), dtype=bool)
    for rank, place in enumerate(order):
        if p[place] > 0.05 / (len(p) - rank):
            break
        found[place] = True
    return found


def test_holm_is_the_textbooks():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p = rng.uniform(size=rng.integers(1, 9)) ** rng.integers(1, 6)
        np.testing.assert_array_equal(holm(p), step_down(p))
        np.testing.assert_array_equal(holm(p), multipletests(p, 0.05, method="holm")[0])


def test_missing_tests_are_left_out_of_the_family():
    p = [0.012, 0.016, 0.03, 0.9]
    with_missing = [0.012, np.nan, 0.016, 0.03, np.nan, 0.9]
    assert holm(with_missing)[[0, 2, 3, 5]].tolist() == holm(p).tolist() == [True, True, False, False]
    assert not holm(with_missing)[[1, 4]].any()
    assert not holm([np.nan]).any()
    assert holm([]).tolist() == []


@pytest.mark.parametrize("smallest", [0.0, 0.005, 0.02])
def test_false_alarms_of_a_page_are_one_in_twenty(smallest):
    """Independent tests under the null, by draws: p-values are multiples of the smallest."""
    rng = np.random.default_rng(1)
    p = rng.uniform(size=(4000, 8))
    if smallest:
        p = np.ceil(p / smallest) * smallest
    # the procedure as in textbooks, which is quicker than the library's and agrees with it
    alarms = np.mean([step_down(row[can_depart(row, smallest)]).any() for row in p])
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_true_departures_make_no_others():
    """Strong control, with tests by draws at their smallest p-value."""
    rng = np.random.default_rng(1)
    smallest, wrong = 1 / 200, 0
    for _ in range(1000):
        p = np.ceil(rng.random(10) * 200) / 200
        p[:4] = smallest
        found = holm(p, smallest)
        assert found[:4].all()
        wrong += found[4:].any()
    assert wrong / 1000 < LEVEL + 3 * np.sqrt(LEVEL / 1000)


def test_tests_of_too_few_draws_are_left_open_and_not_counted():
    assert can_depart([0.5] * 3, [0.001, 0.001, 0.02]).tolist() == [True, True, False]
    assert can_depart([0.02], 0.02).tolist() == [True]
    found = judge([Test("exact", 1, 0.012), Test("drawn", 1, 0.02, 0.02), Test("drawn", 2, 0.5, 0.02)])
    assert found["exact", 1] is Verdict.DEPARTS
    assert found["drawn", 1] is Verdict.OPEN
    assert found["drawn", 2] is Verdict.NO_DEPARTURE
    # the smallest attainable p-value is no departure by itself
    assert set(judge(Test("drawn", k, 0.02, 0.02) for k in range(20)).values()) == {Verdict.OPEN}
    assert set(judge(Test("drawn", k, 0.02, 0.02) for k in range(2)).values()) == {Verdict.DEPARTS}


@pytest.mark.parametrize("tests", [1, 5, 6, 15, 43, 200])
def test_draws_are_enough_for_all_to_depart(tests):
    smallest = 1 / (draws_for(tests) + 1)
    assert can_depart([0.5] * tests, smallest).all()
    assert holm([smallest] * tests, smallest).all()


def test_the_smallest_of_correlated_p_values_is_conservative():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(1000, 1)) * 0.6 + rng.normal(size=(1000, 30)) * 0.8  # of variance 1
    below = np.mean([smallest_of(two_sided(row)) <= LEVEL for row in z])
    assert 0.02 < below < LEVEL + 3 * np.sqrt(LEVEL / 1000)


def test_the_main_count_is_calibrated_where_there_is_a_bootstrap():
    table = pd.DataFrame({"p_value": [1e-9, 0.3, np.nan], "familywise_p_value": [0.2, 0.005, np.nan]})
    assert departures(table).tolist() == [False, True, False]
    assert departures(table[["p_value"]]).tolist() == [True, False, False]
    assert departures(pd.DataFrame({"p_value": [np.nan, np.nan]})).tolist() == [False, False]


def study_tables(networks, last_p=(1e-7, 0.5)):
    labels = pd.DataFrame({"layer": [1, 2], "epoch": 3.0, "subset": "all", "networks": networks})
    return {
        "parameters": labels.assign(z_from_initial=9.0),
        "comparison": labels.drop(columns="networks").assign(z=1.0, p_value=last_p),
        "symmetry": labels.assign(minus="", z=0.3),
    }


def test_questions_of_a_study():
    found = judge_study(study_tables(500))
    assert found[GAUSSIAN, 1] is Verdict.DEPARTS
    assert found[GAUSSIAN, 2] is found[SYMMETRY, 1] is Verdict.NO_DEPARTURE
    # asymptotic tests are none of few networks; those by draws are
    assert study_tests(study_tables(50)) == []
    labels = {"layer": [1, 2], "epoch": 3.0, "subset": "all"}
    overall = pd.DataFrame({**labels, "replicates": 399, "global_p_value": [0.0025, 0.3]})
    found = judge_study(study_tables(50) | {"gaussianity": overall})
    assert found == {(GAUSSIAN, 1): Verdict.DEPARTS, (GAUSSIAN, 2): Verdict.NO_DEPARTURE}


def test_nothing_is_decided_where_no_invariant_can_depart():
    found = judge_study(study_tables(500, last_p=(np.nan, np.nan)))
    assert found[GAUSSIAN, 1] is found[GAUSSIAN, 2] is Verdict.OPEN


def noise_page(rng, config, networks, draws):
    """The tables of a study whose weights are as at initialisation: p-values as the tests by draws give them."""

    def p(size):
        return np.ceil(rng.random(size) * (draws + 1)) / (draws + 1)

    layers = np.array(config.stored_layers)
    labels = pd.DataFrame({"layer": layers, "epoch": 3.0, "subset": "all", "networks": networks})
    start = labels.loc[labels.index.repeat(13)].assign(epoch=0.0)
    both = pd.concat([labels.assign(moment=moment) for moment in ("mean", "covariance")])
    return {
        "parameters": pd.concat([start, labels]).assign(z_from_initial=rng.normal(size=14 * len(layers))),
        "comparison": labels.assign(p_value=rng.random(len(layers))),
        "gaussianity": labels.assign(global_p_value=p(len(layers)), replicates=draws),
        "symmetry": labels.assign(z=rng.normal(size=len(layers))),
        "nested_models": labels.assign(symmetry="S_N x S_N", p_randomisation=p(len(layers)), replicates=float(draws)),
        "invariance": both.assign(irreps="all", p_permutation=p(len(both)), replicates=draws),
        "class_tests": labels[-1:].assign(p_means=rng.random(), p_variances=rng.random()),
    }


@pytest.mark.parametrize("draws", [39, 299])
def test_false_alarms_of_the_page_of_a_study_are_one_in_twenty(draws):
    rng = np.random.default_rng(draws)
    config = EnsembleConfig()
    pages = 600
    tests = [study_tests(noise_page(rng, config, 500, draws)) for _ in range(pages)]
    assert {len(page) for page in tests} == {how_many_tests(config)}
    alarms = np.mean([Verdict.DEPARTS in judge(page).values() for page in tests])
    assert alarms <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / pages)
    if draws == draws_for(how_many_tests(config)):
        assert alarms > 0.02  # and it is not that nothing can be found
        clear = noise_page(rng, config, 500, draws)
        clear["gaussianity"]["global_p_value"] = 1 / (draws + 1)
        found = judge_study(clear)
        assert [found[GAUSSIAN, layer] for layer in config.stored_layers] == [Verdict.DEPARTS] * 3


def test_real_noise_through_the_fits_of_a_study():
    """Gaussian weights through fits, comparison and judge: false alarms of 100 pages of two layers."""
    alarms, rng, law = 0, np.random.default_rng(6), InitialLaw.of("gaussian", 4)
    graphs = multigraphs(3)
    for _ in range(100):
        parts = {"parameters": [], "comparison": []}
        for layer in (1, 2):
            matrices = rng.normal(size=(200, 4, 4)) / 2
            model = PIGMM.fit(matrices)
            for name, table in (
                ("parameters", parameter_table(model, matrices, law)),
                ("comparison", compare(model, matrices, graphs, fitted=True)),
            ):
                parts[name].append(table.assign(layer=layer, epoch=0.0, subset="all"))
        found = judge_study({name: pd.concat(rows) for name, rows in parts.items()})
        assert len(found) == 3
        alarms += Verdict.DEPARTS in found.values()
    # of 100 pages with a probability of one in twenty more than 12 alarm in one case of 700
    assert alarms <= 12


def fit_tables(p_gaussian, p_sliced=0.5):
    """Of ensembles of which all else is far from the verdict."""
    names = {"ensemble": [f"noise {k}" for k in range(len(p_gaussian))]}
    smallest = 1 / (draws_for(4 * len(p_gaussian)) + 1)
    return {
        "parameters": pd.DataFrame({**names, "matrices": 40}),
        "comparison": pd.DataFrame({**names, "p_value": 0.001}),
        "gaussianity": pd.DataFrame({**names, "global_p_value": p_gaussian, "smallest_p_value": smallest}),
        "distance_tests": pd.DataFrame(
            {**names, "distance": "sliced optimal transport", "replicates": 99, "p_value": p_sliced}
        ),
        "invariance": pd.DataFrame(
            {**names, "moment": "mean", "irreps": "all", "p_permutation": 0.4, "replicates": 799}
        ),
    }


def test_ten_fits_of_noise_are_judged_together():
    tables = fit_tables([0.04] + [0.5] * 9, p_sliced=0.01)
    found = judge(fit_tests(tables))
    assert len(found) == 30
    assert Verdict.DEPARTS not in found.values()
    assert found["sliced optimal transport", "noise 0"] is Verdict.OPEN
    assert judge(fit_tests(fit_tables([0.04])))[GAUSSIAN, "noise 0"] is Verdict.NO_DEPARTURE
    clear = judge(fit_tests(fit_tables([0.00125] + [0.5] * 9)))
    assert [found is Verdict.DEPARTS for (asked, _), found in clear.items() if asked == GAUSSIAN] == [True] + [
        False
    ] * 9
    one = judge(fit_tests(fit_tables([0.5], p_sliced=0.01)))
    assert one["sliced optimal transport", "noise 0"] is Verdict.DEPARTS
    table = verdict_table(fit_tests(tables), "ensemble")
    assert table.verdict.value_counts().to_dict() == {"no departure detected": 20, "not decided": 10}
