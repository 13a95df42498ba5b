"""Names that come from files, as they are shown in a terminal and written in CSV: nothing in them acts."""

from __future__ import annotations

import re
from typing import TextIO
from unicodedata import category

# escape codes, overrides of the direction of writing, what stands for bytes that are no text, ends of lines
_ACTING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # as spreadsheets take it; apostrophes before it are ours, or the name's own


def printable(text: str) -> str:
    r"""Write characters that a terminal would act on as escapes.

    Args:
        text: a line.

    Returns:
        The line with them replaced.

    >>> printable("layer \x1b[31mred"), printable("σ² of 5×5")
    ('layer \\x1b[31mred', 'σ² of 5×5')
    """
    return "".join(c.encode("unicode_escape").decode() if category(c) in _ACTING else c for c in text)


def say(line: object, file: TextIO | None = None) -> None:
    r"""Print a line, made `printable`.

    Args:
        line: what has a text.
        file: standard output by default.

    >>> say("one\rtwo")
    one\rtwo
    """
    print(printable(str(line)), file=file)


def inert(cell: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would calculate.

    Args:
        cell: a text in a table.

    Returns:
        The text, which `as_written` undoes.

    >>> inert("=1+1"), inert("weight"), inert("'=1+1")
    ("'=1+1", 'weight', "''=1+1")
    """
    return f"'{cell}" if _FORMULA.match(cell) else cell


def as_written(cell: str) -> str:
    """Undo `inert`.

    Args:
        cell: a text in a CSV file.

    Returns:
        The text as it was before `inert`.

    >>> as_written("'=1+1"), as_written("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
