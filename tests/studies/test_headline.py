"""The sentences at the top of a report follow from the tables."""

from __future__ import annotations

import pandas as pd
import pytest

from pigmm.studies.report.findings.study import gaussianity
from pigmm.studies.report.headline import headline
from pigmm.training import EnsembleConfig


def tables(p_symmetry: float, p_gaussian: float) -> dict[str, pd.DataFrame]:
    labels = pd.DataFrame({"layer": [1, 2], "epoch": 3.0, "subset": "all"})
    return {
        "distances": labels.assign(wasserstein=[1.0, 2.0]),
        "nested_models": labels.assign(symmetry="S_N x S_N", p_randomisation=[p_symmetry, 0.6]),
        "gaussianity": labels.assign(replicates=199, global_p_value=[p_gaussian, 0.4]),
        "comparison": labels.assign(deviation=[0.01, 0.025]),
    }


@pytest.mark.parametrize(
    ("p_symmetry", "p_gaussian", "symmetry", "gaussian"),
    [
        (0.03, 0.03, "(p = 0.03 or more): of the 13 parameters five are enough", "No departure from Gaussian"),
        (0.005, 0.005, "not exchangeable independently in layer 1: five", "are not Gaussian in layer 1;"),
    ],
)
def test_verdicts(p_symmetry: float, p_gaussian: float, symmetry: str, gaussian: str) -> None:
    config = EnsembleConfig(hidden=(10, 10, 10))
    distance, second, third = headline(tables(p_symmetry, p_gaussian), config)
    # the initial norm of 10 x 10 entries of variance 1/10 is the root of 10
    assert distance.startswith("At epoch 3 layer 1 is 0.32 and layer 2 is 0.63 of its initial norm")
    assert symmetry in second
    assert gaussian in third
    assert "to within 0.025 of the spread" in third


def test_gaussianity_is_judged_as_in_the_section_below() -> None:
    """By the tests of both epochs together: 0.015 is below a third of 5%, and not below a sixth."""
    both = pd.DataFrame({"layer": [1, 2, 3] * 2, "epoch": [0.0] * 3 + [3.0] * 3, "replicates": 199})
    table = both.assign(global_p_value=[0.3, 0.5, 0.7, 0.015, 0.4, 0.6], largest_p_value=0.5, mean_square_p_value=0.5)
    comparison = tables(0.5, 0.5)["comparison"]
    (sentence,) = headline({"gaussianity": table, "comparison": comparison}, EnsembleConfig())
    assert sentence.startswith("No departure from Gaussian")
    assert "No departure from the Gaussian model" in gaussianity(table).text


def test_nothing_is_said_without_tables() -> None:
    assert headline({}, EnsembleConfig()) == []
