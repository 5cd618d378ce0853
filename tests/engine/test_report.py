"""The report: what an artist looks at first, and what an interrupted job leaves of it."""

from __future__ import annotations

import errno
import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from aan_engine import pipeline
from aan_engine.core.box import Box
from aan_engine.reporting import page
from aan_engine.reporting.page import THUMB, WIDTH, Curve, Page
from aan_engine.reporting.report import Report, read_rows, summary
from tests.engine.shots import box_matte, pan, shot_of

SHAPE = (60, 100)


def filled(frame: int, *, confidence: float = 0.9, unseen: float = 0.1, hidden: int = 200, **other: Any) -> Any:
    """A frame as the report sees it, `hidden` pixels of it (a multiple of 20) in the hole."""
    hole = np.zeros(SHAPE, bool)
    hole[20 : 20 + hidden // 20, 30:50] = True
    pixels = other.pop("pixels", np.full((*SHAPE, 3), 0.2, np.float32))
    told = {"trust": 0.8, "is_key": False, "residue": 0.0, "grown": 0.0, "region": seen_in(pixels), **other}
    plate = SimpleNamespace(path=Path(f"plate.{frame}.exr"))
    return SimpleNamespace(
        frame=frame, plate=plate, hidden=hole, confidence=confidence, unseen=unseen if hidden else 0.0, **told
    )


def seen_in(pixels: Any) -> Any:
    return lambda box, *, every=1: pixels[box.top : box.bottom : every, box.left : box.right : every]


def ticking() -> Any:
    ticks = count()
    return lambda: next(ticks) * 0.5


def told(path: Path) -> Any:
    return json.loads(path.read_text("ascii"))


def test_the_least_confident_frames_are_named_first_and_those_without_a_hole_never(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.report.json")
    for frame, confidence in enumerate((0.9, 0.2, 0.8, 0.5, 0.95, 0.7, 0.6), 1001):
        report.add(filled(frame, confidence=confidence), changed=0)
    report.add(filled(1008, confidence=0.0, hidden=0), changed=0)
    report.add(filled(1009, confidence=0.2, unseen=0.3), changed=0)
    assert told(tmp_path / "r.report.json")["summary"]["worst"] == [1009, 1002, 1004, 1007, 1006]


def test_shares_are_over_all_hidden_pixels_not_over_frames(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.report.json", clock=ticking())
    report.add(filled(1001, unseen=1.0, confidence=0.0, hidden=100), changed=0)
    report.add(filled(1002, unseen=0.0, confidence=0.8, hidden=300), changed=0)
    found = summary(report.rows)
    assert (found.unseen, found.confidence) == (0.25, pytest.approx(0.6))
    assert (found.seconds, found.seconds_per_frame) == (1.0, 0.5)
    assert [row.hidden for row in report.rows] == [100, 300]


def test_key_frames_are_named_the_one_with_the_most_to_paint_first(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.report.json")
    for frame, unseen, key in ((1001, 0.9, False), (1002, 0.3, True), (1003, 0.2, True), (1004, 0.2, False)):
        report.add(filled(frame, unseen=unseen, hidden=200 if frame == 1002 else 400, is_key=key), changed=0)
    document = told(tmp_path / "r.report.json")
    assert document["summary"]["keys"] == [1003, 1002]
    assert [row["key"] for row in document["frames"]] == [False, True, True, False]
    assert summary(read_rows(tmp_path / "r.report.json")).keys == (1003, 1002)


def test_a_report_from_before_there_were_key_frames_reads_as_one_without(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    Report(path).add(filled(1001), changed=0)
    old = told(path)
    del old["summary"]["keys"], old["frames"][0]["key"]
    path.write_text(json.dumps(old))
    (row,) = read_rows(path)
    assert not row.key
    assert summary([row]).keys == ()


def test_the_page_names_the_key_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Page] = []
    draw = page.png
    monkeypatch.setattr(page, "png", lambda content: [shown.append(content), draw(content)][1])
    for keys in ((), (1001,), (1001, 1002)):
        report = Report(tmp_path / "r.report.json")
        for frame in (1001, 1002):
            report.add(filled(frame, is_key=frame in keys), changed=0)
        report.finish()
    assert [content.note for content in shown] == [
        "",
        "key frame 1001: painting this by hand would cure the rest",
        "key frames 1001, 1002: painting these by hand would cure the rest",
    ]
    without, one, _ = (page.draw_page(content) for content in shown)
    assert without.shape == one.shape
    assert (without != one)[150:185].any()


def test_changed_bits_are_those_that_were_counted(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.report.json")
    for frame, changed in ((1001, 0), (1002, 3), (1003, 0)):
        report.add(filled(frame), changed=changed)
    assert told(tmp_path / "r.report.json")["summary"]["changed_bits_outside_matte"] == 3


def test_a_matte_is_called_too_tight_where_a_third_of_the_frames_with_a_hole_say_so(tmp_path: Path) -> None:
    def found(*residues: float, grown: float = 0.0) -> tuple[int, float]:
        report = Report(tmp_path / "r.report.json")
        for frame, residue in enumerate(residues, 1001):
            report.add(filled(frame, residue=residue, grown=grown), changed=0)
        report.add(filled(1100, hidden=0), changed=0)
        report.finish()
        found = told(tmp_path / "r.report.json")["summary"]
        return found["residue"], found["grow"]

    assert found(2) == (2, 2)
    assert found(0, 0, 0, 0, 5) == found() == (0, 0)
    assert found(0, 2, 0, 2, 0, 2) == (2, 2)
    # One frame of many does not decide how far the matte is to grow.
    assert found(2, 2, 2, 2, 2, 2, 9) == (2, 2)
    assert found(1, 3, 3, grown=1.5) == (3, 4.5)


def test_rows_of_an_older_report_have_no_residue(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    report = Report(path)
    report.add(filled(1001, residue=2.0, grown=1.0), changed=0)
    older = told(path)
    for row in older["frames"]:
        del row["residue"], row["grown"]
    path.write_text(json.dumps(older), "ascii")
    (row,) = read_rows(path)
    assert (row.residue, row.grown) == (0, 0)


def test_a_job_that_goes_on_takes_its_earlier_frames_over_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    first = Report(path)
    for frame in (1001, 1002, 1003):
        first.add(filled(frame, confidence=0.1), changed=0)
    second = Report(path, keep={1001, 1002, 1010})
    second.add(filled(1004), changed=0)
    second.finish()
    assert [row.frame for row in read_rows(path)] == [1001, 1002, 1004]
    assert read_rows(path)[:2] == first.rows[:2]
    assert (tmp_path / "r.report.png").exists()


@pytest.mark.parametrize("words", ["", "{", "[]", '{"format": "another", "frames": []}', '{"frames": [{"frame": 1}]}'])
def test_a_broken_report_is_begun_anew(tmp_path: Path, words: str) -> None:
    path = tmp_path / "r.report.json"
    path.write_text(words)
    report = Report(path, keep={1001})
    report.add(filled(1002), changed=0)
    assert [row.frame for row in read_rows(path)] == [1002]


def test_a_report_that_cannot_be_written_is_said_and_an_old_one_does_not_stand_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("r.report.json", "r.report.png"):
        (tmp_path / name).write_text("of last week")
    monkeypatch.setattr(Path, "write_bytes", full)
    report = Report(tmp_path / "r.report.json")
    report.add(filled(1001), changed=0)
    report.finish()
    assert list(tmp_path.iterdir()) == []
    assert "No space left" in caplog.text


def test_the_picture_is_one_page_and_shows_the_worst_frames(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.report.json")
    for frame in range(1001, 1010):
        light = np.full((*SHAPE, 3), [0.0, 0.0, 0.9], np.float32)
        light[0, 0] = np.nan
        report.add(filled(frame, confidence=0.1 * (frame - 1000), pixels=light), changed=0)
    report.finish()
    page = cv2.imread(str(tmp_path / "r.report.png"))
    assert page.shape[1] == WIDTH
    blue = (page[..., 0] > 200) & (page[..., 2] < 60)
    assert blue.sum() > 5 * 2 * THUMB[0] * THUMB[1] * 0.7
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["r.report.json", "r.report.png"]


def test_a_page_of_one_frame_without_alignment_or_worst_frames_is_drawn() -> None:
    curves = (Curve("a", [0.5], 1.0), Curve("b", [None], 1.0))
    picture = page.draw_page(Page("name", [("1", "frames")], [7], curves, [], [], []))
    assert picture.shape[1] == WIDTH
    assert picture.std() > 1


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3)])
def test_a_glance_has_one_size_whatever_the_frame_s_shape(size: tuple[int, int]) -> None:
    seen = page.thumbnails(seen_in(np.ones((*size, 3), np.float32)), np.ones(size, bool))
    assert seen.whole.shape == seen.close.shape == (THUMB[1], THUMB[0], 3)


def test_of_a_large_frame_a_glance_takes_no_more_than_it_can_show() -> None:
    fetched: list[int] = []

    def seen(box: Box, *, every: int = 1) -> Any:
        shown = np.ones((len(range(box.top, box.bottom, every)), len(range(box.left, box.right, every)), 3), np.float32)
        fetched.append(shown.size // 3)
        return shown

    hidden = np.zeros((2160, 4096), bool)
    hidden[900:1300, 1500:2100] = True
    page.thumbnails(seen, hidden)
    assert len(fetched) == 2
    assert 16 * THUMB[0] * THUMB[1] * 0.5 < max(fetched) < 50 * THUMB[0] * THUMB[1]


def test_what_the_engine_tells_of_a_frame_reaches_the_report(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3, speed=6), box_matte(3), device="cpu", aovs=("confidence", "unseen"))
    report = pipeline.report(tmp_path / "o.report.json")
    frames = list(pipeline.fill(shot))
    for one in frames:
        report.add(one, changed=one.write(tmp_path / f"o.{one.frame}.exr"))
    for row, one in zip(report.rows, frames, strict=True):
        assert row.hidden == 16 * 16
        assert row.confidence == pytest.approx(one.layers["confidence.a"][one.hidden].mean(), abs=1e-6)
        assert row.unseen == pytest.approx(one.layers["unseen.a"][one.hidden].mean(), abs=1e-6)
        assert row.trust is not None
        assert 0.5 < row.trust <= 1
        assert row.changed_bits_outside_matte == 0
