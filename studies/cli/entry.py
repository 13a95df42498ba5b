"""The start of the command: an interruption is one line from the first import on."""

from __future__ import annotations

import signal

from .interruption import interrupt, leave


def main() -> None:
    """Run `pigmm` with the arguments of the process."""
    try:
        # a process that was told to ignore the signal goes on ignoring it
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt)
        from .main import main as run

        run()
    except KeyboardInterrupt:
        leave()
