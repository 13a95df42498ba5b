"""What the bits of a network depend on besides the configuration."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch


def versions() -> dict[str, str]:
    """Of Python and the libraries that compute.

    >>> sorted(versions())
    ['numpy', 'pigmm', 'python', 'torch']
    """
    return {name: version(name) for name in ("pigmm", "torch", "numpy")} | {"python": platform.python_version()}


def processor() -> str:
    """The kind of processor, and the instructions that torch uses of it.

    >>> processor().startswith(platform.machine())
    True
    """
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def check_device(device: str) -> None:
    """Raise ValueError unless this process can compute on the torch device.

    >>> check_device("cpu")
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA fails by assertion
        raise ValueError(f"device: a device of this torch is required, got {device!r} ({error})") from None
