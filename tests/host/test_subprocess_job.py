"""`aan fill` in a child: the same words as ever, and also when the child does not live to say them."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from aan_engine.core.temporary_name import temporary_path
from plugin_host.server import subprocess_job
from plugin_host.server.failures import JobError

COMMAND = """
import sys
from plugin_host.server import subprocess_job, cli
subprocess_job.fill.__kwdefaults__["engine"] = "fake_engine:make"
cli.app()
"""


def fill(house, *words: str, engine: str = "fake_engine:make") -> int:
    steps: list[object] = []
    spec, output = house.plates(*words), str(house.root / "out" / "o.####.exr")
    count = subprocess_job.fill(spec, output, engine=engine, progress=steps.append)
    assert {step.stage for step in steps} == {"look", "fill"}
    return count


def written(house) -> list[str]:
    return sorted(path.name for path in (house.root / "out").glob("*"))


def test_every_frame_is_written_and_its_report(house):
    assert fill(house, "fill", "fill", engine="fake_engine:reporting") == 2
    assert written(house) == ["o.1001.exr", "o.1002.exr", "o.report.json", "o.report.png"]


@pytest.mark.parametrize(
    ("word", "code", "reason"),
    [
        ("damaged", "plate-unreadable", r"the file breaks off \(frame 1002, .*plate\.1002\.exr\)"),
        ("memory", "out-of-memory", "64 GiB"),
        ("nothing", "incomplete", "1 frames"),
        ("fault", "internal", "RuntimeError: a bug"),
    ],
)
def test_whatever_ends_the_job_is_said_under_its_code_and_earlier_frames_stay(house, word, code, reason):
    with pytest.raises(JobError, match=reason) as caught:
        fill(house, "fill", word)
    assert caught.value.code == code
    assert written(house) == ["o.1001.exr"]


@pytest.mark.parametrize(
    ("word", "code", "reason"),
    [
        ("die", "worker-lost", "SIGKILL"),
        ("crash", "reader-lost", r"crashed on .*plate\.1003\.exr, frame 1003: it was killed by SIGSEGV"),
        ("hang", "reader-lost", r"plate\.1003\.exr, frame 1003 takes for ever"),
    ],
)
def test_a_sudden_death_costs_no_more_than_the_frame_that_was_being_written(house, word, code, reason):
    with pytest.raises(JobError, match=reason) as caught:
        fill(house, "fill", "fill", word)
    assert caught.value.code == code
    assert written(house) in (["o.1001.exr"], ["o.1001.exr", "o.1002.exr"])


def test_what_a_sudden_death_left_half_written_is_cleared_away_and_nothing_else(house):
    out = house.root / "out"
    out.mkdir()
    for name in (".o.1002.exr.ab12cd34.part", ".other.1002.exr.ab12cd34.part", ".o.txt", "o.1002.exr.part"):
        (out / name).write_text("half")
    with pytest.raises(JobError):
        fill(house, "fill", "die")
    assert {".other.1002.exr.ab12cd34.part", ".o.txt", "o.1002.exr.part"} <= set(written(house))
    assert ".o.1002.exr.ab12cd34.part" not in written(house)


def test_a_chunk_that_dies_leaves_the_files_alone_that_another_one_is_writing(house):
    out = house.root / "out"
    out.mkdir()
    for name in (".o.1001.exr.ab12cd34.part", ".o.1002.exr.ab12cd34.part", ".o.report.json.ab12cd34.part"):
        (out / name).write_text("half")
    spec = dataclasses.replace(house.plates("fill", "die"), first=1002)
    with pytest.raises(JobError):
        subprocess_job.fill(spec, str(out / "o.####.exr"), engine="fake_engine:make", progress=lambda step: None)
    assert written(house) == [".o.1001.exr.ab12cd34.part"]


def test_what_a_sudden_death_left_under_a_very_long_name_is_cleared_away_too(house):
    out = house.root / "out"
    out.mkdir()
    for letter in "xy":
        temporary_path(out / f"{letter * 238}.1001.exr").write_text("half")
    spec, output = house.plates("die"), str(out / f"{'x' * 238}.####.exr")
    with pytest.raises(JobError):
        subprocess_job.fill(spec, output, engine="fake_engine:make", progress=lambda step: None)
    assert [name.count("y") > 100 for name in written(house)] == [True]


def test_a_name_that_no_file_may_have_is_answered_with_a_shorter_one(house):
    output = str(house.root / "out" / f"{'x' * 250}.####.exr")
    with pytest.raises(JobError, match="name too long") as caught:
        subprocess_job.fill(house.plates("fill"), output, engine="fake_engine:make", progress=lambda step: None)
    assert caught.value.hint == "Choose a shorter name."


def aan(house, *words: str) -> subprocess.Popen[str]:
    spec = house.plates(*words)
    options = ["fill", "--plate", spec.plate, "--matte", spec.matte, "--out", str(house.root / "out" / "o.####.exr")]
    command = [sys.executable, "-c", COMMAND, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_says_which_file_crashed_the_reader(house):
    process = aan(house, "crash")
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "plate.1001.exr, frame 1001" in said
    assert "Traceback" not in said


def test_a_fault_of_the_engine_shows_one_trace(house):
    process = aan(house, "fault")
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said.count("Traceback")) == (1, 1)


def test_ctrl_c_ends_parent_and_child_and_leaves_nothing_half_written(house, until):
    process = aan(house, "fill", "wait /never/there")
    until(lambda: house.opened() == [1001, 1002])
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - begun < 4
    assert written(house) == ["o.1001.exr"]
    notes = Path(house.root / "plate" / "opened.txt").read_text()
    time.sleep(0.2)
    assert Path(house.root / "plate" / "opened.txt").read_text() == notes


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_child_does_not_outlive_a_parent_that_is_killed_and_leaves_no_trail(house, until, how, monkeypatch):
    (trails := house.root / "trails").mkdir()
    monkeypatch.setenv("TMPDIR", str(trails))
    process = aan(house, "fill", "wait /never/there")
    until(lambda: house.opened() == [1001, 1002])
    assert list(trails.iterdir())
    children = psutil.Process(process.pid).children()
    process.send_signal(how)
    process.communicate(timeout=30)  # which waits for the children, too: the pipes are theirs as well
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert written(house) == ["o.1001.exr"]
    assert not list(trails.iterdir())
