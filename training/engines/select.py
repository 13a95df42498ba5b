"""Choice of the engine of an ensemble: the compiled one where it can, torch's batched products elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from ..config import EngineName, EnsembleConfig
from ..data import LabelledData
from ..snapshot import Snapshot
from .limits import LARGEST_BATCH, PATCH_SIDE, WIDEST


class Engine(Protocol):
    """Trains the given networks; threads are of the processor, None is the engine's own choice."""

    def __call__(
        self, config: EnsembleConfig, images: LabelledData, networks: Sequence[int], threads: int | None = None
    ) -> Generator[Snapshot, None, None]: ...


def chosen_engine(config: EnsembleConfig) -> EngineName:
    """Choose the engine of a configuration: the one it asks for, or the faster one of those that can if it says `auto`.

    Args:
        config: of the ensemble.

    Returns:
        The engine's name.

    Raises:
        ValueError: the engine that was asked for cannot train this ensemble; says why.

    >>> chosen_engine(EnsembleConfig()), chosen_engine(EnsembleConfig(hidden=(640, 640)))
    ('numba', 'torch')
    >>> chosen_engine(EnsembleConfig(hidden=(640, 640), engine="numba"))
    Traceback (most recent call last):
    ValueError: engine: 'numba' requires layers of at most 64 units, got hidden=(640, 640)
    """
    if config.engine == "torch":
        return "torch"
    obstacle = _obstacle(config)
    if config.engine == "numba" and obstacle:
        raise ValueError(f"engine: 'numba' requires {obstacle}")
    return "torch" if obstacle else "numba"


def load_engine(name: EngineName) -> Engine:
    """Return the function of an engine. Torch is imported only for its own.

    Args:
        name: of the engine.

    Returns:
        The function that trains a block of networks.

    >>> load_engine("numba").__module__
    'pigmm.training.engines.numba_engine'
    """
    if name == "numba":
        from .numba_engine import train_block
    else:
        from .torch_engine import train_block
    return train_block


def _obstacle(config: EnsembleConfig) -> str:
    """What the compiled engine requires and this configuration does not have; empty if nothing."""
    _, height, width = config.image_shape
    if not config.device.startswith("cpu"):
        return f"device='cpu', got {config.device!r}"
    if max(config.hidden) > WIDEST:
        return f"layers of at most {WIDEST} units, got hidden={config.hidden}"
    if config.classes > WIDEST:
        return f"at most {WIDEST} classes, got {config.classes}"
    if not config.pixels:
        return "images with pixels from 0 to 255, got features"
    if config.batch_size > LARGEST_BATCH:
        return f"batches of at most {LARGEST_BATCH} images, got batch_size={config.batch_size}"
    if config.bias:
        return "bias=False, got True"
    if config.activation != "relu":
        return f"activation='relu', got {config.activation!r}"
    if config.dropout:
        return f"dropout=0, got {config.dropout}"
    if height % PATCH_SIDE or width % PATCH_SIDE:
        return f"images with sides that are multiples of {PATCH_SIDE}, got {height} x {width}"
    return ""
