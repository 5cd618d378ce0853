"""The protocol between host and engine. This docstring is the specification; the classes, with `job`, implement it.

Protocol version 1. Framing `AAN1`, which `wire` writes and reads.

**The wire.** The engine binds one ROUTER socket, each host connects one DEALER. A message is two ZeroMQ frames,
`[b"AAN1", json]`. The JSON is one ASCII object: `type` names a class of this module, `request` is the number by which
a reply finds its request (absent in events), and the rest are the class's fields by name. Paths and numbers travel,
never pixels, never code. Paths that are not UTF-8 travel as the lone surrogates of Python's `os.fsdecode`.

**Reading.** Unknown fields are ignored; a missing field takes its default if it has one. A type that the reader does
not know is refused (`unknown-type`), a broken message too (`malformed`, with the path to the fault as in
`$.spec.first`): every request gets an answer.

**Connecting.** A host reads the engine's connection file (see `connection`) and first sends `Hello` with the token and
the range of protocol versions that it speaks. `Welcome` names the version to speak, the highest that both know, and the
engine's `session`. `Refused` with `token` or `version` is the alternative; in the latter the hint says which side to
update. Anything else before a good `Hello` is refused with `no-hello`. `Hello` may be repeated at any time: it is also
how a host asks whether the engine is still there. A changed `session` means that the engine restarted and knows no
earlier job; submitting again resumes from the frames that its cache holds.

**Requests and their replies** (each has exactly one reply, or `Refused`):

    Hello    -> Welcome     connect; ask whether the engine is alive
    Submit   -> Accepted    queue a job, and watch it
    Cancel   -> Done        stop a job: a queued one ends at once, a running one after the current frame.
                            A second `Cancel` does not wait for that frame. `Refused(ended)` if it is over already.
    Watch    -> Snapshot    the job's state; from then on its events go to this host
    Status   -> State       every job that the engine remembers, oldest first
    Shutdown -> Done        cancel all jobs and shut down

Refusals: `malformed unknown-type no-hello token version unknown-job ended sequence stopping internal`, and
`engine-lost`, with which a client itself ends requests that a lost engine can no longer answer. Failures: the engine's
error in kebab-case (`plate-missing`, `matte-error`...), `reader-lost` (a file crashed or blocked its reader),
`worker-lost`, `out-of-memory`, `inputs-changed`,
`engine-changed`, `incomplete`, `output`, `internal`.

**Events** go to the hosts that submitted or watch the job, in order: any number of `Progress` and `FrameReady`, then
one of `Finished`, `Cancelled`, `Failed`. `FrameReady` is sent once the whole frame lies on disk under its final name.
Only `Progress` coalesces: to a host that reads slowly the newest one is enough. Events that precede the `Snapshot`
are contained in it.

**Numbers.** Frames are timeline numbers, ranges are inclusive. `Progress` counts the steps of its own `stage`.

**Growing.** A field with a default may be added at any time. Anything else raises `HIGHEST`; what is no longer spoken
raises `LOWEST`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple, Union

from .job import JobSpec as JobSpec
from .job import JobState as JobState

LOWEST, HIGHEST = 1, 1


# Requests


@dataclass(frozen=True)
class Hello:
    """Request to connect. `client` is the host's name, for the engine's log."""

    lowest: int
    highest: int
    token: str
    client: str = ""


@dataclass(frozen=True)
class Submit:
    """Queue this job. `output` is a pattern for the result; without one it stays in the engine's cache.

    Files of another job, or of no job at all, are overwritten only where `overwrite` says so.
    """

    spec: JobSpec
    output: Optional[str] = None
    overwrite: bool = False


@dataclass(frozen=True)
class Cancel:
    """Stop this job."""

    job: str


@dataclass(frozen=True)
class Watch:
    """Request this job's snapshot, and its events from then on."""

    job: str


@dataclass(frozen=True)
class Status:
    """Request the state of all jobs."""


@dataclass(frozen=True)
class Shutdown:
    """Cancel all jobs and shut down."""


# Replies


@dataclass(frozen=True)
class Welcome:
    """The host is connected. `version` is the one to use, `session` this run of the engine, `engine` its release."""

    version: int
    session: str
    engine: str = ""


@dataclass(frozen=True)
class Accepted:
    """The job is queued under the name `job`. `cached` of its `total` frames exist already."""

    job: str
    output: str
    total: int
    cached: int = 0


@dataclass(frozen=True)
class State:
    """Every job that the engine remembers, oldest first."""

    jobs: Tuple[JobState, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """One job's state, and its frames that lie on disk, in ascending order."""

    state: JobState
    frames: Tuple[int, ...] = ()


@dataclass(frozen=True)
class Done:
    """The request was carried out; events report what follows from it."""


@dataclass(frozen=True)
class Refused:
    """The request was refused: a code for the program, a reason and a hint for the artist."""

    code: str
    reason: str
    hint: str = ""


# Events


@dataclass(frozen=True)
class Progress:
    """`done` of `total` steps of this stage (`look`, `decide`, `fill`) are complete, and of the whole job this `share`.

    The stage `queued` says that `total` jobs come first. Once the job's inputs were looked at, `inputs` is the line
    that says what was understood of them, and `warnings` are what seems wrong with them.
    """

    job: str
    stage: str
    done: int
    total: int
    share: float = 0.0
    inputs: str = ""
    warnings: Tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameReady:
    """This frame lies on disk, complete, at `path`."""

    job: str
    frame: int
    path: str


@dataclass(frozen=True)
class Finished:
    """All `frames` frames lie on disk.

    `unseen` is the share of the hidden pixels that no frame showed, 0 .. 1; `worst` names the frames to look at first,
    the worst one first; `report` is the JSON file that says more, with its picture beside it under the same name with
    `.png`. `keys` names the frames on which what no frame shows was made up, and from which it was carried to others:
    painting them by hand cures these pixels everywhere. `residue` is by how many pixels the object seems to reach
    beyond the matte, 0 for none, and `grow` the control's value that takes it in. `inputs` and `warnings` are as in
    `Progress`, for the whole job. A job without a report leaves all of them at their defaults.
    """

    job: str
    frames: int
    unseen: float = 0.0
    worst: Tuple[int, ...] = ()
    report: str = ""
    keys: Tuple[int, ...] = ()
    residue: int = 0
    grow: float = 0.0
    inputs: str = ""
    warnings: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Cancelled:
    """The job was stopped; the frames that it finished stay."""

    job: str


@dataclass(frozen=True)
class Failed:
    """The job ended early; the frames that it finished stay."""

    job: str
    code: str
    reason: str
    hint: str = ""


Request = Union[Hello, Submit, Cancel, Watch, Status, Shutdown]
Reply = Union[Welcome, Accepted, State, Snapshot, Done, Refused]
Event = Union[Progress, FrameReady, Finished, Cancelled, Failed]
Message = Union[Request, Reply, Event]

MESSAGES = (
    *(Hello, Submit, Cancel, Watch, Status, Shutdown),
    *(Welcome, Accepted, State, Snapshot, Done, Refused),
    *(Progress, FrameReady, Finished, Cancelled, Failed),
)
