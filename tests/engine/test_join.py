"""The join: copied texture goes on without a step, in the light of its place, and keeps its detail."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from aan_engine.attention.join import join_correction
from aan_engine.attention.source_map import SourceMap
from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.registration.proxy_images import ProxyImages
from tests.engine.shots import SIZE
from tests.engine.texture_maps import block, key_map


def images_of(plate: Array) -> ProxyImages:
    """One frame, all of it visible; `plate` is in the log range already."""
    proxies = ProxyStore(1, (plate.shape[0], plate.shape[1]))
    proxies.put(0, make_proxy(np.ones_like(plate), np.zeros(plate.shape[:2], np.float32), size=plate.shape[:2]))
    images = ProxyImages(proxies)
    images.image(0)[:] = plate
    return images


def test_what_is_copied_goes_on_beyond_its_edge_as_far_as_it_may() -> None:
    wanted = block(40, side=30) > 0
    found = key_map(0, wanted & (block(40, side=20) > 0), shift=(-30, 5))
    grown = found.extended(wanted, reach=4.5)
    assert not grown.filled[~wanted].any()
    assert grown.filled[28:48, 40:64].all()
    assert grown.filled[28:52, 40:60].all()
    assert not grown.filled[53:, :].any()
    np.testing.assert_array_equal(
        grown.position[grown.filled], (pixel_grid(SIZE) + np.array((-30, 5), np.float32))[grown.filled]
    )
    assert not SourceMap.empty(0, SIZE).extended(wanted, reach=9).filled.any()


def grain(seed: int = 0) -> Array:
    return 0.02 * np.random.default_rng(seed).standard_normal((*SIZE, 3)).astype(np.float32)


def step_across(picture: Array, free: Mask) -> float:
    """The mean step across the vertical borders of the free block, less what the picture does beside them."""
    ys, xs = np.nonzero(free)
    rows, left, right = slice(ys.min(), ys.max() + 1), xs.min(), xs.max()
    steps = [picture[rows, left] - picture[rows, left - 1], picture[rows, right] - picture[rows, right + 1]]
    return float(np.mean([np.abs(step.mean(0)).max() for step in steps]))


def test_a_step_in_brightness_between_texture_and_plate_is_closed() -> None:
    plate = 0.5 + grain()
    plate[:, :40] += 0.15
    free = block(70) > 0
    texture = key_map(0, free, shift=(-60, 0))
    images = images_of(plate)
    # The guide does not help: it is as bright as what is copied.
    guide = np.where(free[..., None], np.float32(0.65), plate)
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)
    before = np.where(free[..., None], texture.colours(images), plate)
    after = np.where(free[..., None], before + correction, plate)
    assert step_across(before, free) > 0.12
    assert step_across(after, free) < 0.25 * step_across(before, free)
    # The detail stays.
    inner = cv2.erode(free.astype(np.uint8), np.ones((3, 3))) > 0
    assert np.abs(cv2.Laplacian(correction, cv2.CV_32F)[inner]).mean() < 0.02


def test_a_step_between_two_chunks_is_closed() -> None:
    plate = 0.5 + grain()
    plate[:, :20] += 0.1
    free = block(60, side=20) > 0
    half = block(60, side=10) > 0
    half[38:48, 60:70] = True
    texture = key_map(0, free, shift=(25, 0)).joined(key_map(0, half, shift=(-58, 0)), half)
    images = images_of(plate)
    guide = np.where(free[..., None], texture.colours(images), plate)
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)

    def step(picture: Array) -> float:
        return float(np.abs((picture[30:46, 69] - picture[30:46, 70]).mean(0)).max())

    before = texture.colours(images)
    assert step(before) > 0.08
    assert step(before + correction) < 0.35 * step(before)


def test_texture_of_another_brightness_ends_at_the_guide_s() -> None:
    plate = 0.5 + grain()
    plate[:, :40] -= 0.3
    free = block(70) > 0
    images = images_of(plate)
    guide = np.where(free[..., None], np.float32(0.5), plate)
    texture = key_map(0, free, shift=(-60, 0))
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)
    ends = (texture.colours(images) + correction)[free]
    assert abs(float(ends.mean()) - 0.5) < 0.2 * 0.3
    assert ends.std(0).mean() > 0.8 * 0.02, "its grain stays"


def test_two_things_that_meet_stay_apart() -> None:
    plate = 0.5 + grain()
    plate[:, :60] += 1.0
    free = np.zeros(SIZE, np.bool_)
    free[28:44, 52:68] = True
    # The texture goes on with each thing on its own side.
    left = free & (np.arange(SIZE[1]) < 60)
    texture = key_map(0, free, shift=(30, 0)).joined(key_map(0, left, shift=(-30, 0)), left)
    images = images_of(plate)
    guide = np.where(free[..., None], texture.colours(images), plate)
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)
    assert np.abs(correction[free]).mean() < 0.05


def test_nothing_is_added_where_nothing_is_copied() -> None:
    plate = 0.5 + grain()
    free = block(70) > 0
    images = images_of(plate)
    texture = key_map(0, free, shift=(-60, 0))
    correction = join_correction(texture, images, picture=plate, guide=plate + 0.1, free=free)
    beside = cv2.dilate(free.astype(np.uint8), np.ones((3, 3))) > 0
    assert not correction[~beside].any()


@pytest.mark.parametrize("edge", ["left", "top", "whole height", "everything"])
def test_joins_at_the_frame_s_edge_are_finite(edge: str) -> None:
    free = np.zeros(SIZE, np.bool_)
    free[
        {"left": np.s_[20:40, :12], "top": np.s_[:9, 30:50], "whole height": np.s_[:, 30:50], "everything": np.s_[:]}[
            edge
        ]
    ] = True
    plate = 0.5 + grain()
    correction = join_correction(
        key_map(0, free, shift=(3, 2)), images_of(plate), picture=plate, guide=plate, free=free
    )
    assert np.isfinite(correction).all()
    assert np.abs(correction).max() < 0.3
