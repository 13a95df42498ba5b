"""Prose from templates: a record in, its paragraph out."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..analysis.verdicts import stated
from ..notation.number_format import counted, listed, number, percent, rounded, with_error
from ..notation.p_values import compared, p_text
from ..notation.symbols import (
    formula_html,
    group_html,
    group_text,
    layer_name,
    layers_text,
    parameter_html,
    parameter_text,
)

_FILTERS = (
    *(counted, listed, number, percent, rounded, with_error, compared, p_text, stated),
    *(formula_html, group_html, group_text, layer_name, layers_text, parameter_html, parameter_text),
)


def prose(template: str, found: object) -> Markup:
    """Write the paragraph of a record, on one line.

    Args:
        template: a file of templates/findings, without its ending.
        found: the record that it says.

    Returns:
        Markup.

    >>> from collections import namedtuple
    >>> print(prose("untrained", namedtuple("Untrained", "untrained networks")(1, 2))[:29])
    1 of 2 networks counts as unt
    """
    return Markup(" ".join(_render(template, found).split()))


def paragraphs(template: str, found: object) -> list[Markup]:
    """Write the sentences of a record, which <br> divides in the template.

    Args:
        template: a file of templates/findings, without its ending.
        found: the record that it says.

    Returns:
        Markup, a text a sentence.
    """
    parts = (" ".join(part.split()) for part in _render(template, found).split("<br>"))
    return [Markup(part) for part in parts if part]


def _render(template: str, found: object) -> str:
    return _environment().get_template(f"{template}.html").render(found=found)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "templates/findings"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {function.__name__: function for function in _FILTERS}
    return environment
