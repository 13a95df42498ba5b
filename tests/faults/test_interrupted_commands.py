"""The short form of the suite of interruptions. `make faults` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).parent / "interruptions"


def test_interrupted_commands_go_on_to_the_same_results() -> None:
    """A study, a fit and a network that are killed and find no room; a fit and a network beside another process."""
    chains = ["12", "19", "8", "16", "29"]
    found = subprocess.run(
        [sys.executable, str(SUITE), "--only", *chains, "--seed", "3"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "| all |" in found.stdout
