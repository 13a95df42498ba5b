"""The executable papers run; and they fail if a coefficient of the library is altered."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

import pigmm.invariants.matrix_kinds as matrix_kinds
from pigmm.invariants.tensors import SIZES

PAPERS = sorted((Path(__file__).parent.parent / "derivations").glob("[0-9]*.py"))


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.stem)
def test_paper_runs(paper):
    runpy.run_path(str(paper))


def altered(irrep, copy, norm):
    """The square decomposition with the squared normalisation of one copy changed."""
    original = matrix_kinds.square()
    copies = list(original.irreps[irrep].copies)
    copies[copy] = replace(copies[copy], norm=norm)
    irreps = list(original.irreps)
    irreps[irrep] = replace(irreps[irrep], copies=tuple(copies))
    return replace(original, irreps=tuple(irreps))


@pytest.mark.parametrize(("irrep", "copy"), [(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (3, 0)])
def test_an_altered_coefficient_is_noticed(irrep, copy, monkeypatch):
    wrong = altered(irrep, copy, SIZES[0] - 3)
    monkeypatch.setattr(matrix_kinds, "square", lambda: wrong)
    with pytest.raises(AssertionError):
        runpy.run_path(str(next(p for p in PAPERS if "decomposition" in p.stem)))


def test_a_missing_graph_is_noticed(monkeypatch):
    import pigmm.invariants

    complete = pigmm.invariants.multigraphs
    monkeypatch.setattr(pigmm.invariants, "multigraphs", lambda degree, **options: complete(degree, **options)[:-1])
    with pytest.raises(AssertionError):
        runpy.run_path(str(PAPERS[0]))
