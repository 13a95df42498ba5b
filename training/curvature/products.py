"""Products of Hessian and Gauss-Newton matrix with vectors, of all networks at once, without the matrices."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.func import grad, vjp, vmap

from .fully_connected import fully_connected_product
from .objective import Objective

Product = Callable[[Objective, Tensor, Tensor, Tensor, Tensor], Tensor]


def hessian_product(
    objective: Objective, parameters: Tensor, inputs: Tensor, targets: Tensor, vectors: Tensor
) -> Tensor:
    """Return the Hessian of the mean loss times a vector: the gradient of gradient times vector.

    Args:
        objective: model and loss.
        parameters: (P,), or (networks, P) for the same examples in each network.
        inputs: of the batch, any number of examples.
        targets: of the same examples.
        vectors: of the shape of the parameters, or (k, *) for k vectors each.

    Returns:
        Of the shape of the vectors.

    Raises:
        ValueError: if the shapes do not fit.

    Source:
        B. A. Pearlmutter, Neural Comput. 6 (1994) 147.

    >>> import torch
    >>> from pigmm.training import EnsembleConfig
    >>> objective = Objective.of_config(EnsembleConfig(hidden=(2, 2), activation="tanh"))
    >>> ones = torch.ones(3, objective.size)
    >>> hessian_product(objective, ones, torch.ones(5, 784), torch.zeros(5, dtype=torch.int64), ones).shape
    torch.Size([3, 1592])
    """

    if objective.network is not None and parameters.shape == vectors.shape:
        rows = (-1, objective.size)
        own, along = parameters.reshape(rows), vectors.reshape(rows)
        found = fully_connected_product(objective.network, own, inputs, targets, along)
        return found.view(vectors.shape)

    def product(p: Tensor, v: Tensor) -> Tensor:
        def loss(q: Tensor) -> Tensor:
            return objective.loss(objective.model(q, inputs), targets)

        return _hessian_times(loss, p, v)

    return _batched(product, parameters, vectors)


def gauss_newton_product(
    objective: Objective, parameters: Tensor, inputs: Tensor, targets: Tensor, vectors: Tensor
) -> Tensor:
    """Return the generalised Gauss-Newton matrix times a vector: J^T H_out J / examples, J of the outputs.

    For cross-entropy it is the Fisher matrix of the model's own labels. It is positive semidefinite.

    Args:
        objective: model and loss.
        parameters: (P,), or (networks, P) for the same examples in each network.
        inputs: of the batch, any number of examples.
        targets: of the same examples.
        vectors: of the shape of the parameters, or (k, *) for k vectors each.

    Returns:
        Of the shape of the vectors.

    Raises:
        ValueError: if the shapes do not fit.

    Source:
        N. N. Schraudolph, Neural Comput. 14 (2002) 1723.

    >>> import torch
    >>> objective = Objective.of_module(torch.nn.Linear(3, 2))
    >>> vector = torch.ones(8)
    >>> product = gauss_newton_product(objective, vector, torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), vector)
    >>> bool(product @ vector >= 0)
    True
    """

    def product(p: Tensor, v: Tensor) -> Tensor:
        def outputs(q: Tensor) -> Tensor:
            return objective.model(q, inputs)

        def loss(z: Tensor) -> Tensor:
            return objective.loss(z, targets)

        values = outputs(p)
        # J v is the derivative of the linear u -> J^T u, along v
        transposed = vjp(lambda u: vjp(outputs, p)[1](u)[0], values)[1]
        tangent = transposed(v)[0]
        result: Tensor = vjp(outputs, p)[1](_hessian_times(loss, values, tangent))[0]
        return result

    return _batched(product, parameters, vectors)


def _hessian_times(function: Callable[[Tensor], Tensor], at: Tensor, vector: Tensor) -> Tensor:
    """Reverse over reverse: torch's forward mode compiles formulas that cross-entropy needs by what it deprecates."""

    def slope(x: Tensor) -> Tensor:
        directed: Tensor = (grad(function)(x) * vector).sum()
        return directed

    result: Tensor = grad(slope)(at)
    return result


def _batched(product: Callable[[Tensor, Tensor], Tensor], parameters: Tensor, vectors: Tensor) -> Tensor:
    if vectors.shape[-parameters.ndim :] != parameters.shape or vectors.ndim > parameters.ndim + 1:
        raise ValueError(
            f"vectors must have the shape of the parameters, {tuple(parameters.shape)}, or one axis more in front, got "
            f"{tuple(vectors.shape)}"
        )
    mapped = product if parameters.ndim == 1 else vmap(product)
    if vectors.ndim > parameters.ndim:
        mapped = vmap(mapped, in_dims=(None, 0))
    result: Tensor = mapped(parameters, vectors)
    return result
