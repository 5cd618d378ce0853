"""Motion and traces: conventions of the warp, cross-filling, and pixels followed through a hole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.candidates.candidate import hole_region
from aan_engine.core.harmonic import fill_hidden
from aan_engine.core.homography import Homography
from aan_engine.core.sampling import pixel_grid, sample
from aan_engine.motion.flow_field import MotionField, crossfill, estimate_motion
from aan_engine.motion.foreground import thin_parts
from aan_engine.motion.tracks import track_until_visible
from tests.engine.synthetic import PLACED, SIZE, seen_through, textured

Array = NDArray[np.float32]


shifted = Homography.translation


def test_sampling_at_the_pixels_own_places_is_the_identity() -> None:
    image = textured()[:40, :60]
    np.testing.assert_array_equal(sample(image, pixel_grid(image.shape)), image)
    np.testing.assert_array_equal(sample(image, pixel_grid(image.shape), sharp=True), image)


def test_a_homography_maps_target_pixels_to_source_pixels() -> None:
    points = np.array([[0, 0], [3, 5]], np.float32)
    np.testing.assert_allclose(shifted(7, -2).apply(points), [[7, -2], [10, 3]])
    # Composition: first a, then b, is b @ a.
    a, b = shifted(7, -2), Homography(np.diag([2.0, 2.0, 1.0]))
    np.testing.assert_allclose((b @ a).apply(points), b.apply(a.apply(points)))
    np.testing.assert_allclose(a.inverse().apply(a.apply(points)), points)


def test_a_homography_between_small_pictures_is_told_between_the_large_ones_and_back() -> None:
    scale = Homography.level_scale((60, 104), (120, 208))
    H = Homography(np.array([[1.02, 0.01, 4.0], [-0.02, 0.98, -3.0], [1e-4, 0, 1]]))
    np.testing.assert_allclose(H.at(scale).back_from(scale).matrix, H.matrix, atol=1e-12)
    # A pixel centre goes the same way on either size.
    points = np.array([[30, 40], [101, 77]], np.float32)
    np.testing.assert_allclose(H.at(scale).apply(scale.apply(points)), scale.apply(H.apply(points)), atol=1e-4)


def test_points_behind_the_horizon_are_sent_outside_instead_of_mirrored_in() -> None:
    H = Homography(np.array([[1, 0, 0], [0, 1, 0], [-0.1, 0, 1.0]]))
    assert (H.apply(np.array([[50, 10]], np.float32)) < -1e5).all()


def test_a_camera_that_moves_by_three_pixels_gives_a_map_three_pixels_away() -> None:
    target, source = seen_through(textured(), PLACED), seen_through(textured(), PLACED @ shifted(-3, 1))
    seen = np.ones(SIZE, bool)
    motion = estimate_motion(
        target, source, target_visible=seen, source_visible=seen, homography=shifted(3, -1), inlier_share=1.0
    )
    inner = np.s_[10:-10, 10:-10]
    np.testing.assert_allclose(motion.map[inner], (pixel_grid(SIZE) + np.array([3, -1]))[inner], atol=0.15)


def test_the_flow_never_sees_what_is_hidden() -> None:
    target, source = seen_through(textured(), PLACED), seen_through(textured(), PLACED)
    seen = np.ones(SIZE, bool)
    seen[40:80, 60:120] = False
    maps = []
    for stain in (0.0, 5.0):
        stained = target.copy()
        stained[~seen] = stain
        motion = estimate_motion(
            stained,
            source,
            target_visible=seen,
            source_visible=~np.zeros(SIZE, bool),
            homography=Homography.identity(),
            inlier_share=1,
        )
        maps.append(motion.map)
    np.testing.assert_array_equal(maps[0], maps[1])


def test_what_is_hidden_on_something_that_moves_is_carried_along_with_it() -> None:
    # Before a camera that stands still a textured board moves 3 pixels right a frame; a wire hides a strip of it.
    world, board = seen_through(textured(), PLACED), seen_through(textured()[::-1].copy(), PLACED)[30:90, 40:140]
    frames = []
    for x in (40, 43):
        frame = world.copy()
        frame[30:90, x : x + 100] = board
        frames.append(frame)
    seen = np.ones(SIZE, bool)
    seen[:, 90:96] = False
    motion = estimate_motion(
        frames[0],
        frames[1],
        target_visible=seen,
        source_visible=seen,
        homography=Homography.identity(),
        inlier_share=1.0,
    )
    strip = np.s_[50:70, 90:96]
    np.testing.assert_allclose(motion.surround_displacement[strip], np.broadcast_to([3, 0], (20, 6, 2)), atol=0.3)
    # What stands still behind the wire does not hold back the flow beside it.
    assert np.abs(motion.displacement[50:70, 86:90] - [3, 0]).mean() < 0.15
    # Seen through the camera alone the strip would stand still, or nearly so.
    assert (
        np.abs(motion.displacement[strip][:, 3:, 0]).mean()
        < np.abs(motion.surround_displacement[strip][:, 3:, 0]).mean()
    )


def followed(by: int, *, bridges: bool) -> float:
    """The share of the wires' pixels that is carried along to within a pixel.

    A textured board moves `by` pixels a frame before a still camera, behind three wires that swing the other way.
    """
    world, board = seen_through(textured(), PLACED), seen_through(textured()[::-1].copy(), PLACED)[35:85, :100]
    frames, seen = [], []
    for x, first in ((20, 40), (20 + by, 34)):
        frame, mask = world.copy(), np.ones(SIZE, bool)
        frame[35:85, x : x + 100] = board
        for wire in (first, first + 20, first + 40):
            mask[:, wire : wire + 5] = False
        frame[~mask] = 0.4
        frames.append(frame)
        seen.append(mask)
    motion = estimate_motion(
        frames[0],
        frames[1],
        target_visible=seen[0],
        source_visible=seen[1],
        homography=Homography.identity(),
        inlier_share=1.0,
        hole_filled=(lambda: (fill_hidden(frames[0], ~seen[0]), fill_hidden(frames[1], ~seen[1]))) if bridges else None,
    )
    inside = ~seen[0][39:81]
    return float((np.abs(motion.surround_displacement[39:81][inside] - [by, 0]).max(-1) < 1).mean())


def test_what_passes_behind_wires_is_followed_however_fast_it_is() -> None:
    for by in (6, 12):
        assert followed(by, bridges=True) > 0.9
        assert followed(by, bridges=False) < 0.5


def test_the_bridges_change_nothing_but_what_is_carried_through_narrow_holes() -> None:
    rng = np.random.default_rng(1)
    target, source = seen_through(textured(), PLACED), seen_through(textured(), PLACED @ shifted(-4, 0))
    seen = np.ones(SIZE, bool)
    seen[:, 60:66] = False
    seen[50:70, 90:112] = False

    def found(before: Array, after: Array) -> MotionField:
        return estimate_motion(
            target,
            source,
            target_visible=seen,
            source_visible=np.ones(SIZE, bool),
            homography=Homography.identity(),
            inlier_share=1.0,
            hole_filled=lambda: (before, after),
        )

    right = found(fill_hidden(target, ~seen), source)
    wrong = found(rng.random(SIZE, np.float32), rng.random(SIZE, np.float32))
    thin = thin_parts(~seen)
    assert np.abs(right.surround_displacement - wrong.surround_displacement)[thin].max() > 1
    np.testing.assert_array_equal(right.surround_displacement[~thin], wrong.surround_displacement[~thin])
    np.testing.assert_array_equal(right.map, wrong.map)


def test_where_nothing_moves_no_bridge_is_asked_for() -> None:
    def refused() -> tuple[Array, Array]:
        raise AssertionError("nothing moves here")

    still = seen_through(textured(), PLACED)
    seen = np.ones(SIZE, bool)
    seen[:, 60:66] = False
    motion = estimate_motion(
        still,
        still,
        target_visible=seen,
        source_visible=seen,
        homography=Homography.identity(),
        inlier_share=1.0,
        hole_filled=refused,
    )
    np.testing.assert_allclose(motion.surround_displacement, 0, atol=0.1)


def test_a_bridge_keeps_what_is_seen_and_stays_within_it_where_nothing_is() -> None:
    grey = textured()[: SIZE[0], : SIZE[1]].astype(np.float32)
    hidden = np.zeros(grey.shape, bool)
    hidden[:, 30:36] = True
    filled = fill_hidden(np.where(hidden, np.float32(9), grey), hidden)
    np.testing.assert_array_equal(filled[~hidden], grey[~hidden])
    assert filled[hidden].min() >= grey.min() - 1e-4
    assert filled[hidden].max() <= grey.max() + 1e-4


def test_a_wire_is_narrow_and_a_patch_is_not_and_neither_leaves_the_hole() -> None:
    hidden = np.zeros((100, 120), bool)
    hidden[:, 10:16] = True
    hidden[40:80, 50:90] = True
    thin = thin_parts(hidden)
    assert thin[:, 10:16].all()
    assert not thin[40:80, 50:90].any()
    assert not (thin & ~hidden).any()
    # A wire along the frame's edge is no wider for it.
    edge = np.zeros((100, 120), bool)
    edge[:, :6] = True
    assert thin_parts(edge)[:, :6].all()


def test_crossfilled_pictures_agree_wherever_only_one_of_them_saw_anything() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 32, 48), np.float32)
    sees_a, sees_b = rng.random((2, 32, 48)) > 0.3
    A, B = crossfill(a, b, target_visible=sees_a, source_visible=sees_b)
    one_eyed = ~(sees_a & sees_b)
    np.testing.assert_array_equal(A[one_eyed], B[one_eyed])
    np.testing.assert_array_equal(A[sees_a], a[sees_a])
    np.testing.assert_array_equal(B[sees_b], b[sees_b])


def drifting(speed: float) -> Array:
    return np.full((40, 60, 2), (speed, 0), np.float32)


def test_a_hidden_pixel_is_followed_until_it_comes_into_view() -> None:
    # The hole stands still, the picture drifts right by 4 pixels a frame: from x = 20 it leaves the hole behind x = 29.
    visible = np.ones((40, 60), np.float32)
    visible[:, 10:30] = 0
    points = np.array([[20, 15], [28, 15]], np.float32)
    trace = track_until_visible(
        points,
        start=0,
        direction=1,
        reach=30,
        frames=12,
        displacement=lambda a, b: drifting(4.0 * (b - a)),
        visible=lambda i: visible,
    )
    assert trace.steps.tolist() == [3, 1]
    assert trace.frame.tolist() == [3, 1]
    np.testing.assert_allclose(trace.position, [[32, 15], [32, 15]])


def test_a_pixel_that_leaves_the_frame_or_the_shot_is_nowhere() -> None:
    hidden = np.zeros((40, 60), np.float32)
    for frames in (30, 3):
        trace = track_until_visible(
            np.array([[20, 15]], np.float32),
            start=0,
            direction=1,
            reach=30,
            frames=frames,
            displacement=lambda a, b: drifting(4.0),
            visible=lambda i: hidden,
        )
        assert trace.frame.tolist() == [-1]


def test_the_rim_is_compared_where_its_nearest_hidden_pixel_ends() -> None:
    hidden = np.zeros((40, 60), bool)
    hidden[10:20, 20:30] = True
    hole = hole_region(0, hidden)
    assert hole is not None
    # The hole stands still, the picture drifts right by 4 pixels a frame.
    tracks = track_until_visible(
        hole.points,
        start=0,
        direction=1,
        reach=30,
        frames=12,
        displacement=lambda a, b: drifting(4.0 * (b - a)),
        visible=lambda i: (~hidden).astype(np.float32),
        nearest_hidden=hole.nearest_hidden,
    )
    ends = {(int(x), int(y)): k for k, (x, y) in enumerate(hole.points)}
    above, inside = ends[24, 5], ends[24, 10]
    # By itself the pixel above the hole would come into view at once; the hidden one below it does after two frames.
    assert tracks.frame[[above, inside]].tolist() == [2, 2]
    np.testing.assert_allclose(tracks.position[[above, inside]], [[32, 5], [32, 10]])
    seen = tracks.frame >= 0
    np.testing.assert_array_equal(tracks.frame[seen], tracks.frame[hole.nearest_hidden][seen])
    # Left of the hole: when the nearest hidden pixel comes into view, this one lies behind the hole.
    assert tracks.frame[[ends[15, 15], ends[20, 15]]].tolist() == [-1, 3]


def test_following_a_steady_pan_adds_up_no_rounding() -> None:
    hidden = np.zeros((40, 60), np.float32)
    open_ = np.ones((40, 60), np.float32)
    trace = track_until_visible(
        np.array([[5, 15]], np.float32),
        start=0,
        direction=1,
        reach=40,
        frames=42,
        displacement=lambda a, b: drifting(1.01),
        visible=lambda i: open_ if i == 40 else hidden,
    )
    np.testing.assert_allclose(trace.position, [[5 + 40 * 1.01, 15]], atol=1e-4)


def test_sharp_sampling_invents_neither_negative_light_nor_brighter_light() -> None:
    edge = np.full((8, 16), 0.02, np.float32)
    edge[:, 8:] = 900
    at = np.stack([np.linspace(5, 11, 61), np.full(61, 4)], -1).astype(np.float32)
    values = sample(edge, at, sharp=True)
    assert values.min() >= np.float32(0.02)
    assert values.max() <= 900


@pytest.mark.parametrize("left", [-30.0, -2.6, -0.4, 0.0, 6.5, 7.3, 7.5, 38.5, 39.2, 55.0])
@pytest.mark.parametrize("top", [-9.0, -0.5, 3.0, 3.25, 7.5, 23.4, 40.0])
def test_a_sharp_value_depends_on_no_other_point_that_is_sampled_with_it(left: float, top: float) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(24, 40, 3)).astype(np.float32)
    steps = np.concatenate([rng.uniform(0, 1.5, (9, 2)), np.argwhere(np.ones((4, 4))) / 2])
    few = (np.array([left, top]) + steps).astype(np.float32)
    corners = np.array([[0, 0], [39, 23]], np.float32)
    together = sample(image, np.concatenate([few, corners]), sharp=True)[: len(few)]
    np.testing.assert_allclose(sample(image, few, sharp=True), together, atol=1e-6)
