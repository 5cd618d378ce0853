"""Alignment, attention, recurrence and the inpainter that joins them: what is hidden never counts."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from aan_engine.core import projective
from aan_engine.core.harmonic import harmonic_fill_batch
from aan_engine.network.align import Alignment, sample, warp_cells
from aan_engine.network.attend import Attention
from aan_engine.network.blocks import WIDTHS, visible_cells
from aan_engine.network.chooser import Chooser
from aan_engine.network.flow import photometric_agreement, warp
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainted, Inpainter, RecurrentState, ReferenceSet

torch.set_num_threads(1)
C = WIDTHS[-1]


def eyes(*shape: int) -> Tensor:
    return torch.eye(3).expand(*shape, 3, 3).clone()


def moved_by(dx: float, dy: float) -> Tensor:
    return torch.tensor([[1.0, 0, dx], [0, 1, dy], [0, 0, 1]])


def smooth(*shape: int) -> Tensor:
    coarse = torch.rand(*shape[:2], shape[2] // 8, shape[3] // 8)
    return torch.nn.functional.interpolate(coarse, size=shape[2:], mode="bilinear")


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    """Untrained, but with random weights in its last layer: they start at zero, where no test could fail."""
    torch.manual_seed(7)
    model = Inpainter().eval().requires_grad_(False)
    torch.nn.init.normal_(model.decoder.paint.weight, std=0.05)
    return model


def frame(height: int = 64, width: int = 96, seed: int = 0) -> tuple[Tensor, Tensor]:
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    visible = torch.ones(1, 1, height, width)
    visible[..., 16:40, 32:64] = 0
    return image, visible


def references(model: Inpainter, count: int) -> ReferenceSet:
    frames = [frame(seed=10 + i) for i in range(count)]
    image = torch.cat([f[0] for f in frames])
    visible = torch.ones(count, 1, 64, 96)
    homographies = torch.stack([moved_by(8.0 * i, 0.0) for i in range(count)])
    return ReferenceSet(model.features(image, visible), visible_cells(visible), homographies)


def test_the_identity_leaves_cells_where_they_are() -> None:
    cells = torch.rand(2, 3, 5, 6, 8)
    warped, shown = warp_cells(cells, torch.ones(2, 3, 1, 6, 8), eyes(2, 3))
    assert torch.allclose(warped, cells, atol=1e-5)
    assert shown.min() == 1


def test_eight_pixels_are_one_cell_and_the_map_points_into_the_reference() -> None:
    cells = torch.rand(1, 1, 5, 6, 8)
    warped, shown = warp_cells(cells, torch.ones(1, 1, 1, 6, 8), moved_by(8.0, -16.0)[None, None])
    assert torch.allclose(warped[..., 2:, :-1], cells[..., :-2, 1:], atol=1e-5)
    assert shown[..., :2, :].max() == 0
    assert shown[..., -1].max() == 0


def test_a_hidden_cell_lends_nothing_to_its_neighbours() -> None:
    cells = torch.ones(1, 1, 2, 6, 8)
    cells[..., 3, 4] = 1e6
    visible = torch.ones(1, 1, 1, 6, 8)
    visible[..., 3, 4] = 0
    warped, shown = warp_cells(cells, visible, moved_by(2.0, 3.0)[None, None])
    assert torch.allclose(warped, shown.expand_as(warped), atol=1e-4)


def test_alignment_prefers_the_reference_that_looks_like_the_target() -> None:
    target = torch.rand(1, 4, 6, 8)
    given = torch.stack([target[0] + 0.5, target[0] + 0.01, target[0] - 0.4])[None]
    aligned = Alignment()(target, torch.ones(1, 1, 6, 8), given, torch.ones(1, 3, 1, 6, 8), eyes(1, 3))
    assert aligned.distance.argmin() == 1
    assert aligned.weights[0, 1].min() > 0.9
    assert torch.allclose(aligned.weights.sum(1), torch.ones(1, 6, 8))


def test_distance_is_divided_by_the_overlap() -> None:
    target = torch.zeros(1, 4, 6, 8)
    given = torch.full((1, 2, 4, 6, 8), 0.3)
    visible = torch.ones(1, 2, 1, 6, 8)
    visible[:, 1, :, :, 4:] = 0
    aligned = Alignment()(target, torch.ones(1, 1, 6, 8), given, visible, eyes(1, 2))
    assert aligned.distance[0, 0].item() == pytest.approx(aligned.distance[0, 1].item(), rel=1e-3)


def test_a_hidden_reference_weighs_exactly_nothing_in_the_alignment() -> None:
    target = torch.rand(1, 4, 6, 8)
    visible = torch.ones(1, 2, 1, 6, 8)
    visible[:, 0, :, 2:4] = 0
    visible[:, :, :, 5] = 0
    aligned = Alignment()(target, torch.ones(1, 1, 6, 8), torch.rand(1, 2, 4, 6, 8), visible, eyes(1, 2))
    assert aligned.weights[0, 0, 2:4].max() == 0
    assert aligned.weights[0, 1, 2:4].min() == 1
    assert aligned.coverage[0, 0, 5].max() == 0
    assert aligned.features[..., 5, :].abs().max() == 0


def test_attention_finds_the_cell_that_looks_alike() -> None:
    references_ = torch.randn(1, 2, 16, 6, 8, generator=torch.Generator().manual_seed(0))
    filled = torch.zeros(1, 16, 6, 8)
    filled[0, :, 2, 3] = 3 * references_[0, 1, :, 4, 7]
    queries = torch.zeros(1, 1, 6, 8)
    queries[..., 2, 3] = 1
    out, found = Attention()(filled, queries, references_, torch.ones(1, 2, 1, 6, 8))
    at = 2 * 8 + 3
    assert (found.reference[0, at], found.y[0, at], found.x[0, at]) == (1, 4, 7)
    assert found.weight[0, at] > 0.5
    assert (found.reference >= 0).sum() == 1
    untouched = torch.ones(6, 8, dtype=torch.bool)
    untouched[2, 3] = False
    assert torch.equal(out[..., untouched], filled[..., untouched])


def test_attention_never_picks_a_hidden_key() -> None:
    given = torch.randn(1, 3, 16, 6, 8, generator=torch.Generator().manual_seed(1))
    visible = (torch.rand(1, 3, 1, 6, 8, generator=torch.Generator().manual_seed(2)) > 0.7).float()
    spoiled = torch.where(visible > 0, given, torch.full((), torch.nan))
    filled = given[:, 0]
    out, found = Attention()(filled, torch.ones(1, 1, 6, 8), spoiled, visible)
    assert visible[0, found.reference[0], 0, found.y[0], found.x[0]].min() == 1
    assert out.isfinite().all()


def test_attention_without_a_visible_key_changes_nothing() -> None:
    filled = torch.rand(1, 16, 6, 8)
    queries = torch.ones(1, 1, 6, 8)
    for given, visible in (
        (torch.rand(1, 2, 16, 6, 8), torch.zeros(1, 2, 1, 6, 8)),
        (filled[:, None][:, :0], queries[:, None][:, :0]),
    ):
        out, found = Attention()(filled, queries, given, visible)
        assert torch.equal(out, filled)
        assert found.reference.max() == -1
        assert found.weight.max() == 0


def test_no_flow_is_no_warp_and_a_flow_points_into_the_previous_frame() -> None:
    image = torch.rand(1, 3, 12, 16)
    still, inside = warp(image, torch.zeros(1, 2, 12, 16))
    assert torch.allclose(still, image, atol=1e-5)
    assert inside.min() == 1
    flow = torch.zeros(1, 2, 12, 16)
    flow[:, 0] = 3
    warped, inside = warp(image, flow)
    assert torch.allclose(warped[..., :-3], image[..., 3:], atol=1e-5)
    assert inside[..., -3:].max() == 0


def test_the_past_is_trusted_where_it_shows_what_the_target_shows_and_nowhere_else() -> None:
    torch.manual_seed(2)
    target, visible = torch.rand(1, 3, 96, 160), torch.ones(1, 1, 96, 160)
    visible[..., 40:56, :] = 0
    past = target.clone()
    past[..., 80:] += 0.4
    # Inside the hole there is nothing to compare the past with: it must not count.
    past[..., 40:56, :] += 9
    share = photometric_agreement(past, target, visible)
    assert share.shape == visible.shape
    assert share[..., :56].min() > 0.99
    assert share[..., 104:].max() < 0.01
    assert photometric_agreement(target + 0.01, target, visible).min() > 0.95


def test_where_nothing_around_is_visible_the_whole_frame_decides_whether_the_past_is_trusted() -> None:
    target, visible = torch.rand(1, 3, 96, 160), torch.ones(1, 1, 96, 160)
    visible[..., 32:] = 0
    assert photometric_agreement(target, target, visible).min() > 0.99
    assert photometric_agreement(target + 0.4, target, visible).max() < 0.01
    assert photometric_agreement(target + 0.4, target, torch.zeros_like(visible)).min() > 0.99


def test_a_past_that_shows_another_place_leaves_no_trace_in_the_synthesis(inpainter: Inpainter) -> None:
    torch.manual_seed(3)
    target, visible = smooth(1, 3, 48, 80), torch.ones(1, 1, 48, 80)
    visible[..., 16:32, 24:40] = 0
    cells = inpainter.features(target, visible)
    none = ReferenceSet(cells[:, None][:, :0], visible_cells(visible)[:, None][:, :0], eyes(1, 0))

    def inpainted(past: Tensor) -> Inpainted:
        return inpainter.step(target, visible, references=none, state=RecurrentState(past, past))

    assert inpainted(target).composition.mean() > 0.05
    assert inpainted(1 - target).composition.max() < 0.01


def test_samples_are_taken_at_pixel_centres() -> None:
    image = torch.arange(24.0).reshape(1, 1, 4, 6)
    at = projective.grid(4, 6).reshape(1, 4, 6, 2)
    assert torch.allclose(sample(image, at), image, atol=1e-5)
    assert torch.allclose(sample(image, at + 0.5)[..., :3, :5], image[..., :3, :5] + 3.5, atol=1e-4)


def test_features_computed_before_give_the_same_output(inpainter: Inpainter) -> None:
    image, visible = frame()
    none = ReferenceSet(torch.zeros(0, C, 8, 12), torch.zeros(0, 1, 8, 12), torch.zeros(0, 3, 3))
    given = inpainter.step(image, visible, references=none, cells=inpainter.features(image, visible))
    assert torch.equal(given.image, inpainter.step(image, visible, references=none).image)


def test_an_untrained_inpainter_is_the_smooth_fill() -> None:
    image, visible = frame()
    none = ReferenceSet(torch.zeros(0, C, 8, 12), torch.zeros(0, 1, 8, 12), torch.zeros(0, 3, 3))
    assert torch.equal(
        Inpainter().eval().step(image, visible, references=none).image, harmonic_fill_batch(image, visible)
    )


def test_a_thin_hole_depends_on_the_pixels_beside_it(inpainter: Inpainter) -> None:
    """Fine structure that no cell resolves, a shift by four pixels, changes the output."""
    image, visible = frame()
    visible[:] = 1
    visible[..., 30:33, :] = 0
    none = ReferenceSet(torch.zeros(0, C, 8, 12), torch.zeros(0, 1, 8, 12), torch.zeros(0, 3, 3))
    out = [inpainter.step(i, visible, references=none) for i in (image, image.roll(4, dims=3))]
    added = [
        o.synthesis - harmonic_fill_batch(i, visible) for o, i in zip(out, (image, image.roll(4, dims=3)), strict=True)
    ]
    moved = added[1] - added[0].roll(4, dims=3)
    assert added[0].abs().max() > 1e-3
    assert moved[..., 30:33, 16:80].abs().mean() < 0.8 * (added[1] - added[0])[..., 30:33, 16:80].abs().mean()


def test_what_is_visible_stays_and_what_is_hidden_cannot_matter(inpainter: Inpainter) -> None:
    image, visible = frame()
    spoiled = torch.where(visible > 0, image, torch.nan)
    given = references(inpainter, 2)
    first = inpainter.step(image, visible, references=given)
    second = inpainter.step(spoiled, visible, references=given)
    assert torch.equal(first.image, second.image)
    shown = visible.expand_as(image) > 0
    assert torch.equal(first.image[shown], image[shown])


@pytest.mark.parametrize("size", [(64, 96), (80, 64)])
def test_shapes_at_any_multiple_of_eight(inpainter: Inpainter, size: tuple[int, int]) -> None:
    image, visible = frame(*size)
    h, w = size[0] // 8, size[1] // 8
    cells = inpainter.features(image, visible)
    assert cells.shape == (1, C, h, w)
    given = ReferenceSet(cells, visible_cells(visible), eyes(1))
    inpainted = inpainter.step(image, visible, references=given)
    inpainted = inpainter.step(image, visible, references=given, state=inpainted.state)
    assert inpainted.image.shape == (1, 3, *size)
    assert inpainted.flow.shape == (1, 2, *size)
    assert inpainted.composition.shape == (1, 1, *size)
    assert inpainted.matches.reference.shape == (1, h * w)
    assert inpainted.aligned.weights.shape == (1, 1, h, w)


def test_a_frame_without_references_or_past_is_still_filled(inpainter: Inpainter) -> None:
    image, visible = frame()
    none = ReferenceSet(torch.zeros(0, C, 8, 12), torch.zeros(0, 1, 8, 12), torch.zeros(0, 3, 3))
    inpainted = inpainter.step(image, visible, references=none)
    assert inpainted.image.isfinite().all()
    assert inpainted.aligned.coverage.max() == 0
    assert inpainted.matches.reference.max() == -1
    assert inpainted.composition.max() == 0


def test_references_change_the_output(inpainter: Inpainter) -> None:
    image, visible = frame()
    given = references(inpainter, 3)
    shuffled = ReferenceSet(given.features.roll(3, dims=3), given.visible, given.homographies)
    first, second = (inpainter.step(image, visible, references=r).image for r in (given, shuffled))
    assert (first - second).abs().max() > 1e-4


def test_the_order_of_the_references_does_not_matter(inpainter: Inpainter) -> None:
    image, visible = frame()
    given = references(inpainter, 3)
    turned = ReferenceSet(given.features.flip(0), given.visible.flip(0), given.homographies.flip(0))
    first, second = (inpainter.step(image, visible, references=r) for r in (given, turned))
    assert torch.allclose(first.image, second.image, atol=1e-4)
    found = first.matches.reference >= 0
    assert torch.equal(first.matches.reference[found], 2 - second.matches.reference[found])


def test_the_same_input_gives_the_same_bits(inpainter: Inpainter) -> None:
    image, visible = frame()
    given = references(inpainter, 2)

    def two_frames() -> Inpainted:
        past = inpainter.step(image, visible, references=given)
        return inpainter.step(image.flip(-1), visible.flip(-1), references=given, state=past.state)

    first, second = two_frames(), two_frames()
    for name in ("image", "synthesis", "flow", "composition"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    for f in fields(first.matches):
        assert torch.equal(getattr(first.matches, f.name), getattr(second.matches, f.name))


def test_a_batch_is_its_frames_one_by_one(inpainter: Inpainter) -> None:
    frames = [frame(seed=s) for s in (1, 2)]
    image, visible = torch.cat([f[0] for f in frames]), torch.cat([f[1] for f in frames])
    given = references(inpainter, 2)
    both = ReferenceSet(*(torch.stack([v, v]) for v in (given.features, given.visible, given.homographies)))
    together = inpainter.step(image, visible, references=both).image
    for i in range(2):
        alone = inpainter.step(image[i : i + 1], visible[i : i + 1], references=given).image
        assert torch.allclose(together[i : i + 1], alone, atol=1e-4)


def test_the_whole_network_keeps_to_its_budget() -> None:
    count = {
        type(m).__name__: sum(p.numel() for p in m.parameters())
        for m in (HomographyEstimator(), Inpainter(), Chooser())
    }
    assert count["HomographyEstimator"] <= 2_500_000
    assert count["Inpainter"] <= 6_000_000
    assert sum(count.values()) <= 9_000_000
