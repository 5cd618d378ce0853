"""The decoder computes the hole's box alone, with the result that the whole frame would have."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aan_engine.core.harmonic import harmonic_fill_batch
from aan_engine.network import inpainter as inpainter_module
from aan_engine.network.blocks import cell_window
from aan_engine.network.inpainter import REACH, Decoder

torch.set_num_threads(1)
CELLS = (30, 36)
SIZE = (8 * CELLS[0], 8 * CELLS[1])
INNER, WIDTH = 24, 32


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """Untrained, but with random weights in its last layer: they start at zero, where no test could fail."""
    torch.manual_seed(3)
    model = Decoder(INNER, WIDTH).eval().requires_grad_(False)
    torch.nn.init.normal_(model.paint.weight, std=0.05)
    return model


def visible_outside(*boxes: tuple[int, int, int, int]) -> Tensor:
    visible = torch.ones(1, 1, *SIZE)
    for top, bottom, left, right in boxes:
        visible[..., top:bottom, left:right] = 0
    return visible


def decoded(decoder: Decoder, visible: Tensor) -> Tensor:
    chance = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, *SIZE, generator=chance)
    cells = torch.randn(1, INNER, *CELLS, generator=chance)
    residual: Tensor = decoder(cells, harmonic_fill_batch(image, visible), visible)
    return residual


@pytest.mark.parametrize(
    "boxes", [[(100, 140, 120, 170)], [(0, 9, 0, 30)], [(231, 240, 280, 288)], [(90, 93, 10, 30), (150, 170, 70, 71)]]
)
def test_a_hole_is_decoded_as_with_all_of_the_frame(
    decoder: Decoder, boxes: list[tuple[int, int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    visible = visible_outside(*boxes)
    hole = decoded(decoder, visible)
    monkeypatch.setattr(inpainter_module, "cell_window", lambda mask, margin: (slice(0, CELLS[0]), slice(0, CELLS[1])))
    torch.testing.assert_close(hole, decoded(decoder, visible), rtol=0, atol=1e-6)
    assert hole[visible.expand_as(hole) < 1].abs().min() > 0


def test_a_narrower_margin_would_change_the_result(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    visible = visible_outside((100, 140, 120, 170))
    hole = decoded(decoder, visible)
    monkeypatch.setattr(inpainter_module, "REACH", REACH // 4)
    assert (hole - decoded(decoder, visible)).abs().max() > 1e-6


def test_without_a_hole_nothing_is_added(decoder: Decoder) -> None:
    assert decoded(decoder, visible_outside()).abs().max() == 0


def test_the_window_holds_the_mask_of_every_picture_and_stays_inside() -> None:
    mask = torch.zeros(2, 1, *SIZE, dtype=torch.bool)
    mask[0, 0, 40, 23] = mask[1, 0, 95, 24] = True
    assert cell_window(mask, margin=0) == (slice(5, 12), slice(2, 4))
    assert cell_window(mask, margin=4) == (slice(1, 16), slice(0, 8))
    assert cell_window(mask, margin=90) == (slice(0, CELLS[0]), slice(0, CELLS[1]))
