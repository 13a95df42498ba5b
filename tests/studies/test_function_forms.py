"""A study of function forms: what it measures where the answer is known, its page, its rules and its refusals."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.linalg import eigsh

from pigmm.fitting import BlockGaussian, SymmetricSpace
from pigmm.invariants import SYMMETRIC, evaluate, multigraphs
from pigmm.spectra import relu_fisher_matrix
from pigmm.studies import read_table
from pigmm.studies.analysis.verdicts import Verdict, judge
from pigmm.studies.cli.main import main
from pigmm.studies.function_forms.claims import claim_table, eigenvalues, function_forms
from pigmm.studies.function_forms.driver import write_study
from pigmm.studies.function_forms.measures import eigenspaces
from pigmm.studies.function_forms.measures.descent import DESCENT, FLOW, descent_modes, flow_modes, random_targets
from pigmm.studies.function_forms.measures.draws import Stream, generator, hidden_weights
from pigmm.studies.function_forms.measures.eigenspaces import Eigenspaces, eigenvalue_table
from pigmm.studies.function_forms.measures.exact_moments import exact_invariants, exact_parameters
from pigmm.studies.function_forms.measures.groups import groups_of
from pigmm.studies.function_forms.page import CAPTIONS
from pigmm.studies.function_forms.questions import APPROXIMATE, AT_WIDTH, function_form_tests
from pigmm.studies.function_forms.settings import Settings

SMALL = Settings(
    dimension=3, hidden=300, networks=12, descents=3, samples=1500, inputs=4000, fisher_matrices=60, replicates=19,
    picture_hidden=300,
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The folder of a small study and its tables."""
    folder = tmp_path_factory.mktemp("forms") / "out"
    write_study(SMALL, folder, progress=False)
    return folder, {name: read_table(folder / "tables" / f"{name}.csv") for name in CAPTIONS}


@pytest.fixture(scope="module")
def found():
    """One decomposed network of four inputs."""
    return Eigenspaces.of(hidden_weights(4, 500, generator(1, Stream.NETWORKS)))


def test_the_page_has_everything(study):
    folder, tables = study
    page = (folder / "report.html").read_text()
    for heading in (
        "Claims of arXiv:2505.17907",
        "Eigenvalues",
        "Eigenvectors and functions",
        "Orthogonality in function space",
        "What is learnt first",
        "What a finite width changes",
        "The Gaussian model of Fisher matrices",
    ):
        assert f">{heading}</h" in page
    assert "nan" not in page[page.index("<main>") : page.index('id="tables"')].lower().replace("finance", "")
    assert all(len(table) for table in tables.values())
    names = {path.name for path in (folder / "figures").iterdir()}
    assert names == {
        f"{name}.svg"
        for name in (
            "answer", "fisher_model", "functions", "gradient_descent", "gradient_flow", "inner_products", "spectrum",
            "widths",
        )
    }  # fmt: skip


def test_the_same_seed_gives_the_same_tables(study, tmp_path):
    folder, tables = study
    write_study(SMALL, tmp_path, progress=False)
    assert all((tmp_path / "tables" / f"{name}.csv").read_bytes() for name in tables)
    for name in ("eigenvalues", "rates", "moments", "claims"):
        again = (tmp_path / "tables" / f"{name}.csv").read_bytes()
        assert again == (folder / "tables" / f"{name}.csv").read_bytes()


def test_measurements_are_what_the_theory_says(study):
    _, tables = study
    widths = tables["widths"][tables["widths"].hidden == SMALL.hidden]
    z = (widths.measured - widths.expected) / widths.standard_error
    assert z[widths.quantity.isin(["shift", "vector_leak", "function_leak", "function_error"])].abs().max() < 4
    flow = tables["rates"][tables["rates"].method == FLOW]
    assert (flow.measured / flow.exact - 1).abs().max() < 0.3  # three networks of 300 units
    assert tables["inner_products"].z.abs().max() < 4.5
    assert tables["eigenvalues"].multiplicity.tolist() == [1, 3, 3, 2]
    assert tables["spectrum"].group.tolist() == ["F_0", *["F_l"] * 3, *["F_ab, F_gg"] * 5, "below"]


