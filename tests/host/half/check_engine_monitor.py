"""The engine monitor of a host, before any job is started."""

import os
import sys
import unittest

from host_half import connection_file
from host_half.engine_monitor import Presence

from hosting import InAHost, absent


class WithoutAJob(InAHost):
    """What the panel shows of the engine before anything is cleaned."""

    def test_an_engine_that_runs_is_found_and_its_release_told(self):
        self.live()
        self.look_until(lambda: self.monitor.ready)
        self.assertEqual(self.monitor.state.release, "9.9")

    def test_one_that_is_installed_but_does_not_run_and_one_that_is_not_installed(self):
        self.look_until(lambda: self.monitor.state.presence is Presence.ASLEEP)
        self.python = absent
        self.monitor.look_again()
        self.look_until(lambda: self.monitor.state.presence is Presence.ABSENT)
        self.assertEqual(self.monitor.state.hint, "Install it.")

    def test_one_that_someone_else_starts_is_noticed(self):
        self.look_until(lambda: self.monitor.state.presence is Presence.ASLEEP)
        self.live()
        self.look_until(lambda: self.monitor.ready)

    @unittest.skipIf(os.name == "nt", "POSIX permissions")
    def test_a_runtime_folder_that_others_can_write_to_is_a_reason(self):
        connection_file.runtime_folder().chmod(0o777)
        self.look_until(lambda: self.monitor.state.presence is Presence.FAILED)
        self.assertIn("open to others", self.monitor.state.reason)

    def test_a_python_without_the_engine_is_told_from_a_broken_one(self):
        self.python = lambda: sys.executable
        self.monitor.start()
        self.assertIs(self.monitor.state.presence, Presence.STARTING)
        self.look_until(lambda: self.monitor.state.presence is Presence.FAILED)
        self.assertIn("does not have the engine", self.monitor.state.reason)
        self.assertIn("pip", self.monitor.state.hint)

    def test_closing_leaves_nothing_behind(self):
        self.live()
        self.look_until(lambda: self.monitor.ready)
        self.monitor.close()
        self.assertEqual(self.monitor.state.presence, Presence.UNKNOWN)


if __name__ == "__main__":
    unittest.main()
