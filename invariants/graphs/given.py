"""Graphs as users give them: Multigraphs, labels such as "01 12 20", or names such as "tr M^3"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from .families import SQUARE, GraphFamily, check_is_family
from .labels import parse_label
from .multigraph import Multigraph
from .names import arcs_of_name

GivenGraph = Multigraph | str


def as_graph(graph: GivenGraph, family: GraphFamily | None = None) -> Multigraph:
    """Return a graph that is given as it is, by its label or by its name.

    Args:
        graph: a Multigraph; a label, arcs with the tail first ("01 12 20"); or the name of an invariant of one square
            matrix ("tr M^4", "tr (M M^T)^2", "sum M_ij^3", "(tr M)^2").
        family: the kind of matrices of a label (default: one square matrix).

    Returns:
        The graph.

    Raises:
        ValueError: the text is neither a label nor a name, or something else is given.

    >>> as_graph("01 12 20") == as_graph("tr M^3")
    True
    """
    if isinstance(graph, Multigraph):
        return graph
    if family is not None:
        check_is_family(family)
    if not isinstance(graph, str):
        raise ValueError(f"graph must be a Multigraph, a label or a name, got {_shortened(graph)}")
    if graph.lstrip().startswith(("tr ", "sum ", "(tr ", "(sum ")):
        if family not in (None, SQUARE):
            raise ValueError(f"graph must be a label for {family.name} matrices, which have no names, got {graph!r}")
        return Multigraph(arcs_of_name(graph))
    return parse_label(graph, family or SQUARE)


def checked_graphs(graphs: Iterable[GivenGraph], family: GraphFamily | None = None) -> tuple[Multigraph, ...]:
    """Return several graphs as a tuple of Multigraphs.

    Args:
        graphs: in a list or tuple; each as in `as_graph`.
        family: the kind of matrices of labels (default: one square matrix).

    Returns:
        The graphs, in the order given.

    Raises:
        ValueError: there are none, or one of them is something else.

    >>> checked_graphs(["00", "tr M^2"])
    (Multigraph([(0, 0)]), Multigraph([(0, 1), (1, 0)]))
    >>> checked_graphs(Multigraph([(0, 0)]))
    Traceback (most recent call last):
        ...
    ValueError: graphs must be several Multigraphs, labels or names, in a list or tuple, got Multigraph([(0, 0)])
    """
    several = isinstance(graphs, Iterable) and not isinstance(graphs, str | bytes)
    found = tuple(graphs) if several else ()
    if set(map(type, found)) == {Multigraph}:  # much faster than one after another, for hundreds of graphs
        return cast(tuple[Multigraph, ...], found)
    if not found or not all(isinstance(graph, Multigraph | str) for graph in found):
        raise ValueError(
            f"graphs must be several Multigraphs, labels or names, in a list or tuple, got {_shortened(graphs)}"
        )
    return tuple(as_graph(graph, family) for graph in found)


def _shortened(value: object, length: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= length else text[:length] + "..."
