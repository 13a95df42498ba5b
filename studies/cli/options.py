"""The options that make an ensemble, as flags of a command; light, so that help needs no library of ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ...training import EnsembleConfig

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run: new, empty, or to go on with.")]

# name: (type, default, help). A test compares names and defaults with those of EnsembleConfig.
ENSEMBLE_OPTIONS: dict[str, tuple[type, Any, str]] = {
    "dataset": (str, "mnist-5k", "Images: mnist-5k (bundled), mnist, fashion-mnist or cifar10."),
    "data_root": (Path, None, "Folder of the images, downloaded to if they are not there (default: the user's cache)."),
    "hidden": (str, "10,10,10", "Widths of the hidden layers, with commas."),
    "networks": (int, 1000, "How many networks."),
    "epochs": (int, 50, "Passes over the training images."),
    "batch_size": (int, 100, "Images in a step."),
    "optimizer": (str, "adam", "adam, adamw or sgd."),
    "learning_rate": (float, 1e-3, "Step size of the optimizer."),
    "momentum": (float, 0.0, "Of sgd."),
    "weight_decay": (float, 0.0, "Coefficient of the weights added to the gradient (L2); with adamw decoupled."),
    "l1": (float, 0.0, "Coefficient of the sum of absolute weights in what is minimised."),
    "dropout": (float, 0.0, "Probability that a hidden unit is off for an image and a step."),
    "activation": (str, "relu", "relu, tanh, gelu or identity."),
    "bias": (bool, False, "Whether units have biases."),
    "initialisation": (
        str,
        "gaussian",
        "gaussian, N(0, 1/fan_in); uniform on +-1/sqrt(fan_in); xavier-normal, xavier-uniform, he-normal, he-uniform, "
        "orthogonal; or any variance, as normal(2/(fan_in + fan_out)).",
    ),
    "seed": (int, 0, "Key of all random numbers."),
    "device": (str, "cpu", "Torch device, such as cpu, cuda or cuda:1."),
    "engine": (str, "auto", "numba (compiled, small networks), torch, or auto: numba where it can."),
    "block_size": (int, 50, "Networks trained together; bounds the memory."),
    "layers": (str, "square", "Weights stored: square, all, or indices with commas (0 is the input layer)."),
    "snapshots": (str, "epochs", "When: epochs, log (the steps are powers of two), or every so many steps."),
}


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
    """The ensemble that options ask for.

    Raises:
        ValueError: one line that names the option, what is required and what came.

    >>> configuration({"hidden": "10,20", "layers": "all"}).widths
    (784, 10, 20, 10)
    """
    from ...training import EnsembleConfig

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
