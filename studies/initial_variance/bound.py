"""The bound of arXiv:2508.12834 on the expected loss, as a function of the variance of the initial weights.

Every function takes numbers or sympy symbols, on one code path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy


def langevin_temperature(learning_rate: Any, gradient_variance: Any, batch_size: Any) -> Any:
    """Return the temperature of the Langevin equation that stands for plain SGD.

    Args:
        learning_rate: eta.
        gradient_variance: of a parameter's gradient from example to example.
        batch_size: B.

    Returns:
        T in dtheta = -grad L dt + sqrt(2 T) dW, whose stationary law is exp(-L/T)/Z.

    Source:
        arXiv:2508.12834.

    >>> langevin_temperature(0.1, 4.0, 10)
    0.02
    """
    return learning_rate * gradient_variance / (2 * batch_size)


def best_variance(squared_norm: Any, count: Any) -> Any:
    """Return the variance of the initial weights at which the bound is smallest.

    Args:
        squared_norm: expected sum of squares of the weights of a layer at the end of training.
        count: of these weights.

    Returns:
        The mean square weight, <|theta|^2>/n.

    Source:
        arXiv:2508.12834.

    >>> best_variance(50.0, 100)
    0.5
    """
    return squared_norm / count


def loss_bound(variance: Any, squared_norm: Any, count: Any, temperature: Any, log_partition: Any) -> Any:
    """Bound the expected loss of the stationary law from above, by KL(P || N(0, variance)) >= 0.

    Args:
        variance: of the initial weights.
        squared_norm: expected sum of squares of the weights of the stationary law.
        count: of the weights.
        temperature: T.
        log_partition: ln Z, of the integral of exp(-L/T).

    Returns:
        T [n/2 ln(2 pi s2) + <|theta|^2>/(2 s2) - ln Z].

    Source:
        arXiv:2508.12834.

    >>> round(float(loss_bound(1.0, 100.0, 100, temperature=0.1, log_partition=0.0)), 3)  # 5 (1 + ln 2 pi)
    14.189
    """
    logarithm, two_pi = _functions(variance)
    entropy = count * logarithm(two_pi * variance) / 2
    return temperature * (entropy + squared_norm / (2 * variance) - log_partition)


def bound_excess(ratio: Any, count: Any, temperature: Any = 1) -> Any:
    """Return by how much the bound exceeds its smallest value.

    Args:
        ratio: of the mean square weight after training to the variance before, of one layer.
        count: of the weights of this layer.
        temperature: T; 1 for the excess in units of it.

    Returns:
        T n/2 [r - 1 - ln r], zero at r = 1; the excess of several layers is the sum.

    Source:
        arXiv:2508.12834.

    >>> round(float(bound_excess(2.0, 100)), 2), float(bound_excess(1.0, 100))
    (15.34, 0.0)
    """
    logarithm, _ = _functions(ratio)
    return count * temperature / 2 * (ratio - 1 - logarithm(ratio))


def _functions(value: Any) -> tuple[Any, Any]:
    """The logarithm and 2 pi for symbols or for numbers."""
    return (sympy.log, 2 * sympy.pi) if isinstance(value, sympy.Basic) else (np.log, 2 * np.pi)
