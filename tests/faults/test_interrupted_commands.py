"""The short form of the suite of interruptions. `make faults` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).parent / "interruptions"


def test_interrupted_commands_go_on_to_the_same_results() -> None:
    """A network that is killed, a fit and a network beside another process; the other tests of studies kill those."""
    chains = ["2", "4", "29"]
    found = subprocess.run(
        [sys.executable, str(SUITE), "--only", *chains, "--seed", "0"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "| all |" in found.stdout
