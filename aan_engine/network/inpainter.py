"""Align-and-attend inpainter: from a target, its references and its past outputs to the target, synthesised.

Sections 3.2 and 3.3 of arXiv 1905.13066: alignment, refinement by attention, the residual stage, the decoder, and the
recurrence. A pure function: what the recurrence needs of earlier frames is in `RecurrentState`, which the caller keeps.

Convention:
    Images (B, 3, H, W) in the log range (about 0 .. 1, highlights above), visibility (B, 1, H, W), 1 where visible; H
    and W multiples of 8. Homographies map target pixels to reference pixels; pixel centres at integers.
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
from aan_engine.network.flow import FlowEstimator, photometric_agreement, warp

MOTION_CHANNELS = 64

REACH = 8
"""Cells around a hole that its synthesis depends on: the decoder's receptive field reaches 62 pixels far."""


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
    """The recurrence's state: the previous output and the one before it, (B, 3, H, W) each."""

    previous: Tensor
    before: Tensor

    def along(self, flow: Tensor) -> RecurrentState:
        """The same, warped along a measured motion.

        Convention: `flow` (B, 2, H, W) is a backward warp in pixels: target pixel -> displacement into the frame
            before.
        """
        return RecurrentState(warp(self.previous, flow)[0], warp(self.before, flow)[0])


@dataclass(frozen=True)
class Inpainted:
    """The inpainter's output for one frame.

    Args:
        image: (B, 3, H, W) the target where it is visible, the synthesis where it is hidden.
        synthesis: (B, 3, H, W) the network's own output, visible pixels included.
        flow: (B, 2, H, W) displacement into the previous output, in pixels; 0 without a state.
        composition: (B, 1, H, W) share of the warped previous output in the synthesis; 0 without a state.
        matches: the attention's best reference cell for each target cell.
        aligned: the alignment stage's weights, distances and coverage.
        state: for the next frame.
    """

    image: Tensor
    synthesis: Tensor
    flow: Tensor
    composition: Tensor
    matches: CellMatches
    aligned: Aligned
    state: RecurrentState


class Inpainter(nn.Module):
    """Encoder, alignment, refinement, residual stage, decoder and recurrence (arXiv 1905.13066, section 3)."""

    def __init__(self) -> None:
        super().__init__()
        width = WIDTHS[-1]
        self.encoder = Encoder()
        self.alignment = Alignment()
        self.attention = Attention()
        self.residual = nn.Sequential(Conv(width + 1, width), *(Residual(width, dilation=d) for d in (2, 4, 8, 2, 1)))
        self.flow = FlowEstimator(width, motion=MOTION_CHANNELS)
        self.decoder = Decoder(2 * width + MOTION_CHANNELS + 2, width)

    def features(self, image: Tensor, visible: Tensor) -> Tensor:
        """Features of a frame, computed once and used as target and as reference: (B, c, H / 8, W / 8)."""
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
        """One frame; see `forward`."""
        inpainted: Inpainted = self(target, visible, references, state, cells)
        return inpainted

    def forward(
        self,
        target: Tensor,
        visible: Tensor,
        references: ReferenceSet,
        state: RecurrentState | None,
        cells: Tensor | None = None,
    ) -> Inpainted:
        """One frame of each video in the batch, from its references and the two outputs before it.

        Args:
            cells: the target's own features, where they have been computed already.
        """
        given = references.batched()
        cells = self.features(target, visible) if cells is None else cells
        cells_visible = visible_cells(visible)
        aligned = self.alignment(cells, cells_visible, given.features, given.visible, given.homographies)
        hole = (1 - cells_visible) * aligned.coverage
        filled = cells_visible * cells + hole * aligned.features  # Eq. 5: m x_t + (1 - m) m_hat x_r
        refined, matches = self.attention(filled, hole, given.features, given.visible)
        residual = self.residual(torch.cat([cells, cells_visible], dim=1))
        base = harmonic_fill_batch(target, visible)
        known = torch.where(visible > 0, target, 0.0)
        if state is None:
            past = cells.new_zeros(len(cells), MOTION_CHANNELS, *cells.shape[-2:])
            decoder_input = torch.cat([refined, residual, past, cells_visible, hole], dim=1)
            own = base + self.decoder(decoder_input, base, visible)
            flow, composition, synthesis = torch.zeros_like(own[:, :2]), torch.zeros_like(visible), own
        else:
            motion = self.flow(state.previous, state.before, cells, cells_visible)
            decoder_input = torch.cat([refined, residual, motion.features, cells_visible, hole], dim=1)
            own = base + self.decoder(decoder_input, base, visible)
            flow = motion.flow
            composition = motion.composition * photometric_agreement(motion.warped, known, visible)
            synthesis = (1 - composition) * own + composition * motion.warped
        image = known * visible + synthesis * (1 - visible)
        next_state = RecurrentState(image, state.previous if state is not None else image)
        return Inpainted(image, synthesis, flow, composition, matches, aligned, next_state)


class Decoder(nn.Module):
    """Features to pixels: (B, inner, h, w) -> (B, 3, 8 h, 8 w), to be added to the smooth fill.

    What a thin hole hides follows from the pixels beside it: the last stage gets those, too, at half resolution. They
    enter as differences from their surroundings in units of the contrast there, and the output is in those units, so
    that a calm sky is disturbed little and a crowd much. Untrained, and where the target is visible, it is 0.

    Computed only over the box of the hole and as much around it as the result depends on.
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
        """The residual to `base` (B, 3, 8 h, 8 w), the target with its hole filled smoothly; see the class."""
        joined = self.meeting(cells)
        level, contrast = surroundings(base, visible)
        rows, columns = cell_window(visible < 1, margin=REACH)
        y, x = (slice(STRIDE * span.start, STRIDE * span.stop) for span in (rows, columns))
        normalised = (base - level) / contrast
        pixels = F.pixel_unshuffle(torch.cat([normalised[..., y, x], visible[..., y, x]], dim=1), 2)
        fine = self.near(self.enter(torch.cat([self.rise(joined[..., rows, columns]), pixels], dim=1)))
        fine = self.join(fine + self.up(self.wide(self.down(fine))))
        residual = torch.zeros_like(base)
        residual[..., y, x] = F.pixel_shuffle(self.paint(fine), 2)
        return residual * contrast * (visible < 1)
