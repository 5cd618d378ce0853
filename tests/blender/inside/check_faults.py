"""A job on the timeline, and whatever an artist or a machine may do to it meanwhile; the engine copies plates."""

import os
import signal
import threading
import time
import unittest
from pathlib import Path

import addon_utils
import bpy
import numpy as np

from studio import ADDON, HostError, InAStudio, Phase, heartbeat, record, result, status, versions

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
            self.tick_until(lambda: cleaning.standing.phase in (Phase.RUNNING, Phase.FINISHED))
        return cleaning

    def finish(self, cleaning):
        self.let()
        self.until_phase(cleaning, Phase.FINISHED)

    @property
    def made(self):
        return result.of(self.scene, self.source.aan.uid)

    def lines(self, cleaning):
        return " ".join(line.text for line in status.of_cleaning(cleaning.standing, note=cleaning.note))

    def pid(self):
        return heartbeat.contact()._client.connection.pid


class TheResult(InMidJob):
    def test_it_appears_with_its_first_frame_and_fills_as_they_come(self):
        cleaning = self.begin(1001)
        strip = self.made
        self.assertEqual((strip.name, strip.channel, versions.visible(strip)), ("plate clean", 2, (11, 14)))
        self.assertEqual([element.filename for element in strip.elements], ["clean.1001.exr", *["waiting.exr"] * 3])
        (waiting,) = self.render([12])
        plate = self.render_of("plate", 12)
        for name in "RGBA":
            np.testing.assert_array_equal(waiting[name], plate[name], "it does not show what lies below")
        self.finish(cleaning)
        shown = [strip.strip_elem_from_frame(frame).filename for frame in range(11, 15)]
        self.assertEqual(shown, [f"clean.{n}.exr" for n in range(1001, 1005)])

    def render_of(self, name, frame):
        for strip in self.strips:
            strip.mute = strip.name != name
        (picture,) = self.render([frame])
        for strip in self.strips:
            strip.mute = False
        return picture

    def test_frames_that_were_looked_at_before_they_were_there_are_seen_once_they_are(self):
        cleaning = self.begin(1001)
        self.source.blend_type = "REPLACE"
        self.strips["plate"].mute = True
        (before,) = self.render([13])
        self.assertFalse(before["A"].any())
        self.finish(cleaning)
        (after,) = self.render([13])
        self.assertTrue((after["A"] == 1).all())
        self.assertEqual(self.made.blend_type, "REPLACE")

    def test_it_looks_as_the_source_does(self):
        source = self.source
        source.transform.offset_x, source.transform.scale_x, source.transform.rotation = 5, 1.5, 0.25
        source.crop.min_x, source.crop.max_y, source.use_flip_x = 3, 7, True
        source.blend_type, source.blend_alpha, source.color_saturation = "ADD", 0.5, 0.75
        source.colorspace_settings.name = "Non-Color"
        curves = source.modifiers.new("Curves", "CURVES")
        curves.curve_mapping.curves[0].points.new(0.5, 0.7)
        balance = source.modifiers.new("Balance", "COLOR_BALANCE")
        balance.color_balance.gain = (0.5, 1.0, 1.5)
        cleaning = self.begin(1001, 1002)
        before = self.render_of("plate", 12)
        after = self.render_of("plate clean", 12)
        for name in "RGBA":
            np.testing.assert_array_equal(after[name], before[name])
        self.assertTrue(before["R"].any())
        self.finish(cleaning)

    def test_a_free_channel_above_is_found_and_only_the_earlier_result_replaced(self):
        other = self.image_strip(self.root / "plate", channel=2, start=12)
        self.finish(self.begin())
        self.assertEqual(self.made.channel, 3)
        first = self.made.directory
        self.source.aan.grow = 1.0
        self.finish(self.begin())
        self.assertEqual(self.made.channel, 3)
        self.assertNotEqual(self.made.directory, first)
        self.assertEqual(len(self.strips), 3)
        self.assertIn(other.name, self.strips)

    def test_beside_an_open_sequencer_it_is_grouped_with_its_source(self):
        area = bpy.context.window.screen.areas[0]
        area.type = "SEQUENCE_EDITOR"
        other = self.image_strip(self.root / "plate", channel=5, start=12)
        chosen = [(strip.name, strip.select) for strip in self.strips]
        self.scene.sequence_editor.active_strip = self.source
        self.finish(self.begin())
        self.assertEqual([(name, self.strips[name].select) for name, _ in chosen], chosen)
        if hasattr(self.made, "connections"):
            self.assertEqual([strip.name for strip in self.made.connections], [self.source.name])
            self.assertFalse(other.connections)

    def test_a_copy_of_a_strip_has_a_result_of_its_own(self):
        self.finish(self.begin())
        copy = self.image_strip(self.root / "plate", channel=1, start=30)
        for name in ("uid", "uid_of", "record"):
            setattr(copy.aan, name, getattr(self.source.aan, name))  # as Blender copies a strip
        self.mask(copy)
        cleaning = self.clean(copy)
        self.finish(cleaning)
        self.assertNotEqual(copy.aan.uid, self.source.aan.uid)
        self.assertEqual(len(self.strips), 4)

    def test_a_strip_that_is_moved_meanwhile_gets_its_result_where_it_is(self):
        cleaning = self.begin()
        if hasattr(self.source, "content_start"):
            self.source.content_start = 101
        else:
            self.source.frame_start = 101
        self.finish(cleaning)
        self.assertEqual(versions.visible(self.made), (101, 104))

    def test_a_preview_is_one_frame(self):
        self.let()
        self.scene.frame_set(13)
        cleaning = self.press("preview")
        self.until_phase(cleaning, Phase.FINISHED)
        self.assertEqual(cleaning.standing.frames, (1003,))
        self.assertEqual(versions.visible(self.made), (11, 14))

    def test_the_file_refers_to_the_result_as_to_its_neighbour(self):
        self.finish(self.begin())
        self.assertTrue(self.made.directory.startswith("//"), self.made.directory)

    def test_it_can_be_taken_away_in_mid_job_and_stays_away(self):
        cleaning = self.begin(1001)
        self.strips.remove(self.made)
        self.finish(cleaning)
        self.assertIsNone(self.made)

    def test_undo_takes_the_job_back_and_leaves_a_sane_panel(self):
        bpy.ops.ed.undo_push(message="before")
        cleaning = self.begin(1001)  # and the result is a step of its own
        bpy.ops.ed.undo()
        heartbeat._strips_looked_at = 0.0
        self.until_phase(cleaning, Phase.CANCELLED)
        self.assertEqual([strip.name for strip in self.strips], ["plate"])
        self.assertEqual(self.strips["plate"].aan.record, "")

    def test_undoing_the_second_cleaning_leaves_the_first(self):
        self.finish(self.begin())
        self.shut()
        bpy.ops.ed.undo_push(message="before")
        self.source.aan.seed = 1
        second = self.begin()
        bpy.ops.ed.undo_push(message="clean")
        bpy.ops.ed.undo()
        bpy.ops.ed.undo()
        self.source = self.strips["plate"]
        self.until_phase(second, Phase.CANCELLED)
        self.assertIn("undone", second.note)
        self.assertEqual(record.read(self.source.aan.record).phase, "FINISHED")
        self.assertIn("v001", self.made.directory)

    def test_undoing_something_else_does_not_take_frames_along(self):
        cleaning = self.begin(1001)
        self.source.aan.grow = 3.0
        bpy.ops.ed.undo_push(message="something else")
        self.finish(cleaning)
        bpy.ops.ed.undo()
        bpy.ops.ed.undo()
        self.source = self.strips["plate"]
        self.assertEqual(self.source.aan.grow, 0.0)
        heartbeat.tick()
        self.assertEqual(
            [element.filename for element in self.made.elements], [f"clean.{n}.exr" for n in range(1001, 1005)]
        )
        self.assertEqual(record.read(self.source.aan.record).phase, "FINISHED")


