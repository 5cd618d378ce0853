"""The survey: what a long shot costs in memory, and which references a target gets."""

from __future__ import annotations

import numpy as np

from aan_engine.candidate import neighbourhood
from aan_engine.proposals import propose
from aan_engine.proxy import Reel, make
from aan_engine.schedule import references
from aan_engine.survey import Survey
from tests.engine.shots import SIZE, box_matte, pan


def reel_of(frames: int, *, speed: float = 1.5) -> Reel:
    reel = Reel(frames, SIZE)
    for index, (plate, matte) in enumerate(zip(pan(frames, speed=speed), box_matte(frames), strict=True)):
        reel.put(index, make(plate, matte, size=SIZE))
    return reel


def test_memory_holds_a_window_of_frames_however_long_the_shot() -> None:
    with reel_of(60) as reel:
        survey = Survey(reel, reach=4)
        for index in range(60):
            near = neighbourhood(index, reel.hidden(index))
            assert near is not None
            propose(survey, near, previous=None)
        for kept in (survey._pictures, survey._pyramids, survey._motions):
            assert len(kept._kept) <= 4 * 4 + 8 + 12


def test_references_are_frames_that_show_what_the_target_hides() -> None:
    with reel_of(41, speed=2) as reel:
        survey = Survey(reel)
        near = neighbourhood(20, reel.hidden(20))
        assert near is not None
        chosen = references(survey, near, count=3)
        # The hole is 16 pixels wide and the camera moves by 2 a frame: ten frames away all of it is in view.
        assert set(chosen[:2]) == {10, 30}
        assert 20 not in chosen


def test_the_direct_link_agrees_with_the_chain_of_neighbours() -> None:
    with reel_of(21, speed=1.5) as reel:
        survey = Survey(reel)
        link, along = survey.link(0, 20), survey.along(0, 20)
        assert link is not None
        assert along is not None
        centre = np.array([60, 36, 1.0])
        np.testing.assert_allclose((link.homography @ centre)[:2], (30, 32), atol=0.2)
        np.testing.assert_allclose((along @ centre)[:2], (30, 32), atol=1.5)
