"""The controls: one table for every host, and the job's fields by the same names."""

import dataclasses
import typing
import unittest

from host_half.controls import BY_NAME, CONTROLS, validation_error
from host_half.protocol import JobSpec

FIELDS = {field.name: field for field in dataclasses.fields(JobSpec)}
ASKED_FOR_OTHERWISE = {"frames", "plate", "matte", "first", "last", "matte_channel", "aov", "device"}


class Controls(unittest.TestCase):
    def test_every_control_is_a_field_of_the_job_with_the_same_default_and_the_other_way_round(self):
        self.assertEqual(set(BY_NAME) | ASKED_FOR_OTHERWISE, set(FIELDS))
        for control in CONTROLS:
            self.assertEqual(FIELDS[control.name].default, control.default, control.name)

    def test_every_control_is_of_a_kind_that_hosts_can_draw(self):
        kinds = {"files": str, "text": str, "choice": str, "number": float, "frame": int, "count": int, "switch": bool}
        hints = typing.get_type_hints(JobSpec)
        for control in CONTROLS:
            self.assertIn(kinds[control.kind], (hints[control.name], *typing.get_args(hints[control.name])))

    def test_every_control_says_what_it_does_in_one_line(self):
        for control in CONTROLS:
            self.assertTrue(control.help.endswith("."), control.name)
            self.assertLess(len(control.help), 120, control.name)
            self.assertNotIn("\n", control.help)

    def test_every_default_is_a_value_that_it_may_have(self):
        for control in CONTROLS:
            self.assertIsNone(validation_error(control.name, control.default), control.name)

    def test_what_it_may_not_have_is_said_in_words(self):
        for name, value in (("light", "bright"), ("grow", 101.0), ("grow", True), ("seed", -1), ("write", None)):
            self.assertIn(BY_NAME[name].label, validation_error(name, value) or "", name)


if __name__ == "__main__":
    unittest.main()