class Faults(InMidJob):
    def test_cancelled_it_keeps_what_is_finished(self):
        cleaning = self.begin(1001)
        self.press("cancel")
        self.until_phase(cleaning, Phase.CANCELLED)
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
        self.until_phase(cleaning, Phase.FAILED)
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
        self.until_phase(cleaning, Phase.CANCELLED)
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
        self.until_phase(cleaning, Phase.CANCELLED)
        self.assertIn("deleted", self.lines(cleaning))

    def test_a_killed_engine_is_said_and_a_new_one_goes_on(self):
        cleaning = self.begin(1001)
        os.kill(self.pid(), signal.SIGKILL)
        self.until_phase(cleaning, Phase.LOST)
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
            self.until_phase(cleaning, Phase.ABSENT)
            self.assertIn("not installed", self.lines(cleaning))
            self.assertIn("pip", self.lines(cleaning))
        finally:
            heartbeat.stop()
            os.environ.update(AAN_ENGINE=was, AAN_RUNTIME_DIR=runtime, XDG_DATA_HOME=home)
            heartbeat.start()

    def test_what_the_engine_refuses_is_said_in_its_words(self):
        self.source.aan.matte_kind, self.source.aan.matte_files = "FILES", str(self.root / "nothing.####.exr")
        cleaning = self.clean(self.source)
        self.until_phase(cleaning, Phase.FAILED)
        self.assertIn("no file matches", self.lines(cleaning))

    def test_cancelled_while_mattes_are_rendered_it_leaves_no_second_blender(self):
        self.mask(self.source, keys=(11, 14))
        cleaning = self.clean(self.source)
        process = cleaning._developing._process
        cleaning.cancel()
        self.assertIsNotNone(process.poll())
        self.assertIs(cleaning.standing.phase, Phase.CANCELLED)
        heartbeat.tick()
        self.assertIs(cleaning.standing.phase, Phase.CANCELLED)


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
        self.until_phase(cleaning, Phase.FINISHED)
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
        while cleaning.standing.phase is not Phase.FINISHED:
            started = time.thread_time()
            heartbeat.tick()
            took.append(time.thread_time() - started)
            time.sleep(0.01)
            self.assertLess(len(took), 6000)
        print(f"beats: {len(took)}, median {np.median(took) * 1e3:.2f} ms, slowest {max(took) * 1e3:.2f} ms")
        self.assertLess(np.percentile(took, 95), 0.005)


if __name__ == "__main__":
    unittest.main()
