"""The jobs of one node, one after another, and what the node shows of them. The timer is in `engine_timer`.

`tick()` polls once and never blocks. All that has to survive the session is in the knob `job`: the jobs that have not
ended, encoded in letters that Tcl does not interpret.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from typing import Dict, List, Optional

import nuke

from . import result, status_text, versions
from .host import job_handle
from .host.engine_monitor import EngineMonitor, Presence
from .host.errors import HostError
from .host.host_job import HostJob
from .host.job_handle import JobHandle
from .host.job_status import JobPhase, JobStatus
from .host.sequence import frame_path
from .no_undo import without_undo

WORST_FRAMES = 8  # how many of the worst frames are listed


class NodeJob:
    """A node and the jobs that have to be done for it: one a view, and one for each gap when frames are missing."""

    def __init__(self, node: nuke.Node, monitor: EngineMonitor, handles: List[JobHandle]) -> None:
        self.node = node
        self._handles = handles
        self._host_job = HostJob(monitor)
        self._progress_bar: Optional[nuke.ProgressTask] = None
        self._unseen_shares: List[float] = []
        self._worst_frames: List[int] = []
        self._understood: Dict[str, None] = {}  # in the order in which the finished jobs said it, each once
        self._warnings: Dict[str, None] = {}
        self._closed = False
        self._reconnect_reason = ""  # the job's reason until the engine was asked

    @property
    def active(self) -> bool:
        """Whether there is a job that can be cancelled."""
        return not self._closed and self._host_job.status.active

    @property
    def closed(self) -> bool:
        """Whether the last job has ended, or the node is no longer watched."""
        return self._closed

    @property
    def phase(self) -> JobPhase:
        """The current job's phase."""
        return self._host_job.status.phase

    def start(self) -> None:
        """Submit the first job; starts an engine where none runs."""
        first = self._handles[0]
        self._host_job.start(first.spec, first.output)
        self._save_jobs()
        self._show_state()

    def reconnect(self) -> None:
        """Find the first job again, after the script was opened."""
        self._host_job.reconnect(self._handles[0])
        self._reconnect_reason = self._host_job.status.reason if self._handles[0].job else ""
        self._show_state()

    def cancel(self) -> None:
        """Cancel after the frame in progress; a second call cancels at once. Further jobs are dropped."""
        del self._handles[1:]
        if self._host_job.status.phase is JobPhase.LOST:
            self._host_job.cancel()
            self._finish()
            return
        self._host_job.cancel()
        self._show_state()

    def close(self) -> None:
        """Stop watching. The engine goes on, and the knob `job` has what is needed to reconnect."""
        self._closed, self._progress_bar = True, None
        self._host_job.close()

    def tick(self) -> None:
        """Poll once.

        Raises:
            ValueError: when the node was deleted.
        """
        update = self._host_job.tick()
        self.node.name()  # raises if the node was deleted, before anything is written to it
        if update.frames:
            result.update_solved(self.node)
            if result.shown_version(self.node) == versions.PREVIEW:
                result.reload_read(self.node)
        if update.changed:
            self._update()
        self._update_progress_bar()

    def _update(self) -> None:
        handle = self._host_job.handle
        if handle is not None and self._handles and handle != self._handles[0]:
            self._handles[0] = handle
            self._save_jobs()
            nuke.root().setModified(True)  # to reconnect, the saved script needs the job's id
        status = self._host_job.status
        if status.phase is JobPhase.FINISHED:
            self._unseen_shares.append(status.unseen)
            self._worst_frames += status.worst
            self._understood[status.inputs] = None
            self._warnings.update(dict.fromkeys(status.shown_warnings))
            del self._handles[:1]
            if self._handles:
                self.start()
                return
        if not status.active and status.phase is not JobPhase.LOST:
            self._finish()
        else:
            self._show_state()

    def _finish(self) -> None:
        """The last job has ended in any phase: show what is on disk, and clear the knob `job`."""
        status = self._host_job.status
        self.close()
        del self._handles[:]
        result.update_solved(self.node)
        result.reload_read(self.node)
        result.update_disk_usage(self.node)
        self._save_jobs()
        self._show_state()
        if status.phase is JobPhase.FINISHED:
            worst = list(dict.fromkeys(self._worst_frames))[:WORST_FRAMES]
            with without_undo():
                _set_if_changed(self.node["unseen_share"], f"{max(self._unseen_shares):.2%}")
                _set_if_changed(self.node["worst"], " ".join(map(str, worst)) or "no frame stands out")
                _set_if_changed(self.node["report"], status.report)

    def _show_state(self) -> None:
        status = self._host_job.status
        reconnecting = self._reconnect_reason and status.reason == self._reconnect_reason and not self._closed
        if reconnecting and self._host_job.monitor.state.presence in (Presence.UNKNOWN, Presence.READY):
            text = "Looking for the job"
        else:
            text = status_text.job_text(self._with_earlier(status), waiting=len(self._handles[1:]))
        with without_undo():
            _set_if_changed(self.node["state"], text)

    def _with_earlier(self, status: JobStatus) -> JobStatus:
        """The status with what the jobs before, of other views or gaps, understood and warned of as well."""
        inputs = dict.fromkeys(filter(None, (*self._understood, status.inputs)))
        warnings = dict.fromkeys((*self._warnings, *status.shown_warnings))
        return replace(status, inputs="; ".join(inputs), warnings=tuple(warnings), residue=0)

    def _save_jobs(self) -> None:
        text = encode_jobs(self._handles)
        with without_undo():
            _set_if_changed(self.node["job"], text)

    def _update_progress_bar(self) -> None:
        """Nuke's progress bar with its Cancel button. Main thread only, as everything here."""
        if not nuke.GUI:
            return
        if not self.active:
            self._progress_bar = None
            return
        if self._progress_bar is None:
            self._progress_bar = nuke.ProgressTask(f"Align & Attend: {self.node.name()}")
        self._progress_bar.setMessage(status_text.progress_text(self._host_job.status))
        self._progress_bar.setProgress(status_text.percent_done(self._host_job.status))
        if self._progress_bar.isCancelled() and self.phase is not JobPhase.CANCELLING:
            self.cancel()


def encode_jobs(handles: List[JobHandle]) -> str:
    """Jobs as letters, digits, `-`, `_` and `=`."""
    if not handles:
        return ""
    text = json.dumps([handle.text() for handle in handles])
    return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")


def decode_jobs(text: str) -> List[JobHandle]:
    """The jobs from encoded text; none if it cannot be read."""
    try:
        found = json.loads(base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii")) if text else []
        return [job_handle.read(each) for each in found]
    except (ValueError, TypeError, HostError):
        return []


def incomplete(handles: List[JobHandle]) -> List[JobHandle]:
    """The jobs that have to be reconnected: those that the engine accepted, and those with frames missing on disk."""
    return [handle for handle in handles if handle.job or not _has_all_frames(handle)]


def _has_all_frames(handle: JobHandle) -> bool:
    first, last = handle.spec.first, handle.spec.last
    if first is None or last is None:
        return False
    return all(os.path.exists(frame_path(handle.output, frame)) for frame in range(first, last + 1))


def _set_if_changed(knob: nuke.Knob, value: Optional[str]) -> None:
    """Set a knob only where the value differs."""
    if knob.value() != value:
        knob.setValue(value)
