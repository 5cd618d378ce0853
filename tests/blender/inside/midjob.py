"""A job on the timeline, as far as a check lets it get; the engine copies plates."""

import os
from pathlib import Path

from studio import InAStudio, JobPhase, heartbeat, result, status

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
        for cleaning in heartbeat.cleanings():
            if cleaning.standing.active:
                cleaning.cancel()
                cleaning.cancel()
                self.tick_until(lambda cleaning=cleaning: not cleaning.standing.active)
        for path in GATE.iterdir():
            path.unlink()

    def let(self, *frames):
        for frame in frames or ("",):
            (GATE / f"go.{frame}" if frame else GATE / "go").touch()

    def begin(self, *frames):
        """A job with these frames done."""
        self.let(*frames) if frames else None
        cleaning = self.clean(self.source)
        if frames:
            self.tick_until(lambda: cleaning.standing.frames == frames)
        else:
            self.tick_until(lambda: cleaning.standing.phase in (JobPhase.RUNNING, JobPhase.FINISHED))
        return cleaning

    def finish(self, cleaning):
        self.let()
        self.until_phase(cleaning, JobPhase.FINISHED)

    @property
    def made(self):
        return result.of(self.scene, self.source.aan.uid)

    def lines(self, cleaning):
        return " ".join(line.text for line in status.of_cleaning(cleaning.standing, note=cleaning.note))

    def pid(self):
        return heartbeat.contact()._client.connection.pid
