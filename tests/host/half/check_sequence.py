"""Frame sequences: which files a pattern means, and which it does not."""

import os
import tempfile
import unittest
from pathlib import Path

from host_half.errors import HostError, SequenceError
from host_half.frame_numbers import from_text, spans
from host_half.sequence import expand, find, frame_path, has_siblings, parse


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

    def found(self, text, **how):
        """What a text stands for: the pattern's own name, the frames, and what is said of it."""
        found = find(f"{self.folder}/{text}", **how)
        for _, path in found.files:
            self.assertTrue(Path(path).is_file(), path)
        return Path(found.pattern).name, [frame for frame, _ in found.files], found.note

    def test_hashes_mean_exactly_their_number_of_digits_or_more_that_need_it(self):
        self.touch("p.1001.exr", "p.0999.exr", "p.10000.exr", "p..exr", "p.1x01.exr")
        self.assertEqual(self.numbers("p.####.exr"), [999, 1001, 10000])

    def test_one_hash_and_percent_d_say_nothing_of_padding(self):
        self.touch("p.0.exr", "p.7.exr", "p.10.exr", "p.08.exr")
        self.assertEqual(self.found("p.#.exr")[1], [0, 7, 8, 10])
        self.assertEqual(self.found("p.%d.exr")[1], [0, 7, 8, 10])
        self.assertEqual(self.found("p.$F.exr")[1], [0, 7, 8, 10])

    def test_every_spelling_of_the_field_means_the_same_files(self):
        self.touch("p.0999.exr", "p.1000.exr", "p.1001.exr")
        for mark in ("####", "%04d", "%4d", "@@@@", "$F4", "${F4}", "999-1001####", "999-1001#", "999-1001@@@@"):
            self.assertEqual(self.found(f"p.{mark}.exr")[1], [999, 1000, 1001], mark)
        self.assertEqual(self.found("p.@.exr")[1], [999, 1000, 1001])

    def test_a_range_in_the_pattern_limits_it_and_is_kept(self):
        self.touch(*(f"p.{frame}.exr" for frame in range(1001, 1009)), "p.5.exr")
        self.assertEqual(self.found("p.1002-1004####.exr")[1], [1002, 1003, 1004])
        self.assertEqual(self.found("p.####.exr 1002-1004")[1], [1002, 1003, 1004])
        self.assertIn("lacks 2 frames: 1009-1010", self.refused("p.1001-1010####.exr"))
        self.assertIn("1004-1002 is reversed", self.refused("p.1004-1002####.exr"))

    def test_what_looks_like_a_range_and_is_there_as_written_is_the_name(self):
        self.touch("p.010-0201001.exr", "cash$F4.1001.exr", "a @@ b.1001.exr")
        self.assertEqual(self.numbers("p.010-020####.exr"), [1001])
        self.assertEqual(self.numbers("cash$F4.####.exr"), [1001])
        self.assertEqual(self.numbers("a @@ b.%04d.exr"), [1001])

    def test_negative_frames_are_found_however_they_are_padded(self):
        for spelled in ("{:04d}", "-{:04d}"):
            names = [spelled.format(n if spelled[0] != "-" else -n) for n in (-3, -2, -1)] + ["0000", "0001"]
            self.touch(*(f"{len(names[0])}.{name}.exr" for name in names))
            self.assertEqual(self.found(f"{len(names[0])}.####.exr")[1], [-3, -2, -1, 0, 1])
            self.assertEqual(self.found(f"{len(names[0])}.%04d.exr")[1], [-3, -2, -1, 0, 1])
            self.assertEqual(self.found(f"{len(names[0])}.-3-0####.exr")[1], [-3, -2, -1, 0])
        self.touch("q.-003.exr", "q.-0003.exr")
        self.assertIn("q.-0003.exr and q.-003.exr are both frame -3", self.refused("q.####.exr"))

    def test_a_hyphen_of_the_name_is_no_minus(self):
        self.touch("p-1001.exr", "p-1002.exr", "p1001.exr", "q-001.exr", "q0000.exr", "q0001.exr")
        self.assertEqual(self.numbers("p####.exr"), [1001])
        self.assertEqual(self.numbers("p-####.exr"), [1001, 1002])
        self.assertEqual(self.numbers("q####.exr"), [-1, 0, 1])

    def test_numbers_that_outgrow_their_padding_are_found_or_named_with_the_pattern_that_means_them(self):
        self.touch("p.998.exr", "p.999.exr", "p.1000.exr", "q.9999.exr", "q.10000.exr")
        self.assertEqual(self.numbers("p.###.exr"), [998, 999, 1000])
        self.assertEqual(self.numbers("q.####.exr"), [9999, 10000])
        for pattern, lost, right in (("p.####", "p.998.exr, p.999.exr", "p.###"), ("q.#####", "q.9999.exr", "q.####")):
            said = self.refused(pattern + ".exr")
            self.assertIn(f"leaves out files that are numbered like it: {lost}", said)
            self.assertIn(f"Write {self.folder}/{right}.exr", said)

    def test_numbers_of_mixed_padding_are_refused_by_name_unless_the_pattern_says_nothing_of_it(self):
        self.touch("p.1.exr", "p.02.exr", "p.003.exr")
        self.assertEqual(self.found("p.#.exr")[1], [1, 2, 3])
        said = self.refused("p.##.exr")
        self.assertIn("p.1.exr", said)
        self.assertIn("Write " + str(self.folder / "p.#.exr"), said)

    def test_two_files_for_one_frame_are_refused_where_the_pattern_could_mean_both(self):
        self.touch("p.1.exr", "p.0001.exr", "p.2.exr", "p.0002.exr")
        for pattern in ("p.#.exr", "p.%d.exr", "p.$F.exr", "p.1-2#.exr"):
            self.assertIn("p.0001.exr and p.1.exr are both frame 1", self.refused(pattern))
        self.assertEqual(self.found("p.####.exr")[1], [1, 2])

    def test_one_file_of_a_sequence_stands_for_it_where_that_is_asked_for_and_it_is_said(self):
        self.touch(
            "p.1001.exr", "p.1002.exr", "m1001.exr", "m1002.exr", "v_v001.exr", "v_v002.exr", "t01.exr", "t02.exr"
        )
        self.assertEqual(self.found("p.1001.exr"), ("p.1001.exr", [1001], ""))
        self.assertEqual(
            self.found("p.1001.exr", whole=True),
            ("p.####.exr", [1001, 1002], "p.1001.exr stands for its sequence p.####.exr, 2 frames 1001-1002"),
        )
        self.assertEqual(self.found("m1002.exr", whole=True)[:2], ("m####.exr", [1001, 1002]))
        for name in ("v_v001.exr", "t01.exr"):
            self.assertEqual(self.found(name, whole=True), (name, [1], ""))
            self.assertFalse(has_siblings(str(self.folder / name)))
        self.assertTrue(has_siblings(str(self.folder / "p.1002.exr")))

    def test_a_version_or_a_word_may_stand_behind_the_number(self):
        names = ("sh010.{}.v002.exr", "p_{}_left.exr", "p_{}_right.exr", "{}.v1.final.exr")
        self.touch(*(name.format(frame) for name in names for frame in ("-0001", "0000", "1001")))
        for name in names:
            found = self.found(name.format("1001"), whole=True)
            self.assertEqual(found[:2], (name.format("####"), [-1, 0, 1001]), name)
        self.touch("shots/sh_010_comp.exr", "shots/sh_020_comp.exr", "shots/sh0100_comp.exr", "shots/sh0200_comp.exr")
        for name in ("sh_010_comp.exr", "sh0100_comp.exr"):
            self.assertEqual(self.found(f"shots/{name}", whole=True), (name, [1], ""))

    def test_numbers_that_no_shot_spans_are_refused_at_once(self):
        self.touch("p.1001.exr", "p.1002.exr", "p.20260131123456.exr")
        self.assertIn("p.1001.exr and p.20260131123456.exr are too far apart", self.refused("p.####.exr"))
        self.assertIn("names too many frames", self.refused("p.1001-20260131123455####.exr"))

    def test_a_folder_of_one_sequence_stands_for_it_and_one_of_several_names_them(self):
        self.touch("one/p.1001.exr", "one/p.1002.exr", "one/p.report.json", "one/.p.1003.exr.part")
        pattern, frames, note = self.found("one")
        self.assertEqual((pattern, frames), ("p.####.exr", [1001, 1002]))
        self.assertEqual(note, "the folder one stands for its sequence p.####.exr, 2 frames 1001-1002")
        self.assertEqual(self.found("one/")[1], [1001, 1002])
        self.touch("two/p.1001.exr", "two/m.1001.exr", "still/p.exr", "none/text.txt")
        said = self.refused("two")
        self.assertIn(str(self.folder / "two" / "p.####.exr"), said)
        self.assertIn(str(self.folder / "two" / "m.####.exr"), said)
        self.assertIn("p.exr", self.refused("still"))
        self.assertIn("without pictures", self.refused("none/"))

    def test_wildcards_are_answered_with_the_pattern_to_write(self):
        self.touch(*(f"{name}.{frame}.exr" for name in "pm" for frame in range(1001, 1005)))
        for name in ("p.*", "p.????", "p.[1001-1004]", "p.1001-1004", "p.{1001..1004}"):
            self.assertIn(f"write {self.folder}/p.####.exr", self.refused(f"{name}.exr"), name)

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
            ("p.@@@@.exr", 12, "p.0012.exr"),
            ("p.$F4.exr", 12, "p.0012.exr"),
            ("p.####.exr", -3, "p.-003.exr"),
            ("still.exr", 12, "still.exr"),
        ]:
            self.assertEqual(frame_path(pattern, frame), path)

    def test_a_path_and_its_frame_are_each_other_s_inverse(self):
        for pattern in ("p.####.exr", "p.%03d.exr", "p%d.exr", "#", "a#b"):
            taken = parse(pattern)
            for frame in (0, 1, 9, 10, 99, 100, 1001, 99999, -1, -9, -10, -1001, -99999):
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

    def test_empty_and_folder_patterns_are_refused(self):
        for pattern in ("", "/s/plates/"):
            with self.assertRaises(SequenceError) as caught:
                parse(pattern)
            self.assertIn("names no file", caught.exception.reason)


