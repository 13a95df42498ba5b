"""A user's own images: described by a configuration, known by their hash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pigmm.training import EnsembleConfig, LabelledImages, OwnImages, open_ensemble, train_ensemble, train_plain
from pigmm.training.config import EngineName
from pigmm.training.store.store import read_configuration


@pytest.fixture(scope="module")
def stripes() -> LabelledImages:
    """Images 8 x 12 of three classes, the place of a bright row: 250 for training, 50 for testing."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    images = rng.integers(60, size=(300, 8, 12))
    images[np.arange(300), 2 * labels] += 150
    flat = images.reshape(300, -1).astype(np.uint8)
    return LabelledImages(flat[:250], labels[:250], flat[250:], labels[250:])


@pytest.fixture
def config(stripes: LabelledImages) -> EnsembleConfig:
    return EnsembleConfig(
        dataset=stripes.describe((1, 8, 12)), networks=4, epochs=8, batch_size=20, learning_rate=5e-3, layers="all"
    )


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_trained_by_either_engine(
    stripes: LabelledImages, config: EnsembleConfig, store_path: Path, engine: EngineName
) -> None:
    config = config.model_copy(update={"engine": engine})
    ensemble = train_ensemble(config, store_path, progress=False, data=stripes)
    assert ensemble.weight_0.shape == (4, 9, 10, 96)
    np.testing.assert_array_equal(ensemble.step, range(0, 13 * 9, 13))  # 250 / 20 = 12.5
    assert ensemble.test_accuracy[:, -1].mean() > 0.9  # 1/3 is chance
    assert read_configuration(store_path) == config
    _, first, *_ = train_plain(config, stripes, network=2)
    np.testing.assert_allclose(ensemble.weight_0[2, 1], first.weights[0][0], rtol=0, atol=1e-5)


def test_only_the_described_ones(stripes: LabelledImages, config: EnsembleConfig, store_path: Path) -> None:
    others = [
        replace(stripes, train_labels=np.roll(stripes.train_labels, 1)),
        replace(stripes, test_images=stripes.test_images ^ 1),
        LabelledImages(stripes.train_images[1:], stripes.train_labels[1:], stripes.test_images, stripes.test_labels),
    ]
    assert len({other.describe((1, 8, 12)).sha256 for other in (stripes, *others)}) == 4
    for other in others:
        with pytest.raises(ValueError, match="data must be the images that dataset describes"):
            train_ensemble(config, store_path, progress=False, data=other)
    with pytest.raises(ValueError, match=r"data must be the images that dataset describes .*, got None"):
        train_ensemble(config, store_path, progress=False)
    with pytest.raises(ValueError, match="data must be None with dataset='mnist-5k'"):
        train_ensemble(EnsembleConfig(), store_path, progress=False, data=stripes)
    assert not store_path.exists()


def test_resumed_with_the_same_only(stripes: LabelledImages, config: EnsembleConfig, store_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_ensemble(config, store_path, interrupt, data=stripes)
    other = replace(stripes, test_images=stripes.test_images ^ 1)
    described = config.model_copy(update={"dataset": other.describe((1, 8, 12))})
    with pytest.raises(ValueError, match="was made with another configuration: dataset"):
        train_ensemble(described, store_path, progress=False, data=other)
    # another dtype of the labels is the same data
    same = replace(stripes, train_labels=stripes.train_labels.astype(np.uint8))
    train_ensemble(config, store_path, progress=False, data=same)
    assert open_ensemble(store_path).sizes["network"] == 4


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 12)])
def test_shape_has_the_pixels(stripes: LabelledImages, shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="shape must have the pixels of an image"):
        stripes.describe(shape)


def test_empty_parts_are_refused(stripes: LabelledImages) -> None:
    empty = replace(stripes, test_images=stripes.test_images[:0], test_labels=stripes.test_labels[:0])
    with pytest.raises(ValueError, match="test_images must have at least one image, got none"):
        empty.describe((1, 8, 12))


def test_descriptions_are_checked() -> None:
    with pytest.raises(ValueError, match="dataset"):
        EnsembleConfig(dataset=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sha256"):
        OwnImages(shape=(1, 2, 2), training_images=3, sha256="no")
