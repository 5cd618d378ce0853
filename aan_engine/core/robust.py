"""Robust least squares: weights that fade what does not fit, and one step of Gauss-Newton with them.

Source: iteratively reweighted least squares with the Geman-McClure and the Cauchy function, as in any textbook on
robust statistics.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array

MAD_TO_SIGMA = 1.48
"""Median absolute deviation of normal noise times this is its standard deviation."""

TUNING = 2.5
"""Standard deviations at which a residual's weight has fallen to a quarter; the usual choice, not tuned here."""


def geman_mcclure(residual: Array, scale: float) -> Array:
    """Weights 0 .. 1, 1 / (1 + (r / scale)^2)^2: a residual of `scale` counts a quarter, a large one not at all."""
    return np.asarray(1.0 / (1.0 + (residual / scale) ** 2) ** 2)


def cauchy(residual: Array, scale: NDArray[np.floating] | float) -> Array:
    """Weights 0 .. 1, 1 / (1 + (r / scale)^2): large residuals keep some say; `scale` may be one per channel."""
    return np.asarray(1 / (1 + (residual / scale) ** 2), np.float32)


def gauss_newton_step(
    jacobian: Array, residual: Array, weight: Array, *, damping: float, floor: float, damped: slice = slice(None)
) -> NDArray[np.float64]:
    """The step (p,) that lowers the weighted residuals (n,), by the normal equations.

    Args:
        jacobian: (p, n), the residuals' derivatives by the parameters.
        weight: (n,).
        damping: added to the diagonal, relative to its mean, for the parameters `damped`: holds back what is badly
            determined (Levenberg-Marquardt).
        floor: added to all of the diagonal.
    """
    weighted = jacobian * weight
    normal = (weighted @ jacobian.T).astype(np.float64)
    count = len(normal)
    held = np.zeros(count)
    held[damped] = 1
    normal[np.diag_indices(count)] += damping * np.trace(normal) / count * held + floor
    return np.asarray(np.linalg.solve(normal, -(weighted @ residual).astype(np.float64)))
