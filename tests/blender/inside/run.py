"""Runs the checks that are named, and leaves before a Blender that is asked to end can hang or crash."""

import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), os.environ["AAN_ADDON_PATH"]]

import bpy  # noqa: E402

suite = unittest.TestSuite()
for name in sys.argv[1:]:
    suite.addTests(unittest.defaultTestLoader.loadTestsFromName(name))
outcome = unittest.TextTestRunner(verbosity=2).run(suite)
print(f"Blender {bpy.app.version_string}: {outcome.testsRun} checks")
sys.stdout.flush()
sys.stderr.flush()
os._exit(0 if outcome.wasSuccessful() and outcome.testsRun else 1)
