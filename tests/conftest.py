"""What the tests share: reference values, graphs, and models."""

import json
from pathlib import Path

import numpy as np
import pytest

from pigmm.fitting import PIGMM
from pigmm.invariants import multigraphs

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden():
    """golden("fits") is the content of golden/fits.json; made by golden/brute_force.py or another program."""
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def all_graphs():
    """The 361 graphs of degree 1 to 4."""
    return tuple(graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree))


@pytest.fixture(scope="session")
def random_model():
    """random_model(size, seed): a PIGMM with generic parameters."""

    def build(size, seed):
        rng = np.random.default_rng(seed)
        parameters = rng.normal(size=2).tolist()
        for copies in (2, 3, 1, 1):
            root = rng.normal(size=(copies, copies + 2))
            parameters += (root @ root.T / copies)[np.triu_indices(copies)].tolist()
        return PIGMM(size, parameters)

    return build
