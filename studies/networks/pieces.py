"""How each tensor of a network is read as matrices: gates, taps of convolutions, packed projections, products."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shapes = Mapping[str, tuple[int, ...]]

_RECURRENT = re.compile(r"(?P<stem>.*)weight_(?P<kind>ih|hh)(?P<layer>_l\d+(?:_reverse)?)?$")
_GATES = {1: "recurrent layer", 3: "three gates of a GRU", 4: "four gates of an LSTM"}
_PACKED = ("in_proj_weight", "qkv.weight", "qkv_proj.weight", "c_attn.weight", "query_key_value.weight")


@dataclass(frozen=True)
class Reading:
    """How one tensor is cut into matrices.

    Args:
        parts: equal blocks of rows (axis 0) or columns (axis 1) of a tensor of two axes; taps of a convolution.
        why: in words.
        axis: along which the blocks lie.
    """

    parts: int
    why: str
    axis: int = 0


def reading_of(name: str, shapes: Shapes, split: Mapping[str, int]) -> Reading | str:
    """How a tensor is read; or why it is passed over.

    Args:
        name: of the tensor.
        shapes: of all tensors of the network, by name.
        split: number of equal blocks of rows, by the pattern of names that it holds for; before all recognition.

    Raises:
        ValueError: the rows cannot be divided so.

    >>> shapes = {"rnn.weight_ih_l0": (1024, 40), "rnn.weight_hh_l0": (1024, 256), "rnn.bias_hh_l0": (1024,)}
    >>> reading_of("rnn.weight_hh_l0", shapes, {}).why
    'four gates of an LSTM'
    >>> reading_of("rnn.bias_hh_l0", shapes, {})
    '1 axis: a vector'
    """
    shape = shapes[name]
    if len(shape) < 2:
        return f"{len(shape)} axis: a vector" if len(shape) == 1 else "a single number"
    for pattern, parts in split.items():
        if fnmatchcase(name, pattern):
            if len(shape) != 2 or shape[0] % parts:
                raise ValueError(f"split {pattern}={parts} must divide the rows of {name}, of shape {shape}")
            return Reading(parts, f"split into {parts} by option")
    if len(shape) == 2:
        return _of_two_axes(name, shapes)
    if len(shape) in (3, 4, 5):
        taps = int(np.prod(shape[2:]))
        size = "x".join(map(str, shape[2:]))
        return Reading(taps, f"{taps} taps of a convolution, kernel {size}" if taps > 1 else "convolution, kernel 1")
    return f"{len(shape)} axes"


def _of_two_axes(name: str, shapes: Shapes) -> Reading:
    rows, columns = shapes[name]
    if gates := _gates(name, shapes):
        return Reading(gates, _GATES[gates])
    if name.endswith(_PACKED):
        if rows == 3 * columns:
            return Reading(3, "query, key and value, packed")
        if columns == 3 * rows:
            return Reading(3, "query, key and value, packed", axis=1)
    return Reading(1, "one matrix")


def _gates(name: str, shapes: Shapes) -> int:
    """Gates of a recurrent weight in PyTorch's naming; 0 if it is none."""
    if not (found := _RECURRENT.match(name)):
        return 0
    stem, layer = found["stem"], found["layer"] or ""
    recurrent = shapes.get(f"{stem}weight_hh{layer}")
    if recurrent is None or len(recurrent) != 2:
        return 0
    projection = shapes.get(f"{stem}weight_hr{layer}")
    hidden = projection[1] if projection else recurrent[1]
    gates, rest = divmod(shapes[name][0], hidden)
    return gates if not rest and gates in _GATES else 0


def pieces(name: str, tensor: NDArray[Any], reading: Reading) -> Iterator[tuple[str, NDArray[Any]]]:
    """The matrices of a tensor, each with its name: the tensor's, or `name[i]`.

    >>> [piece for piece, _ in pieces("conv.weight", np.ones((8, 4, 3, 3)), Reading(9, ""))][:2]
    ['conv.weight[0]', 'conv.weight[1]']
    """
    if tensor.ndim > 2:
        taps = tensor.reshape(*tensor.shape[:2], -1)
        matrices: Sequence[NDArray[Any]] = [taps[:, :, k] for k in range(taps.shape[2])]
    else:
        matrices = np.split(tensor, reading.parts, axis=reading.axis)
    for k, matrix in enumerate(matrices):
        yield (name if len(matrices) == 1 else f"{name}[{k}]"), matrix


@dataclass(frozen=True)
class Factor:
    """A factor of a product: the name of a matrix, and whether it is transposed."""

    name: str
    transposed: bool


def factors(product: str) -> tuple[Factor, ...]:
    """The factors of a product such as "A^T B", names separated by spaces.

    Raises:
        ValueError: there are fewer than two.

    >>> factors("key.weight^T query.weight")
    (Factor(name='key.weight', transposed=True), Factor(name='query.weight', transposed=False))
    """
    found = tuple(Factor(word.removesuffix("^T"), word.endswith("^T")) for word in product.split())
    if len(found) < 2:
        raise ValueError(f'product must name two matrices or more, as in "A^T B", got {product!r}')
    return found


def expanded(product: str, names: Sequence[str]) -> list[str]:
    """A product whose names hold `*`, for everything that the star can stand for in all of its factors.

    Args:
        product: such as "layers.*.key^T layers.*.query".
        names: of the matrices.

    Returns:
        The products in the order of the names; the product itself if it has no star.

    Raises:
        ValueError: nothing matches.

    >>> expanded("q.*^T k.*", ["q.0", "k.0", "q.1", "k.1", "q.2"])
    ['q.0^T k.0', 'q.1^T k.1']
    """
    if "*" not in product:
        return [product]
    starred = next(factor.name for factor in factors(product) if "*" in factor.name)
    before, _, after = starred.partition("*")
    fits = [name for name in names if name.startswith(before) and name.endswith(after)]
    products = [product.replace("*", name[len(before) : len(name) - len(after)]) for name in fits]
    found = [one for one in products if {factor.name for factor in factors(one)} <= set(names)]
    if not found:
        raise ValueError(f"product must match matrices of the network, got {product!r}, which matches none")
    return found


def multiplied(product: str, matrices: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The product of named matrices.

    Raises:
        ValueError: a name is unknown, or the shapes do not fit (says which).

    >>> multiplied("A^T B", {"A": np.ones((2, 3)), "B": np.ones((2, 4))}).shape
    (3, 4)
    """
    result: NDArray[np.float64] | None = None
    for factor in factors(product):
        if factor.name not in matrices:
            raise ValueError(f"product {product!r} names {factor.name!r}, which is no matrix of the network")
        matrix = np.asarray(matrices[factor.name], dtype=np.float64)
        matrix = matrix.T if factor.transposed else matrix
        if result is not None and result.shape[1] != matrix.shape[0]:
            raise ValueError(f"product {product!r} must have shapes that fit, got {result.shape} and {matrix.shape}")
        result = matrix if result is None else result @ matrix
    assert result is not None
    return result
