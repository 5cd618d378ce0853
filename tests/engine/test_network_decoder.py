"""The decoder: it paints the hole's box alone, and the paint is that of the whole frame."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aan_engine.core.harmonic import harmonic_fill_batch
from aan_engine.network import inpainter as room
from aan_engine.network.blocks import cell_window
from aan_engine.network.inpainter import REACH, Decoder

torch.set_num_threads(1)
CELLS = (30, 36)
SIZE = (8 * CELLS[0], 8 * CELLS[1])
INNER, WIDTH = 24, 32


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    """Untrained, with its last layer stirred: it starts at zero, and a test on zeros could not fail."""
    torch.manual_seed(3)
    model = Decoder(INNER, WIDTH).eval().requires_grad_(False)
    torch.nn.init.normal_(model.paint.weight, std=0.05)
    return model


def shown(*boxes: tuple[int, int, int, int]) -> Tensor:
    visible = torch.ones(1, 1, *SIZE)
    for top, bottom, left, right in boxes:
        visible[..., top:bottom, left:right] = 0
    return visible


def painted(decoder: Decoder, visible: Tensor) -> Tensor:
    chance = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, *SIZE, generator=chance)
    cells = torch.randn(1, INNER, *CELLS, generator=chance)
    paint: Tensor = decoder(cells, harmonic_fill_batch(image, visible), visible)
    return paint


@pytest.mark.parametrize(
    "boxes", [[(100, 140, 120, 170)], [(0, 9, 0, 30)], [(231, 240, 280, 288)], [(90, 93, 10, 30), (150, 170, 70, 71)]]
)
def test_a_hole_is_painted_as_with_all_of_the_frame(
    decoder: Decoder, boxes: list[tuple[int, int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    visible = shown(*boxes)
    hole = painted(decoder, visible)
    monkeypatch.setattr(room, "cell_window", lambda marked, margin: (slice(0, CELLS[0]), slice(0, CELLS[1])))
    torch.testing.assert_close(hole, painted(decoder, visible), rtol=0, atol=1e-6)
    assert hole[visible.expand_as(hole) < 1].abs().min() > 0


def test_a_narrower_margin_would_be_seen(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    visible = shown((100, 140, 120, 170))
    hole = painted(decoder, visible)
    monkeypatch.setattr(room, "REACH", REACH // 4)
    assert (hole - painted(decoder, visible)).abs().max() > 1e-6


def test_without_a_hole_nothing_is_painted(decoder: Decoder) -> None:
    assert painted(decoder, shown()).abs().max() == 0


def test_the_window_holds_all_that_is_marked_in_any_picture_and_stays_inside() -> None:
    marked = torch.zeros(2, 1, *SIZE, dtype=torch.bool)
    marked[0, 0, 40, 23] = marked[1, 0, 95, 24] = True
    assert cell_window(marked, margin=0) == (slice(5, 12), slice(2, 4))
    assert cell_window(marked, margin=4) == (slice(1, 16), slice(0, 8))
    assert cell_window(marked, margin=90) == (slice(0, CELLS[0]), slice(0, CELLS[1]))
