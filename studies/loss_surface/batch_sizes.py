"""Batch Hessians of many sizes against that of a whole population: noise, outliers, eigenvectors, steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import t

from ...spectra import (
    NoiseFit,
    delocalisation_test,
    descent_steps,
    fit_noise,
    fit_outliers,
    semicircle_test,
    slope_of_coupled_noise,
)
from ..analysis.verdicts import smallest_of
from .plan import Plan
from .surface import Array, Surface

#: Directions against which the eigenvectors of the noise are held, chosen without looking at them.
SPIKE, UNIFORM = "largest outlier", "all parameters alike"


@dataclass
class Measured:
    """What is kept of the batch Hessians of one network.

    Args:
        signal: (P,) eigenvalues of A, increasing.
        vectors: (P, P) its eigenvectors.
        places: of the spikes, as Python counts from the end.
        hessians, noise: by batch size, (batches, P) eigenvalues of H_b and of H_b - A.
        overlaps: by batch size, squared overlaps of the eigenvectors of H_b with each spike, (batches, spikes, P).
        first_order: by batch size, q^T (H_b - A) q for each spike q, (batches, spikes).
        couplings: (spikes, P), mean of b (q_j^T N q)^2 over all batches.
        spread: tests of delocalisation, by direction, one a batch.
    """

    signal: Array
    vectors: Array
    places: tuple[int, ...]
    hessians: dict[int, Array] = field(default_factory=dict)
    noise: dict[int, Array] = field(default_factory=dict)
    overlaps: dict[int, Array] = field(default_factory=dict)
    first_order: dict[int, Array] = field(default_factory=dict)
    couplings: Array = field(default_factory=lambda: np.zeros(0))
    spread: dict[str, list[pd.Series]] = field(default_factory=dict)


def batch_size_tables(surface: Surface, plan: Plan, advance: Callable[[], None]) -> dict[str, pd.DataFrame]:
    """Measure how Hessians depend on the batch size, at the last epoch, and compare with H = s(b) X + A.

    Args:
        surface: of the run.
        plan: for networks, batch sizes, batches and population.
        advance: called after each Hessian of a batch.

    Returns:
        Tables noise, noise_fit, outlier_means, outliers, delocalisation and descent, all with a column network.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    for network in range(plan.law_networks):
        measured = measure(surface, plan, network, advance)
        for name, table in tables_of(measured, plan).items():
            table.insert(0, "network", network)
            found.setdefault(name, []).append(table)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def measure(surface: Surface, plan: Plan, network: int, advance: Callable[[], None]) -> Measured:
    """Find spectra of batches of every size, and of a population from which they are drawn with replacement.

    Args:
        surface: of the run.
        plan: for batch sizes, batches and population.
        network: its place in the ensemble.
        advance: called after each Hessian of a batch.

    Returns:
        What is kept of them.
    """
    rng = np.random.default_rng([plan.seed, 7, network])
    epoch = surface.epochs[-1]
    count = surface.count("train")
    population = rng.permutation(count)[: min(plan.population, count)]
    parts = np.array_split(population, max(1, len(population) // 256))
    whole = sum(len(part) * surface.hessian(network, epoch, "train", part) for part in parts) / len(population)
    values, vectors = np.linalg.eigh(np.asarray(whole))
    places = tuple(-place for place in range(1, plan.spikes + 1))
    found = Measured(values, vectors, places)
    spikes = vectors[:, list(places)]
    uniform = np.ones(len(values))
    coupled = []
    for size in plan.sizes:
        rows: dict[str, list[Array]] = {"hessians": [], "noise": [], "overlaps": [], "first_order": []}
        for examples in _draws(rng, population, size, plan.batches):
            hessian = surface.hessian(network, epoch, "train", examples)
            noise = hessian - whole
            levels, directions = np.linalg.eigh(hessian)
            noise_levels, noise_directions = np.linalg.eigh(noise)
            rows["hessians"].append(levels)
            rows["noise"].append(noise_levels)
            rows["overlaps"].append((spikes.T @ directions) ** 2)
            along = spikes.T @ noise
            rows["first_order"].append(np.einsum("sp,ps->s", along, spikes))
            coupled.append(size * (along @ vectors) ** 2)
            if size == plan.batch or plan.batch not in plan.sizes:
                own = noise_directions[:, np.abs(noise_levels) > 1e-12 * np.abs(noise_levels).max()]
                for name, direction in ((SPIKE, spikes[:, 0]), (UNIFORM, uniform)):
                    found.spread.setdefault(name, []).append(delocalisation_test(own, direction))
            advance()
        for name, parts_of_size in rows.items():
            getattr(found, name)[size] = np.stack(parts_of_size)
    found.couplings = np.mean(coupled, axis=0)
    return found


def _draws(
    rng: np.random.Generator, population: np.ndarray[tuple[int], np.dtype[np.int64]], size: int, batches: int
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Batches with replacement: examples are independent, so that nothing depends on the size of the population."""
    for _ in range(batches):
        yield rng.choice(population, size=size)


def tables_of(measured: Measured, plan: Plan) -> dict[str, pd.DataFrame]:
    """Fit noise, outliers and steps of one network.

    Args:
        measured: as `measure` returns it.
        plan: for dampings and replicates.

    Returns:
        Tables as `batch_size_tables` returns them, without the column network.
    """
    fit = fit_noise(measured.noise)
    size = plan.batch if plan.batch in measured.noise else max(measured.noise)
    followed = [place for place in measured.places if measured.signal[place] > 2 * fit.scales.scale.max()]
    tables = {
        "noise": fit.scales,
        "noise_fit": _noise_row(measured, fit, size, plan),
        "delocalisation": _delocalisation(measured),
    }
    if followed:
        tables |= {
            "outlier_means": _outlier_means(measured, followed),
            "outliers": _outliers(measured, fit, followed),
            "descent": _descent(measured, followed, size, plan),
        }
    return tables


def _noise_row(measured: Measured, fit: NoiseFit, size: int, plan: Plan) -> pd.DataFrame:
    exponent = fit.exponent
    # spectra of batches of one network share what A does to the noise: one of them is judged
    bulk = semicircle_test(measured.noise[size][:1], replicates=plan.draws, seed=plan.seed)
    return pd.DataFrame(
        [
            {
                "exponent": exponent.value,
                "exponent_low": exponent.low,
                "exponent_high": exponent.high,
                "p_half": exponent.p_value(-0.5),
                "p_power_law": fit.p_value,
                "scale_at_one": fit.at_one.value,
                "fourth_moment": bulk.fourth_moment,
                "semicircle_distance": bulk.distance,
                "p_semicircle": bulk.p_value,
                "replicates": bulk.replicates,
            }
        ]
    )


def _delocalisation(measured: Measured) -> pd.DataFrame:
    rows = []
    for direction, tests in measured.spread.items():
        means = pd.DataFrame(tests).mean()
        rows.append(
            {
                "direction": direction,
                **means[["mean_overlap", "participation", "eigenvectors", "dimension"]].to_dict(),
                "batches": len(tests),
                "p_value": smallest_of([test.p_value for test in tests]),
            }
        )
    return pd.DataFrame(rows)


def _outlier_means(measured: Measured, places: list[int]) -> pd.DataFrame:
    rows = []
    for size, values in measured.hessians.items():
        for place in places:
            own = values[:, place] - measured.first_order[size][:, measured.places.index(place)]
            rows.append(
                {
                    "place": place,
                    "batch_size": size,
                    "batches": len(own),
                    "mean": float(own.mean()),
                    "standard_error": float(own.std(ddof=1) / np.sqrt(len(own))),
                }
            )
    return pd.DataFrame(rows)


def _outliers(measured: Measured, fit: NoiseFit, places: list[int]) -> pd.DataFrame:
    rows = [measured.places.index(place) for place in places]
    first_order = {size: shifts[:, rows] for size, shifts in measured.first_order.items()}
    table = fit_outliers(measured.hessians, places, first_order=first_order)
    variance = fit.at_one.value**2
    whole = measured.signal[places]
    table["whole"] = whole  # the eigenvalue of A itself
    table["semicircle_slope"] = variance / whole
    table["p_semicircle_slope"] = 2 * t.sf(
        (table.slope - table.semicircle_slope).abs() / table.slope_error, table.slope_degrees_of_freedom
    )
    table["coupled_slope"] = [
        slope_of_coupled_noise(measured.signal, measured.couplings[row], place)
        for row, place in zip(rows, places, strict=True)
    ]
    # noise along the spike in units of that along a random direction, whose mean square is s^2
    table["noise_along_spike"] = np.sqrt(measured.couplings[rows].sum(axis=1) / variance)
    return table


def _descent(measured: Measured, places: list[int], size: int, plan: Plan) -> pd.DataFrame:
    values = measured.hessians[size]
    bulk = np.delete(values, places, axis=1)
    rows = []
    for place in places:
        overlaps = measured.overlaps[size][:, measured.places.index(place)]
        for times in plan.dampings:
            damping = times * max(-float(values.min()), 1e-6 * float(values.max()))
            steps = descent_steps(values, overlaps, float(measured.signal[place]), damping, bulk)
            z = (steps.measured - steps.predicted) / steps.standard_error
            rows.append({"place": place, "batch_size": size, **steps.to_dict(), "z": z})
    table = pd.DataFrame(rows)
    table["p_value"] = 2 * t.sf(table.z.abs(), len(values) - 1)
    return table
