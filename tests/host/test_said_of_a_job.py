"""What a command says of its job: first what was understood, last how it ended, and what is there if it is stopped."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from plugin_host import connection_file
from plugin_host.protocol import Progress, Snapshot
from plugin_host.server.cli_exit import print_report, stopped_text
from plugin_host.server.engine import inspect, load_engine, to_shot
from plugin_host.server.job_inputs import resolve_inputs
from plugin_host.server.report_files import ReportSummary
from tests.host.conftest import House
from tests.host.fake_engine import SAID, WARNED, understood

COMMAND = """
import sys
from plugin_host.server import subprocess_job, cli
for task in (subprocess_job.paint, subprocess_job.fill):
    task.__kwdefaults__["engine"] = "fake_engine:" + sys.argv.pop(1)
cli.app()
"""
ODD = "warning: the matte hides nothing: the result is the plate"


def command(house: House, name: str, *words: str, engine: str = "make") -> list[str]:
    spec = house.plates(*words)
    options = ["--plate", spec.plate, "--matte", spec.matte, "--out", str(house.root / "out" / "o.####.exr")]
    # What the stand-in writes has no mark of this engine: without the option it would be taken for somebody else's.
    return [sys.executable, "-c", COMMAND.replace("sys.argv.pop(1)", f'"{engine}"'), name, *options, "--overwrite"]


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, arguments)], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("name", ["fill", "paint"])
def test_what_was_understood_is_the_first_line_and_warnings_follow(house: House, name: str) -> None:
    said = run(*command(house, name, "odd", "key")).stderr.splitlines()
    assert said[:2] == [understood([1001, 1002]), ODD]


def test_it_is_said_before_anything_is_computed(house: House) -> None:
    done = run(*command(house, "fill", "damaged"))
    assert done.returncode == 1
    assert done.stderr.startswith(understood([1001]) + "\n")
    assert "the file breaks off (frame 1001, " in done.stderr.splitlines()[-1]


def test_fill_and_submit_end_in_the_same_words(house: House, until: Callable[..., object]) -> None:
    house.start("fake_engine:reporting")
    until(connection_file.read)
    ends = []
    for name in ("fill", "submit"):
        done = run(*command(house, name, "fill", "odd", engine="reporting"))
        assert done.returncode == 0, done.stderr
        assert ODD in done.stderr
        ends.append(done.stdout.splitlines()[-5:])
    out = house.root / "out"
    assert [end[0] for end in ends] == [understood([1001, 1002]), SAID]
    for end in ends:
        assert end[1].startswith("2 frames in ")
        assert end[1].endswith(f" s: {out / 'o.####.exr'}")
        assert end[2:] == [
            f"25.0 % of the hidden pixels made up, look at 1002 first: {out / 'o.report.png'}",
            "made up from frame 1001: paint this one by hand (aan paint) to cure the rest",
            f"warning: {WARNED[0]}",
        ]
        assert (out / "o.report.png").exists()


def test_a_shot_from_the_cache_is_described_by_its_report(house: House, until: Callable[..., object]) -> None:
    house.start("fake_engine:reporting")
    until(connection_file.read)
    asked = command(house, "submit", "fill")
    said = [run(*asked).stderr.splitlines()[:2] for _ in range(2)]
    assert said == [[understood([1001]), said[0][1]], [SAID, f"warning: {WARNED[0]}"]]


def test_an_engine_that_is_started_says_that_it_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    starter = house.root / "python"
    path = f'PYTHONPATH="{os.environ["PYTHONPATH"]}"'
    starter.write_text(f'#!/bin/sh\n{path} exec "{sys.executable}" "$@" --engine fake_engine:make\n')
    starter.chmod(0o755)
    monkeypatch.setenv("AAN_ENGINE", str(starter))
    try:
        said = [run(*command(house, "submit", *words)).stderr.splitlines()[0] for words in (["fill"], ["fill", "fill"])]
    finally:
        run(sys.executable, "-c", "from plugin_host.server.cli import main; main()", "stop")
    stays = "; engine started, it stays (aan stop)"
    assert said == [understood([1001]) + stays, understood([1001, 1002])]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_fill_that_is_stopped_says_which_frames_are_written(
    house: House, until: Callable[..., object], how: signal.Signals
) -> None:
    words = ["fill", "fill", "fill", "wait /never/there"]
    process = subprocess.Popen(command(house, "fill", *words), stderr=subprocess.PIPE, text=True)
    until(lambda: (house.root / "out" / "o.1003.exr").exists())
    process.send_signal(how)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped: 1001-1003 are written"


def test_a_submit_that_is_stopped_says_it_too(
    house: House, engine: subprocess.Popen[bytes], until: Callable[..., object]
) -> None:
    words = ["fill", f"wait {house.root / 'go'}", "wait /never/there"]
    process = subprocess.Popen(command(house, "submit", *words), stderr=subprocess.PIPE, text=True)
    until(lambda: house.opened() == [1001, 1002])
    process.send_signal(signal.SIGINT)
    (house.root / "go").touch()
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert said.splitlines()[-1] in (
        f"stopped: {frames} written; the job is cancelled" for frames in ("1001 is", "1001-1002 are")
    )


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ((), "stopped: no frame is written"),
        ((1020,), "stopped: 1020 is written"),
        ((1022, 1020, 1021, 1030), "stopped: 1020-1022, 1030 are written"),
    ],
)
def test_frames_that_are_written_are_spans(frames: tuple[int, ...], said: str) -> None:
    assert stopped_text(frames) == said


def test_where_no_frame_stands_out_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(ReportSummary(0.021, (), "/s/o.report.json"))
    assert capsys.readouterr().out == "2.1 % of the hidden pixels made up, no frame stands out: /s/o.report.png\n"


def test_who_waits_is_told_behind_how_many_jobs_and_they_get_fewer(house, client, submit, until) -> None:  # type: ignore[no-untyped-def]
    gates = [house.root / f"go {number}" for number in range(2)]
    jobs = [submit(house.plates(f"wait {gate}", name=f"for {gate.name}")).job for gate in gates]
    last = submit(house.plates("fill", name="last")).job
    ahead: list[int] = []
    for message in client.follow(last):
        if isinstance(message, Snapshot):
            assert (message.state.state, message.state.stage, message.state.steps) == ("queued", "queued", 2)
            gates[0].touch()
        elif isinstance(message, Progress) and message.stage == "queued":
            ahead.append(message.total)
            gates[1].touch()
    assert ahead == [1]
    states = {state.job: state for state in client.answer(client.status()).jobs}
    assert all(state.ended >= state.submitted > 1e9 for state in states.values())
    assert all(states[job].share == 1 for job in (*jobs, last))


def test_every_step_carries_what_was_understood_as_the_newest_alone_may_arrive(house, client, submit) -> None:  # type: ignore[no-untyped-def]
    job = submit(house.plates("odd", "fill", f"wait {house.root / 'go'}")).job
    steps = []
    for message in client.follow(job):
        if isinstance(message, Snapshot):
            (house.root / "go").touch()
        elif isinstance(message, Progress):
            steps.append(message)
    assert {step.inputs for step in steps if step.stage} == {understood([1001, 1002, 1003])}
    assert {step.warnings for step in steps if step.stage} == {(ODD.removeprefix("warning: "),)}
    assert [step.share for step in steps] == sorted(step.share for step in steps)


def test_what_was_assumed_of_the_files_is_said_with_what_was_understood(house: House) -> None:
    spec = house.plates("fill")
    inputs = dataclasses.replace(resolve_inputs(spec, output=None), notes=("p.1001.exr stands for its sequence",))
    understood = inspect(load_engine("fake_engine:make"), to_shot(inputs), inputs)
    assert "; p.1001.exr stands for its sequence; matte A hides 5 %" in understood.text
