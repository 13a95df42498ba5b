"""Names of well-known invariants: traces and sums of products of M and its transpose, sums of powers of entries.

A component in which every index occurs twice is a trace of a word in M and M^T, read around the cycle; one in which all
but two indices do is the sum of all entries of such a word, read along the path.

    tr M^4    tr (M M^T)^2    sum M    sum M M^T    sum M_ij^3    sum M_ii^2    (tr M)^2    tr M sum M
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .multigraph import Multigraph

Word = tuple[str, ...]
Arcs = list[tuple[int, int]]

_FORWARD, _BACKWARD = "M", "M^T"
_FACTOR = re.compile(r"\((?P<inside>(?:tr|sum) [^()]*(?:\([^()]*\)\^\d+)?)\)\^(?P<power>\d+)|(?P<alone>(?:tr|sum) )")


def name_of(graph: Multigraph) -> str | None:
    """Return the name of an invariant of one square matrix.

    Args:
        graph: a multigraph of any kind.

    Returns:
        The name; None if it has none.

    >>> from pigmm.invariants import Multigraph
    >>> name_of(Multigraph([(0, 1), (2, 1), (2, 3), (0, 3)]))
    'tr (M M^T)^2'
    >>> name_of(Multigraph([(0, 0), (1, 1)])), name_of(Multigraph([(0, 1), (0, 2), (0, 3)]))
    ('(tr M)^2', None)
    """
    if any(graph.colours) or any(graph.kinds) or not graph.directed:
        return None
    names = [_component_name(part.arcs) for part in graph.components]
    if None in names:
        return None
    times = Counter(str(name) for name in names)
    return " ".join(f"({name})^{count}" if count > 1 else name for name, count in times.items())


def _component_name(arcs: tuple[tuple[int, int], ...]) -> str | None:
    distinct = set(arcs)
    if len(distinct) == 1:
        ((tail, head),) = distinct
        if len(arcs) == 1:
            return "tr M" if tail == head else "sum M"
        if tail == head:
            return f"sum M_ii^{len(arcs)}"
        if len(arcs) > 2:
            return f"sum M_ij^{len(arcs)}"
    degrees = Counter(node for arc in arcs for node in arc)
    ends = [node for node, degree in degrees.items() if degree == 1]
    if max(degrees.values()) > 2:
        return None
    word = _walk(list(arcs), ends[0] if ends else 0)
    if ends:
        return f"sum {_written(min(word, _reversed(word), key=_preference))}"
    rotations = [turned[k:] + turned[:k] for turned in (word, _reversed(word)) for k in range(len(word))]
    return f"tr {_written(min(rotations, key=_preference))}"


def _walk(arcs: Arcs, start: int) -> Word:
    """The word of a cycle or path, from a node on: M along an arc, M^T against it."""
    word, node = [], start
    while arcs:
        arc = next(arc for arc in arcs if node in arc)
        arcs.remove(arc)
        word.append(_FORWARD if arc[0] == node else _BACKWARD)
        node = arc[1] if arc[0] == node else arc[0]
    return tuple(word)


def _reversed(word: Word) -> Word:
    """The same read from the other end: the transpose of the product."""
    return tuple(_BACKWARD if letter == _FORWARD else _FORWARD for letter in reversed(word))


def _preference(word: Word) -> tuple[int, Word]:
    return word.count(_BACKWARD), word


def _written(word: Word) -> str:
    """A word with its powers: of the whole if it repeats itself, else of its letters."""
    for length in range(1, len(word) // 2 + 1):
        times, rest = divmod(len(word), length)
        if not rest and word == word[:length] * times:
            inside = " ".join(word[:length])
            return f"{inside}^{times}" if inside == _FORWARD else f"({inside})^{times}"
    runs: list[list[str]] = []
    for letter in word:
        if runs and runs[-1][0] == letter:
            runs[-1].append(letter)
        else:
            runs.append([letter])
    powers = {_FORWARD: "M^{}", _BACKWARD: "(M^T)^{}"}
    return " ".join(run[0] if len(run) == 1 else powers[run[0]].format(len(run)) for run in runs)


def arcs_of_name(name: str) -> Arcs:
    """Return the arcs of an invariant from its name, as `name_of` writes it.

    Words need not be in their preferred order.

    Args:
        name: product of traces and sums, such as 'tr (M M^T)^2' or '(tr M)^2 sum M_ij^3'.

    Returns:
        (tail, head) of each arc.

    Raises:
        ValueError: the text is no such name.

    >>> arcs_of_name("tr M^3")
    [(0, 1), (1, 2), (2, 0)]
    >>> arcs_of_name("(tr M)^2 sum M_ij^3")
    [(0, 0), (1, 1), (2, 3), (2, 3), (2, 3)]
    """
    arcs: Arcs = []
    rest = name.strip()
    while rest:
        found = _FACTOR.match(rest)
        if not found:
            raise _unknown(name)
        if found["inside"]:
            inside, times, rest = found["inside"], int(found["power"]), rest[found.end() :].strip()
        else:
            # up to the next trace or sum outside brackets
            following = re.search(r"\s(?=\(?(?:tr|sum) )", rest)
            inside, times = rest[: following.start()] if following else rest, 1
            rest = rest[following.end() :].strip() if following else ""
        if not 1 <= times <= 99:
            raise _unknown(name)
        for _ in range(times):
            shift = 1 + max((node for arc in arcs for node in arc), default=-1)
            arcs += [(tail + shift, head + shift) for tail, head in _factor_arcs(inside, name)]
    if not arcs:
        raise _unknown(name)
    return arcs


def _factor_arcs(text: str, name: str) -> Arcs:
    kind, _, rest = text.partition(" ")
    if power := re.fullmatch(r"M_(ii|ij)\^(\d\d?)", rest):
        if kind != "sum" or int(power[2]) < 1:
            raise _unknown(name)
        return [(0, 0 if power[1] == "ii" else 1)] * int(power[2])
    word = _parsed(rest, name)
    nodes = [*range(len(word)), 0 if kind == "tr" else len(word)]
    return [(a, b) if letter == _FORWARD else (b, a) for letter, (a, b) in zip(word, pairwise(nodes), strict=True)]


def _parsed(text: str, name: str) -> Word:
    """A word such as "M M^T", "M^2 (M^T)^3" or "(M M^T)^2"."""
    word: list[str] = []
    tokens = re.findall(r"\([^()]+\)\^\d\d?|\S+", text)
    for token in tokens:
        if group := re.fullmatch(r"\(([^()]+)\)\^(\d\d?)", token):
            word += _parsed(group[1], name) * int(group[2])
        elif token in (_FORWARD, _BACKWARD):
            word.append(token)
        elif power := re.fullmatch(r"M\^(\d\d?)", token):
            word += [_FORWARD] * int(power[1])
        else:
            raise _unknown(name)
    if not word:
        raise _unknown(name)
    return tuple(word)


def _unknown(name: str) -> ValueError:
    return ValueError(
        f"graph must be a Multigraph, a label such as '01 12 20' or a name such as 'tr M^4', 'tr (M M^T)^2', "
        f"'sum M_ij^3' or '(tr M)^2', got {name!r}"
    )
