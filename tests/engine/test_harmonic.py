"""The smooth fill: a film over a hole, fastened to what is visible and to nothing else."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from aan_engine.core.harmonic import harmonic_fill_batch
from aan_engine.network.blocks import surroundings


def frame() -> tuple[Tensor, Tensor]:
    """A noisy picture (1, 3, 64, 96), and what is visible of it: all but a box."""
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(1, 1, 64, 96)
    visible[..., 16:40, 32:64] = 0
    return image, visible


def test_the_smooth_fill_keeps_what_is_visible_and_invents_no_colour() -> None:
    image, visible = frame()
    filled = harmonic_fill_batch(torch.where(visible > 0, image, torch.nan), visible)
    assert torch.allclose(filled * visible, image * visible, atol=1e-6)
    assert image.min() <= filled.min() <= filled.max() <= image.max()
    assert torch.equal(harmonic_fill_batch(image, torch.zeros_like(visible)), torch.zeros_like(image))


def test_the_smooth_fill_carries_a_ramp_across_a_hole() -> None:
    _, visible = frame()
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 96), indexing="ij")
    ramp = torch.stack([x, y, 0.3 * x + 0.6 * y])[None]
    filled = harmonic_fill_batch(torch.where(visible > 0, ramp, torch.nan), visible)
    span = ramp[..., 16:40, 32:64].amax((2, 3)) - ramp[..., 16:40, 32:64].amin((2, 3))
    assert (filled - ramp).abs().max() < 0.03 * span.min()


def test_a_brighter_picture_is_filled_and_judged_the_same_but_brighter() -> None:
    image, visible = frame()
    assert torch.allclose(
        harmonic_fill_batch(image + 0.5, visible), harmonic_fill_batch(image, visible) + 0.5, atol=1e-5
    )
    level, contrast = surroundings(harmonic_fill_batch(image, visible), visible)
    brighter, same = surroundings(harmonic_fill_batch(image + 0.5, visible), visible)
    assert torch.allclose(brighter, level + 0.5, atol=1e-5)
    assert torch.allclose(same, contrast, atol=1e-4)
    assert surroundings(torch.full_like(image, 0.3), visible)[1].sub(0.1).abs().max() < 1e-6


def test_a_smooth_fill_is_none_of_another_holes_business() -> None:
    """Films are stretched over the box of all holes: what each of them shows is its own rim's."""
    image, visible = frame()
    both = visible.clone()
    both[..., 52:58, 80:90] = 0
    here = np.s_[..., :44, :72]
    assert torch.allclose(harmonic_fill_batch(image, both)[here], harmonic_fill_batch(image, visible)[here], atol=1e-6)
    assert torch.equal(harmonic_fill_batch(image, torch.ones_like(visible)), image)
