"""The studies of arXiv:2510.05218 by name: data files in `paper/`, one a study, read as configurations.

description   one sentence
[common]      fields of EnsembleConfig
[[run]]       one for each configuration of a study of several: its name, and the fields that are its own
[quick]       the fields of the reduced version; `without` names the runs that it leaves out
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

from .size import differing_fields, reductions

if TYPE_CHECKING:
    from ...training import EnsembleConfig

_KEYS = {"description", "common", "run", "quick"}


@dataclass(frozen=True)
class PaperStudy:
    """A named study.

    Args:
        name: of the study.
        description: one sentence.
        configurations: by the name of their sub-run, or one with the empty name.
        left_out: sub-runs that the reduced version does not have.
    """

    name: str
    description: str
    configurations: dict[str, EnsembleConfig]
    left_out: tuple[str, ...] = ()


def study_names() -> dict[str, str]:
    """The names of the studies, each with its description.

    >>> list(study_names())[:3]
    ['cifar10-gaussian', 'cifar10-uniform', 'depth']
    """
    return {name: str(_content(file)["description"]) for name, file in _data_files().items()}


def paper_study(name: str, quick: bool = False, **overrides: Any) -> PaperStudy:
    """Read a study with its configurations.

    Args:
        name: of the study.
        quick: the reduced version.
        **overrides: fields of EnsembleConfig that replace those of every configuration; None replaces nothing.

    Returns:
        The study.

    Raises:
        ValueError: there is no such study (names those there are), its file is not as it must be, or a value is not
            one that EnsembleConfig accepts.

    Source:
        arXiv:2510.05218.

    >>> paper_study("mnist-gaussian").configurations[""].networks
    1000
    >>> list(paper_study("width", quick=True, networks=8).configurations)
    ['width-10', 'width-40']
    """
    from ...training import EnsembleConfig

    found = _data_files()
    if name not in found:
        raise ValueError(f"study must be one of {', '.join(found)}, got {name!r}")
    content = _content(found[name])
    reduced = dict(content["quick"]) if quick else {}
    without = tuple(reduced.pop("without", ()))
    given = {field: value for field, value in overrides.items() if value is not None}
    runs = {run["name"]: {field: run[field] for field in run if field != "name"} for run in content.get("run", ())}
    if unknown := [run for run in without if run not in runs]:
        raise ValueError(f"quick.without must name runs of {name}, got {', '.join(unknown)}")
    configurations = {
        run: EnsembleConfig(**(content["common"] | own | reduced | given))
        for run, own in (runs or {"": {}}).items()
        if run not in without
    }
    return PaperStudy(name, content["description"], configurations, without)


def reduced_studies(config: EnsembleConfig) -> list[str]:
    """The studies that an ensemble is a smaller version of: fewer networks or epochs, or the bundled images.

    >>> from pigmm.training import EnsembleConfig
    >>> reduced_studies(EnsembleConfig(networks=200, weight_decay=0.01))
    ['mnist-gaussian-decay']
    >>> reduced_studies(paper_study("mnist-gaussian").configurations[""])
    []
    """
    if not reductions(config):
        return []
    of_size = {"networks", "epochs", "seed"} | ({"dataset"} if config.dataset == "mnist-5k" else set())
    return [
        name
        for name in study_names()
        for whole in paper_study(name).configurations.values()
        if differing_fields(config, whole) <= of_size and (whole.dataset in ("mnist", config.dataset))
    ]


def _data_files() -> dict[str, Traversable]:
    folder = files(__package__)
    found = {file.name.removesuffix(".toml"): file for file in folder.iterdir() if file.name.endswith(".toml")}
    return dict(sorted(found.items()))


def _content(file: Traversable) -> dict[str, Any]:
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    if unknown := content.keys() - _KEYS:
        raise ValueError(f"{file.name} must have the keys {', '.join(sorted(_KEYS))}, got {', '.join(sorted(unknown))}")
    return content
