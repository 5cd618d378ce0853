"""The homography estimator, and the geometry that it is made of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from aan_engine.core import projective
from aan_engine.network import weights
from aan_engine.network.blocks import masked_softmax, visible_cells
from aan_engine.network.homography import CELLS, SIDE, HomographyEstimator

torch.set_num_threads(1)


def some_homographies(count: int, seed: int = 0) -> Tensor:
    offsets = (torch.rand(count, 4, 2, generator=torch.Generator().manual_seed(seed)) - 0.5) * 60
    return projective.from_corners(offsets, height=SIDE, width=SIDE)


def scaled(homography: Tensor) -> Tensor:
    return homography / homography[:, 2:, 2:]


def picture(seed: int = 0) -> Tensor:
    """(1, 3, 256, 256) of shapes large and small over a gradient: detail everywhere."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.linspace(0.2, 0.6, SIDE, dtype=np.float32)[None, :, None], SIDE, 0) * np.ones(3, np.float32)
    for _ in range(160):
        at, colour = rng.integers(0, SIDE, 2), rng.uniform(0, 1, 3)
        size = rng.integers(3, 22, 2)
        cv2.ellipse(image, at.tolist(), size.tolist(), rng.uniform(0, 180), 0, 360, colour.tolist(), -1, cv2.LINE_AA)
    return torch.from_numpy(image.transpose(2, 0, 1))[None]


