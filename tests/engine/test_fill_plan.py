"""The decision: the shipped networks at work on a survey, with their conventions intact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from aan_engine.candidates.candidate import Candidate, Kind
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.network.bundle import Networks
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.selection.plan import FillPlan, balance_directions
from aan_engine.selection.selector import Selector
from tests.engine.shots import box_matte, pan

SIZE = (192, 320)
SPEED = 8.0


@pytest.fixture(scope="module")
def survey() -> Iterator[ShotMotion]:
    with ProxyStore(6, SIZE) as proxies:
        for index, (plate, matte) in enumerate(
            zip(pan(6, speed=SPEED, size=SIZE), box_matte(6, size=SIZE), strict=True)
        ):
            proxies.put(index, make_proxy(plate, matte, size=SIZE))
        yield ShotMotion(proxies)


@pytest.fixture(scope="module")
def decider(shot_motion: ShotMotion) -> Selector:
    found = Selector(Networks.load(torch.device("cpu")), shot_motion)
    shot_motion.registration.ask(found.learned_homography)
    return found


@pytest.fixture(scope="module")
def decisions(selector: Selector) -> list[FillPlan]:
    found = [selector.decide(index) for index in range(6)]
    assert all(d is not None for d in found)
    return found  # type: ignore[return-value]


def test_the_learned_homography_maps_target_pixels_to_reference_pixels_on_the_proxy(selector: Selector) -> None:
    H = selector.learned_homography(0, 3)
    # The camera pans right: what stands at x in frame 0 stands further left in frame 3.
    true = 3 * SPEED
    centre = H @ [160, 96, 1]
    assert centre[0] / centre[2] - 160 == pytest.approx(-true, abs=6)
    assert centre[1] / centre[2] - 96 == pytest.approx(0, abs=6)


def test_the_weights_of_a_decision_are_shares_of_valid_candidates(decisions: list[FillPlan]) -> None:
    for plan in decisions:
        np.testing.assert_allclose(plan.weights.sum(0), 1, atol=1e-4)
        for candidate, weight in zip(plan.candidates, plan.weights, strict=True):
            assert (weight[~candidate.valid] == 0).all()


def test_every_pathway_proposes_and_paint_comes_last(decisions: list[FillPlan]) -> None:
    kinds = {candidate.kind for plan in decisions for candidate in plan.candidates}
    assert kinds == set(Kind)
    for plan in decisions:
        assert [c.kind for c in plan.candidates].index(Kind.SYNTHESISED) == len(plan.candidates) - 1


def test_no_candidate_ever_points_at_a_hidden_place(decisions: list[FillPlan], shot_motion: ShotMotion) -> None:
    for plan in decisions:
        for candidate in plan.candidates[:-1]:
            for frame in np.unique(candidate.frame[candidate.valid]):
                at = candidate.position[candidate.valid & (candidate.frame == frame)]
                x, y = np.rint(at).astype(int).T
                assert not shot_motion.proxies.hidden(int(frame))[y, x].any()
                assert frame != plan.hole.index or candidate.kind not in (Kind.TRACKED, Kind.HOMOGRAPHY)


def test_what_recurrence_remembers_lies_where_the_target_shows_it(shot_motion: ShotMotion) -> None:
    selector = Selector(Networks.load(torch.device("cpu")), shot_motion)
    sketched = [selector.synthesise(selector.prepare(index)) for index in (0, 1)]
    first, second = (s.inputs for s in sketched if s is not None)
    assert first.state is None
    assert second.state is not None
    # Eight pixels of pan lie between the two: brought along them, the past lies on what is visible.
    inside = second.visible[..., 24:-24]
    off = [((past - second.image).abs()[..., 24:-24] * inside).mean() for past in (second.state.previous, first.image)]
    assert off[0] < 0.2 * off[1]


def test_nothing_is_remembered_across_a_gap_or_a_cut() -> None:
    mattes = box_matte(4, size=SIZE)
    plates = [*pan(2, size=SIZE), *pan(2, size=SIZE, seed=9)]
    with ProxyStore(4, SIZE) as proxies:
        for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
            proxies.put(index, make_proxy(plate, matte, size=SIZE))
        selector = Selector(Networks.load(torch.device("cpu")), ShotMotion(proxies))

        def remembers(index: int) -> bool:
            sketched = selector.synthesise(selector.prepare(index))
            assert sketched is not None
            return sketched.inputs.state is not None

        assert [remembers(index) for index in (0, 1, 2, 3)] == [False, True, False, True]
        assert not remembers(1)


def test_a_frame_without_a_hole_needs_no_decision(shot_motion: ShotMotion) -> None:
    with ProxyStore(2, SIZE) as proxies:
        for index, plate in enumerate(pan(2, size=SIZE)):
            proxies.put(index, make_proxy(plate, np.zeros(SIZE, np.float32), size=SIZE))
        selector = Selector(Networks.load(torch.device("cpu")), ShotMotion(proxies))
        assert selector.decide(0) is None


def seen(kind: Kind, *, grey: float, away: float) -> Candidate:
    """A candidate over four pixels that shows the first three."""
    valid = np.array([[True, True, True, False]])
    image, blank = np.full((1, 4, 3), grey, np.float32) * valid[..., None], np.zeros((1, 4), np.float32)
    place = (np.where(valid, np.int32(1), np.int32(-1)), np.zeros((1, 4, 2), np.float32))
    return Candidate(kind, image, valid, *place, np.float32(away) * valid, blank, blank)


def test_what_is_seen_before_and_after_is_taken_from_both_the_nearer_one_first() -> None:
    candidates = [
        seen(Kind.TRACKED_WITH_SURROUND, grey=0.5, away=2),
        seen(Kind.TRACKED_WITH_SURROUND, grey=0.5, away=6),
        seen(Kind.HOMOGRAPHY, grey=1, away=9),
    ]
    shares = np.array([[[0.1, 0.6, 0.0, 0.9]], [[0.7, 0.2, 0.0, 0.0]], [[0.2, 0.2, 1.0, 0.1]]], np.float32)
    found = balance_directions(candidates, shares)
    np.testing.assert_allclose(found.sum(0), shares.sum(0), atol=1e-6)
    np.testing.assert_array_equal(found[2], shares[2])
    np.testing.assert_array_equal(found[..., 2:], shares[..., 2:])
    # Evenly would be 3 : 1, by how far away they are.
    np.testing.assert_allclose(found[0, 0, :2], [0.3 * 0.1 + 0.7 * 0.6, 0.6], atol=1e-6)
    np.testing.assert_array_equal(balance_directions(candidates[1:], shares[1:]), shares[1:])


def test_the_chooser_is_believed_where_before_and_after_show_different_things() -> None:
    candidates = [seen(Kind.TRACKED, grey=0, away=1), seen(Kind.TRACKED, grey=2, away=1)]
    shares = np.array([[[0.9] * 4], [[0.1] * 4]], np.float32)
    np.testing.assert_allclose(balance_directions(candidates, shares), shares, atol=0.01)
