"""The decision: the shipped networks at work on a survey, with their conventions intact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from aan_engine.candidate import Kind
from aan_engine.decider import Decider
from aan_engine.decision import Decision
from aan_engine.networks import Networks
from aan_engine.proxy import Reel, make
from aan_engine.survey import Survey
from tests.engine.shots import box_matte, pan

SIZE = (192, 320)
SPEED = 8.0


@pytest.fixture(scope="module")
def survey() -> Iterator[Survey]:
    with Reel(6, SIZE) as reel:
        for index, (plate, matte) in enumerate(
            zip(pan(6, speed=SPEED, size=SIZE), box_matte(6, size=SIZE), strict=True)
        ):
            reel.put(index, make(plate, matte, size=SIZE))
        yield Survey(reel)


@pytest.fixture(scope="module")
def decider(survey: Survey) -> Decider:
    found = Decider(Networks.load(torch.device("cpu")), survey)
    survey.bearings.ask(found.guess)
    return found


@pytest.fixture(scope="module")
def decisions(decider: Decider) -> list[Decision]:
    found = [decider.decide(index) for index in range(6)]
    assert all(d is not None for d in found)
    return found  # type: ignore[return-value]


def test_the_learned_homography_maps_target_pixels_to_reference_pixels_on_the_proxy(decider: Decider) -> None:
    H = decider.guess(0, 3)
    # The camera pans right: what stands at x in frame 0 stands further left in frame 3.
    true = 3 * SPEED
    centre = H @ [160, 96, 1]
    assert centre[0] / centre[2] - 160 == pytest.approx(-true, abs=6)
    assert centre[1] / centre[2] - 96 == pytest.approx(0, abs=6)


def test_the_weights_of_a_decision_are_shares_of_valid_candidates(decisions: list[Decision]) -> None:
    for decision in decisions:
        np.testing.assert_allclose(decision.weights.sum(0), 1, atol=1e-4)
        for candidate, weight in zip(decision.layers, decision.weights, strict=True):
            assert (weight[~candidate.valid] == 0).all()


def test_every_pathway_proposes_and_paint_comes_last(decisions: list[Decision]) -> None:
    kinds = {candidate.kind for decision in decisions for candidate in decision.layers}
    assert kinds == set(Kind)
    for decision in decisions:
        assert [c.kind for c in decision.layers].index(Kind.PAINTED) == len(decision.layers) - 1


def test_no_candidate_ever_points_at_a_hidden_place(decisions: list[Decision], survey: Survey) -> None:
    for decision in decisions:
        for candidate in decision.layers[:-1]:
            for frame in np.unique(candidate.frame[candidate.valid]):
                at = candidate.position[candidate.valid & (candidate.frame == frame)]
                x, y = np.rint(at).astype(int).T
                assert not survey.reel.hidden(int(frame))[y, x].any()
                assert frame != decision.near.index or candidate.kind not in (Kind.CHAINED, Kind.DIRECT)


def test_what_recurrence_remembers_lies_where_the_target_shows_it(survey: Survey) -> None:
    decider = Decider(Networks.load(torch.device("cpu")), survey)
    sketched = [decider.sketch(decider.prepare(index)) for index in (0, 1)]
    first, second = (s.brief for s in sketched if s is not None)
    assert first.state is None
    assert second.state is not None
    # Eight pixels of pan lie between the two: brought along them, the past lies on what is visible.
    inside = second.visible[..., 24:-24]
    off = [((past - second.image).abs()[..., 24:-24] * inside).mean() for past in (second.state.previous, first.image)]
    assert off[0] < 0.2 * off[1]


def test_nothing_is_remembered_across_a_gap_or_a_cut() -> None:
    mattes = box_matte(4, size=SIZE)
    plates = [*pan(2, size=SIZE), *pan(2, size=SIZE, seed=9)]
    with Reel(4, SIZE) as reel:
        for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
            reel.put(index, make(plate, matte, size=SIZE))
        decider = Decider(Networks.load(torch.device("cpu")), Survey(reel))

        def remembers(index: int) -> bool:
            sketched = decider.sketch(decider.prepare(index))
            assert sketched is not None
            return sketched.brief.state is not None

        assert [remembers(index) for index in (0, 1, 2, 3)] == [False, True, False, True]
        assert not remembers(1)


def test_a_frame_without_a_hole_needs_no_decision(survey: Survey) -> None:
    with Reel(2, SIZE) as reel:
        for index, plate in enumerate(pan(2, size=SIZE)):
            reel.put(index, make(plate, np.zeros(SIZE, np.float32), size=SIZE))
        decider = Decider(Networks.load(torch.device("cpu")), Survey(reel))
        assert decider.decide(0) is None
