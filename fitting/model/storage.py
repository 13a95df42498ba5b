"""Models and statistics as JSON files: written whole or not at all, read without evaluating anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from ...invariants.representation.spaces import (
    MatrixSpace,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
)

Result = TypeVar("Result")

_SPACES = {space.__name__: space for space in (SquareSpace, RectangularSpace, SymmetricSpace, MultiMatrixSpace)}
_MOST_MATRICES = 100  # of a space; a model of so many has 75,550 parameters
_LARGEST = 16 * 10**6  # bytes of a file
_LONGEST = 400  # characters of a reason
_EARLIER_NAMES = {"SeveralSpace": "MultiMatrixSpace"}


def write_json(path: str | PathLike[str], what: str, content: dict[str, Any]) -> None:
    """Write JSON with its format; the file is renamed into place, so no interrupted write leaves half a file.

    Args:
        path: of the file, replaced if it exists.
        what: the kind of content, such as "model".
        content: values of JSON, without a key "format".

    Raises:
        OSError: the disk is full or not writable; names the file.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "one.json"
    >>> write_json(file, "number", {"one": 1})
    >>> read_json(file, "number", lambda content: content["one"])
    1
    """
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        partial.write_text(json.dumps({"format": _format(what), **content}, indent=1) + "\n")
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        # the error of a full disk says neither where nor what
        raise OSError(error.errno, f"{error.strerror} while this file was written", str(target)) from error
    partial.replace(target)


def read_json(path: str | PathLike[str], what: str, build: Callable[[Any], Result]) -> Result:
    """Read a JSON file that `write_json` wrote.

    Args:
        path: of the file.
        what: the kind of content that it must have.
        build: makes the result of the content; it may raise KeyError, TypeError, AttributeError or ValueError.

    Returns:
        What `build` returns.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is not JSON, or of something else; it has more than 16 MB or is nested too deeply; `build` misses
            a part of it or refuses one.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "empty.json"
    >>> write_json(file, "number", {})
    >>> read_json(file, "number", lambda content: content["one"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: ...empty.json must be a number written by pigmm, but cannot be read as one: KeyError('one')
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would be waited for without end
            raise ValueError("it must be a regular file")
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"it must have at most {_LARGEST // 10**6} MB")
        content = json.loads(text)
        if content["format"] != _format(what):
            raise ValueError(f"format must be {_format(what)!r}, got {content['format']!r}")
        return build(content)
    except RecursionError:
        raise ValueError(f"{path} must be {_named(what)} written by pigmm, but is nested too deeply") from None
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        reason = str(error) if type(error) is ValueError else repr(error)
        if len(reason) > _LONGEST:
            reason = f"{reason[:_LONGEST]}..."
        raise ValueError(
            f"{path} must be {_named(what)} written by pigmm, but cannot be read as one: {reason}"
        ) from None


def _format(what: str) -> str:
    return f"pigmm {what}"


def _named(what: str) -> str:
    return what if what.endswith("s") else f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def space_content(space: MatrixSpace) -> dict[str, Any]:
    """Describe a space by values of JSON.

    Args:
        space: one of the kinds of this package.

    Returns:
        Its kind, and its sizes by name.

    >>> space_content(SquareSpace(4))
    {'kind': 'SquareSpace', 'size': 4}
    """
    return {"kind": type(space).__name__, **vars(space)}


def space_from_content(content: dict[str, Any]) -> MatrixSpace:
    """The inverse of `space_content`; earlier names of kinds are known.

    Args:
        content: the kind and the sizes.

    Returns:
        The space.

    Raises:
        KeyError: if the kind is unknown.
        TypeError: if the sizes are not those of the kind.
        ValueError: if a size is too small; if there are more than 100 matrices, whose decomposition would take long.

    >>> space_from_content({"kind": "SquareSpace", "size": 4})
    SquareSpace(size=4)
    >>> space_from_content({"kind": "MultiMatrixSpace", "count": 100_000, "size": 4})
    Traceback (most recent call last):
        ...
    ValueError: count must be at most 100 in a file, got 100000
    """
    sizes = {name: value for name, value in content.items() if name != "kind"}
    kind = _EARLIER_NAMES.get(content["kind"], content["kind"])
    space: MatrixSpace = _SPACES[kind](**sizes)
    if isinstance(space, MultiMatrixSpace) and space.count > _MOST_MATRICES:
        raise ValueError(f"count must be at most {_MOST_MATRICES} in a file, got {space.count}")
    return space
