"""The executable papers run; and they fail if a coefficient of the library is altered."""

import runpy
from dataclasses import fields, replace
from pathlib import Path

import pytest
import sympy

import pigmm.fitting
import pigmm.invariants
import pigmm.spectra
import pigmm.studies
from pigmm.fitting.tests_of_models.one_matrix import bartlett
from pigmm.invariants import PARAMETERS
from pigmm.invariants.expectation import symbolic as expectations
from pigmm.invariants.expectation import two_point, wick
from pigmm.invariants.representation import matrix_kinds
from pigmm.invariants.representation.tensors import SIZES

PAPERS = sorted((Path(__file__).parent.parent / "derivations").glob("[0-9]*.py"))


def run(number):
    runpy.run_path(str(PAPERS[number - 1]))


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.stem)
def test_paper_runs(paper):
    runpy.run_path(str(paper))


def clear_caches():
    """Forget everything that was computed from a decomposition."""
    for module in (matrix_kinds, wick, expectations, two_point):
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


@pytest.fixture
def altered(monkeypatch):
    """A function that changes the squared normalisation of one copy in the decomposition of a kind of matrices."""

    def alter(kind, irrep, copy):
        original = getattr(matrix_kinds, kind)()
        copies = list(original.irreps[irrep].copies)
        copies[copy] = replace(copies[copy], norm=copies[copy].norm * (SIZES[0] - 3) / (SIZES[0] + 1))
        irreps = list(original.irreps)
        irreps[irrep] = replace(irreps[irrep], copies=tuple(copies))
        wrong = replace(original, irreps=tuple(irreps))
        monkeypatch.setattr(matrix_kinds, kind, lambda: wrong)
        clear_caches()

    yield alter
    monkeypatch.undo()
    clear_caches()


def once_each(cases, *, agreeing):
    """The cases, all but the first of each group for --thorough. Cases of one group agree in so many first members."""
    first = {case[:agreeing]: case for case in reversed(cases)}
    marks = [[] if first[case[:agreeing]] is case else [pytest.mark.thorough] for case in cases]
    return [pytest.param(*case, marks=own) for case, own in zip(cases, marks, strict=True)]


SQUARE_COPIES = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0), (3, 0)]
ALTERED_NORMS = [
    *((paper, "square", *copy) for paper in (2, 3, 4) for copy in SQUARE_COPIES),
    *((5, "square", *copy) for copy in [(0, 1), (1, 1), (3, 0)]),
    *((6, "rectangular", irrep, 0) for irrep in range(4)),
    *((6, "square", *copy) for copy in [(0, 0), (1, 2), (2, 0)]),
    *((7, "square", *copy) for copy in [(0, 1), (1, 2), (2, 0)]),
    *((8, "symmetric", *copy) for copy in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]),
    *((8, "symmetric_zero_diagonal", irrep, 0) for irrep in range(3)),
    *((8, "square", *copy) for copy in [(0, 1), (3, 0)]),
    *((9, "square", *copy) for copy in SQUARE_COPIES),
]


@pytest.mark.parametrize(("paper", "kind", "irrep", "copy"), once_each(ALTERED_NORMS, agreeing=2))
def test_an_altered_norm_is_noticed(paper, kind, irrep, copy, altered):
    altered(kind, irrep, copy)
    with pytest.raises(AssertionError):
        run(paper)


def test_a_missing_graph_is_noticed(monkeypatch):
    complete = pigmm.invariants.multigraphs
    monkeypatch.setattr(pigmm.invariants, "multigraphs", lambda degree, **options: complete(degree, **options)[:-1])
    with pytest.raises(AssertionError):
        run(1)


def scaled(symbol):
    """Twice the coefficient of a symbol, wherever it occurs in a result."""

    def alter(result):
        if isinstance(result, dict):
            return {key: alter(value) for key, value in result.items()}
        if isinstance(result, tuple):
            return tuple(map(alter, result))
        return result.subs(symbol, 2 * symbol)

    return alter


def first_only(symbol):
    """Twice one entry of a tuple or a matrix: the first that has the symbol."""

    def alter(result):
        entries = list(result)
        place = next(k for k, entry in enumerate(entries) if entry.has(symbol))
        entries[place] *= 2
        return tuple(entries) if isinstance(result, tuple) else sympy.Matrix(*result.shape, entries)

    return alter


mu_1, G0_12, GH_13, GH_33, G3 = (PARAMETERS[k] for k in (0, 3, 7, 10, 12))
GHH = matrix_kinds.rectangular().parameters[-1].symbol
E4, T_SQUARES, T_PATH = sympy.Symbol("E4"), *(sympy.Symbol(name, real=True) for name in ("T_01_01", "T_01_12"))
ALTERED_RESULTS = [
    *((3, "two_point_coefficients", scaled(symbol)) for symbol in PARAMETERS),
    *((4, "expectation", scaled(symbol)) for symbol in PARAMETERS),
    *((4, "inverse_map", first_only(symbol)) for symbol in (T_SQUARES, T_PATH)),
    *((5, "expectation", scaled(symbol)) for symbol in (mu_1, G0_12, GH_13, G3)),
    (6, "expectation", scaled(GHH)),
    (6, "inverse_map", scaled(T_SQUARES)),
    (6, "two_point_coefficients", scaled(GHH)),
    *((7, "covariance", scaled(symbol)) for symbol in (mu_1, G0_12, GH_33)),
    (7, "parameter_covariance", first_only(GH_13)),
    (7, "parameter_covariance", first_only(G3)),
    (7, "iid_variance", scaled(E4)),
    (7, "inverse_map", first_only(T_PATH)),
    *((8, "expectation", scaled(sympy.Symbol(name, real=True))) for name in ("mu", "GH_12", "GH_24", "G3_12")),
]


