"""Verdicts: Holm's procedure over all that is judged together, without tests that are missing or cannot depart."""

import numpy as np
import pandas as pd
import pytest

from pigmm.studies.analysis.verdicts import can_depart, departing, holm
from pigmm.studies.user_data.fit import judged


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


def test_missing_tests_are_left_out_of_the_family():
    p = np.array([0.02, np.nan, np.nan, 0.6])
    assert holm(p).tolist() == [True, False, False, False]
    assert departing(p.tolist(), smallest=0.0) == [True, False, False, False]
    assert not holm([np.nan]).any()


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


def test_tests_of_too_few_draws_are_not_judged():
    assert can_depart([0.5] * 3, [0.001, 0.001, 0.02]).tolist() == [True, True, False]
    assert can_depart([0.02], 0.02).tolist() == [True]


def test_ten_fits_of_noise_are_judged_together():
    gaussianity = pd.DataFrame({"global_p_value": [0.04] + [0.5] * 9, "replicates": 499})
    distances = pd.DataFrame({"distance": "exact optimal transport", "p_value": [0.02] + [0.6] * 19})
    found = judged({"gaussianity": gaussianity, "distance_tests": distances})
    assert not found["gaussianity"].departs.any()
    assert found["distance_tests"].departs.isna().all()
    clear = judged({"gaussianity": gaussianity.assign(global_p_value=[0.002] + [0.5] * 9)})["gaussianity"]
    assert clear.departs.tolist() == [1.0] + [0.0] * 9
