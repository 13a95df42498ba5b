"""The properties of an environment, besides the configuration, on which the bits of a network depend."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that compute.

    Returns:
        Name -> version.

    >>> sorted(versions())
    ['numpy', 'pigmm', 'python', 'torch']
    """
    return {name: version(name) for name in ("pigmm", "torch", "numpy")} | {"python": platform.python_version()}


def processor() -> str:
    """Return the kind of processor, and the instructions that torch uses of it.

    Returns:
        Text, the same for processors that give the same bits.

    >>> processor().startswith(platform.machine())
    True
    """
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def check_device(device: str) -> None:
    """Check that this process can compute on a device of torch.

    Args:
        device: its name, such as 'cpu' or 'cuda:0'.

    Raises:
        ValueError: the device is not there or unknown.

    >>> check_device("cpu")
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA fails by assertion
        raise ValueError(f"device: a device of this torch is required, got {device!r} ({error})") from None
