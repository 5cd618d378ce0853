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
from studio import ADDON, HostError, JobPhase, heartbeat, record, result, status, versions


class Faults(InMidJob):
    def test_cancelled_it_keeps_what_is_finished(self):
        cleaning = self.begin(1001)
        self.press("cancel")
        self.until_phase(cleaning, JobPhase.CANCELLED)
        self.assertIn("what is finished stays", self.lines(cleaning))
        self.assertIsNotNone(self.made)
        again = self.clean(self.source)
        self.finish(again)
        self.assertEqual(again.standing.frames, (1001, 1002, 1003, 1004))

    def test_a_fault_of_the_add_on_ends_the_job_and_not_the_timer(self):
        cleaning = self.begin(1001)
        cleaning.record = None
        cleaning._drawn = None
        print("a traceback is meant to follow")
        self.until_phase(cleaning, JobPhase.FAILED)
        self.assertIn("TypeError", self.lines(cleaning))
        heartbeat.tick()

    def test_pressed_twice_it_is_done_once(self):
        cleaning = self.begin(1001)
        with self.assertRaisesRegex(RuntimeError, "being cleaned already"):
            bpy.ops.aan.clean()
        with self.assertRaises(HostError):
            self.clean(self.source)
        self.finish(cleaning)

    def test_a_deleted_strip_ends_its_job_and_says_so(self):
        cleaning = self.begin(1001)
        self.strips.remove(self.source)
        heartbeat._strips_looked_at = 0.0
        self.until_phase(cleaning, JobPhase.CANCELLED)
        self.assertIn("plate was deleted", self.lines(cleaning))

    def test_a_renamed_strip_is_found_under_its_new_name(self):
        cleaning = self.begin(1001)
        self.source.name = "hero"
        heartbeat._strips_looked_at = 0.0
        self.finish(cleaning)
        self.tick_until(lambda: cleaning.title == "hero")
        self.assertEqual(record.read(self.source.aan.record).phase, "FINISHED")

    def test_in_another_scene_the_job_goes_on_and_its_frames_go_where_they_belong(self):
        cleaning = self.begin(1001)
        first = self.scene
        other = bpy.data.scenes.new("other")
        bpy.context.window.scene = other
        first.name = "renamed"
        self.finish(cleaning)
        self.assertIsNone(result.of(other, cleaning.uid))
        self.assertIsNotNone(result.of(first, cleaning.uid))

    def test_a_deleted_scene_ends_its_job(self):
        cleaning = self.begin(1001)
        bpy.context.window.scene = bpy.data.scenes.new("other")
        bpy.data.scenes.remove(bpy.data.scenes["Scene"])
        heartbeat._strips_looked_at = 0.0
        self.until_phase(cleaning, JobPhase.CANCELLED)
        self.assertIn("deleted", self.lines(cleaning))

    def test_a_killed_engine_is_said_and_a_new_one_goes_on(self):
        cleaning = self.begin(1001)
        os.kill(self.pid(), signal.SIGKILL)
        self.until_phase(cleaning, JobPhase.LOST)
        self.assertIn("finished frames are kept", self.lines(cleaning))
        self.assertEqual(bpy.ops.aan.start_engine(), {"FINISHED"})
        self.finish(cleaning)
        self.assertEqual(cleaning.standing.frames, (1001, 1002, 1003, 1004))

    def test_without_an_engine_the_reason_and_the_command_are_told(self):
        heartbeat.stop()
        was = os.environ.pop("AAN_ENGINE")
        runtime, os.environ["AAN_RUNTIME_DIR"] = os.environ["AAN_RUNTIME_DIR"], str(self.root / "run")
        home, os.environ["XDG_DATA_HOME"] = os.environ.get("XDG_DATA_HOME", ""), str(self.root)
        try:
            heartbeat.start()
            cleaning = self.clean(self.source)
            self.until_phase(cleaning, JobPhase.ABSENT)
            self.assertIn("not installed", self.lines(cleaning))
            self.assertIn("pip", self.lines(cleaning))
        finally:
            heartbeat.stop()
            os.environ.update(AAN_ENGINE=was, AAN_RUNTIME_DIR=runtime, XDG_DATA_HOME=home)
            heartbeat.start()

    def test_what_the_engine_refuses_is_said_in_its_words(self):
        self.source.aan.matte_kind, self.source.aan.matte_files = "FILES", str(self.root / "nothing.####.exr")
        cleaning = self.clean(self.source)
        self.until_phase(cleaning, JobPhase.FAILED)
        self.assertIn("no file matches", self.lines(cleaning))

    def test_cancelled_while_mattes_are_rendered_it_leaves_no_second_blender(self):
        self.mask(self.source, keys=(11, 14))
        cleaning = self.clean(self.source)
        process = cleaning._developing._process
        cleaning.cancel()
        self.assertIsNotNone(process.poll())
        self.assertIs(cleaning.standing.phase, JobPhase.CANCELLED)
        heartbeat.tick()
        self.assertIs(cleaning.standing.phase, JobPhase.CANCELLED)


