"""Measure what docs/function_forms.md says: `python docs/record_function_forms.py`, half an hour on a free core."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from pigmm.studies import plot_functions, read_table, study_function_forms
from pigmm.studies.function_forms.measures.eigenspaces import agreement_table, eigenspace_tables, eigenvalue_table
from pigmm.studies.function_forms.measures.inner_products import inner_product_table, orthogonality_table
from pigmm.studies.function_forms.settings import Settings
from pigmm.studies.runs.files import write_tables

DOCS = Path(__file__).parent
TABLES = ("claims", "eigenvalues", "agreement", "orthogonality", "rates", "widths", "gaussianity", "parameters")
FIGURES = ("gradient_flow", "widths")
LARGE = ("claims", "eigenvalues", "agreement", "orthogonality", "rates", "gaussianity", "parameters")


def record() -> None:
    """Write tables and figures of a quick study, and the main tables for 3000 hidden units and 5 or 10 inputs."""
    with TemporaryDirectory() as scratch:
        study_function_forms(Path(scratch), quick=True)
        for name in TABLES:
            shutil.copy(Path(scratch) / "tables" / f"{name}.csv", DOCS / "data" / "function-forms" / f"{name}.csv")
        for name in FIGURES:
            shutil.copy(Path(scratch) / "figures" / f"{name}.svg", DOCS / "figures" / "function-forms" / f"{name}.svg")
        pictures = plot_functions(read_table(Path(scratch) / "tables" / "functions.csv"))
        pictures.savefig(DOCS / "figures" / "function-forms" / "functions.png", dpi=80)
    with TemporaryDirectory() as scratch:
        study_function_forms(Path(scratch))
        for name in LARGE:
            file = Path(scratch) / "tables" / f"{name}.csv"
            shutil.copy(file, DOCS / "data" / "function-forms" / f"{name}-5-3000.csv")
    settings = Settings(dimension=10, networks=8)  # of which the slowest functions would take far more steps
    networks = eigenspace_tables(settings, lambda: None)["networks"]
    tables = {
        "eigenvalues-10-3000": eigenvalue_table(networks, settings),
        "agreement-10-3000": agreement_table(networks, settings),
        "orthogonality-10-3000": orthogonality_table(inner_product_table(settings, lambda: None), settings),
    }
    with TemporaryDirectory() as scratch:
        for path in write_tables(Path(scratch), tables):
            shutil.copy(path, DOCS / "data" / "function-forms" / path.name)


if __name__ == "__main__":
    record()
