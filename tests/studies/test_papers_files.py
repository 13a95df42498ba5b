"""Files for papers: every figure as PDF, and tables as LaTeX that any LaTeX reads."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest


def check_latex(path: Path) -> list[list[str]]:
    """The cells of a table, row by row; fails where braces, mathematics, environments or columns do not match."""
    text = path.read_text()
    bare = re.sub(r"\\\\|\\[$&%#_{}]", "", text)
    assert bare.count("$") % 2 == 0
    depth = 0
    for brace in re.findall("[{}]", bare):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    opened = []
    for verb, environment in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if verb == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert not opened
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    columns = len(re.search(r"\\begin\{tabular\}\{(l+)\}", text)[1])
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    cells = [re.split(r"(?<!\\)&", row.removesuffix(r"\\")) for row in rows]
    assert all(len(row) == columns for row in cells)
    assert len(rows) == len(body.splitlines()) - 2, "a row has a line of its own"
    for row in cells:
        for cell in row:
            plain = re.sub(r"\$[^$]*\$", "", re.sub(r"\\\w+(\{\})?", "", cell.replace(r"\$", "")))
            assert not re.search(r"(?<!\\)[%#_^~&]", plain), cell
            assert all(part.isascii() for part in re.findall(r"\$([^$]*)\$", cell)), cell
    return [[cell.strip() for cell in row] for row in cells]


def check_figures(folder: Path) -> None:
    drawn = {path.stem for path in folder.glob("*.svg")}
    assert drawn
    assert {path.stem for path in folder.glob("*.pdf")} == drawn
    assert all(path.read_bytes().startswith(b"%PDF-") for path in folder.glob("*.pdf"))


def test_of_a_study_that_is_finished_already(pigmm, options, finished_run, tmp_path) -> None:
    run = Path(shutil.copytree(finished_run, tmp_path / "run"))
    assert not [*run.glob("*/*.pdf"), *run.glob("*/*.tex")]
    before = {path.name: path.read_bytes() for path in run.glob("*/*.csv")}
    assert pigmm("study", run, *options, "--pdf").code == 0
    assert {path.name: path.read_bytes() for path in run.glob("*/*.csv")} == before
    check_figures(run / "figures")
    head, *rows = check_latex(run / "tables" / "parameters.tex")
    assert head == ["parameter", "layer 0", "layer 1", "layer 2", "layer 3"]
    assert [r"$\mu_{1}$", "--"] in [row[:2] for row in rows]
    departures = check_latex(run / "tables" / "departures.tex")
    assert all(row[1].startswith(r"$\sum_{") for row in departures[1:])
    assert {row[0] for row in departures[1:]} <= {"layer 0", "layer 1", "layer 2", "layer 3"}
    assert "nothing to do" in pigmm("study", run, *options, "--pdf").out
    assert "nothing to do" in pigmm("study", run, *options).out
    assert pigmm("verify", run).code == 0


def test_of_a_comparison(pigmm, finished_run, tmp_path) -> None:
    output = tmp_path / "side"
    assert pigmm("compare", finished_run, "--output", output, "--pdf").code == 0
    check_figures(output / "figures")
    assert check_latex(output / "tables" / "departures.tex")[0][0] == "run"
    assert r"$\mu_{1}$" in check_latex(output / "tables" / "parameters.tex")[0]
    assert pigmm("compare", finished_run, "--output", output).code == 0
    assert not [*output.glob("*/*.pdf"), *output.glob("*/*.tex")]


@pytest.mark.parametrize("name", ["50% of_a & $b", r"\input{x}~^#"])
def test_of_a_fit_whose_matrices_have_any_name(name, pigmm, tmp_path) -> None:
    np.savez(tmp_path / "m.npz", **{name: np.random.default_rng(0).normal(size=(30, 4, 4))})
    done = pigmm("fit", tmp_path / "m.npz", "--output", tmp_path / "fit", "--replicates", "0", "--pdf")
    assert done.code == 0, done.err
    check_figures(tmp_path / "fit" / "figures")
    assert len(check_latex(tmp_path / "fit" / "tables" / "parameters.tex")) == 14
    assert len(check_latex(tmp_path / "fit" / "tables" / "departures.tex")) == 11
    assert r"\input" not in (tmp_path / "fit" / "tables" / "parameters.tex").read_text()


def test_of_a_network(pigmm, tmp_path) -> None:
    generator = np.random.default_rng(0)
    np.savez(tmp_path / "n.npz", a_b=generator.normal(size=(8, 8)), c=generator.normal(size=(6, 9)))
    done = pigmm("network", tmp_path / "n.npz", "-o", tmp_path / "out", "--replicates", "19", "--pdf")
    assert done.code == 0, done.err
    check_figures(tmp_path / "out" / "figures")
    assert [row[0] for row in check_latex(tmp_path / "out" / "tables" / "departures.tex")][1:] == [r"a\_b", "c"]
