"""The tutorial runs, from its first line of Python to its last."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


def test_the_tutorial_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)
    assert len(blocks) == 6
    found: dict[str, object] = {}
    exec(compile("\n".join(blocks), str(TUTORIAL), "exec"), found)
    assert "at the smallest 0.005" in capsys.readouterr().out
    # what its comments say: the diagonal refutes S_N x S_N
    assert found["best"] == found["restricted_fits"](found["matrices"])["independent, diagonal apart"]
