"""Strips and mattes as the engine gets them: each strip's own files wherever they are what it shows, frame by frame."""

import sys
import unittest
from pathlib import Path

import bpy
import numpy as np

from prepared import InAShot, render_process, sequence
from studio import (
    HEIGHT,
    HIDDEN,
    NEW_EFFECT,
    WIDTH,
    HostError,
    compat,
    read_exr,
    wall,
    write_exr,
)


class ImageStrips(InAShot):
    def setUp(self):
        super().setUp()
        self.folder = self.plates(6)
        self.names = sorted(path.name for path in self.folder.iterdir())
        self.source = self.image_strip(self.folder, start=11)
        self.mask(self.source)

    def test_a_whole_sequence_is_handed_over_as_it_lies_there(self):
        wanted = self.wanted(self.source)
        self.assertEqual(wanted.state.ticket.spec.plate, str(self.folder / "plate.####.exr"))
        self.assertEqual(wanted.state.frames, tuple(range(1001, 1007)))
        self.assertFalse(wanted.renders.renders)
        self.assertFalse(list(wanted.render_folder.glob("plate*")))

    def test_what_is_trimmed_away_is_not_handed_over(self):
        if hasattr(self.source, "left_handle_offset"):
            self.source.left_handle_offset, self.source.right_handle_offset = 2, 1
        else:
            self.source.frame_offset_start, self.source.frame_offset_end = 2, 1
        self.assertEqual(compat.visible_range(self.source), (13, 15))
        self.assertEqual(self.shown(self.source), self.names[2:5])
        spec = self.spec(self.source)
        self.assertEqual((spec.first, spec.last), (1003, 1005), "frames keep the numbers of their files")

    def test_a_moved_strip_shows_the_same_files(self):
        if hasattr(self.source, "content_start"):
            self.source.content_start = 101
        else:
            self.source.frame_start = 101
        self.assertEqual(self.shown(self.source), self.names)

    def test_a_reversed_strip_is_mapped_frame_by_frame(self):
        self.source.use_reverse_frames = True
        self.assertEqual(self.shown(self.source), self.names[::-1])

    def test_held_frames_are_plates_of_their_own(self):
        if hasattr(self.source, "right_handle"):
            self.source.right_handle += 2
        else:
            self.source.frame_final_end += 2
        self.assertEqual(self.shown(self.source), [*self.names, self.names[-1], self.names[-1]])

    def test_files_of_any_names_are_taken_in_the_strip_s_order(self):
        mixed = self.root / "mixed"
        mixed.mkdir()
        names = ["b.exr", "a.exr", "b 7.exr"]
        for name in names:
            (mixed / name).write_bytes((self.folder / self.names[0]).read_bytes())
        strip = self.image_strip(mixed, channel=2, names=names)
        self.mask(strip)
        self.assertEqual(self.shown(strip), names)

    def test_a_preview_is_one_frame_of_the_same_job(self):
        spec = self.spec(self.source, only=14)
        self.assertEqual((spec.first, spec.last), (1004, 1004))
        self.assertIn("frame 3", self.refusal(self.source, only=3))

    def test_a_file_that_is_not_there_is_named(self):
        (self.folder / self.names[0]).unlink()
        self.assertIn(self.names[0], self.refusal(self.source))

    def test_controls_are_the_engine_s_own(self):
        settings = self.source.aan
        settings.grow, settings.light, settings.grain, settings.reference_last = 2.3, "off", False, 1004
        settings.clean = str(self.folder / self.names[0])
        spec = self.spec(self.source)
        self.assertEqual((spec.grow, spec.light, spec.grain), (2.3, "off", False))
        self.assertEqual((spec.reference_first, spec.reference_last), (None, 1004))
        self.assertEqual((spec.clean, spec.holdout, spec.write), (settings.clean.replace("1001", "####"), None, "full"))

    def test_sound_text_and_colours_have_no_plates(self):
        strip = self.strips.new_effect(name="c", type="COLOR", channel=5, frame_start=1, **{NEW_EFFECT: 5})
        self.assertIn("no plates", self.refusal(strip))

    def test_a_file_that_was_never_saved_has_no_place_beside_it(self):
        self.source.aan.folder = ""
        self.assertIn("never saved", self.refusal(self.source))

    def test_stereo_is_refused(self):
        self.source.use_multiview = True
        self.assertIn("two views", self.refusal(self.source))


