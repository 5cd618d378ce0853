"""Movie strips: the file itself where it is what the strip shows, with an overlay as the result."""

import struct
import sys
import unittest

import bpy

from prepared import InAShot, sequence
from studio import ADDON, read_exr

properties, result = sys.modules[f"{ADDON}.properties"], sys.modules[f"{ADDON}.result"]


class Movies(InAShot):
    def setUp(self):
        super().setUp()
        self.image_strip(self.plates(6), start=1)
        self.movie = self.make_movie()
        self.strips.remove(self.strips["plate"])
        self.source = self.strips.new_movie(name="movie", filepath=str(self.movie), channel=1, frame_start=11)
        self.mask(self.source, keys=(11, 14))

    def make_movie(self):
        render = self.scene.render
        render.use_sequencer = True
        settings = render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "VIDEO"
        settings.file_format = "FFMPEG"
        render.ffmpeg.format, render.ffmpeg.codec = "QUICKTIME", "H264"
        render.filepath = str(self.root / "movie.mov")
        bpy.ops.render.render(animation=True, scene=self.scene.name)
        (made,) = self.root.glob("movie*.mov")
        return made

    def test_a_movie_is_handed_over_as_the_file_that_it_is(self):
        spec = self.spec(self.source)
        self.assertEqual((spec.plate, spec.first, spec.last), (str(self.movie), 1, 6))
        self.assertEqual(spec.colorspace, "sRGB - Texture", "as Blender shows it")

    def test_its_result_is_an_overlay_unless_that_would_show(self):
        self.assertEqual(self.spec(self.source).write, "overlay")
        self.source.blend_type = "ADD"
        self.assertEqual(self.spec(self.source).write, "full")
        self.source.blend_type = "ALPHA_OVER"
        modifier = self.source.modifiers.new("Curves", "CURVES")
        self.assertEqual(self.spec(self.source).write, "full")
        modifier.mute = True
        self.assertEqual(self.spec(self.source).write, "overlay")

    def test_the_overlay_lies_over_the_movie_also_once_it_is_complete(self):
        for blend_type, overlay in (("REPLACE", True), ("ALPHA_OVER", True), ("ADD", False)):
            self.source.blend_type = blend_type
            state = self.wanted(self.source).state
            self.assertEqual(state.overlay, overlay)
            shown = result.place_strip(self.scene, self.source, state)
            result.restore_blend_type(shown, self.source, state)
            self.assertEqual(shown.blend_type, "ALPHA_OVER" if overlay else "ADD")

    def test_a_turned_movie_is_its_file_only_where_this_blender_turns_it_too(self):
        for signs, direct in (((-1, 0, 0, -1), bpy.app.version >= (5, 0, 0)), ((-1, 0, 0, 1), False)):
            data = bytearray(self.movie.read_bytes())
            at = data.index(b"tkhd") + 44
            a, b, c, d = (sign << 16 for sign in signs)
            data[at : at + 20] = struct.pack(">5i", a, b, 0, c, d)
            self.movie.write_bytes(data)
            rendered = any("strip" in work for work in self.wanted(self.source).renders.renders)
            self.assertEqual(rendered, not direct, signs)

    def test_of_a_trimmed_movie_nothing_beyond_is_a_source(self):
        if hasattr(self.source, "left_handle_offset"):
            self.source.left_handle_offset = 2
        else:
            self.source.frame_offset_start = 2
        wanted = self.rendered(self.wanted(self.source))
        spec = wanted.state.ticket.spec
        self.assertEqual((spec.first, spec.last, spec.reference_first, spec.reference_last), (3, 6, 3, 6))
        mattes = dict(sequence.expand(spec.matte))
        self.assertEqual(sorted(mattes), [1, 2, 3, 4, 5, 6])
        self.assertTrue((read_exr(mattes[1])["R"] == 1).all())
        self.assertFalse((read_exr(mattes[3])["R"] == 1).all())

    def test_a_movie_that_begins_elsewhere_is_numbered_with_its_mattes(self):
        self.assertIn("plate_first", {control.name for control in properties.shown_controls(self.source, self.scene)})
        self.source.aan.plate_first = 1001
        wanted = self.rendered(self.wanted(self.source))
        spec = wanted.state.ticket.spec
        self.assertEqual((spec.plate_first, spec.first, spec.last), (1001, 1001, 1006))
        self.assertEqual([frame for frame, _ in sequence.expand(spec.matte)], list(range(1001, 1007)))

    def test_a_reversed_movie_is_rendered(self):
        self.source.use_reverse_frames = True
        self.assertTrue(any("strip" in work for work in self.wanted(self.source).renders.renders))


EXIF_TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
"""A JPEG's segment with nothing but the orientation 6."""


class TurnedPictures(InAShot):
    def test_a_picture_with_an_orientation_is_rendered_as_blender_shows_it(self):
        folder = self.root / "photo"
        folder.mkdir()
        image = bpy.data.images.new("photo", 32, 24)
        image.file_format, image.filepath_raw = "JPEG", str(folder / "photo.1001.jpg")
        image.save()
        bpy.data.images.remove(image)
        (photo,) = folder.iterdir()
        strip = self.image_strip(folder, channel=4)
        self.mask(strip)
        self.assertFalse(any("strip" in work for work in self.wanted(strip).renders.renders))
        data = photo.read_bytes()
        segment = b"\xff\xe1" + struct.pack(">H", len(EXIF_TURNED) + 2) + EXIF_TURNED
        photo.write_bytes(data[:2] + segment + data[2:])
        self.assertTrue(any("strip" in work for work in self.wanted(strip).renders.renders))


if __name__ == "__main__":
    unittest.main()