class ClosingAndOpening(InMidJob):
    def reopen(self):
        bpy.ops.wm.open_mainfile(filepath=str(self.root / "shot.blend"))
        (self.source,) = [strip for strip in self.strips if not strip.aan.result_of]
        return heartbeat.of(self.source)

    def test_saved_and_opened_again_in_mid_job_it_goes_on(self):
        self.begin(1001)
        bpy.ops.wm.save_mainfile()
        self.let(1002)
        cleaning = self.reopen()
        self.tick_until(lambda: cleaning.standing.frames == (1001, 1002))
        self.finish(cleaning)
        shown = [self.made.strip_elem_from_frame(frame).filename for frame in range(11, 15)]
        self.assertEqual(shown, [f"clean.{n}.exr" for n in range(1001, 1005)])

    def test_saved_before_there_was_a_frame_its_result_is_placed_all_the_same(self):
        self.begin()
        bpy.ops.wm.save_mainfile()
        cleaning = self.reopen()
        self.finish(cleaning)
        self.assertIsNotNone(self.made)

    def test_what_ended_while_the_file_was_closed_is_told(self):
        running = self.begin(1001)
        bpy.ops.wm.save_mainfile()
        self.finish(running)
        cleaning = self.reopen()
        self.until_phase(cleaning, JobPhase.FINISHED)
        self.assertEqual(record.read(self.source.aan.record).phase, "FINISHED")
        bpy.ops.wm.save_mainfile()
        self.assertIsNone(self.reopen(), "there is nothing to go on with")
        self.assertIn("Finished", status.of_record(record.read(self.source.aan.record))[0].text)

    def test_with_another_engine_it_is_not_started_behind_the_artist_s_back(self):
        self.begin(1001)
        bpy.ops.wm.save_mainfile()
        os.kill(self.pid(), signal.SIGKILL)
        heartbeat.contact().close()
        heartbeat.contact().start()
        cleaning = self.reopen()
        self.tick_until(lambda: "does not know" in cleaning.standing.reason)
        again = self.clean(self.source)
        self.finish(again)


class Leaving(InMidJob):
    def test_switched_off_in_mid_job_nothing_of_it_is_left_and_the_job_goes_on(self):
        cleaning = self.begin(1001)
        output = cleaning.standing.path(1004)
        threads = threading.active_count()
        addon_utils.disable(ADDON)
        handlers = [handler for group in dir(bpy.app.handlers) for handler in self.group(group)]
        self.assertFalse([handler for handler in handlers if handler.__module__.startswith(ADDON)])
        self.assertFalse(bpy.app.timers.is_registered(heartbeat.tick))
        self.assertFalse(hasattr(versions.STRIP, "aan"))
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
        cleaning = self.clean(self.source)
        took = []
        while cleaning.standing.phase is not JobPhase.FINISHED:
            started = time.thread_time()
            heartbeat.tick()
            took.append(time.thread_time() - started)
            time.sleep(0.01)
            self.assertLess(len(took), 6000)
        print(f"beats: {len(took)}, median {np.median(took) * 1e3:.2f} ms, slowest {max(took) * 1e3:.2f} ms")
        self.assertLess(np.percentile(took, 95), 0.005)


if __name__ == "__main__":
    unittest.main()
