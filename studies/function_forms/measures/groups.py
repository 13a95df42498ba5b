"""The four groups of functions of a wide ReLU network, and where they stand among `relu_eigenvectors`."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ....spectra import relu_fisher_eigenvalues


@dataclass(frozen=True)
class Group:
    """One of the four groups.

    Args:
        name: F_0, F_l, F_ab or F_gg.
        degree: of its harmonics.
        start, stop: where its vectors stand among those of `relu_eigenvectors`.
        multiplicity: the number of independent ones; the d vectors of F_gg add up to zero.
        exact: eigenvalue for infinite width.
        approximate: the paper's.
    """

    name: str
    degree: int
    start: int
    stop: int
    multiplicity: int
    exact: float
    approximate: float

    @property
    def places(self) -> slice:
        """Where its vectors stand."""
        return slice(self.start, self.stop)

    @property
    def several(self) -> bool:
        """Whether it has more than one function."""
        return self.stop - self.start > 1


#: Names of the groups in figures, in matplotlib's mathematics.
MATHEMATICS = {"F_0": "$F_0$", "F_l": "$F_l$", "F_ab": r"$F_{\alpha\beta}$", "F_gg": r"$F_{\gamma\gamma}$"}
_HTML = {"F_0": "0", "F_l": "l", "F_ab": "αβ", "F_gg": "γγ"}


def groups_of(dimension: int) -> tuple[Group, ...]:
    """Return the groups in the order of `relu_eigenvectors`.

    Args:
        dimension: d of the inputs, at least 2.

    Returns:
        The four groups.

    >>> [(group.name, group.start, group.stop, group.multiplicity) for group in groups_of(3)]
    [('F_0', 0, 1, 1), ('F_l', 1, 4, 3), ('F_ab', 4, 7, 3), ('F_gg', 7, 10, 2)]
    """
    d, start, found = dimension, 0, []
    sizes = (1, d, d * (d - 1) // 2, d)
    exact, approximate = relu_fisher_eigenvalues(d), relu_fisher_eigenvalues(d, approximate=True)
    for place, (name, degree, size) in enumerate(zip(MATHEMATICS, (0, 1, 2, 2), sizes, strict=True)):
        value, multiplicity = exact[place]
        found.append(Group(name, degree, start, start + size, multiplicity, value, approximate[place][0]))
        start += size
    return tuple(found)


def group_name_html(name: str) -> Markup:
    """Write the name of a group on a page.

    Args:
        name: of the group.

    Returns:
        Markup.

    >>> print(group_name_html("F_ab"))
    F<sub>αβ</sub>
    """
    return Markup("F<sub>{}</sub>").format(_HTML[name])
