"""Finding and starting an engine: the connection file, the locks, and a stand-in engine that is really started."""

import os
import signal
import stat
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

from host_half import connection_file, launch
from host_half.errors import EngineRefused, EngineStartFailed, UnsafeFolder

ENGINE = '''
"""A stand-in for the engine: it welcomes whoever says hello, in the manner that AAN_MANNER names."""
import os, sys, time, zmq
sys.path[:0] = os.environ["AAN_STAND_IN_PATH"].split(os.pathsep)
from host_half import connection_file, protocol, wire
from host_half.connection_file import Connection
folder, manner = connection_file.runtime_folder(), os.environ.get("AAN_MANNER", "")
with (folder / "starts.txt").open("a") as starts:
    starts.write("%d\\n" % os.getpid())
if manner == "dies":
    sys.exit("no weights in the house")
if manner == "sleeps":
    time.sleep(60)
lock = connection_file.claim()
assert lock is not None
time.sleep(0.3)
router = zmq.Context().socket(zmq.ROUTER)
port = router.bind_to_random_port("tcp://127.0.0.1")
session = "session %d" % os.getpid()
connection_file.write(Connection("tcp://127.0.0.1:%d" % port, "t0ken", os.getpid(), session, 1, 1))
while True:
    host, *frames = router.recv_multipart()
    envelope = wire.decode(frames)
    reply = protocol.Welcome(1, session) if manner != "foreign" else protocol.Refused("version", "no", "Update.")
    router.send_multipart([host, *wire.encode(reply, envelope.request)])
'''


class InARuntimeFolder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name) / "run"
        self.environment = dict(os.environ)
        self.addCleanup(self.restore)
        os.environ["AAN_RUNTIME_DIR"] = str(self.folder)
        os.environ["AAN_STAND_IN_PATH"] = os.pathsep.join(sys.path)
        os.environ.pop("AAN_ENGINE", None)
        server = connection_file.runtime_folder() / "plugin_host" / "server"
        server.mkdir(parents=True)
        (server / "__main__.py").write_text(textwrap.dedent(ENGINE))
        os.environ["PYTHONPATH"] = str(self.folder)

    def restore(self):
        for process in launch._started:
            if process.poll() is None:
                process.kill()
            process.wait()
        os.environ.clear()
        os.environ.update(self.environment)

    def starts(self):
        notes = self.folder / "starts.txt"
        return notes.read_text().split() if notes.exists() else []

    def launch(self, manner="", **options):
        os.environ["AAN_MANNER"] = manner
        client = launch.find_or_start(name="a test", **options)
        self.addCleanup(client.close)
        return client


