"""What the tests share: reference values, graphs, and models."""

import json
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from pigmm.fitting import PIGMM, BlockGaussian, SquareSpace
from pigmm.invariants import multigraphs

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="also run the tests marked `thorough`: those that repeat at length what others check once",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--thorough"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("thorough")])
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, worker_id):
    """made_once(name, make): a folder that make(folder) fills, once for all processes of the tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def made(name, make):
        folder, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def golden():
    """golden("fits") is the content of golden/fits.json; made by golden/brute_force.py or another program."""
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def all_graphs():
    """The 361 graphs of degree 1 to 4."""
    return tuple(graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree))


@pytest.fixture(scope="session")
def generic():
    """generic(space, seed): a model with generic parameters on any space."""

    def build(space, seed):
        rng = np.random.default_rng(seed)
        means, covariances = [], []
        for irrep in space.decomposition.irreps:
            copies = len(irrep.copies)
            means += rng.normal(size=copies).tolist() if irrep.is_trivial else []
            root = rng.normal(size=(copies, copies + 2))
            covariances += (root @ root.T / copies)[np.triu_indices(copies)].tolist()
        return BlockGaussian(space, means + covariances)

    return build


@pytest.fixture(scope="session")
def random_model(generic):
    """random_model(size, seed): a PIGMM with generic parameters."""
    return lambda size, seed: PIGMM(size, generic(SquareSpace(size), seed).parameters)
