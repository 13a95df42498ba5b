"""Everything that a page on function forms judges, together, by Holm's procedure."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..analysis.selection import records
from ..analysis.verdicts import Test, smallest_of, two_sided
from .measures.descent import DESCENT, FLOW

Tables = Mapping[str, pd.DataFrame]

AT_WIDTH = "the mean eigenvalue is that of this width, to the order 1/m"
APPROXIMATE = "the mean eigenvalue is the paper's"
INNER = "E[f_u f_v] is u^T I v"
RATES = {FLOW: "gradient flow decays as exp(-lambda t)", DESCENT: "gradient descent decays as (1 - eta lambda)^t"}
MOMENTS = "linear and quadratic invariants have the exact expectation"
GAUSSIAN = "cubic and quartic invariants are those of the Gaussian model"
INVARIANT = "mean and covariance are permutation invariant"

EVERY = "all pairs"


def function_form_tests(tables: Mapping[str, pd.DataFrame]) -> list[Test]:
    """List the tests of a page.

    Args:
        tables: of the study.

    Returns:
        The tests.
    """
    tests = []
    for row in records(tables["eigenvalues"]):
        tests.append(Test(AT_WIDTH, row["group"], row["p_at_width"]))
        tests.append(Test(APPROXIMATE, row["group"], row["p_approximate"]))
    tests.append(Test(INNER, EVERY, smallest_of(two_sided(tables["inner_products"].z))))
    tests += [Test(RATES[row["method"]], row["group"], row["p_value"]) for row in records(tables["rates"])]
    for size, own in tables["moments"].groupby("size"):
        tests.append(Test(MOMENTS, int(str(size)), smallest_of(own.p_value)))
    for row in records(tables["gaussianity"]):
        tests.append(Test(GAUSSIAN, row["size"], row["global_p_value"], row["smallest_p_value"]))
        tests.append(Test(INVARIANT, row["size"], row["invariance_p_value"], 2 / (row["permutations"] + 1)))
    return tests