class RenderedStrips(InAShot):
    """What has no files of its own is rendered by a second Blender, which sees a copy."""

    def setUp(self):
        super().setUp()
        self.source = self.image_strip(self.plates(3), start=11)
        self.before = self.state()

    def state(self):
        strips = [
            (s.name, s.mute, s.channel, s.blend_type, compat.visible_range(s)) for s in compat.all_strips(self.scene)
        ]
        render = self.scene.render
        return (
            *(strips, len(bpy.data.scenes), len(bpy.data.masks), len(bpy.data.node_groups), self.scene.frame_current),
            *(render.filepath, render.resolution_x, render.image_settings.file_format, self.scene.frame_start),
        )

    def test_an_effect_is_rendered_and_the_artist_s_scene_untouched(self):
        key = "input1" if bpy.app.version >= (4, 5, 0) else "seq1"
        end = {NEW_EFFECT: 3 if NEW_EFFECT == "length" else 14}
        strip = self.strips.new_effect(
            name="soft", type="GAUSSIAN_BLUR", channel=2, frame_start=11, **{key: self.source}, **end
        )
        strip.size_x = strip.size_y = 0.0
        above = self.image_strip(self.plates(3, name="above"), channel=3, start=11)
        self.mask(strip)
        before = self.state()
        wanted = self.rendered(self.wanted(strip))
        self.assertEqual(self.state(), before)
        self.assertFalse(wanted.state.own)
        for index, (_, path) in enumerate(sequence.expand(wanted.state.ticket.spec.plate)):
            made = read_exr(path)
            np.testing.assert_allclose(made["R"], wall(index)[..., 0], rtol=2e-3, atol=2e-3)
        self.assertIsNotNone(above)

    def test_a_meta_strip_is_rendered_as_a_whole(self):
        meta = self.strips.new_meta(name="meta", channel=4, frame_start=11)
        inner = (meta.strips if hasattr(meta, "strips") else meta.sequences).new_image(
            name="in", filepath=str(self.root / "plate" / "plate.1002.exr"), channel=1, frame_start=11
        )
        self.mask(meta)
        wanted = self.rendered(self.wanted(meta))
        (_, path), *_ = sequence.expand(wanted.state.ticket.spec.plate)
        np.testing.assert_allclose(read_exr(path)["G"], wall(1)[..., 1], rtol=2e-3, atol=2e-3)
        self.mask(inner)
        self.assertIn("inside of a meta strip", self.refusal(inner))

    def test_what_cannot_be_rendered_says_why(self):
        meta = self.strips.new_meta(name="meta", channel=4, frame_start=11)
        self.mask(meta)
        wanted = self.wanted(meta)
        wanted.renders.renders[0]["strip"] = "gone"
        work = render_process.RenderProcess(wanted.renders, wanted.render_folder)
        with self.assertRaises(HostError) as caught:
            self.tick_until(work.poll)
        self.assertIn("gone", caught.exception.reason)


