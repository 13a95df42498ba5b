"""The origin of a result: the version, and a fingerprint of the sources that compute it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

#: All of pigmm, a folder each.
ROOMS = ("simd", "invariants", "fitting", "spectra", "training", "studies")
# sources, and what pages and studies are made of
_KINDS = {".py", ".html", ".css", ".js", ".toml"}


def package_version() -> str:
    """Version of this package.

    >>> package_version().count(".")
    2
    """
    from ... import __version__

    return __version__


@cache
def fingerprint() -> str:
    """Hash of all sources, templates, styles and scripts from which tables, figures and report follow.

    Results made by other sources are made again, also where the version was not raised.

    >>> len(fingerprint())
    16
    """
    digest = sha256(package_version().encode())
    for room in ROOMS:
        spec = find_spec(f"...{room}", __package__)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        for file in sorted(file for file in folder.rglob("*") if file.suffix in _KINDS):
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
