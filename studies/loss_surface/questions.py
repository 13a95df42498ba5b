"""What the page of a loss surface judges, all of it together."""

from __future__ import annotations

import pandas as pd

from ..analysis.selection import records, where
from ..analysis.verdicts import Test, Verdicts, judge
from ..notation.number_format import number
from .number_variance import JUDGED

COUNTS = "the number variance is that of GOE"
POWER_LAW = "s(b) is a power of b"
HALF = "the power is -1/2"
SEMICIRCLE = "the noise is a semicircle"
LINEAR = "the outlier is linear in 1/b"
SLOPE = "its slope is that of a semicircle"
STEP = "the step is 1/(theta + e)"

Tables = dict[str, pd.DataFrame]


def ratios_of(ensemble: str) -> str:
    """The question whether ratios of spacings are those of an ensemble.

    >>> ratios_of("GOE")
    'the ratios of spacings are those of GOE'
    """
    return f"the ratios of spacings are those of {ensemble}"


def delocalised(direction: str) -> str:
    """The question whether the eigenvectors of the noise are spread over a direction as over any.

    >>> delocalised("largest outlier")
    'the noise is delocalised: largest outlier'
    """
    return f"the noise is delocalised: {direction}"


def cell(epoch: float, data: str) -> str:
    """A subject: an epoch and a part of the data.

    >>> cell(30.0, "test")
    'epoch 30, test'
    """
    return f"epoch {number(epoch, 'g')}, {data}"


def spike(network: int, place: int) -> str:
    """A subject: an outlier of a network, the largest is 1.

    >>> spike(0, -1)
    'network 0, outlier 1'
    """
    return f"network {network}, outlier {-place}"


def tests_of(tables: Tables) -> list[Test]:
    """List the tests of a page.

    Args:
        tables: as `measured_tables` returns them.

    Returns:
        The tests, each question about a subject once.
    """
    asked = [Test(ratios_of(row["ensemble"]), cell(row["epoch"], row["data"]), row["p_value"])
             for row in records(tables["local"])]  # fmt: skip
    asked += [
        Test(COUNTS, cell(row["epoch"], row["data"]), row["p_value"])
        for row in records(where(tables["number_variance"], ensemble="GOE", length=JUDGED))
    ]
    for row in records(tables["noise_fit"]):
        subject = f"network {row['network']}"
        asked += [
            Test(POWER_LAW, subject, row["p_power_law"]),
            Test(HALF, subject, row["p_half"]),
            Test(SEMICIRCLE, subject, row["p_semicircle"], 1 / (row["replicates"] + 1)),
        ]
    asked += [
        Test(delocalised(row["direction"]), f"network {row['network']}", row["p_value"])
        for row in records(tables["delocalisation"])
    ]
    for row in records(tables["outliers"]) if "outliers" in tables else ():
        subject = spike(row["network"], row["place"])
        asked += [Test(LINEAR, subject, row["p_value"]), Test(SLOPE, subject, row["p_semicircle_slope"])]
    asked += [
        Test(f"{STEP}, damping {number(row['damping'], '.3g')}", spike(row["network"], row["place"]), row["p_value"])
        for row in (records(tables["descent"]) if "descent" in tables else ())
    ]
    return asked


def judged(tables: Tables) -> Verdicts:
    """Judge all of them together.

    Args:
        tables: as `measured_tables` returns them.

    Returns:
        The verdicts by (question, subject).
    """
    return judge(tests_of(tables))
