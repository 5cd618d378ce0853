"""The command `aan`, as an artist and as a script meet it."""

from __future__ import annotations

import contextlib
import os
import pty
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import OpenEXR
import pytest
import typer

from aan_engine.errors import PlateUnreadable
from plugin_host import connection_file, launch
from plugin_host.server import cli, in_process
from plugin_host.server.display import Display
from plugin_host.server.existing_files import ExistingPolicy
from plugin_host.server.failures import JobError
from tests.host.fake_engine import understood

COMMAND = [sys.executable, "-c", "from plugin_host.server.cli import main; main()"]


def aan(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


def shot(spec) -> list[str]:
    return ["--plate", spec.plate, "--matte", spec.matte]


def test_help_names_every_command_and_comes_at_once():
    times = []
    for _ in range(3):
        started = processor_seconds()
        done = aan("--help")
        times.append(processor_seconds() - started)
    for command in ("fill", "paint", "submit", "serve", "jobs", "cancel", "stop", "info", "train", "bench"):
        assert command in done.stdout
    assert min(times) < 1.0


def processor_seconds() -> float:
    """What the commands that have ended so far took of the processor: a busy machine does not lengthen it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_fill_writes_every_frame(house):
    spec = house.plates("fill", "fill")
    steps = []
    count = in_process.fill(
        spec, str(house.root / "new" / "o.####.exr"), engine="fake_engine:make", progress=steps.append
    )
    assert count == 2
    assert sorted(p.name for p in (house.root / "new").iterdir()) == ["o.1001.exr", "o.1002.exr"]
    assert {step.stage for step in steps} == {"look", "fill"}


def test_fill_that_leaves_a_frame_out_or_fails_does_not_pass_for_done(house):
    with pytest.raises(JobError, match="1 frames were not written"):
        run_fill(house, "fill", "nothing")
    with pytest.raises(PlateUnreadable):
        run_fill(house, "fill", "damaged")
    assert (house.root / "o.1001.exr").exists()


def run_fill(house, *words: str) -> int:
    output = str(house.root / "o.####.exr")
    options = {"engine": "fake_engine:make", "existing": ExistingPolicy(overwrite=True)}
    return in_process.fill(house.plates(*words), output, progress=lambda step: None, **options)


def test_what_is_wrong_with_a_fill_is_said_in_words_with_a_hint(house):
    done = aan("fill", *shot(house.plates("fill")), "--out", house.root / "o.####.exr", "--first", 2000)
    assert done.returncode == 1
    assert (
        done.stderr == "no plate lies in the range from 2000 on. The plate plate.####.exr has the frame 1001 alone.\n"
    )
    assert aan("fill", "--plate", "x").returncode == 2


def test_what_is_wrong_with_a_bench_is_said_in_words_with_a_hint(tmp_path):
    done = aan("bench", "--data", tmp_path / "nowhere")
    assert done.returncode == 1
    assert done.stderr == f"the folder of clips is not there ({tmp_path / 'nowhere'}). Name one with --data.\n"


def test_submit_follows_its_job_to_the_end(house, engine):
    spec = house.plates("fill", "fill")
    done = aan("submit", *shot(spec), "--out", "relative.####.exr", cwd=house.root)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == understood([1001, 1002])
    assert done.stderr.splitlines()[-1] == "100 % done"
    assert (house.root / "relative.1002.exr").read_text() == "filled fill"
    again = aan("submit", *shot(spec), "--out", house.root / "again.####.exr")
    assert "2 of them cached" in again.stdout
    assert (house.root / "again.1002.exr").exists()


def test_submit_that_fails_says_why(house, engine):
    done = aan("submit", *shot(house.plates("damaged")))
    assert done.returncode == 1
    assert "the file breaks off" in done.stderr
    assert "Render it again." in done.stderr
    refused = aan("submit", "--plate", "/nowhere/p.####.exr", "--matte", "/nowhere/m.exr")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)


def test_jobs_lists_cancel_cancels_stop_stops(house, engine, submit, until):
    accepted = submit(house.plates("wait /never/there"))
    until(lambda: house.opened())
    listed = aan("jobs").stdout
    assert accepted.job in listed
    assert "running" in listed
    assert aan("cancel", accepted.job).returncode == 0
    assert "cancelling" in aan("jobs").stdout
    assert "there is no job x" in aan("cancel", "x").stderr
    assert aan("stop").returncode == 0
    assert engine.wait(10) == 0
    nothing = aan("jobs")
    looked = house.root / "run" / "engine.json"
    assert (nothing.returncode, nothing.stderr.split(";")[0]) == (1, f"no engine is running. Looked for {looked}")


def test_ctrl_c_in_a_script_cancels_the_job(house, engine, client, until):
    process = subprocess.Popen([*COMMAND, "submit", *shot(house.plates("wait /never/there"))], stderr=subprocess.PIPE)
    until(lambda: house.opened())
    process.send_signal(signal.SIGINT)
    until(lambda: client.answer(client.status()).jobs[0].state == "cancelling")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert b"cancelled" in process.stderr.read()
    process.stderr.close()
    assert client.answer(client.status()).jobs[0].state == "cancelled"


class Terminal:
    """`aan submit` on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, "submit", *arguments], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""

    def read_until(self, words: str) -> None:
        while words not in self.shown:
            self.shown += os.read(self._ours, 1000).decode()

    def interrupt(self) -> None:
        """Ctrl-C, once the job is being followed."""
        self.read_until("cached")
        time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)

    def answer(self, words: str) -> None:
        os.write(self._ours, words.encode())

    def close(self) -> int:
        """Read to the end; the exit code."""
        with contextlib.suppress(OSError):  # how a terminal says that nobody is left on its other side
            while more := os.read(self._ours, 1000):
                self.shown += more.decode()
        os.close(self._ours)
        return self.process.wait(20)


