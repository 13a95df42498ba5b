"""Products of the matrices of a network: named by the user, cut into heads, or factors of a low-rank adapter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ADAPTER = re.compile(r"(?P<before>.*)lora_A(?P<after>(\.\w+)?(\.weight)?)$")


@dataclass(frozen=True)
class Factor:
    """A factor of a product: the name of a matrix, and whether it is transposed."""

    name: str
    transposed: bool


@dataclass(frozen=True)
class Product:
    """A product of matrices, or the contribution of one head to it.

    Args:
        text: such as "key.weight^T query.weight".
        head: number of the head, None for the whole product.
        heads: how many there are.
        why: how it is read, in words.
    """

    text: str
    head: int | None = None
    heads: int = 1
    why: str = "product"

    @property
    def name(self) -> str:
        """The name in the table."""
        return self.text if self.head is None else f"{self.text} (head {self.head})"

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors, in order."""
        return factors(self.text)


def factors(product: str) -> tuple[Factor, ...]:
    """Read a product such as "A^T B", names separated by spaces.

    Args:
        product: as the user gives it.

    Returns:
        Its factors.

    Raises:
        ValueError: there are fewer than two.

    >>> factors("key.weight^T query.weight")
    (Factor(name='key.weight', transposed=True), Factor(name='query.weight', transposed=False))
    """
    found = tuple(Factor(word.removesuffix("^T"), word.endswith("^T")) for word in product.split())
    if len(found) < 2:
        raise ValueError(f'product must name two matrices or more, as in "A^T B", got {product!r}')
    return found


def products_of(texts: Iterable[str], heads: int | None, names: Sequence[str]) -> list[Product]:
    """List all products to analyse: those asked for, with stars expanded and heads apart, and low-rank adapters.

    Args:
        texts: products as the user gives them.
        heads: number of heads that the products are cut into; None for whole products.
        names: of the matrices.

    Returns:
        The products.

    Raises:
        ValueError: a product has no two factors, or matches nothing.

    >>> [product.name for product in products_of(["q^T k"], 2, ["q", "k", "x.lora_A", "x.lora_B"])]
    ['q^T k (head 0)', 'q^T k (head 1)', 'x.lora_B x.lora_A']
    """
    asked = [one for text in texts for one in expanded(text, names)]
    if heads is None:
        found = [Product(text) for text in asked]
    else:
        found = [
            Product(text, head, heads, f"product, head {head} of {heads}") for text in asked for head in range(heads)
        ]
    adapters = [Product(f"{b} {a}", why="product: low-rank adapter") for a, b in adapter_factors(names).items()]
    return found + adapters


def adapter_factors(names: Iterable[str]) -> dict[str, str]:
    """Low-rank adapters in peft's names: A (rank, inputs) to its B (outputs, rank).

    >>> adapter_factors(["q.lora_A.weight", "q.lora_B.weight", "k.lora_A.weight"])
    {'q.lora_A.weight': 'q.lora_B.weight'}
    """
    known = set(names)
    pairs = {name: f"{found['before']}lora_B{found['after']}" for name in names if (found := _ADAPTER.match(name))}
    return {a: b for a, b in pairs.items() if b in known}


def expanded(product: str, names: Sequence[str]) -> list[str]:
    """A product whose names hold `*`, for everything that the star can stand for in all of its factors.

    Args:
        product: such as "layers.*.key^T layers.*.query".
        names: of the matrices.

    Returns:
        The products in the order of the names; the product itself if it has no star.

    Raises:
        ValueError: it has no two factors, or nothing matches.

    >>> expanded("q.*^T k.*", ["q.0", "k.0", "q.1", "k.1", "q.2"])
    ['q.0^T k.0', 'q.1^T k.1']
    """
    parts = factors(product)
    if "*" not in product:
        return [product]
    starred = next(factor.name for factor in parts if "*" in factor.name)
    before, _, after = starred.partition("*")
    fits = [name for name in names if name.startswith(before) and name.endswith(after)]
    products = [product.replace("*", name[len(before) : len(name) - len(after)]) for name in fits]
    found = [one for one in products if {factor.name for factor in factors(one)} <= set(names)]
    if not found:
        raise ValueError(f"product must match matrices of the network, got {product!r}, which matches none")
    return found


def multiplied(product: Product, matrix_of: Callable[[str], NDArray[Any]]) -> NDArray[np.float64]:
    """Multiply named matrices, or the parts of them that belong to one head.

    The units that the two factors share are cut into heads. A factor with fewer of them (keys and values of grouped
    heads) serves several heads in turn.

    Args:
        product: its factors; two, where it is of one head.
        matrix_of: gives the matrix of a name.

    Returns:
        (rows, columns).

    Raises:
        ValueError: the shapes do not fit, or the units cannot be cut so (says which).

    >>> matrices = {"q": np.ones((6, 5)), "k": np.ones((2, 5))}
    >>> multiplied(Product("q^T k", 2, 3), matrices.__getitem__)[0, 0]  # three heads of two units, one key for all
    np.float64(2.0)
    """
    matrices = [np.asarray(matrix_of(factor.name), dtype=np.float64) for factor in product.factors]
    turned = [m.T if factor.transposed else m for m, factor in zip(matrices, product.factors, strict=True)]
    if product.head is not None:
        turned = _of_one_head(product, turned)
    result = turned[0]
    for matrix in turned[1:]:
        if result.shape[1] != matrix.shape[0]:
            raise ValueError(
                f"product {product.text!r} must have shapes that fit, got {result.shape} and {matrix.shape}"
            )
        result = result @ matrix
    return result


def _of_one_head(product: Product, matrices: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    if len(matrices) != 2:
        raise ValueError(f"product with heads must have two factors, got {product.text!r}")
    left, right = matrices
    units, heads, head = max(left.shape[1], right.shape[0]), product.heads, product.head or 0
    width = units // heads
    fewer = [length // width if width else 0 for length in (left.shape[1], right.shape[0])]
    if units % heads or any(
        not groups or heads % groups or groups * width != length
        for groups, length in zip(fewer, (left.shape[1], right.shape[0]), strict=True)
    ):
        raise ValueError(
            f"heads={heads} must divide the units that the factors of {product.text!r} share, "
            f"got {left.shape} and {right.shape}"
        )
    first, second = (head * groups // heads for groups in fewer)
    return [left[:, first * width : (first + 1) * width], right[second * width : (second + 1) * width]]
