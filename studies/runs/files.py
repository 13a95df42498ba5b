"""Files that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...training.store.whole_files import write_whole
from ..notation.plain_text import as_written, inert

# pandas reads numbers exactly by itself from version 3.1 on, and deprecates the option
_OLD_PANDAS = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if _OLD_PANDAS else {}
_TYPES: Any = {"graph": str, "degrees_of_freedom": "Int64"}


def file_name(name: str) -> str:
    """A name as part of the name of a file.

    >>> file_name("layer 1"), file_name("../words")
    ('layer_1', '.._words')
    """
    return re.sub(r"[^\w.-]+", "_", name)


def write_bytes(path: Path, content: bytes, durable: bool = False) -> None:
    """Write a file, making its folder; an interruption leaves the old file, or none, under the name.

    Args:
        path: of the file.
        content: all of it.
        durable: whether it is to be on the disk before it has its name, as markers of finished work are.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_bytes(Path(folder) / "new" / "a.txt", b"whole")
    ...     [file.name for file in (Path(folder) / "new").iterdir()]
    ['a.txt']
    """
    write_whole(path, content, durable)


def write_text(path: Path, content: str) -> None:
    """`write_bytes` for text, in UTF-8 with Unix line ends.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_text(Path(folder) / "a.txt", "σ")
    ...     (Path(folder) / "a.txt").stat().st_size
    2
    """
    write_bytes(path, content.encode())


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV whose numbers read back exactly; the index is left out.

    Texts that a spreadsheet would calculate, such as names that begin with =, get an apostrophe.

    Args:
        path: of the file.
        table: of numbers and texts.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_table(Path(folder) / "t.csv", pd.DataFrame({"x": [0.1]}))
    ...     read_table(Path(folder) / "t.csv").x[0] == 0.1
    np.True_
    """
    write_text(path, _with_texts(table, inert).to_csv(index=False, lineterminator="\n"))


def read_table(path: Path) -> pd.DataFrame:
    """Read what `write_table` wrote. Labels of graphs such as '00' stay text, degrees of freedom integers.

    Args:
        path: of the CSV file.

    Returns:
        The table.

    Args:
        path: of the file.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_table(Path(folder) / "t.csv", pd.DataFrame({"graph": ["00"]}))
    ...     read_table(Path(folder) / "t.csv").graph[0]
    '00'
    """
    return _with_texts(pd.read_csv(path, dtype=_TYPES, **_EXACT), as_written)


def _with_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The table with every text changed."""
    changed = {}
    for name in table:
        if not pd.api.types.is_numeric_dtype(table[name]):
            found = [change(value) if isinstance(value, str) else value for value in table[name]]
            if any(new is not old for new, old in zip(found, table[name], strict=True)):
                changed[str(name)] = pd.Series(found, index=table.index, dtype=object)
    return table.assign(**changed) if changed else table


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as `name.csv`, and take away those of an earlier analysis.

    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> with TemporaryDirectory() as folder:
    ...     [file.name for file in write_tables(Path(folder), {"a": pd.DataFrame({"x": [1]})})]
    ['a.csv']
    """
    files = {folder / f"{name}.csv": table for name, table in tables.items()}
    for file, table in files.items():
        write_table(file, table)
    for file in set(folder.glob("*.csv")) - files.keys():
        file.unlink()
    return list(files)


def write_latex(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write each text as `name.tex`, and remove those of an earlier analysis.

    Args:
        folder: of the tables.
        texts: by name.

    Returns:
        The paths of the files.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [file.name for file in write_latex(Path(folder), {"parameters": "x"})]
    ['parameters.tex']
    """
    files = {folder / f"{name}.tex": text for name, text in texts.items()}
    for file, text in files.items():
        write_text(file, text)
    for file in set(folder.glob("*.tex")) - files.keys():
        file.unlink()
    return list(files)


def replace_files(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Make a folder hold exactly the given files.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [file.name for file in replace_files(Path(folder) / "figures", {"a.svg": b"<svg/>"})]
    ['a.svg']
    """
    shutil.rmtree(folder, ignore_errors=True)
    files = {folder / name: content for name, content in contents.items()}
    for file, content in files.items():
        write_bytes(file, content)
    return list(files)
