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
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...training import EnsembleConfig
from ...training.store.lock import exclusive
from .files import PARTIAL, write_text
from .provenance import fingerprint, package_version

CONFIGURATION = "config.json"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one study.

    Args:
        path: of the folder.
        config: of the ensemble.
        replicates: of the bootstrap, which belongs to the analysis; None is the default.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     run = RunFolder.claim(Path(folder) / "run", EnsembleConfig(networks=8))
    ...     run.is_finished, RunFolder.open(run.path).config.networks
    (False, 8)
    """

    path: Path
    config: EnsembleConfig
    replicates: int | None = None

    @classmethod
    def claim(cls, path: Path, config: EnsembleConfig, replicates: int | None = None) -> RunFolder:
        """The RUN at `path`: a new one, or the one that is there if it was made with this configuration.

        Raises:
            ValueError: `path` is something else, which is left as it is, or a RUN with other options (named).
        """
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} must be a folder, but it is a file")
        if (path / CONFIGURATION).exists():
            existing = cls.open(path)
            # without an ensemble nothing has been done yet that other options could contradict
            if existing.ensemble.exists():
                if differences := existing.config.differences(config):
                    listed = "; ".join(
                        f"{name}: {was!r} there, {now!r} now" for name, (was, now) in differences.items()
                    )
                    raise ValueError(f"{path} was made with other options ({listed}): give those, or another folder")
                return cls(path, config, replicates)
        elif path.is_dir() and any(file.name != CONFIGURATION + PARTIAL for file in path.iterdir()):
            raise ValueError(f"{path} is not a RUN folder and not empty: give a new or an empty folder")
        write_text(path / CONFIGURATION, config.model_dump_json(indent=2) + "\n")
        return cls(path, config, replicates)

    @classmethod
    def open(cls, path: Path, replicates: int | None = None) -> RunFolder:
        """The RUN that is at `path`.

        Raises:
            FileNotFoundError: there is nothing at `path`.
            ValueError: it is not a RUN folder.
        """
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: give a folder that `pigmm study` or `pigmm train` made")
        try:
            content = json.loads((path / CONFIGURATION).read_bytes())
            if not {"dataset", "hidden", "networks"} <= content.keys():
                raise ValueError("other keys")
            config = EnsembleConfig(**content)
        except (OSError, ValueError, TypeError, AttributeError):
            raise ValueError(f"{path} is not a RUN folder: it has no {CONFIGURATION} of a study") from None
        return cls(path, config, replicates)

    @property
    def ensemble(self) -> Path:
        """The zarr store of the networks."""
        return self.path / "ensemble.zarr"

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
        """Where finished layers of an unfinished analysis lie; keyed by what makes them, so that versions never mix."""
        return self.path / "partial" / f"{fingerprint()}-{self.replicates}"

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder; BlockingIOError if another process works in it."""
        return exclusive(self.path / "lock")

    @property
    def is_finished(self) -> bool:
        """Whether tables, figures and report are all there, made by the present sources with so many replicates."""
        try:
            marker = json.loads(self._marker.read_bytes())
            made = marker["fingerprint"], marker["replicates"]
            return made == (fingerprint(), self.replicates) and all((self.path / f).exists() for f in marker["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def mark_unfinished(self) -> None:
        """Take the marker away before results are touched."""
        self._marker.unlink(missing_ok=True)

    def mark_finished(self, files: Sequence[Path]) -> None:
        """Write the marker, and drop what only an interrupted study needs."""
        shutil.rmtree(self.path / "partial", ignore_errors=True)
        names = [file.relative_to(self.path).as_posix() for file in files]
        made_by = {"pigmm": package_version(), "fingerprint": fingerprint(), "replicates": self.replicates}
        content = {**made_by, "files": names}
        write_text(self._marker, json.dumps(content, indent=1) + "\n")

    @property
    def history(self) -> list[dict[str, Any]]:
        """Steps done so far: step, started (UTC), seconds, pigmm (version), completed."""
        try:
            entries: list[dict[str, Any]] = json.loads(self._history.read_bytes())
            return entries
        except FileNotFoundError:
            return []

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note in the history how long a step took, interrupted or not."""
        started, clock, completed = datetime.now(UTC), time.monotonic(), False
        try:
            yield
            completed = True
        finally:
            entry = {
                "step": step,
                "started": started.isoformat(timespec="seconds"),
                "seconds": round(time.monotonic() - clock, 2),
                "pigmm": package_version(),
                "completed": completed,
            }
            write_text(self._history, json.dumps([*self.history, entry], indent=1) + "\n")

    @property
    def _marker(self) -> Path:
        return self.path / "finished.json"

    @property
    def _history(self) -> Path:
        return self.path / "history.json"
