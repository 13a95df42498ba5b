"""The formula of an invariant, a sum of a product of powers of entries, and how it is written.

>>> formula = parse_formula("sum_ij M_ii M_ij^2")
>>> in_text(formula), in_html(formula)
('sum_ij M_ii M_ij^2', '∑<sub>ij</sub> <i>M</i><sub>ii</sub> <i>M</i><sub>ij</sub><sup>2</sup>')
"""

from __future__ import annotations

from typing import NamedTuple


class Factor(NamedTuple):
    """A power of an entry of a matrix."""

    matrix: str
    indices: str
    power: int


class Formula(NamedTuple):
    """The indices that are summed over, and the factors."""

    indices: tuple[str, ...]
    factors: tuple[Factor, ...]


def parse_formula(text: str) -> Formula:
    """Read a formula as `in_text` writes it.

    Args:
        text: such as 'sum_ij M_ii M_ij^2'.

    Returns:
        The formula. The names of all indices are one, as text does not tell where one ends.
    """
    total, *factors = text.split(" ")
    return Formula((total.removeprefix("sum_"),), tuple(_parsed(factor) for factor in factors))


def _parsed(text: str) -> Factor:
    entry, _, power = text.partition("^")
    matrix, _, indices = entry.partition("_")
    return Factor(matrix, indices, int(power or 1))


def in_text(formula: Formula) -> str:
    """Write a formula in plain text.

    Args:
        formula: of an invariant.

    Returns:
        Text without blanks but between the factors.
    """
    factors = (f"{matrix}_{indices}" + (f"^{power}" if power > 1 else "") for matrix, indices, power in formula.factors)
    return f"sum_{''.join(formula.indices)} {' '.join(factors)}"


def in_latex(formula: Formula, space: str = " ") -> str:
    r"""Write a formula in LaTeX.

    Args:
        formula: of an invariant.
        space: the separator of two factors.

    Returns:
        Mathematics without delimiters.

    >>> print(in_latex(parse_formula("sum_ij M_ii M_ij^2"), space=r"\,"))
    \sum_{ij} M_{ii}\,M_{ij}^{2}
    """
    factors = (
        f"{matrix}_{{{indices}}}" + (f"^{{{power}}}" if power > 1 else "") for matrix, indices, power in formula.factors
    )
    return rf"\sum_{{{','.join(formula.indices)}}} {space.join(factors)}"


def in_html(formula: Formula) -> str:
    """Write a formula in HTML.

    Args:
        formula: of an invariant.

    Returns:
        Inline elements.
    """
    factors = (
        f"<i>{matrix}</i><sub>{indices}</sub>" + (f"<sup>{power}</sup>" if power > 1 else "")
        for matrix, indices, power in formula.factors
    )
    return f"∑<sub>{''.join(formula.indices)}</sub> {' '.join(factors)}"
