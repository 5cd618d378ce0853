"""Nuke's pulse: one contact with the engine and one timer for all nodes, or in terminal mode a wait that blocks.

Nothing of it exists before the first shot is to be cleaned, found again, or a node's panel is open. All of it lives on
Nuke's main thread; the timer stops as soon as there is nothing to look after.
"""

from __future__ import annotations

import atexit
import time
from typing import TYPE_CHECKING, Any, List, Optional

import nuke

from .host import tag
from .host.errors import HostError
from .no_undo import quietly

if TYPE_CHECKING:
    from .host.contact import Contact
    from .host.ticket import Ticket
    from .node_job import Solving

BEAT = 200  # milliseconds between two looks
STEP = 0.05  # seconds between two looks in terminal mode
RESTARTS = 2  # times that terminal mode starts an engine which was lost in mid-job

_contact: Optional[Contact] = None
_timer: Any = None
_solvings: List[Solving] = []
_panels: List[Any] = []
_chosen = ""


def of(node: Any) -> Optional[Solving]:
    """What is being done for a node."""
    return next((solving for solving in _solvings if solving.node == node), None)


def begin(node: Any, tickets: List[Ticket]) -> None:
    """Have these jobs done for a node; in terminal mode come back when they are.

    Raises:
        HostError: when the node is being cleaned already, or nothing can be handed over; in terminal mode also when a
            job did not end well.
    """
    choose(node)
    solving = _add(node, tickets)
    solving.begin()
    if nuke.GUI:
        _beat()
    else:
        _wait_for(solving)


def find_again(node: Any, tickets: List[Ticket]) -> None:
    """Go on with the jobs of an earlier session. Starts no engine, and says nothing before the timer's first beat."""
    _add(node, tickets).go_on()
    _beat()


def choose(node: Any) -> None:
    """Look for the engine where this node says; one that runs already is kept."""
    global _chosen
    chosen = str(node["engine"].evaluate() or "")
    if chosen != _chosen:
        _chosen = chosen
        if _contact is not None:
            _contact.look_again()


def let_go(node: Any) -> None:
    """Forget a node; its job goes on."""
    for solving in [each for each in _solvings if each.node == node]:
        solving.close()
        _solvings.remove(solving)
    unwatch(node)


def watch(node: Any) -> None:
    """Keep the engine's state of a node up to date, as its panel is open."""
    if node not in _panels:
        _panels.append(node)
    choose(node)
    _beat()


def unwatch(node: Any) -> None:
    """Its panel was closed."""
    _panels[:] = [each for each in _panels if each != node]
    _rest()


def close() -> None:
    """Let go of everything."""
    for solving in _solvings:
        solving.close()
    del _solvings[:], _panels[:]
    _stop()
    _hang_up()


def _hang_up() -> None:
    """An open socket must not keep Nuke from leaving."""
    global _contact
    if _contact is not None:
        _contact.close()
    _contact = None


def contact() -> Contact:
    """This Nuke's contact with the engine.

    Raises:
        HostError: when there is no pyzmq for this Python.
    """
    global _contact
    if _contact is None:
        try:
            from .host.contact import Contact
            from .host.interpreter import find
        except ImportError as error:
            hint = f"Install the packaged plug-in with a folder vendor/{tag()}, or put pyzmq on PYTHONPATH."
            raise HostError(f"the engine cannot be spoken to ({error})", hint=hint) from None
        atexit.register(_hang_up)
        name = f"Nuke {nuke.NUKE_VERSION_STRING}"
        _contact = Contact(name=name, python=lambda: find(_chosen))
    return _contact


def _add(node: Any, tickets: List[Ticket]) -> Solving:
    before = of(node)
    if before is not None and before.active:
        raise HostError(f"{node.name()} is being cleaned already", hint="Cancel it first.")
    if before is not None:
        before.close()
        _solvings.remove(before)
    spoken_to = contact()
    from .node_job import Solving

    solving = Solving(node, spoken_to, list(tickets))
    _solvings.append(solving)
    return solving


def _look() -> None:
    """One beat of the timer."""
    for solving in list(_solvings):
        try:
            solving.tick()
        except ValueError:  # the node was deleted
            solving.close()
        except (HostError, OSError, RuntimeError) as error:
            solving.close()
            with quietly():
                solving.node["state"].setValue(str(error))
        if solving.over:
            _solvings.remove(solving)
    if _panels and _contact is not None:
        _contact.tick()
        _show_engine(_contact)
    _rest()


def _show_engine(spoken_to: Contact) -> None:
    from . import status_text

    text = status_text.of_engine(spoken_to.state)
    for node in list(_panels):
        try:
            knob = node["engine_state"]
        except ValueError:
            _panels.remove(node)
            continue
        if knob.value() != text:
            with quietly():
                knob.setValue(text)


def _beat() -> None:
    """Have the timer run."""
    global _timer
    if not nuke.GUI:
        return
    if _timer is None:
        core = _qt()
        _timer = core.QTimer()
        _timer.timeout.connect(_look)
    if not _timer.isActive():
        _timer.start(BEAT)


def _qt() -> Any:
    """Qt as this Nuke has it: PySide6 from 16 on, PySide2 before."""
    if nuke.NUKE_VERSION_MAJOR >= 16:
        from PySide6 import QtCore
    else:
        from PySide2 import QtCore
    return QtCore


def _rest() -> None:
    """Stop the timer as soon as there is nothing to look after."""
    if not _solvings and not _panels:
        _stop()


def _stop() -> None:
    global _timer
    if _timer is not None:
        _timer.stop()
    _timer = None


def _wait_for(solving: Solving) -> None:
    """Block until it is over; an engine that is lost meanwhile is started again."""
    from .host.standing import Phase

    restarts, said = 0, ""
    node, spoken_to = solving.node, contact()
    try:
        while not solving.over:
            solving.tick()
            words = str(node["state"].value())
            if words != said:
                said = words
                nuke.tprint(f"{node.name()}: {words}")
            if solving.phase is Phase.LOST and not solving.over and not spoken_to.ready:
                restarts = _start_again(spoken_to, restarts)
            time.sleep(STEP)
    except KeyboardInterrupt:
        solving.cancel()
        raise
    finally:
        let_go(node)
    if solving.phase is not Phase.FINISHED:
        raise HostError(said, hint="")


def _start_again(spoken_to: Contact, restarts: int) -> int:
    from .host.contact import Presence

    if spoken_to.state.presence is Presence.STARTING:
        return restarts
    if restarts >= RESTARTS:
        raise HostError("the engine was lost again and again", hint="Look at its log.")
    spoken_to.start()
    return restarts + 1
