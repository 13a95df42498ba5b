"""Where the command starts: an interruption is one line from the first import on."""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130
MESSAGE = "interrupted: the same command goes on from here"


def main() -> None:
    """Run `pigmm` with the arguments of the process."""
    try:
        # a process that was told to ignore the signal goes on ignoring it
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt)
        from .main import main as run

        run()
    except KeyboardInterrupt:
        _leave()


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle SIGINT: end the process at once while a module is imported, else raise KeyboardInterrupt.

    An exception inside the import of compiled code becomes another one, or aborts the process.

    Args:
        number: of the signal.
        frame: what was running.

    Raises:
        KeyboardInterrupt: no module is being imported.
    """
    while frame is not None:
        if frame.f_globals.get("__name__") in ("importlib._bootstrap", "_frozen_importlib"):
            _leave()
        frame = frame.f_back
    raise KeyboardInterrupt


def _leave() -> None:
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(INTERRUPTED)
