"""One job as a host sees it: from pressing the button to the last frame, through everything that may come between.

A host makes an `Errand` on its `Contact`, says `start()` (or `reconnect()` after its file was opened again), and calls
`tick()` from its own timer. `tick()` never blocks and tells what is new; `standing` is one frozen value to draw from.
An errand has no thread, no clock but its own pace, and knows no toolkit.

When the engine is lost in mid-job, the errand waits. The same engine back: it watches the job on. Another one: it
submits the job again, which resumes from the frames that the cache holds. It never starts an engine except for
`start()`; so a file that is opened starts no work that nobody asked for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Set, Tuple

from .client_events import LOST, EngineBack, EngineLost, News
from .engine_monitor import Contact, Presence
from .errors import HostError
from .eta import Pace
from .job_handle import Ticket
from .job_status import Phase, Standing
from .protocol import Accepted, FrameReady, JobSpec, Refused, Snapshot

_RESUME = "Start the engine and clean again: finished frames are kept."


@dataclass(frozen=True)
class Tick:
    """What a look brought: whether there is anything new to draw, of the engine or the job, and which frames came."""

    changed: bool = False
    frames: Tuple[int, ...] = ()


class Errand:
    """A job that a host sends the engine to do; after one ended, the next may be started."""

    def __init__(self, contact: Contact, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.contact = contact
        self.standing = Standing()
        self.ticket: Optional[Ticket] = None
        self._clock = clock
        self._pace = Pace()
        self._wish: Optional[Callable[[], None]] = None  # what to say as soon as the engine can be spoken to
        self._asked: Optional[int] = None
        self._begun_here = False
        self._unwanted = False  # cancelled while nobody could be told
        self._frames: Set[int] = set()
        self._shown = (self.standing, contact.state)
        self._fresh: List[int] = []
        contact.attach(self)

    def start(self, spec: JobSpec, output: str) -> None:
        """Have this done, the result going to the pattern `output`; starts the engine where none runs.

        Raises:
            HostError: when the errand is under way already.
        """
        if self.standing.active:
            raise HostError("this shot is being cleaned already", hint="Cancel it first.")
        self._begin(Ticket(spec, output), Phase.STARTING, self._submit)
        self._begun_here = True
        self.contact.start()
        self._go_on()

    def reconnect(self, ticket: Ticket) -> None:
        """Go on with a job of an earlier session of the host; one that no engine knows any more shows as `LOST`."""
        self._begin(ticket, Phase.LOST, self._watch if ticket.job else None)
        self._become(Phase.LOST, "the job was not finished when the file was closed", _RESUME, job=ticket.job)
        self._go_on()

    def cancel(self) -> None:
        """Stop it: after the frame in work; a second time, at once. What is finished stays."""
        phase = self.standing.phase
        if phase is Phase.SUBMITTING:
            self._unwanted = True  # it has no name yet by which it could be stopped
        elif phase in (Phase.STARTING, Phase.LOST):
            self._give_up()
        elif phase in (Phase.QUEUED, Phase.RUNNING, Phase.CANCELLING):
            self._say_cancel()
            self._become(Phase.CANCELLING)

    def close(self) -> None:
        """Let go of it; the job itself goes on."""
        self.contact.detach(self)
        self._wish = None

    def tick(self) -> Tick:
        """Look once, and tell what is new since the last look. The engine's state (`contact.state`) counts as well."""
        self.contact.tick()
        self._go_on()
        if len(self._frames) != self.standing.done:
            self.standing = replace(self.standing, frames=tuple(sorted(self._frames)))
        self.standing = replace(self.standing, seconds_left=self._seconds_left())
        frames, self._fresh = tuple(self._fresh), []
        before, self._shown = self._shown, (self.standing, self.contact.state)
        return Tick(before != self._shown, frames)

    def hear(self, message: News, request: Optional[int]) -> None:
        """What the contact has to tell."""
        if isinstance(message, EngineLost):
            self._lost(message)
        elif isinstance(message, EngineBack):
            self._back(message)
        elif request is not None:
            if request == self._asked:
                self._asked = None
                self._answered(message)
        elif self._expected and getattr(message, "job", None) == self.standing.job:
            self._happened(message)

    # What is said.

    def _begin(self, ticket: Ticket, phase: Phase, wish: Optional[Callable[[], None]]) -> None:
        self.ticket, self._wish, self._asked, self._unwanted = ticket, wish, None, False
        self._pace, self._fresh, self._frames, self._begun_here = Pace(), [], set(), False
        self.standing = Standing(phase, output=ticket.output)

    def _go_on(self) -> None:
        """Say what is to be said, once there is somebody to hear it; or show why there is nobody."""
        if self._wish is None:
            return
        engine = self.contact.state
        if self.contact.ready:
            wish, self._wish = self._wish, None
            self.standing = replace(self.standing, release=engine.release)
            wish()
        elif self.standing.phase is Phase.STARTING and engine.presence is not Presence.STARTING:
            self._wish = None
            self._become(
                Phase.ABSENT if engine.presence is Presence.ABSENT else Phase.FAILED, engine.reason, engine.hint
            )

    def _submit(self) -> None:
        ticket = self.ticket
        assert ticket is not None
        self._asked = self.contact.ask(self, lambda client: client.submit(ticket.spec, output=ticket.output))
        self._become(Phase.SUBMITTING)

    def _watch(self) -> None:
        job = self.ticket.job if self.ticket is not None else ""
        self._asked = self.contact.ask(self, lambda client: client.watch(job))

    def _say_cancel(self) -> None:
        self.contact.ask(self, lambda client: client.cancel(self.standing.job))

    # What is heard.

    @property
    def _expected(self) -> bool:
        """Whether the engine has a job of ours that is not over."""
        return bool(self.standing.job) and (self.standing.active or self.standing.phase is Phase.LOST)

    def _answered(self, reply: News) -> None:
        if isinstance(reply, Accepted):
            self._accepted(reply)
        elif isinstance(reply, Snapshot):
            self._seen(reply)
        elif isinstance(reply, Refused) and reply.code == "unknown-job":
            self._become(Phase.LOST, "the engine was restarted and does not know the job any more", _RESUME)
        elif isinstance(reply, Refused) and reply.code != LOST:  # of a loss, EngineLost tells
            self._become(Phase.FAILED, reply.reason, reply.hint)

    def _accepted(self, accepted: Accepted) -> None:
        assert self.ticket is not None
        self.ticket = replace(self.ticket, job=accepted.job)
        self._pace, self._frames = Pace(held=accepted.cached), set()
        self._become(Phase.QUEUED, job=accepted.job, output=accepted.output, total=accepted.total)
        if self._unwanted:
            self._unwanted = False
            self.cancel()

    def _seen(self, snapshot: Snapshot) -> None:
        """Take over a job as it stands; frames that were told of before are no news."""
        self._fresh += sorted(set(snapshot.frames) - self._frames)
        self._frames = set(snapshot.frames)
        self._pace = Pace()
        self.standing = self.standing.seen(snapshot.state)

    def _happened(self, event: News) -> None:
        if isinstance(event, FrameReady):
            self._pace.frame(self._clock())
            self._fresh.append(event.frame)
            self._frames.add(event.frame)
        self.standing = self.standing.after(event)

    def _lost(self, lost: EngineLost) -> None:
        if self._unwanted or self.standing.phase is Phase.CANCELLING:
            self._give_up()
        elif self.standing.active and self.standing.phase is not Phase.STARTING:
            self._become(Phase.LOST, lost.reason, _RESUME)

    def _give_up(self) -> None:
        """Call it cancelled; should the engine that has the job come back, it is told so."""
        self._wish = self._asked = None
        self._unwanted = bool(self.standing.job)
        self._become(Phase.CANCELLED, "cancelled while no engine was at it")

    def _back(self, back: EngineBack) -> None:
        """Go on where the engine was lost, or stop what was cancelled meanwhile."""
        if self._unwanted and not back.restarted:
            self._say_cancel()
        elif self.standing.phase is Phase.LOST or self.standing.active:
            forgotten = back.restarted and self._begun_here
            self._wish = self._watch if self.standing.job and not forgotten else self._submit
        self._unwanted = False

    def _seconds_left(self) -> Optional[int]:
        if self.standing.phase is not Phase.RUNNING:
            return None
        return self._pace.left(self.standing.total - self.standing.done, self._clock())

    def _become(self, phase: Phase, reason: str = "", hint: str = "", **more: object) -> None:
        self.standing = self.standing.turned(phase, reason, hint, **more)
