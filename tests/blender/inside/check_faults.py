"""A job on the timeline, and whatever an artist or a machine may do to it meanwhile."""

import os
import signal
import threading
import time
import unittest
from pathlib import Path

import addon_utils
import bpy
import numpy as np

from midjob import InMidJob
from studio import ADDON, HostError, JobPhase, compat, result, saved_state, status_text, timer


class Faults(InMidJob):
    def test_cancelled_it_keeps_what_is_finished(self):
        job = self.begin(1001)
        self.press("cancel")
        self.until_phase(job, JobPhase.CANCELLED)
        self.assertIn("what is finished stays", self.lines(job))
        self.assertIsNotNone(self.made)
        again = self.clean(self.source)
        self.finish(again)
        self.assertEqual(again.status.frames, (1001, 1002, 1003, 1004))

    def test_a_fault_of_the_add_on_ends_the_job_and_not_the_timer(self):
        job = self.begin(1001)
        job.state = None
        job._last_drawn = None
        print("a traceback is meant to follow")
        self.until_phase(job, JobPhase.FAILED)
        self.assertIn("TypeError", self.lines(job))
        timer.tick()

    def test_pressed_twice_it_is_done_once(self):
        job = self.begin(1001)
        with self.assertRaisesRegex(RuntimeError, "being cleaned already"):
            bpy.ops.aan.clean()
        with self.assertRaises(HostError):
            self.clean(self.source)
        self.finish(job)

    def test_a_deleted_strip_ends_its_job_and_says_so(self):
        job = self.begin(1001)
        self.strips.remove(self.source)
        timer._strips_checked_at = 0.0
        self.until_phase(job, JobPhase.CANCELLED)
        self.assertIn("plate was deleted", self.lines(job))

    def test_a_renamed_strip_is_found_under_its_new_name(self):
        job = self.begin(1001)
        self.source.name = "hero"
        timer._strips_checked_at = 0.0
        self.finish(job)
        self.tick_until(lambda: job.title == "hero")
        self.assertEqual(saved_state.parse(self.source.aan.record).phase, "FINISHED")

    def test_in_another_scene_the_job_goes_on_and_its_frames_go_where_they_belong(self):
        job = self.begin(1001)
        first = self.scene
        other = bpy.data.scenes.new("other")
        bpy.context.window.scene = other
        first.name = "renamed"
        self.finish(job)
        self.assertIsNone(result.strip_of(other, job.uid))
        self.assertIsNotNone(result.strip_of(first, job.uid))

    def test_a_deleted_scene_ends_its_job(self):
        job = self.begin(1001)
        bpy.context.window.scene = bpy.data.scenes.new("other")
        bpy.data.scenes.remove(bpy.data.scenes["Scene"])
        timer._strips_checked_at = 0.0
        self.until_phase(job, JobPhase.CANCELLED)
        self.assertIn("deleted", self.lines(job))

    def test_a_killed_engine_is_said_and_a_new_one_goes_on(self):
        job = self.begin(1001)
        os.kill(self.pid(), signal.SIGKILL)
        self.until_phase(job, JobPhase.LOST)
        self.assertIn("finished frames are kept", self.lines(job))
        self.assertEqual(bpy.ops.aan.start_engine(), {"FINISHED"})
        self.finish(job)
        self.assertEqual(job.status.frames, (1001, 1002, 1003, 1004))

    def test_without_an_engine_the_reason_and_the_command_are_told(self):
        timer.stop()
        was = os.environ.pop("AAN_ENGINE")
        runtime, os.environ["AAN_RUNTIME_DIR"] = os.environ["AAN_RUNTIME_DIR"], str(self.root / "run")
        home, os.environ["XDG_DATA_HOME"] = os.environ.get("XDG_DATA_HOME", ""), str(self.root)
        try:
            timer.start()
            job = self.clean(self.source)
            self.until_phase(job, JobPhase.ABSENT)
            self.assertIn("not installed", self.lines(job))
            self.assertIn("pip", self.lines(job))
        finally:
            timer.stop()
            os.environ.update(AAN_ENGINE=was, AAN_RUNTIME_DIR=runtime, XDG_DATA_HOME=home)
            timer.start()

    def test_what_the_engine_refuses_is_said_in_its_words(self):
        self.source.aan.matte_kind, self.source.aan.matte_files = "FILES", str(self.root / "nothing.####.exr")
        job = self.clean(self.source)
        self.until_phase(job, JobPhase.FAILED)
        self.assertIn("no file matches", self.lines(job))

    def test_cancelled_while_mattes_are_rendered_it_leaves_no_second_blender(self):
        self.mask(self.source, keys=(11, 14))
        job = self.clean(self.source)
        process = job._render_process._process
        job.cancel()
        self.assertIsNotNone(process.poll())
        self.assertIs(job.status.phase, JobPhase.CANCELLED)
        timer.tick()
        self.assertIs(job.status.phase, JobPhase.CANCELLED)


