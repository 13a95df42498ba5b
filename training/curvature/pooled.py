"""The loss along weights that are equal on squares of pixels, so that dense Hessians of images are small."""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import EnsembleConfig
from .objective import Objective


def pooled_objective(config: EnsembleConfig, parameters: Tensor, factor: int) -> Objective:
    """Restrict the loss around given parameters to first-layer weights that are equal on squares of pixels.

    The other parameters stay free. With U the matrix of orthonormal columns from the restricted to all parameters, the
    new objective is v -> loss(parameters + U v): its Hessian at v = 0 is U^T H U, with H that of the whole network.

    Args:
        config: of the ensemble.
        parameters: (P,) of one network, as `stored_parameters` gives them.
        factor: pixels along the side of a square; divides height and width. With 1 nothing is restricted.

    Returns:
        The objective, with the same blocks, the first of them smaller.

    Raises:
        ValueError: if the factor does not divide the sides, or the parameters do not fit.

    >>> config = EnsembleConfig(hidden=(4, 4))
    >>> objective = Objective.of_config(config)
    >>> pooled_objective(config, torch.zeros(objective.size), 4).blocks[0]
    ('weight_0', 196)
    """
    whole = Objective.of_config(config)
    planes, height, width = config.image_shape
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"factor must divide the sides of an image, {height} and {width}, got {factor}")
    start = whole.checked(parameters)
    if start.ndim != 1:
        raise ValueError(f"parameters must be those of one network, (P,), got shape {tuple(start.shape)}")
    squares = (config.widths[1], planes, height // factor, width // factor)
    name, _ = whole.blocks[0]
    blocks = ((name, squares[0] * squares[1] * squares[2] * squares[3]), *whole.blocks[1:])

    def model(v: Tensor, inputs: Tensor) -> Tensor:
        first, rest = v[: blocks[0][1]].view(squares), v[blocks[0][1] :]
        spread = first.repeat_interleave(factor, 2).repeat_interleave(factor, 3) / factor
        return whole.model(start + torch.cat([spread.reshape(-1), rest]), inputs)

    return Objective(model, whole.loss, blocks)