class Mattes(InAShot):
    def setUp(self):
        super().setUp()
        self.source = self.image_strip(self.plates(4), start=11)

    def box(self, shift=0):
        rows, columns = HIDDEN
        box = np.zeros((HEIGHT, WIDTH), bool)
        box[rows, columns.start - shift : columns.stop - shift] = True
        return box

    def test_a_mask_that_keeps_still_is_one_picture_at_once(self):
        self.mask(self.source)
        wanted = self.wanted(self.source)
        self.assertFalse(wanted.renders.renders)
        matte = read_exr(wanted.state.ticket.spec.matte)[wanted.state.ticket.spec.matte_channel]
        self.assertTrue(np.array_equal(matte == 1, self.box()))

    def test_a_mask_is_as_large_as_the_plates_whatever_the_scene_is(self):
        self.scene.render.resolution_x, self.scene.render.resolution_y = 200, 100
        self.mask(self.source)
        matte = read_exr(self.spec(self.source).matte)["R"]
        self.assertTrue(np.array_equal(matte == 1, self.box()))

    def test_a_moving_mask_is_followed_and_stays_as_the_artist_left_it(self):
        mask = self.mask(self.source, keys=(11, 13))
        self.scene.frame_set(11)
        self.shape(mask, 9)  # not keyed yet
        left = [tuple(point.co) for point in mask.layers[0].splines[0].points]
        wanted = self.rendered(self.wanted(self.source))
        self.assertEqual([tuple(point.co) for point in mask.layers[0].splines[0].points], left)
        files = sequence.expand(wanted.state.ticket.spec.matte)
        self.assertEqual([frame for frame, _ in files], [1001, 1002, 1003, 1004])
        for (_, path), shift in zip(files, (0, 1, 2, 2)):
            self.assertTrue(np.array_equal(read_exr(path)["R"] == 1, self.box(shift)), path)

    def test_a_mask_strip_brings_its_own_timing(self):
        mask = self.mask(keys=(1, 3))
        mask.frame_start, mask.frame_end = 1, 10
        strip = self.strips.new_mask(name="over", mask=mask, channel=2, frame_start=11)
        self.source.aan.matte_kind, self.source.aan.matte_strip = "STRIP", strip.name
        wanted = self.rendered(self.wanted(self.source))
        for (_, path), shift in zip(sequence.expand(wanted.state.ticket.spec.matte), (0, 1, 2, 2)):
            self.assertTrue(np.array_equal(read_exr(path)["R"] == 1, self.box(shift)), path)

    def test_an_image_strip_above_hands_over_its_own_files(self):
        roto = self.root / "roto"
        roto.mkdir()
        for frame in range(1, 6):
            write_exr(roto / f"roto.{frame:03d}.exr", Y=self.box(frame).astype(np.float16))
        strip = self.image_strip(roto, channel=2, start=10)
        self.source.aan.matte_kind, self.source.aan.matte_strip = "STRIP", strip.name
        files = sequence.expand(self.spec(self.source).matte)
        self.assertEqual([Path(path).resolve().name for _, path in files], [f"roto.{n:03d}.exr" for n in range(2, 6)])
        strip.frame_final_duration = 3
        self.assertIn("covers frames", self.refusal(self.source))

    def test_files_on_disk_are_one_pattern_however_they_were_chosen(self):
        (self.root / "roto").mkdir()
        for frame in range(1001, 1005):
            write_exr(self.root / "roto" / f"r.{frame}.exr", A=self.box().astype(np.float16))
        pattern = str(self.root / "roto" / "r.####.exr")
        self.source.aan.matte_kind = "FILES"
        for chosen in (pattern, pattern.replace("####", "1002"), "//roto/r.####.exr"):
            self.source.aan.matte_files = chosen
            self.assertEqual(self.spec(self.source).matte, pattern)

    def test_of_files_the_channel_is_found_unless_the_artist_names_it(self):
        (self.root / "roto").mkdir()
        write_exr(self.root / "roto" / "r.exr", A=self.box().astype(np.float16))
        settings = self.source.aan
        settings.matte_kind, settings.matte_files = "FILES", "//roto/r.exr"
        settings.matte_invert, settings.matte_low, settings.matte_offset = True, 0.1, 1000
        spec = self.spec(self.source)
        self.assertIsNone(spec.matte_channel)
        self.assertEqual((spec.matte_invert, spec.matte_low, spec.matte_offset), (True, 0.1, 1000))
        settings.matte_channel = " Object_0.Y, Object_1.Y "
        self.assertEqual(self.spec(self.source).matte_channel, "Object_0.Y, Object_1.Y")
        self.mask(self.source)
        settings.matte_kind = "MASK"
        spec = self.spec(self.source)
        self.assertEqual(spec.matte_channel, "R", "a name in files is none in a mask that is rendered")
        self.assertEqual((spec.matte_invert, spec.matte_low, spec.matte_offset), (False, 0.0, 0))

    def test_numbers_that_were_left_alone_are_the_engine_s_defaults_to_the_last_bit(self):
        self.mask(self.source)
        self.assertEqual(self.spec(self.source).matte_floor, 1 / 255)
        self.source.aan.matte_floor, self.source.aan.grow = 0.01, 12.3
        spec = self.spec(self.source)
        self.assertEqual((spec.matte_floor, spec.grow), (0.01, 12.3))

    def test_the_plates_own_alpha_will_do(self):
        self.source.aan.matte_kind = "ALPHA"
        spec = self.spec(self.source)
        self.assertEqual((spec.matte, spec.matte_channel), (spec.plate, "A"))
        self.source.aan.matte_channel = "B"
        self.assertEqual(self.spec(self.source).matte_channel, "B")

    def test_what_is_missing_is_said(self):
        self.assertIn("no mask", self.refusal(self.source))
        for kind, words in (("STRIP", "no strip"), ("FILES", "no files")):
            self.source.aan.matte_kind = kind
            self.assertIn(words, self.refusal(self.source))

    def test_a_mask_over_plates_that_blender_misplaces_is_refused(self):
        folder = self.root / "cropped"
        folder.mkdir()
        corner = ((10, 8), (41, 23))
        write_exr(folder / "c.1001.exr", data_window=corner, RGB=wall(0)[8:24, 10:42].copy())
        strip = self.image_strip(folder, channel=3)
        self.mask(strip)
        self.assertIn("data window", self.refusal(strip))


class Tidiness(InAShot):
    def test_nothing_of_the_engine_is_loaded_into_blender(self):
        self.assertFalse({"torch", "aan_engine", "cv2", "plugin_host"} & sys.modules.keys())


if __name__ == "__main__":
    unittest.main()
