"""The record at the top of a report follows from the tables, and is said in three sentences."""

from __future__ import annotations

import pandas as pd
import pytest

from pigmm.studies.report.headline import Answer, Headline, Moved, headline
from pigmm.training import EnsembleConfig

CONFIG = EnsembleConfig(hidden=(10, 10, 10))


def tables(p_symmetry: float, p_gaussian: float, draws: int = 199) -> dict[str, pd.DataFrame]:
    labels = pd.DataFrame({"layer": [1, 2], "epoch": 3.0, "subset": "all", "networks": 50})
    return {
        "parameters": labels,
        "distances": labels.assign(wasserstein=[1.0, 2.0], null_upper=0.1),
        "symmetry": labels.assign(z=9.0),
        "nested_models": labels.assign(
            symmetry="S_N x S_N", p_randomisation=[p_symmetry, 0.6], replicates=float(draws)
        ),
        "gaussianity": labels.assign(replicates=draws, global_p_value=[p_gaussian, 0.4]),
        "comparison": labels.assign(deviation=[0.01, 0.025], p_value=0.9),
    }


@pytest.mark.parametrize(
    ("p_symmetry", "p_gaussian", "draws", "symmetry", "gaussian"),
    [
        (0.03, 0.03, 199, Answer((), (1, 2), ()), Answer((), (1, 2), ())),
        (0.005, 0.3, 199, Answer((1,), (2,), ()), Answer((), (1, 2), ())),
        (0.4, 0.005, 199, Answer((), (1, 2), ()), Answer((1,), (2,), ())),
        # among four tests 19 draws cannot tell
        (0.05, 0.05, 19, Answer((), (2,), (1,)), Answer((), (2,), (1,))),
    ],
)
def test_record(p_symmetry: float, p_gaussian: float, draws: int, symmetry: Answer, gaussian: Answer) -> None:
    found = Headline.of(tables(p_symmetry, p_gaussian, draws), CONFIG)
    assert (found.symmetry, found.gaussian, found.typical_deviation) == (symmetry, gaussian, 0.025)
    # the initial norm of 10 x 10 entries of variance 1/10 is the root of 10
    assert [own.layer for own in found.moved] == [1, 2]
    assert [own.share for own in found.moved] == pytest.approx([10**-0.5, 2 * 10**-0.5])
    assert found.chance == 0


def test_three_sentences() -> None:
    first, second, third = headline(tables(0.03, 0.005), CONFIG)
    assert first == "Training moved layer 1 by 32% and layer 2 by 63% of their initial size."
    assert "layers 1 and 2" in second
    assert "layer 1 are not exactly Gaussian; the fitted model" in third
    assert "to within 2.5% of" in third


def test_what_chance_alone_moves_is_said() -> None:
    found = Headline((Moved(1, 0.1, 0.04), Moved(2, 0.5, 0.05)), None, None, 0.1)
    assert found.chance == 0.04


def test_nothing_is_said_without_tables() -> None:
    assert headline({}, EnsembleConfig()) == []
