"""An errand from the button to the last frame against a strict hand-written engine, and all that may come between."""

import dataclasses
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path

from host_half import client as client_module
from host_half import connection, contact, ticket
from host_half.contact import Contact, Presence
from host_half.errand import Errand, Phase
from host_half.errors import EngineAbsent, HostError, ProtocolError
from host_half.protocol import (
    Accepted,
    Cancel,
    Cancelled,
    Done,
    Failed,
    Finished,
    FrameReady,
    Hello,
    JobSpec,
    JobState,
    Progress,
    Refused,
    Snapshot,
    Submit,
    Watch,
)
from host_half.ticket import Ticket

from engine import Engine

SPEC = JobSpec("/s/p.####.exr", "/s/m.exr", grow=2.5, clean="/s/c.exr")
OUTPUT = "/s/out/o.####.exr"


def absent():
    raise EngineAbsent("the engine is not installed", hint="Install it.")


class InAHost(unittest.TestCase):
    """A host with a timer; `engine` lives and can be found."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        before = os.environ.get("AAN_RUNTIME_DIR")
        self.addCleanup(lambda: os.environ.__setitem__("AAN_RUNTIME_DIR", before) if before else None)
        os.environ["AAN_RUNTIME_DIR"] = str(Path(holder.name) / "run")
        pace = (client_module.QUIET, client_module.PATIENCE, contact.LOOK)
        self.addCleanup(self.set_pace, *pace)
        self.set_pace(0.05, 0.15, 0.02)
        self.now = 0.0
        self.slowest = 0.0
        self.frames = []
        self.contact = Contact(name="a test", python=lambda: self.python())
        self.addCleanup(self.contact.close)
        self.errand = Errand(self.contact, clock=lambda: self.now)
        self.engine = None

    python = staticmethod(lambda: "/nowhere/python")

    def set_pace(self, quiet, patience, look):
        client_module.QUIET, client_module.PATIENCE, contact.LOOK = quiet, patience, look

    def live(self, session="one"):
        self.engine = Engine(session)
        self.addCleanup(self.engine.close)
        self.engine.announce()

    def die(self):
        self.engine.close()
        self.engine = None

    @property
    def standing(self):
        return self.errand.standing

    def tick(self):
        started = time.thread_time()  # what else the machine does is not the errand's to answer for
        tick = self.errand.tick()
        self.slowest = max(self.slowest, time.thread_time() - started)
        self.frames += tick.frames
        return tick

    def until(self, *phases):
        """Tick until the errand is in one of these phases; an engine that lives answers greetings meanwhile."""
        self.look_until(lambda: self.standing.phase in phases)

    def look_until(self, seen):
        end = time.monotonic() + 5
        while True:
            self.tick()
            if seen():
                return
            self.assertLess(time.monotonic(), end, (self.standing, self.contact.state))
            time.sleep(0.002)
            if self.engine is not None and self.engine.is_greeted():
                self.engine.welcome()

    def heard(self, kind):
        """The next request that is no greeting; its number and itself."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self.tick()
            if self.engine.router.poll(2):
                request, message = self.engine.hear()
                if not isinstance(message, Hello):
                    self.assertIsInstance(message, kind)
                    return request, message
                self.engine.greet(request)
        self.fail("nothing was said")

    def accept(self, job="job-1", *, total=4, cached=0):
        request, submit = self.heard(Submit)
        self.assertEqual(submit, Submit(SPEC, OUTPUT))
        self.engine.say(Accepted(job, OUTPUT, total, cached), request)
        self.until(Phase.QUEUED)

    def begin(self, *, frames=()):
        """An accepted job with these frames done."""
        self.live()
        self.errand.start(SPEC, OUTPUT)
        self.accept()
        for frame in frames:
            self.say_frame(frame)
        if frames:
            self.look_until(lambda: self.standing.frames == tuple(frames))

    def say_frame(self, frame, job="job-1"):
        self.engine.say(FrameReady(job, frame, "/s/out/o.%d.exr" % frame))


