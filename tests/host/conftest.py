"""A house of its own for each test: folders for runtime, cache and plates, and real processes with a fake engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin_host import connection_file
from plugin_host.client import Client
from plugin_host.launch import find
from plugin_host.protocol import Accepted, Cancelled, Event, Failed, Finished, FrameReady, JobSpec, Snapshot

HERE = Path(__file__).parent
ENDS = (Finished, Cancelled, Failed)


class House:
    """One user's machine: `start` an engine, `plates` to fill, `client` to talk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engines: list[subprocess.Popen[bytes]] = []
        self.clients: list[Client] = []

    def start(self, engine: str = "fake_engine:make") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "plugin_host.server", "--engine", engine]
        with (self.root / "engine.txt").open("ab") as log:
            self.engines.append(subprocess.Popen(command, stdout=log, stderr=log))
        return self.engines[-1]

    def client(self) -> Client:
        """A welcomed client of the engine that is starting or running."""
        client = until(find, what=lambda: f"no engine:\n{self.log()}")
        self.clients.append(client)
        return client

    def log(self) -> str:
        return (self.root / "engine.txt").read_text()

    def plates(self, *words: str, name: str = "plate", first: int = 1001) -> JobSpec:
        """A job whose plates hold these words, one a frame."""
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        for number, word in enumerate(words, first):
            (folder / f"plate.{number}.exr").write_text(word)
        (folder / "matte.exr").write_text("a still matte")
        return JobSpec(plate=str(folder / "plate.####.exr"), matte=str(folder / "matte.exr"))

    def opened(self, name: str = "plate") -> list[int]:
        """The plates that the engine has opened, in order."""
        notes = self.root / name / "opened.txt"
        return [int(line) for line in notes.read_text().split()] if notes.exists() else []

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for engine in self.engines:
            if engine.poll() is None:
                engine.send_signal(signal.SIGTERM)
        for engine in self.engines:
            try:
                engine.wait(10)
            except subprocess.TimeoutExpired:
                engine.kill()
                engine.wait()
                raise


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name, folder in (("AAN_RUNTIME_DIR", "run"), ("AAN_CACHE_DIR", "cache")):
        (tmp_path / folder).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("FAKE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.delenv("AAN_ENGINE", raising=False)
    house = House(tmp_path)
    yield house
    house.close()


@pytest.fixture
def engine(house: House) -> subprocess.Popen[bytes]:
    """A running engine."""
    process = house.start()
    until(connection_file.read, what=lambda: f"no engine:\n{house.log()}")
    return process


@pytest.fixture
def client(house: House, engine: subprocess.Popen[bytes]) -> Client:
    """A host that is in."""
    return house.client()


def until(look: Callable[[], Any], *, what: Callable[[], str] = lambda: "in vain") -> Any:
    """Look again and again until something is seen."""
    end = time.monotonic() + 30
    while not (seen := look()):
        assert time.monotonic() < end, what()
        time.sleep(0.01)
    return seen


@pytest.fixture(name="until")
def _until() -> Callable[..., object]:
    return until


@pytest.fixture
def submit(client: Client) -> Callable[..., Accepted]:
    """Submit through the client, and have it accepted."""

    def submit(spec: JobSpec, output: str | None = None) -> Accepted:
        accepted = client.answer(client.submit(spec, output=output))
        assert isinstance(accepted, Accepted)
        return accepted

    return submit


@pytest.fixture
def follow(client: Client) -> Callable[..., tuple[list[int], Event]]:
    """Follow a job to its end: the frames that were announced or in the snapshot, and the event that ended it."""

    def follow(job: str, *, via: Client = client) -> tuple[list[int], Event]:
        frames: list[int] = []
        for message in via.follow(job):
            if isinstance(message, Snapshot):
                frames += message.frames
            elif isinstance(message, FrameReady):
                assert Path(message.path).read_text().startswith("filled ")
                frames.append(message.frame)
            elif isinstance(message, ENDS):
                return frames, message
        raise AssertionError("the story has no end")

    return follow
