"""The folder of a study: what belongs to whom, what is finished, and which folders are left alone.

config.json      the configuration, written first: what makes a folder a RUN
ensemble.zarr    the trained networks
tables/*.csv  figures/*.svg  report.html
history.json     steps with their times and versions
partial/         layers analysed so far by a study that is not finished
finished.json    written last: what made the results, and which files they are
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...training import EnsembleConfig
from ...training.store.layout import checksum, is_ensemble
from ...training.store.limits import read_bytes, read_json
from ...training.store.lock import exclusive
from ...training.store.store import EnsembleStore, drawn_configuration, read_configuration
from ...training.store.whole_files import PARTIAL
from .files import write_bytes, write_text
from .provenance import fingerprint, package_version

CONFIGURATION = "config.json"
LOCK = "lock"

_LARGEST_RESULT = 2**30
_RESULT = re.compile(r"(tables/|figures/)?[\w-]+\.\w+")
_FOLDERS = ("tables", "figures", "partial")

# what a process leaves that is killed before there is a configuration
_BEFORE_CONFIGURATION = (LOCK, CONFIGURATION + PARTIAL)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one study.

    Args:
        path: of the folder.
        config: of the ensemble.
        replicates: of the bootstrap, which belongs to the analysis; None is the default.
        pdf: whether figures are wanted as PDF too, and tables of parameters and departures as LaTeX.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with RunFolder.claimed(Path(folder) / "run", EnsembleConfig(networks=8)) as run:
    ...         run.is_finished, RunFolder.open(run.path).config.networks
    (False, 8)
    """

    path: Path
    config: EnsembleConfig
    replicates: int | None = None
    pdf: bool = False

    @classmethod
    @contextmanager
    def claimed(
        cls, path: Path, config: EnsembleConfig, replicates: int | None = None, pdf: bool = False
    ) -> Iterator[RunFolder]:
        """Hold the RUN at `path`: a new one, or the one that is there if it was made with this configuration.

        The ensemble that is there may also have fewer networks; the others are trained in addition. Nothing is written
        before the folder is locked.

        Args:
            path: of the folder.
            config: of the ensemble.
            replicates: of the bootstrap.
            pdf: as of the class.

        Yields:
            The folder, locked.

        Raises:
            ValueError: `path` is something else, which is left as it is, or a RUN with other options (named).
            BlockingIOError: another process works in the folder.
        """
        run = cls(path, config, replicates, pdf)
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} must be a folder, but it is a file")
        is_run = (path / CONFIGURATION).exists() or is_ensemble(run.ensemble)
        if not is_run and path.is_dir() and any(file.name not in _BEFORE_CONFIGURATION for file in path.iterdir()):
            raise ValueError(f"{path} is not a RUN folder and not empty: give a new or an empty folder")
        if (path / CONFIGURATION).exists() and not is_ensemble(run.ensemble):
            cls.open(path)  # somebody else's file of that name: nothing is written beside it
        path.mkdir(parents=True, exist_ok=True)
        _check_links(path)
        with exclusive(path / LOCK):
            if is_ensemble(run.ensemble):
                there = read_configuration(run.ensemble)
                if (differences := there.differences(config)) and not there.grows_to(config):
                    raise ValueError(
                        f"{path} was made with other options ({listed_differences(differences)}): give those, or "
                        "another folder"
                    )
            elif (path / CONFIGURATION).exists():
                cls.open(path)  # without an ensemble nothing has been done yet that other options could contradict
            known = _configuration(path)
            if known is None or known.differences(config) or not is_ensemble(run.ensemble):
                write_text(path / CONFIGURATION, config.model_dump_json(indent=2) + "\n")
            yield run

    @classmethod
    def open(cls, path: Path, replicates: int | None = None, pdf: bool = False) -> RunFolder:
        """Open the RUN that is at `path`.

        Args:
            path: of the folder.
            replicates: of the bootstrap.
            pdf: as of the class.

        Returns:
            The folder.

        Raises:
            FileNotFoundError: there is nothing at `path`.
            ValueError: it is not a RUN folder, or its ensemble was made with another configuration.
        """
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: give a folder that `pigmm study` or `pigmm train` made")
        config = _configuration(path)
        if config is None:
            raise ValueError(f"{path} is not a RUN folder: it has no {CONFIGURATION} of a study, or a damaged one")
        run = cls(path, config, replicates, pdf)
        if is_ensemble(run.ensemble) and (differences := config.differences(read_configuration(run.ensemble))):
            raise ValueError(
                f"{path / CONFIGURATION} is not the configuration of the ensemble beside it "
                f"({listed_differences(differences, CONFIGURATION, 'ensemble')}): `pigmm study` with the options of "
                "the ensemble writes it again"
            )
        return run

    @property
    def ensemble(self) -> Path:
        """The zarr store of the networks."""
        return self.path / "ensemble.zarr"

    @property
    def drawn(self) -> EnsembleConfig:
        """The configuration with the law that the initial weights were drawn from, which a pilot run may have found."""
        return drawn_configuration(self.ensemble) if is_ensemble(self.ensemble) else self.config

    @property
    def tables(self) -> Path:
        """The folder of the CSV files."""
        return self.path / "tables"

    @property
    def figures(self) -> Path:
        """The folder of the figures."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def partial(self) -> Path:
        """The folder of finished layers of an unfinished analysis, keyed by sources and ensemble."""
        return self.path / "partial" / f"{fingerprint()}-{self.replicates}-{self._ensemble_identity}"

    @contextmanager
    def locked(self) -> Iterator[RunFolder]:
        """Hold the folder, as it is now, to write into it.

        Yields:
            The folder as it is once locked.

        Raises:
            BlockingIOError: another process works in it.
            ValueError: what is written would land outside it.
        """
        _check_links(self.path)
        with exclusive(self.path / LOCK):
            yield RunFolder.open(self.path, self.replicates, self.pdf)

    @property
    def is_finished(self) -> bool:
        """Whether tables, figures and report are what was written, of this ensemble, by the present sources."""
        return self._made_by_these and self.damaged_results() == []

    @property
    def has_tables(self) -> bool:
        """Whether the tables are what was written, of this ensemble, by the present sources."""
        damaged = self.damaged_results() or []
        return self._made_by_these and not any(name.endswith(".csv") for name in damaged)

    @property
    def _made_by_these(self) -> bool:
        marked = self._marked
        return all(marked.get(name) == value for name, value in self._origin.items())

    @property
    def lacks_pdf(self) -> bool:
        """Whether PDF files are wanted that the finished results do not have."""
        return self.pdf and not any(name.endswith(".pdf") for name in self._marked["files"])

    def damaged_results(self) -> list[str] | None:
        """Names of finished results that are missing or not what was written; None if no results are finished."""
        if not (marked := self._marked):
            return None
        return [name for name, expected in marked["files"].items() if self._checksum(name) != expected]

    def _checksum(self, name: str) -> int | None:
        try:
            return checksum(read_bytes(self.path / name, _LARGEST_RESULT))
        except (OSError, ValueError):
            return None

    def mark_unfinished(self) -> None:
        """Take the marker away before results are touched."""
        self._marker.unlink(missing_ok=True)

    def mark_finished(self, files: Sequence[Path]) -> None:
        """Write the marker, and drop what only an interrupted study needs.

        Args:
            files: of the results.
        """
        names = [file.relative_to(self.path).as_posix() for file in files]
        content = {**self._origin, "files": {name: self._checksum(name) for name in names}}
        write_bytes(self._marker, (json.dumps(content, indent=1) + "\n").encode(), durable=True)
        shutil.rmtree(self.path / "partial", ignore_errors=True)

    @property
    def history(self) -> list[dict[str, Any]]:
        """Steps done so far: step, started (UTC), seconds, pigmm (version), completed."""
        try:
            return [entry for entry in read_json(self._history, list) if _is_step(entry)]
        except (FileNotFoundError, ValueError):  # of an earlier version, which could leave it empty
            return []

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note in the history how long a step took, interrupted or not."""
        started, clock = datetime.now(UTC), time.monotonic()

        def note(completed: bool) -> None:
            entry = {
                "step": step,
                "started": started.isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - clock, 2),
                "pigmm": package_version(),
                "completed": completed,
            }
            write_text(self._history, json.dumps([*self.history, entry], indent=1) + "\n")

        try:
            yield
        except BaseException:
            with suppress(OSError):  # on a full disk the first error is the one to be told
                note(completed=False)
            raise
        note(completed=True)

    @property
    def _ensemble_identity(self) -> str:
        return EnsembleStore(self.ensemble, self.config).identity if is_ensemble(self.ensemble) else ""

    @property
    def _origin(self) -> dict[str, Any]:
        """What results are made by and of."""
        return {
            "pigmm": package_version(),
            "fingerprint": fingerprint(),
            "replicates": self.replicates,
            "ensemble": self._ensemble_identity,
        }

    @property
    def _marked(self) -> dict[str, Any]:
        """What the marker says; nothing if it is not there, not whole, or of an earlier version."""
        try:
            marked: dict[str, Any] = read_json(self._marker)
            names = marked.get("files")
            return marked if isinstance(names, dict) and all(_RESULT.fullmatch(name) for name in names) else {}
        except (OSError, ValueError):
            return {}

    @property
    def _marker(self) -> Path:
        return self.path / "finished.json"

    @property
    def _history(self) -> Path:
        return self.path / "history.json"


