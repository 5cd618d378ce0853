"""Threads on the fake: what Nuke would crash or hang on raises, and the main loop serves timers and other threads."""

from __future__ import annotations

import threading

import pytest
from tests.foundry.errors import NotInNuke, WrongThread
from tests.foundry.stage import Stage


@pytest.fixture
def stage():
    with Stage() as found:
        yield found


def elsewhere(work):
    """What a worker thread gets out of `work`, or the exception it ends with."""
    found = []

    def run():
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return found[0]


def test_nodes_knobs_and_functions_belong_to_the_main_thread(stage):
    nuke = stage.nuke
    node = nuke.nodes.Read(name="Plate")
    knob = node["file"]
    task = nuke.ProgressTask("Solve")
    for work in (
        lambda: nuke.toNode("Plate"),
        lambda: nuke.nodes.Dot(),
        lambda: node["file"],
        lambda: node.name(),
        lambda: knob.value(),
        lambda: knob.setValue("x"),
        lambda: nuke.root().setModified(False),
        lambda: nuke.execute("Plate", 1, 1),
        lambda: nuke.message("x"),
        lambda: nuke.addOnCreate(print),
        lambda: nuke.ProgressTask("Solve"),
        lambda: task.setProgress(5),
        lambda: task.isCancelled(),
    ):
        assert isinstance(elsewhere(work), WrongThread)
    assert knob.value() == ""


def test_what_needs_no_main_thread_may_be_had_anywhere(stage):
    assert elsewhere(lambda: (stage.nuke.GUI, stage.nuke.env["NukeVersionMajor"])) == (True, 17)


def test_the_main_thread_must_not_wait_for_itself(stage):
    for name in ("executeInMainThread", "executeInMainThreadWithResult"):
        with pytest.raises(WrongThread, match="hangs"):
            getattr(stage.nuke, name)(print)


def test_another_thread_hands_over_and_the_loop_does_it(stage):
    nuke = stage.nuke
    done = []
    thread = threading.Thread(
        target=lambda: done.append(
            nuke.executeInMainThreadWithResult(lambda a, b: (a + b, nuke.frame()), (1,), {"b": 2})
        )
    )
    thread.start()
    assert stage.run(until=lambda: done, seconds=5)
    thread.join()
    assert done == [(3, 1)]
    elsewhere(lambda: nuke.executeInMainThread(done.append, ("later",)))
    assert done == [(3, 1)]
    stage.run()
    assert done[1:] == ["later"]


def test_arguments_are_a_tuple(stage):
    assert isinstance(elsewhere(lambda: stage.nuke.executeInMainThread(print, "words")), NotInNuke)


def test_in_terminal_mode_no_loop_turns():
    with Stage(gui=False) as stage:
        assert isinstance(elsewhere(lambda: stage.nuke.executeInMainThread(print)), NotInNuke)
        with pytest.raises(NotInNuke, match="terminal"):
            stage.run()


def test_a_timer_fires_while_the_loop_turns_and_stops_when_told(stage):
    from PySide6 import QtCore

    ticks = []
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(1)
    assert not ticks
    assert stage.run(until=lambda: len(ticks) >= 3, seconds=5)
    timer.stop()
    count = len(ticks)
    assert not stage.run(until=lambda: len(ticks) > count, seconds=0.05)
    QtCore.QTimer.singleShot(0, lambda: ticks.append("once"))
    stage.run()
    stage.run()
    assert ticks.count("once") == 1
    assert isinstance(elsewhere(QtCore.QTimer), WrongThread)
    with pytest.raises(NotInNuke):
        _ = QtCore.QThread


def test_a_progress_bar_is_what_the_artist_cancels(stage):
    stage.artist.cancel_at = 50
    task = stage.nuke.ProgressTask("Solve")
    task.setMessage("frame 3")
    task.setProgress(49)
    assert not task.isCancelled()
    task.setProgress(50)
    assert task.isCancelled()
    for wrong in (0.5, 101, True):
        with pytest.raises(NotInNuke, match=r"0 \.\. 100"):
            task.setProgress(wrong)
