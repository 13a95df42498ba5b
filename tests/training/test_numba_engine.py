"""The compiled engine: every shape against the plain loop, its parts against numpy, its bits against themselves."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numba import njit

from pigmm.simd import aligned_zeros, load, store
from pigmm.training import EnsembleConfig, LabelledData, train_plain
from pigmm.training.engines import numba_engine
from pigmm.training.engines.kernels.arrays import LANES
from pigmm.training.engines.kernels.loss import exponential
from pigmm.training.engines.kernels.patches import patch_places, patched
from pigmm.training.engines.layout import Layout
from pigmm.training.engines.network import Network
from pigmm.training.engines.numba_engine import train_block
from pigmm.training.engines.select import chosen_engine
from pigmm.training.snapshot import METRICS, Snapshot


def some(images: LabelledData, train: int, test: int = 50) -> LabelledData:
    """A few images of all classes."""
    chosen = [np.random.default_rng(0).permutation(len(labels)) for labels in (images.train_labels, images.test_labels)]
    first, second = chosen[0][:train], chosen[1][:test]
    return LabelledData(
        images.train_inputs[first], images.train_labels[first], images.test_inputs[second], images.test_labels[second]
    )


def largest_difference(mine: Snapshot, position: int, plain: Snapshot) -> float:
    return max(float(np.abs(mine.weights[k][position] - plain.weights[k][0]).max()) for k in plain.weights)


# A step moves a weight by at most the rate, 1e-3. Gradients are known to about 1e-6 of themselves, so that after one
# step the rounding of the weights, 3e-8 for those below 0.5 and 6e-8 for those below 1, is what is seen. Adam divides
# by the root of the mean square: where gradients of opposite sign cancel in the mean, or one is near nothing, their
# rounding is a larger part, about 1e-3 of a step at worst in ten.
@pytest.mark.parametrize(("steps", "tolerance"), [(1, 2e-7), (10, 1e-5)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.01},
        {"optimizer": "sgd", "learning_rate": 0.1},
        {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.01},
        {"hidden": (1,)},
        {"hidden": (16,), "batch_size": 16},
        {"hidden": (40, 23), "batch_size": 17},
        {"hidden": (64, 64, 5, 13), "batch_size": 3},
        {"hidden": (12, 11, 12), "batch_size": 128},
        {"batch_size": 1},
    ],
    ids=str,
)
def test_every_shape_agrees_with_the_plain_loop(
    digits: LabelledData, options: dict[str, Any], steps: int, tolerance: float
) -> None:
    config = EnsembleConfig(epochs=1, layers="all", **options)
    # the last batch is a partial one
    images = some(digits, max(1, steps * config.batch_size - config.batch_size // 3))
    start, end = train_block(config, images, [5, 2])
    for position, network in enumerate([5, 2]):
        plain_start, plain_end = train_plain(config, images, network)
        assert largest_difference(start, position, plain_start) == 0
        assert largest_difference(end, position, plain_end) < tolerance
        for name in METRICS:
            for mine, plain in ((start, plain_start), (end, plain_end)):
                assert getattr(mine, name)[position] == pytest.approx(getattr(plain, name)[0], rel=2e-6, abs=1e-6)


def test_colour_images_agree_with_the_plain_loop() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(256, size=(60, 3072), dtype=np.uint8)
    labels = rng.integers(10, size=60)
    images = LabelledData(pixels, labels, pixels[:20], labels[:20])
    config = EnsembleConfig(dataset="cifar10", epochs=1, batch_size=20, layers="all")
    *_, end = train_block(config, images, [0])
    *_, plain = train_plain(config, images, 0)
    assert largest_difference(end, 0, plain) < 1e-5


def test_a_second_epoch_goes_on_where_the_first_ended(digits: LabelledData) -> None:
    config = EnsembleConfig(epochs=3)
    images = some(digits, 250)
    for mine, plain in zip(train_block(config, images, [4]), train_plain(config, images, 4), strict=True):
        assert largest_difference(mine, 0, plain) < 1e-5


def test_bits_do_not_depend_on_neighbours_or_threads(digits: LabelledData) -> None:
    config = EnsembleConfig(epochs=2, layers="all")
    together = list(train_block(config, some(digits, 450), range(5)))
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        alone = list(train_block(config, some(digits, 450), [3]))
    finally:
        os.sched_setaffinity(0, cores)
    for many, one in zip(together, alone, strict=True):
        for k in range(4):
            np.testing.assert_array_equal(many.weights[k][3], one.weights[k][0])
        for name in METRICS:
            assert getattr(many, name)[3] == getattr(one, name)[0]


def test_stopped_in_the_middle_it_leaves_no_thread_at_work(
    digits: LabelledData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Ctrl-C comes to, as train_ensemble closes its engine: what runs ends, what waits is never begun."""
    begun, at_work, stopped = [], threading.Semaphore(0), threading.Event()

    def go_on(network: Network, *_: object) -> None:
        begun.append(network.network)
        at_work.release()
        stopped.wait()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            stopped.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(Network, "go_on", go_on)
    monkeypatch.setattr(numba_engine, "ThreadPoolExecutor", Pool)
    before = threading.active_count()
    snapshots = numba_engine.train_block(EnsembleConfig(), some(digits, 100), range(10), threads=2)
    next(snapshots)
    for _ in range(2):
        at_work.acquire()
    assert threading.active_count() == before + 2
    snapshots.close()
    assert threading.active_count() == before
    assert begun == [0, 1]


