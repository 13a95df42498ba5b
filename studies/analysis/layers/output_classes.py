"""The rows of an output layer are classes, which are not exchangeable: their means, and what these are of gH0."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import f

from ....fitting import RectangularSpace, mean_invariance_test

Array = NDArray[np.float64]
Matrices = NDArray[np.floating]


def class_table(matrices: Matrices) -> pd.DataFrame:
    """Measure mean and variance of the weights of each class.

    The weights of one network are not independent, so the unit of the standard errors is the network.

    Args:
        matrices: (n, classes, units), n at least 2.

    Returns:
        A row a class. Columns: networks, class (the row), mean, standard_error, variance (of the entries, about the
        class's mean), variance_error.

    >>> class_table(np.array([[[1.0, 3.0], [0.0, 0.0]], [[2.0, 4.0], [0.0, 0.0]]]))[["class", "mean"]].values.tolist()
    [[0.0, 2.5], [1.0, 0.0]]
    """
    count, classes, _ = matrices.shape
    entries = matrices.astype(np.float64)
    of_networks = entries.mean(axis=-1)
    means = of_networks.mean(axis=0)
    squares = np.square(entries - means[:, None]).mean(axis=-1)
    return pd.DataFrame(
        {
            "networks": count,
            "class": range(classes),
            "mean": means,
            "standard_error": of_networks.std(axis=0, ddof=1) / np.sqrt(count),
            "variance": squares.mean(axis=0),
            "variance_error": squares.std(axis=0, ddof=1) / np.sqrt(count),
        }
    )


def class_test_table(matrices: Matrices) -> pd.DataFrame:
    """Test whether the classes differ.

    Args:
        matrices: (n, classes, units); Hotelling's tests are missing unless n exceeds the classes.

    Returns:
        One row. networks; degrees_of_freedom (classes - 1). f_means, p_means, f_variances, p_variances: Hotelling's T^2
        of the differences between classes, of the mean weights and of the variances, in its F form, which assumes no
        law of the weights but many networks. p_gaussian, p_units and p_both: of equal means of the classes, of the
        units of the hidden layer, and of no structure in both together (V_H0, V_0H and V_HH of `mean_invariance_test`,
        exact for Gaussian matrices of invariant covariance). GH0. share and share_error: the share of GH0 that the
        spread of the mean weights has beyond chance, and its standard error (where the classes do not differ, too large
        by the root of 2).

    Raises:
        ValueError: no model can be fitted.

    >>> matrices = np.random.default_rng(0).normal(size=(200, 4, 5))
    >>> bool(class_test_table(matrices).p_means[0] > 0.01)
    True
    >>> shifted = class_test_table(matrices + np.array([[1.0], [-1.0], [0.0], [0.0]]))
    >>> bool(shifted.p_means[0] < 1e-6), shifted.share.round(1).tolist()
    (True, [0.8])
    """
    count, classes, units = matrices.shape
    exact = mean_invariance_test(matrices, space=RectangularSpace(classes, units)).p_value
    entries = matrices.astype(np.float64)
    of_networks = entries.mean(axis=-1)
    squares = np.square(entries - of_networks.mean(axis=0)[:, None]).mean(axis=-1)
    centred = np.sqrt(units) * (of_networks - of_networks.mean(axis=-1, keepdims=True))
    f_means, p_means = _hotelling(of_networks)
    f_variances, p_variances = _hotelling(squares)
    share, error = _share_of_means(centred)
    row = {
        "networks": count,
        "degrees_of_freedom": classes - 1,
        "f_means": f_means,
        "p_means": p_means,
        "f_variances": f_variances,
        "p_variances": p_variances,
        "p_gaussian": exact["V_H0"],
        "p_units": exact["V_0H"],
        "p_both": exact["V_HH"],
        "GH0": float(np.square(centred).sum(axis=-1).mean()) / (classes - 1),
        "share": share,
        "share_error": error,
    }
    return pd.DataFrame([row])


def _hotelling(values: Array) -> tuple[float, float]:
    """F and p of equal means of the columns (n, k), whose rows are independent and whose columns are not."""
    count, q = len(values), values.shape[1] - 1
    if count <= q + 1:
        return np.nan, np.nan
    contrasts = values[:, 1:] - values[:, :1]
    contrasts = contrasts / (np.abs(contrasts).max() or 1.0)
    mean = contrasts.mean(axis=0)
    squared = count * float(mean @ np.linalg.solve(np.atleast_2d(np.cov(contrasts, rowvar=False)), mean))
    statistic = (count - q) / (q * (count - 1)) * squared
    return statistic, float(f.sf(statistic, q, count - q))


def _share_of_means(components: Array) -> tuple[float, float]:
    """|mean|^2 / mean of |.|^2 of vectors (n, k), without the part of chance, and its standard error."""
    count = len(components)
    mean = components.mean(axis=0)
    norms = np.square(components).sum(axis=-1)
    within = np.square(components - mean).sum() / (count - 1)
    total = float(norms.mean())
    share = (float(mean @ mean) - within / count) / total
    influence = (2 * (components - mean) @ mean - share * (norms - total)) / total
    return share, float(influence.std(ddof=1) / np.sqrt(count))