class ClosingAndOpening(InMidJob):
    def reopen(self):
        bpy.ops.wm.open_mainfile(filepath=str(self.root / "shot.blend"))
        (self.source,) = [strip for strip in self.strips if not strip.aan.result_of]
        return timer.job_of(self.source)

    def test_saved_and_opened_again_in_mid_job_it_goes_on(self):
        self.begin(1001)
        bpy.ops.wm.save_mainfile()
        self.let(1002)
        job = self.reopen()
        self.tick_until(lambda: job.status.frames == (1001, 1002))
        self.finish(job)
        shown = [self.made.strip_elem_from_frame(frame).filename for frame in range(11, 15)]
        self.assertEqual(shown, [f"clean.{n}.exr" for n in range(1001, 1005)])

    def test_saved_before_there_was_a_frame_its_result_is_placed_all_the_same(self):
        self.begin()
        bpy.ops.wm.save_mainfile()
        job = self.reopen()
        self.finish(job)
        self.assertIsNotNone(self.made)

    def test_what_ended_while_the_file_was_closed_is_told(self):
        running = self.begin(1001)
        bpy.ops.wm.save_mainfile()
        self.finish(running)
        job = self.reopen()
        self.until_phase(job, JobPhase.FINISHED)
        self.assertEqual(saved_state.parse(self.source.aan.record).phase, "FINISHED")
        bpy.ops.wm.save_mainfile()
        self.assertIsNone(self.reopen(), "there is nothing to go on with")
        self.assertIn("Finished", status_text.saved_lines(saved_state.parse(self.source.aan.record))[0].text)

    def test_with_another_engine_it_is_not_started_behind_the_artist_s_back(self):
        self.begin(1001)
        bpy.ops.wm.save_mainfile()
        os.kill(self.pid(), signal.SIGKILL)
        timer.engine_monitor().close()
        timer.engine_monitor().start()
        job = self.reopen()
        self.tick_until(lambda: "does not know" in job.status.reason)
        again = self.clean(self.source)
        self.finish(again)


class Leaving(InMidJob):
    def test_switched_off_in_mid_job_nothing_of_it_is_left_and_the_job_goes_on(self):
        job = self.begin(1001)
        output = job.status.path(1004)
        threads = threading.active_count()
        addon_utils.disable(ADDON)
        handlers = [handler for group in dir(bpy.app.handlers) for handler in self.group(group)]
        self.assertFalse([handler for handler in handlers if handler.__module__.startswith(ADDON)])
        self.assertFalse(bpy.app.timers.is_registered(timer.tick))
        self.assertFalse(hasattr(compat.STRIP_TYPE, "aan"))
        self.assertFalse([name for name in dir(bpy.types) if name.startswith("AAN_")])
        self.assertLessEqual(threading.active_count(), threads)
        self.assertFalse(self.sockets(), "sockets are left")
        self.let()
        end = time.monotonic() + 30
        while not Path(output).exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        addon_utils.enable(ADDON, default_set=True)

    def group(self, name):
        found = getattr(bpy.app.handlers, name)
        return found if isinstance(found, list) else []

    def sockets(self):
        """TCP connections of this process, as Linux counts them."""
        own = {link for link in map(self.link, Path("/proc/self/fd").iterdir()) if link.startswith("socket:")}
        inodes = {f"socket:[{line.split()[9]}]" for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]}
        return own & inodes

    def link(self, path):
        try:
            return str(path.readlink())
        except OSError:
            return ""


class Speed(InMidJob):
    def test_no_beat_takes_longer_than_a_window_has_time_for(self):
        self.strips.remove(self.source)
        folder = self.root / "long"
        folder.mkdir()
        first = (self.root / "plate" / "plate.1001.exr").read_bytes()
        for frame in range(1001, 1301):
            (folder / f"long.{frame}.exr").write_bytes(first)
        self.source = self.image_strip(folder, start=1)
        self.mask(self.source)
        self.let()
        job = self.clean(self.source)
        took = []
        while job.status.phase is not JobPhase.FINISHED:
            started = time.thread_time()
            timer.tick()
            took.append(time.thread_time() - started)
            time.sleep(0.01)
            self.assertLess(len(took), 6000)
        print(f"beats: {len(took)}, median {np.median(took) * 1e3:.2f} ms, slowest {max(took) * 1e3:.2f} ms")
        self.assertLess(np.percentile(took, 95), 0.005)


if __name__ == "__main__":
    unittest.main()