def test_threads_work_beside_one_another(digits: LabelledData) -> None:
    """The compiled steps let go of the interpreter: meanwhile Python runs on."""
    layout, places = Layout.of(EnsembleConfig()), patch_places((1, 28, 28))
    network = Network(EnsembleConfig(), layout, places, 0)
    train = patched(digits.train_inputs, digits.train_labels, places)
    order = np.tile(np.arange(len(digits.train_labels)), 100)
    network.train(order[:100], train)  # compiled
    worker = threading.Thread(target=network.train, args=(order, train))
    worker.start()
    turns = 0
    while worker.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 10


def test_a_network_that_is_off_stays_as_it_is(digits: LabelledData) -> None:
    """All ReLUs off: every answer is the first class, the loss log(10), no gradient, no step; and no slow numbers."""
    images = some(digits, 300)
    black = LabelledData(images.train_inputs * 0, images.train_labels, images.test_inputs * 0, images.test_labels)
    config = EnsembleConfig(epochs=1, hidden=(2, 2), layers="all")
    # of several networks some are off for black images, -1 everywhere: their first layer's sums are negative
    start, end = train_block(config, black, range(12))
    off = np.abs(start.train_loss - np.log(10)) < 1e-6
    assert 1 <= off.sum() < 12
    for k in range(3):
        np.testing.assert_array_equal(start.weights[k][off], end.weights[k][off])
    assert (end.test_accuracy[off] == (images.test_labels == 0).mean()).all()


def test_diverged_networks_are_not_numbers_and_harm_nobody(digits: LabelledData) -> None:
    config = EnsembleConfig(epochs=2, optimizer="sgd", learning_rate=1e9)
    *_, end = train_block(config, some(digits, 250), range(3))
    assert not np.isfinite(end.train_loss).any() or (np.abs(end.weights[1]) > 1e3).any()
    assert ((end.test_accuracy >= 0) & (end.test_accuracy <= 1)).all()


@pytest.mark.parametrize("hidden", [(10, 10, 10), (16,), (7, 64, 33)])
def test_layout_is_a_permutation(hidden: tuple[int, ...]) -> None:
    config = EnsembleConfig(hidden=hidden, layers="all")
    layout, places = Layout.of(config), patch_places((1, 28, 28))
    first, *others = (np.random.default_rng(k).random(shape).astype("f4") for k, shape in enumerate(config.shapes))
    packed = layout.pack_first(first, places)
    assert np.count_nonzero(packed) == first.size
    np.testing.assert_array_equal(layout.unpack_first(packed, len(first), places), first)
    packed = layout.pack_others(others)
    assert np.count_nonzero(packed) == sum(layer.size for layer in others)
    for layer, again in zip(others, layout.unpack_others(packed, config.shapes[1:]), strict=True):
        np.testing.assert_array_equal(layer, again)


def test_patches_hold_the_whole_image(digits: LabelledData) -> None:
    places = patch_places((1, 28, 28))
    cut = patched(digits.test_inputs, digits.test_labels, places)
    assert cut.pixels.ctypes.data % 64 == 0
    again = np.zeros_like(digits.test_inputs)
    image = np.repeat(np.arange(len(again)), np.diff(cut.first))
    again[image[:, None], places[cut.numbers]] = cut.pixels.reshape(-1, 16)
    np.testing.assert_array_equal(again, digits.test_inputs)
    assert cut.pixels.reshape(-1, 16).any(axis=1).all()


def test_patches_are_squares_within_a_plane() -> None:
    places = patch_places((3, 8, 12))
    assert sorted(places.ravel().tolist()) == list(range(3 * 8 * 12))
    planes, rows, columns = np.unravel_index(places, (3, 8, 12))
    for axis, side in ((planes, 0), (rows, 3), (columns, 3)):
        assert (np.ptp(axis, axis=1) == side).all()
    with pytest.raises(ValueError, match="multiples of 4, got"):
        patch_places((1, 30, 28))


def test_exponential_to_rounding() -> None:
    @njit
    def apply(x: Any, y: Any) -> None:
        for place in range(0, len(x), LANES):
            store(y, place, exponential(load(x, place)))

    x, y = aligned_zeros(32_000, np.float32), aligned_zeros(32_000, np.float32)
    x[:] = np.linspace(-87, 0, len(x))
    apply(x, y)
    exact = np.exp(x.astype(np.float64))
    assert (np.abs(y - exact) / exact).max() < 1.5 * 2**-23
    assert y[-1] == 1
    x[:], x[0] = -1e30, np.nan
    apply(x, y)
    assert (y[1:] < 1.7e-38).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (65,), "layers": "all"}, r"layers of at most 64 units, got hidden=\(65,\)"),
        ({"device": "cuda"}, "device='cpu', got 'cuda'"),
        ({"batch_size": 2000}, "batches of at most 1024 images, got batch_size=2000"),
    ],
)
def test_what_it_cannot_do_is_left_to_torch(options: dict[str, Any], message: str) -> None:
    assert chosen_engine(EnsembleConfig(**options)) == "torch"
    with pytest.raises(ValueError, match=f"engine: 'numba' requires {message}"):
        chosen_engine(EnsembleConfig(engine="numba", **options))
    assert chosen_engine(EnsembleConfig()) == "numba"
    assert chosen_engine(EnsembleConfig(engine="torch")) == "torch"
