"""A host with a timer, a job and an engine that can be reached, for the checks of host_job and engine_monitor."""

import os
import tempfile
import time
import unittest
from pathlib import Path

from host_half import engine_monitor, engine_socket
from host_half.engine_monitor import EngineMonitor
from host_half.errors import EngineAbsent
from host_half.host_job import HostJob
from host_half.job_status import JobPhase
from host_half.protocol import Accepted, FrameReady, Hello, JobSpec, Submit

from engine import Engine

SPEC = JobSpec("/s/p.####.exr", "/s/m.exr", grow=2.5, clean="/s/c.exr")
OUTPUT = "/s/out/o.####.exr"


def absent():
    raise EngineAbsent("the engine is not installed", hint="Install it.")


class InAHost(unittest.TestCase):
    """A host with a timer; `engine` lives and can be found."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        before = os.environ.get("AAN_RUNTIME_DIR")
        self.addCleanup(lambda: os.environ.__setitem__("AAN_RUNTIME_DIR", before) if before else None)
        os.environ["AAN_RUNTIME_DIR"] = str(Path(holder.name) / "run")
        pace = (engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT, engine_monitor.LOOKUP_INTERVAL)
        self.addCleanup(self.set_pace, *pace)
        self.set_pace(0.05, 0.15, 0.02)
        self.now = 0.0
        self.slowest = 0.0
        self.frames = []
        self.monitor = EngineMonitor(name="a test", python=lambda: self.python())
        self.addCleanup(self.monitor.close)
        self.host_job = HostJob(self.monitor, clock=lambda: self.now)
        self.engine = None

    python = staticmethod(lambda: "/nowhere/python")

    def set_pace(self, quiet, patience, look):
        engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT, engine_monitor.LOOKUP_INTERVAL = quiet, patience, look

    def live(self, session="one"):
        self.engine = Engine(session)
        self.addCleanup(self.engine.close)
        self.engine.announce()

    def die(self):
        self.engine.close()
        self.engine = None

    @property
    def status(self):
        return self.host_job.status

    def tick(self):
        started = time.thread_time()  # what else the machine does is not the job's to answer for
        tick = self.host_job.tick()
        self.slowest = max(self.slowest, time.thread_time() - started)
        self.frames += tick.frames
        return tick

    def until(self, *phases):
        """Tick until the job is in one of these phases; an engine that lives answers greetings meanwhile."""
        self.look_until(lambda: self.status.phase in phases)

    def look_until(self, seen):
        end = time.monotonic() + 5
        while True:
            self.tick()
            if seen():
                return
            self.assertLess(time.monotonic(), end, (self.status, self.monitor.state))
            time.sleep(0.002)
            if self.engine is not None and self.engine.is_greeted():
                self.engine.welcome()

    def heard(self, kind):
        """The next request that is no greeting; its number and itself."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self.tick()
            if self.engine.router.poll(2):
                request, message = self.engine.hear()
                if not isinstance(message, Hello):
                    self.assertIsInstance(message, kind)
                    return request, message
                self.engine.greet(request)
        self.fail("nothing was said")

    def accept(self, job="job-1", *, total=4, cached=0):
        request, submit = self.heard(Submit)
        self.assertEqual(submit, Submit(SPEC, OUTPUT, overwrite=True))
        self.engine.say(Accepted(job, OUTPUT, total, cached), request)
        self.until(JobPhase.QUEUED)

    def begin(self, *, frames=()):
        """An accepted job with these frames done."""
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        self.accept()
        for frame in frames:
            self.say_frame(frame)
        if frames:
            self.look_until(lambda: self.status.frames == tuple(frames))

    def say_frame(self, frame, job="job-1"):
        self.engine.say(FrameReady(job, frame, "/s/out/o.%d.exr" % frame))
