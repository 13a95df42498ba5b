"""Whether the square layers keep the constraints of the symmetry of the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from markupsafe import Markup

from ....analysis.layers.constraints import COMMON, EQUALS, FREE, ZEROS
from ....analysis.layers.layer import Tables
from ....analysis.network_subsets import ALL
from ....analysis.questions import SYMMETRY
from ....analysis.selection import at_last_epoch, where
from ....analysis.verdicts import LEVEL, Verdict, Verdicts, too_few
from ....notation.number_format import counted
from ....notation.p_values import p_text
from ....notation.symbols import layer_name, parameter_html


@dataclass(frozen=True)
class Constraint:
    """The constraint of largest |z|: a parameter that must be zero, or must equal `COMMON`; z may be NaN."""

    parameter: str
    z: float


@dataclass(frozen=True)
class PValues:
    """One test of all eight constraints of a layer together, through training.

    Args:
        last: at the last epoch; NaN if it was not done.
        smallest: the smallest that the test can give.
        low: how many epochs have at most 5%.
        epochs: how many have the test.
        least: the smallest of them.
    """

    last: float
    smallest: float
    low: int
    epochs: int
    least: float


@dataclass(frozen=True)
class LayerConstraints:
    """The constraints of one square layer at the last epoch.

    Args:
        layer: its index.
        zero, equal: the worst of the five zeros, and of the three equalities.
        wald, randomisation: tests of all eight together; None without nested models.
        verdict: None if there is no test.
    """

    layer: int
    zero: Constraint
    equal: Constraint
    wald: PValues | None
    randomisation: PValues | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Constraints:
    """Whether rows and columns of the square layers can be exchanged independently.

    Args:
        epoch: the last.
        few: why asymptotic tests are no verdict; empty if they are.
        layers: one by one.
    """

    heading: ClassVar[str] = "The symmetry of the network"
    template: ClassVar[str] = "constraints"
    zeros: ClassVar[tuple[str, ...]] = ZEROS
    equals: ClassVar[tuple[str, ...]] = (*EQUALS, COMMON)
    free: ClassVar[tuple[str, ...]] = tuple(name for name in FREE if name != COMMON)

    epoch: float
    few: str
    layers: tuple[LayerConstraints, ...]

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Constraints:
        """Read the constraints one by one, and the tests of all together where there are such.

        Args:
            tables: `symmetry` and, if there is one, `nested_models`.
            verdicts: of the page.

        Returns:
            The record.

        >>> row = {"layer": 1, "epoch": 2.0, "subset": "all", "networks": 500, "z": 0.5}
        >>> both = [{**row, "parameter": "mu_2", "minus": ""}, {**row, "parameter": "G2", "minus": "G3"}]
        >>> Constraints.of({"symmetry": pd.DataFrame(both)}, {}).layers[0].equal
        Constraint(parameter='G2', z=0.5)
        """
        last = at_last_epoch(where(tables["symmetry"], subset=ALL))
        equality = last.minus.isin([COMMON])  # an empty cell may have been read as missing
        epoch = float(last.epoch.iloc[0])
        layers = []
        for layer, own in last.groupby("layer"):
            zero, equal = (_worst(own[equality[own.index] == which]) for which in (False, True))
            tests = [_tests(tables, layer, epoch, name) for name in ("p_wald", "p_randomisation")]
            verdict = verdicts.get((SYMMETRY, layer))
            layers.append(LayerConstraints(int(str(layer)), zero, equal, tests[0], tests[1], verdict))
        return cls(epoch, too_few(int(last.networks.iloc[0]), "network"), tuple(layers))

    def which(self, verdict: str) -> list[LayerConstraints]:
        """The layers with a verdict, by its name."""
        return [own for own in self.layers if own.verdict is not None and own.verdict.name == verdict]

    @property
    def exact(self) -> bool:
        """Whether the randomisation test was done."""
        return any(own.randomisation and own.randomisation.last == own.randomisation.last for own in self.layers)

    @property
    def course(self) -> list[PValues]:
        """Wald's tests through training, which reject too often of few networks."""
        tests = [own.wald for own in self.layers if own.wald and own.wald.epochs > 1]
        return [] if self.few else tests

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        rows = []
        for own in self.layers:
            line = {"layer": layer_name(own.layer)}
            for name, worst, minus in (("five zeros", own.zero, ""), ("three equalities", own.equal, COMMON)):
                symbol = parameter_html(worst.parameter)
                if minus:
                    symbol = Markup("{} − {}").format(symbol, parameter_html(minus))
                line[f"largest |z| of the {name}"] = Markup("{}, {}").format(f"{worst.z:.2f}", symbol)
            for name, test in (("Wald", own.wald), ("randomisation", own.randomisation)):
                if test:
                    line[f"{name}, p"] = p_text(test.last, test.smallest)
                    line[f"{name}, p ≤ {LEVEL:g}"] = f"{test.low} of {counted(test.epochs, 'epoch')}"
            rows.append(line | ({"verdict": own.verdict.value} if own.verdict else {}))
        return rows


def _worst(part: pd.DataFrame) -> Constraint:
    z = part.z.abs()
    top = part.iloc[int(np.nanargmax(z)) if z.notna().any() else 0]
    return Constraint(str(top.parameter), abs(float(top.z)))


def _tests(tables: Tables, layer: object, epoch: float, column: str) -> PValues | None:
    if "nested_models" not in tables:
        return None
    own = where(tables["nested_models"], symmetry="S_N x S_N", layer=layer)
    p, end = own[column].dropna(), where(own, epoch=epoch)
    last = float(end[column].iloc[0]) if len(end) else float("nan")
    by_draws = column == "p_randomisation" and last == last
    smallest = 1 / (float(end.replicates.iloc[0]) + 1) if by_draws else 0.0
    return PValues(last, smallest, int((p <= LEVEL).sum()), len(p), float(p.min()))
