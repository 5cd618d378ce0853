"""A job on the timeline, as far as a check lets it get; the engine copies plates."""

import os
from pathlib import Path

from studio import InAStudio, JobPhase, result, status_text, timer

GATE = Path(os.environ["COPYING_GATE"])
COUNT = 4


class InMidJob(InAStudio):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.shut)
        self.source = self.image_strip(self.plates(COUNT), start=11)
        self.mask(self.source)

    def shut(self):
        """Leave no job behind that others would wait for."""
        for job in timer.jobs():
            if job.status.active:
                job.cancel()
                job.cancel()
                self.tick_until(lambda job=job: not job.status.active)
        for path in GATE.iterdir():
            path.unlink()

    def let(self, *frames):
        for frame in frames or ("",):
            (GATE / f"go.{frame}" if frame else GATE / "go").touch()

    def begin(self, *frames):
        """A job with these frames done."""
        self.let(*frames) if frames else None
        job = self.clean(self.source)
        if frames:
            self.tick_until(lambda: job.status.frames == frames)
        else:
            self.tick_until(lambda: job.status.phase in (JobPhase.RUNNING, JobPhase.FINISHED))
        return job

    def finish(self, job):
        self.let()
        self.until_phase(job, JobPhase.FINISHED)

    @property
    def made(self):
        return result.strip_of(self.scene, self.source.aan.uid)

    def lines(self, job):
        return " ".join(line.text for line in status_text.job_lines(job.status, note=job.note))

    def pid(self):
        return timer.engine_monitor()._client.connection.pid
