"""A host that does not read: nothing is lost but progress that is out of date."""

from __future__ import annotations

from plugin_host.protocol import Done, Finished, FrameReady, Progress
from plugin_host.server.outbox import Outbox
from plugin_host.wire import Envelope


def test_messages_leave_in_order_and_wait_while_they_cannot():
    outbox, sent = Outbox(), []
    outbox.post(Done(), 1)
    outbox.post(FrameReady("a", 1, "f"))
    outbox.flush(lambda envelope: bool(sent.append(envelope)))
    assert (len(sent), len(outbox)) == (1, 2)
    outbox.flush(lambda envelope: sent.append(envelope) is None)
    assert sent[1:] == [Envelope(Done(), 1), Envelope(FrameReady("a", 1, "f"))]
    assert not outbox


def test_only_the_newest_progress_of_a_job_waits():
    outbox, sent = Outbox(), []
    for done in range(1000):
        outbox.post(Progress("a", "fill", done, 1000))
        outbox.post(Progress("b", "look", done, 1000))
    assert len(outbox) == 2
    outbox.flush(lambda envelope: sent.append(envelope.message) is None)
    assert sent == [Progress("a", "fill", 999, 1000), Progress("b", "look", 999, 1000)]


def test_progress_never_overtakes_a_frame_and_no_frame_is_dropped():
    outbox, sent = Outbox(), []
    story = [Progress("a", "fill", 1, 2), FrameReady("a", 1, "f"), Progress("a", "fill", 2, 2), Finished("a", 2)]
    for message in story:
        outbox.post(message)
    outbox.flush(lambda envelope: sent.append(envelope.message) is None)
    assert sent == story
