"""Frame sequences: which files a pattern means, and which it does not."""

import os
import tempfile
import unittest
from pathlib import Path

from host_half.errors import HostError, SequenceError
from host_half.sequence import expand, frame_path, parse


class OnDisk(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = Path(self._folder.name)

    def touch(self, *names):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def numbers(self, pattern):
        found = expand(str(self.folder / pattern))
        for frame, path in found:
            self.assertTrue(Path(path).is_file(), path)
            self.assertIn(frame_path(str(self.folder / pattern), frame), (path, str(self.folder / pattern)))
        return [frame for frame, _ in found]

    def refused(self, pattern):
        with self.assertRaises(SequenceError) as caught:
            expand(str(self.folder / pattern))
        self.assertIsInstance(caught.exception, HostError)
        self.assertTrue(caught.exception.reason)
        self.assertTrue(caught.exception.hint)
        return str(caught.exception)

    def test_frames_come_in_ascending_order_with_their_gaps(self):
        self.touch("p.1003.exr", "p.0999.exr", "p.1001.exr", "p.12345.exr")
        self.assertEqual(self.numbers("p.####.exr"), [999, 1001, 1003, 12345])
        self.assertEqual(self.numbers("p.%04d.exr"), [999, 1001, 1003, 12345])

    def test_hashes_mean_exactly_their_number_of_digits_or_more_that_need_it(self):
        self.touch("p.1001.exr", "p.999.exr", "p.01002.exr", "p.10000.exr", "p..exr", "p.1x01.exr", "p.-001.exr")
        self.assertEqual(self.numbers("p.####.exr"), [1001, 10000])

    def test_one_hash_and_percent_d_mean_no_padding(self):
        self.touch("p.0.exr", "p.7.exr", "p.10.exr", "p.08.exr")
        self.assertEqual(self.numbers("p.#.exr"), [0, 7, 10])
        self.assertEqual(self.numbers("p.%d.exr"), [0, 7, 10])

    def test_other_sequences_in_the_folder_do_not_mix_in(self):
        self.touch(
            "p.1001.exr", "p.1002.exr.tmp", "q.1003.exr", "pp.1004.exr", "p.1005.png", "p_1006.exr", "P.1007.exr"
        )
        self.assertEqual(self.numbers("p.####.exr"), [1001])

    def test_spaces_brackets_and_percents_mean_themselves(self):
        for name in ("my plate", "p[1-3]", "p*?", "p{0}", "100%", "50%dark", "a%sb", "%", "\u00e9t\u00e9"):
            self.touch("in %d [x] ##/" + name + ".1001.exr")
            self.assertEqual(self.numbers("in %d [x] ##/" + name + ".####.exr"), [1001], name)
        self.touch("90%.0001.exr")
        self.assertEqual(self.numbers("90%.%04d.exr"), [1])

    @unittest.skipIf(os.name == "nt", "such names cannot be there")
    def test_names_that_are_not_utf8_survive(self):
        self.touch(os.fsdecode(b"\xe9.1001.exr"))
        self.assertEqual(self.numbers(os.fsdecode(b"\xe9.####.exr")), [1001])

    def test_one_file_is_a_sequence_of_one(self):
        self.touch("plate.1001.exr", "shot_v002_0040.exr", "matte.exr", "take#3.exr", "v002.exr")
        for name, frame in [
            ("plate.1001.exr", 1001),
            ("shot_v002_0040.exr", 40),
            ("matte.exr", 1),
            ("take#3.exr", 1),
            ("v002.exr", 1),
        ]:
            self.assertEqual(expand(str(self.folder / name)), [(frame, str(self.folder / name))])

    def test_unicode_digits_are_no_digits(self):
        self.touch("p.\u0661\u0662\u0663\u0664.exr")
        self.refused("p.####.exr")

    def test_nothing_there_is_said_with_what_there_is_instead(self):
        self.touch("plate.01001.exr")
        self.assertIn("plate.01001.exr", self.refused("plate.####.exr"))
        self.assertIn("plate.01001.exr", self.refused("plaet.1001.exr"))
        self.assertIn("cannot be looked for", self.refused("nowhere/p.####.exr"))
        self.refused("empty/p.####.exr")

    def test_what_is_no_pattern_is_refused(self):
        self.touch("p.1001.exr")
        self.assertIn("2 placeholders", self.refused("p.####.%04d.exr"))
        self.assertIn("2 placeholders", self.refused("##.####.exr"))


class OnPaper(unittest.TestCase):
    def test_the_path_of_a_frame_is_spelled_as_the_pattern_spells_it(self):
        for pattern, frame, path in [
            ("//server/share/p.####.exr", 7, "//server/share/p.0007.exr"),
            ("./a/../p_%06d.exr", 1001, "./a/../p_001001.exr"),
            ("p.####.exr", 123456, "p.123456.exr"),
            ("p.%d.exr", 0, "p.0.exr"),
            ("p.#.exr", 12, "p.12.exr"),
            ("still.exr", 12, "still.exr"),
        ]:
            self.assertEqual(frame_path(pattern, frame), path)

    def test_a_path_and_its_frame_are_each_other_s_inverse(self):
        for pattern in ("p.####.exr", "p.%03d.exr", "p%d.exr", "#", "a#b"):
            taken = parse(pattern)
            for frame in (0, 1, 9, 10, 99, 100, 1001, 99999):
                self.assertEqual(taken.frame_of(taken.path(frame)), frame)

    def test_windows_paths_are_taken_apart_on_windows(self):
        taken = parse("\\\\server\\share ##\\p.####.exr", separators="/\\")
        self.assertEqual(taken.path(7), "\\\\server\\share ##\\p.0007.exr")
        self.assertEqual(parse("C:\\a/p.%04d.exr", separators="/\\").folder, "C:\\a/")

    def test_windows_paths_elsewhere_are_called_by_their_name(self):
        for pattern in ("C:\\a\\p.####.exr", "\\\\server\\share\\p.####.exr", "D:\\p.exr"):
            with self.assertRaises(SequenceError) as caught:
                parse(pattern, separators="/")
            self.assertIn("Windows", caught.exception.reason)

    def test_empty_and_folder_patterns_and_negative_frames_are_refused(self):
        for pattern in ("", "/s/plates/"):
            with self.assertRaises(SequenceError) as caught:
                parse(pattern)
            self.assertIn("names no file", caught.exception.reason)
        with self.assertRaises(SequenceError):
            frame_path("p.####.exr", -1)


if __name__ == "__main__":
    unittest.main()
