"""Which Python has the engine: what was chosen, what the environment names, the usual places; else how to get one."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

from host_half import interpreter
from host_half.errors import EngineAbsent

INSIDE = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"


class Finding(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name).resolve()
        environment = dict(os.environ)
        self.addCleanup(os.environ.update, environment)
        self.addCleanup(os.environ.clear)
        for name in ("LOCALAPPDATA", "HOME", "XDG_DATA_HOME", "USERPROFILE"):
            os.environ[name] = str(self.root / "home")
        os.environ["PATH"] = str(self.root / "commands")
        os.environ.pop("AAN_ENGINE", None)

    def python(self, folder):
        path = self.root / folder / INSIDE
        path.parent.mkdir(parents=True)
        path.write_text("an interpreter")
        path.chmod(0o755)
        return path

    def test_what_was_chosen_comes_first_then_the_environment_then_the_usual_place(self):
        usual = self.python(interpreter.default_environment())
        self.assertEqual(interpreter.find(), str(usual))
        os.environ["AAN_ENGINE"] = str(self.python("named"))
        self.assertEqual(interpreter.find(), os.environ["AAN_ENGINE"])
        chosen = self.python("chosen")
        self.assertEqual(interpreter.find(str(chosen)), str(chosen))

    def test_the_folder_of_a_virtual_environment_will_do(self):
        self.assertEqual(interpreter.find(str(self.python("chosen").parents[1])), str(self.root / "chosen" / INSIDE))

    @unittest.skipIf(os.name == "nt", "links")
    def test_the_command_on_the_path_leads_to_the_environment_that_it_is_installed_in(self):
        python = self.python("tools/aan")
        (python.parent / "aan").write_text("the command")
        (python.parent / "aan").chmod(0o755)
        (self.root / "commands").mkdir()
        (self.root / "commands" / "aan").symlink_to(python.parent / "aan")
        self.assertEqual(interpreter.find(), str(python))

    def test_a_chosen_one_that_is_no_python_is_not_passed_over_in_silence(self):
        self.python(interpreter.default_environment())
        for named in (self.root / "nothing", self.root):
            with self.assertRaises(EngineAbsent) as caught:
                interpreter.find(str(named))
            self.assertIn(str(named), caught.exception.reason)
        os.environ["AAN_ENGINE"] = str(self.root / "nothing")
        with self.assertRaises(EngineAbsent) as caught:
            interpreter.find()
        self.assertIn("AAN_ENGINE", caught.exception.reason)

    def test_where_there_is_none_the_one_command_is_told_that_installs_it_where_it_is_found(self):
        with self.assertRaises(EngineAbsent) as caught:
            interpreter.find()
        self.assertIn("not installed", caught.exception.reason)
        self.assertIn(interpreter.install_command(), caught.exception.hint)
        self.assertIn(str(interpreter.default_environment()), interpreter.install_command())


if __name__ == "__main__":
    unittest.main()
