"""The report: what an artist looks at first, and what an interrupted job leaves of it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aan_engine import pipeline
from aan_engine.plates.input_summary import InputSummary
from aan_engine.provenance import Provenance
from aan_engine.reporting.report import Report
from aan_engine.reporting.rows import summary
from aan_engine.reporting.stored import read_rows
from tests.engine.reported_frames import filled, made, ticking, told
from tests.engine.shots import box_matte, pan, shot_of

ROOT = Path(__file__).resolve().parents[2]


def test_the_least_confident_frames_are_named_first_and_those_without_a_hole_never(tmp_path: Path) -> None:
    report = Report(tmp_path / "r.report.json")
    for frame, confidence in enumerate((0.9, 0.2, 0.9, 0.5, 0.95, 0.7, 0.6, *[0.9] * 9), 1001):
        report.add(filled(frame, confidence=confidence), changed=0)
    report.add(filled(1100, confidence=0.0, hidden=0), changed=0)
    report.add(filled(1101, confidence=0.2, unseen=0.3), changed=0)
    assert told(tmp_path / "r.report.json")["summary"]["worst"] == [1101, 1002, 1004, 1007, 1006]


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
        assert row.settings == one.provenance.settings


# --- one report for several runs -----------------------------------------------------------------------------------


class Existing:
    """The frames whose files are there: all but these."""

    def __init__(self, *gone: int) -> None:
        self._gone = gone

    def __contains__(self, frame: object) -> bool:
        return frame not in self._gone


def run(path: Path, *frames: int, provenance: Provenance, keep: Existing, confidence: float = 0.9) -> Report:
    report = Report(path, keep=keep)
    for frame in frames:
        report.add(filled(frame, provenance=provenance, confidence=confidence), changed=0)
    report.finish()
    return report


def test_a_shot_filled_in_chunks_has_one_report_of_all_frames(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    run(path, 1001, 1002, provenance=made(), keep=Existing())
    run(path, 1003, 1004, provenance=made(), keep=Existing())
    document = told(path)
    assert [row["frame"] for row in document["frames"]] == [1001, 1002, 1003, 1004]
    assert document["summary"]["frames"] == 4
    assert document["summary"]["warnings"] == []


def test_runs_side_by_side_lose_no_row(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    runs = [Report(path, keep=Existing()) for _ in range(3)]
    for step in range(4):
        for number, report in enumerate(runs):
            report.add(filled(1001 + 10 * number + step, provenance=made()), changed=0)
    runs[0].finish()
    assert [row.frame for row in read_rows(path)] == [1001 + 10 * n + step for n in range(3) for step in range(4)]


def test_processes_that_write_at_the_same_time_lose_no_row_either(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from tests.engine.reported_frames import filled, made
from aan_engine.reporting.report import Report
first = int(sys.argv[1])
report = Report(Path({str(tmp_path / "r.report.json")!r}), keep=range(0, 9999))
for frame in range(first, first + 15):
    report.add(filled(frame, provenance=made()), changed=0)
"""
    processes = [subprocess.Popen([sys.executable, "-c", script, str(first)], cwd=ROOT) for first in (1000, 2000)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert [row.frame for row in read_rows(tmp_path / "r.report.json")] == [*range(1000, 1015), *range(2000, 2015)]
    assert [p.name for p in tmp_path.iterdir()] == ["r.report.json"]


def test_a_frame_filled_again_has_its_new_row_and_one_whose_file_is_gone_none(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    run(path, 1001, 1002, 1003, provenance=made(), keep=Existing())
    run(path, 1002, provenance=made(), keep=Existing(1003), confidence=0.3)
    assert [(row.frame, row.confidence) for row in read_rows(path)] == [(1001, 0.9), (1002, 0.3)]


def test_rows_of_other_settings_stay_and_can_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    run(path, 1001, 1002, provenance=made("a", job='{"grow": 1}'), keep=Existing())
    run(path, 1002, 1003, provenance=made("b", job='{"grow": 2}'), keep=Existing())
    document = told(path)
    assert [(row["frame"], row["settings"]) for row in document["frames"]] == [(1001, "a"), (1002, "b"), (1003, "b")]
    assert document["jobs"] == {"a": {"grow": 1}, "b": {"grow": 2}}
    assert document["summary"]["warnings"] == [
        "the frames were filled with 2 different settings: the report says which"
    ]
    run(path, 1001, provenance=made("b", job='{"grow": 2}'), keep=Existing())
    assert told(path)["jobs"] == {"b": {"grow": 2}}
    assert told(path)["summary"]["warnings"] == []


def test_rows_of_another_shot_are_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    run(path, 1001, provenance=made(shot="another"), keep=Existing())
    run(path, 1002, provenance=made(), keep=Existing())
    assert [row.frame for row in read_rows(path)] == [1002]


def test_a_lock_that_was_left_behind_holds_nobody_up_for_long(tmp_path: Path) -> None:
    lock = tmp_path / ".r.report.json.lock.part"
    lock.touch()
    os.utime(lock, (0, 0))
    run(tmp_path / "r.report.json", 1001, provenance=made(), keep=Existing())
    assert not lock.exists()
    assert len(read_rows(tmp_path / "r.report.json")) == 1


def test_the_report_says_what_was_understood_what_seems_wrong_and_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    understood = InputSummary((1001,), (60, 100), "half", "scene-linear", "", "A", 0.03, "CPU", (), ("too dark",))
    report = Report(path, inputs=understood)
    report.add(filled(1001, provenance=made()), changed=0)
    document = told(path)
    assert document["summary"]["inputs"] == understood.text
    assert document["summary"]["warnings"] == ["too dark"]
    assert document["summary"]["hidden"] == pytest.approx(200 / 6000)
    date = document["provenance"].pop("date")
    assert datetime.fromisoformat(date).utcoffset() == timedelta(0)
    assert document["provenance"] == {
        **{"job": {"plate": "/s/plate.####.exr"}, "shot": "s", "settings": "a", "engine": "9.9"},
        **{"weights": "0" * 64, "device": "CPU"},
    }
