"""The symbolic commands: lists, drawings, exact results, and the catalogue in its three formats."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sympy

from pigmm.invariants import (
    PARAMETERS,
    RECTANGULAR,
    SIZE,
    SYMMETRIC,
    Multigraph,
    expectation,
    leading_term,
    multigraphs,
    two_point_expectation,
)
from pigmm.invariants.graphs.markup import graph_svg, graph_tikz
from pigmm.studies.theory.catalogue import write_catalogue


def test_json_holds_every_expectation_value(tmp_path: Path) -> None:
    content = json.loads(write_catalogue(2, "json", output=tmp_path / "two.json").read_text())
    symbols = {str(p): p for p in PARAMETERS} | {"N": SIZE}
    assert [tuple(map(tuple, row["arcs"])) for row in content["invariants"]] == [g.arcs for g in multigraphs(2)]
    for row, graph in zip(content["invariants"], multigraphs(2), strict=True):
        total = sum(
            sympy.parse_expr(term["coefficient"], local_dict=symbols)
            * sympy.Mul(*(symbols[name] ** power for name, power in term["monomial"].items()))
            for term in row["expectation"]
        )
        assert sympy.expand(total - expectation(graph)) == 0
        assert row["automorphisms"] == graph.automorphisms
        assert row["plan"][0] == "%0 = input"


@pytest.mark.parametrize("kind", ["square", "rectangular", "symmetric", "symmetric-zero-diagonal", "two-square"])
def test_html_is_one_whole_page(kind: str, tmp_path: Path) -> None:
    page = write_catalogue(2, "html", kind, tmp_path / "two.html").read_text()
    assert page.count("<article") == page.count("<svg") > 2
    outside = set(re.findall(r"https?://[^\"' <]+", page))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}  # names, not addresses
    assert "<script" not in page
    for markup in re.findall(r"<svg.*?</svg>|<math.*?</math>", page, flags=re.DOTALL):
        ElementTree.fromstring(unescape(markup))  # named characters are HTML's, not XML's


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    write_catalogue(2, "latex", output=tmp_path / "two.tex")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "two.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_latex_has_every_graph(tmp_path: Path) -> None:
    text = write_catalogue(2, "latex", output=tmp_path / "two.tex").read_text()
    assert text.count(r"\begin{tikzpicture}") == text.count(r"\end{align*}") == 11
    assert text.count("{") == text.count("}")


def test_drawings_show_arcs_and_nodes() -> None:
    for graph in (*multigraphs(3), *multigraphs(3, RECTANGULAR), *multigraphs(3, SYMMETRIC)):
        root = ElementTree.fromstring(graph_svg(graph))
        tags = [child.tag.rpartition("}")[2] for child in root]
        assert tags.count("circle") + tags.count("rect") == graph.number_of_nodes
        assert tags.count("path") == graph.degree * (2 if graph.directed else 1)
        assert graph_tikz(graph).count(r"\draw") == graph.degree


def test_different_graphs_are_drawn_differently() -> None:
    drawings = {graph_svg(graph).partition("</title>")[2] for graph in multigraphs(4)}
    assert len(drawings) == 296


def test_list_with_drawings(pigmm: Any, tmp_path: Path) -> None:
    outcome = pigmm("invariants", "--degree", "2", "--svg", str(tmp_path / "svg"))
    assert outcome.code == 0
    assert "automorphisms" in outcome.out
    assert len(list((tmp_path / "svg").glob("*.svg"))) == 11
    assert outcome.out.strip().endswith(str(tmp_path / "svg"))


def test_exact_results(pigmm: Any) -> None:
    cubic = Multigraph([(0, 1), (1, 2), (2, 0)])
    assert pigmm("derive", "expectation", "01 12 20").out.strip() == str(expectation(cubic))
    assert pigmm("derive", "expectation", "01 12 20", "--size", "6").out.strip() == str(expectation(cubic, 6))
    assert pigmm("derive", "expectation", "01 12 20", "--two-point").out.splitlines()[0] == str(
        two_point_expectation(cubic)
    )
    assert pigmm("derive", "expectation", "01 12 20", "--leading").out.strip() == str(leading_term(expectation(cubic)))
    rectangular = Multigraph([(0, 1), (0, 1)], kinds=[0, 1])
    given = ("derive", "expectation", "01 01", "--kind", "rectangular")
    assert pigmm(*given, "--size", "3,4").out.strip() == str(expectation(rectangular, (3, 4)))


@pytest.mark.parametrize(
    ("kind", "label"), [("square", "01 12 20"), ("rectangular", "01 01"), ("two-square", "A00 B11")]
)
def test_every_coefficient_is_explained(pigmm: Any, kind: str, label: str) -> None:
    value, *lines = pigmm("derive", "expectation", label, "--two-point", "--kind", kind).out.splitlines()
    explained = [line.partition(":")[0] for line in lines]
    used = set(re.findall(r"[mC](?:\^[AB]+)?(?:_[ijkl]+)*", value))
    assert sorted(explained) == sorted(used)
    assert all("coefficient of" in line for line in lines)


def test_coefficients_in_words(pigmm: Any) -> None:
    lines = pigmm("derive", "expectation", "01 01", "--two-point").out.splitlines()
    assert "C_ik_jl: coefficient of delta_ik delta_jl in cov(M_ij, M_kl)" in lines
    assert "m: coefficient of 1 in <M_ij>" in lines
    comments = pigmm("derive", "expectation", "01 01", "--two-point", "--latex").out.splitlines()[1:]
    assert all(line.startswith("% ") for line in comments)


def test_latex_has_irreps_as_superscripts(pigmm: Any) -> None:
    assert "G^{0}_{11}" in pigmm("derive", "expectation", "01 01", "--latex").out


def test_catalogue_says_at_once_what_it_does(pigmm: Any, tmp_path: Path) -> None:
    outcome = pigmm("derive", "catalogue", "--degree", "1", "--output", tmp_path / "one.html")
    assert outcome.err == "deriving: 0 of 2\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("derive", "expectation", "0>1"), "label must be arcs"),
        (("derive", "expectation", "02"), "without gaps"),
        (("derive", "expectation", ""), "at least one pair"),
        (("derive", "expectation", "00", "--kind", "rectangular"), "loops"),
        (("derive", "expectation", "00", "--kind", "symmetric-zero-diagonal"), "loops"),
        (("derive", "expectation", "A00 C00", "--kind", "two-square"), "2 matrices at most"),
        (("derive", "expectation", "00", "--size", "3"), "at least 4"),
        (("derive", "expectation", "00", "--size", "x"), "size must be an integer"),
        (("derive", "expectation", "00", "--size", "5", "--leading"), "stay a symbol"),
        (("derive", "catalogue", "--degree", "2", "--format", "pdf"), "html, latex, json"),
        (("derive", "catalogue", "--degree", "0"), "degree"),
        (("invariants", "--degree", "-1"), "degree"),
        (("invariants", "--degree", "2", "--kind", "round"), "kind must be one of"),
    ],
)
def test_bad_input_is_one_line(pigmm: Any, arguments: tuple[str, ...], words: str) -> None:
    outcome = pigmm(*arguments)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert words in outcome.err
