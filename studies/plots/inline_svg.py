"""A figure as part of a page: under names of its own, in the colours of the page, its invariants marked."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from ..notation.symbols import formula_key
from .style import GREY, GRID, PALETTE, Illustration

# The variables of the page that stand for the colours of a file; the file's own are their fallbacks.
_VARIABLES = {
    "#000000": "ink",
    "#ffffff": "sheet",
    GRID: "grid",
    GREY: "grey",
    **{colour.lower(): f"curve-{place}" for place, colour in enumerate(PALETTE, start=1)},
}

_INVARIANT = re.compile(r'<g id="(?P<name>[^"]*invariant:[^":]+:(?P<key>[\w.-]+))"')

# Of the natural width: smaller, numbers cannot be read, and the figure scrolls; larger, they are out of proportion.
_LEAST_SCALE, _LARGEST_SCALE = 0.85, 1.15


def invariant_id(formula: str, place: int | str) -> str:
    """The name of what is drawn of an invariant (matplotlib's gid), by which a page knows it.

    Args:
        formula: of the graph, plain.
        place: what tells the drawings of the same invariant in one figure apart.

    >>> invariant_id("sum_i M_ii^2", 3)
    'invariant:3:sum_i.M_ii-2'
    """
    return f"invariant:{place}:{formula_key(formula)}"


def inline_svg(figure: Illustration) -> Markup:
    """A figure as an SVG element for HTML.

    >>> svg = b'<?xml version="1.0"?><svg width="72pt" height="36pt"><g id="a"/></svg>'
    >>> print(inline_svg(Illustration("f", "F", "", "A line.", svg)))
    <svg role="img" aria-label="A line." style="min-width: 82px; max-width: 110px"><g id="f-a"/></svg>
    """
    text = figure.svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).replace("> <", "><").strip()
    text = re.sub(r'( id="|url\(#|href="#)', rf"\1{figure.name}-", text.replace("xlink:href", "href"))
    text = re.sub(r"(?<=: )#[0-9a-f]{6}", _variable, text)
    text, marked = _INVARIANT.subn(r'<g id="\g<name>" data-invariant="\g<key>"', text)
    # the parts of an image are hidden from assistive technology, those of a group are not
    role = "group" if marked else "img"
    return Markup(re.sub(r"<svg([^>]*)>", lambda root: _root(root.group(1), role, figure.alternative), text, count=1))


def _variable(colour: re.Match[str]) -> str:
    name = _VARIABLES.get(colour.group())
    return f"var(--{name}, {colour.group()})" if name else colour.group()


def _root(attributes: str, role: str, alternative: str) -> str:
    width = re.search(r'width="([\d.]+)pt"', attributes)
    pixels = float(width.group(1)) * 4 / 3 if width else 0.0
    limits = f"min-width: {pixels * _LEAST_SCALE:.0f}px; max-width: {pixels * _LARGEST_SCALE:.0f}px"
    kept = re.sub(r' (width|height|version|xmlns:?\w*)="[^"]*"', "", attributes)
    return f'<svg{kept} role="{role}" aria-label="{escape(alternative)}" style="{limits}">'