def test_agreement_against_a_full_decomposition(found):
    values, vectors = np.linalg.eigh(found.fisher)
    values, vectors = values[::-1], vectors[:, ::-1]
    assert found.dimension == 4
    assert found.values == pytest.approx(values[:14], rel=1e-9)
    assert found.below == pytest.approx(values[14], rel=5e-3)
    products, squares = groups_of(4)[2:]
    own = found.approximate[products.places]
    inside = np.linalg.norm(own @ vectors[:, 5:14], axis=1) ** 2 / np.linalg.norm(own, axis=1) ** 2
    agreement = found.agreement(products)
    assert agreement["vector_leak"] == pytest.approx(1 - inside.mean(), rel=1e-6)
    assert (agreement["smallest"], agreement["largest"]) == pytest.approx((values[13], values[5]))
    # the four vectors of F_gg span three dimensions
    basis = np.linalg.svd(found.approximate[squares.places])[2][:3]
    angles = np.degrees(np.arccos(np.linalg.svd(basis @ vectors[:, 5:14])[1]))
    assert found.agreement(squares)["angle"] == pytest.approx(angles.max(), rel=1e-6)


def test_the_groups_of_an_eigenspace_divide_it(found):
    """Each eigenvector is divided among them, so that means by group are the mean of all."""
    products, squares = groups_of(4)[2:]
    values, _ = found.of_degree(2)
    assert found.parts(products) + found.parts(squares) == pytest.approx(np.ones(9), rel=1e-12)
    assert found.parts(squares).sum() == pytest.approx(3, rel=1e-12)
    total = 6 * found.agreement(products)["mean"] + 3 * found.agreement(squares)["mean"]
    assert total == pytest.approx(values.sum(), rel=1e-12)
    assert found.parts(groups_of(4)[1]) == pytest.approx(np.ones(4))


def test_flow_is_the_exponential_of_the_whole_matrix(found):
    targets = random_targets(found, generator(2, Stream.TRAINING))
    assert np.linalg.norm(targets, axis=0) == pytest.approx(1)
    times, modes = flow_modes(found, targets)
    values, vectors = np.linalg.eigh(found.fisher)
    components = vectors.T @ targets
    exact = np.exp(-np.multiply.outer(times, values)) @ components**2
    assert modes == pytest.approx(exact, abs=1e-10)
    assert (np.diff(times) > 0).all()


def test_descent_is_the_law_of_its_samples():
    """In the eigenvectors of the samples' own Fisher matrix a step takes off eta lambda."""
    rng = generator(3, Stream.TRAINING)
    weights = hidden_weights(3, 100, rng)
    targets, inputs = rng.normal(size=(100, 4)), rng.normal(size=(400, 3))
    targets /= np.linalg.norm(targets, axis=0)
    modes = descent_modes(weights, targets, inputs)
    active = np.maximum(inputs @ weights, 0)
    values, vectors = np.linalg.eigh(active.T @ active / len(inputs))
    rate = 0.5 / groups_of(3)[0].exact
    powers = (1 - rate * values) ** np.arange(len(modes))[:, None]
    assert modes == pytest.approx(powers @ (vectors.T @ targets) ** 2, abs=1e-4)


def test_exact_invariants_are_those_of_many_fisher_matrices():
    """Nine invariants of 20,000 matrices, each within four standard errors; and the model of the exact parameters."""
    rng = np.random.default_rng(5)
    matrices = np.array([relu_fisher_matrix(hidden_weights(3, 6, rng)) for _ in range(20_000)])
    exact = exact_invariants(3, 6)
    assert set(exact) == set(multigraphs(1, SYMMETRIC)) | set(multigraphs(2, SYMMETRIC))
    values = evaluate(matrices, list(exact), family=SYMMETRIC)
    error = values.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - list(exact.values())) < 4 * error).all()
    model = BlockGaussian.from_space(SymmetricSpace(6), exact_parameters(3, 6))
    assert model.expectation(list(exact)) == pytest.approx(list(exact.values()), rel=1e-9)


