"""Models and statistics as JSON files: written whole or not at all, read without evaluating anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ..invariants.spaces import MatrixSpace, RectangularSpace, SeveralSpace, SquareSpace, SymmetricSpace

Result = TypeVar("Result")

_SPACES = {space.__name__: space for space in (SquareSpace, RectangularSpace, SymmetricSpace, SeveralSpace)}


def write_json(path: str | PathLike[str], content: dict[str, Any]) -> None:
    """Write JSON; renamed into place, so that an interrupted write leaves no half file under the name.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "one.json"
    >>> write_json(file, {"one": 1})
    >>> read_json(file, "a number", lambda content: content["one"])
    1
    """
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(target)


def read_json(path: str | PathLike[str], what: str, build: Callable[[Any], Result]) -> Result:
    """What `build` makes of the content of a JSON file.

    Raises:
        ValueError: if it is not JSON, or `build` misses a part of it.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "empty.json"
    >>> write_json(file, {})
    >>> read_json(file, "a number", lambda content: content["one"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: ...empty.json must be a number written by pigmm, but it cannot be read as one: KeyError('one')
    """
    try:
        return build(json.loads(Path(path).read_text()))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be {what} written by pigmm, but it cannot be read as one: {error!r}") from None


def space_content(space: MatrixSpace) -> dict[str, Any]:
    """A space as what JSON can hold.

    >>> space_content(SquareSpace(4))
    {'kind': 'SquareSpace', 'size': 4}
    """
    return {"kind": type(space).__name__, **vars(space)}


def space_from_content(content: dict[str, Any]) -> MatrixSpace:
    """The inverse of `space_content`.

    >>> space_from_content({"kind": "SquareSpace", "size": 4})
    SquareSpace(size=4)
    """
    sizes = {name: value for name, value in content.items() if name != "kind"}
    space: MatrixSpace = _SPACES[content["kind"]](**sizes)
    return space
