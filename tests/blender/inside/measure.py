"""What a long strip costs Blender: from Clean to the job accepted, in time and in memory. It judges nothing."""

import shutil
import time
import unittest
from pathlib import Path

import bpy
import numpy as np

from studio import InAStudio, JobPhase, heartbeat, write_exr

COUNT, SIZE = 300, (2048, 1080)


def memory():
    """Bytes that this process holds."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


class Measure(InAStudio):
    def test_a_long_strip(self):
        heartbeat.contact().start()
        self.tick_until(lambda: heartbeat.contact().ready)
        folder = self.root / "long"
        folder.mkdir()
        write_exr(folder / "long.1001.exr", RGB=np.full((SIZE[1], SIZE[0], 3), 0.18, np.float16))
        for frame in range(1002, 1001 + COUNT):
            shutil.copyfile(folder / "long.1001.exr", folder / f"long.{frame}.exr")
        source = self.image_strip(folder, start=1)
        self.mask(source)
        self.measure(source, "a still mask")
        self.mask(source, keys=(1, COUNT))
        self.measure(source, "a moving mask")

    def measure(self, source, what):
        before, began = memory(), time.perf_counter()
        cleaning = self.clean(source)
        pressed, slowest = time.perf_counter() - began, 0.0
        while cleaning.standing.phase in (JobPhase.STARTING, JobPhase.SUBMITTING):
            at = time.perf_counter()
            heartbeat.tick()
            slowest = max(slowest, time.perf_counter() - at)
            time.sleep(0.005)
        accepted = time.perf_counter() - began
        while not cleaning.standing.steps and cleaning.standing.active:
            heartbeat.tick()
        grown = (memory() - before) / 1e6
        cleaning.cancel()
        cleaning.cancel()
        self.tick_until(lambda: not cleaning.standing.active)
        print(
            f"blender {bpy.app.version_string}, {COUNT} frames of {SIZE[0]} x {SIZE[1]}, {what}: accepted after "
            f"{accepted:.2f} s (the button itself {pressed:.2f} s, the slowest beat {slowest * 1e3:.1f} ms), "
            f"{grown:.0f} MB more"
        )


if __name__ == "__main__":
    unittest.main()
