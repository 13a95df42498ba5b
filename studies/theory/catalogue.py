"""The catalogue of invariants of a degree: drawing, formula, exact expectation value and plan of evaluation of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup
from sympy import Add, Expr, Mul, Symbol, latex, mathml

from ...invariants import GraphFamily, Multigraph, count_multigraphs, expectation, multigraphs
from ...invariants.evaluation.kernels.plan import plan
from ...invariants.graphs.families import family_by_name
from ...invariants.graphs.markup import graph_svg, graph_tikz
from ..notation.symbols import displayed, formula_html
from ..report.html import render
from ..runs.files import write_text
from ..runs.progress import progress_of

_MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML" displaystyle="true"><mrow>{}</mrow></math>'


@dataclass(frozen=True)
class Entry:
    """One invariant in the catalogue.

    >>> from pigmm.invariants import SQUARE
    >>> Entry(Multigraph([(0, 1)]), SQUARE).terms
    [{'coefficient': 'N', 'monomial': {'mu_1': 1}}]
    """

    graph: Multigraph
    family: GraphFamily

    @cached_property
    def expectation(self) -> Expr:
        """The exact expectation value."""
        return expectation(self.graph, family=self.family)

    @property
    def terms(self) -> list[dict[str, Any]]:
        """The expectation value as data: for each monomial in the parameters its coefficient."""
        found = []
        for term in Add.make_args(self.expectation):
            powers = [factor.as_base_exp() for factor in Mul.make_args(term)]
            parameters = {str(b): int(e) for b, e in powers if isinstance(b, Symbol) and _is_parameter(b)}
            coefficient = Mul(*(b**e for b, e in powers if str(b) not in parameters))
            found.append({"coefficient": str(coefficient), "monomial": parameters})
        return found

    @property
    def steps(self) -> list[str]:
        """The steps that evaluate the invariant."""
        return str(plan((self.graph,))).splitlines()


def _is_parameter(symbol: Symbol) -> bool:
    return str(symbol).startswith(("mu", "G"))


def entries(degree: int, family: GraphFamily) -> list[Entry]:
    """The catalogue's entries, in the order of `multigraphs`.

    >>> from pigmm.invariants import SQUARE
    >>> len(entries(2, SQUARE))
    11
    """
    return [Entry(graph, family) for graph in multigraphs(degree, family)]


def catalogue_json(degree: int, found: list[Entry], advance: Callable[[], None] = lambda: None) -> str:
    """The catalogue as JSON: expectation values are lists of monomials with their coefficients.

    >>> from pigmm.invariants import SQUARE
    >>> json.loads(catalogue_json(1, entries(1, SQUARE)))["invariants"][0]["label"]
    '00'
    """
    rows = []
    for entry in found:
        graph = entry.graph
        rows.append(
            {
                "label": graph.label,
                "arcs": graph.arcs,
                "colours": graph.colours,
                "kinds": graph.kinds,
                "formula": graph.formula,
                "latex": graph.latex,
                "nodes": graph.number_of_nodes,
                "components": len(graph.components),
                "automorphisms": graph.automorphisms,
                "expectation": entry.terms,
                "plan": entry.steps,
            }
        )
        advance()
    return json.dumps({"degree": degree, "invariants": rows}, indent=1) + "\n"


def catalogue_html(degree: int, found: list[Entry], advance: Callable[[], None] = lambda: None) -> str:
    """The catalogue as one page that needs no network: drawings as SVG, formulas as MathML.

    >>> from pigmm.invariants import SQUARE
    >>> catalogue_html(1, entries(1, SQUARE)).count("<svg")
    2
    """
    rows = []
    for entry in found:
        # our own markup, of numbers and names that we made: not to be escaped again
        formula, value = formula_html(entry.graph.formula), Markup(_mathml(entry.expectation))
        drawing = Markup(graph_svg(entry.graph))
        rows.append({"graph": entry.graph, "formula": formula, "svg": drawing, "value": value, "steps": entry.steps})
        advance()
    return render("catalogue.html", title=f"Permutation invariants of degree {degree}", rows=rows)


def _mathml(expression: Expr) -> str:
    """A sum as one MathML formula for each term, so that the page breaks the lines."""
    found = []
    for place, term in enumerate(displayed(expression).as_ordered_terms()):
        negative = term.could_extract_minus_sign()
        sign = "<mo>−</mo>" if negative else "<mo>+</mo>" if place else ""
        found.append(_MATH.format(sign + mathml(-term if negative else term, printer="presentation")))
    return " ".join(found)


def catalogue_latex(degree: int, found: list[Entry], advance: Callable[[], None] = lambda: None) -> str:
    r"""The catalogue as a LaTeX document (article with amsmath and tikz), long sums in several lines.

    >>> from pigmm.invariants import SQUARE
    >>> catalogue_latex(1, entries(1, SQUARE)).splitlines()[0]
    '\\documentclass{article}'
    """
    lines = [
        r"\documentclass{article}",
        r"\usepackage[margin=2cm]{geometry}",
        r"\usepackage{amsmath,tikz}",
        r"\allowdisplaybreaks",
        r"\begin{document}",
        rf"\section*{{Permutation invariants of degree {degree}}}",
    ]
    for number, entry in enumerate(found, start=1):
        graph = entry.graph
        lines += [
            rf"\paragraph{{{number}.}} \texttt{{{graph.label}}}: {graph.number_of_nodes} nodes, "
            rf"{len(graph.components)} component(s), {graph.automorphisms} automorphism(s).\quad {graph_tikz(graph)}",
            r"\begin{align*}",
            rf"\Big\langle {graph.latex} \Big\rangle = {{}} &" + r" \\ &".join(_broken(displayed(entry.expectation))),
            r"\end{align*}",
        ]
        advance()
    return "\n".join([*lines, r"\end{document}", ""])


def _broken(expression: Expr, width: int = 160) -> Iterator[str]:
    """A long sum in lines of a few terms each."""
    line = ""
    for term in expression.as_ordered_terms():
        text = str(latex(term))
        text = text if text.startswith("-") or not line else "+ " + text
        if line and len(line) + len(text) > width:
            yield line
            line = text if text.startswith(("-", "+")) else "+ " + text
        else:
            line += " " + text
    yield line


_FORMATS = {"html": (catalogue_html, "html"), "latex": (catalogue_latex, "tex"), "json": (catalogue_json, "json")}


def write_catalogue(degree: int, form: str, kind: str = "square", output: Path | None = None) -> Path:
    """Write the catalogue of a degree.

    Args:
        degree: at least 1.
        form: html, latex or json.
        kind: of matrices, a name of `FAMILIES`.
        output: the file [invariants-KIND-DEGREE with the format's ending].

    Returns:
        The path of the file.

    Raises:
        ValueError: there is no such degree, format or kind of matrices.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_catalogue(1, "json", output=Path(folder) / "one.json").name
    'one.json'
    """
    if form not in _FORMATS:
        raise ValueError(f"format must be one of {', '.join(_FORMATS)}, got {form!r}")
    write, ending = _FORMATS[form]
    family = family_by_name(kind)
    path = output or Path(f"invariants-{kind}-{degree}.{ending}")
    with progress_of("deriving", count_multigraphs(degree, family)) as advance:
        write_text(path, write(degree, entries(degree, family), advance))
    return path
