"""Models of every kind on held-out matrices: planted laws win, and the scores are those of the models."""

import numpy as np
import pytest

from pigmm.fitting import PIGMM, EllipticalModel, InteractingModel, held_out_models


@pytest.mark.parametrize(
    ("law", "winner"),
    [
        ("mixture", "mixture of 2"),
        ("elliptical", "elliptical"),
        ("quartic", "interacting"),
        ("S_N", "S_N"),
        ("iid", "iid"),
    ],
)
def test_the_true_kind_predicts_best(law, winner, random_model):
    rng = np.random.default_rng(0)
    matrices = {
        "mixture": lambda: rng.normal(size=(600, 5, 5)) * rng.choice([0.5, 1.5], size=(600, 1, 1)),
        "elliptical": lambda: EllipticalModel(PIGMM.iid(5, 1.0), 4.0).sample(600, seed=1),
        "quartic": lambda: rng.triangular(-1, 0, 1, size=(600, 5, 5)),
        "S_N": lambda: random_model(5, 1).sample(600, seed=1),
        "iid": lambda: PIGMM.iid(5, 1.0, mean=0.3).sample(600, seed=1),
    }[law]()
    table = held_out_models(matrices, ["sum M_ij^4"])
    assert table.gain.idxmax() == winner
    assert table.loc["S_N", "gain"] == 0 == table.loc["S_N", "log_gain"]
    if law != "quartic":
        assert table.log_gain.idxmax() == winner
    assert np.isnan(table.log_gain["interacting"])
    if law in ("mixture", "elliptical", "quartic"):
        assert table.gain[winner] > 4 * table.gain_standard_error[winner]
    assert table.parameters[["iid", "S_N", "mixture of 2", "elliptical", "interacting"]].tolist() == [2, 13, 27, 14, 14]


def test_scores_are_those_of_fits_to_the_other_matrices():
    matrices = np.random.default_rng(0).standard_t(6, size=(40, 4, 4))
    table = held_out_models(matrices, ["sum M_ij^4"], folds=2, seed=3)
    halves = np.array_split(np.random.default_rng(3).permutation(40), 2)
    gain = 0.0
    for part, rest in (halves, halves[::-1]):
        models = (InteractingModel.fit(matrices[rest], g) for g in ([], ["sum M_ij^4"]))
        before, after = (model.objective(matrices[part]).sum() for model in models)
        gain += before - after
    variance = PIGMM.fit(matrices)
    unit = sum(d * np.trace(g) for d, g in zip(variance.dimensions, variance.covariances, strict=True)) / 16
    assert table.gain["interacting"] == pytest.approx(unit * gain / 40, rel=1e-8)


def test_bad_input():
    matrices = PIGMM.iid(5, 1.0).sample(10, seed=0)
    with pytest.raises(ValueError, match="folds must be at most the number of matrices, 10, got 11"):
        held_out_models(matrices, folds=11)
    with pytest.raises(ValueError, match="components must be an integer of at least 2, got 1"):
        held_out_models(matrices, components=1)
    with pytest.raises(ValueError, match="degree"):
        held_out_models(matrices, ["tr M^2"])