class TheOrdinaryWay(InAHost):
    def test_from_the_button_to_the_last_frame(self):
        self.live()
        self.assertIs(self.standing.phase, Phase.IDLE)
        self.errand.start(SPEC, OUTPUT)
        self.accept(cached=1)
        self.assertEqual((self.standing.job, self.standing.total, self.standing.release), ("job-1", 4, "9.9"))
        self.engine.say(Progress("job-1", "look", 2, 4))
        self.until(Phase.RUNNING)
        self.assertEqual((self.standing.stage, self.standing.step, self.standing.steps), ("look", 2, 4))
        for frame in (1002, 1001, 1003, 1004):
            self.say_frame(frame)
        self.look_until(lambda: self.standing.done == 4)
        self.assertEqual(self.frames, [1002, 1001, 1003, 1004], "news come in the order of their making")
        self.assertEqual(self.standing.frames, (1001, 1002, 1003, 1004))
        self.assertEqual(self.standing.path(1002), "/s/out/o.1002.exr")
        self.engine.say(Finished("job-1", 4, 0.25, (1003, 1001), "/s/out/o.report.json"))
        self.until(Phase.FINISHED)
        self.assertEqual((self.standing.unseen, self.standing.worst), (0.25, (1003, 1001)))
        self.assertEqual(self.standing.report, "/s/out/o.report.json")
        self.assertFalse(self.standing.active)

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
        self.errand.start(SPEC, OUTPUT)
        self.accept(total=900)
        for frame in range(900):
            self.say_frame(frame)
        time.sleep(0.1)
        self.slowest = 0.0
        self.look_until(lambda: self.standing.done == 900)
        self.assertGreater(self.slowest, 0.0)
        self.assertLess(self.slowest, 0.005)

    def test_the_time_left_is_told_once_there_are_frames_to_tell_it_by(self):
        self.begin()
        for self.now, frame in ((10.0, 1001), (20.0, 1002), (30.0, 1003)):
            self.assertIsNone(self.standing.seconds_left)
            self.say_frame(frame)
            self.look_until(lambda frame=frame: frame in self.standing.frames)
        self.assertEqual(self.standing.seconds_left, 10)
        self.engine.say(Failed("job-1", "plate-unreadable", "the file breaks off", "Render it again."))
        self.until(Phase.FAILED)
        self.assertIsNone(self.standing.seconds_left)

    def test_a_failure_has_its_reason_and_hint(self):
        self.begin()
        self.engine.say(Failed("job-1", "plate-unreadable", "the file breaks off", "Render it again."))
        self.until(Phase.FAILED)
        self.assertEqual((self.standing.reason, self.standing.hint), ("the file breaks off", "Render it again."))

    def test_a_refusal_has_its_reason_and_hint(self):
        self.live()
        self.errand.start(SPEC, OUTPUT)
        request, _ = self.heard(Submit)
        self.engine.say(Refused("sequence", "no file matches", "Check the path."), request)
        self.until(Phase.FAILED)
        self.assertEqual((self.standing.reason, self.standing.hint), ("no file matches", "Check the path."))

    def test_after_the_end_the_next_job_begins_afresh(self):
        self.begin(frames=[1001])
        with self.assertRaises(HostError):
            self.errand.start(SPEC, OUTPUT)
        self.engine.say(Finished("job-1", 4, 0.5, (1,), "r"))
        self.until(Phase.FINISHED)
        self.errand.start(SPEC, OUTPUT)
        self.accept("job-2")
        self.assertEqual((self.standing.frames, self.standing.worst, self.standing.report), ((), (), ""))

    def test_two_errands_share_the_engine_and_hear_of_their_own_only(self):
        self.begin()
        other = Errand(self.contact)
        other.start(SPEC, OUTPUT)
        request, _ = self.heard(Submit)
        self.engine.say(Accepted("job-2", OUTPUT, 9), request)
        self.say_frame(7, "job-2")
        self.say_frame(1001)
        self.look_until(lambda: self.standing.frames == (1001,))
        self.assertEqual((other.tick().frames, other.standing.job), ((7,), "job-2"))
        other.close()
        self.say_frame(8, "job-2")
        time.sleep(0.02)
        self.tick()
        self.assertEqual(other.tick().frames, ())


