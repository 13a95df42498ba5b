"""A figure as part of a page: under names of its own, in the colours of the page, its invariants marked."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

from ..notation.symbols import formula_key
from .style import GREY, GRID, PALETTE

# The variables of the page that stand for the colours of a file; the file's own are their fallbacks.
_VARIABLES = {
    "#000000": "ink",
    "#ffffff": "sheet",
    GRID: "grid",
    GREY: "grey",
    **{colour.lower(): f"curve-{place}" for place, colour in enumerate(PALETTE, start=1)},
}

# Of the natural width: smaller, numbers cannot be read, and the figure scrolls; larger, they are out of proportion.
_LEAST_SCALE, _LARGEST_SCALE = 0.85, 1.15


def invariant_id(formula: str, place: int | str) -> str:
    """Name the drawing of an invariant (matplotlib's gid), so that a page knows it.

    Args:
        formula: of the graph, plain.
        place: tells the drawings of the same invariant in one figure apart.

    Returns:
        The name.

    >>> invariant_id("sum_i M_ii^2", 3)
    'invariant:3:sum_i.M_ii-2'
    """
    return f"invariant:{place}:{formula_key(formula)}"


def inline_svg(svg: bytes, name: str, alternative: str) -> Markup:
    """Make an SVG element for HTML of a figure.

    Args:
        svg: as matplotlib writes it.
        name: put before every name in it, so that a page can hold several.
        alternative: what the figure shows, for those who do not see it.

    Returns:
        Markup.

    >>> svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"><g id="a"/></svg>'
    >>> print(inline_svg(svg, "f", "A line."))
    <svg role="img" aria-label="A line." style="min-width: 82px; max-width: 110px"><g id="f-a" /></svg>
    """
    root = ElementTree.fromstring(svg)
    marked = False
    for element in [*root.iter()]:
        for child in [*element]:
            if _local(child.tag) in ("metadata", "style"):
                element.remove(child)
        element.tag = _local(element.tag)
        element.text, element.tail = _text(element.text), _text(element.tail)
        attributes = {_local(key): " ".join(value.split()) for key, value in element.attrib.items()}
        element.attrib = {key: _attribute(key, value, name) for key, value in attributes.items()}
        _, found, key = attributes.get("id", "").partition("invariant:")
        if found:
            element.set("data-invariant", key.partition(":")[2])
            marked = True
    # the parts of an image are hidden from assistive technology, those of a group are not
    _make_root(root, "group" if marked else "img", alternative)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _text(text: str | None) -> str | None:
    return text.strip() or None if text else None


def _attribute(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-", 1)
    value = value.replace("url(#", f"url(#{name}-")
    return re.sub(r"#[0-9a-f]{6}\b", _variable, value) if key == "style" else value


def _variable(colour: re.Match[str]) -> str:
    name = _VARIABLES.get(colour.group())
    return f"var(--{name}, {colour.group()})" if name else colour.group()


def _make_root(root: Element, role: str, alternative: str) -> None:
    pixels = float(root.get("width", "0pt").removesuffix("pt")) * 4 / 3
    limits = f"min-width: {pixels * _LEAST_SCALE:.0f}px; max-width: {pixels * _LARGEST_SCALE:.0f}px"
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": role, "aria-label": alternative, "style": limits}
