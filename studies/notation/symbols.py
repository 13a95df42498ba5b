"""Notation of parameters and layers in figures and reports."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape
from sympy import Expr, Symbol

from ...invariants.graphs.formulas import in_html, in_latex, parse_formula
from .number_format import listed
from .plain_text import printable

#: What the parameters are, for those who read a report.
LEGEND = Markup(
    "The parameters: μ are means, Λ<sub>V</sub><sup>−1</sup> is the variance in the irreducible representation V, or "
    "the matrix of covariances of its copies, which are the outer subscripts. In the files G0_12 is "
    "(Λ<sub>0</sub><sup>−1</sup>)<sub>12</sub>."
)

_MEAN = re.compile(r"mu_?(\d*)")
_IRREP = re.compile(r"G([0-9H]+?)(?:_(\d)(\d))?")


def parameter_latex(name: str) -> str:
    r"""The symbol of a parameter: as in arXiv:2510.05218 for square matrices, a variance for rectangular ones.

    >>> parameter_latex("mu_1"), parameter_latex("G0_12"), parameter_latex("G2"), parameter_latex("G0H")
    ('\\mu_{1}', '(\\Lambda_{0}^{-1})_{12}', '\\Lambda_{2}^{-1}', '\\Lambda_{0H}^{-1}')
    """
    if mean := _MEAN.fullmatch(name):
        return rf"\mu_{{{mean[1]}}}" if mean[1] else r"\mu"
    match = _IRREP.fullmatch(name)
    if match is None:
        raise ValueError(f"name must be that of a parameter, got {name!r}")
    irrep, x, y = match.groups()
    return rf"(\Lambda_{{{irrep}}}^{{-1}})_{{{x}{y}}}" if x else rf"\Lambda_{{{irrep}}}^{{-1}}"


def parameter_text(name: str) -> str:
    """The symbol of a parameter in plain characters, for tables.

    >>> [parameter_text(name) for name in ("mu_1", "G0_12", "GHH")]
    ['μ₁', '(Λ0⁻¹)₁₂', 'ΛHH⁻¹']
    """
    latex = parameter_latex(name)
    for before, after in ((r"\mu", "μ"), (r"\Lambda", "Λ"), ("^{-1}", "⁻¹")):
        latex = latex.replace(before, after)
    # what is left in braces: the irrep before ⁻¹, the copies after it
    latex = re.sub(r"_\{(\w+)\}(?=⁻)", r"\1", latex)
    return re.sub(r"_\{(\w+)\}", lambda m: m.group(1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")), latex)


def parameter_html(name: str) -> Markup:
    """The symbol of a parameter as HTML.

    >>> print(parameter_html("mu_1"), parameter_html("G3"), parameter_html("G0_12"))
    μ<sub>1</sub> Λ<sub>3</sub><sup>−1</sup> (Λ<sub>0</sub><sup>−1</sup>)<sub>12</sub>
    """
    latex = parameter_latex(name).replace(r"\mu", "μ").replace(r"\Lambda", "Λ").replace("^{-1}", "<sup>−1</sup>")
    # a name has letters and digits only
    return Markup(re.sub(r"_\{(\w+)\}", r"<sub>\1</sub>", latex))


def group_html(name: str) -> Markup:
    """The name of a symmetry or of irreps as HTML.

    >>> print(group_html("S_N x S_N, transpose"))
    <i>S</i><sub>N</sub> × <i>S</i><sub>N</sub>, transpose
    """
    return Markup(re.sub(r"([SV])_(\w+)", r"<i>\1</i><sub>\2</sub>", str(escape(name))).replace(" x ", " × "))


def group_text(name: str) -> str:
    """The name of a symmetry or of irreps in plain characters.

    >>> group_text("S_N x S_N"), group_text("V_0 x V_H")
    ('S_N × S_N', 'V_0 × V_H')
    """
    return name.replace(" x ", " × ")


def group_latex(name: str) -> str:
    """The name of a symmetry or of irreps in the mathematics of matplotlib.

    >>> group_latex("S_N x S_N, transpose")
    '$S_N$ × $S_N$, transpose'
    """
    return re.sub(r"([SV]_\w+)", r"$\1$", name).replace(" x ", " × ")


def formula_latex(formula: str) -> str:
    """A graph's plain formula in the mathematics of matplotlib.

    >>> formula_latex("sum_ij M_ii M_ij^2")
    '$\\\\sum_{ij} M_{ii}\\\\,M_{ij}^{2}$'
    """
    return "$" + in_latex(parse_formula(formula), space=r"\,") + "$"


def formula_html(formula: str) -> Markup:
    """A graph's plain formula as HTML, marked with its key, by which a page knows the same invariant elsewhere.

    >>> print(formula_html("sum_i M_ii^2"))
    <span data-invariant="sum_i.M_ii-2">∑<sub>i</sub> <i>M</i><sub>ii</sub><sup>2</sup></span>
    """
    return Markup(
        f'<span data-invariant="{escape(formula_key(formula))}">{in_html(parse_formula(str(escape(formula))))}</span>'
    )


def formula_key(formula: str) -> str:
    """A graph's plain formula in the characters that a name in an SVG or HTML file may have.

    Square and rectangular matrices name their nodes by different letters, so that a key tells them apart.

    >>> formula_key("sum_ij M_ii M_ij^2")
    'sum_ij.M_ii.M_ij-2'
    """
    return formula.replace(" ", ".").replace("^", "-")


def displayed(expression: Expr) -> Expr:
    """An exact result with its parameters named as they are written: G0_12 becomes a G with superscript 0, index 12.

    >>> from sympy import latex
    >>> print(latex(displayed(Symbol("G0_12") + Symbol("mu_1"))))
    G^{0}_{12} + \\mu_{1}
    """
    names = {s: _IRREP.fullmatch(str(s)) for s in expression.free_symbols}
    return expression.xreplace({s: Symbol(_superscripted(match), real=True) for s, match in names.items() if match})


def _superscripted(match: re.Match[str]) -> str:
    irrep, copies = match.group(1), str(match.group(0)).partition("_")[2]
    return f"G^{irrep}_{copies}" if copies else f"G^{irrep}"


def layers_text(layers: Sequence[object]) -> str:
    """Name several layers in a sentence.

    Args:
        layers: their indices.

    Returns:
        Plain text.

    >>> layers_text([1]), layers_text([1, 2, 3])
    ('layer 1', 'layers 1, 2 and 3')
    """
    return layer_name(layers[0]) if len(layers) == 1 else f"layers {listed([str(layer) for layer in layers])}"


def layer_name(layer: object) -> str:
    """A layer in a legend: stored layers by their number (0 is the input layer), other matrices by their name.

    >>> layer_name(2), layer_name("words")
    ('layer 2', 'words')
    """
    return printable(layer) if isinstance(layer, str) else f"layer {layer}"