def seen_through(image: Tensor, homography: Tensor) -> Tensor:
    """The reference of which `image` is the target: reference(H p) = target(p)."""
    matrix = homography[0].double().numpy()
    array = image[0].permute(1, 2, 0).numpy()
    warped = cv2.warpPerspective(array, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return torch.from_numpy(warped.transpose(2, 0, 1))[None]


def corner_error(found: Tensor, true: Tensor) -> float:
    corners = projective.corners(SIDE, SIDE)
    return (projective.apply(found, corners) - projective.apply(true, corners)).norm(dim=2).mean().item()


def test_corners_that_stay_give_the_identity() -> None:
    found = projective.from_corners(torch.zeros(2, 4, 2), height=144, width=256)
    assert torch.allclose(scaled(found), torch.eye(3).expand(2, 3, 3), atol=1e-5)


def test_corners_that_move_alike_give_a_translation() -> None:
    found = scaled(projective.from_corners(torch.tensor([5.0, -3.0]).expand(1, 4, 2), height=144, width=256))
    assert torch.allclose(found[0], torch.tensor([[1, 0, 5.0], [0, 1, -3.0], [0, 0, 1]]), atol=1e-4)


def test_the_homography_moves_each_corner_by_its_offset() -> None:
    offsets = (torch.rand(8, 4, 2, generator=torch.Generator().manual_seed(1)) - 0.5) * 64
    corners = projective.corners(SIDE, SIDE)
    moved = projective.apply(projective.from_corners(offsets, height=SIDE, width=SIDE), corners)
    assert torch.allclose(moved, corners + offsets, atol=2e-2)


def test_inverse_and_composition_hold_on_points() -> None:
    first, second = some_homographies(4, seed=2), some_homographies(4, seed=3)
    points = projective.grid(9, 9, step=31.0)
    there = projective.apply(first, points)
    assert torch.allclose(projective.apply(torch.linalg.inv(first), there), points.expand_as(there), atol=1e-2)
    assert torch.allclose(projective.apply(second @ first, points), projective.apply(second, there), atol=1e-2)


def test_a_fit_finds_the_homography_and_ignores_what_weighs_nothing() -> None:
    true = some_homographies(3, seed=4)
    points = projective.grid(12, 12, step=23.0).expand(3, -1, -1)
    matched = projective.apply(true, points).clone()
    weight = torch.ones(3, 144)
    matched[:, ::3] += 500.0
    weight[:, ::3] = 0.0
    assert corner_error(projective.fit(points, matched, weight, height=SIDE, width=SIDE, ridge=0.0), true) < 0.05


def test_a_fit_to_nothing_is_the_identity() -> None:
    points = projective.grid(4, 4, step=60.0).expand(1, -1, -1)
    found = projective.fit(points, points + 9.0, torch.zeros(1, 16), height=SIDE, width=SIDE)
    assert torch.allclose(found[0], torch.eye(3), atol=1e-4)


def test_rescaling_keeps_pixel_centres_and_comes_back() -> None:
    true = some_homographies(2, seed=5)
    large = projective.rescale(true, before=(SIDE, SIDE), after=(240, 432))
    points = torch.tensor([[10.0, 20.0], [200.0, 131.0]])
    scale = torch.tensor([432 / SIDE, 240 / SIDE])
    direct = (projective.apply(true, points) + 0.5) * scale - 0.5
    assert torch.allclose(projective.apply(large, (points + 0.5) * scale - 0.5), direct, atol=1e-2)
    assert torch.allclose(projective.rescale(large, before=(240, 432), after=(SIDE, SIDE)), true, atol=1e-3)


def test_a_masked_entry_weighs_exactly_zero() -> None:
    logits = torch.tensor([[3.0, 90.0, -2.0, 1.0]])
    weight = masked_softmax(logits, torch.tensor([[1.0, 0.0, 1.0, 0.0]]), dim=1)
    assert weight[0, 1] == 0
    assert weight[0, 3] == 0
    assert weight.sum().item() == pytest.approx(1.0)
    assert torch.equal(masked_softmax(logits, torch.zeros(1, 4), dim=1), torch.zeros(1, 4))
    assert masked_softmax(torch.zeros(2, 0, 3), torch.zeros(2, 0, 3), dim=1).shape == (2, 0, 3)


def test_the_correlation_of_a_hidden_cell_is_exactly_zero() -> None:
    torch.manual_seed(0)
    model = HomographyEstimator().eval()
    visible = torch.ones(1, 1, SIDE, SIDE)
    visible[..., 64:128, 64:128] = 0
    with torch.inference_mode():
        target = model.encode(picture(1), visible)
        reference = model.encode(picture(2), visible.flip(-1))
        kernel = model.correlate(target, reference).kernel[0]
    hidden_target = visible_cells(visible).flatten() == 0
    hidden_reference = visible_cells(visible.flip(-1)).flatten() == 0
    assert kernel[hidden_target].abs().max() == 0
    assert kernel[:, hidden_reference].abs().max() == 0
    assert kernel[~hidden_target][:, ~hidden_reference].min() > 0


def test_what_is_hidden_cannot_change_the_estimate() -> None:
    torch.manual_seed(0)
    model = HomographyEstimator().eval()
    visible = torch.ones(1, 1, SIDE, SIDE)
    visible[..., 40:150, 90:180] = 0
    spoiled = torch.where(visible > 0, picture(1), torch.full((), torch.nan))
    ones = torch.ones_like(visible)
    with torch.inference_mode():
        found = [model(t, picture(2), target_visible=visible, reference_visible=ones) for t in (picture(1), spoiled)]
    assert torch.equal(found[0].homography, found[1].homography)
    assert torch.equal(found[0].inliers, found[1].inliers)


def test_shapes_and_ranges_and_that_features_can_be_reused() -> None:
    torch.manual_seed(0)
    model = HomographyEstimator().eval()
    ones = torch.ones(1, 1, SIDE, SIDE)
    with torch.inference_mode():
        alone = model(picture(1), picture(2), target_visible=ones, reference_visible=ones)
        images = torch.cat([picture(2), picture(3)])
        many = model.match(model.encode(picture(1), ones), model.encode(images, ones.expand(2, -1, -1, -1)))
    assert many.homography.shape == (2, 3, 3)
    assert many.inliers.shape == (2, 1, CELLS, CELLS)
    assert many.trust.shape == (2,)
    assert 0 <= many.inliers.min() <= many.inliers.max() <= 1
    assert torch.allclose(many.homography[:1], alone.homography, atol=1e-3)


@pytest.fixture(scope="module")
def trained() -> HomographyEstimator:
    module = weights.load("homography")
    assert isinstance(module, HomographyEstimator)
    return module


def test_trained_identical_images_give_nearly_the_identity(trained: HomographyEstimator) -> None:
    ones = torch.ones(1, 1, SIDE, SIDE)
    for seed in range(3):
        found = trained(picture(seed), picture(seed), target_visible=ones, reference_visible=ones)
        assert corner_error(found.homography, torch.eye(3)[None]) < 2.0
        assert found.trust.item() > 0.5


def test_trained_a_known_motion_is_found_through_holes_and_a_change_of_exposure(trained: HomographyEstimator) -> None:
    target, reference_hole = torch.ones(1, 1, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE)
    target[..., 30:120, 60:130] = 0
    reference_hole[..., 150:220, 20:120] = 0
    errors = []
    for seed in range(4):
        motion = some_homographies(1, seed=seed) * 1.0
        reference = seen_through(picture(seed), motion) + 0.06
        found = trained(picture(seed), reference, target_visible=target, reference_visible=reference_hole)
        errors.append(corner_error(found.homography, motion))
    assert float(np.median(errors)) < 6.0


def test_trained_a_cut_is_not_trusted(trained: HomographyEstimator) -> None:
    ones = torch.ones(1, 1, SIDE, SIDE)
    found = trained(picture(11), picture(12), target_visible=ones, reference_visible=ones)
    assert found.trust.item() < 0.5


def test_corners_in_a_line_or_thrown_about_still_give_finite_numbers() -> None:
    torch.manual_seed(0)
    line = projective.corners(SIDE, SIDE)[:1] - projective.corners(SIDE, SIDE)
    wild = torch.cat([line[None], (torch.rand(32, 4, 2) - 0.5) * 2 * SIDE]).requires_grad_()
    found = projective.from_corners(wild, height=SIDE, width=SIDE)
    assert found.isfinite().all()
    projective.apply(found, projective.grid(8, 8, step=32.0)).clamp(-999, 999).sum().backward()
    assert wild.grad is not None
    assert wild.grad.isfinite().all()


def test_a_pair_of_which_nothing_is_visible_stays_put() -> None:
    torch.manual_seed(0)
    model = HomographyEstimator().eval()
    nothing = torch.zeros(1, 1, SIDE, SIDE)
    found = model(picture(1), picture(2), target_visible=nothing, reference_visible=nothing)
    assert found.homography.isfinite().all()
    assert corner_error(found.homography, torch.eye(3)[None]) < 1e-2
    assert found.inliers.max() == 0
