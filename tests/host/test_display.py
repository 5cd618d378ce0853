"""What machines read of a job's progress: one line every two seconds, with the share of the whole job."""

from __future__ import annotations

import pytest

from plugin_host.server.display import Display
from plugin_host.server.opening import Opening


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_each_stage_counts_what_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    for stage in ("look", "align", "key", "decide", "fill"):
        display.step(stage, 12, 40, share=0.37)
    counted = ["look 12/40 plates", "align 12/40 pairs", "key 12/40 frames", "decide 12/40 frames", "fill 12/40 frames"]
    assert lines(capsys) == [f"37 % {words}" for words in counted]


def test_time_left_is_said_of_the_fill_alone_as_only_that_is_the_job_s(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    for stage in ("align", "fill"):
        for done in (1, 40):
            display.step(stage, done, 40)
    said = lines(capsys)
    assert said[1].endswith("pairs/s")
    assert said[3].endswith("frames/s, 0:00 left")


def test_the_share_never_goes_back_and_is_whole_at_the_end_alone(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    for done, share in ((1, 0.5), (2, 0.4), (2, 0.999)):
        display.step("fill", done, 2, share=share)
    display.finish()
    assert [line.split(" %")[0] for line in lines(capsys)] == ["50", "50", "99", "100"]


def test_who_waits_is_told_behind_how_many_whenever_that_changes(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display()
    for jobs in (2, 2, 1, 0):
        display.step("queued", 0, jobs)
    display.finish()
    assert lines(capsys) == ["queued behind 2 jobs", "queued behind 1 job"]


def test_what_was_understood_is_said_once_then_each_warning_on_its_line() -> None:
    said: list[str] = []
    opening = Opening(said.append, note="engine started")
    opening.show("", ())
    opening.show("41 frames", ("one thing", "another"))
    opening.show("41 frames", ("one thing",))
    opening.close()
    assert said == ["41 frames; engine started", "warning: one thing", "warning: another"]
    assert opening.warnings == ("one thing", "another")


def test_a_job_that_was_not_looked_at_still_says_how_it_is_done() -> None:
    said: list[str] = []
    Opening(said.append, note="engine started").close()
    Opening(said.append).close()
    assert said == ["engine started"]
