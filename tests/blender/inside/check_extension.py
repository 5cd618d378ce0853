"""The zip through Blender's own installer: installed, used with its own pyzmq, removed without a trace."""

import os
import sys
import unittest
from pathlib import Path

import addon_utils
import bpy

ZIP = os.environ["AAN_ZIP"]
MODULE = "bl_ext.user_default.align_and_attend"


class TheExtension(unittest.TestCase):
    def test_it_installs_runs_and_leaves(self):
        self.assertFalse(bpy.app.online_access)
        done = bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True)
        self.assertEqual(done, {"FINISHED"})
        self.assertIn(MODULE, bpy.context.preferences.addons)
        self.assertTrue(all(addon_utils.check(MODULE)), "it is not switched on")
        import zmq

        users = Path(os.environ["BLENDER_USER_RESOURCES"]).resolve()
        self.assertTrue(Path(zmq.__file__).resolve().is_relative_to(users), zmq.__file__)
        self.assertEqual(zmq.__version__, "26.4.0")
        timer = sys.modules[f"{MODULE}.timer"]
        for _ in range(3):
            timer.tick()
        self.assertEqual(bpy.context.preferences.addons[MODULE].preferences.engine, "")
        folder = Path(sys.modules[MODULE].__file__).parent
        self.assertTrue((folder / "plugin_host" / "client.py").is_file())
        repos = [repo.module for repo in bpy.context.preferences.extensions.repos]
        done = bpy.ops.extensions.package_uninstall(repo_index=repos.index("user_default"), pkg_id="align_and_attend")
        self.assertEqual(done, {"FINISHED"})
        self.assertNotIn(MODULE, bpy.context.preferences.addons)
        self.assertFalse(folder.exists())
        self.assertFalse([name for name in dir(bpy.types) if name.startswith("AAN_")])
        self.assertFalse(bpy.app.timers.is_registered(timer.tick))
        handlers = [*bpy.app.handlers.load_pre, *bpy.app.handlers.load_post]
        self.assertFalse([handler for handler in handlers if MODULE in handler.__module__])


if __name__ == "__main__":
    unittest.main()
