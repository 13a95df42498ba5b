"""The five parameters of S_M x S_N through training, in units of the variance that the entries start with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ....fitting import BlockGaussian
from .initial_law import InitialLaw


def interior_parameter_table(parameters: pd.DataFrame, model: BlockGaussian, law: InitialLaw) -> pd.DataFrame:
    """A table of parameters with their values in units of the initial law, and their part in the distance to it.

    All covariances commute with the initial one, so the squared 2-Wasserstein distance of the five-parameter model to
    initialisation is a sum over its parameters: mu^2, and d (sqrt(g) - sqrt(g_initial))^2 for the variance g of an
    irrep of dimension d.

    Args:
        parameters: of the model, with the columns estimate, standard_error and initial.
        model: of five parameters.
        law: that of the entries at initialisation.

    Returns:
        The same with the columns relative and relative_error (the mean in units of the initial standard deviation of an
        entry, variances in units of its variance), dimension (of the irrep; the mean is that of V_00) and
        wasserstein_squared.

    >>> from pigmm.fitting import RectangularSpace
    >>> model = BlockGaussian(RectangularSpace(3, 4), [1.0, 1.0, 0.25, 1.0, 0.25])
    >>> rows = pd.DataFrame({"estimate": model.parameters, "standard_error": 0.1, "initial": [0.0, *[0.25] * 4]})
    >>> table = interior_parameter_table(rows, model, InitialLaw.of("gaussian", 4))
    >>> table.relative.tolist(), table.wasserstein_squared.tolist()
    ([2.0, 4.0, 1.0, 4.0, 1.0], [1.0, 0.25, 0.0, 0.5, 0.0])
    """
    means = len(model.means)
    is_mean = np.arange(len(parameters)) < means
    unit = np.where(is_mean, np.sqrt(law.second_moment), law.second_moment)
    dimension = np.array([1] * means + list(model.dimensions))
    estimate, initial = parameters.estimate.to_numpy(), parameters.initial.to_numpy()
    of_mean = np.square(estimate - initial)
    of_variance = dimension * np.square(np.sqrt(np.abs(estimate)) - np.sqrt(initial))
    return parameters.assign(
        relative=estimate / unit,
        relative_error=parameters.standard_error / unit,
        dimension=dimension,
        wasserstein_squared=np.where(is_mean, of_mean, of_variance),
    )