def eigenvalue_rows(measured, p_approximate):
    return pd.DataFrame(
        {"group": ["F_0"], "measured": [measured], "approximate": [1.0], "p_approximate": [p_approximate]}
    )


@pytest.mark.parametrize(
    ("measured", "departs", "verdict"),
    [(1.0, False, "agrees"), (1.05, True, "agrees in part"), (1.2, True, "differs")],
)
def test_the_rule_for_eigenvalues(measured, departs, verdict):
    verdicts = {
        (APPROXIMATE, "F_0"): Verdict.DEPARTS if departs else Verdict.NO_DEPARTURE,
        (AT_WIDTH, "F_0"): Verdict.NO_DEPARTURE,
    }
    assert eigenvalues({"eigenvalues": eigenvalue_rows(measured, 0.5)}, verdicts).verdict == verdict


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [((0.09, 0.03), "agrees"), ((0.9, 0.3), "agrees in part"), ((0.9, 0.8), "differs")],
)
def test_the_rule_for_function_forms(errors, verdict):
    widths = {"hidden": [100, 300], "group": "F_0", "quantity": "function_error", "measured": errors}
    agreement = {"quantity": ["function_error", "function_leak"], "measured": [errors[1], 0.01]}
    tables = {"widths": pd.DataFrame(widths), "agreement": pd.DataFrame(agreement)}
    assert function_forms(tables).verdict == verdict


def test_wrong_eigenvalues_are_seen(study):
    """Eigenvalues a tenth larger depart from the values at this width, in every group; those measured do not."""
    _, tables = study
    larger = tables["networks"].assign(mean=1.1 * tables["networks"]["mean"])
    wrong = {**tables, "eigenvalues": eigenvalue_table(larger, SMALL)}
    for own, verdict in ((tables, Verdict.NO_DEPARTURE), (wrong, Verdict.DEPARTS)):
        verdicts = judge(function_form_tests(own))
        assert {verdicts[AT_WIDTH, group.name] for group in groups_of(3)} == {verdict}
        assert len(claim_table(own, verdicts)) == 6


def test_descent_tables_name_both_methods(study):
    _, tables = study
    assert set(tables["modes"].method) == {FLOW, DESCENT}
    last = tables["modes"].groupby(["method", "group"])["mode"].last()
    assert (last[[(method, "F_0") for method in (FLOW, DESCENT)]].abs() < 0.1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dimension", "1"), "dimension must be an integer of at least 2, got 1"),
        (("--hidden", "30"), "hidden must be at least 80 for inputs of dimension 5, got 30"),
        (("--networks", "1"), "networks must be an integer of at least 2, got 1"),
        (("--seed", "-1"), "seed must be an integer of at least 0, got -1"),
        (("--hidden", "many"), "'--hidden'"),
    ],
)
def test_bad_numbers_are_refused(arguments, message, pigmm, tmp_path):
    outcome = pigmm("function-forms", "-o", tmp_path / "out", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(pigmm, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    outcome = pigmm("function-forms", "-o", tmp_path, "--quick")
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not empty and not the output of `pigmm function-forms`" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_says_where_the_report_is(pigmm, tmp_path, monkeypatch):
    monkeypatch.setattr("pigmm.studies.function_forms.settings.Settings.chosen", lambda *_: SMALL)
    outcome = pigmm("function-forms", "-o", tmp_path / "out")
    assert outcome.code == 0
    assert outcome.out == f"{tmp_path / 'out' / 'report.html'}\n"
    assert "training: 0 of 3" in outcome.err


def test_lanczos_that_does_not_converge_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(eigenspaces, "eigsh", partial(eigsh, maxiter=1, ncv=22))
    with pytest.raises(SystemExit) as left:
        main(["function-forms", "--quick", "--output", str(tmp_path / "forms")])
    said = capsys.readouterr().err.splitlines()[-1]
    assert left.value.code == 2
    assert said.startswith("error: ArpackNoConvergence")
    assert "No convergence" in said
    assert not (tmp_path / "forms").exists()
