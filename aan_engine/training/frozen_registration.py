"""Frozen registration: the trained homography estimator aligns references of any size, and does not learn.

Convention:
    Homographies map target pixels to reference pixels at the frames' own resolution, pixel centres at integers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.core import projective
from aan_engine.network.homography import SIDE, EncodedImage, HomographyEstimator


class FrozenRegistration:
    """The homography of each reference against the target."""

    def __init__(self, estimator: HomographyEstimator) -> None:
        self.estimator = estimator.eval().requires_grad_(False)

    @torch.no_grad()
    def encode(self, images: Tensor, visible: Tensor) -> EncodedImage:
        """Frames (N, 3, H, W) and their visibility (N, 1, H, W), encoded; needed once per frame."""
        return self.estimator.encode(_square(images * visible), (_square(visible) > 0.999).float())

    @torch.no_grad()
    def homographies(
        self, target: EncodedImage, references: EncodedImage, *, height: int, width: int
    ) -> tuple[Tensor, Tensor]:
        """One target and its N references -> (N, 3, 3) for frames of height x width, and the trust in each (N,)."""
        estimate = self.estimator.match(target, references)
        return projective.rescale(estimate.homography, before=(SIDE, SIDE), after=(height, width)), estimate.trust


def _square(image: Tensor) -> Tensor:
    """(N, c, H, W) at the estimator's size."""
    smaller = image.shape[-1] > SIDE
    return F.interpolate(image, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=smaller)
