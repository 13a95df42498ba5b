"""The README's Python runs as written."""

import doctest
import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_python_blocks(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        if ">>>" in block:
            parsed = doctest.DocTestParser().get_doctest(block, {}, "README", "README.md", 0)
            assert doctest.DocTestRunner().run(parsed).failed == 0
        else:
            exec(compile(block, "README.md", "exec"), {})
            assert "sum_" in capsys.readouterr().out


def test_linked_files_exist():
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (root / target).exists(), target
