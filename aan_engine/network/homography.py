"""The homography estimator: from two small images with holes to eight numbers, an inlier mask and a measure of trust.

One encoder for both images, a masked correlation of every cell with every cell, and a transformation estimator that
reads the correlation as a field of matches, learns which of them to believe, and answers with four corner offsets.
It knows nothing of video, of colour spaces, or of what the homography is for.

Convention:
    Images are 256 x 256 (whatever the frame's shape was). The homography maps target pixels to reference pixels there:
    pixel centres at integer coordinates, origin top-left, x right, y down (`projective.rescale` carries it elsewhere).
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
WINDOW = 2
_TINY = 1e-37


@dataclass(frozen=True)
class EncodedImage:
    """One image as the estimator sees it: unit-length features (B, c, 32, 32), visibility (B, 1, 32, 32) of 0 or 1."""

    features: Tensor
    visible: Tensor


@dataclass(frozen=True)
class MatchField:
    """The correlation read as a field of matches; N = 1024 target cells in row order.

    Args:
        kernel: (B, N, N) the softmax over the reference before its division: target cell by reference cell, exactly 0
            unless both are visible.
        landed: (B, N, 2) expected match in reference pixels.
        sure: (B, N, 2) probability mass near the match: over reference cells, and mutual.
    """

    kernel: Tensor
    landed: Tensor
    sure: Tensor


@dataclass(frozen=True)
class HomographyEstimate:
    """What the estimator says of a pair.

    Args:
        homography: (B, 3, 3), target pixel -> reference pixel at 256 x 256.
        inliers: (B, 1, 32, 32) in 0..1: this target cell is seen in the reference and moves with the homography.
        trust: (B,) in 0..1: chance that the homography is right to within a few pixels.
        offsets: (B, 4, 2) the same homography as corner offsets in pixels.
        rounds: the homography after each round of re-weighting, the last one before the learned correction.
        inlier_logits, trust_logits: the same before the sigmoid, for training.
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
        """(B, 3, 256, 256) log images and (B, 1, 256, 256) visibility of each -> the estimate."""
        return self.match(self.encode(target, target_visible), self.encode(reference, reference_visible))

    def encode(self, image: Tensor, visible: Tensor) -> EncodedImage:
        """One image's cells, to be computed once and matched often.

        The visible mean is taken out of each channel: in the log range an exposure gain is nearly a shift.
        """
        weight = visible.sum((2, 3), keepdim=True).clamp_min(1.0)
        known = torch.where(visible > 0, image, 0.0) * visible
        centred = image - known.sum((2, 3), keepdim=True) / weight
        features = self.encoder(4.0 * centred, visible).float()
        return EncodedImage(F.normalize(features, dim=1), visible_cells(visible))

    def match(self, target: EncodedImage, reference: EncodedImage) -> HomographyEstimate:
        """The estimate from cells; a batch of one target is matched with every reference of the other."""
        count = max(len(target.features), len(reference.features))
        field = self.correlate(target, reference)
        estimate: HomographyEstimate = self.estimator(field, target.visible.expand(count, -1, -1, -1))
        return estimate

    def correlate(self, target: EncodedImage, reference: EncodedImage) -> MatchField:
        """Masked correlation: cosine of all pairs of cells, zero unless both are visible; reference softmax."""
        count = max(len(target.features), len(reference.features))
        t = target.features.flatten(2).expand(count, -1, -1)  # (B, c, N)
        r = reference.features.flatten(2).expand(count, -1, -1)
        both = target.visible.flatten(2).mT * reference.visible.flatten(2)  # (B, N, 1) * (B, 1, N)
        # A cosine is at most 1, so the softmax needs no search for its largest entry: exp(s (cos - 1)) cannot overflow.
        kernel = torch.exp((t.mT @ r - 1) * self.sharpness.clamp(0.0, 3.6).exp()) * both
        over_reference = kernel.sum(2, keepdim=True).clamp_min(_TINY)  # (B, N, 1)
        over_target = kernel.sum(1).clamp_min(_TINY)  # (B, N)
        near, shown = self._near_peak(kernel)
        mass = kernel.gather(2, near) * shown / over_reference  # (B, N, 25)
        total = mass.sum(2, keepdim=True)
        points = projective.grid(CELLS, CELLS, step=STRIDE, offset=(STRIDE - 1) / 2, like=kernel)
        landed = (mass.unsqueeze(-1) * points[near]).sum(2) / total.clamp_min(1e-6)
        mutual = mass * kernel.gather(2, near) / over_target.unsqueeze(1).expand_as(kernel).gather(2, near)
        return MatchField(kernel, landed, torch.cat([total, mutual.sum(2, keepdim=True)], dim=-1))

    @staticmethod
    def _near_peak(kernel: Tensor) -> tuple[Tensor, Tensor]:
        """The 5 x 5 reference cells around each target cell's best, as indices (B, N, 25), and 1 where they exist.

        The mean is taken over these alone: far look-alikes must not pull at it.
        """
        best = kernel.argmax(2)
        around = projective.grid(2 * WINDOW + 1, 2 * WINDOW + 1, offset=-WINDOW, like=kernel).long()  # (25, 2)
        row = (best // CELLS).unsqueeze(-1) + around[:, 1]
        column = (best % CELLS).unsqueeze(-1) + around[:, 0]
        exists = (row >= 0) & (row < CELLS) & (column >= 0) & (column < CELLS)
        index = row.clamp(0, CELLS - 1) * CELLS + column.clamp(0, CELLS - 1)
        return index, exists.to(kernel.dtype)


class TransformationEstimator(nn.Module):
    """Matches -> homography: rounds of learned weighting and weighted least squares, then a learned correction.

    In each round a small network looks at the field of matches and at how far each lies from the present fit, and says
    which cells to believe; the last round's beliefs are the inlier mask.
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
        points = at.expand_as(field.landed)
        usable = (field.sure[..., 0] > 0).to(visible.dtype)
        weight = field.sure[..., 1] * usable
        fits = [projective.fit(points, field.landed, weight + 1e-6 * usable, height=SIDE, width=SIDE)]
        for _ in range(ROUNDS):
            seen = self._evidence(field, visible, at, fits[-1])
            logits = self.weigh(seen).float()
            weight = torch.sigmoid(logits).flatten(1) * usable
            fits.append(projective.fit(points, field.landed, weight + 1e-6 * usable, height=SIDE, width=SIDE))
        judged = self.judge(
            torch.cat([self._evidence(field, visible, at, fits[-1]), torch.sigmoid(logits)], dim=1)
        ).float()
        offsets = projective.apply(fits[-1], projective.corners(SIDE, SIDE, like=visible))
        offsets = offsets - projective.corners(SIDE, SIDE, like=visible)
        # A hopeless fit may throw its corners anywhere; beyond one side the direct linear transform has no footing.
        offsets = (offsets + self.correct(judged).float().reshape(-1, 4, 2)).clamp(-SIDE, SIDE)
        homography = projective.from_corners(offsets, height=SIDE, width=SIDE)
        trust = (
            self.trust(torch.cat([judged, self._statistics(field, weight, at, homography)], dim=1)).float().squeeze(1)
        )
        shown = torch.sigmoid(logits) * usable.reshape_as(visible)
        return HomographyEstimate(homography, shown, torch.sigmoid(trust), offsets, tuple(fits), logits, trust)

    @staticmethod
    def _evidence(field: MatchField, visible: Tensor, at: Tensor, fitted: Tensor) -> Tensor:
        """What the weighting network sees of each cell: (B, 9, 32, 32)."""
        fitted = fitted.detach()
        residual = ((field.landed - projective.apply(fitted, at)) / STRIDE).clamp(-8, 8)
        moved = ((field.landed - at) / SIDE).clamp(-1, 1)
        place = (at / (SIDE / 2) - 1).expand_as(moved)
        rows = torch.cat(
            [residual, torch.log1p(residual.square().sum(2, keepdim=True)), moved, field.sure, place], dim=2
        )
        known = rows.mT.reshape(len(rows), -1, CELLS, CELLS)
        return torch.cat([known[:, :7] * visible, known[:, 7:]], dim=1)

    @staticmethod
    def _statistics(field: MatchField, weight: Tensor, at: Tensor, homography: Tensor) -> Tensor:
        """Share of inliers, their residual, their certainty: (B, 4)."""
        total = weight.sum(1).clamp_min(1e-6)
        off = (field.landed - projective.apply(homography, at)).norm(dim=2)
        mean = (weight * off.clamp_max(64)).sum(1) / total
        sure = (weight.unsqueeze(-1) * field.sure).sum(1) / total.unsqueeze(-1)
        return torch.cat([(total / weight.shape[1]).unsqueeze(1), mean.unsqueeze(1) / STRIDE, sure], dim=1).detach()
