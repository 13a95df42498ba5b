"""Bad input gives one line and exit code 2; help needs none of the heavy libraries; the symbolic commands."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from pigmm.invariants import count_multigraphs
from pigmm.studies.cli.options import ENSEMBLE_OPTIONS, configuration
from pigmm.training import EnsembleConfig


def assert_one_line(outcome: Any, *words: str) -> None:
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_options_are_those_of_the_configuration() -> None:
    fields = EnsembleConfig.model_fields
    assert list(ENSEMBLE_OPTIONS) == list(fields)
    assert configuration({name: default for name, (_, default, _) in ENSEMBLE_OPTIONS.items()}) == EnsembleConfig()


def test_help_imports_no_heavy_library() -> None:
    script = (
        "import sys\n"
        "from pigmm.studies.cli.main import main\n"
        "try: main(['study', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'sympy', 'matplotlib', 'pandas', 'xarray', 'numba'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help(pigmm: Any, arguments: tuple[str, ...]) -> None:
    outcome = pigmm(*arguments)
    assert outcome.code == 0
    for command in ("study", "train", "fit", "report", "invariants", "derive"):
        assert command in outcome.out


def test_version(pigmm: Any) -> None:
    outcome = pigmm("--version")
    assert (outcome.code, outcome.out) == (0, f"pigmm {version('pigmm')}\n")


@pytest.mark.parametrize("command", ["study", "fit", "derive expectation", "derive catalogue", "invariants"])
def test_help_says_all_that_is_written(pigmm: Any, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    # text in square brackets would vanish as markup
    assert " ." not in re.sub(r" \.[a-z]", "", pigmm(*command.split(), "--help").out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--networks", "0"), ("networks", "greater than or equal to 1", "got 0")),
        (("--networks", "many"), ("--networks",)),
        (("--hidden", "10,x"), ("hidden", "10,x")),
        (("--optimizer", "rmsprop"), ("optimizer", "rmsprop")),
        (("--layers", "9"), ("layers", "9")),
        (("--colour", "red"), ("--colour",)),
        (("--device", "abacus"), ("device", "abacus")),
        (("--learning-rate", "-1"), ("learning_rate", "-1")),
    ],
)
def test_bad_options(pigmm: Any, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert_one_line(pigmm("study", tmp_path / "run", *arguments), *words)


def test_missing_data_root(pigmm: Any, tmp_path: Path) -> None:
    # a file where the folder should be: nothing can be downloaded there, whatever the network
    (tmp_path / "nothing").write_text("")
    outcome = pigmm("study", tmp_path / "run", "--dataset", "mnist", "--data-root", tmp_path / "nothing")
    assert_one_line(outcome, str(tmp_path / "nothing"), "mnist-5k")
    # nothing was done, so other options may follow
    again = pigmm("train", tmp_path / "run", "--networks", "2", "--epochs", "1", "--block-size", "2")
    assert again.code == 0


@pytest.mark.parametrize("name", ["notes.txt", "config.json"])
def test_foreign_folder_is_refused_and_left_alone(pigmm: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"mine": true}')
    for command in ("study", "train", "report"):
        assert_one_line(pigmm(command, tmp_path), "is not a RUN folder")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(name, '{"mine": true}')]


def test_report_of_nothing(pigmm: Any, tmp_path: Path) -> None:
    assert_one_line(pigmm("report", tmp_path / "nowhere"), "does not exist")


def test_traceback_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pigmm.studies.cli.main import main

    monkeypatch.setenv("PIGMM_TRACEBACK", "1")
    with pytest.raises(ValueError, match="at least 1"):
        main(["invariants", "--degree", "0"])
    with pytest.raises(typer.BadParameter.__bases__[0]):
        main(["study", str(tmp_path), "--colour", "red"])


@pytest.mark.parametrize("command", [("invariants",), ("derive", "catalogue")])
def test_very_many_invariants_are_counted_first(pigmm: Any, command: tuple[str, ...]) -> None:
    outcome = pigmm(*command, "--degree", "9")
    assert (outcome.code, outcome.out) == (2, "")
    assert "degree 9 has 3,999,187 invariants" in outcome.err
    assert "give --yes" in outcome.err


def test_very_many_invariants_are_listed_if_asked_for(pigmm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pigmm.studies.theory.listing.MOST", 10)
    assert pigmm("invariants", "--degree", "2").code == 2
    assert len(pigmm("invariants", "--degree", "2", "--yes").out.splitlines()) == 14


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_invariants(pigmm: Any, degree: int) -> None:
    lines = pigmm("invariants", "--degree", str(degree)).out.splitlines()
    assert len(lines) == 1 + count_multigraphs(degree) + 2
    assert lines[-1].startswith(f"{count_multigraphs(degree)} invariants of degree {degree}")


def test_derive_expectation(pigmm: Any) -> None:
    assert pigmm("derive", "expectation", "00").out == "mu_1 + mu_2*sqrt(N - 1)\n"
    assert pigmm("derive", "expectation", "0-0", "--latex").out == "\\mu_{1} + \\mu_{2} \\sqrt{N - 1}\n"
    assert pigmm("derive", "expectation", "00", "--size", "5").out == "mu_1 + 2*mu_2\n"
    assert_one_line(pigmm("derive", "expectation", "0>1"), "label must be arcs")
    assert_one_line(pigmm("derive", "expectation", "02"), "without gaps")
    assert_one_line(pigmm("derive", "expectation", "00", "--size", "3"), "size")


def test_commands_have_help_for_every_parameter() -> None:
    from pigmm.studies.cli import main as cli

    for command in (*cli.app.registered_commands, *cli.derive.registered_commands):
        assert command.callback is not None
        assert command.callback.__doc__
        for parameter in inspect.signature(command.callback, eval_str=True).parameters.values():
            assert parameter.annotation.__metadata__[0].help
    assert np.all([text.endswith(".") for _, _, text in ENSEMBLE_OPTIONS.values()])


def test_a_file_that_ends_early_is_no_interruption(pigmm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends_early(*arguments: Any, **options: Any) -> None:
        raise EOFError

    monkeypatch.setattr("pigmm.studies.theory.catalogue.write_catalogue", ends_early)
    outcome = pigmm("derive", "catalogue", "--degree", "1")
    # click has ended the line, as it does at a prompt
    assert (outcome.code, outcome.err.strip()) == (2, "error: a file ends before its content is complete")
