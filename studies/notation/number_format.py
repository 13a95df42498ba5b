"""Numbers and counts as they are written in prose and tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, log10

MINUS = "−"

_LATEX = {MINUS: "-", "±": r"\pm", "≤": r"\leq", "–": r"\mbox{--}", "→": r"\to"}


def number(value: float, form: str = ".4g") -> str:
    """A number with a proper minus sign; a dash if there is none.

    >>> number(-0.5), number(3, "+.1f"), number(float("nan"))
    ('−0.5', '+3.0', '–')
    """
    return f"{value:{form}}".replace("-", MINUS) if value == value else "–"


def rounded(value: float, error: float) -> str:
    """A value to the digits that its standard error, with two significant digits, leaves.

    >>> rounded(37.04918, 0.298), rounded(-1234.5, 210), rounded(2.0, 0.0)
    ('37.05', '−1230', '2')
    """
    return _to_place(value, _place(error)) if isfinite(value) and _has_digits(error) else number(value)


def with_error(value: float, error: float) -> str:
    """A value and its standard error, both to two significant digits of the error.

    >>> with_error(0.50893, 0.0251), with_error(0.5, float("nan"))
    ('0.509 ± 0.025', '0.5')
    """
    if not _has_digits(error):
        return number(value)
    return f"{rounded(value, error)} ± {_to_place(error, _place(error))}"


def in_latex(text: str) -> str:
    """A number, interval or p-value as the functions here write it, in LaTeX's mathematics.

    >>> print(in_latex("−0.509 ± 0.025"), in_latex("≤ 0.002"), in_latex("–"))
    -0.509 \\pm 0.025 \\leq 0.002 \\mbox{--}
    """
    for symbol, command in _LATEX.items():
        text = text.replace(symbol, command)
    return text


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "network"), counted(2, "matrix"), counted(3, "epoch")
    ('1 network', '2 matrices', '3 epochs')
    """
    plural = {"matrix": "matrices", "axis": "axes"}.get(noun, noun + "s")
    return f"{count} {noun if count == 1 else plural}"


def percent(share: float) -> str:
    """A share in percent, to the whole percent or to two significant digits below ten.

    >>> percent(1.084), percent(0.0312), percent(float("nan"))
    ('108%', '3.1%', '–')
    """
    if share != share:
        return number(share)
    return number(100 * share, ".0f" if abs(share) >= 0.0995 else ".2g") + "%"


def listed(words: Sequence[str]) -> str:
    """Words with commas, and `and` before the last.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed([])
    ('a', 'a, b and c', '')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _has_digits(error: float) -> bool:
    return isfinite(error) and error > 0


def _place(error: float) -> int:
    """Decimal places that keep two significant digits of an error, also where rounding adds a digit."""
    return 1 - floor(log10(float(f"{error:.1e}")))


def _to_place(value: float, place: int) -> str:
    if place > 6:
        return number(value, ".3g")
    shown = number(round(value, place), f".{max(0, place)}f")
    return shown.removeprefix(MINUS) if not any(digit in shown for digit in "123456789") else shown
