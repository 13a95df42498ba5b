"""The short form of the suite of interruptions. `make faults` runs the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = Path(__file__).parent / "interruptions"


def test_interrupted_commands_go_on_to_the_same_results() -> None:
    """A network that is killed, a fit and a network beside another process; the other tests of studies kill those."""
    _suite("--only", "2", "4", "29", "--pairs", "0")


def test_studies_that_begin_together_leave_the_results_of_one() -> None:
    """Two of the same options and two of others; fits and networks between them."""
    said = _suite("--only", "--pairs", "4")
    assert "| study | begun together | any | 1 | 1 |" in said
    assert "| study | begun together, other options | any | 1 | 1 |" in said


def _suite(*options: str) -> str:
    """What the suite prints, which must have found no defect."""
    command = [sys.executable, str(SUITE), *options, "--seed", "0"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "| all |" in found.stdout
    return found.stdout
