"""Compile functions with Numba and keep the machine code in the user's cache, each file under a checksum.

Numba's own cache loads whatever its files hold: a truncated file ends in a traceback, a damaged one may crash the
process, and a change in a file that a kernel imports goes unnoticed. Here a file begins with a digest of the sources
and of the content. Code is loaded only if the digest is right, otherwise it is compiled anew and the file replaced.
A cache that cannot be written costs one warning and the time to compile.
"""

from __future__ import annotations

import pickle
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import llvmlite
import numba
from numba.core import config
from numba.core.caching import _Cache as NumbaCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from platformdirs import user_cache_path

_DIGEST = sha256().digest_size


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a function of a module to be compiled by Numba: without the GIL, with NumPy's rules for division.

    Args:
        function: the function; None to give further options.
        **options: further options of numba.njit, such as inline="always".

    Returns:
        The compiled function, or a decorator if there is no function.

    >>> @compiled
    ... def twice(x):
    ...     return x + x
    >>> twice.py_func(2.5)
    5.0
    """
    if function is None:
        return lambda function: compiled(function, **options)
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy", **options)(function)
    dispatcher._cache = CheckedCache(function)
    return dispatcher


def cache_folder() -> Path:
    """Return the folder of compiled code: NUMBA_CACHE_DIR where it is set, otherwise below the user's cache."""
    given: str = config.CACHE_DIR  # type: ignore[attr-defined]  # made from the environment
    return Path(given) if given else user_cache_path("pigmm") / "compiled"


class CheckedCache(NumbaCache):
    """The compiled versions of one function, a file for each signature, processor and version of the compilers."""

    def __init__(self, function: Callable[..., Any]) -> None:
        code = function.__code__
        self._source = Path(code.co_filename).resolve()
        self._name = f"{self._source.stem}.{function.__qualname__}-{code.co_firstlineno}"
        self._enabled = True

    @property
    def cache_path(self) -> str:
        """The folder of the files, another for each installation."""
        place = sha256(str(self._source.parent).encode()).hexdigest()[:16]
        return str(cache_folder() / f"{self._source.parent.name}-{place}")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled version for a signature, or None if there is no undamaged one of these sources."""
        target_context.refresh()
        if not self._enabled:
            return None
        file = self._file(sig, target_context.codegen())
        try:
            content = file.read_bytes()
        except OSError:
            return None
        digest, payload = content[:_DIGEST], content[_DIGEST:]
        if digest != self._digest(payload):
            with suppress(OSError):
                file.unlink()
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(payload))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled version beside the others; a failure is told once and does not stop anything."""
        if not self._enabled or data.lifted or data.library.has_dynamic_globals:
            return
        payload = dumps(data._reduce())
        file = self._file(sig, data.codegen)
        draft = file.with_suffix(f".{uuid4().hex}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(self._digest(payload) + payload)
            draft.replace(file)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            _warn_once(cache_folder(), error.strerror or type(error).__name__)

    def enable(self) -> None:
        """Use the files."""
        self._enabled = True

    def disable(self) -> None:
        """Neither read nor write files."""
        self._enabled = False

    def flush(self) -> None:
        """Remove the files of this function."""
        for file in Path(self.cache_path).glob(f"{self._name}.*.code"):
            file.unlink(missing_ok=True)

    def _file(self, signature: Any, codegen: Any) -> Path:
        versions = (sys.version, numba.__version__, llvmlite.__version__)
        key = sha256(repr((signature, codegen.magic_tuple(), versions)).encode()).hexdigest()[:16]
        return Path(self.cache_path) / f"{self._name}.{key}.code"

    def _digest(self, payload: bytes) -> bytes:
        return sha256(_fingerprint(self._source.parent) + payload).digest()


@cache
def _fingerprint(folder: Path) -> bytes:
    """The digest of the sources that kernels of a folder are made of: the folder's, and those of vectors."""
    digest = sha256()
    for source in (*sorted(Path(__file__).parent.glob("*.py")), *sorted(folder.glob("*.py"))):
        digest.update(sha256(source.read_bytes()).digest())
    return digest.digest()


@cache
def _warn_once(folder: Path, reason: str) -> None:
    warnings.warn(
        f"compiled code cannot be kept in {folder} and is compiled again each time ({reason}); "
        "set NUMBA_CACHE_DIR to a writable folder",
        RuntimeWarning,
        stacklevel=1,
    )
