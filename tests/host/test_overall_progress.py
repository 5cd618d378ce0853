"""The share of a whole job that is done, from the steps of its stages."""

from __future__ import annotations

import itertools

import pytest

from plugin_host.server.overall_progress import MOST, WEIGHTS, OverallProgress


def story(frames: int, *, segment: int = 4) -> list[tuple[str, int, int]]:
    """The steps of a job as the engine tells them: plates first, then in turns; key frames anew for each segment."""
    steps = [("look", n, frames) for n in range(1, frames + 1)]
    for target in range(frames):
        if target % segment == 0:
            steps += [("align", min(frames, target + n), frames) for n in range(segment)]
            steps += [("key", n, 2) for n in range(3)]
        steps += [(stage, target + 1, frames) for stage in ("decide", "fill")]
    return steps


def shares(steps: list[tuple[str, int, int]]) -> list[float]:
    overall = OverallProgress()
    return [overall.add(*step) for step in steps]


def test_the_stages_together_are_one_job() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)


@pytest.mark.parametrize("frames", [1, 3, 12])
def test_the_share_never_goes_back_and_is_not_whole_before_the_job_has_ended(frames: int) -> None:
    found = shares(story(frames))
    assert all(a <= b for a, b in itertools.pairwise(found))
    assert 0 < found[0] < 0.2
    assert found[-1] == MOST < 1


def test_a_job_that_only_fills_begins_beyond_its_look_and_ends_where_others_do() -> None:
    found = shares([("fill", n, 10) for n in range(11)])
    assert found[0] == pytest.approx(WEIGHTS["look"])
    assert all(a < b for a, b in itertools.pairwise(found))
    assert found[-1] == MOST


def test_plates_that_are_looked_at_a_second_time_change_nothing() -> None:
    once = [("look", 4, 4), ("align", 2, 3)]
    assert shares([*once, ("look", 1, 4), ("look", 4, 4)])[-1] == shares(once)[-1]


def test_an_unknown_stage_and_one_of_no_steps_change_nothing() -> None:
    assert shares([("look", 2, 4), ("queued", 0, 3), ("align", 0, 0), ("new", 3, 4)]) == [WEIGHTS["look"] / 2] * 4
