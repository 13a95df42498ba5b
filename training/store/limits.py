"""Limits on the sizes that files declare, checked before anything is allocated."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

#: Set this environment variable to read larger files: bytes, or with a unit, such as 20GB.
READ_LIMIT = "PIGMM_READ_LIMIT"

_DEFAULT = "4GB"
_UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_LARGEST_JSON = 16 * 10**6
_JSON_KINDS: dict[type, str] = {dict: "object", list: "array"}


def read_limit() -> int:
    """Return how many bytes the arrays of one command may declare together: PIGMM_READ_LIMIT, or 4 GB.

    Returns:
        Bytes.

    Raises:
        ValueError: the variable is not a size.

    >>> read_limit()
    4000000000
    """
    text = os.environ.get(READ_LIMIT, _DEFAULT)
    found = re.fullmatch(r"(\d+)\s*([kMGT]B|)", text.strip())
    if not found:
        raise ValueError(f"{READ_LIMIT} must be a size such as 500MB or 20GB, got {text!r}")
    return int(found[1]) * _UNITS[found[2]]


def check_size(what: str, size: int) -> None:
    """Refuse a size above the limit.

    Args:
        what: begins the message: the file, and the variable in it.
        size: bytes.

    Raises:
        ValueError: it is larger.

    >>> check_size("a.npy", 10**12)
    Traceback (most recent call last):
        ...
    ValueError: a.npy: 1000 GB are declared, more than the limit of 4 GB; PIGMM_READ_LIMIT sets another, such as 1001GB
    """
    if size > (limit := read_limit()):
        enough = f"{size // 10**9 + 1}GB"
        raise ValueError(
            f"{what}: {size / 1e9:.4g} GB are declared, more than the limit of {limit / 1e9:.4g} GB; "
            f"{READ_LIMIT} sets another, such as {enough}"
        )


def parse_json(content: bytes, what: str, kind: type = dict) -> Any:
    """Parse the JSON of a file.

    Args:
        content: UTF-8, UTF-16 or UTF-32, as `json.loads` takes it.
        what: begins the message.
        kind: dict if the JSON must be an object, list if it must be an array.

    Returns:
        A dict or a list.

    Raises:
        ValueError: the content is no JSON, of another kind, longer than 16 MB or nested too deeply.

    >>> parse_json(b"[]", "a.json")
    Traceback (most recent call last):
        ...
    ValueError: a.json: must be a JSON object, got list
    """
    if len(content) > _LARGEST_JSON:
        raise ValueError(f"{what}: must be JSON of at most {_LARGEST_JSON // 10**6} MB, got {len(content)} bytes")
    try:
        found = json.loads(content)
    except RecursionError:
        raise ValueError(f"{what}: is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{what}: must be JSON ({error})") from None
    if not isinstance(found, kind):
        raise ValueError(f"{what}: must be a JSON {_JSON_KINDS[kind]}, got {type(found).__name__}")
    return found


def read_json(path: Path, kind: type = dict) -> Any:
    """Read a JSON file.

    Args:
        path: of the file.
        kind: as of `parse_json`.

    Returns:
        A dict or a list.

    Raises:
        OSError: the file cannot be read.
        ValueError: as `parse_json`; or it is no regular file.
    """
    return parse_json(read_bytes(path, _LARGEST_JSON + 1), str(path), kind)


def read_bytes(path: Path, most: int) -> bytes:
    """Read a regular file.

    Args:
        path: of the file.
        most: bytes that are read at most.

    Returns:
        The first bytes of the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.txt").write_bytes(b"0123456789")
    ...     read_bytes(Path(folder) / "a.txt", 4)
    b'0123'
    """
    check_regular(path)
    with path.open("rb") as file:
        return file.read(most)


def check_regular(path: Path) -> None:
    """Refuse a path that exists and is no regular file: reading a pipe would never end.

    Args:
        path: of a file, which need not exist.

    Raises:
        ValueError: it is a folder, a pipe, a device.

    >>> check_regular(Path("/dev/null"))
    Traceback (most recent call last):
        ...
    ValueError: /dev/null: must be a regular file
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: must be a regular file")
