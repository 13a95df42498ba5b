"""Initialisations: their laws, their expressions, and what is refused."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from pigmm.training import EnsembleConfig
from pigmm.training.initialisation import NAMED, Initialisation

SHAPES = [(10, 784), (10, 10), (40, 20)]


def expected_variance(name: str, fan_out: int, fan_in: int) -> float:
    """From the definitions: Glorot and Bengio (2010), He et al. (2015), arXiv:2510.05218."""
    return {
        "gaussian": 1 / fan_in,
        "uniform": 1 / (3 * fan_in),
        "xavier-normal": 2 / (fan_in + fan_out),
        "xavier-uniform": 2 / (fan_in + fan_out),
        "he-normal": 2 / fan_in,
        "he-uniform": 2 / fan_in,
        "orthogonal": 1 / max(fan_in, fan_out),
    }[name]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", [*NAMED, "orthogonal"])
def test_moments_are_those_of_the_definition_and_of_draws(name: str, shape: tuple[int, int]) -> None:
    initial = Initialisation.parse(name)
    second, fourth = initial.moments(shape)
    assert second == pytest.approx(expected_variance(name, *shape), rel=1e-12)
    rng = np.random.default_rng(0)
    draws = np.array([initial.draw(shape, rng) for _ in range(40_000 // shape[1])], dtype=np.float64)
    # five standard errors for independent entries; those of orthogonal matrices depend on each other weakly
    assert abs(draws.mean()) < 5 * sqrt(second / draws.size)
    assert abs((draws**2).mean() - second) < 5 * sqrt((fourth - second**2) / draws.size)
    assert (draws**4).mean() == pytest.approx(fourth, rel=0.05)


def test_orthogonal_matrices_are_orthogonal() -> None:
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        weights = Initialisation.parse("orthogonal").draw(shape, rng).astype(np.float64)
        gram = weights @ weights.T if shape[0] <= shape[1] else weights.T @ weights
        np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-6)
    # invariant under rotations, so that also signs are even: without the correction the diagonal would be negative
    diagonal = [np.diag(Initialisation.parse("orthogonal").draw((3, 3), rng)) for _ in range(2000)]
    assert abs(np.mean(diagonal)) < 5 * sqrt(1 / 3 / 6000)


def test_named_ones_keep_their_bits() -> None:
    """Scales as they were written before variances were expressions, for every width."""
    for fan_in in range(1, 4000):
        scale = np.float32(1 / sqrt(fan_in))
        normal, uniform = (Initialisation.parse(name).moments((10, fan_in))[0] for name in ("gaussian", "uniform"))
        assert np.float32(sqrt(normal)) == scale
        assert np.float32(sqrt(3 * uniform)) == scale


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.25", 0.25),
        ("1/fan_in", 0.05),
        ("2 / (fan_in + 3*fan_out)", 0.04),
        ("fan_out**-2", 0.01),
        ("sqrt(1/25)", 0.2),
    ],
)
def test_expressions(expression: str, value: float) -> None:
    assert Initialisation.parse(f"normal({expression})").moments((10, 20))[0] == pytest.approx(value)


@pytest.mark.parametrize(
    "variance",
    ["", "0", "-1", "fan", "1/(fan_in - 784)", "9**9**9**9", "(-1)**0.5", "__import__('os')", "fan_in.real", "[1][0]",
     "True", "1if 1else 2", "sqrt(-1)", "1e999", "lambda: 1", "sqrt(1, 2)", "'a'", "(" * 500 + "1" + ")" * 500],
)  # fmt: skip
def test_what_is_not_a_variance_is_refused(variance: str) -> None:
    with pytest.raises(ValueError, match="initialisation: a variance must be a positive number made of numbers"):
        EnsembleConfig(initialisation=f"normal({variance})")


@pytest.mark.parametrize("text", ["", "glorot", "normal", "cauchy(1)", "normal(1", "gaussian(1)"])
def test_what_is_not_an_initialisation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"initialisation: gaussian, uniform, .* is required, got"):
        EnsembleConfig(initialisation=text)