class Cancelling(InAHost):
    def test_it_stops_after_the_frame_in_work(self):
        self.begin(frames=[1001])
        self.errand.cancel()
        self.assertIs(self.standing.phase, Phase.CANCELLING)
        request, cancel = self.heard(Cancel)
        self.assertEqual(cancel, Cancel("job-1"))
        self.engine.say(Done(), request)
        self.say_frame(1002)
        self.look_until(lambda: self.standing.done == 2)
        self.assertIs(self.standing.phase, Phase.CANCELLING)
        self.engine.say(Cancelled("job-1"))
        self.until(Phase.CANCELLED)
        self.assertEqual(self.standing.frames, (1001, 1002), "what is finished stays")

    def test_insisting_is_said_again(self):
        self.begin()
        for _ in range(2):
            self.errand.cancel()
            self.heard(Cancel)

    def test_what_ended_meanwhile_stays_ended(self):
        self.begin()
        self.engine.say(Finished("job-1", 4))
        self.errand.cancel()
        request, _ = self.heard(Cancel)
        self.engine.say(Refused("ended", "it is finished already"), request)
        self.until(Phase.FINISHED)
        for _ in range(5):
            time.sleep(0.005)
            self.tick()
        self.assertIs(self.standing.phase, Phase.FINISHED)

    def test_before_it_has_a_name_it_is_stopped_as_soon_as_it_has_one(self):
        self.live()
        self.errand.start(SPEC, OUTPUT)
        request, _ = self.heard(Submit)
        self.errand.cancel()
        self.engine.say(Accepted("job-1", OUTPUT, 4), request)
        self.assertEqual(self.heard(Cancel)[1], Cancel("job-1"))

    def test_while_the_engine_is_lost_it_is_stopped_once_the_same_one_is_back(self):
        self.begin(frames=[1001])
        silent, self.engine = self.engine, None
        self.until(Phase.LOST)
        self.errand.cancel()
        self.assertIs(self.standing.phase, Phase.CANCELLED)
        self.engine = silent
        self.assertEqual(self.heard(Cancel)[1], Cancel("job-1"))
        self.say_frame(1002)
        time.sleep(0.02)
        self.tick()
        self.assertIs(self.standing.phase, Phase.CANCELLED)


class Losing(InAHost):
    def test_a_lost_engine_is_said_with_what_to_do(self):
        self.begin(frames=[1001])
        self.die()
        self.until(Phase.LOST)
        self.assertIs(self.contact.state.presence, Presence.LOST)
        self.assertIn("does not answer", self.standing.reason)
        self.assertIn("finished frames are kept", self.standing.hint)
        self.assertEqual(self.standing.frames, (1001,))

    def test_an_engine_that_was_only_asleep_is_watched_on(self):
        self.begin(frames=[1001])
        silent, self.engine = self.engine, None
        self.until(Phase.LOST)
        self.engine = silent
        request, watch = self.heard(Watch)
        self.assertEqual(watch, Watch("job-1"))
        self.engine.say(Snapshot(JobState("job-1", "running", "p", OUTPUT, 3, 4), (1001, 1002, 1003)), request)
        self.until(Phase.RUNNING)
        self.assertEqual(self.frames, [1001, 1002, 1003], "each frame is news once")

    def test_a_restarted_engine_gets_the_job_again(self):
        self.begin(frames=[1001])
        self.die()
        self.until(Phase.LOST)
        self.live("two")
        self.accept("job-9", cached=1)
        self.assertEqual(self.errand.ticket.job, "job-9")
        self.say_frame(1001, "job-9")
        self.until(Phase.RUNNING)

    def test_a_job_that_was_not_accepted_yet_is_handed_over_again(self):
        self.live()
        self.errand.start(SPEC, OUTPUT)
        self.heard(Submit)
        self.die()
        self.until(Phase.LOST)
        self.live("two")
        self.accept("job-9")

    def test_without_an_engine_installed_the_reason_says_so(self):
        self.python = absent
        self.errand.start(SPEC, OUTPUT)
        self.tick()
        self.assertIs(self.standing.phase, Phase.ABSENT)
        self.assertEqual((self.standing.reason, self.standing.hint), ("the engine is not installed", "Install it."))

    def test_an_engine_that_runs_is_enough_wherever_it_is_installed(self):
        self.python = absent
        self.live()
        self.errand.start(SPEC, OUTPUT)
        self.accept()

    def test_an_engine_that_cannot_be_started_fails_the_job_with_the_reason(self):
        self.errand.start(SPEC, OUTPUT)
        self.until(Phase.FAILED)
        self.assertIn("/nowhere/python cannot be run", self.standing.reason)

    def test_an_engine_of_another_version_is_no_engine_and_the_hint_says_which_side_to_update(self):
        self.live()
        self.errand.start(SPEC, OUTPUT)
        for _ in range(3):
            self.tick()
        request, _ = self.engine.hear()
        self.engine.say(Refused("version", "the host speaks 1, the engine 2", "Update the host's plug-in."), request)
        silent, self.engine = self.engine, None
        self.until(Phase.FAILED)
        self.assertEqual(self.standing.hint, "Update the host's plug-in.")
        self.assertIs(self.contact.state.presence, Presence.REFUSED)
        for _ in range(20):
            self.tick()
            time.sleep(0.005)
        self.assertTrue(silent.hears_nothing(), "it is not asked over and over")


