"""The align-and-attend inpainter: a target, its references and its past in; the painted frame and its reasons out.

It holds the three pathways together and nothing else: no file, no schedule, no state of its own. What must be
remembered between frames is in `State`, which the caller keeps.

Convention:
    Images (B, 3, H, W) in the working log range (about 0..1, highlights above), visibility (B, 1, H, W) 1 where
    visible; H and W multiples of 8. Homographies map target pixels to reference pixels; pixel centres at integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core.harmonic import harmonic_fill_batch
from aan_engine.network.align import Aligned, Alignment
from aan_engine.network.attend import Attention, CellMatches
from aan_engine.network.blocks import (
    STRIDE,
    WIDTHS,
    Conv,
    Encoder,
    Residual,
    Upsample,
    cell_window,
    surroundings,
    visible_cells,
)
from aan_engine.network.flow import FlowEstimator, agreement, warp

MOTION = 64

REACH = 8
"""Cells around a hole that its paint depends on: the decoder's convolutions reach 62 pixels far."""


@dataclass(frozen=True)
class ReferenceSet:
    """The references of one target, or of a batch of B targets.

    Args:
        features: (N, c, h, w) or (B, N, c, h, w) cells from `Inpainter.features`; N may be 0.
        visible: (N, 1, h, w) or (B, N, 1, h, w), 0 or 1.
        homographies: (N, 3, 3) or (B, N, 3, 3), target pixel -> reference pixel.
    """

    features: Tensor
    visible: Tensor
    homographies: Tensor

    def batched(self) -> ReferenceSet:
        """The same with a batch axis."""
        if self.features.dim() == 5:
            return self
        return ReferenceSet(self.features[None], self.visible[None], self.homographies[None])


@dataclass(frozen=True)
class RecurrentState:
    """What the recurrence remembers: the last output and the one before it, (B, 3, H, W) each."""

    previous: Tensor
    before: Tensor

    def along(self, flow: Tensor) -> RecurrentState:
        """The same, brought along a measured motion.

        Convention: `flow` (B, 2, H, W) is a backward warp in pixels: target pixel -> shift into the frame before.
        """
        return RecurrentState(warp(self.previous, flow)[0], warp(self.before, flow)[0])


@dataclass(frozen=True)
class Inpainted:
    """One frame, painted.

    Args:
        image: (B, 3, H, W) the target where it is visible, the synthesis where it is hidden.
        synthesis: (B, 3, H, W) the network's own output before it is laid under the visible target.
        flow: (B, 2, H, W) displacement into the previous output, in pixels; 0 without a state.
        composition: (B, 1, H, W) share of the warped previous output in the synthesis; 0 without a state.
        matches: the attention's best reference cell of each target cell.
        aligned: the alignment stage's weights, distances and coverage.
        state: to be given with the next frame.
    """

    image: Tensor
    synthesis: Tensor
    flow: Tensor
    composition: Tensor
    matches: CellMatches
    aligned: Aligned
    state: RecurrentState


