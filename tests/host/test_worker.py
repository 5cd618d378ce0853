"""One order being carried out, in this process: what is looked at how often, and what the cache keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from plugin_host.protocol import JobSpec
from plugin_host.server import job_run
from plugin_host.server.cache import Cache
from plugin_host.server.engine import load_engine
from plugin_host.server.job_inputs import InputFile, resolve_inputs
from plugin_host.server.job_run import JobRun
from plugin_host.server.worker_messages import FrameWritten, JobCompleted, JobFailed, JobStopped, RunJob, WorkerReport


class WatchedCache(Cache):
    """Notes for each time that room is made what was to be kept."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, budget=10**9)
        self.kept: list[set[str]] = []

    def evict(self, *, keep: Collection[str]) -> None:
        self.kept.append(set(keep))
        super().evict(keep=keep)


class Run:
    """Carries out one job, and remembers what was reported of it; `after` a frame something else may happen."""

    def __init__(self, house, spec: JobSpec) -> None:
        self.cache = WatchedCache(house.root / "cache")
        self.inputs = resolve_inputs(spec, output=None)
        self.engine = load_engine("fake_engine:make")
        self.command = RunJob("job", spec, None, self.inputs.key(self.engine.identity()))
        self.after: dict[int, Callable[[], object]] = {}
        self.frames: list[int] = []
        self.stopped = False
        self.kept: list[str] = []

    def send(self, report: WorkerReport) -> None:
        if isinstance(report, FrameWritten):
            self.frames.append(report.frame)
            self.after.get(report.frame, lambda: None)()

    def stop(self) -> None:
        self.stopped = True

    def run(self):
        fixed = (self.command, self.engine, self.engine.identity(), self.cache, self.keep)
        return JobRun(*fixed, send=self.send, is_stopped=lambda: self.stopped).run()

    def keep(self) -> list[str]:
        return self.kept

    def cached(self) -> list[int]:
        return list(self.cache.entry(self.command.key).frames())


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The input files whose state on disk was asked for, in order."""
    asked: list[str] = []
    unchanged = InputFile.unchanged

    def noted(file: InputFile) -> bool:
        asked.append(file.path.name)
        return unchanged(file)

    monkeypatch.setattr(InputFile, "unchanged", noted)
    return asked


def test_a_long_shot_is_not_looked_over_after_every_frame(house, looks):
    job = Run(house, house.plates(*["fill"] * 50))
    assert job.run() == JobCompleted("job")
    assert len(looks) == 50 * 2 + 51  # each frame's plate and matte, and at the end everything once
    assert len(job.cache.kept) == 1 + 50 // job_run.EVICT_EVERY


def test_a_plate_that_changes_ends_the_job_at_its_own_frame_and_nothing_stays_in_the_cache(house):
    job = Run(house, house.plates("fill", "fill", "fill", "fill"))
    job.after[1001] = lambda: (house.root / "plate" / "plate.1003.exr").write_text("fill otherwise")
    end = job.run()
    assert isinstance(end, JobFailed)
    assert (end.code, job.frames, job.cached()) == ("inputs-changed", [1001, 1002], [])


def test_a_plate_that_changes_after_its_frame_is_noticed_before_the_job_counts_as_done(house):
    job = Run(house, house.plates("fill", "fill", "fill"))
    job.after[1003] = lambda: (house.root / "plate" / "plate.1001.exr").write_text("fill otherwise")
    end = job.run()
    assert isinstance(end, JobFailed)
    assert (end.code, job.cached()) == ("inputs-changed", [])


def test_a_job_that_is_stopped_keeps_its_frames_only_if_nothing_changed(house):
    job = Run(house, house.plates(*["fill"] * 5))
    job.after[1002] = job.stop
    assert job.run() == JobStopped("job")
    # The engine may have begun the next one while this one was written.
    assert job.cached() in ([1001, 1002], [1001, 1002, 1003])
    job = Run(house, house.plates("fill", "fill", "fill", name="other"))
    job.after[1001] = lambda: (house.root / "other" / "plate.1003.exr").write_text("fill otherwise")
    job.after[1002] = job.stop
    assert job.run() == JobStopped("job")
    assert job.cached() == []


def test_frames_from_an_earlier_run_stay_when_a_later_one_is_withdrawn(house):
    job = Run(house, house.plates(*["fill"] * 6))
    job.after[1001] = job.stop
    assert job.run() == JobStopped("job")
    earlier = job.cached()
    assert 1001 in earlier
    assert 1003 not in earlier
    job.stopped = False
    job.after[1001] = lambda: None
    job.after[1004] = lambda: (house.root / "plate" / "plate.1005.exr").write_text("fill otherwise")
    assert isinstance(job.run(), JobFailed)
    assert job.cached() == earlier


def test_room_is_made_with_what_is_to_be_kept_by_then(house):
    job = Run(house, house.plates(*["fill"] * (job_run.EVICT_EVERY + 1)))
    job.after[1001] = lambda: job.kept.append("accepted meanwhile")
    job.run()
    assert job.cache.kept == [{job.command.key}, {job.command.key, "accepted meanwhile"}]
