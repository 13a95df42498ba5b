"""Means, variances and covariances of invariants, accumulated in constant memory and merged across machines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..centred_sums import CentredSums
from ..checks import as_array
from ..graphs.families import ArcType, GraphFamily, checked_family
from ..graphs.given import GivenGraph, checked_graphs
from ..graphs.labels import parse_label
from .on_arrays import evaluate_arrays
from .sources import matrix_axes

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

# Matrices whose values are summed together. Blocks begin at multiples of it, wherever the batches of the caller begin,
# so that the batches do not show in the result.
_BLOCK = 1024
_FORMAT = "pigmm invariant moments, 1"


class InvariantMoments:
    """Count, mean and centred second moments of invariants over a stream of matrices, in constant memory.

    Matrices are summed in blocks of fixed size, each centred on its own mean, and blocks are merged by the pairwise
    formula of Chan, Golub and LeVeque (The American Statistician 37, 242, 1983): nothing is subtracted from sums of
    squares, so a mean that is large beside its spread costs no digits.

    What is exact: the count; merging with empty moments; a + b == b + a, bit for bit; saving and loading. The same
    matrices in the same order give the same bits, however they are cut into batches (as far as `evaluate` gives the
    same bits, as it does at every size on one machine; and with the same BLAS and number of its threads, for cross
    moments). What is exact but for rounding: (a + b) + c against a + (b + c), and a merged result against one pass.

    Cross moments cost len(graphs)^2 multiplications a matrix: for the 361 graphs of degree one to four about as much as
    evaluating a 10 x 10 matrix, and 1 MB for the sums.

    Args:
        graphs: all of one kind of matrices.
        family: the kind of matrices, if the graphs alone do not tell.
        cross: whether to accumulate cross moments; without them there are means and variances only.

    Raises:
        ValueError: the graphs are none, or of several kinds.

    >>> from pigmm.invariants import Multigraph
    >>> trace, total = Multigraph([(0, 0)]), Multigraph([(0, 1)])
    >>> moments = InvariantMoments([trace, total])
    >>> moments.update(np.ones((3, 4, 4)))
    >>> other = InvariantMoments.of(np.zeros((3, 4, 4)), [trace, total])
    >>> (moments + other).count, (moments + other).mean
    (6, array([2., 8.]))
    """

    def __init__(self, graphs: Iterable[GivenGraph], *, family: GraphFamily | None = None, cross: bool = True) -> None:
        self.graphs = checked_graphs(graphs, family)
        self.family = checked_family(self.graphs, family)
        self.cross = cross
        self.shape: tuple[int, ...] | None = None  # of one matrix; unknown before the first
        self._sums = CentredSums.empty(len(self.graphs), cross)
        self._block = np.empty((_BLOCK, len(self.graphs)))  # values that wait until the block is full
        self._filled = 0

    @classmethod
    def of(
        cls, matrices: ArrayLike, graphs: Iterable[GivenGraph], *, family: GraphFamily | None = None, cross: bool = True
    ) -> InvariantMoments:
        """Compute the moments over one batch of matrices.

        Args:
            matrices: (..., N, N), as `evaluate` takes them.
            graphs: all of one kind of matrices.
            family: the kind of matrices, if the graphs alone do not tell.
            cross: whether to accumulate cross moments; without them there are means and variances only.

        Returns:
            The moments.

        Raises:
            ValueError: as `evaluate`.

        >>> from pigmm.invariants import Multigraph
        >>> InvariantMoments.of(np.ones((5, 4, 4)), [Multigraph([(0, 0)])]).count
        5
        """
        moments = cls(graphs, family=family, cross=cross)
        moments.update(matrices)
        return moments

    def update(self, matrices: ArrayLike) -> None:
        """Add matrices. After an error nothing is added.

        Args:
            matrices: (..., N, N), as `evaluate` takes them.

        Raises:
            ValueError: as `evaluate`, or the matrices are of another shape than those before.
        """
        shape = tuple(np.shape(matrices)[-matrix_axes(self.family) :])
        if self.shape is not None and shape != self.shape:
            raise ValueError(f"matrices must be of shape {self.shape}, as those before, got {shape}")
        self.update_values(evaluate_arrays(matrices, self.graphs, family=self.family))
        self.shape = shape

    def update_values(self, values: ArrayLike) -> None:
        """Add values of the invariants, where `evaluate` has been called already.

        Args:
            values: (..., len(graphs)) real numbers.

        Raises:
            ValueError: the last axis has not one number for each graph.

        >>> from pigmm.invariants import Multigraph
        >>> moments = InvariantMoments([Multigraph([(0, 0)])])
        >>> moments.update_values([[1.0], [3.0]])
        >>> moments.mean
        array([2.])
        """
        added = as_array("values", values).astype(np.float64, copy=False)
        if added.ndim == 0 or added.shape[-1] != len(self.graphs):
            raise ValueError(f"values must have {len(self.graphs)} numbers in the last axis, got shape {added.shape}")
        added = added.reshape(-1, len(self.graphs))
        while len(added):
            part, added = np.split(added, [_BLOCK - self._filled])
            self._block[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == _BLOCK:
                self._sums += CentredSums.of(self._block, self.cross)
                self._filled = 0

    def __add__(self, other: InvariantMoments) -> InvariantMoments:
        """Merge the moments over the matrices of both.

        Args:
            other: moments of the same graphs.

        Returns:
            New moments; neither of the two is changed.

        Raises:
            ValueError: they are of different graphs, families or matrices.

        >>> from pigmm.invariants import Multigraph
        >>> loops = [Multigraph([(0, 0)])]
        >>> InvariantMoments(loops) + InvariantMoments([Multigraph([(0, 1)])])
        Traceback (most recent call last):
            ...
        ValueError: moments must be of the same graphs in the same order to be merged
        """
        if not isinstance(other, InvariantMoments):
            return NotImplemented
        if self.graphs != other.graphs:
            raise ValueError("moments must be of the same graphs in the same order to be merged")
        if self.family != other.family:
            names = f"{self.family.name} and {other.family.name}"
            raise ValueError(f"moments must be of the same family to be merged, got {names}")
        for name, mine, theirs in (("cross", self.cross, other.cross), ("shape of matrices", self.shape, other.shape)):
            if mine != theirs and None not in (mine, theirs):
                raise ValueError(f"moments must be of the same {name} to be merged, got {mine} and {theirs}")
        merged = InvariantMoments(self.graphs, family=self.family, cross=self.cross)
        merged.shape = self.shape or other.shape
        if self.count and other.count:
            merged._sums = self._all + other._all
        else:  # whoever is not empty, with its block that is not full
            whole = other if other.count else self
            merged._sums = whole._sums
            merged.update_values(whole._waiting)
        return merged

    def __copy__(self) -> InvariantMoments:
        """Return an independent copy: matrices added to the one do not show in the other.

        Returns:
            The copy.

        >>> from pigmm.invariants import Multigraph
        >>> from copy import copy
        >>> moments = InvariantMoments([Multigraph([(0, 0)])])
        >>> copy(moments).update_values([[1.0]])
        >>> moments.count
        0
        """
        return self + InvariantMoments(self.graphs, family=self.family, cross=self.cross)

    @property
    def count(self) -> int:
        """The number of matrices."""
        return self._sums.count + self._filled

    @property
    def mean(self) -> Array:
        """Means, (len(graphs),); ValueError before the first matrix."""
        self._require(1, "mean")
        return self._all.mean

    @property
    def second_moments(self) -> Array:
        """Centred sums sum_n (O_G - mean_G)(O_H - mean_H), (len(graphs), len(graphs)); ValueError without cross.

        >>> from pigmm.invariants import Multigraph
        >>> moments = InvariantMoments([Multigraph([(0, 0)]), Multigraph([(0, 1)])])
        >>> moments.update_values([[1.0, 0.0], [3.0, 4.0]])
        >>> moments.second_moments
        array([[2., 4.],
               [4., 8.]])
        """
        if not self.cross:
            raise ValueError("cross moments were not accumulated: make the moments with cross=True")
        return self._all.squares

    @property
    def covariance(self) -> Array:
        """Unbiased covariances of the invariants of one matrix, (len(graphs), len(graphs)); needs two matrices."""
        self._require(2, "covariance")
        covariance: Array = self.second_moments / (self.count - 1)
        return covariance

    @property
    def variance(self) -> Array:
        """Unbiased variances of the invariants of one matrix, (len(graphs),); needs two matrices."""
        self._require(2, "variance")
        squares = self._all.squares
        variance: Array = (squares.diagonal() if self.cross else squares) / (self.count - 1)
        return variance

    @property
    def standard_deviation(self) -> Array:
        """Standard deviations of the invariants of one matrix, (len(graphs),).

        >>> from pigmm.invariants import Multigraph
        >>> moments = InvariantMoments([Multigraph([(0, 0)])], cross=False)
        >>> moments.update_values([[1.0], [3.0], [5.0]])
        >>> moments.standard_deviation
        array([2.])
        """
        deviation: Array = np.sqrt(self.variance)
        return deviation

    @property
    def standard_error(self) -> Array:
        """Standard errors of the means, (len(graphs),): standard_deviation / sqrt(count)."""
        error: Array = self.standard_deviation / np.sqrt(self.count)
        return error

    def to_frame(self) -> pd.DataFrame:
        """Return the moments as a table.

        Returns:
            A row a graph: graph (its label), name, formula, degree, nodes, mean, standard_deviation, standard_error,
            count.

        >>> from pigmm.invariants import Multigraph
        >>> InvariantMoments.of(np.ones((5, 4, 4)), [Multigraph([(0, 0)])]).to_frame()[["graph", "mean", "count"]]
          graph  mean  count
        0    00   4.0      5
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "graph": [graph.label for graph in self.graphs],
                "name": [graph.name for graph in self.graphs],
                "formula": [graph.formula for graph in self.graphs],
                "degree": [graph.degree for graph in self.graphs],
                "nodes": [graph.number_of_nodes for graph in self.graphs],
                "mean": self.mean,
                "standard_deviation": self.standard_deviation,
                "standard_error": self.standard_error,
                "count": self.count,
            }
        )

    def save(self, path: Path | str) -> None:
        """Write the moments to a .npz file of numbers and labels (nothing pickled), from which `load` gives the same
        moments.

        Args:
            path: of the file, which is written under exactly this name.

        >>> from pigmm.invariants import Multigraph
        >>> from tempfile import TemporaryDirectory
        >>> moments = InvariantMoments.of(np.ones((5, 4, 4)), [Multigraph([(0, 0)])])
        >>> with TemporaryDirectory() as folder:
        ...     moments.save(Path(folder) / "a.npz")
        ...     InvariantMoments.load(Path(folder) / "a.npz").mean
        array([4.])
        """
        with Path(path).open("wb") as file:  # a path would be given the ending .npz by numpy
            np.savez(
                file,
                format=np.array(_FORMAT),
                labels=np.array([graph.label for graph in self.graphs]),
                arc_types=np.array([(arc.tail, arc.head, arc.loops) for arc in self.family.arc_types]),
                directed=np.array(self.family.directed),
                cross=np.array(self.cross),
                shape=np.array(self.shape or (), dtype=np.int64),
                count=np.array(self._sums.count),
                mean=self._sums.mean,
                squares=self._sums.squares,
                waiting=self._waiting,
            )

    @classmethod
    def load(cls, path: Path | str) -> InvariantMoments:
        """Read moments from a file of `save`.

        Args:
            path: of the file.

        Returns:
            The moments, bit for bit.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file holds something else.
        """
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as content:
                return cls._from(content)
        # numpy and the checks tell what is wrong in these ways; TypeError and AttributeError: not an archive
        except (ValueError, KeyError, EOFError, BadZipFile, TypeError, AttributeError) as error:
            # numpy takes what it does not know for a pickle, and would advise to allow it
            reason = "it is no .npz file of numbers" if "pickle" in str(error) else str(error)
            raise ValueError(f"{path} must be a file of invariant moments, got one that is not: {reason}") from None

    @classmethod
    def _from(cls, content: Any) -> InvariantMoments:
        if str(content["format"]) != _FORMAT:
            raise ValueError(f"the format is {str(content['format'])!r}")
        arcs = tuple(ArcType(int(tail), int(head), bool(loops)) for tail, head, loops in content["arc_types"])
        family = GraphFamily(arcs, bool(content["directed"]))
        graphs = [parse_label(str(label), family) for label in content["labels"]]
        moments = cls(graphs, family=family, cross=bool(content["cross"]))
        count, mean, squares, waiting = (content[name] for name in ("count", "mean", "squares", "waiting"))
        expected = moments._sums
        shapes = (mean.shape, squares.shape, waiting.shape[1:]) == (
            expected.mean.shape,
            expected.squares.shape,
            expected.mean.shape,
        )
        if not shapes or any(array.dtype != np.float64 for array in (mean, squares, waiting)) or count < 0:
            raise ValueError("the arrays do not fit the graphs")
        moments.shape = tuple(int(n) for n in content["shape"]) or None
        moments._sums = CentredSums(int(count), mean, squares)
        moments.update_values(waiting)
        return moments

    @property
    def _all(self) -> CentredSums:
        """Of the full blocks and of the one that is not."""
        return self._sums + CentredSums.of(self._waiting, self.cross) if self._filled else self._sums

    @property
    def _waiting(self) -> Array:
        return self._block[: self._filled]

    def _require(self, least: int, what: str) -> None:
        if self.count < least:
            raise ValueError(f"{what} needs moments of at least {least} matrices, got {self.count}")

    def __repr__(self) -> str:
        return f"InvariantMoments({len(self.graphs)} graphs, {self.count} matrices, cross={self.cross})"
