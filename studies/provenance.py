"""What made a result: the version, and a fingerprint of the sources that compute it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# The trainer is left out: the ensemble has its own store, which says what made it.
_ROOMS = ("..invariants", "..fitting", "..studies")


def package_version() -> str:
    """Version of this package.

    >>> package_version().count(".")
    2
    """
    return version("pigmm")


@cache
def fingerprint() -> str:
    """Hash of the sources and templates from which tables, figures and report follow.

    Results made by other sources are made again, also where the version was not raised.

    >>> len(fingerprint())
    16
    """
    digest = sha256(package_version().encode())
    for room in _ROOMS:
        spec = find_spec(room, __package__)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        for file in sorted((*folder.rglob("*.py"), *folder.rglob("*.html"))):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
