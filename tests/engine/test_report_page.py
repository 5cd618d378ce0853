"""The report's page: what it shows, on which axes, and that it can be drawn of anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aan_engine.core.box import Box
from aan_engine.plates.input_summary import InputSummary
from aan_engine.reporting import page
from aan_engine.reporting.page import WIDTH, Curve, Page
from aan_engine.reporting.report import Report
from aan_engine.reporting.thumbnails import THUMB, thumbnails
from tests.engine.reported_frames import SHAPE, filled, made, seen_in

BLUE, GREEN = (np.array(light, np.float32) for light in ((0.0, 0.0, 0.9), (0.0, 0.9, 0.0)))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """The contents of all pages that are drawn."""
    contents: list[Page] = []
    draw = page.png
    monkeypatch.setattr(page, "png", lambda content: [contents.append(content), draw(content)][1])
    return contents


def report_of(path: Path, frames: list[Any], **options: Any) -> None:
    report = Report(path, **options)
    for frame in frames:
        report.add(frame, changed=0)
    report.finish()


def test_the_page_names_the_key_frames(tmp_path: Path, shown: list[Page]) -> None:
    for keys in ((), (1001,), (1001, 1002)):
        report_of(tmp_path / "r.report.json", [filled(frame, is_key=frame in keys) for frame in (1001, 1002)])
    assert [content.notes for content in shown] == [
        (),
        ("key frame 1001: painting this by hand would cure the rest",),
        ("key frames 1001, 1002: painting these by hand would cure the rest",),
    ]
    without, one, _ = (page.draw_page(content) for content in shown)
    assert len(one) > len(without)


def test_the_page_shows_the_shot_what_was_understood_warnings_and_where_it_comes_from(
    tmp_path: Path, shown: list[Page]
) -> None:
    inputs = InputSummary((1001,), SHAPE, "half", "scene-linear", "", "A", 0.0, "CPU", (), ("too dark",))
    report_of(tmp_path / "r.report.json", [filled(1001, provenance=made())], inputs=inputs)
    (content,) = shown
    assert content.title == "plate.####.exr"
    assert content.notes == (inputs.text,)
    assert content.warnings == ("too dark",)
    assert content.footer.startswith("settings a, engine 9.9, weights 000000000000, on CPU, 2")


def test_without_a_job_the_title_is_the_first_and_the_last_plate(tmp_path: Path, shown: list[Page]) -> None:
    report_of(tmp_path / "r.report.json", [filled(frame) for frame in (1001, 1002, 1003)])
    report_of(tmp_path / "r.report.json", [filled(1001)])
    assert [content.title for content in shown] == ["plate.1001.exr - plate.1003.exr", "plate.1001.exr"]


def test_an_axis_is_as_long_as_its_values_need_and_says_where_it_begins_and_ends(
    tmp_path: Path, shown: list[Page]
) -> None:
    frames = [filled(1001 + i, confidence=c, unseen=0.0, trust=None) for i, c in enumerate((0.72, 0.8, 0.88))]
    report_of(tmp_path / "r.report.json", frames)
    confidence, unseen, trust, seconds = shown[0].curves
    assert (confidence.low, confidence.high) == pytest.approx((0.7, 0.9))
    assert confidence.labels == ("0.70", "0.90")
    assert (unseen.low, unseen.high) == pytest.approx((0.0, 0.1))  # small differences must not look large
    assert (trust.low, trust.high) == (0.0, 1.0)
    assert seconds.low == 0
    assert all("0 .. 1" in curve.meaning for curve in (confidence, unseen, trust))


@pytest.mark.parametrize("value", [0.0, 0.04, 0.5, 0.97, 1.0])
def test_an_axis_of_one_value_stays_inside_its_range_and_has_a_length(
    tmp_path: Path, shown: list[Page], value: float
) -> None:
    report_of(tmp_path / "r.report.json", [filled(1001, confidence=value)])
    axis = shown[0].curves[0]
    assert 0 <= axis.low <= value <= axis.high <= 1
    assert axis.high - axis.low >= 0.1 - 1e-9


def test_a_line_of_any_length_stays_on_the_page(tmp_path: Path) -> None:
    content = Page(
        "t" * 500, [("1", "frames")], [7], [Curve("a", [0.5], 0.0, 1.0)], [], [], [], ("n" * 500,), ("w" * 500,)
    )
    drawn = page.draw_page(content).astype(int)
    assert (drawn[:, : page.MARGIN - 8] == drawn[0, 0]).all()
    assert (drawn[:, -page.MARGIN + 8 :] == drawn[0, 0]).all()


def test_the_picture_is_one_page_and_shows_the_worst_frames_before_and_after(tmp_path: Path) -> None:
    before = np.broadcast_to(BLUE, (*SHAPE, 3)).copy()
    before[0, 0] = np.nan
    after = np.broadcast_to(GREEN, (*SHAPE, 3)).copy()
    frames = [filled(1001 + i, confidence=0.9 - 0.5 * (i % 5 == 2), before=before, pixels=after) for i in range(15)]
    report_of(tmp_path / "r.report.json", frames)
    drawn = cv2.imread(str(tmp_path / "r.report.png")).astype(int)
    assert drawn.shape[1] == WIDTH
    blue = (drawn[..., 0] > 200) & (drawn[..., 2] < 60) & (drawn[..., 1] < 60)
    green = (drawn[..., 1] > 200) & (drawn[..., 0] < 60)
    for pictures in (blue, green):
        assert 3 * 2 * THUMB[0] * THUMB[1] * 0.7 < pictures.sum() < 3 * 2 * THUMB[0] * THUMB[1]
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["r.report.json", "r.report.png"]


def test_a_frame_that_another_run_filled_is_named_without_its_pictures(tmp_path: Path, shown: list[Page]) -> None:
    path = tmp_path / "r.report.json"
    report_of(path, [filled(frame, confidence=0.9 - 0.5 * (frame == 1002)) for frame in range(1001, 1005)])
    report_of(path, [filled(frame) for frame in range(1005, 1009)], keep=range(1001, 1005))
    assert [(content.worst[0][0], content.thumbnails[0] is None) for content in shown] == [
        ("frame 1002", False),
        ("frame 1002", True),
    ]


def test_a_page_of_one_frame_without_alignment_or_worst_frames_is_drawn() -> None:
    curves = (Curve("a", [0.5], 0.0, 1.0), Curve("b", [None], 0.0, 1.0))
    picture = page.draw_page(Page("name", [("1", "frames")], [7], curves, [], [], []))
    assert picture.shape[1] == WIDTH
    assert picture.std() > 1


def test_only_the_plate_has_the_outline() -> None:
    hidden = np.zeros(SHAPE, bool)
    hidden[20:40, 30:60] = True
    grey = seen_in(np.full((*SHAPE, 3), 0.2, np.float32))
    seen = thumbnails(grey, grey, hidden=hidden)
    for pair in (seen.whole, seen.close):
        red = [((picture[..., 0] > 180) & (picture[..., 1] < 140)).any() for picture in (pair.plate, pair.result)]
        assert red == [True, False]


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3)])
def test_a_glance_has_one_size_whatever_the_frame_s_shape(size: tuple[int, int]) -> None:
    read = seen_in(np.ones((*size, 3), np.float32))
    seen = thumbnails(read, read, hidden=np.ones(size, bool))
    for pair in (seen.whole, seen.close):
        assert pair.plate.shape == pair.result.shape == (THUMB[1], THUMB[0], 3)


def test_of_a_large_frame_a_glance_takes_no_more_than_it_can_show() -> None:
    fetched: list[int] = []

    def seen(box: Box, *, every: int = 1) -> Any:
        shown = np.ones((len(range(box.top, box.bottom, every)), len(range(box.left, box.right, every)), 3), np.float32)
        fetched.append(shown.size // 3)
        return shown

    hidden = np.zeros((2160, 4096), bool)
    hidden[900:1300, 1500:2100] = True
    thumbnails(seen, seen, hidden=hidden)
    assert len(fetched) == 4
    assert 16 * THUMB[0] * THUMB[1] * 0.5 < max(fetched) < 50 * THUMB[0] * THUMB[1]
