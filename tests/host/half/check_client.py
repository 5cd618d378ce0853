"""The client against a strict hand-written engine on the same thread: requests, arrivals, silence, loss and return."""

import time
import unittest

from host_half import engine_socket
from host_half.client import Client
from host_half.client_events import EngineBack, EngineLost, ReceivedMessage, UnreadableMessage
from host_half.errors import EngineGone, EngineRefused
from host_half.protocol import (
    HIGHEST,
    LOWEST,
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
    Shutdown,
    Snapshot,
    State,
    Status,
    Submit,
    Watch,
    Welcome,
)

from engine import Engine

SPEC = JobSpec("/s/p.####.exr", "/s/m.exr")


class WithEngine(unittest.TestCase):
    def setUp(self):
        self.pace = (engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT, engine_socket.RECEIVE_BUDGET)
        self.addCleanup(self.restore_pace)
        self.engine = Engine()
        self.addCleanup(self.engine.close)
        self.found = self.engine.connection
        self.client = Client(self.engine.connection, name="a test", lookup=lambda: self.found)
        self.addCleanup(self.client.close)

    def restore_pace(self):
        engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT, engine_socket.RECEIVE_BUDGET = self.pace

    def hurry(self):
        """Silence is noticed within a tenth of a second."""
        engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT = 0.05, 0.1

    def linger(self):
        """One look takes all that lies there, however busy the machine is."""
        engine_socket.RECEIVE_BUDGET = 5.0

    def get_in(self):
        self.engine.welcome()
        self.assertIsInstance(self.arrive(1)[0].message, Welcome)

    def arrive(self, count):
        """Poll until so many arrivals have come."""
        arrivals, end = [], time.monotonic() + 5
        while len(arrivals) < count:
            arrivals += self.client.poll()
            self.assertLess(time.monotonic(), end, arrivals)
            time.sleep(0.002)
        self.assertEqual(len(arrivals), count, arrivals)
        return arrivals


class Talking(WithEngine):
    def test_hello_comes_first_with_token_and_versions(self):
        self.client.status()
        self.assertEqual(self.engine.hear()[1], Hello(LOWEST, HIGHEST, "t0ken", "a test"))
        self.assertEqual(self.engine.hear()[1], Status())

    def test_the_welcome_names_session_and_version(self):
        self.assertIsNone(self.client.session)
        self.get_in()
        self.assertEqual((self.client.session, self.client.version), ("one", HIGHEST))

    def test_there_is_one_method_for_each_request(self):
        self.get_in()
        numbers = [
            self.client.submit(SPEC, output="/s/o.####.exr"),
            self.client.cancel("x"),
            self.client.watch("x"),
            self.client.status(),
            self.client.shutdown(),
        ]
        requests = [Submit(SPEC, "/s/o.####.exr"), Cancel("x"), Watch("x"), Status(), Shutdown()]
        self.assertEqual([self.engine.hear() for _ in numbers], list(zip(numbers, requests)))

    def test_a_reply_finds_its_request(self):
        self.get_in()
        first, second = self.client.status(), self.client.cancel("x")
        self.engine.hear(), self.engine.hear()
        self.engine.say(Done(), second)
        self.engine.say(State(), first)
        self.assertEqual(self.arrive(2), [ReceivedMessage(Done(), second), ReceivedMessage(State(), first)])

    def test_poll_never_blocks(self):
        started = time.monotonic()
        for _ in range(100):
            self.client.poll()
        self.assertLess(time.monotonic() - started, 0.5)

    def test_only_progress_coalesces_and_only_within_its_job(self):
        self.linger()
        self.get_in()
        said = [Progress("x", "fill", 1, 9), FrameReady("x", 1, "f"), Progress("y", "fill", 1, 9)]
        said += [Progress("x", "fill", 2, 9), FrameReady("x", 2, "f"), Progress("x", "fill", 3, 9), Finished("y", 1)]
        for message in said:
            self.engine.say(message)
        time.sleep(0.2)
        self.assertEqual([a.message for a in self.arrive(5)], [said[1], said[2], said[4], said[5], said[6]])

    def test_what_cannot_be_read_is_told(self):
        self.get_in()
        self.engine.router.send_multipart([self.engine.host, b"AAN1", b'{"type":"Applause"}'])
        self.assertIsInstance(self.arrive(1)[0].message, UnreadableMessage)

    def test_a_refused_hello_is_told_once(self):
        self.hurry()
        for _ in range(3):
            request, _ = self.engine.hear()
            self.engine.say(Refused("token", "no"), request)
            time.sleep(0.1)
            arrivals = self.client.poll()
            time.sleep(0.1)
            arrivals += self.client.poll()
            self.assertEqual([a.message.code for a in arrivals], ["token"] if request == 1 else [])

    def test_hanging_up_does_not_wait_for_an_engine_that_does_not_read(self):
        for _ in range(500):
            self.client.submit(SPEC)
        started = time.monotonic()
        self.client.close()
        self.assertLess(time.monotonic() - started, 0.5)