def _configuration(path: Path) -> EnsembleConfig | None:
    """That of the RUN at `path`; None if there is none that can be read."""
    try:
        content = read_json(path / CONFIGURATION)
        return EnsembleConfig(**content) if {"dataset", "hidden", "networks"} <= content.keys() else None
    except (OSError, ValueError, TypeError):
        return None


def listed_differences(differences: Mapping[str, tuple[Any, Any]], one: str = "there", other: str = "now") -> str:
    """Say the differences of two configurations in words.

    Args:
        differences: as `EnsembleConfig.differences` gives them.
        one: where the first value of each stands.
        other: where the second stands.

    Returns:
        Plain text.

    >>> listed_differences({"epochs": (5, 6)})
    'epochs: 5 there, 6 now'
    """
    return "; ".join(f"{name}: {was!r} {one}, {now!r} {other}" for name, (was, now) in differences.items())


def _check_links(path: Path) -> None:
    """Refuse a RUN, perhaps a received one, in whose place files elsewhere would be written or deleted."""
    for place in (path / LOCK, *(path / name for name in _FOLDERS)):
        inside = place.rglob("*") if place.is_dir() and not place.is_symlink() else ()
        if link := next((file for file in (place, *inside) if file.is_symlink()), None):
            raise ValueError(f"{link} must not be a link, since what is written there would land outside {path}")


def _is_step(entry: Any) -> bool:
    types: dict[str, Any] = {"step": str, "started": str, "seconds": (int, float)}
    return isinstance(entry, dict) and all(isinstance(entry.get(name), kind) for name, kind in types.items())
