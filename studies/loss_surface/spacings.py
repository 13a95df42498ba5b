"""Local statistics of batch Hessians: zeros set aside, ratios of spacings against random ensembles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import t

from ...spectra import GOE, GUE, POISSON, local_statistics_test, without_zeros
from ..analysis.selection import where
from .plan import Plan
from .surface import PARTS, Surface

ENSEMBLES = (GOE, GUE, POISSON)


def batch_spectra(surface: Surface, plan: Plan, advance: Callable[[], None]) -> pd.DataFrame:
    """Find the eigenvalues of one batch Hessian for each network, epoch and part of the data.

    The batches are independent, and so are the networks: then the spectra are, and can be pooled.

    Args:
        surface: of the run.
        plan: for networks and batch.
        advance: called after each Hessian.

    Returns:
        A row an eigenvalue: epoch, data, network, zero (whether it is zero to rounding), eigenvalue.
    """
    tables = []
    for at, epoch in enumerate(surface.epochs):
        for part in PARTS:
            for network in range(plan.networks):
                rng = np.random.default_rng([plan.seed, at, PARTS.index(part), network])
                examples = rng.choice(surface.count(part), size=min(plan.batch, surface.count(part)), replace=False)
                values = np.linalg.eigvalsh(surface.hessian(network, epoch, part, examples))
                zero = ~np.isin(values, without_zeros(values)[0])
                tables.append(
                    pd.DataFrame({"epoch": epoch, "data": part, "network": network, "zero": zero, "eigenvalue": values})
                )
                advance()
    return pd.concat(tables, ignore_index=True)


def local_statistics(eigenvalues: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Compare the ratios of spacings with those of GOE, GUE and independent levels.

    Args:
        eigenvalues: as `batch_spectra` returns them.
        plan: for replicates and seed.

    Returns:
        A row for each epoch, part of the data and ensemble: epoch, data, ensemble, networks, parameters, zeros (mean
        number set aside), negative (mean number below zero), mean_ratio, expected, standard_error, z, p_value (of z,
        by Student's t with one degree of freedom a replicate), distance, p_distance, ratios, replicates.
    """
    rows = []
    for (epoch, part), own in eigenvalues.groupby(["epoch", "data"], sort=False):
        kept = where(own, zero=False)
        spectra = [levels.to_numpy() for _, levels in kept.groupby("network").eigenvalue]
        networks = own.network.nunique()
        for ensemble in ENSEMBLES:
            test = local_statistics_test(spectra, ensemble, replicates=plan.replicates, seed=plan.seed)
            # the mean of thousands of ratios is normal; its error is that of the replicates
            p_value = float(2 * t.sf(abs(test.z), plan.replicates - 1))
            rows.append(
                {
                    "epoch": epoch,
                    "data": part,
                    "ensemble": ensemble.name,
                    "networks": networks,
                    "parameters": len(own) // networks,
                    "zeros": float(own.zero.sum() / networks),
                    "negative": float((kept.eigenvalue < 0).sum() / networks),
                    **test[["mean_ratio", "expected", "standard_error", "z"]].to_dict(),
                    "p_value": p_value,
                    **test[["distance", "p_distance", "ratios", "replicates"]].to_dict(),
                }
            )
    return pd.DataFrame(rows)
