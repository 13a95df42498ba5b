"""Finding of the paper: the simple Gaussian describes initialisation."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

from ...analysis.layers.layer import Tables
from ...analysis.verdicts import Verdict
from ...report.claims import Agreement
from ..questions import START_GAUSSIAN, START_PARAMETERS, Found, ends
from ..runs import FinishedRun
from .largest_z import LargestZ


@dataclass(frozen=True)
class SimpleGaussian:
    """Parameters and higher invariants at the first epoch. Agrees if chance explains both.

    Args:
        z: largest |z| of the parameters, in standard errors from their exact values; NaN if unknown.
        parameter: which has it.
        higher: of the cubic and quartic invariants.
        parameters: whether the parameters depart.
        gaussian: whether the higher invariants depart.
        uniform: whether the weights begin uniform.
    """

    title: ClassVar[str] = "the simple Gaussian describes initialisation"
    template: ClassVar[str] = "initialisation"

    z: float
    parameter: str
    higher: LargestZ
    parameters: Verdict
    gaussian: Verdict
    uniform: bool

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> SimpleGaussian:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        parameters, _ = ends(layer["parameters"])
        comparison, _ = ends(layer["comparison"])
        z = parameters.z_from_initial.abs()
        known = bool(z.notna().any())
        return cls(
            z.max() if known else nan,
            parameters.parameter.iloc[int(z.argmax())] if known else "",
            LargestZ.of(layer, comparison),
            found.get(START_PARAMETERS, Verdict.OPEN),
            found.get(START_GAUSSIAN, Verdict.OPEN),
            "uniform" in run.config.initialisation,
        )

    @property
    def verdict(self) -> Agreement:
        """Differs if the parameters depart, agrees in part if the higher invariants do."""
        if self.parameters is Verdict.DEPARTS:
            return Agreement.DIFFERS
        by_invariants = {Verdict.DEPARTS: Agreement.PARTLY, Verdict.NO_DEPARTURE: Agreement.AGREES}
        return by_invariants.get(self.gaussian, Agreement.OPEN)
