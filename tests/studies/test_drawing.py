"""Drawings of all graphs: everything is drawn, inside the frame, nodes apart, and the same every time."""

from __future__ import annotations

from io import BytesIO
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from pigmm.invariants import RECTANGULAR, SQUARE, SYMMETRIC, Multigraph, multigraphs
from pigmm.invariants.graphs.geometry import arc_curves, node_places
from pigmm.invariants.graphs.labels import parse_label
from pigmm.studies.notation.symbols import formula_latex
from pigmm.studies.plots.graphs import draw_graph
from pigmm.studies.plots.inline_svg import inline_svg
from pigmm.studies.plots.style import as_svg, house_style
from pigmm.studies.report.cards import compared_cards
from pigmm.studies.report.figures.z_score_overview import z_score_overview
from pigmm.studies.report.html import render

ALL = tuple(graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree))


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_all_graphs(degree: int) -> None:
    figure = Figure(figsize=(2, 1.5))
    for graph in multigraphs(degree):
        figure.clear()
        axes = figure.subplots()
        draw_graph(axes, graph)
        assert sum(isinstance(patch, FancyArrowPatch) for patch in axes.patches) == graph.degree
        assert sum(isinstance(patch, Circle) for patch in axes.patches) == graph.number_of_nodes
        places = node_places(graph)
        curves = arc_curves(graph, places)
        points = np.concatenate([places, *curves])
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert left < points[:, 0].min() + 0.3
        assert points[:, 0].max() - 0.3 < right
        assert bottom < places[:, 1].min()
        assert places[:, 1].max() < top
        assert all(np.hypot(*(places[a] - places[b])) > 0.5 for a, b in combinations(range(len(places)), 2))
        # no arc lies on another
        middles = [curve.mean(axis=0) for curve in curves]
        assert all(np.hypot(*(a - b)) > 0.03 for a, b in combinations(middles, 2)), graph


def test_figures_are_drawn_once_and_as_savefig_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Axes] = []
    draw = Axes.draw
    monkeypatch.setattr(Axes, "draw", lambda axes, renderer: (drawn.append(axes), draw(axes, renderer)))

    def figure() -> Figure:
        made = Figure(figsize=(4, 3))
        axes = made.subplots(1, 2)
        for own in axes:
            own.plot([0, 1], [1, 1000], label="$\\mu_1$")
            own.set(yscale="log", title="a title\nof two lines", ylabel="$G_{11}$")
        made.legend(loc="outside lower center")
        return made

    with house_style():
        first, second, expected = figure(), figure(), BytesIO()
        dpi, canvas = first.dpi, first.canvas
        found = as_svg(first)
        assert len(drawn) == 2
        assert (first.dpi, first.canvas) == (dpi, canvas)
        second.savefig(expected, format="svg", metadata={"Date": None})
    assert found == expected.getvalue()


def test_arcs_end_at_their_nodes() -> None:
    for graph in ALL:
        places = node_places(graph)
        for (tail, head), curve in zip(graph.arcs, arc_curves(graph, places), strict=True):
            assert np.hypot(*(curve[0] - places[tail])) < 0.15
            assert np.hypot(*(curve[-1] - places[head])) < 0.15


def test_other_kinds_of_graphs() -> None:
    figure = Figure()
    for graph in multigraphs(3, RECTANGULAR):
        axes = figure.subplots()
        draw_graph(axes, graph)
        assert sum(isinstance(patch, Rectangle) for patch in axes.patches) == sum(graph.kinds)
    for graph in multigraphs(2, SYMMETRIC):
        axes = figure.subplots()
        draw_graph(axes, graph)
        assert not any(isinstance(patch, FancyArrowPatch) for patch in axes.patches)


def test_a_drawing_is_the_same_file_every_time() -> None:
    def drawn() -> bytes:
        with house_style():
            figure = Figure(figsize=(2, 2))
            axes = figure.subplots()
            draw_graph(axes, Multigraph([(0, 0), (0, 1), (1, 0), (1, 2)]))
            axes.set_title(formula_latex("sum_ij M_ij^2"))
            return as_svg(figure)

    assert drawn() == drawn()


def test_every_formula_can_be_typeset() -> None:
    figure = Figure()
    axes = figure.subplots()
    for graph in ALL[:: len(ALL) // 40]:
        axes.set_title(formula_latex(graph.formula))
        figure.draw_without_rendering()


def test_labels_are_read_back() -> None:
    for graph in ALL:
        assert parse_label(graph.label) == graph
    for graph in multigraphs(4, RECTANGULAR):
        assert parse_label(graph.label, RECTANGULAR) == graph
    with pytest.raises(ValueError, match="row and column"):
        parse_label("01 12", RECTANGULAR)
    assert parse_label("0-1 1-2") == parse_label("01 12")


def test_names_of_matrices_are_shown_as_they_are() -> None:
    """Not read as mathematics by a figure, nor as HTML or script by a page."""
    name = r"a$\b$</script><img src=x>"
    row = {"graph": "00 00 00", "formula": "sum_i M_ii^3", "degree": 3, "nodes": 1, "z": 5.0, "q_value": 0.01}
    values = {"predicted": 1.0, "measured": 1.5, "standard_error": 0.1, "deviation": 0.02}
    layers = [(name, SQUARE, pd.DataFrame([row | values]))]
    drawn = z_score_overview(pd.DataFrame([row | values | {"layer": name}]), SQUARE)
    figure = inline_svg(drawn.svg, name, name)
    cards = compared_cards(layers)
    lines: dict[str, object] = {"ensembles": [(name, name)], "skipped": [name], "sections": [], "tables": []}
    lines |= {"headline": [name], "answer": None}
    page = render("fit.html", title=name, version="1", legend="", cards=cards, **lines)
    assert cards["sum_i.M_ii-3"]["values"][0][0] == name
    assert page.count("a$\\b$") >= 5
    for text in (figure, page):
        assert "<img" not in text
    assert page.count("</script>") == page.count("<script")