def test_a_terminal_shows_a_bar_for_each_stage(house, engine):
    terminal = Terminal(*shot(house.plates("fill", "hold 0.3", "hold 0.3", "fill")))
    assert terminal.close() == 0, terminal.shown
    assert "Traceback" not in terminal.shown
    # The first stages may be over before anybody is told: progress coalesces.
    for words in ("fill", "4/4", "0:00 left", "4 frames in "):
        assert words in terminal.shown


def test_ctrl_c_on_a_terminal_asks_and_the_job_may_go_on(house, engine, client, until):
    go_on = house.root / "go on"
    terminal = Terminal(*shot(house.plates(f"wait {go_on}")))
    until(lambda: house.opened())
    terminal.interrupt()
    terminal.read_until("Cancel the job?")
    terminal.answer("n\n")
    assert terminal.close() == 130
    assert client.answer(client.status()).jobs[0].state == "running"
    go_on.touch()
    until(lambda: client.answer(client.status()).jobs[0].state == "finished")


def test_ctrl_c_on_a_terminal_cancels_when_told_to(house, engine, client, until):
    go_on = house.root / "go on"
    terminal = Terminal(*shot(house.plates(f"wait {go_on}", "fill")))
    until(lambda: house.opened())
    terminal.interrupt()
    terminal.read_until("Cancel the job?")
    terminal.answer("y\n")
    until(lambda: client.answer(client.status()).jobs[0].state == "cancelling")
    go_on.touch()
    assert terminal.close() == 130
    assert "cancelled" in terminal.shown


def test_info_says_what_there_is_or_why_not(tmp_path):
    broken = tmp_path / "broken.exr"
    broken.write_bytes(b"no EXR")
    done = aan("info", broken)
    assert done.returncode == 1
    assert "broken.exr" in done.stderr
    assert "Traceback" not in done.stderr


def test_info_shows_the_other_files_though_one_is_broken(tmp_path):
    for name in ("a.exr", "c.exr"):
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, {"A": np.zeros((4, 6), np.float16)}).write(str(tmp_path / name))
    (tmp_path / "b.exr").write_bytes(b"no EXR")
    done = aan("info", *(tmp_path / name for name in ("a.exr", "b.exr", "c.exr", "gone.exr")))
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.endswith(".exr")] == [
        str(tmp_path / "a.exr"),
        str(tmp_path / "c.exr"),
    ]
    assert len(done.stderr.splitlines()) == 2
    assert "6 x 4" in done.stdout


def test_help_of_submit_says_what_ctrl_c_does():
    words = " ".join(aan("submit", "--help").stdout.split())
    assert "on a terminal it asks first" in words


def test_stop_gives_up_on_an_engine_that_does_not_answer(house, engine):
    engine.send_signal(signal.SIGSTOP)
    try:
        done = aan("stop")
    finally:
        engine.send_signal(signal.SIGCONT)
    assert done.returncode == 1
    assert f"process {engine.pid}" in done.stderr
    assert str(launch.log_file()) in done.stderr


def test_stop_gives_up_on_an_engine_that_says_yes_and_stays(house, engine, monkeypatch, capsys):
    """The engine leaves, but its lock is still held by someone: as with one that hangs on its way out."""
    monkeypatch.setattr(cli, "SHUTDOWN_TIMEOUT", 0.3)
    monkeypatch.setattr(connection_file, "is_locked", lambda path: True)
    with pytest.raises(typer.Exit) as ended:
        cli.stop()
    assert ended.value.exit_code == 1
    said = capsys.readouterr().err
    assert f"process {engine.pid}" in said
    assert str(launch.log_file()) in said
    assert engine.wait(10) == 0


def test_progress_elsewhere_than_on_a_terminal_is_plain_lines(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with Display() as display:
        for frame in range(1, 101):
            display.step("look", frame, 100, share=frame / 200)
            display.step("fill", frame, 100, share=frame / 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["0 % look 1/100 plates", "1 % fill 1/100 frames"]
    assert lines[-2].startswith("99 % look 100/100 plates, ")
    assert lines[-1].endswith(" left")
    assert len(lines) == 4
