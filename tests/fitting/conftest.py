"""What the tests of interactions share."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def quartic_entries():
    """quartic_entries(count, shape, seed): independent entries of density exp(-x^2 / 2 - 0.15 x^4), by rejection."""

    def draw(count, shape, seed):
        rng = np.random.default_rng(seed)
        needed, kept = count * int(np.prod(shape)), np.empty(0)
        while len(kept) < needed:
            drawn = rng.standard_normal(needed)
            kept = np.append(kept, drawn[rng.random(needed) < np.exp(-0.15 * drawn**4)])
        return kept[:needed].reshape(count, *shape)

    return draw