class Blocking(WithEngine):
    def test_an_answer_leaves_other_arrivals_for_later_in_their_order(self):
        self.get_in()
        request = self.client.status()
        self.engine.hear()
        around = [Progress("x", "fill", 1, 2), FrameReady("x", 1, "f"), Finished("x", 1)]
        for message, number in [(around[0], None), (around[1], None), (State(), request), (around[2], None)]:
            self.engine.say(message, number)
        self.assertEqual(self.client.answer(request), State())
        self.assertEqual([a.message for a in self.arrive(3)], around)

    def test_a_no_is_raised(self):
        self.get_in()
        request = self.client.cancel("x")
        self.engine.hear()
        self.engine.say(Refused("unknown-job", "there is no x", "Look."), request)
        with self.assertRaises(EngineRefused) as caught:
            self.client.answer(request)
        self.assertEqual(caught.exception.code, "unknown-job")
        self.assertEqual(str(caught.exception), "there is no x. Look.")

    def test_an_answer_that_does_not_come_is_waited_for_in_vain(self):
        with self.assertRaises(EngineGone):
            self.client.answer(self.client.status(), timeout=0.1)

    def follow(self, state, *events):
        """Follow job x; the engine answers with `state` and goes on with `events`."""
        self.get_in()
        self.engine.say(FrameReady("x", 1, "before"))
        self.engine.say(FrameReady("y", 1, "another's"))
        time.sleep(0.05)
        story = self.client.follow("x")
        request = self.client._socket._last_number + 1
        self.engine.say(Snapshot(JobState("x", state, "p", "o", 1, 2, reason="r"), (1,)), request)
        for event in events:
            self.engine.say(event)
        return [message for message in story]

    def test_following_begins_with_the_snapshot_and_ends_with_the_end(self):
        events = [FrameReady("x", 2, "f"), FrameReady("y", 2, "f"), Finished("x", 2), Progress("x", "late", 1, 1)]
        snapshot, *rest = self.follow("running", *events)
        self.assertIsInstance(snapshot, Snapshot)
        self.assertEqual(rest, [events[0], events[2]])
        self.assertEqual([a.message.job for a in self.arrive(3)], ["y", "y", "x"])

    def test_following_what_is_over_tells_how_it_ended(self):
        for state, kind in (("finished", Finished), ("cancelled", Cancelled), ("failed", Failed)):
            with self.subTest(state):
                self.doCleanups()
                self.setUp()
                self.assertIsInstance(self.follow(state)[-1], kind)

    def test_following_a_job_that_is_not_there_is_refused(self):
        self.get_in()
        story = self.client.follow("x")
        self.engine.say(Refused("unknown-job", "no"), self.client._socket._last_number + 1)
        with self.assertRaises(EngineRefused):
            next(story)

    def test_following_ends_when_the_engine_is_lost(self):
        self.get_in()
        self.hurry()
        with self.assertRaises(EngineGone):
            list(self.client.follow("x"))


class Silence(WithEngine):
    def setUp(self):
        super().setUp()
        self.get_in()
        self.hurry()

    def lose(self):
        self.assertIsInstance(self.arrive(1)[0].message, EngineLost)
        self.assertTrue(self.client.lost)

    def test_a_silent_engine_is_asked_and_its_answer_is_no_news(self):
        for _ in range(3):
            time.sleep(0.06)
            self.assertEqual(self.client.poll(), [])
            self.engine.welcome()
            time.sleep(0.03)
            self.assertEqual(self.client.poll(), [])

    def test_an_engine_that_talks_is_not_asked(self):
        for _ in range(5):
            self.engine.say(FrameReady("x", 1, "f"))
            self.arrive(1)
            time.sleep(0.02)
        self.assertTrue(self.engine.hears_nothing())

    def test_a_lost_engine_leaves_no_request_without_an_answer(self):
        before = self.client.submit(SPEC)
        lost, refused = self.arrive(2)
        self.assertIsInstance(lost.message, EngineLost)
        self.assertEqual((refused.request, refused.message.code), (before, "engine-lost"))
        after = self.client.status()
        self.assertEqual([a.request for a in self.arrive(1)], [after])
        with self.assertRaises(EngineGone):
            self.client.answer(self.client.status())

    def test_an_engine_that_was_only_asleep_is_back_with_its_jobs(self):
        self.lose()
        self.engine.welcome()
        self.assertEqual(self.arrive(1), [ReceivedMessage(EngineBack("one", restarted=False))])
        self.assertFalse(self.client.lost)

    def test_a_restarted_engine_is_found_at_its_new_place(self):
        self.lose()
        again = Engine("two")
        self.addCleanup(again.close)
        self.found = None
        time.sleep(0.06)
        self.assertEqual(self.client.poll(), [])
        self.found = again.connection
        time.sleep(0.06)
        self.assertEqual(self.client.poll(), [])
        again.welcome()
        self.assertEqual(self.arrive(2)[0].message, EngineBack("two", restarted=True))
        request = self.client.submit(SPEC)
        self.assertEqual(again.hear(), (request, Submit(SPEC)))
        again.say(Accepted("z", "o", 1), request)
        self.assertEqual(self.arrive(1), [ReceivedMessage(Accepted("z", "o", 1), request)])

    def test_a_changed_session_at_the_same_place_is_a_restart_too(self):
        pending = self.client.status()
        self.engine.hear()
        time.sleep(0.06)
        self.client.poll()
        request, _ = self.engine.hear()
        self.engine.say(Welcome(HIGHEST, "two"), request)
        arrivals = self.arrive(2)
        self.assertEqual(arrivals[0].request, pending)
        self.assertEqual(arrivals[1].message, EngineBack("two", restarted=True))


if __name__ == "__main__":
    unittest.main()
