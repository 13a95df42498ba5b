"""The invariants of a degree as lines of text, and as drawings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ...invariants import count_multigraphs, multigraphs
from ...invariants.graphs.families import family_by_name
from ...invariants.graphs.markup import graph_svg
from ..runs.files import write_text

#: Invariants that are listed unasked: more take minutes.
MOST = 20_000


def check_number(degree: int, kind: str) -> None:
    """Raise ValueError, with their number, if a degree has so many invariants that a list takes minutes.

    Args:
        degree: at least 1.
        kind: of matrices, a name of `FAMILIES`.

    >>> check_number(7, "square")
    Traceback (most recent call last):
        ...
    ValueError: degree 7 has 74,527 invariants, which take minutes or hours to list: give --yes to list them
    """
    number = count_multigraphs(degree, family_by_name(kind))
    if number > MOST:
        raise ValueError(
            f"degree {degree} has {number:,} invariants, which take minutes or hours to list: give --yes to list them"
        )


def listing(degree: int, kind: str = "square") -> Iterator[str]:
    """List the invariants of a degree: a header, a line each, and counts by number of nodes.

    Args:
        degree: at least 1.
        kind: of matrices, a name of `FAMILIES`.

    Yields:
        Lines.

    Raises:
        ValueError: the degree is below 1, or there is no such kind of matrices.

    >>> for line in listing(1):
    ...     print(line)
    graph  nodes  components  automorphisms  formula; name
    00         1           1              1  sum_i M_ii; tr M
    01         2           1              1  sum_ij M_ij; sum M
    <BLANKLINE>
    2 invariants of degree 1; by number of nodes 1: 1, 2: 1
    """
    graphs = multigraphs(degree, family_by_name(kind))
    width = max(5, *(len(graph.label) for graph in graphs))
    yield f"{'graph':<{width}}  nodes  components  automorphisms  formula; name"
    for graph in graphs:
        numbers = f"{graph.number_of_nodes:>5}  {len(graph.components):>10}  {graph.automorphisms:>13}"
        yield f"{graph.label:<{width}}  {numbers}  {graph.formula}{f'; {graph.name}' if graph.name else ''}"
    counts = Counter(graph.number_of_nodes for graph in graphs)
    by_nodes = ", ".join(f"{nodes}: {count}" for nodes, count in sorted(counts.items()))
    yield ""
    yield f"{len(graphs)} invariants of degree {degree}; by number of nodes {by_nodes}"


def draw_all(degree: int, kind: str, folder: Path) -> None:
    """Write a drawing LABEL.svg of each invariant of a degree into a folder.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     draw_all(1, "square", Path(folder))
    ...     sorted(file.name for file in Path(folder).iterdir())
    ['00.svg', '01.svg']
    """
    for graph in multigraphs(degree, family_by_name(kind)):
        write_text(folder / f"{graph.label.replace(' ', '_')}.svg", graph_svg(graph, standalone=True))
