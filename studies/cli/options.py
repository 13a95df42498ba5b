"""The options that make an ensemble, as flags of a command: the fields of its configuration."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from ...training.config import EnsembleConfig

PdfOption = Annotated[
    bool,
    typer.Option("--pdf", help="Write every figure as PDF too, and tables of parameters and departures as LaTeX."),
]

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run: new, empty, or to go on with.")]


def _option(field: FieldInfo) -> tuple[type, Any, str]:
    """Type, default and help of the option for a field; what is no number, switch or path is given as text."""
    default: Any = field.default
    kind = Path if default is None else type(default) if isinstance(default, bool | int | float) else str
    if isinstance(default, tuple):
        default = ",".join(str(part) for part in default)
    return kind, default, " ".join((field.description or "").split())


# name: (type, default, help)
ENSEMBLE_OPTIONS = {name: _option(field) for name, field in EnsembleConfig.model_fields.items()}


def takes_ensemble_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command (run, options) a flag for each of `ENSEMBLE_OPTIONS`; further arguments keep flags of their own.

    >>> @takes_ensemble_options
    ... def show(run: Path, options: dict[str, Any]) -> None:
    ...     print(run, options["networks"])
    >>> show(run="folder", networks=8)
    folder 8
    """

    # annotations were kept as text
    own = list(signature(command, eval_str=True).parameters.values())[2:]

    @wraps(command)
    def with_flags(run: Path, **flags: Any) -> None:
        rest = {further.name: flags.pop(further.name) for further in own if further.name in flags}
        command(run, flags, **rest)

    kinds = {
        name: Annotated[kind | None if default is None else kind, typer.Option(help=text)]
        for name, (kind, default, text) in ENSEMBLE_OPTIONS.items()
    }
    flags = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=ENSEMBLE_OPTIONS[name][1], annotation=kind)
        for name, kind in kinds.items()
    ]
    run = Parameter("run", Parameter.POSITIONAL_OR_KEYWORD, annotation=RunArgument)
    # typer reads the flags from here
    further = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own]
    with_flags.__signature__ = Signature([run, *flags, *further])  # type: ignore[attr-defined]
    with_flags.__annotations__ = {"run": RunArgument, **kinds, **{p.name: p.annotation for p in own}}
    del with_flags.__wrapped__  # else its signature would be taken
    return with_flags


def configuration(options: dict[str, Any]) -> EnsembleConfig:
    """Make the ensemble that options ask for.

    Args:
        options: of the command, by the names of fields; None where none was given.

    Returns:
        The configuration.

    Raises:
        ValueError: one line that names the option, what is required and what came.

    >>> configuration({"hidden": "10,20", "layers": "all"}).widths
    (784, 10, 20, 10)
    """
    values = dict(options)
    if "hidden" in values:
        values["hidden"] = _integers("hidden", values["hidden"])
    if values.get("layers", "square") not in ("square", "all"):
        values["layers"] = _integers("layers", values["layers"])
    if str(values.get("snapshots", "epochs")).isdecimal():
        values["snapshots"] = int(values["snapshots"])
    return EnsembleConfig(**values)


def _integers(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{name}: integers with commas between them are required, got {text!r}") from None
