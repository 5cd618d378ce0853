"""One node being cleaned: its jobs one after another, and what the node shows of them. It has no timer of its own.

`tick()` looks once and comes back at once. Everything that must outlive Nuke lies in the knob `job`: the tickets of
the job under way and of those to come, as plain letters that Tcl leaves alone.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any, List, Optional

import nuke

from . import result, status_text, versions
from .host import ticket as ticket_file
from .host.contact import Contact, Presence
from .host.errand import Errand
from .host.errors import HostError
from .host.sequence import frame_path
from .host.standing import Phase
from .host.ticket import Ticket
from .no_undo import quietly

WORST = 8  # frames that are named


class Solving:
    """A node and the jobs that are still to be done for it."""

    def __init__(self, node: Any, contact: Contact, tickets: List[Ticket]) -> None:
        self.node = node
        self._tickets = tickets
        self._errand = Errand(contact)
        self._bar: Any = None
        self._unseen: List[float] = []
        self._worst: List[int] = []
        self._over = False
        self._sought = ""  # why the job counts as interrupted as long as nobody was asked

    @property
    def active(self) -> bool:
        """Whether there is something to cancel."""
        return not self._over and self._errand.standing.active

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self._over

    @property
    def phase(self) -> Phase:
        """How the job under way stands."""
        return self._errand.standing.phase

    def begin(self) -> None:
        """Hand over the first job; starts an engine where none runs."""
        now = self._tickets[0]
        self._errand.start(now.spec, now.output)
        self._keep()
        self._say()

    def go_on(self) -> None:
        """Find the first job again, after the script was opened."""
        self._errand.reconnect(self._tickets[0])
        self._sought = self._errand.standing.reason if self._tickets[0].job else ""
        self._say()

    def cancel(self) -> None:
        """Stop after the frame in work; said again, at once. What was to come is not begun."""
        del self._tickets[1:]
        if self._errand.standing.phase is Phase.LOST:
            self._errand.cancel()
            self._ended()
            return
        self._errand.cancel()
        self._say()

    def close(self) -> None:
        """Let go; the engine goes on, and the knob `job` tells where to find it."""
        self._over, self._bar = True, None
        self._errand.close()

    def tick(self) -> None:
        """Look once.

        Raises:
            ValueError: when the node was deleted meanwhile.
        """
        tick = self._errand.tick()
        self.node.name()  # whether it is there is to be known before anything is written to it
        if tick.frames:
            result.follow(self.node)
            if result.shown(self.node) == versions.PREVIEW:
                result.afresh(self.node)
        if tick.changed:
            self._look()
        self._watch_bar()

    def _look(self) -> None:
        held = self._errand.ticket
        if held is not None and self._tickets and held != self._tickets[0]:
            self._tickets[0] = held
            self._keep()
            nuke.root().setModified(True)  # a script without the job's name would not find it again
        standing = self._errand.standing
        if standing.phase is Phase.FINISHED:
            self._unseen.append(standing.unseen)
            self._worst += standing.worst
            del self._tickets[:1]
            if self._tickets:
                self.begin()
                return
        if not standing.active and standing.phase is not Phase.LOST:
            self._ended()
        else:
            self._say()

    def _ended(self) -> None:
        """The end, whichever it was: what is there is shown, and nothing is left to be found again."""
        standing = self._errand.standing
        self.close()
        del self._tickets[:]
        result.follow(self.node)
        result.afresh(self.node)
        result.weigh(self.node)
        self._keep()
        self._say()
        if standing.phase is Phase.FINISHED:
            worst = list(dict.fromkeys(self._worst))[:WORST]
            with quietly():
                _put(self.node["unseen_share"], f"{max(self._unseen):.2%}")
                _put(self.node["worst"], " ".join(map(str, worst)) or " ")
                _put(self.node["report"], standing.report)

    def _say(self) -> None:
        standing = self._errand.standing
        seeking = self._sought and standing.reason == self._sought and not self._over
        if seeking and self._errand.contact.state.presence in (Presence.UNKNOWN, Presence.READY):
            text = "Looking for the job"
        else:
            text = status_text.of_work(standing, waiting=len(self._tickets[1:]))
        with quietly():
            _put(self.node["state"], text)

    def _keep(self) -> None:
        text = packed(self._tickets)
        with quietly():
            _put(self.node["job"], text)

    def _watch_bar(self) -> None:
        """Nuke's own progress bar, with its Cancel. Main thread only, as everything here."""
        if not nuke.GUI:
            return
        if not self.active:
            self._bar = None
            return
        if self._bar is None:
            self._bar = nuke.ProgressTask(f"Align & Attend: {self.node.name()}")
        self._bar.setMessage(status_text.of_work(self._errand.standing))
        self._bar.setProgress(status_text.share(self._errand.standing))
        if self._bar.isCancelled() and self.phase is not Phase.CANCELLING:
            self.cancel()


def packed(tickets: List[Ticket]) -> str:
    """Tickets as letters, digits, `-`, `_` and `=`."""
    if not tickets:
        return ""
    text = json.dumps([ticket.text() for ticket in tickets])
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")


def unpacked(text: str) -> List[Ticket]:
    """The tickets again; none of what cannot be read."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii")) if text else []
        return [ticket_file.read(each) for each in found]
    except (ValueError, TypeError, HostError):
        return []


def lacking(tickets: List[Ticket]) -> List[Ticket]:
    """Those that are still to be done: all with a job's name, of the others those whose frames are not all there."""
    return [ticket for ticket in tickets if ticket.job or not _is_there(ticket)]


def _is_there(ticket: Ticket) -> bool:
    first, last = ticket.spec.first, ticket.spec.last
    if first is None or last is None:
        return False
    return all(os.path.exists(frame_path(ticket.output, frame)) for frame in range(first, last + 1))


def _put(knob: Any, value: Optional[str]) -> None:
    """Set a knob only where it differs."""
    if knob.value() != value:
        knob.setValue(value)
