"""Exact results of the theory, from the arguments of a command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import Expr

from ...invariants import SIZE, expectation, leading_term, parse_label, two_point_expectation, two_point_symbols
from ...invariants.expectation.wick import propagator
from ...invariants.graphs.families import family_by_name


def expectation_of(
    label: str, kind: str = "square", size: str | None = None, two_point: bool = False, leading: bool = False
) -> Expr:
    """Compute the expectation value of an invariant given by its label.

    Args:
        label: such as '01 12 20'.
        kind: of matrices, a name of `FAMILIES`.
        size: 'N', or 'rows,columns'; None for symbols.
        two_point: in the coefficients of mean and covariance instead of the parameters.
        leading: only the leading term for large N.

    Returns:
        An exact expression.

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


def legend_of(value: Expr, kind: str = "square") -> Iterator[str]:
    """Say what each coefficient in a result multiplies: a line a symbol, in the order of `two_point_symbols`.

    >>> list(legend_of(expectation_of("00", two_point=True)))
    ['m_ij: coefficient of delta_ij in <M_ij>', 'm: coefficient of 1 in <M_ij>']
    """
    family = family_by_name(kind)
    symbols, elements = two_point_symbols(family), propagator(family)
    products: dict[int, dict[str, list[str]]] = {}
    for table in (elements.means, elements.pairs):
        for colours, partitions in table.items():
            names = [f"{chr(ord('A') + c) if len(family.arc_types) > 1 else 'M'}" for c in colours]
            of = f"<{names[0]}_ij>" if len(names) == 1 else f"cov({names[0]}_ij, {names[1]}_kl)"
            for partition, number in partitions.items():
                products.setdefault(number, {}).setdefault(of, []).append(_deltas(partition))
    for number, symbol in enumerate(symbols):
        if value.has(symbol):
            places = [f"{' and '.join(dict.fromkeys(terms))} in {of}" for of, terms in products[number].items()]
            yield f"{symbol}: coefficient of {', '.join(places)}"


def _deltas(partition: Sequence[int]) -> str:
    """The legs that are equal, as products of Kronecker's delta."""
    blocks = sorted("".join("ijkl"[leg] for leg, b in enumerate(partition) if b == block) for block in set(partition))
    return " ".join(f"delta_{block}" for block in blocks if len(block) > 1) or "1"


def _sizes(text: str) -> int | tuple[int, ...]:
    try:
        sizes = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise ValueError(f"size must be an integer, or two with a comma, got {text!r}") from None
    return sizes[0] if len(sizes) == 1 else sizes
