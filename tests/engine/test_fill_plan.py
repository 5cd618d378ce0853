"""Fill plans: the shipped networks select candidates for a shot, with every convention intact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from aan_engine.candidates.candidate import Candidate, Kind
from aan_engine.network.bundle import Networks
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.selection.plan import FillPlan, balance_directions
from aan_engine.selection.selector import Selector, build
from tests.engine.shots import box_matte, pan

SIZE = (192, 320)
SPEED = 8.0


@pytest.fixture(scope="module")
def proxies() -> Iterator[ProxyStore]:
    with ProxyStore(6, SIZE) as proxies:
        for index, (plate, matte) in enumerate(
            zip(pan(6, speed=SPEED, size=SIZE), box_matte(6, size=SIZE), strict=True)
        ):
            proxies.put(index, make_proxy(plate, matte, size=SIZE))
        yield proxies


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks.load(torch.device("cpu"))


@pytest.fixture(scope="module")
def selector(networks: Networks, proxies: ProxyStore) -> Selector:
    return build(networks, proxies)


@pytest.fixture(scope="module")
def plans(selector: Selector) -> list[FillPlan]:
    found = [selector.decide(index) for index in range(6)]
    assert all(plan is not None for plan in found)
    return found  # type: ignore[return-value]


def test_the_learned_homography_maps_target_pixels_to_reference_pixels_on_the_proxy(selector: Selector) -> None:
    H = selector.features.learned_homography(0, 3)
    # The camera pans right: what stands at x in frame 0 stands further left in frame 3.
    true = 3 * SPEED
    x, y = H.apply(np.array([160, 96], np.float32))
    assert x - 160 == pytest.approx(-true, abs=6)
    assert y - 96 == pytest.approx(0, abs=6)


def test_the_weights_of_a_plan_sum_to_one_over_valid_candidates(plans: list[FillPlan]) -> None:
    for plan in plans:
        np.testing.assert_allclose(plan.weights.sum(0), 1, atol=1e-4)
        for candidate, weight in zip(plan.candidates, plan.weights, strict=True):
            assert (weight[~candidate.valid] == 0).all()


def test_every_kind_of_candidate_is_proposed_and_the_synthesis_comes_last(plans: list[FillPlan]) -> None:
    kinds = {candidate.kind for plan in plans for candidate in plan.candidates}
    # Texture is no candidate that is weighed: it enters afterwards.
    assert kinds == set(Kind) - {Kind.ATTENTION}
    for plan in plans:
        assert [c.kind for c in plan.candidates].index(Kind.SYNTHESISED) == len(plan.candidates) - 1


def test_no_candidate_ever_points_at_a_hidden_pixel(plans: list[FillPlan], proxies: ProxyStore) -> None:
    for plan in plans:
        for candidate in plan.candidates[:-1]:
            for frame in np.unique(candidate.frame[candidate.valid]):
                at = candidate.position[candidate.valid & (candidate.frame == frame)]
                x, y = np.rint(at).astype(int).T
                assert not proxies.hidden(int(frame))[y, x].any()
                assert frame != plan.hole.index or candidate.kind not in (Kind.TRACKED, Kind.HOMOGRAPHY)


def test_the_recurrence_s_state_lies_where_the_target_shows_it(networks: Networks, proxies: ProxyStore) -> None:
    selector = build(networks, proxies)
    synthesised = [selector.synthesise(selector.prepare(index)) for index in (0, 1)]
    first, second = (s.inputs for s in synthesised if s is not None)
    assert first.state is None
    assert second.state is not None
    # Eight pixels of pan lie between the two: brought along them, the past lies on what is visible.
    inside = second.visible[..., 24:-24]
    off = [((past - second.image).abs()[..., 24:-24] * inside).mean() for past in (second.state.previous, first.image)]
    assert off[0] < 0.2 * off[1]


def test_nothing_is_remembered_across_a_gap_or_a_cut(networks: Networks) -> None:
    mattes = box_matte(4, size=SIZE)
    plates = [*pan(2, size=SIZE), *pan(2, size=SIZE, seed=9)]
    with ProxyStore(4, SIZE) as proxies:
        for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
            proxies.put(index, make_proxy(plate, matte, size=SIZE))
        selector = build(networks, proxies)

        def remembers(index: int) -> bool:
            found = selector.synthesise(selector.prepare(index))
            assert found is not None
            return found.inputs.state is not None

        assert [remembers(index) for index in (0, 1, 2, 3)] == [False, True, False, True]
        assert not remembers(1)


def test_a_frame_without_a_hole_has_no_plan(networks: Networks) -> None:
    with ProxyStore(2, SIZE) as proxies:
        for index, plate in enumerate(pan(2, size=SIZE)):
            proxies.put(index, make_proxy(plate, np.zeros(SIZE, np.float32), size=SIZE))
        assert build(networks, proxies).decide(0) is None


def candidate(kind: Kind, *, grey: float, away: float) -> Candidate:
    """A candidate over four pixels that shows the first three."""
    valid = np.array([[True, True, True, False]])
    image, blank = np.full((1, 4, 3), grey, np.float32) * valid[..., None], np.zeros((1, 4), np.float32)
    place = (np.where(valid, np.int32(1), np.int32(-1)), np.zeros((1, 4, 2), np.float32))
    return Candidate(kind, image, valid, *place, np.float32(away) * valid, blank, blank)


def test_what_is_seen_before_and_after_is_taken_from_both_the_nearer_one_first() -> None:
    candidates = [
        candidate(Kind.TRACKED_WITH_SURROUND, grey=0.5, away=2),
        candidate(Kind.TRACKED_WITH_SURROUND, grey=0.5, away=6),
        candidate(Kind.HOMOGRAPHY, grey=1, away=9),
    ]
    weights = np.array([[[0.1, 0.6, 0.0, 0.9]], [[0.7, 0.2, 0.0, 0.0]], [[0.2, 0.2, 1.0, 0.1]]], np.float32)
    found = balance_directions(candidates, weights)
    np.testing.assert_allclose(found.sum(0), weights.sum(0), atol=1e-6)
    np.testing.assert_array_equal(found[2], weights[2])
    np.testing.assert_array_equal(found[..., 2:], weights[..., 2:])
    # Evenly would be 3 : 1, by how far away they are.
    np.testing.assert_allclose(found[0, 0, :2], [0.3 * 0.1 + 0.7 * 0.6, 0.6], atol=1e-6)
    np.testing.assert_array_equal(balance_directions(candidates[1:], weights[1:]), weights[1:])


def test_the_chooser_is_believed_where_before_and_after_show_different_things() -> None:
    candidates = [candidate(Kind.TRACKED, grey=0, away=1), candidate(Kind.TRACKED, grey=2, away=1)]
    weights = np.array([[[0.9] * 4], [[0.1] * 4]], np.float32)
    np.testing.assert_allclose(balance_directions(candidates, weights), weights, atol=0.01)