class Inpainter(nn.Module):
    """Encoder, alignment, refinement, residual pathway, decoder and recurrence (arXiv 1905.13066, section 3)."""

    def __init__(self) -> None:
        super().__init__()
        width = WIDTHS[-1]
        self.encoder = Encoder()
        self.alignment = Alignment()
        self.attention = Attention()
        self.residual = nn.Sequential(Conv(width + 1, width), *(Residual(width, dilation=d) for d in (2, 4, 8, 2, 1)))
        self.flow = FlowEstimator(width, motion=MOTION)
        self.decoder = Decoder(2 * width + MOTION + 2, width)

    def features(self, image: Tensor, visible: Tensor) -> Tensor:
        """Cells of a frame, to be computed once and used as target and as reference: (B, c, H / 8, W / 8)."""
        cells: Tensor = self.encoder(image, visible)
        return cells

    def step(
        self,
        target: Tensor,
        visible: Tensor,
        *,
        references: ReferenceSet,
        state: RecurrentState | None = None,
        cells: Tensor | None = None,
    ) -> Inpainted:
        """Paints one frame; see `forward`."""
        painted: Inpainted = self(target, visible, references, state, cells)
        return painted

    def forward(
        self,
        target: Tensor,
        visible: Tensor,
        references: ReferenceSet,
        state: RecurrentState | None,
        cells: Tensor | None = None,
    ) -> Inpainted:
        """One frame of each video in the batch, from its references and the two outputs before it.

        `cells` are the target's own from `features`, for whoever has them already.
        """
        given = references.batched()
        cells = self.features(target, visible) if cells is None else cells
        shown = visible_cells(visible)
        aligned = self.alignment(cells, shown, given.features, given.visible, given.homographies)
        hole = (1 - shown) * aligned.coverage
        filled = shown * cells + hole * aligned.features  # Eq. 5: m x_t + (1 - m) m_hat x_r
        refined, matches = self.attention(filled, hole, given.features, given.visible)
        alone = self.residual(torch.cat([cells, shown], dim=1))
        base = harmonic_fill_batch(target, visible)
        known = torch.where(visible > 0, target, 0.0)
        if state is None:
            past = cells.new_zeros(len(cells), MOTION, *cells.shape[-2:])
            own = base + self.decoder(torch.cat([refined, alone, past, shown, hole], dim=1), base, visible)
            flow, share, synthesis = torch.zeros_like(own[:, :2]), torch.zeros_like(visible), own
        else:
            motion = self.flow(state.previous, state.before, cells, shown)
            own = base + self.decoder(torch.cat([refined, alone, motion.features, shown, hole], dim=1), base, visible)
            flow = motion.flow
            share = motion.composition * agreement(motion.warped, known, visible)
            synthesis = (1 - share) * own + share * motion.warped
        image = known * visible + synthesis * (1 - visible)
        kept = RecurrentState(image, state.previous if state is not None else image)
        return Inpainted(image, synthesis, flow, share, matches, aligned, kept)


class Decoder(nn.Module):
    """Both pathways and the warped past to pixels: (B, inner, h, w) -> (B, 3, 8 h, 8 w), added to the smooth fill.

    What a wire hides is told by the pixels beside it: the last stage sees them at half resolution, beside what the
    cells say. It sees them as differences from their surroundings, in units of the contrast there, and adds in those
    units: a calm sky is disturbed little, a crowd much. Untrained, and where the target is visible, it adds nothing.

    Only the box of the hole is painted, and as much around it as the paint depends on.
    """

    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        self.meeting = nn.Sequential(Conv(inner, width), Residual(width))
        self.rise = nn.Sequential(Upsample(width, 48), Upsample(48, 32))
        self.enter = nn.Sequential(nn.Conv2d(32 + 4 * 4, 40, 3, padding=1), nn.SiLU())
        self.near = Residual(40)
        self.down = nn.Sequential(nn.Conv2d(40, 64, 3, 2, padding=1), nn.SiLU())
        self.wide = nn.Sequential(*(Residual(64, dilation=d) for d in (1, 2, 4)))
        self.up = Upsample(64, 40)
        self.join = Residual(40)
        self.paint = nn.Conv2d(40, 3 * 4, 3, padding=1)
        nn.init.zeros_(self.paint.weight)
        assert self.paint.bias is not None
        nn.init.zeros_(self.paint.bias)

    def forward(self, cells: Tensor, base: Tensor, visible: Tensor) -> Tensor:
        """`base` (B, 3, 8 h, 8 w), the visible target with its hole filled smoothly, lets the seam close."""
        met = self.meeting(cells)
        level, contrast = surroundings(base, visible)
        rows, columns = cell_window(visible < 1, margin=REACH)
        y, x = (slice(STRIDE * span.start, STRIDE * span.stop) for span in (rows, columns))
        apart = (base - level) / contrast
        beside = F.pixel_unshuffle(torch.cat([apart[..., y, x], visible[..., y, x]], dim=1), 2)
        fine = self.near(self.enter(torch.cat([self.rise(met[..., rows, columns]), beside], dim=1)))
        fine = self.join(fine + self.up(self.wide(self.down(fine))))
        paint = torch.zeros_like(base)
        paint[..., y, x] = F.pixel_shuffle(self.paint(fine), 2)
        return paint * contrast * (visible < 1)
