"""A job with a real engine process, fake only in what it computes: started, killed, restarted, found again."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugin_host import job_handle, launch
from plugin_host.engine_monitor import EngineMonitor, Presence
from plugin_host.host_job import HostJob
from plugin_host.job_status import JobPhase

HERE = Path(__file__).parent


class Host:
    """A host with a timer."""

    def __init__(self, python: Path) -> None:
        self.monitor = EngineMonitor(name="a test", python=lambda: str(python))
        self.host_job = HostJob(self.monitor)
        self.frames: list[int] = []

    def until(self, seen: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not seen():
            assert time.monotonic() < end, (self.host_job.status, self.monitor.state)
            self.frames += self.host_job.tick().frames
            time.sleep(0.01)

    def until_phase(self, phase: JobPhase) -> None:
        self.until(lambda: self.host_job.status.phase is phase)

    def close(self) -> None:
        self.host_job.close()
        self.monitor.close()


@pytest.fixture
def python(house, tmp_path: Path) -> Path:
    """An interpreter that has the (fake) engine."""
    path = tmp_path / "python"
    told = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{told}" exec "{sys.executable}" "$@" --engine fake_engine:reporting\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def host(python: Path) -> Iterator[Host]:
    host = Host(python)
    yield host
    host.close()
    for process in launch._started:
        if process.poll() is None:
            process.terminate()
        process.wait(10)


def kill(host: Host) -> None:
    client = host.monitor._client
    assert client is not None
    os.kill(client.connection.pid, signal.SIGKILL)
    launch._started[-1].wait(10)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script")
class TestAnErrandWithARealEngine:
    def test_starts_it_and_brings_every_frame(self, house, host, tmp_path):
        host.host_job.start(house.plates("fill", "fill", "fill"), str(tmp_path / "out" / "o.####.exr"))
        assert host.monitor.state.presence is Presence.STARTING
        host.until_phase(JobPhase.FINISHED)
        status = host.host_job.status
        assert status.frames == tuple(sorted(host.frames)) == (1001, 1002, 1003)
        assert all(Path(status.path(frame)).read_text() == "filled fill" for frame in status.frames)
        assert (status.unseen, status.worst) == (0.25, (1003,))
        assert Path(status.report).exists()
        assert status.release

    def test_goes_on_from_the_frames_that_are_there_after_the_engine_was_killed(self, house, host, tmp_path):
        go_on = tmp_path / "go on"
        spec = house.plates("fill", "fill", f"wait {go_on}")
        host.host_job.start(spec, str(tmp_path / "out" / "o.####.exr"))
        host.until(lambda: host.host_job.status.done == 2)
        kill(host)
        host.until_phase(JobPhase.LOST)
        assert "finished frames are kept" in host.host_job.status.hint
        go_on.touch()
        host.monitor.start()
        host.until_phase(JobPhase.FINISHED)
        assert house.opened() == [1001, 1002, 1003, 1003]

    def test_is_found_again_by_another_life_of_the_host(self, house, host, python, tmp_path):
        go_on = tmp_path / "go on"
        spec = house.plates("fill", f"wait {go_on}")
        host.host_job.start(spec, str(tmp_path / "out" / "o.####.exr"))
        host.until(lambda: host.host_job.status.done == 1)
        kept = host.host_job.handle.text()
        host.close()
        again = Host(python)
        again.host_job.reconnect(job_handle.read(kept))
        again.until_phase(JobPhase.RUNNING)
        assert again.frames == [1001]
        go_on.touch()
        again.until_phase(JobPhase.FINISHED)
        assert again.frames == [1001, 1002]
        again.close()

    def test_is_cancelled_and_keeps_what_is_finished(self, house, host, tmp_path):
        spec = house.plates("fill", f"wait {tmp_path / 'never'}", "fill")
        host.host_job.start(spec, str(tmp_path / "out" / "o.####.exr"))
        host.until(lambda: host.host_job.status.done == 1)
        host.host_job.cancel()
        assert host.host_job.status.phase is JobPhase.CANCELLING
        host.host_job.cancel()
        host.until_phase(JobPhase.CANCELLED)
        assert Path(host.host_job.status.path(1001)).exists()

    def test_tells_why_a_job_was_refused(self, house, host, tmp_path):
        spec = house.plates("fill")
        host.host_job.start(spec, spec.plate)
        host.until_phase(JobPhase.FAILED)
        assert "overwrite the input" in host.host_job.status.reason
