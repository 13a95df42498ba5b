"""Exact results of the theory, from what is typed on a command line."""

from __future__ import annotations

from sympy import Expr

from ..invariants import SIZE, expectation, leading_term, parse_label, two_point_expectation
from ..invariants.families import family_by_name


def expectation_of(
    label: str, kind: str = "square", size: str | None = None, two_point: bool = False, leading: bool = False
) -> Expr:
    """The expectation value of an invariant given by its label.

    Args:
        label: such as '01 12 20'.
        kind: of matrices, a name of `FAMILIES`.
        size: 'N', or 'rows,columns'; None for symbols.
        two_point: in the coefficients of mean and covariance instead of the parameters.
        leading: only the leading term for large N.

    Raises:
        ValueError: the label or the size cannot be read, or a number stands where a symbol is needed.

    >>> expectation_of("00", size="5"), expectation_of("00", two_point=True), expectation_of("00", leading=True)
    (mu_1 + 2*mu_2, N*m + N*m_ij, sqrt(N)*mu_2)
    """
    family = family_by_name(kind)
    if size is not None and leading:
        raise ValueError(f"size must stay a symbol for the leading term, got {size}")
    exact = two_point_expectation if two_point else expectation
    value = exact(parse_label(label, family), None if size is None else _sizes(size), family=family)
    return leading_term(value, SIZE) if leading else value


def _sizes(text: str) -> int | tuple[int, ...]:
    try:
        sizes = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise ValueError(f"size must be an integer, or two with a comma, got {text!r}") from None
    return sizes[0] if len(sizes) == 1 else sizes
