"""The result on the timeline: where it is put, what it looks like, and what undo makes of it."""

import unittest

import bpy
import numpy as np

from midjob import InMidJob
from studio import JobPhase, heartbeat, record, versions


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
        self.until_phase(cleaning, JobPhase.FINISHED)
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
        self.until_phase(cleaning, JobPhase.CANCELLED)
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
        self.until_phase(second, JobPhase.CANCELLED)
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


if __name__ == "__main__":
    unittest.main()
