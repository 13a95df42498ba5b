"""Measure what docs/function_forms.md says: `python docs/record_function_forms.py`, some minutes on a free core."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from pigmm.studies import plot_functions, read_table, study_function_forms
from pigmm.studies.function_forms.measures.descent import descent_tables
from pigmm.studies.function_forms.measures.eigenspaces import agreement_table, eigenspace_tables, eigenvalue_table
from pigmm.studies.function_forms.measures.inner_products import inner_product_table, orthogonality_table
from pigmm.studies.function_forms.settings import Settings
from pigmm.studies.runs.files import write_tables

DOCS = Path(__file__).parent
TABLES = ("claims", "eigenvalues", "agreement", "orthogonality", "rates", "widths", "gaussianity", "parameters")
FIGURES = ("gradient_flow", "widths")


def record() -> None:
    """Write tables and figures of a quick study, and the main tables for 3000 hidden units."""
    tables = {}
    with TemporaryDirectory() as scratch:
        study_function_forms(Path(scratch), quick=True)
        for name in TABLES:
            shutil.copy(Path(scratch) / "tables" / f"{name}.csv", DOCS / "data" / "function-forms" / f"{name}.csv")
        for name in FIGURES:
            shutil.copy(Path(scratch) / "figures" / f"{name}.svg", DOCS / "figures" / "function-forms" / f"{name}.svg")
        pictures = plot_functions(read_table(Path(scratch) / "tables" / "functions.csv"))
        pictures.savefig(DOCS / "figures" / "function-forms" / "functions.png", dpi=80)
    for dimension in (5, 10):
        settings = Settings(dimension=dimension, networks=8, descents=3)
        networks = eigenspace_tables(settings, lambda: None)["networks"]
        tables[f"eigenvalues-{dimension}-3000"] = eigenvalue_table(networks, settings)
        tables[f"agreement-{dimension}-3000"] = agreement_table(networks, settings)
        products = inner_product_table(settings, lambda: None)
        tables[f"orthogonality-{dimension}-3000"] = orthogonality_table(products, settings)
        if dimension == 5:  # with more inputs the slowest functions take far more steps
            tables[f"rates-{dimension}-3000"] = descent_tables(settings, lambda: None)["rates"]
    with TemporaryDirectory() as scratch:
        for path in write_tables(Path(scratch), tables):
            shutil.copy(path, DOCS / "data" / "function-forms" / path.name)


if __name__ == "__main__":
    record()
