"""The README's Python runs as written."""

import doctest
import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_python_blocks(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}  # a later block goes on where an earlier one ended
    printed = ""
    for block in blocks:
        if ">>>" in block:
            parsed = doctest.DocTestParser().get_doctest(block, {}, "README", "README.md", 0)
            assert doctest.DocTestRunner().run(parsed).failed == 0
        else:
            exec(compile(block, "README.md", "exec"), names)
            printed += capsys.readouterr().out
    assert "sum_" in printed
    assert "negative self-connections" in printed


def test_linked_files_exist():
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (root / target).exists(), target
