"""Claims of arXiv:2505.17907 with measurements and verdicts, whose rules stand with them."""

from __future__ import annotations

from math import pi, sqrt

import pandas as pd

from ..analysis.verdicts import Verdict, Verdicts
from ..notation.number_format import number, percent, with_error
from ..report.claims import Agreement, JudgedClaim, judged_claims
from .measures.descent import FLOW
from .questions import APPROXIMATE, AT_WIDTH, EVERY, INNER, Tables

#: The part of the trace that the paper's approximate eigenvalues have, for every dimension.
PAPERS_SHARE = (3 + pi) / (2 * pi)


def claim_table(tables: Tables, verdicts: Verdicts) -> pd.DataFrame:
    """Set the claims of the paper beside the measurements of a study.

    Args:
        tables: of the study.
        verdicts: on `function_form_tests` of the same tables.

    Returns:
        Columns claim, measurement, verdict, rule.
    """
    claims = (
        eigenvectors(tables),
        trace(tables),
        eigenvalues(tables, verdicts),
        function_forms(tables),
        descent(tables),
        orthogonality(tables, verdicts),
    )
    return judged_claims(claims)


def eigenvectors(tables: Tables) -> JudgedClaim:
    """Judge the approximate eigenvectors: they agree while less than 1/20 of each is outside of its eigenspace.

    Args:
        tables: of the study: agreement.

    Returns:
        The claim.
    """
    leak = _quantity(tables, "vector_leak")
    return JudgedClaim(
        "four groups of vectors are approximate eigenvectors",
        f"{_range(leak)} of their squared length is outside of the eigenspaces",
        Agreement.graded(leak.max() < 0.05, leak.max() < 0.25),
        "agrees below 5% in every group, in part below 25%",
    )


def trace(tables: Tables) -> JudgedClaim:
    """Judge the share of the trace: it agrees if it is not below the paper's by more than two standard errors.

    Args:
        tables: of the study: networks.

    Returns:
        The claim.
    """
    shares = tables["networks"].groupby("network").share.sum()
    error = float(shares.std(ddof=1) / sqrt(len(shares)))
    return JudgedClaim(
        f"their eigenvalues have {_small(PAPERS_SHARE, '.3g')} of the trace at least",
        f"{with_error(100 * shares.mean(), 100 * error)}%",
        Agreement.graded(shares.mean() + 2 * error >= PAPERS_SHARE, False),
        "agrees if not below by more than two standard errors",
    )


def eigenvalues(tables: Tables, verdicts: Verdicts) -> JudgedClaim:
    """Judge the approximate eigenvalues: they agree while no test detects a difference, in part while within a tenth.

    Args:
        tables: of the study: eigenvalues.
        verdicts: of the page.

    Returns:
        The claim.
    """
    table = tables["eigenvalues"]
    off = (table.approximate / table.measured - 1).abs()
    seen = [group for group in table.group if verdicts[APPROXIMATE, group] is Verdict.DEPARTS]
    exact = [group for group in table.group if verdicts[AT_WIDTH, group] is Verdict.DEPARTS]
    told = f"a departure in {', '.join(seen)}" if seen else "no departure detected"
    from_exact = f"a departure in {', '.join(exact)}" if exact else "no departure detected"
    return JudgedClaim(
        "simulations validate the accuracy of the approximations: (2d + 1)/(4 pi), 1/4, 1/(2 pi (d + 2))",
        f"off by {_range(off)}: {told}; from the exact values at this width: {from_exact}",
        Agreement.graded(not seen, off.max() < 0.1),
        "agrees if no group departs by Holm's procedure, in part if all are within 10%",
    )


def function_forms(tables: Tables) -> JudgedClaim:
    """Judge the functions: they agree while the squared error is below 1/20, and in part if it falls as 1/m.

    Args:
        tables: of the study: agreement and widths.

    Returns:
        The claim.
    """
    error, leak = _quantity(tables, "function_error"), _quantity(tables, "function_leak")
    widths = tables["widths"]
    own = widths[widths.quantity == "function_error"]
    products = (own.hidden * own.measured).groupby(own.group)
    falls = bool((products.max() < 1.5 * products.min()).all())
    return JudgedClaim(
        "the functions f_v of the four groups converge to F_0, F_l, F_ab and F_gg",
        f"squared error {_range(error)} of E[F^2], {'falling as 1/m' if falls else 'not falling as 1/m'}; "
        f"of exact eigenvectors {_range(leak)}",
        Agreement.graded(falls and error.max() < 0.05, falls),
        "agrees if the error falls as 1/m and is below 5% in every group, in part if it falls only",
    )


def descent(tables: Tables) -> JudgedClaim:
    """Judge the order of learning: it agrees if gradient flow learns the groups in order, at rates within a twentieth.

    Args:
        tables: of the study: rates.

    Returns:
        The claim.
    """
    rates = tables["rates"]
    flow = rates[rates.method == FLOW].set_index("group")
    ordered = flow.measured["F_0"] > flow.measured["F_l"] > max(flow.measured["F_ab"], flow.measured["F_gg"])
    off = (flow.measured / flow.exact - 1).abs().max()
    values = ", ".join(f"{group} {number(value, '.3g')}" for group, value in flow.measured.items())
    return JudgedClaim(
        "gradient descent prioritises these functions, as the Fisher matrix says",
        f"decay rates of gradient flow: {values}; within {percent(off)} of the eigenvalues",
        Agreement.graded(ordered and off < 0.05, ordered),
        "agrees if in order and within 5% of the eigenvalues, in part if in order",
    )


def orthogonality(tables: Tables, verdicts: Verdicts) -> JudgedClaim:
    """Judge orthogonality: it agrees while cosines between groups are below a tenth, in part while below a half.

    Args:
        tables: of the study: orthogonality.
        verdicts: of the page.

    Returns:
        The claim.
    """
    table = tables["orthogonality"]
    between = table[table.first_group != table.second_group].root_mean_square
    same = verdicts[INNER, EVERY] is not Verdict.DEPARTS
    return JudgedClaim(
        "inner products by the Fisher matrix approximate orthogonality in function space",
        f"cosines between the groups: root mean squares {number(between.min(), '.2f')} to "
        f"{number(between.max(), '.2f')}; u^T I v {'is' if same else 'is not'} the mean of f_u f_v",
        Agreement.graded(same and between.max() < 0.1, same and between.max() < 0.5),
        "agrees below 0.1, in part below 0.5",
    )


def _quantity(tables: Tables, name: str) -> pd.Series[float]:
    table = tables["agreement"]
    return table[table.quantity == name].measured


def _range(shares: pd.Series[float]) -> str:
    return f"{_small(shares.min())} to {_small(shares.max())}"


def _small(share: float, form: str = ".2g") -> str:
    return f"{number(100 * share, form)}%"
