"""Notation of p-values."""

from __future__ import annotations


def p_text(p: float, smallest: float = 0.0) -> str:
    """A p-value as it is written; the smallest that so many replicates can give as a bound.

    >>> p_text(0.2345), p_text(0.0123), p_text(0.002, smallest=0.002), p_text(0.0), p_text(float("nan"))
    ('0.23', '0.012', '≤ 0.002', '< 0.0001', '–')
    """
    if p != p:
        return "–"
    if p <= smallest and smallest > 0:
        return f"≤ {smallest:.2g}"
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def compared(p: float, smallest: float = 0.0) -> str:
    """A p-value with the sign before it, as it follows the letter p.

    >>> compared(0.2345), compared(0.002, smallest=0.002)
    ('= 0.23', '≤ 0.002')
    """
    shown = p_text(p, smallest)
    return shown if shown[0] in "≤<" else f"= {shown}"
