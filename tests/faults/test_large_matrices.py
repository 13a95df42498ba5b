"""Memory of a fit does not grow with copies of the matrices, and costly tests are made on a part that is stated."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pigmm.fitting import PIGMM, SquareSpace, mean_invariance_test, model_ladder, wald_tests
from pigmm.fitting.tests_of_models.symmetry.restrictions import restrictions
from pigmm.studies.runs.files import read_table
from pigmm.studies.user_data import fit


def peak(work: Callable[[], Any]) -> int:
    """Bytes that are allocated at most at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("test", [mean_invariance_test, wald_tests])
def test_matrices_are_not_copied_whole(test: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pigmm.fitting.model.sufficient_statistics._READ_ENTRIES", 1 << 18)
    matrices = np.random.default_rng(0).normal(size=(4000, 20, 20)).astype(np.float32)
    half, whole = (peak(lambda count=count: test(matrices[:count])) for count in (2000, 4000))
    entries = matrices.size // 2
    # the check of the entries takes a byte or two of each, and the influences are 13 numbers a matrix
    assert whole - half < 4 * entries


def test_the_ladder_needs_no_cube() -> None:
    restrictions(SquareSpace(8))
    assert peak(lambda: restrictions(SquareSpace(300))) < 8 * 300**3 / 4


@pytest.mark.parametrize("large_mean", [0.0, 1e6])
def test_streamed_tests_are_those_of_the_whole(large_mean: float, monkeypatch: pytest.MonkeyPatch) -> None:
    matrices = PIGMM.iid(5, variance=1.0).sample(200, seed=0) + large_mean
    whole = mean_invariance_test(matrices), wald_tests(matrices)
    monkeypatch.setattr("pigmm.fitting.model.sufficient_statistics._READ_ENTRIES", 25 * 7)
    in_parts = mean_invariance_test(matrices), wald_tests(matrices)
    for one, other in zip(whole, in_parts, strict=True):
        np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-4)
    centred = mean_invariance_test(matrices - large_mean)
    np.testing.assert_allclose(whole[0].p_value, centred.p_value, rtol=1e-4)


def test_only_costly_tests_are_made_on_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit, "TESTED_ENTRIES", 40 * 25)
    matrices = PIGMM.iid(5, variance=1.0).sample(100, seed=0)
    np.save(tmp_path / "m.npy", matrices)
    lines: list[str] = []
    fit.fit_paths([tmp_path / "m.npy"], tmp_path / "fit", replicates=0, say=lines.append)
    names = ("distance_tests", "nested_models", "invariance")
    tables = {name: read_table(tmp_path / "fit" / "tables" / f"{name}.csv") for name in names}
    assert tables["distance_tests"].tested.tolist() == [100, 40, 40]
    assert set(tables["nested_models"].tested) == set(tables["invariance"].tested) == {40}
    np.testing.assert_allclose(tables["nested_models"].bic, model_ladder(matrices, replicates=1).bic)
    stated = "randomisation, permutations and optimal transport"
    assert f"  {stated}: on a random 40 of the matrices" in lines
    assert f"{stated} are tested on a random 40 of them" in (tmp_path / "fit" / "report.html").read_text()
