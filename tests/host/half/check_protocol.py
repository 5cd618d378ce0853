"""The wire: golden messages in both directions, what is ignored, what is refused and where it breaks."""

import json
import typing
import unittest
from pathlib import Path

from host_half import errors, protocol
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
    Shutdown,
    Snapshot,
    State,
    Status,
    Submit,
    Watch,
    Welcome,
)
from host_half.wire import Envelope, decode, encode, negotiate_version, request_number

STATE = JobState("3f2a91-1", "running", "/s/p.####.exr", "/s/o.####.exr", 2, 24, "fill", 3, 24)
FAILED = JobState(
    "3f2a91-2", "failed", "/s/p.%04d.exr", "/s/o.####.exr", 0, 1, code="plate-missing", reason="gone", hint="Look."
)
MESSAGES = {
    "hello": Envelope(Hello(1, 2, "t0ken", "nuke 15.1"), 1),
    "submit everything": Envelope(
        Submit(
            JobSpec(
                *("/s h/p [l].####.exr", "/s/m.%04d.exr", 1001, 1024, "roto.a", ("confidence", "source"), "cuda"),
                *(2.0, 1.5, "global", False, "smooth", 0.25, "/s/h.####.exr", "/s/c.exr", "only"),
                *("/s/t.####.exr", "/s/x.exr"),
                *(1000, 1030, 2, "nearest", "ACEScg", "right", "patch", 7, True),
            ),
            "/s/o.####.exr",
        ),
        2,
    ),
    "submit the least": Envelope(Submit(JobSpec("/s/p.####.exr", "/s/m.exr")), 3),
    "submit a path that is not utf-8": Envelope(Submit(JobSpec("/s/\udce9t\u00e9.####.exr", "/s/m.exr")), 4),
    "cancel": Envelope(Cancel("3f2a91-1"), 5),
    "watch": Envelope(Watch("3f2a91-1"), 6),
    "status": Envelope(Status(), 7),
    "shutdown": Envelope(Shutdown(), 8),
    "welcome": Envelope(Welcome(1, "3f2a91c0ffee", "0.1.0"), 1),
    "accepted": Envelope(Accepted("3f2a91-1", "/s/o.####.exr", 24, 2), 2),
    "state": Envelope(State((STATE, FAILED)), 7),
    "snapshot": Envelope(Snapshot(STATE, (1001, 1002)), 6),
    "done": Envelope(Done(), 5),
    "refused": Envelope(Refused("unknown-job", "there is no job x", "Look at the list."), 5),
    "refused, whatever it was": Envelope(Refused("malformed", "$: not JSON")),
    "progress": Envelope(Progress("3f2a91-1", "fill", 3, 24)),
    "frame ready": Envelope(FrameReady("3f2a91-1", 1003, "/s/o.1003.exr")),
    "finished": Envelope(Finished("3f2a91-1", 24, 0.125, (1007, 1003), "/s/o.report.json", (1013, 1001))),
    "finished with a tight matte": Envelope(
        Finished("3f2a91-1", 24, 0.125, (1007, 1003), "/s/o.report.json", residue=2, grow=3.0)
    ),
    "finished without a report": Envelope(Finished("3f2a91-1", 24)),
    "cancelled": Envelope(Cancelled("3f2a91-1")),
    "failed": Envelope(Failed("3f2a91-1", "plate-unreadable", "the file breaks off", "Render it again.")),
}
GOLDEN = Path(__file__).with_name("golden.json")


class GoldenMessages(unittest.TestCase):
    def test_every_message_is_written_as_it_always_was(self):
        golden = json.loads(GOLDEN.read_text("ascii"))
        self.assertEqual(
            {name: encode(e.message, e.request)[1].decode("ascii") for name, e in MESSAGES.items()}, golden
        )

    def test_every_golden_message_reads_as_it_always_did(self):
        for name, text in json.loads(GOLDEN.read_text("ascii")).items():
            with self.subTest(name):
                self.assertEqual(decode([b"AAN1", text.encode("ascii")]), MESSAGES[name])

    def test_a_job_of_a_host_that_knows_no_controls_reads_with_their_defaults(self):
        text = '{"type":"Submit","spec":{"plate":"/s/p.####.exr","matte":"/s/m.exr","first":null,"device":"cpu"}}'
        wanted = Submit(JobSpec("/s/p.####.exr", "/s/m.exr", device="cpu"))
        self.assertEqual(decode([b"AAN1", text.encode("ascii")]).message, wanted)

    def test_the_end_of_a_job_of_an_engine_that_knows_no_residue_reads_without_one(self):
        text = '{"type":"Finished","job":"3f2a91-1","frames":24,"unseen":0.0,"worst":[],"report":""}'
        self.assertEqual(decode([b"AAN1", text.encode("ascii")]).message, Finished("3f2a91-1", 24))

    def test_what_an_engine_ends_with_that_knows_no_key_frames_reads_as_having_none(self):
        text = '{"type":"Finished","job":"3f2a91-1","frames":24,"unseen":0.125,"worst":[1007],"report":"/s/r.json"}'
        wanted = Finished("3f2a91-1", 24, 0.125, (1007,), "/s/r.json")
        self.assertEqual(decode([b"AAN1", text.encode("ascii")]).message, wanted)
        self.assertEqual(wanted.keys, ())

    def test_every_kind_of_message_has_a_golden_one(self):
        self.assertEqual({type(e.message) for e in MESSAGES.values()}, set(protocol.MESSAGES))

    def test_no_field_takes_the_envelope_s_names(self):
        for kind in protocol.MESSAGES:
            self.assertFalse({"type", "request"} & set(typing.get_type_hints(kind)))

    def test_messages_are_values(self):
        with self.assertRaises(AttributeError):
            Cancel("a").job = "b"  # type: ignore[misc]
        self.assertEqual(hash(Submit(JobSpec("a", "b"))), hash(Submit(JobSpec("a", "b"))))