@pytest.mark.parametrize(("paper", "function", "alteration"), once_each(ALTERED_RESULTS, agreeing=2))
def test_an_altered_result_is_noticed(paper, function, alteration, monkeypatch):
    original = getattr(pigmm.invariants, function)
    monkeypatch.setattr(pigmm.invariants, function, lambda *args, **options: alteration(original(*args, **options)))
    with pytest.raises(AssertionError):
        run(paper)


@pytest.mark.parametrize(
    "name", ["likelihood_ratio", "z_trace", "symmetric_to_antisymmetric", "p_trace", "p_column_hubs"]
)
def test_an_altered_statistic_of_one_matrix_is_noticed(name, monkeypatch):
    original = pigmm.fitting.analyse_matrix

    def altered(*arguments, **options):
        found = original(*arguments, **options)
        found[name] *= 1.01
        return found

    monkeypatch.setattr(pigmm.fitting, "analyse_matrix", altered)
    with pytest.raises(AssertionError):
        run(9)


def test_an_altered_correction_is_noticed(monkeypatch):
    original = bartlett.bartlett_factor
    monkeypatch.setattr(bartlett, "bartlett_factor", lambda *arguments: 1.001 * original(*arguments))
    with pytest.raises(AssertionError):
        run(9)


def slightly_more(result):
    """A result whose numbers or coefficients are one percent larger."""
    if isinstance(result, tuple):
        return tuple(map(slightly_more, result))
    if isinstance(result, dict):
        return {name: slightly_more(value) for name, value in result.items()}
    return result * sympy.Rational(101, 100) if isinstance(result, sympy.Basic) else result * 1.01


@pytest.mark.parametrize(
    ("law", "method"),
    [
        ("Semicircle", "r_transform"),
        ("Semicircle", "s_transform"),
        ("Semicircle", "stieltjes"),
        ("Semicircle", "outlier"),
        ("MarchenkoPastur", "r_transform"),
        ("MarchenkoPastur", "s_transform"),
        ("MarchenkoPastur", "outlier"),
        ("FreeSum", "stieltjes"),
    ],
)
def test_an_altered_transform_is_noticed(law, method, monkeypatch):
    original = getattr(getattr(pigmm.spectra, law), method)
    monkeypatch.setattr(getattr(pigmm.spectra, law), method, lambda self, value: slightly_more(original(self, value)))
    with pytest.raises(AssertionError):
        run(10)


ALTERED_SPECTRA = [
    (10, "effective_damping"),
    (11, "relu_fisher_matrix"),
    (11, "relu_fisher_eigenvalue"),
    (11, "relu_fisher_eigenvalues"),
    (11, "relu_functions"),
    (11, "relu_eigenvectors"),
    (11, "relu_multiplicity"),
    (11, "relu_fisher_moments"),
]


@pytest.mark.parametrize(("paper", "function"), once_each(ALTERED_SPECTRA, agreeing=1))
def test_an_altered_spectrum_is_noticed(paper, function, monkeypatch):
    original = getattr(pigmm.spectra, function)
    monkeypatch.setattr(pigmm.spectra, function, lambda *args, **options: slightly_more(original(*args, **options)))
    with pytest.raises(AssertionError):
        run(paper)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "function", ["covariance", "expectation", "inverse_map", "gradient_product", "laplacian", "evaluate_gradient"]
)
def test_an_altered_derivative_is_noticed(function, monkeypatch):
    original = getattr(pigmm.invariants, function)
    monkeypatch.setattr(pigmm.invariants, function, lambda *args, **options: slightly_more(original(*args, **options)))
    with pytest.raises(AssertionError):
        run(13)


FIRST, *OTHERS = (field.name for field in fields(pigmm.spectra.FiniteWidth))


@pytest.mark.parametrize("field", [FIRST, *(pytest.param(name, marks=pytest.mark.thorough) for name in OTHERS)])
def test_an_altered_law_of_finite_width_is_noticed(field, monkeypatch):
    original = pigmm.spectra.relu_finite_width

    def altered(*arguments):
        return tuple(replace(own, **{field: 1.01 * getattr(own, field)}) for own in original(*arguments))

    monkeypatch.setattr(pigmm.spectra, "relu_finite_width", altered)
    with pytest.raises(AssertionError):
        run(11)


@pytest.mark.parametrize("function", ["langevin_temperature", "best_variance", "loss_bound", "bound_excess"])
def test_an_altered_bound_is_noticed(function, monkeypatch):
    original = getattr(pigmm.studies, function)
    monkeypatch.setattr(
        pigmm.studies, function, lambda *args: slightly_more(original(*args)), raising=False
    )  # the package imports its names when they are used
    with pytest.raises(AssertionError):
        run(12)
