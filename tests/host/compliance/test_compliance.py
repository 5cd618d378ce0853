"""One suite for all hosts: what an artist may rely on wherever she presses the button. `host` has the interface."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from plugin_host import connection_file
from plugin_host.connection_file import Connection
from plugin_host.protocol import HIGHEST, Refused
from plugin_host.wire import encode, request_number
from tests.foundry import engines, tree
from tests.host.compliance.drivers import DRIVERS
from tests.host.compliance.host import CANCELLED, FAILED, FINISHED, FRAMES, LOST, Host, is_filled, lay_out

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script")

shared_engine, engine = engines.shared_engine, engines.engine


@pytest.fixture(params=DRIVERS)
def host(request: pytest.FixtureRequest, tmp_path: Path, engine: Any) -> Iterator[Host]:
    if request.param == "Nuke" and tree.TCL is None:
        pytest.skip("tclsh")
    lay_out(tmp_path)
    found = DRIVERS[request.param](tmp_path, engine)
    yield found
    found.close()


def until(host: Host, seen: Callable[[], Any], *, seconds: float = 40.0) -> None:
    """Let time pass until something is seen."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, (host.ended(), host.words(), host.frames())
        host.look()


def begun(host: Host, engine: Any) -> None:
    """Two of four frames are there, and the third is in work."""
    engine.hold_at(1003)
    host.submit()
    until(host, lambda: host.frames() == [1001, 1002])


def whole(host: Host) -> None:
    """It goes on to its end, and every frame is what it should be."""
    until(host, host.ended)
    assert (host.ended(), host.frames()) == (FINISHED, list(FRAMES)), host.words()
    assert all(is_filled(host.file(frame), frame) for frame in FRAMES)


def test_a_shot_is_cleaned(host: Host) -> None:
    host.submit()
    assert host.ended() == ""
    whole(host)


def test_frames_show_as_they_are_finished(host: Host, engine: Any) -> None:
    begun(host, engine)
    assert is_filled(host.file(1002), 1002)
    assert host.ended() == ""
    engine.go_on()
    whole(host)


def test_cancel_keeps_what_is_finished_and_the_rest_can_be_had_later(host: Host, engine: Any) -> None:
    begun(host, engine)
    host.cancel()
    until(host, host.ended)
    assert (host.ended(), host.frames()) == (CANCELLED, [1001, 1002])
    assert "ancelled" in host.words()
    engine.go_on()
    host.again()
    whole(host)


def test_a_host_that_was_closed_in_mid_job_finds_it_again(host: Host, engine: Any) -> None:
    begun(host, engine)
    host.leave()
    engine.go_on()
    host.come_back()
    whole(host)


def test_an_engine_that_is_lost_is_told_and_nothing_is_done_twice(host: Host, engine: Any) -> None:
    begun(host, engine)
    made = [host.file(frame).read_bytes() for frame in (1001, 1002)]
    engine.kill()
    until(host, lambda: host.ended() == LOST)
    assert "does not answer" in host.words()
    assert host.frames() == [1001, 1002]
    engine.go_on()
    host.again()
    whole(host)
    assert [host.file(frame).read_bytes() for frame in (1001, 1002)] == made


def test_a_plate_that_cannot_be_read_is_named(host: Host, tmp_path: Path) -> None:
    plate = tmp_path / "plate.1002.exr"
    plate.write_bytes(plate.read_bytes()[:200])
    host.submit()
    until(host, host.ended)
    assert host.ended() == FAILED
    assert "plate.1002.exr" in host.words()


class Foreigner:
    """An engine of the future: it answers every greeting with a refusal, and says whose turn it is to update."""

    reason, hint = f"the host speaks protocol {HIGHEST}, the engine 7 - 9", "Update the host's plug-in."

    def __init__(self) -> None:
        self._lock = connection_file.claim()
        assert self._lock is not None, "another engine lives"
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        connection_file.write(Connection(f"tcp://127.0.0.1:{port}", "token", os.getpid(), "later", 7, 9))
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._leaving.is_set():
            if self._router.poll(20):
                host, *frames = self._router.recv_multipart()
                refused = Refused("version", self.reason, self.hint)
                self._router.send_multipart([host, *encode(refused, request_number(frames))])

    def close(self) -> None:
        self._leaving.set()
        self._thread.join(5)
        self._context.destroy(linger=0)
        assert self._lock is not None
        self._lock.close()


def test_an_engine_of_another_version_says_which_side_to_update(host: Host, engine: Any) -> None:
    engine.kill()
    foreigner = Foreigner()
    try:
        host.submit()
        until(host, host.ended)
        assert host.ended() == FAILED
        assert foreigner.reason in host.words()
        assert foreigner.hint in host.words()
    finally:
        foreigner.close()
