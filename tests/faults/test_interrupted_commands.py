"""The short form of the suite of interruptions. `make faults` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).parent / "interruptions"


def test_interrupted_commands_go_on_to_the_same_results() -> None:
    """A chain of each kind: of a study, a fit and a network; alone, and beside another process."""
    found = subprocess.run(
        [sys.executable, str(SUITE), "--chains", "6", "--seed", "3"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "| all |" in found.stdout
