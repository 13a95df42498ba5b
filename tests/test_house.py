"""The house: packages listed, light imports, every public module with an example that runs."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pigmm
from pigmm.studies.runs import provenance

ROOT = Path(__file__).parent.parent
LAYERS = ("simd", "invariants", "fitting", "spectra", "training", "studies")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())


def source_files(layer):
    return sorted((ROOT / layer).rglob("*.py"))


def module_names():
    for layer in LAYERS:
        package = importlib.import_module(f"pigmm.{layer}")
        yield package.__name__
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            yield found.name


def test_every_package_on_disk_is_listed():
    on_disk = {"pigmm"} | {
        ".".join(("pigmm", *path.parent.relative_to(ROOT).parts))
        for layer in LAYERS
        for path in source_files(layer)
        if path.name == "__init__.py"
    }
    assert set(SETTINGS["tool"]["setuptools"]["packages"]) == on_disk
    assert set(SETTINGS["tool"]["setuptools"]["package-dir"]) == on_disk
    assert all((ROOT / layer / "py.typed").exists() for layer in LAYERS)


def test_finished_work_depends_on_all_sources(monkeypatch, tmp_path):
    """A changed source, template, style or script of any room changes the fingerprint."""
    assert set(provenance.ROOMS) == set(LAYERS)
    package = tmp_path / "room"
    package.mkdir()
    (package / "__init__.py").write_text("")
    found = importlib.util.spec_from_file_location("room", package / "__init__.py")
    monkeypatch.setattr(provenance, "find_spec", lambda *names: found)
    fingerprints = {provenance.fingerprint.__wrapped__()}
    for kind in ("py", "html", "css", "js", "toml"):
        (package / f"file.{kind}").write_text("one")
        fingerprints.add(provenance.fingerprint.__wrapped__())
        (package / f"file.{kind}").write_text("two")
        fingerprints.add(provenance.fingerprint.__wrapped__())
    assert len(fingerprints) == 11


def test_the_version_is_the_installed_one():
    assert pigmm.__version__ == SETTINGS["project"]["version"]


@pytest.mark.parametrize("module", ["pigmm.invariants", "pigmm.fitting", "pigmm.spectra", "pigmm.studies.cli.main"])
def test_light_imports_bring_no_torch(module):
    code = f"import sys, {module}; print(sorted({{'torch', 'ot', 'torchvision'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Their examples train or analyse whole ensembles; the tests of these modules do so every time.
AT_LENGTH = {
    "pigmm.studies.analysis.ensemble",
    "pigmm.studies.pipeline",
    "pigmm.training.cluster.blocks",
    "pigmm.training.cluster.cluster",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.thorough] if name in AT_LENGTH else []) for name in sorted(module_names())],
)
def test_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize("layer", LAYERS)
def test_public_functions_have_examples(layer):
    package = importlib.import_module(f"pigmm.{layer}")
    public = [getattr(package, name) for name in package.__all__]
    bare = [value.__name__ for value in public if inspect.isroutine(value) and ">>>" not in (value.__doc__ or "")]
    assert layer == "simd" or not bare


def test_nothing_is_evaluated_or_unpickled():
    forbidden = {"eval", "exec", "sympify", "parse_expr", "read_pickle", "unpickle"}
    for layer in LAYERS:
        for path in source_files(layer):
            for node in ast.walk(ast.parse(path.read_text())):
                name = getattr(node, "id", None) or getattr(node, "attr", None)
                assert name not in forbidden, f"{path.name}:{getattr(node, 'lineno', 0)} uses {name}"
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = {alias.name for alias in node.names}
                    # what a loader raises that refuses to unpickle, and a count of cores
                    harmless = names in ({"UnpicklingError"}, {"cpu_count"})
                    modules = names | {getattr(node, "module", None)}
                    # compiled code is read from the user's own cache, under a checksum
                    harmless |= path == ROOT / "simd" / "compiled.py" and names == {"pickle"}
                    # what processes of one study say to each other through pipes is in no file
                    own = ROOT / "studies" / "runs" / "shared_out.py"
                    harmless |= path == own and names == {"get_reusable_executor"}
                    assert harmless or not {"pickle", "dill", "joblib", "marshal"} & modules, path.name
                if isinstance(node, ast.keyword) and node.arg == "weights_only":
                    assert isinstance(node.value, ast.Constant), path.name
                    assert node.value.value is True, path.name
                if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                    assert isinstance(node.value, ast.Constant), path.name
                    assert node.value.value is False, path.name


def undocumented(layer):
    """Public functions and methods whose docstrings lack the section of their arguments or of their results."""
    package = importlib.import_module(f"pigmm.{layer}")
    for name in package.__all__:
        value = getattr(package, name)
        own = vars(value).items() if inspect.isclass(value) else ()
        methods = [(f"{name}.{key}", method) for key, method in own if not key.startswith("_")]
        for label, function in [(name, value), *methods]:
            function = getattr(function, "__func__", function)  # of a classmethod
            if inspect.isfunction(function) and function.__module__.startswith("pigmm"):
                text, signature = function.__doc__ or "", inspect.signature(function)
                if signature.parameters.keys() - {"self", "cls"} and "Args:" not in text:
                    yield f"{label}: Args"
                if signature.return_annotation not in ("None", None) and not {"Returns:", "Yields:"} & set(
                    text.split()
                ):
                    yield f"{label}: Returns"


@pytest.mark.parametrize("layer", LAYERS)
def test_public_functions_say_what_they_take_and_give(layer):
    assert not list(undocumented(layer))


# Modules whose functions implement formulas of papers or of derivations.
MATHEMATICAL = (
    "invariants.derivatives.symbolic",
    "invariants.expectation.covariances",
    "invariants.expectation.maps",
    "invariants.expectation.symbolic",
    "invariants.expectation.two_point",
    "invariants.graphs.bases",
    "invariants.graphs.counting",
    "invariants.graphs.enumeration",
    "fitting.distances.closed_form",
    "fitting.distances.farther",
    "fitting.distances.independence",
    "fitting.distances.intervals",
    "fitting.distances.null_bands",
    "fitting.distances.transport",
    "fitting.model.intervals",
    "fitting.model.sampling_law",
    "fitting.tests_of_models.gaussianity.bootstrap",
    "fitting.tests_of_models.gaussianity.comparison",
    "fitting.tests_of_models.multiple_testing",
    "fitting.tests_of_models.one_matrix.one_matrix",
    "fitting.tests_of_models.symmetry.invariance",
    "fitting.tests_of_models.symmetry.nested_models",
    "fitting.tests_of_models.symmetry.restrictions",
    "fitting.tests_of_models.symmetry.symmetry",
    "spectra.batches.descent",
    "spectra.batches.noise",
    "spectra.batches.outliers",
    "spectra.laws.law",
    "spectra.local.tests",
    "spectra.relu.finite_width",
    "spectra.relu.fisher",
    "spectra.relu.functions",
    "training.curvature.products",
    "training.curvature.spectrum",
)


@pytest.mark.parametrize("module", MATHEMATICAL)
def test_public_mathematics_cites_its_source(module):
    """Every function of the module that the room exports names a paper, an equation or a derivation."""
    exported = set(importlib.import_module(f"pigmm.{module.partition('.')[0]}").__all__)
    functions = inspect.getmembers(importlib.import_module(f"pigmm.{module}"), inspect.isfunction)
    exported -= {"statistic_symbol", "leading_term"}  # a name, and a way of writing a result: no formulas
    own = [f for name, f in functions if name in exported and f.__module__ == f"pigmm.{module}"]
    assert own
    assert not [function.__name__ for function in own if "Source:" not in function.__doc__]


def test_derivations_that_are_cited_exist():
    numbers = {int(path.name[:2]) for path in (ROOT / "derivations").glob("[0-9]*.py")}
    for layer in LAYERS:
        for path in source_files(layer):
            for cited in re.findall(r"[Dd]erivations? ((?:\d+(?:, | and )?)+)", path.read_text()):
                assert {int(number) for number in re.findall(r"\d+", cited)} <= numbers, path
