"""Names of what departs."""

from __future__ import annotations

from markupsafe import Markup

from ...analysis.verdicts import Verdicts, subjects
from ..measures.groups import group_name_html


def departing_sizes(verdicts: Verdicts, question: str) -> str:
    """List the sizes of matrices whose test departs.

    Args:
        verdicts: of the page.
        question: of the tests.

    Returns:
        Their names, with commas.
    """
    return ", ".join(map(str, subjects(verdicts, question)))


def departing_groups(verdicts: Verdicts, question: str) -> Markup:
    """List the groups of functions whose test departs.

    Args:
        verdicts: of the page.
        question: of the tests.

    Returns:
        Their names as HTML, with commas.
    """
    return Markup(", ").join(group_name_html(str(name)) for name in subjects(verdicts, question))
