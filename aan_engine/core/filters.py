"""Filters that leave out what is masked."""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.core.types import Array, Mask

LEAST_SHARE = np.float32(1e-3)
"""Share of a Gaussian's weight that must be known; with less the mean is pulled to 0 instead of blown up."""


def masked_gaussian(values: Array, known: Mask, sigma: float) -> Array:
    """`values` (h, w[, c]) under a Gaussian of `sigma` pixels, as the mean of the pixels where `known` (h, w) is True.

    Masked values may be anything, NaN included: they do not bleed into the result (normalised convolution).
    """
    wide = known if values.ndim == 2 else known[..., None]
    share = np.maximum(cv2.GaussianBlur(known.astype(np.float32), (0, 0), sigma), LEAST_SHARE)
    total = cv2.GaussianBlur(np.where(wide, values, np.float32(0)), (0, 0), sigma)
    return np.asarray(total / (share if values.ndim == 2 else share[..., None]), np.float32)