class Numbers(unittest.TestCase):
    def test_frames_are_read_as_they_are_written(self):
        for text, frames in [
            ("1001", [1001]),
            ("1001-1003", [1001, 1002, 1003]),
            ("1001-1010x3,1020", [1001, 1004, 1007, 1010, 1020]),
            ("1003, 1001 1002;1001", [1001, 1002, 1003]),
            ("-3--1,2", [-3, -2, -1, 2]),
            ("-1-1", [-1, 0, 1]),
            ("1001 - 1003, -3 - -1 -5", [-5, -3, -2, -1, 1001, 1002, 1003]),
        ]:
            self.assertEqual(list(from_text(text)), frames, text)
            self.assertEqual(list(from_text(spans(frames))), frames, text)

    def test_what_names_no_frames_is_refused_and_a_reversed_range_is_called_so(self):
        for text in ("", " , ", "all", "1001-", "1001x2", "1001-1010x0", "1.5", "1-99999999999", "\u0661"):
            with self.assertRaises(SequenceError, msg=text):
                from_text(text)
        with self.assertRaises(SequenceError) as caught:
            from_text("1004-1001")
        self.assertIn("the range 1004-1001 is reversed", str(caught.exception))

    def test_spans_are_short_and_two_numbers_are_no_step(self):
        for frames, text in [
            ([], ""),
            ([7], "7"),
            ([1001, 1002, 1003, 1010], "1001-1003, 1010"),
            ([1001, 1003, 1005], "1001-1005x2"),
            ([1001, 1003], "1001, 1003"),
            ([-2, -1, 0], "-2-0"),
        ]:
            self.assertEqual(spans(frames), text)


if __name__ == "__main__":
    unittest.main()
