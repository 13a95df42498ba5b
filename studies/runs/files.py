"""Files that are either whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
    written = StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(table.columns)
    rows.writerows(zip(*(_cells(table.iloc[:, place]) for place in range(table.shape[1])), strict=True))
    write_text(path, written.getvalue())


def read_table(path: Path) -> pd.DataFrame:
    """Read what `write_table` wrote. Labels of graphs such as '00' stay text, degrees of freedom integers.

    Args:
        path: of the CSV file.

    Returns:
        The table.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_table(Path(folder) / "t.csv", pd.DataFrame({"graph": ["00"]}))
    ...     read_table(Path(folder) / "t.csv").graph[0]
    '00'
    """
    table: pd.DataFrame = pd.read_csv(path, dtype=_TYPES, **_EXACT)
    texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    for name in texts:
        found = table[name].to_numpy(dtype=object)
        if (changed := _changed(found, as_written)) != list(found):
            table[name] = pd.Series(changed, dtype=object)
    return table


def _cells(column: pd.Series) -> list[Any]:
    """What stands in the cells of a column: numbers with all their digits, nothing for what is missing.

    `DataFrame.to_csv` writes the same in three times the time.
    """
    # as Python's numbers those of single precision would show digits that they do not have
    known = column.to_numpy().astype(str) if column.dtype == np.float32 else column
    values = np.array(known, dtype=object)
    values[column.isna()] = None
    return values.tolist() if pd.api.types.is_numeric_dtype(column) else _changed(values, inert)


def _changed(values: NDArray[np.object_], change: Callable[[str], str]) -> list[Any]:
    """Values with every text changed; a text that stands in many rows is looked at once."""
    known = {text: change(text) for text in set(values) if isinstance(text, str)}
    return [known.get(value, value) for value in values]


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
