"""Check that a RUN is as it was written; every file of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...training.store.layout import Skeleton, is_ensemble
from ...training.store.store import EnsembleStore
from .folder import RunFolder


@dataclass(frozen=True)
class Verification:
    """The result of a check.

    Args:
        sound: what is as it should be, or not made yet; a line each.
        damaged: what is not what was written; a line each.
        advice: what to do about it.
    """

    sound: tuple[str, ...]
    damaged: tuple[str, ...]
    advice: str


def verify_run(path: Path) -> Verification:
    """Check a RUN, or an ensemble by itself.

    Args:
        path: a RUN folder or an ensemble.

    Returns:
        What was checked, and what is damaged.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: it is neither; or config.json and the ensemble contradict each other.

    >>> verify_run(Path("nowhere"))
    Traceback (most recent call last):
    FileNotFoundError: nowhere does not exist: give a folder that `pigmm study` or `pigmm train` made
    """
    if is_ensemble(path):
        sound, damaged = _ensemble(path)
        advice = "train_ensemble with the configuration of the ensemble makes what is damaged again, with the same bits"
        return Verification(tuple(sound), tuple(damaged), advice)
    run = RunFolder.open(path)
    sound, damaged = _ensemble(run.ensemble) if is_ensemble(run.ensemble) else (["networks: none are trained"], [])
    results = run.damaged_results()
    if results is None:
        sound.append("results: not finished")
    elif results:
        damaged += [f"{path / name} is not what was written, or is missing" for name in results]
    else:
        sound.append("results: tables, figures and report are what was written")
    advice = (
        f"`pigmm study {path}` with the options in {path / 'config.json'} makes what is damaged again, networks "
        "with the same bits"
    )
    return Verification(tuple(sound), tuple(damaged), advice)


def _ensemble(path: Path) -> tuple[list[str], list[str]]:
    skeleton = Skeleton.read(path)
    store = EnsembleStore(path, skeleton.config)
    damages, missing = store.damages(), store.missing_blocks()
    networks = store.config.networks
    trained = networks - sum(len(block) for block in missing)
    sound = [f"networks: {trained} of {networks} are trained, in {len(store.expected_chunks())} files"]
    if not skeleton.checksummed:
        sound.append("checksums: none, an earlier version made the ensemble; sizes of files are checked only")
    return sound, [f"{path / damage.file}: {damage}" for damage in damages]