class ComingBack(InAHost):
    """After the artist's file was saved in mid-job, closed and opened again."""

    TICKET = Ticket(SPEC, OUTPUT, "job-1")

    def snapshot(self, state, **more):
        request, watch = self.heard(Watch)
        self.assertEqual(watch, Watch("job-1"))
        told = JobState("job-1", state, SPEC.plate, OUTPUT, 2, 4, **more)
        self.engine.say(Snapshot(told, (1001, 1002)), request)
        self.until(Phase[state.upper()])

    def test_a_job_that_goes_on_is_watched_on(self):
        self.live()
        self.errand.reconnect(self.TICKET)
        self.snapshot("running", stage="fill", step=2, steps=4)
        self.assertEqual((self.frames, self.standing.total, self.standing.stage), ([1001, 1002], 4, "fill"))
        self.say_frame(1003)
        self.look_until(lambda: self.standing.done == 3)

    def test_a_job_that_ended_meanwhile_tells_how(self):
        self.live()
        self.errand.reconnect(self.TICKET)
        self.snapshot("finished", unseen=0.5, worst=(1002,), report="r.json")
        self.assertEqual((self.standing.unseen, self.standing.worst, self.standing.report), (0.5, (1002,), "r.json"))
        self.errand.reconnect(self.TICKET)
        self.snapshot("failed", reason="the disk is full", hint="Make room.")
        self.assertEqual((self.standing.reason, self.standing.hint), ("the disk is full", "Make room."))

    def test_a_job_that_no_engine_knows_starts_no_work_by_itself(self):
        self.live()
        self.errand.reconnect(self.TICKET)
        request, _ = self.heard(Watch)
        self.engine.say(Refused("unknown-job", "there is no job job-1"), request)
        self.look_until(lambda: "does not know the job" in self.standing.reason)
        self.assertIs(self.standing.phase, Phase.LOST)
        self.assertIn("clean again", self.standing.hint)
        self.errand.start(SPEC, OUTPUT)
        self.accept("job-2", cached=2)

    def test_without_an_engine_it_says_so_and_goes_on_watching_once_there_is_one(self):
        self.errand.reconnect(self.TICKET)
        self.look_until(lambda: self.contact.state.presence is Presence.ASLEEP)
        self.assertIs(self.standing.phase, Phase.LOST)
        self.live()
        self.snapshot("running")

    def test_an_engine_that_is_lost_while_watching_and_comes_back_as_another_starts_no_work(self):
        self.live()
        self.errand.reconnect(self.TICKET)
        self.snapshot("running")
        self.die()
        self.until(Phase.LOST)
        self.live("two")
        self.assertEqual(self.heard(Watch)[1], Watch("job-1"))

    def test_a_ticket_comes_back_from_its_text_as_it_was(self):
        for kept in (self.TICKET, dataclasses.replace(self.TICKET, output="/s/\udcff.exr", job="")):
            text = kept.text()
            self.assertTrue(text.isascii() and "\n" not in text)
            self.assertEqual(ticket.read(text), kept)
        for broken in ("", "{", "[]", '{"spec": {}}'):
            with self.assertRaises(ProtocolError):
                ticket.read(broken)


class WithoutAJob(InAHost):
    """What the panel shows of the engine before anything is cleaned."""

    def test_an_engine_that_runs_is_found_and_its_release_told(self):
        self.live()
        self.look_until(lambda: self.contact.ready)
        self.assertEqual(self.contact.state.release, "9.9")

    def test_one_that_is_installed_but_does_not_run_and_one_that_is_not_installed(self):
        self.look_until(lambda: self.contact.state.presence is Presence.ASLEEP)
        self.python = absent
        self.contact.look_again()
        self.look_until(lambda: self.contact.state.presence is Presence.ABSENT)
        self.assertEqual(self.contact.state.hint, "Install it.")

    def test_one_that_someone_else_starts_is_noticed(self):
        self.look_until(lambda: self.contact.state.presence is Presence.ASLEEP)
        self.live()
        self.look_until(lambda: self.contact.ready)

    @unittest.skipIf(os.name == "nt", "POSIX permissions")
    def test_a_runtime_folder_that_others_can_write_to_is_a_reason(self):
        connection.runtime_folder().chmod(0o777)
        self.look_until(lambda: self.contact.state.presence is Presence.FAILED)
        self.assertIn("open to others", self.contact.state.reason)

    def test_a_python_without_the_engine_is_told_from_a_broken_one(self):
        self.python = lambda: sys.executable
        self.contact.start()
        self.assertIs(self.contact.state.presence, Presence.STARTING)
        self.look_until(lambda: self.contact.state.presence is Presence.FAILED)
        self.assertIn("does not have the engine", self.contact.state.reason)
        self.assertIn("pip", self.contact.state.hint)

    def test_closing_leaves_nothing_behind(self):
        self.live()
        self.look_until(lambda: self.contact.ready)
        self.contact.close()
        self.assertEqual(self.contact.state.presence, Presence.UNKNOWN)


if __name__ == "__main__":
    unittest.main()
