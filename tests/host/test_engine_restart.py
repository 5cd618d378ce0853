"""An engine that goes and comes back, one that does not come at all, and who may talk to it."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import pytest

from plugin_host import connection_file, engine_socket
from plugin_host.client import Client
from plugin_host.client_events import EngineBack, EngineLost
from plugin_host.errors import EngineRefused
from plugin_host.launch import find
from plugin_host.protocol import Accepted, Finished, Hello, Refused, Status, Submit
from plugin_host.wire import decode, encode
from tests.host.fake_engine import understood


@pytest.fixture
def raw(engine):
    """A bare socket to the engine: says anything, and returns what is answered."""
    import zmq

    found = connection_file.read()
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.connect(found.endpoint)

    def say(message):
        socket.send_multipart(encode(message, 7) if not isinstance(message, list) else message)
        assert socket.poll(5000), "the engine is silent"
        envelope = decode(socket.recv_multipart())
        assert envelope.request == 7
        return envelope.message

    yield say
    context.destroy(linger=0)


def test_an_engine_killed_and_restarted_resumes_from_its_cache(
    house, engine, client, submit, follow, until, monkeypatch
):
    monkeypatch.setattr(engine_socket, "PING_AFTER", 0.1)
    monkeypatch.setattr(engine_socket, "PING_TIMEOUT", 0.5)
    go_on = house.root / "go on"
    spec = house.plates("fill", "fill", f"wait {go_on}", "fill")
    accepted = submit(spec)
    until(lambda: house.opened() == [1001, 1002, 1003])
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    go_on.touch()
    pending = client.status()
    news = []
    until(lambda: news.extend(client.poll()) or any(isinstance(a.message, EngineLost) for a in news))
    until(lambda: news.extend(client.poll()) or any(a.request == pending for a in news))
    assert next(a.message for a in news if a.request == pending).code == "engine-lost"
    house.start()
    until(lambda: news.extend(client.poll()) or any(isinstance(a.message, EngineBack) for a in news))
    back = next(a.message for a in news if isinstance(a.message, EngineBack))
    assert back.restarted
    with pytest.raises(EngineRefused):
        next(client.follow(accepted.job))
    again = submit(spec)
    assert again.cached == 2
    said = understood(range(1001, 1005))
    assert follow(again.job) == ([1001, 1002, 1003, 1004], Finished(again.job, 4, inputs=said))


def test_a_wrong_token_opens_nothing(house, raw):
    assert raw(Status()).code == "no-hello"
    assert raw(Hello(1, 1, "a guess")).code == "token"
    assert raw(Hello(1, 1, "")).code == "token"
    assert raw(Hello(1, 1, "\udce9")).code == "token"
    assert raw(Submit(house.plates("fill"))).code == "no-hello"


def test_a_newer_host_is_told_to_update_the_engine_and_an_older_one_itself(raw):
    token = connection_file.read().token
    newer, older = raw(Hello(8, 9, token)), raw(Hello(0, 0, token))
    assert (newer.code, newer.hint) == ("version", "Update the engine.")
    assert (older.code, older.hint) == ("version", "Update the host's plug-in.")
    assert newer.reason == "$.lowest: the host speaks protocol 8 - 9, the engine 1"
    assert raw(Hello(1, 9, token)).version == 1


def test_a_client_of_another_token_is_told_so(house, engine, until):
    stranger = Client(dataclasses.replace(connection_file.read(), token="stolen"))
    house.clients.append(stranger)
    arrivals = until(stranger.poll)
    assert isinstance(arrivals[0].message, Refused)
    assert arrivals[0].message.code == "token"


def test_there_is_one_engine_per_user_and_machine(house, engine):
    second = house.start()
    assert second.wait(20) == 1
    assert "runs already" in house.log()
    assert connection_file.read().pid == engine.pid


def test_a_stale_connection_file_is_no_engine(house, engine):
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    assert (house.root / "run" / connection_file.FILE_NAME).exists()
    assert find() is None
    house.start()
    house.client()


def test_an_engine_that_cannot_load_says_so_and_ends(house):
    engine = house.start("fake_engine:broken")
    assert engine.wait(30) == 1
    assert "no weights here" in house.log()
    assert connection_file.read() is None


def test_the_engine_announces_itself_only_when_it_can_work(house, until):
    house.start("fake_engine:late")
    until(lambda: connection_file.is_locked(house.root / "run" / connection_file.ENGINE_LOCK))
    assert connection_file.read() is None
    client = house.client()
    accepted = client.answer(client.submit(house.plates("fill")))
    assert isinstance(accepted, Accepted)


def test_ctrl_c_in_the_foreground_leaves_quietly(house, engine, client, submit, until):
    submit(house.plates("wait /never/there"))
    until(lambda: house.opened())
    engine.send_signal(signal.SIGINT)
    assert engine.wait(10) == 0
    assert "Traceback" not in house.log()


def test_the_engine_is_started_from_nothing_by_whoever_needs_it(house):
    """The command line's way, in a process of its own: find or start, then stop."""
    script = (
        "from plugin_host import launch; import sys; launch.MODULE = 'stand_in';"
        "client = launch.find_or_start(); print(client.session); client.answer(client.shutdown())"
    )
    (house.root / "run" / "stand_in.py").write_text(
        "import sys\nfrom plugin_host.server.__main__ import serve\n"
        "if __name__ == '__main__':\n    sys.exit(serve('fake_engine:make'))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 16
