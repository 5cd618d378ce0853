"""Homography estimator: from two small images with holes to a homography, an inlier mask and a measure of trust.

Section 3.1 of arXiv 1905.13066: one encoder for both images, a masked correlation of every cell with every cell, and a
transformation estimator that reads the correlation as a field of matches, learns which of them are inliers, and fits a
homography to those.

Convention:
    Images are 256 x 256, whatever the frame's shape. The homography maps target pixels to reference pixels there: pixel
    centres at integer coordinates, origin top-left, x right, y down (`projective.rescale` converts to other sizes).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core import projective
from aan_engine.network.blocks import STRIDE, Conv, Encoder, visible_cells

SIDE = 256
CELLS = SIDE // STRIDE

ROUNDS = 3
"""Rounds of learned re-weighting and least squares. Not measured separately."""

PEAK_RADIUS = 2
"""Cells around the best match over which its position is averaged."""

_TINY = 1e-37


@dataclass(frozen=True)
class EncodedImage:
    """One image encoded: unit-length features (B, c, 32, 32), visibility (B, 1, 32, 32), 0 or 1."""

    features: Tensor
    visible: Tensor


@dataclass(frozen=True)
class MatchField:
    """The correlation read as a field of matches; N = 1024 target cells in row order.

    Args:
        kernel: (B, N, N) the softmax over the reference before its division: target cell by reference cell, exactly 0
            unless both are visible.
        matched: (B, N, 2) position of the match in reference pixels, the mean around the best cell.
        certainty: (B, N, 2) probability mass near the match: over the reference cells, and mutual.
    """

    kernel: Tensor
    matched: Tensor
    certainty: Tensor


@dataclass(frozen=True)
class HomographyEstimate:
    """The estimate for a pair of images.

    Args:
        homography: (B, 3, 3), target pixel -> reference pixel at 256 x 256.
        inliers: (B, 1, 32, 32) in 0 .. 1: probability that the reference shows this target cell, and that it moves with
            the homography.
        trust: (B,) in 0 .. 1: probability that the homography is right to within a few pixels.
        offsets: (B, 4, 2) the same homography as corner offsets in pixels.
        rounds: the homography after each round of re-weighting, the last one before the learned correction.
        inlier_logits, trust_logits: inliers and trust before the sigmoid, for training.
    """

    homography: Tensor
    inliers: Tensor
    trust: Tensor
    offsets: Tensor
    rounds: tuple[Tensor, ...]
    inlier_logits: Tensor
    trust_logits: Tensor


class HomographyEstimator(nn.Module):
    """Masked matching and transformation estimator of arXiv 1905.13066, section 3.1, with eight degrees of freedom."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.sharpness = nn.Parameter(torch.tensor(2.7))
        self.estimator = TransformationEstimator()

    def forward(
        self, target: Tensor, reference: Tensor, *, target_visible: Tensor, reference_visible: Tensor
    ) -> HomographyEstimate:
        """(B, 3, 256, 256) log-range images and (B, 1, 256, 256) visibility of each -> the estimate."""
        return self.match(self.encode(target, target_visible), self.encode(reference, reference_visible))

    def encode(self, image: Tensor, visible: Tensor) -> EncodedImage:
        """One image's features, to be computed once and matched often.

        The visible mean of each channel is subtracted: in the log range a change of exposure is nearly an offset.
        """
        weight = visible.sum((2, 3), keepdim=True).clamp_min(1.0)
        known = torch.where(visible > 0, image, 0.0) * visible
        centred = image - known.sum((2, 3), keepdim=True) / weight
        features = self.encoder(4.0 * centred, visible).float()
        return EncodedImage(F.normalize(features, dim=1), visible_cells(visible))

    def match(self, target: EncodedImage, reference: EncodedImage) -> HomographyEstimate:
        """The estimate from features; one target is matched with every reference of a batch."""
        count = max(len(target.features), len(reference.features))
        field = self.correlate(target, reference)
        estimate: HomographyEstimate = self.estimator(field, target.visible.expand(count, -1, -1, -1))
        return estimate

    def correlate(self, target: EncodedImage, reference: EncodedImage) -> MatchField:
        """Masked correlation: cosine of all pairs of cells, 0 unless both are visible, softmax over the reference."""
        count = max(len(target.features), len(reference.features))
        t = target.features.flatten(2).expand(count, -1, -1)  # (B, c, N)
        r = reference.features.flatten(2).expand(count, -1, -1)
        both = target.visible.flatten(2).mT * reference.visible.flatten(2)  # (B, N, 1) * (B, 1, N)
        # A cosine is at most 1, so the softmax needs no search for its largest entry: exp(s (cos - 1)) cannot overflow.
        kernel = torch.exp((t.mT @ r - 1) * self.sharpness.clamp(0.0, 3.6).exp()) * both
        over_reference = kernel.sum(2, keepdim=True).clamp_min(_TINY)  # (B, N, 1)
        over_target = kernel.sum(1).clamp_min(_TINY)  # (B, N)
        near, exists = self._near_peak(kernel)
        mass = kernel.gather(2, near) * exists / over_reference  # (B, N, 25)
        total = mass.sum(2, keepdim=True)
        points = projective.grid(CELLS, CELLS, step=STRIDE, offset=(STRIDE - 1) / 2, like=kernel)
        matched = (mass.unsqueeze(-1) * points[near]).sum(2) / total.clamp_min(1e-6)
        mutual = mass * kernel.gather(2, near) / over_target.unsqueeze(1).expand_as(kernel).gather(2, near)
        return MatchField(kernel, matched, torch.cat([total, mutual.sum(2, keepdim=True)], dim=-1))

    @staticmethod
    def _near_peak(kernel: Tensor) -> tuple[Tensor, Tensor]:
        """The 5 x 5 reference cells around each target cell's best match: indices (B, N, 25), and 1 where they exist.

        The mean is taken over these only, so that look-alikes elsewhere do not shift it.
        """
        best = kernel.argmax(2)
        around = projective.grid(
            2 * PEAK_RADIUS + 1, 2 * PEAK_RADIUS + 1, offset=-PEAK_RADIUS, like=kernel
        ).long()  # (25, 2)
        row = (best // CELLS).unsqueeze(-1) + around[:, 1]
        column = (best % CELLS).unsqueeze(-1) + around[:, 0]
        exists = (row >= 0) & (row < CELLS) & (column >= 0) & (column < CELLS)
        index = row.clamp(0, CELLS - 1) * CELLS + column.clamp(0, CELLS - 1)
        return index, exists.to(kernel.dtype)


class TransformationEstimator(nn.Module):
    """Matches -> homography: learned iteratively reweighted least squares, then a learned correction.

    In each round a small network gets the field of matches and their residuals under the present fit, and predicts
    which cells are inliers; the last round's prediction is the inlier mask.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            Conv(9, width),
            Conv(width, width, dilation=2),
            Conv(width, width, dilation=4),
            nn.Conv2d(width, 1, 3, padding=1),
        )
        self.judge = nn.Sequential(
            Conv(10, width, stride=2), Conv(width, width, stride=2), nn.AdaptiveAvgPool2d(4), nn.Flatten()
        )
        self.correct = nn.Linear(16 * width, 8)
        self.trust = nn.Sequential(nn.Linear(16 * width + 4, 32), nn.SiLU(), nn.Linear(32, 1))
        nn.init.zeros_(self.correct.weight)
        nn.init.zeros_(self.correct.bias)

    def forward(self, field: MatchField, visible: Tensor) -> HomographyEstimate:
        """Matches of N = 1024 cells and (B, 1, 32, 32) target visibility -> the estimate."""
        at = projective.grid(CELLS, CELLS, step=STRIDE, offset=(STRIDE - 1) / 2, like=visible)
        points = at.expand_as(field.matched)
        usable = (field.certainty[..., 0] > 0).to(visible.dtype)
        weight = field.certainty[..., 1] * usable
        fits = [projective.fit(points, field.matched, weight + 1e-6 * usable, height=SIDE, width=SIDE)]
        for _ in range(ROUNDS):
            logits = self.weigh(self._evidence(field, visible, at, fits[-1])).float()
            weight = torch.sigmoid(logits).flatten(1) * usable
            fits.append(projective.fit(points, field.matched, weight + 1e-6 * usable, height=SIDE, width=SIDE))
        evidence = self._evidence(field, visible, at, fits[-1])
        summary = self.judge(torch.cat([evidence, torch.sigmoid(logits)], dim=1)).float()
        offsets = projective.apply(fits[-1], projective.corners(SIDE, SIDE, like=visible))
        offsets = offsets - projective.corners(SIDE, SIDE, like=visible)
        # A failed fit may put its corners anywhere; beyond one side the direct linear transform is ill-conditioned.
        offsets = (offsets + self.correct(summary).float().reshape(-1, 4, 2)).clamp(-SIDE, SIDE)
        homography = projective.from_corners(offsets, height=SIDE, width=SIDE)
        statistics = self._statistics(field, weight, at, homography)
        trust = self.trust(torch.cat([summary, statistics], dim=1)).float().squeeze(1)
        inliers = torch.sigmoid(logits) * usable.reshape_as(visible)
        return HomographyEstimate(homography, inliers, torch.sigmoid(trust), offsets, tuple(fits), logits, trust)

    @staticmethod
    def _evidence(field: MatchField, visible: Tensor, at: Tensor, fitted: Tensor) -> Tensor:
        """The weighting network's input (B, 9, 32, 32): residual, displacement, certainty and position of each cell."""
        fitted = fitted.detach()
        residual = ((field.matched - projective.apply(fitted, at)) / STRIDE).clamp(-8, 8)
        displacement = ((field.matched - at) / SIDE).clamp(-1, 1)
        position = (at / (SIDE / 2) - 1).expand_as(displacement)
        length = torch.log1p(residual.square().sum(2, keepdim=True))
        rows = torch.cat([residual, length, displacement, field.certainty, position], dim=2)
        known = rows.mT.reshape(len(rows), -1, CELLS, CELLS)
        return torch.cat([known[:, :7] * visible, known[:, 7:]], dim=1)

    @staticmethod
    def _statistics(field: MatchField, weight: Tensor, at: Tensor, homography: Tensor) -> Tensor:
        """Share of inliers, their mean residual in cells, and their mean certainty: (B, 4)."""
        total = weight.sum(1).clamp_min(1e-6)
        residual = (field.matched - projective.apply(homography, at)).norm(dim=2)
        mean = (weight * residual.clamp_max(64)).sum(1) / total
        certainty = (weight.unsqueeze(-1) * field.certainty).sum(1) / total.unsqueeze(-1)
        share = (total / weight.shape[1]).unsqueeze(1)
        return torch.cat([share, mean.unsqueeze(1) / STRIDE, certainty], dim=1).detach()
