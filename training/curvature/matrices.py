"""Dense Hessians, whole or of one layer."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .objective import Objective
from .products import Product, hessian_product

# Numbers of one product at a time: the activations of so many vectors are in memory.
_NUMBERS = 1 << 24


def dense_matrix(
    objective: Objective,
    parameters: Tensor,
    inputs: Tensor,
    targets: Tensor,
    *,
    block: str | None = None,
    product: Product = hessian_product,
) -> NDArray[np.floating]:
    """Return the Hessian of one network as a matrix, column by column; some 10^4 parameters are feasible.

    Args:
        objective: model and loss.
        parameters: (P,).
        inputs: of the batch.
        targets: of the batch.
        block: name of the layer or tensor whose diagonal block is asked for; default: all.
        product: `hessian_product` or `gauss_newton_product`.

    Returns:
        (P, P), or (p, p) of the block; made symmetric.

    Raises:
        ValueError: if the parameters have another shape, or the block is unknown.

    Source:
        As `hessian_product`.

    >>> objective = Objective.of_module(torch.nn.Linear(3, 2))
    >>> dense_matrix(objective, torch.zeros(8), torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), block="bias")
    array([[ 0.25, -0.25],
           [-0.25,  0.25]], dtype=float32)
    """
    parameters = objective.checked(parameters)
    if parameters.ndim != 1:
        raise ValueError(f"parameters must be those of one network, (P,), got shape {tuple(parameters.shape)}")
    rows = slice(0, objective.size) if block is None else objective.block(block)
    size = rows.stop - rows.start
    matrix = np.empty((size, size), dtype=parameters.numpy().dtype)
    step = max(1, _NUMBERS // (objective.size + len(inputs) * inputs[0].numel()))
    for first in range(0, size, step):
        last = min(first + step, size)
        vectors = torch.zeros(last - first, objective.size, dtype=parameters.dtype)
        vectors[torch.arange(last - first), torch.arange(rows.start + first, rows.start + last)] = 1
        matrix[first:last] = product(objective, parameters, inputs, targets, vectors)[:, rows].numpy()
    symmetric: NDArray[np.floating] = (matrix + matrix.T) / 2
    return symmetric
