"""A job from the button to the last frame against a strict hand-written engine, and what stops it."""

import time
import unittest

from host_half.errors import HostError
from host_half.host_job import HostJob
from host_half.job_status import JobPhase
from host_half.protocol import Accepted, Cancel, Cancelled, Done, Failed, Finished, Progress, Refused, Submit

from hosting import OUTPUT, SPEC, InAHost


class TheOrdinaryWay(InAHost):
    def test_from_the_button_to_the_last_frame(self):
        self.live()
        self.assertIs(self.status.phase, JobPhase.IDLE)
        self.host_job.start(SPEC, OUTPUT)
        self.accept(cached=1)
        self.assertEqual((self.status.job, self.status.total, self.status.release), ("job-1", 4, "9.9"))
        self.engine.say(Progress("job-1", "look", 2, 4))
        self.until(JobPhase.RUNNING)
        self.assertEqual((self.status.stage, self.status.step, self.status.steps), ("look", 2, 4))
        for frame in (1002, 1001, 1003, 1004):
            self.say_frame(frame)
        self.look_until(lambda: self.status.done == 4)
        self.assertEqual(self.frames, [1002, 1001, 1003, 1004], "news come in the order of their making")
        self.assertEqual(self.status.frames, (1001, 1002, 1003, 1004))
        self.assertEqual(self.status.path(1002), "/s/out/o.1002.exr")
        self.engine.say(Finished("job-1", 4, 0.25, (1003, 1001), "/s/out/o.report.json", (1002,)))
        self.until(JobPhase.FINISHED)
        self.assertEqual((self.status.unseen, self.status.worst, self.status.keys), (0.25, (1003, 1001), (1002,)))
        self.assertEqual(self.status.report, "/s/out/o.report.json")
        self.assertFalse(self.status.active)

    def test_a_job_that_waits_says_behind_how_many_and_is_not_in_work(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        self.accept()
        self.engine.say(Progress("job-1", "queued", 0, 2))
        self.look_until(lambda: self.status.stage == "queued")
        self.assertEqual((self.status.phase, self.status.steps), (JobPhase.QUEUED, 2))
        self.engine.say(Progress("job-1", "look", 1, 4))
        self.until(JobPhase.RUNNING)

    def test_what_was_understood_is_known_from_the_first_step_to_the_end(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        self.accept()
        self.engine.say(Progress("job-1", "look", 1, 4, 0.1, "4 frames", ("the matte hides nothing",)))
        self.until(JobPhase.RUNNING)
        self.assertEqual((self.status.inputs, self.status.warnings), ("4 frames", ("the matte hides nothing",)))
        self.engine.say(Finished("job-1", 4, inputs="4 frames", warnings=("the matte is inverted",)))
        self.until(JobPhase.FINISHED)
        self.assertEqual((self.status.inputs, self.status.warnings), ("4 frames", ("the matte is inverted",)))

    def test_a_tick_tells_of_changes_only(self):
        self.begin(frames=[1001])
        self.tick()
        self.assertFalse(any(self.tick().changed for _ in range(20)))
        self.say_frame(1002)
        time.sleep(0.02)
        tick = self.tick()
        self.assertEqual((tick.changed, tick.frames), (True, (1002,)))
        self.assertEqual(self.tick().frames, ())

    def test_no_tick_takes_longer_than_a_host_has_time_for(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        self.accept(total=900)
        for frame in range(900):
            self.say_frame(frame)
        time.sleep(0.1)
        self.slowest = 0.0
        self.look_until(lambda: self.status.done == 900)
        self.assertGreater(self.slowest, 0.0)
        self.assertLess(self.slowest, 0.005)

    def test_the_time_left_is_told_once_there_are_frames_to_tell_it_by(self):
        self.begin()
        for self.now, frame in ((10.0, 1001), (20.0, 1002), (30.0, 1003)):
            self.assertIsNone(self.status.seconds_left)
            self.say_frame(frame)
            self.look_until(lambda frame=frame: frame in self.status.frames)
        self.assertEqual(self.status.seconds_left, 10)
        self.engine.say(Failed("job-1", "plate-unreadable", "the file breaks off", "Render it again."))
        self.until(JobPhase.FAILED)
        self.assertIsNone(self.status.seconds_left)

    def test_a_failure_has_its_reason_and_hint(self):
        self.begin()
        self.engine.say(Failed("job-1", "plate-unreadable", "the file breaks off", "Render it again."))
        self.until(JobPhase.FAILED)
        self.assertEqual((self.status.reason, self.status.hint), ("the file breaks off", "Render it again."))

    def test_a_refusal_has_its_reason_and_hint(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        request, _ = self.heard(Submit)
        self.engine.say(Refused("sequence", "no file matches", "Check the path."), request)
        self.until(JobPhase.FAILED)
        self.assertEqual((self.status.reason, self.status.hint), ("no file matches", "Check the path."))

    def test_after_the_end_the_next_job_begins_afresh(self):
        self.begin(frames=[1001])
        with self.assertRaises(HostError):
            self.host_job.start(SPEC, OUTPUT)
        self.engine.say(Finished("job-1", 4, 0.5, (1,), "r"))
        self.until(JobPhase.FINISHED)
        self.host_job.start(SPEC, OUTPUT)
        self.accept("job-2")
        self.assertEqual((self.status.frames, self.status.worst, self.status.report), ((), (), ""))

    def test_two_jobs_share_the_engine_and_hear_of_their_own_only(self):
        self.begin()
        other = HostJob(self.monitor)
        other.start(SPEC, OUTPUT)
        request, _ = self.heard(Submit)
        self.engine.say(Accepted("job-2", OUTPUT, 9), request)
        self.say_frame(7, "job-2")
        self.say_frame(1001)
        self.look_until(lambda: self.status.frames == (1001,))
        self.assertEqual((other.tick().frames, other.status.job), ((7,), "job-2"))
        other.close()
        self.say_frame(8, "job-2")
        time.sleep(0.02)
        self.tick()
        self.assertEqual(other.tick().frames, ())


class Cancelling(InAHost):
    def test_it_stops_after_the_frame_in_work(self):
        self.begin(frames=[1001])
        self.host_job.cancel()
        self.assertIs(self.status.phase, JobPhase.CANCELLING)
        request, cancel = self.heard(Cancel)
        self.assertEqual(cancel, Cancel("job-1"))
        self.engine.say(Done(), request)
        self.say_frame(1002)
        self.look_until(lambda: self.status.done == 2)
        self.assertIs(self.status.phase, JobPhase.CANCELLING)
        self.engine.say(Cancelled("job-1"))
        self.until(JobPhase.CANCELLED)
        self.assertEqual(self.status.frames, (1001, 1002), "what is finished stays")

    def test_insisting_is_said_again(self):
        self.begin()
        for _ in range(2):
            self.host_job.cancel()
            self.heard(Cancel)

    def test_what_ended_meanwhile_stays_ended(self):
        self.begin()
        self.engine.say(Finished("job-1", 4))
        self.host_job.cancel()
        request, _ = self.heard(Cancel)
        self.engine.say(Refused("ended", "it is finished already"), request)
        self.until(JobPhase.FINISHED)
        for _ in range(5):
            time.sleep(0.005)
            self.tick()
        self.assertIs(self.status.phase, JobPhase.FINISHED)

    def test_before_it_has_a_name_it_is_stopped_as_soon_as_it_has_one(self):
        self.live()
        self.host_job.start(SPEC, OUTPUT)
        request, _ = self.heard(Submit)
        self.host_job.cancel()
        self.engine.say(Accepted("job-1", OUTPUT, 4), request)
        self.assertEqual(self.heard(Cancel)[1], Cancel("job-1"))

    def test_while_the_engine_is_lost_it_is_stopped_once_the_same_one_is_back(self):
        self.begin(frames=[1001])
        silent, self.engine = self.engine, None
        self.until(JobPhase.LOST)
        self.host_job.cancel()
        self.assertIs(self.status.phase, JobPhase.CANCELLED)
        self.engine = silent
        self.assertEqual(self.heard(Cancel)[1], Cancel("job-1"))
        self.say_frame(1002)
        time.sleep(0.02)
        self.tick()
        self.assertIs(self.status.phase, JobPhase.CANCELLED)


if __name__ == "__main__":
    unittest.main()
