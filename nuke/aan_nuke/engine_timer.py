"""One connection to the engine and one timer for all nodes; in terminal mode a loop that blocks until a job has ended.

Both are made when they are first needed: a shot is solved, a job reconnected, or a node's panel opened. Everything runs
on Nuke's main thread. The timer stops as soon as there is neither a job nor an open panel.
"""

from __future__ import annotations

import atexit
import time
from typing import TYPE_CHECKING, Any, List, Optional

import nuke

from .host import vendor_tag
from .host.errors import HostError
from .no_undo import without_undo

if TYPE_CHECKING:
    from .host.engine_monitor import EngineMonitor
    from .host.job_handle import JobHandle
    from .node_job import NodeJob

INTERVAL_MS = 200  # milliseconds between two ticks
POLL_SECONDS = 0.05  # seconds between two ticks in terminal mode
MAX_RESTARTS = 2  # how often terminal mode restarts an engine that dies during a job

_monitor: Optional[EngineMonitor] = None
_timer: Any = None
_jobs: List[NodeJob] = []
_panels: List[nuke.Node] = []
_engine_setting = ""


def job_of(node: nuke.Node) -> Optional[NodeJob]:
    """The job of a node."""
    return next((job for job in _jobs if job.node == node), None)


def start_job(node: nuke.Node, handles: List[JobHandle]) -> None:
    """Submit these jobs for a node; in terminal mode return when they have ended.

    Raises:
        HostError: when the node has a job already, or nothing can be submitted; in terminal mode also when a job fails.
    """
    use_engine_of(node)
    job = _add_job(node, handles)
    job.start()
    if nuke.GUI:
        _start_timer()
    else:
        _wait_until_closed(job)


def reconnect_job(node: nuke.Node, handles: List[JobHandle]) -> None:
    """Reconnect to an earlier session's jobs. Starts no engine; nothing is sent before the timer's first tick."""
    _add_job(node, handles).reconnect()
    _start_timer()


def use_engine_of(node: nuke.Node) -> None:
    """Look for the engine where this node's knob says. A running engine is kept."""
    global _engine_setting
    setting = str(node["engine"].evaluate() or "")
    if setting != _engine_setting:
        _engine_setting = setting
        if _monitor is not None:
            _monitor.look_again()


def forget(node: nuke.Node) -> None:
    """Stop watching a node. Its job goes on."""
    for job in [each for each in _jobs if each.node == node]:
        job.close()
        _jobs.remove(job)
    stop_showing_engine_state(node)


def show_engine_state(node: nuke.Node) -> None:
    """Keep the knob `engine_state` of a node up to date, as its panel is open."""
    if node not in _panels:
        _panels.append(node)
    use_engine_of(node)
    _start_timer()


def stop_showing_engine_state(node: nuke.Node) -> None:
    """The node's panel was closed."""
    _panels[:] = [each for each in _panels if each != node]
    _stop_if_idle()


def close_all() -> None:
    """Stop watching all nodes, stop the timer and close the connection."""
    for job in _jobs:
        job.close()
    del _jobs[:], _panels[:]
    _stop_timer()
    _close_monitor()


def _close_monitor() -> None:
    """Close the connection: an open socket would keep Nuke from quitting."""
    global _monitor
    if _monitor is not None:
        _monitor.close()
    _monitor = None


def engine_monitor() -> EngineMonitor:
    """This Nuke's connection to the engine.

    Raises:
        HostError: when there is no pyzmq for this Python.
    """
    global _monitor
    if _monitor is None:
        try:
            from .host.engine_monitor import EngineMonitor
            from .host.interpreter import find
        except ImportError as error:
            hint = f"Install the packaged plug-in with a folder vendor/{vendor_tag()}, or put pyzmq on PYTHONPATH."
            raise HostError(f"the engine cannot be spoken to ({error})", hint=hint) from None
        atexit.register(_close_monitor)
        name = f"Nuke {nuke.NUKE_VERSION_STRING}"
        _monitor = EngineMonitor(name=name, python=lambda: find(_engine_setting))
    return _monitor


def _add_job(node: nuke.Node, handles: List[JobHandle]) -> NodeJob:
    earlier = job_of(node)
    if earlier is not None and earlier.active:
        raise HostError(f"{node.name()} is being cleaned already", hint="Cancel it first.")
    if earlier is not None:
        earlier.close()
        _jobs.remove(earlier)
    monitor = engine_monitor()
    from .node_job import NodeJob

    job = NodeJob(node, monitor, list(handles))
    _jobs.append(job)
    return job


def _tick() -> None:
    """Poll once; called by the timer."""
    for job in list(_jobs):
        try:
            job.tick()
        except ValueError:  # the node was deleted
            job.close()
        except (HostError, OSError, RuntimeError) as error:
            job.close()
            with without_undo():
                job.node["state"].setValue(str(error))
        if job.closed:
            _jobs.remove(job)
    if _panels and _monitor is not None:
        _monitor.tick()
        _update_engine_state(_monitor)
    _stop_if_idle()


def _update_engine_state(monitor: EngineMonitor) -> None:
    from . import status_text

    text = status_text.engine_text(monitor.state)
    for node in list(_panels):
        try:
            knob = node["engine_state"]
        except ValueError:
            _panels.remove(node)
            continue
        if knob.value() != text:
            with without_undo():
                knob.setValue(text)


def _start_timer() -> None:
    """Start the timer unless it runs."""
    global _timer
    if not nuke.GUI:
        return
    if _timer is None:
        core = _qt_core()
        _timer = core.QTimer()
        _timer.timeout.connect(_tick)
    if not _timer.isActive():
        _timer.start(INTERVAL_MS)


def _qt_core() -> Any:
    """QtCore of this Nuke: PySide6 from 16 on, PySide2 before."""
    if nuke.NUKE_VERSION_MAJOR >= 16:
        from PySide6 import QtCore
    else:
        from PySide2 import QtCore
    return QtCore


def _stop_if_idle() -> None:
    """Stop the timer if there is neither a job nor an open panel."""
    if not _jobs and not _panels:
        _stop_timer()


def _stop_timer() -> None:
    global _timer
    if _timer is not None:
        _timer.stop()
    _timer = None


def _wait_until_closed(job: NodeJob) -> None:
    """Block until the job has ended. An engine that dies meanwhile is started again."""
    from .host.job_status import JobPhase

    restarts, printed = 0, ""
    node, monitor = job.node, engine_monitor()
    try:
        while not job.closed:
            job.tick()
            text = str(node["state"].value())
            if text != printed:
                printed = text
                nuke.tprint(f"{node.name()}: {text}")
            if job.phase is JobPhase.LOST and not job.closed and not monitor.ready:
                restarts = _restart_engine(monitor, restarts)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        job.cancel()
        raise
    finally:
        forget(node)
    if job.phase is not JobPhase.FINISHED:
        raise HostError(printed, hint="")


def _restart_engine(monitor: EngineMonitor, restarts: int) -> int:
    from .host.connection_file import log_file
    from .host.engine_monitor import Presence

    if monitor.state.presence is Presence.STARTING:
        return restarts
    if restarts >= MAX_RESTARTS:
        raise HostError("the engine was lost again and again", hint=f"Look at its log, {log_file()}.")
    monitor.start()
    return restarts + 1
