"""A measured claim of arXiv:2510.05218: a record with a verdict, and the line of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ...analysis.verdicts import too_few
from ...report.claims import Agreement
from ...report.prose import paragraphs

#: A prediction counts as good on the paper's own scale while it misses by less than one network's spread.
GOOD = 1.0


class Claim(Protocol):
    """A claim and its measurement, as data. Its template says the measurement and, after <br>, the reason."""

    @property
    def title(self) -> str:
        """The claim of the paper."""

    @property
    def template(self) -> str:
        """The file of templates/findings/claims, without its ending."""

    @property
    def verdict(self) -> Agreement:
        """The outcome by the rule of the claim."""


@dataclass(frozen=True)
class Line:
    """One line of the table of claims.

    Args:
        run: label of the run, or of the runs compared.
        layer: index of the weight matrix, 0 at the images; None if the claim is not about a layer.
        claim: as measured.
        networks: the fewest that a run has; None if the claim could not be measured.
    """

    run: str
    layer: int | None
    claim: Claim
    networks: int | None

    @property
    def few(self) -> str:
        """Why the networks are too few for a verdict; empty if they are not."""
        return "" if self.networks is None else too_few(self.networks, "network")

    @property
    def verdict(self) -> Agreement:
        """The outcome of the claim, if the networks are enough."""
        return Agreement.OPEN if self.few else self.claim.verdict

    def row(self) -> dict[str, object]:
        """Say the line in plain text.

        Returns:
            run, layer, claim, measurement, verdict and reason.
        """
        measurement, *reasons = (part.unescape() for part in paragraphs(f"claims/{self.claim.template}", self.claim))
        return {
            "run": self.run,
            "layer": self.layer,
            "claim": self.claim.title,
            "measurement": measurement,
            "verdict": self.verdict.value,
            "reason": self.few or "".join(reasons),
        }
