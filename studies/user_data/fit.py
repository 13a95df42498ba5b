"""Fit matrices from anywhere: read -> fit -> compare -> tables, models and a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ...fitting import (
    BlockGaussian,
    confidence_intervals,
    distance_to_independent,
    select_interactions,
)
from ..analysis.layers.layer import Tables, graphs_of_degrees
from ..analysis.layers.tests import (
    BAND,
    LAW_DRAWS,
    TRANSPORT_DRAWS,
    calibrated_comparison,
    chosen_replicates,
    invariance_table,
    nested_model_table,
    transport_tests,
)
from ..analysis.verdicts import draws_for, judge, verdict_table
from ..runs.files import write_tables
from ..runs.output_folder import file_names, output_folder
from ..runs.progress import progress_of
from .kinds import check_kind, fitted, of_kind
from .page import CAPTIONS, page_title, summary, write_page
from .questions import CLOSED, TESTS, fit_tests
from .read import Ensembles, read_matrices

#: Entries of the matrices that are permuted, randomised and transported, of more a random part is taken; and how many
#: matrices these are at least.
TESTED_ENTRIES, FEWEST_TESTED = 1 << 21, 6
#: Replicates of the bootstrap, if nobody asks for a number: 1000 matrices of size 10 take some seconds.
REPLICATES = 499


def fit_paths(
    paths: Sequence[Path],
    output: Path,
    pattern: str = "*",
    epoch: float | None = None,
    kind: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    replicates: int | None = None,
    progress: bool = False,
    pdf: bool = False,
    interactions: bool = False,
) -> Path:
    """Fit a model to each ensemble of matrices in the given files, test it, and write what it says.

    By default square matrices get the 13-parameter model, rectangular ones that of S_M x S_N with 5. Written are
    output/fit.json (what was asked for), output/tables/*.csv (`CAPTIONS` has their names), output/models/*.json,
    output/figures/*.svg and output/report.html.

    Args:
        paths: see `read_matrices`.
        output: a new or empty folder, or one that an earlier fit of the same paths made, which is replaced whole.
        pattern: see `read_matrices`.
        epoch: see `read_matrices`.
        kind: of matrices, one of `kinds.KINDS` (default: by their shape).
        say: called with each line of a summary: what was passed over, the parameters, verdicts.
        replicates: of the bootstrap of the comparison, 0 for asymptotic p-values only; None is `REPLICATES`, unless
            that would take minutes, then 0.
        progress: whether to show it, on standard error.
        pdf: whether figures are wanted as PDF too, and tables of parameters and departures as LaTeX.
        interactions: whether the couplings are to be selected that the matrices call for.

    Returns:
        The path of the page.

    Raises:
        ValueError: the folder is something else; the matrices cannot be read or fitted (says which).

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/words.npy", np.random.default_rng(0).normal(size=(20, 4, 4)))
    ...     fit_paths([Path(folder) / "words.npy"], Path(folder) / "fit", replicates=0).name
    'report.html'
    """
    check_kind(kind)
    options = {"tensor": pattern, "epoch": epoch, "kind": kind, "replicates": replicates}
    if interactions:
        options["interactions"] = True
    with output_folder(output, "fit", paths, options) as draft:
        passed_over: dict[str, list[str]] = defaultdict(list)
        found = read_matrices(paths, pattern, epoch, lambda name, why: passed_over[why].append(name), kind)
        ensembles = {name: of_kind(name, matrices, kind) for name, matrices in found.items()}
        models = {name: fitted(name, matrices, kind) for name, matrices in ensembles.items()}
        steps = (*_STEPS, _interactions) if interactions else _STEPS
        tables = _tests(models, ensembles, replicates, progress, steps)
        verdicts = judge(fit_tests(tables))
        write_tables(draft / "tables", tables)
        (draft / "models").mkdir()
        for name, file in file_names(models).items():
            models[name].save(draft / "models" / f"{file}.json")
        write_page(draft, page_title(paths), ensembles, models, passed_over, tables, verdicts, pdf)
        for line in summary(ensembles, passed_over, tables, verdicts):
            say(line)
    return output / "report.html"


def _tests(
    models: dict[str, BlockGaussian],
    ensembles: Ensembles,
    replicates: int | None,
    progress: bool,
    steps: Sequence[Callable[[Sample, int, int], Tables]],
) -> dict[str, pd.DataFrame]:
    """Every table of `CAPTIONS`, with a column for the ensemble."""
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in CAPTIONS}
    # products of small matrices only wait for each other's threads
    with threadpool_limits(1, user_api="blas"), progress_of("testing", len(models) * len(steps), progress) as advance:
        least = draws_for(TESTS * len(models))
        for name, model in models.items():
            matrices = ensembles[name]
            draws = chosen_replicates(replicates, max(REPLICATES, least), *_count_and_shape(matrices))
            sample = Sample.of(model, matrices)
            for step in steps:
                for title, table in step(sample, draws, least).items():
                    table.insert(0, "ensemble", name)
                    found[title].append(table)
                advance()
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items() if parts}
    return tables | {"verdicts": verdict_table(fit_tests(tables), "ensemble")}


@dataclass(frozen=True, eq=False)
class Sample:
    """One ensemble, and the part of it that the costly tests are made on.

    Args:
        model: fitted to all matrices.
        matrices: (n, rows, columns).
        part: (at most n, rows, columns), what is permuted, randomised and transported: all, or some drawn at random.
        part_model: fitted to the part.
    """

    model: BlockGaussian
    matrices: NDArray[Any]
    part: NDArray[Any]
    part_model: BlockGaussian

    @classmethod
    def of(cls, model: BlockGaussian, matrices: NDArray[Any]) -> Sample:
        """The sample of matrices (n, rows, columns) and their fit; a part is drawn with the seed 0.

        >>> from pigmm.fitting import PIGMM
        >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
        >>> len(Sample.of(PIGMM.fit(matrices), matrices).part)
        50
        """
        most = max(FEWEST_TESTED, TESTED_ENTRIES // matrices[0].size)
        if len(matrices) <= most:
            return cls(model, matrices, matrices, model)
        part = matrices[np.sort(np.random.default_rng(0).choice(len(matrices), most, replace=False))]
        return cls(model, matrices, part, type(model).fit(part, model.space))


def _parameters(sample: Sample, *_: int) -> Tables:
    """Estimates with standard errors and intervals by both laws; `standard_error` is the sandwich's."""
    model, matrices = sample.model, sample.matrices
    exact = confidence_intervals(model, len(matrices))
    sandwich = confidence_intervals(model, matrices, method="sandwich")
    table = pd.DataFrame(
        {
            "rows": matrices.shape[1],
            "columns": matrices.shape[2],
            "matrices": len(matrices),
            "parameter": model.names,
            "estimate": model.parameters,
            "standard_error": sandwich.standard_error.to_numpy(),
            "sandwich_lower": sandwich.lower.to_numpy(),
            "sandwich_upper": sandwich.upper.to_numpy(),
            "exact_standard_error": exact.standard_error.to_numpy(),
            "exact_lower": exact.lower.to_numpy(),
            "exact_upper": exact.upper.to_numpy(),
        }
    )
    return {"parameters": table}


def _comparison(sample: Sample, draws: int, _: int) -> Tables:
    graphs = graphs_of_degrees((3, 4), sample.model.space.decomposition.family)
    table, overall = calibrated_comparison(sample.model, sample.matrices, graphs, draws)
    return {"comparison": table} | ({"gaussianity": overall} if len(overall) else {})


def _nested_models(sample: Sample, *_: int) -> Tables:
    """Column tested: the matrices of the randomisation test, the only one that is not made on all."""
    table = nested_model_table(sample.model, sample.matrices, part=sample.part)
    table.insert(0, "tested", len(sample.part))
    return {"nested_models": table}


def _invariance(sample: Sample, _: int, draws: int) -> Tables:
    """Column tested: the matrices that were permuted; the test for Gaussian matrices is made on all."""
    table = invariance_table(sample.matrices, sample.model.space, draws, sample.part)
    table.insert(0, "tested", len(sample.part))
    return {"invariance": table}


def _distances(sample: Sample, *_: int) -> Tables:
    """Columns: tested (matrices), distance, between, replicates, and those of `distance_test`."""
    transport = transport_tests(sample.part, sample.part_model)
    model, count = sample.model, len(sample.matrices)
    closed = {"tested": count} | dict(distance_to_independent(model, count, replicates=LAW_DRAWS, level=BAND))
    rows: dict[tuple[str, str], Any] = {
        (CLOSED, "fitted model and nearest independent entries"): closed,
        **{
            (f"{method} optimal transport", "matrices and a sample of the fitted model"): row
            for method, row in transport.iterrows()
        },
    }
    table = pd.DataFrame(list(rows.values())).rename(columns={"distance": "value"}).astype({"tested": int})
    table.insert(1, "distance", [name for name, _ in rows])
    table.insert(2, "between", [what for _, what in rows])
    table.insert(3, "replicates", [LAW_DRAWS, *TRANSPORT_DRAWS.values()][: len(rows)])
    return {"distance_tests": table}


def _interactions(sample: Sample, *_: int) -> Tables:
    """Couplings, a row each; and a row about the selection, with the reason where it could not be made."""
    try:
        table = select_interactions(sample.matrices, space=sample.model.space)
    except ValueError as error:
        numbers = dict.fromkeys(("root_mean_square_z", "p_value_of_rest", "smallest_p_value"), np.nan)
        return {"interactions_left": pd.DataFrame([{"candidates": 0} | numbers | {"stopped": str(error)}])}
    left = {"matrices": len(sample.matrices)} | table.attrs
    table.attrs = {}
    return {"interactions_left": pd.DataFrame([left])} | ({"interactions": table} if len(table) else {})


_STEPS = (_parameters, _comparison, _nested_models, _invariance, _distances)


def _count_and_shape(matrices: NDArray[Any]) -> tuple[int, tuple[int, int]]:
    count, rows, columns = matrices.shape
    return count, (rows, columns)