class TheConnectionFile(InARuntimeFolder):
    FOUND = connection_file.Connection("tcp://127.0.0.1:1", "t0ken", 1, "one", 1, 1)

    def hold_engine_lock(self):
        lock = connection_file.try_lock(self.folder / connection_file.ENGINE_LOCK)
        self.addCleanup(lock.close)

    def test_it_reads_back_as_it_was_written(self):
        self.hold_engine_lock()
        connection_file.write(self.FOUND)
        self.assertEqual(connection_file.read(), self.FOUND)

    @unittest.skipIf(os.name == "nt", "Windows keeps the folder private instead")
    def test_only_its_owner_can_read_it(self):
        connection_file.write(self.FOUND)
        self.assertEqual(stat.S_IMODE((self.folder / connection_file.FILE_NAME).stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)

    def test_without_an_engine_that_lives_it_is_stale(self):
        connection_file.write(self.FOUND)
        self.assertIsNone(connection_file.read())

    def test_a_broken_one_is_none(self):
        self.hold_engine_lock()
        for text in ("", "{", "[]", '{"endpoint": 3}'):
            (self.folder / connection_file.FILE_NAME).write_text(text)
            self.assertIsNone(connection_file.read())

    def test_an_engine_withdraws_its_own_only(self):
        self.hold_engine_lock()
        connection_file.write(self.FOUND)
        connection_file.remove("two")
        self.assertEqual(connection_file.read(), self.FOUND)
        connection_file.remove("one")
        self.assertIsNone(connection_file.read())

    @unittest.skipIf(os.name == "nt", "POSIX permissions")
    def test_a_folder_that_others_can_write_to_keeps_no_token(self):
        self.folder.chmod(0o770)
        with self.assertRaises(UnsafeFolder):
            connection_file.runtime_folder()
        self.folder.chmod(0o700)
        link = self.folder.with_name("link")
        link.symlink_to(self.folder)
        os.environ["AAN_RUNTIME_DIR"] = str(link)
        with self.assertRaises(UnsafeFolder):
            connection_file.runtime_folder()

    def test_a_lock_is_held_by_one(self):
        path = self.folder / "a.lock"
        self.assertFalse(connection_file.is_locked(path))
        lock = connection_file.try_lock(path)
        self.assertTrue(connection_file.is_locked(path))
        self.assertIsNone(connection_file.try_lock(path))
        lock.close()
        self.assertFalse(connection_file.is_locked(path))


class Starting(InARuntimeFolder):
    def test_where_none_runs_one_is_started_and_then_found(self):
        self.assertIsNone(launch.find())
        client = self.launch()
        self.assertEqual(self.starts(), [str(client.connection.pid)])
        again = launch.find()
        self.addCleanup(again.close)
        self.assertEqual(again.session, client.session)
        self.assertEqual(self.launch().session, client.session)
        self.assertEqual(len(self.starts()), 1)

    @unittest.skipIf(os.name == "nt", "POSIX sessions")
    def test_the_engine_is_detached_from_the_host(self):
        self.assertNotEqual(os.getsid(self.launch().connection.pid), os.getsid(0))

    def test_hosts_that_start_at_once_start_one_engine(self):
        starts = [launch.EngineLaunch(name=str(n)) for n in range(3)]
        clients = [None] * 3
        end = time.monotonic() + 20
        while not all(clients):
            clients = [client or start.poll() for client, start in zip(clients, starts)]
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        for client in clients:
            self.addCleanup(client.close)
        self.assertEqual(len({client.session for client in clients}), 1)
        self.assertEqual(len(self.starts()), 1)

    def test_an_engine_that_dies_on_its_way_says_why(self):
        with self.assertRaises(EngineStartFailed) as caught:
            self.launch("dies")
        self.assertIn("no weights in the house", caught.exception.reason)
        self.assertIn("exit code 1", caught.exception.reason)
        self.assertIn(str(launch.log_file()), caught.exception.hint)
        self.assertIsNotNone(self.launch().session, "the start lock was not let go")

    def test_an_engine_that_does_not_come_up_is_given_up_and_stopped(self):
        with self.assertRaises(EngineStartFailed) as caught:
            self.launch("sleeps", timeout=1.0)
        self.assertIn("did not come up", caught.exception.reason)
        self.assertIsNotNone(launch._started[-1].wait(10))

    def test_a_python_that_is_not_there_is_named(self):
        with self.assertRaises(EngineStartFailed) as caught:
            self.launch(python="/nowhere/python")
        self.assertIn("/nowhere/python", caught.exception.reason)
        self.assertFalse(connection_file.is_locked(self.folder / connection_file.START_LOCK))

    def test_an_engine_that_speaks_no_version_of_ours_is_no_reason_to_start_another(self):
        for _ in range(2):
            with self.assertRaises(EngineRefused) as caught:
                self.launch("foreign")
            self.assertEqual(caught.exception.code, "version")
        self.assertEqual(len(self.starts()), 1)

    @unittest.skipIf(os.name == "nt", "POSIX signals")
    def test_a_killed_engine_is_replaced(self):
        first = self.launch()
        os.kill(first.connection.pid, signal.SIGKILL)
        launch._started[-1].wait()
        second = self.launch()
        self.assertNotEqual(first.session, second.session)

    def test_the_environment_names_the_engine_s_python(self):
        os.environ["AAN_ENGINE"] = "/nowhere/else"
        with self.assertRaises(EngineStartFailed) as caught:
            self.launch()
        self.assertIn("/nowhere/else", caught.exception.reason)


if __name__ == "__main__":
    unittest.main()
