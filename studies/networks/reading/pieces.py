"""Reading of each tensor of a network as matrices: gates, taps of convolutions, packed projections, known layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import Any

from numpy.typing import NDArray

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

_RECURRENT = re.compile(r"(?P<stem>.*)weight_(?P<kind>ih|hh)(?P<layer>_l\d+(?:_reverse)?)?$")
_GATES = {1: "recurrent layer", 3: "three gates of a GRU", 4: "four gates of an LSTM"}
_PACKED = re.compile(r"(^|[._])(in_proj_weight|(qkv|qkv_proj|Wqkv|c_attn)\.weight)$")
_CONV1D = re.compile(r"(^|\.)(c_attn|q_attn|c_proj|c_fc)\.weight$")
_OPTIMISER = re.compile(r"(^|\.)(optimi[sz]er\w*|exp_avg(_sq)?|momentum_buffer|max_exp_avg_sq)(\.|$)")
# what rows and columns are, in the names of BERT, Llama, T5, GPT and torch
_ROLES = {
    "query: rows are units of the heads, columns the stream": r"(query|q_proj|q_lin|wq|to_q|q)\.weight",
    "key: rows are units of the heads, columns the stream": r"(key|k_proj|k_lin|wk|to_k|k)\.weight",
    "value: rows are units of the heads, columns the stream": r"(value|v_proj|v_lin|wv|to_v|v)\.weight",
    "output of attention: rows are the stream, columns units of the heads": (
        r"(o_proj|out_lin|wo|to_out\.0|o|attention\.output\.dense|(self_attn|attn)\.(out_proj|c_proj))\.weight"
    ),
    "embedding: rows are words or places, columns the stream": (
        r"((embed_tokens|wte|wpe|tok_embeddings|\w*embeddings?|shared)\.weight|pos_embed)"
    ),
    "output: rows are words, columns the stream": r"(lm_head|output_projection)\.weight",
}
_ROLE_OF = {why: re.compile(rf"(^|\.){names}$") for why, names in _ROLES.items()}
_TIED = re.compile(r"(^|\.)(lm_head|decoder|output_projection|output)\.weight$")
_EMBEDDING = re.compile(r"(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|shared)\.weight$")


@dataclass(frozen=True)
class Reading:
    """The division of one tensor into matrices.

    Args:
        why: in words.
        blocks: lengths of the blocks of rows (axis 0) or columns (axis 1) that a tensor of two axes is cut into; empty
            for a convolution, each tap of which is a matrix.
        axis: along which the blocks lie.
        transposed: whether rows are inputs, so that each block is turned.
    """

    why: str
    blocks: tuple[int, ...] = ()
    axis: int = 0
    transposed: bool = False


def reading_of(name: str, shapes: Shapes, split: Mapping[str, int]) -> Reading | str:
    """Decide how a tensor is read.

    Args:
        name: of the tensor.
        shapes: of all tensors of the network, by name.
        split: number of equal blocks of rows, by the pattern of names that it holds for; before all recognition.

    Returns:
        The reading, or the reason why the tensor is passed over.

    Raises:
        ValueError: the rows cannot be divided so.

    >>> shapes = {"rnn.weight_ih_l0": (1024, 40), "rnn.weight_hh_l0": (1024, 256), "rnn.bias_hh_l0": (1024,)}
    >>> reading_of("rnn.weight_hh_l0", shapes, {}).why
    'four gates of an LSTM'
    >>> reading_of("rnn.bias_hh_l0", shapes, {})
    '1 axis: a vector'
    """
    shape = shapes[name]
    if _OPTIMISER.search(name):
        return "state of the optimiser"
    if len(shape) < 2:
        return "1 axis: a vector" if len(shape) == 1 else "a single number"
    for pattern, parts in split.items():
        if fnmatchcase(name, pattern):
            if len(shape) != 2 or shape[0] % parts:
                raise ValueError(f"split {pattern}={parts} must divide the rows of {name}, of shape {shape}")
            return Reading(f"split into {parts} by option", _equal(shape[0], parts))
    if len(shape) == 2:
        return _of_two_axes(name, shapes)
    if len(shape) in (3, 4, 5):
        taps = prod(shape[2:])
        size = "x".join(map(str, shape[2:]))
        return Reading(f"{taps} taps of a convolution, kernel {size}" if taps > 1 else "convolution, kernel 1")
    return f"{len(shape)} axes"


def _of_two_axes(name: str, shapes: Shapes) -> Reading:
    rows, columns = shapes[name]
    if gates := _gates(name, shapes):
        return Reading(_GATES[gates], _equal(rows, gates))
    if _CONV1D.search(name) and _has_conv1d(shapes):
        if name.endswith("c_attn.weight"):
            return Reading("query, key and value, packed; stored transposed", _equal(columns, 3), 1, True)
        return Reading("stored transposed", (columns,), 1, True)
    if _PACKED.search(name) and columns < rows <= 3 * columns and (rows - columns) % 2 == 0:
        of_keys = (rows - columns) // 2
        grouped = "" if of_keys == columns else "; fewer heads of keys and values than of queries"
        return Reading(f"query, key and value, packed{grouped}", (columns, of_keys, of_keys))
    for why, names in _ROLE_OF.items():
        if names.search(name):
            return Reading(why, (rows,))
    return Reading("one matrix", (rows,))


def _has_conv1d(shapes: Shapes) -> bool:
    """Whether linear layers are those of GPT-2, whose rows are inputs."""
    packed = [shape for name, shape in shapes.items() if name.endswith("c_attn.weight") and len(shape) == 2]
    return bool(packed) and all(columns == 3 * rows for rows, columns in packed)


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


def _equal(length: int, parts: int) -> tuple[int, ...]:
    return (length // parts,) * parts


def piece_shapes(name: str, shape: Shape, reading: Reading) -> dict[str, Shape]:
    """Shapes of the matrices of a tensor, by their names: the tensor's, or `name[i]`.

    >>> piece_shapes("conv.weight", (8, 4, 1, 2), Reading(""))
    {'conv.weight[0]': (8, 4), 'conv.weight[1]': (8, 4)}
    """
    if len(shape) > 2:
        shapes = [shape[:2]] * prod(shape[2:])
    else:
        other = shape[1 - reading.axis]
        shapes = [(block, other) if reading.axis == 0 else (other, block) for block in reading.blocks]
        shapes = [one[::-1] for one in shapes] if reading.transposed else shapes
    return {name if len(shapes) == 1 else f"{name}[{k}]": one for k, one in enumerate(shapes)}


def pieces(name: str, tensor: NDArray[Any], reading: Reading) -> Iterator[tuple[str, NDArray[Any]]]:
    """The matrices of a tensor, each with its name as in `piece_shapes`."""
    names = list(piece_shapes(name, tensor.shape, reading))
    if tensor.ndim > 2:
        taps = tensor.reshape(*tensor.shape[:2], -1)
        for k, piece in enumerate(names):
            yield piece, taps[:, :, k]
        return
    start = 0
    for piece, length in zip(names, reading.blocks, strict=True):
        block = slice(start, start + length)
        matrix = tensor[block] if reading.axis == 0 else tensor[:, block]
        yield piece, matrix.T if reading.transposed else matrix
        start += length


def possibly_tied(shapes: Shapes) -> dict[str, str]:
    """Tensors that may be an embedding over again, by name and shape: each with that embedding.

    >>> possibly_tied({"wte.weight": (50, 8), "lm_head.weight": (50, 8), "h.0.c_fc.weight": (8, 32)})
    {'lm_head.weight': 'wte.weight'}
    """
    embeddings = [name for name in shapes if _EMBEDDING.search(name)]
    found: dict[str, str] = {}
    for embedding in embeddings:
        for name, shape in shapes.items():
            alike = name in embeddings or _TIED.search(name)
            if alike and shape == shapes[embedding] and name != embedding and embedding not in found:
                found.setdefault(name, embedding)
    return found
