"""A tiny study, made once through the command line, and how to call the command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from pigmm.studies.cli.main import main

OPTIONS = (
    "--hidden", "5,5,5", "--networks", "24", "--epochs", "2", "--block-size", "12", "--layers", "all", "--seed", "3",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def pigmm(capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command line in this process."""

    def call(*arguments: str | Path) -> Outcome:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        code = left.value.code
        said = capsys.readouterr()
        assert isinstance(code, int)
        return Outcome(code, said.out, said.err)

    return call


@pytest.fixture(scope="session")
def options() -> tuple[str, ...]:
    """The options of the tiny study."""
    return OPTIONS


@pytest.fixture(scope="session")
def finished_run(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A finished study. Tests that change it make a copy."""

    def make(run: Path) -> None:
        with pytest.raises(SystemExit) as left:
            main(["study", str(run), *OPTIONS])
        assert left.value.code == 0

    return made_once("study-of-the-commands", make)


@pytest.fixture(autouse=True)
def one_thread_of_blas():
    """The library called directly gives the bits of the commands, which limit BLAS to one thread."""
    with threadpool_limits(1, user_api="blas"):
        yield
