"""One table for models of every kind: how well does each predict matrices that it was not fitted to?"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..invariants.checks import checked_integer
from ..invariants.graphs.given import GivenGraph, checked_graphs
from ..invariants.representation.spaces import MatrixSpace, space_of
from .interactions.held_out import variance_of_entry
from .interactions.model import InteractingModel
from .mixtures.elliptical import EllipticalModel
from .mixtures.hyvarinen import hyvarinen_score
from .mixtures.mixture import MixtureModel
from .model.gaussian import BlockGaussian
from .model.sufficient_statistics import checked_batch
from .tests_of_models.symmetry.nested_models import restricted_fits
from .tests_of_models.symmetry.restrictions import restrictions

Array = NDArray[np.float64]
Other = MixtureModel | EllipticalModel | InteractingModel


def held_out_models(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph] | None = None,
    *,
    space: MatrixSpace | None = None,
    components: int = 2,
    folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare Gaussian models, nested ones, a mixture, the elliptical and the interacting model on held-out matrices.

    Each part of the matrices is predicted by fits to the others. The score that all models have is Hyvärinen's, half
    the squared gradient of the log-density and its Laplacian: it needs no normalisation. Its gain is multiplied by the
    variance of an entry, and so free of scale. The log-density itself is the second score, of all but the interacting
    model.

    Args:
        matrices: (n, *space.shape), finite, enough for all fits in all folds but one.
        graphs: couplings of the interacting model, chosen on other matrices: those that were selected on these fit them
            too well (default: no such model).
        space: the permutations assumed, as in `BlockGaussian.fit`.
        components: of the mixture, at least 2.
        folds: number of parts, at least 2.
        seed: of the parts and of the mixture's starts.

    Returns:
        A row for each model (index model): the nested ones by the name of their symmetry, the full Gaussian last of
        them, then "mixture of 2", "elliptical" and "interacting". Columns parameters; gain and gain_standard_error: of
        the score over the full Gaussian, positive where the model predicts better, the error over matrices with the
        fits as they are; log_gain and log_gain_standard_error: the same of the log-density, in nats a matrix (NaN for
        the interacting model).

    Raises:
        ValueError: as the fits; if there are fewer matrices than folds.

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695; T. Gneiting and A. E. Raftery, J. Am. Stat. Assoc. 102 (2007)
        359, for proper scores.

    >>> rng = np.random.default_rng(0)
    >>> matrices = rng.normal(size=(300, 4, 4)) * rng.choice([0.5, 1.5], size=(300, 1, 1))
    >>> table = held_out_models(matrices)
    >>> table.gain.idxmax(), table.log_gain.idxmax()
    ('mixture of 2', 'mixture of 2')
    """
    batch = checked_batch(matrices, space)
    space = space_of(batch.shape[1:]) if space is None else space
    chosen = None if graphs is None else checked_graphs(graphs, space.decomposition.family)
    checked_integer("components", components, least=2)
    if checked_integer("folds", folds, least=2) > len(batch):
        raise ValueError(f"folds must be at most the number of matrices, {len(batch)}, got {folds}")
    full = BlockGaussian.fit(batch, space)
    parameters = {submodel.name: submodel.number_of_parameters for submodel in restrictions(space)}
    full_name = list(parameters)[-1]
    scores: dict[str, Array] = {}
    for part in np.array_split(np.random.default_rng(seed).permutation(len(batch)), folds):
        rest, held_out = np.delete(batch, part, axis=0), batch[part].astype(np.float64)
        gaussians = restricted_fits(rest, space=space) | {full_name: BlockGaussian.fit(rest, space)}
        others: dict[str, Other] = {
            f"mixture of {components}": MixtureModel.fit(rest, components, seed, space=space),
            "elliptical": EllipticalModel.fit(rest, space=space),
        }
        if chosen is not None:
            others["interacting"] = InteractingModel.fit(rest, chosen, space=space)
        parameters |= {name: model.number_of_parameters for name, model in others.items()}
        for name, model in (gaussians | others).items():
            scores.setdefault(name, np.full((2, len(batch)), nan))[:, part] = _scores(model, held_out)
    unit = np.array([[variance_of_entry(full)], [-1.0]])  # a lower score and a higher density are better
    rows = []
    for name, own in scores.items():
        gains = (scores[full_name] - own) * unit
        errors = gains.std(axis=1, ddof=1) / np.sqrt(len(batch))
        row = {"model": name, "parameters": parameters[name], "gain": gains[0].mean(), "gain_standard_error": errors[0]}
        rows.append(row | {"log_gain": gains[1].mean(), "log_gain_standard_error": errors[1]})
    return pd.DataFrame(rows).set_index("model")


def _scores(model: BlockGaussian | Other, matrices: Array) -> Array:
    """Hyvärinen's score and the log-density of each matrix (2, n), the latter NaN if it is not normalised."""
    if isinstance(model, BlockGaussian):
        return np.stack([hyvarinen_score(model, matrices), model.log_prob(matrices)])
    objective = model.objective(matrices)
    density = np.full_like(objective, nan) if isinstance(model, InteractingModel) else model.log_prob(matrices)
    return np.stack([objective, density])
