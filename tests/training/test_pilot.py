"""Initial variances that training leaves as they are: found by a pilot run, kept with the ensemble."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pigmm.training import EnsembleConfig, LabelledData, load_dataset, open_ensemble, train_ensemble
from pigmm.training.config import EngineName
from pigmm.training.engines.select import load_engine
from pigmm.training.initialisation import Pilot
from pigmm.training.pilot import FIRST_NETWORK, PilotRun, Round, _next_variance, mean_ratio, run_pilot
from pigmm.training.store.store import drawn_configuration

_EVERY_TENTH = slice(None, None, 10)


def _few() -> LabelledData:
    digits = load_dataset("mnist-5k")
    parts = (digits.train_inputs, digits.train_labels, digits.test_inputs, digits.test_labels)
    return LabelledData(*(part[_EVERY_TENTH] for part in parts))


FEW = _few()
STATIONARY = EnsembleConfig(
    dataset=FEW.describe((1, 28, 28)),
    hidden=(12, 12),
    networks=6,
    block_size=4,
    epochs=5,
    batch_size=20,
    optimizer="sgd",
    learning_rate=0.01,
    initialisation="stationary(3, 20, 0.005)",
    layers="all",
)
ENGINES: list[EngineName] = ["numba", "torch"]


def no_pilot(*_: object, **__: object) -> PilotRun:
    raise AssertionError("a second pilot run")


@pytest.mark.parametrize("engine", ENGINES)
def test_it_ends_where_training_keeps_the_weights(engine: EngineName) -> None:
    found = run_pilot(STATIONARY, FEW, engine)
    assert found.converged
    assert 1 < len(found.rounds) <= 20  # He-normal is not stationary here
    config = EnsembleConfig(**{**STATIONARY.model_dump(), "initialisation": found.initialisation})
    networks = range(FIRST_NETWORK, FIRST_NETWORK + 3)
    before, *_, after = load_engine(engine)(config, FEW, networks, None)
    for layer, variance in enumerate(found.rounds[-1].variance):
        start, end = (float(np.mean(state.weights[layer].astype(float) ** 2)) for state in (before, after))
        assert abs(end / start - 1) < 0.005
        assert start == pytest.approx(variance, rel=0.3)


def test_steps_are_exact_where_the_ratios_are_linear() -> None:
    """Where s2 r is an affine function of s2 along one direction, the third round is the fixed point."""

    def mapped(variance: np.ndarray) -> Round:
        growth = 0.25 - 0.2 * (variance[0] - 1)  # the squared norms of all layers grow by the same
        return Round(tuple(variance), tuple((variance + growth * np.array([1.0, 0.5])) / variance), (0.0, 0.0))

    first = mapped(np.array([1.0, 1.0]))
    second = mapped(_next_variance([first]))
    np.testing.assert_allclose(second.variance, np.array(first.variance) * first.ratio)
    third = mapped(_next_variance([first, second]))
    np.testing.assert_allclose(third.ratio, 1.0, rtol=1e-12)


def test_a_step_is_bounded() -> None:
    np.testing.assert_array_equal(_next_variance([Round((1.0, 1.0), (100.0, 0.01), (0.0, 0.0))]), [2.0, 0.5])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_seed_finds_the_same(engine: EngineName) -> None:
    found = [run_pilot(STATIONARY, FEW, engine, 1) for _ in range(2)]
    assert found[0] == found[1]
    other = run_pilot(EnsembleConfig(**{**STATIONARY.model_dump(), "seed": 1}), FEW, engine, 1)
    assert other.rounds[0].variance == found[0].rounds[0].variance
    assert other.rounds[-1].variance != found[0].rounds[-1].variance


@pytest.mark.parametrize("engine", ENGINES)
def test_what_it_found_is_stored_and_drawn_from(engine: EngineName, tmp_path: Path) -> None:
    config = EnsembleConfig(**{**STATIONARY.model_dump(), "engine": engine})
    ensemble = train_ensemble(config, tmp_path / "e.zarr", progress=False, data=FEW)
    found = PilotRun.from_json(ensemble.attrs["pilot"])
    assert found.converged
    assert json.loads(ensemble.attrs["configuration"])["initialisation"] == "stationary(3, 20, 0.005)"
    drawn = drawn_configuration(tmp_path / "e.zarr")
    assert drawn.initialisation == ensemble.attrs["initialisation"] == found.initialisation
    explicit = train_ensemble(drawn, tmp_path / "explicit.zarr", progress=False, data=FEW)
    for layer in range(3):
        np.testing.assert_array_equal(ensemble[f"weight_{layer}"], explicit[f"weight_{layer}"])


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupted_resumed_and_grown_with_the_same_bits(
    engine: EngineName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EnsembleConfig(**{**STATIONARY.model_dump(), "engine": engine})
    whole = train_ensemble(config, tmp_path / "whole.zarr", progress=False, data=FEW).load()
    path = tmp_path / "parts.zarr"

    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    few = EnsembleConfig(**{**config.model_dump(), "networks": 4})
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(few, path, progress=stop, data=FEW)
    monkeypatch.setattr("pigmm.training.ensemble.run_pilot", no_pilot)
    train_ensemble(few, path, progress=False, data=FEW)
    grown = train_ensemble(config, path, progress=False, data=FEW)
    for name in whole.data_vars:
        np.testing.assert_array_equal(grown[name], whole[name])


def test_a_pilot_run_can_be_interrupted(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_ensemble(STATIONARY, tmp_path / "e.zarr", progress=stop, data=FEW)
    assert not (tmp_path / "e.zarr").exists()


def test_without_convergence_it_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = EnsembleConfig(**{**STATIONARY.model_dump(), "initialisation": "stationary(2, 1, 0.001)"})
    ensemble = train_ensemble(config, tmp_path / "e.zarr", progress=False, data=FEW)
    assert not PilotRun.from_json(ensemble.attrs["pilot"]).converged
    assert "did not converge" in caplog.text


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_networks_that_diverge_are_named() -> None:
    config = EnsembleConfig(**{**STATIONARY.model_dump(), "learning_rate": 1e30})
    with pytest.raises(ValueError, match=r"^initialisation: .* requires networks that do not diverge.*learning_rate$"):
        run_pilot(config, FEW, "torch")


def test_no_pilot_run_without_being_asked() -> None:
    with pytest.raises(ValueError, match=r"^initialisation: stationary is required for a pilot run"):
        run_pilot(EnsembleConfig(), FEW, "numba")


@pytest.mark.parametrize(
    "text", ["stationary(", "stationary()", "stationary(1, 5, 0.1)", "stationary(5, 0, 0.1)", "stationary(5, 5, 1.5)",
             "stationary(5, 5, 0)", "stationary(5, 5)", "stationary(x, 5, 0.1)"],
)  # fmt: skip
def test_numbers_of_the_pilot_run_are_checked(text: str) -> None:
    with pytest.raises(ValueError, match=r"^initialisation: stationary\(NETWORKS, ROUNDS, TOLERANCE\)[^\n]*$"):
        EnsembleConfig(initialisation=text)


def test_the_name_states_its_numbers() -> None:
    assert Pilot.parse("stationary") == Pilot.parse("stationary(20, 30, 0.01)") == Pilot(20, 30, 0.01)


@pytest.mark.parametrize("text", ["{", "[]", '{"rounds": [], "converged": true}', '{"rounds": [{"variance": 1}]}'])
def test_an_attribute_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^pilot[^\n]*$"):
        PilotRun.from_json(text)


def test_a_store_without_its_variances_is_refused(tmp_path: Path) -> None:
    from pigmm.training.store.store import EnsembleStore

    EnsembleStore.create(tmp_path / "e.zarr", STATIONARY, attributes={})
    with pytest.raises(ValueError, match="must have the variances of its pilot run"):
        drawn_configuration(tmp_path / "e.zarr")


def test_one_variance_for_each_layer() -> None:
    config = EnsembleConfig(hidden=(4, 4), initialisation="normal(0.1/fan_in; 0.2; 0.3)", layers="all")
    assert config.initialisation.count(";") == 2
    for text, given in (("normal(0.1; 0.2)", 2), ("uniform(1; 2; 3; 4)", 4)):
        with pytest.raises(ValueError, match=rf"^initialisation: .*a variance for each layer|.*got {given}"):
            EnsembleConfig(hidden=(4, 4), initialisation=text)


def test_variances_by_layer_are_drawn(tmp_path: Path) -> None:
    config = EnsembleConfig(
        hidden=(16, 16),
        networks=40,
        epochs=1,
        initialisation="normal(0.01; 0.5; 2)",
        layers="all",
        block_size=40,
        dataset=STATIONARY.dataset,
    )
    train_ensemble(config, tmp_path / "e.zarr", progress=False, data=FEW)
    before = open_ensemble(tmp_path / "e.zarr").isel(epoch=0)
    for layer, variance in enumerate((0.01, 0.5, 2.0)):
        entries = before[f"weight_{layer}"].values.astype(float)
        assert np.mean(entries**2) == pytest.approx(variance, rel=5 * np.sqrt(2 / entries.size))


def test_the_error_of_a_ratio_is_that_of_simulations() -> None:
    rng = np.random.default_rng(0)
    start = rng.gamma(20, size=(4000, 50))
    end = 1.5 * start + rng.normal(size=start.shape)
    ratio, error = mean_ratio(start, end)
    assert ratio.mean() == pytest.approx(1.5, abs=5 * error.mean() / np.sqrt(len(ratio)))
    assert error.mean() == pytest.approx(ratio.std(), rel=0.05)
    assert np.isnan(mean_ratio(start[0, :1], end[0, :1])[1])