class Reading(unittest.TestCase):
    def read(self, text, framing=b"AAN1"):
        return decode([framing, text if isinstance(text, bytes) else text.encode()])

    def test_unknown_fields_are_ignored_at_every_depth(self):
        text = '{"type":"Submit","mood":1,"spec":{"plate":"p","matte":"m","spice":{"x":[1]}},"output":null}'
        self.assertEqual(self.read(text).message, Submit(JobSpec("p", "m")))

    def test_unknown_types_are_told_apart_from_broken_messages(self):
        with self.assertRaises(errors.UnknownType) as caught:
            self.read('{"type":"Dance","request":4}')
        self.assertEqual(caught.exception.code, "unknown-type")
        self.assertEqual(request_number([b"AAN1", b'{"type":"Dance","request":4}']), 4)

    def test_errors_say_where_a_message_breaks(self):
        submit = '{"type":"Submit","spec":{"plate":"p","matte":"m",%s}}'
        for text, path in [
            (submit % '"first":"1001"', "$.spec.first"),
            (submit % '"first":true', "$.spec.first"),
            (submit % '"first":1001.0', "$.spec.first"),
            (submit % '"device":null', "$.spec.device"),
            (submit % '"aov":"source"', "$.spec.aov"),
            (submit % '"aov":["source",3]', "$.spec.aov[1]"),
            ('{"type":"Submit","spec":{"plate":"p"}}', "$.spec.matte"),
            ('{"type":"Submit","spec":[]}', "$.spec"),
            ('{"type":"Submit"}', "$.spec"),
            ('{"type":"Cancel","job":7}', "$.job"),
            ('{"type":"Cancel","job":"a","request":"1"}', "$.request"),
            ('{"type":"Cancel","job":"a","request":true}', "$.request"),
            ('{"type":["Cancel"]}', "$.type"),
            ("{}", "$.type"),
            ("[1]", "$"),
            ("{", "$"),
            (b"\xff", "$"),
            ("[" * 100000, "$"),
        ]:
            with self.subTest(text[:60]):
                with self.assertRaises(errors.ProtocolError) as caught:
                    self.read(text)
                self.assertEqual(caught.exception.path, path)
                self.assertTrue(str(caught.exception).startswith(path + ": "))

    def test_another_framing_is_no_message(self):
        for frames in ([b"AAN2", b"{}"], [b"AAN1"], [], [b"AAN1", b"{}", b""]):
            with self.assertRaises(errors.ProtocolError):
                decode(frames)


class Versions(unittest.TestCase):
    def test_the_highest_that_both_know_is_spoken(self):
        self.assertEqual(negotiate_version(protocol.LOWEST, protocol.HIGHEST), protocol.HIGHEST)
        self.assertEqual(negotiate_version(0, protocol.HIGHEST + 5), protocol.HIGHEST)
        self.assertEqual(negotiate_version(0, protocol.LOWEST), protocol.LOWEST)

    def test_a_newer_host_is_told_to_update_the_engine(self):
        with self.assertRaises(errors.VersionMismatch) as caught:
            negotiate_version(protocol.HIGHEST + 1, protocol.HIGHEST + 3)
        self.assertEqual(caught.exception.hint, "Update the engine.")

    def test_an_older_host_is_told_to_update_itself(self):
        with self.assertRaises(errors.VersionMismatch) as caught:
            negotiate_version(protocol.LOWEST - 1, protocol.LOWEST - 1)
        self.assertEqual(caught.exception.hint, "Update the host's plug-in.")


if __name__ == "__main__":
    unittest.main()
