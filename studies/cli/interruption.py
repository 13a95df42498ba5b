"""The message of an interruption, and the end of the process while modules are imported."""

from __future__ import annotations

import os
from types import FrameType

INTERRUPTED = 130
MESSAGE = "interrupted: the same command goes on from here"


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle SIGINT: end the process at once while a module is imported, else raise KeyboardInterrupt.

    An exception inside the import of compiled code becomes another one, or aborts the process.

    Args:
        number: of the signal.
        frame: that was running.

    Raises:
        KeyboardInterrupt: no module is being imported.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") in ("importlib._bootstrap", "_frozen_importlib"):
            leave()
        frame = frame.f_back
    raise KeyboardInterrupt


def leave() -> None:
    """End the process at once, with one line."""
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)
