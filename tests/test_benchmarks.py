"""The baseline of the benchmarks: the invariants that it is said to evaluate, and with the right values."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from pigmm.invariants import evaluate

BASELINE = Path(__file__).parent.parent / "benchmarks" / "baselines" / "plain_invariants.py"


@pytest.fixture(scope="module")
def baseline():
    """benchmarks/baselines/plain_invariants.py as a module."""
    specification = importlib.util.spec_from_file_location("plain_invariants", BASELINE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_baseline_has_the_invariants_of_the_paper(baseline, all_graphs):
    nodes = {3: {1, 2, 5, 6}, 4: {1, 2, 7, 8}}
    studied = {g for g in all_graphs if g.degree <= 2 or g.number_of_nodes in nodes[g.degree]}
    assert len(baseline.GRAPHS) == len(studied) == 13 + 15 + 24
    assert set(baseline.GRAPHS) == studied


@pytest.mark.parametrize("size", [4, 10, 33])
def test_each_formula_is_the_invariant_of_its_graph(baseline, size):
    matrices = np.random.default_rng(size).normal(loc=0.3, size=(3, size, size))
    plain = np.array([baseline.plain_invariants(matrix) for matrix in matrices])
    scale = evaluate(np.abs(matrices), baseline.GRAPHS)
    assert (np.abs(plain - evaluate(matrices, baseline.GRAPHS)) <= 1e-13 * scale).all()
