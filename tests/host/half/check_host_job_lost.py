"""A job whose engine is lost, or whose host was closed meanwhile: it says so, and goes on once it can."""

import dataclasses
import time
import unittest

from host_half import job_handle
from host_half.engine_monitor import Presence
from host_half.errors import ProtocolError
from host_half.job_handle import JobHandle
from host_half.job_status import JobPhase
from host_half.protocol import JobState, Refused, Snapshot, Submit, Watch

from hosting import OUTPUT, SPEC, InAHost, absent


class Losing(InAHost):
    def test_a_lost_engine_is_said_with_what_to_do(self):
        self.begin(frames=[1001])
        self.die()
        self.until(JobPhase.LOST)
        self.assertIs(self.monitor.state.presence, Presence.LOST)
        self.assertIn("does not answer", self.status.reason)
        self.assertIn("finished frames are kept", self.status.hint)
        self.assertEqual(self.status.frames, (1001,))

    def test_an_engine_that_was_only_asleep_is_watched_on(self):
        self.begin(frames=[1001])
        silent, self.engine = self.engine, None
        self.until(JobPhase.LOST)
        self.engine = silent
        request, watch = self.heard(Watch)
        self.assertEqual(watch, Watch("job-1"))
        self.engine.say(Snapshot(JobState("job-1", "running", "p", OUTPUT, 3, 4), (1001, 1002, 1003)), request)
        self.until(JobPhase.RUNNING)
        self.assertEqual(self.frames, [1001, 1002, 1003], "each frame is news once")

    def test_a_restarted_engine_gets_the_job_again(self):
        self.begin(frames=[1001])
        self.die()
        self.until(JobPhase.LOST)
        self.live("two")
        self.accept("job-9", cached=1)
        self.assertEqual(self.host_job.handle.job, "job-9")
        self.say_frame(1001, "job-9")
        self.until(JobPhase.RUNNING)

    def test_a_job_that_was_not_accepted_yet_is_handed_over_again(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        self.heard(Submit)
        self.die()
        self.until(JobPhase.LOST)
        self.live("two")
        self.accept("job-9")

    def test_without_an_engine_installed_the_reason_says_so(self):
        self.python = absent
        self.host_job.start(SPEC, OUTPUT)
        self.tick()
        self.assertIs(self.status.phase, JobPhase.ABSENT)
        self.assertEqual((self.status.reason, self.status.hint), ("the engine is not installed", "Install it."))

    def test_an_engine_that_runs_is_enough_wherever_it_is_installed(self):
        self.python = absent
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        self.accept()

    def test_an_engine_that_cannot_be_started_fails_the_job_with_the_reason(self):
        self.host_job.start(SPEC, OUTPUT)
        self.until(JobPhase.FAILED)
        self.assertIn("/nowhere/python cannot be run", self.status.reason)

    def test_an_engine_of_another_version_is_no_engine_and_the_hint_says_which_side_to_update(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        for _ in range(3):
            self.tick()
        request, _ = self.engine.hear()
        self.engine.say(Refused("version", "the host speaks 1, the engine 2", "Update the host's plug-in."), request)
        silent, self.engine = self.engine, None
        self.until(JobPhase.FAILED)
        self.assertEqual(self.status.hint, "Update the host's plug-in.")
        self.assertIs(self.monitor.state.presence, Presence.REFUSED)
        for _ in range(20):
            self.tick()
            time.sleep(0.005)
        self.assertTrue(silent.hears_nothing(), "it is not asked over and over")


class ComingBack(InAHost):
    """After the artist's file was saved in mid-job, closed and opened again."""

    HANDLE = JobHandle(SPEC, OUTPUT, "job-1")

    def snapshot(self, state, **more):
        request, watch = self.heard(Watch)
        self.assertEqual(watch, Watch("job-1"))
        told = JobState("job-1", state, SPEC.plate, OUTPUT, 2, 4, **more)
        self.engine.say(Snapshot(told, (1001, 1002)), request)
        self.until(JobPhase[state.upper()])

    def test_a_job_that_goes_on_is_watched_on(self):
        self.live()
        self.host_job.reconnect(self.HANDLE)
        self.snapshot("running", stage="fill", step=2, steps=4)
        self.assertEqual((self.frames, self.status.total, self.status.stage), ([1001, 1002], 4, "fill"))
        self.say_frame(1003)
        self.look_until(lambda: self.status.done == 3)

    def test_a_job_that_ended_meanwhile_tells_how(self):
        self.live()
        self.host_job.reconnect(self.HANDLE)
        self.snapshot("finished", unseen=0.5, worst=(1002,), report="r.json", keys=(1001,))
        self.assertEqual((self.status.unseen, self.status.worst, self.status.report), (0.5, (1002,), "r.json"))
        self.assertEqual(self.status.keys, (1001,))
        self.host_job.reconnect(self.HANDLE)
        self.snapshot("failed", reason="the disk is full", hint="Make room.")
        self.assertEqual((self.status.reason, self.status.hint), ("the disk is full", "Make room."))

    def test_a_job_that_no_engine_knows_starts_no_work_by_itself(self):
        self.live()
        self.host_job.reconnect(self.HANDLE)
        request, _ = self.heard(Watch)
        self.engine.say(Refused("unknown-job", "there is no job job-1"), request)
        self.look_until(lambda: "does not know the job" in self.status.reason)
        self.assertIs(self.status.phase, JobPhase.LOST)
        self.assertIn("clean again", self.status.hint)
        self.host_job.start(SPEC, OUTPUT)
        self.accept("job-2", cached=2)

    def test_without_an_engine_it_says_so_and_goes_on_watching_once_there_is_one(self):
        self.host_job.reconnect(self.HANDLE)
        self.look_until(lambda: self.monitor.state.presence is Presence.ASLEEP)
        self.assertIs(self.status.phase, JobPhase.LOST)
        self.live()
        self.snapshot("running")

    def test_an_engine_that_is_lost_while_watching_and_comes_back_as_another_starts_no_work(self):
        self.live()
        self.host_job.reconnect(self.HANDLE)
        self.snapshot("running")
        self.die()
        self.until(JobPhase.LOST)
        self.live("two")
        self.assertEqual(self.heard(Watch)[1], Watch("job-1"))

    def test_a_handle_comes_back_from_its_text_as_it_was(self):
        for kept in (self.HANDLE, dataclasses.replace(self.HANDLE, output="/s/\udcff.exr", job="")):
            text = kept.text()
            self.assertTrue(text.isascii() and "\n" not in text)
            self.assertEqual(job_handle.read(text), kept)
        for broken in ("", "{", "[]", '{"spec": {}}'):
            with self.assertRaises(ProtocolError):
                job_handle.read(broken)


if __name__ == "__main__":
    unittest.main()
