"""The figures of a report: which frames stand out, and what is wrong with a job as a whole."""

from __future__ import annotations

import pytest

from aan_engine.reporting.rows import ReportRow, summary, worst_of


def row(frame: int, confidence: float = 0.9, *, unseen: float = 0.1, hidden: int = 10, settings: str = "") -> ReportRow:
    return ReportRow(frame, 100, hidden, unseen, confidence, None, 0, 1.0, settings=settings)


def rows(*confidences: float, unseen: float = 0.1) -> list[ReportRow]:
    return [row(frame, confidence, unseen=unseen) for frame, confidence in enumerate(confidences, 1001)]


def test_where_all_frames_are_alike_none_is_named() -> None:
    assert worst_of(rows(*[0.8, 0.83, 0.78, 0.81] * 3)) == ()
    assert worst_of(rows(0.9)) == worst_of([]) == ()


def test_where_all_are_alike_and_poor_one_is_named() -> None:
    assert worst_of(rows(0.42, 0.4, 0.44)) == (1002,)
    assert worst_of(rows(0.9, 0.9, unseen=0.9)) == (1001,)


def test_those_that_stand_out_are_named_and_at_most_a_third() -> None:
    assert worst_of(rows(*[0.9] * 11, 0.7)) == (1012,)
    assert worst_of(rows(0.9, 0.9, 0.9, 0.6, 0.5, 0.4)) == (1006, 1005)
    assert worst_of(rows(0.9, 0.1)) == (1002,)
    assert len(worst_of(rows(*[0.9] * 60, *[0.2] * 20))) == 5


def test_a_frame_stands_out_by_what_was_synthesised_too() -> None:
    assert worst_of([*rows(*[0.9] * 8), row(1100, unseen=0.4)]) == (1100,)


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        ((0, 0), "hides nothing: the result is the plate"),
        ((0, 5), ""),
        ((60, 60), ""),
        ((100, 30), "hides 65 % of the picture"),
    ],
)
def test_a_job_whose_matte_hides_nothing_or_most_of_the_shot_is_warned_of(hidden: tuple[int, int], words: str) -> None:
    found = summary([row(1001 + i, hidden=count) for i, count in enumerate(hidden)])
    assert found.hidden == sum(hidden) / 200
    assert [words in warning for warning in found.warnings] == [True] * bool(words)


def test_a_warning_is_said_once() -> None:
    class Understood:
        text = "1 frame"
        warnings = ("the matte hides nothing, and more",)

    assert len(summary([row(1001, hidden=0)], inputs=Understood()).warnings) == 1
