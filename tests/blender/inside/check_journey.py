"""The whole way with the real engine: new file, EXR strip, animated mask, Clean, wait, render - bit for bit."""

import unittest
from pathlib import Path

import numpy as np

from studio import HEIGHT, HIDDEN, WIDTH, InAStudio, JobPhase, compat, read_exr, result

COUNT = 5


class TheWholeWay(InAStudio):
    def setUp(self):
        super().setUp()
        self.source = self.image_strip(self.plates(COUNT), start=11)
        self.mask(self.source, keys=(11, 15))

    def box(self, shift):
        rows, columns = HIDDEN
        box = np.zeros((HEIGHT, WIDTH), bool)
        box[rows, columns.start - shift : columns.stop - shift] = True
        return box

    def test_from_a_new_file_to_the_rendered_result(self):
        job = self.press("clean")
        self.until_phase(job, JobPhase.FINISHED, patience=150)
        status = job.status
        self.assertEqual(status.frames, tuple(range(1001, 1001 + COUNT)))
        strip = result.strip_of(self.scene, self.source.aan.uid)
        self.assertEqual((strip.channel, compat.visible_range(strip)), (2, (11, 15)))
        rendered = self.render(range(11, 16))
        for index, picture in enumerate(rendered):
            made = read_exr(status.path(1001 + index))
            plate = read_exr(self.root / "plate" / f"plate.{1001 + index}.exr")
            matte = read_exr(Path(status.output).parent / "input" / f"matte.{1001 + index}.exr")["R"]
            hidden = matte > 0
            self.assertTrue(np.array_equal(matte == 1, self.box(shift=index)), "the mask is not where it was drawn")
            for name in "RGB":
                self.assertEqual(picture[name].tobytes(), made[name].tobytes(), (index, name))
                self.assertEqual(made[name][~hidden].tobytes(), plate[name][~hidden].tobytes(), (index, name))
                self.assertTrue((made[name][hidden] != plate[name][hidden]).any())
        self.assertTrue(Path(status.report).exists())


if __name__ == "__main__":
    unittest.main()
