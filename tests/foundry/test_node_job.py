"""The node at work with a real engine process that fills at once: frames come, versions, what the artist is told."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from tests.foundry import checker, plates, tree
from tests.foundry.midjob import ALL, begun, finished
from tests.foundry.shop import NAME, Shop
from tests.host.fake_engine import summary

pytestmark = [
    pytest.mark.skipif(tree.TCL is None, reason="tclsh"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script"),
]


def test_frames_appear_one_by_one_and_outside_the_matte_is_the_plate(tmp_path, engine):
    folder = tmp_path / "shot [1] $x"
    folder.mkdir()
    with Shop(folder, engine.python) as shop:
        begun(shop, engine)
        assert shop.solved(ALL) == [1001, 1002]
        # A frame may lie there before the word about it has come.
        shop.until(lambda: "2 of 4 frames" in shop.state)
        engine.go_on()
        finished(shop)
        assert shop.texts() == []
        assert shop.state == f"Finished; {summary(ALL).text}"
        assert shop.node["unseen_share"].value() == "25.00%"
        assert shop.node["worst"].value() == "1003 1004"
        assert os.path.exists(shop.node["report"].value())
        assert shop.node["size"].value() != "nothing"
        shop.press("next_worst")
        shop.press("next_worst")
        assert shop.nuke.frame() == 1004


def test_the_script_is_marked_as_changed_once_at_most(shop, engine):
    shop.shot(1001, 1004)
    before = shop.stage.times_modified
    shop.solve()
    assert shop.stage.times_modified == before + 1
    assert shop.stage.undo == []


def test_a_script_that_is_saved_in_mid_job_stays_saved(shop, engine):
    begun(shop, engine)
    shop.nuke.scriptSave()
    engine.go_on()
    finished(shop)
    assert not shop.nuke.root().modified()


def test_cancel_keeps_what_is_finished(shop, engine):
    begun(shop, engine)
    shop.press("cancel")
    shop.until(lambda: not shop.busy)
    assert shop.solved(ALL) == [1001, 1002]
    assert shop.state.startswith("Cancelled")
    engine.go_on()
    shop.press("solve_missing")
    finished(shop)


def test_the_progress_bar_cancels_too(shop, engine):
    begun(shop, engine)
    assert [task.name for task in shop.stage.artist.tasks] == [f"Align & Attend: {NAME}"]
    # A frame may be there a moment before the bar is told of it.
    shop.until(lambda: shop.stage.artist.tasks[-1].percent == 50)
    shop.stage.artist.cancel_at = 50
    shop.until(lambda: not shop.busy)
    assert shop.state.startswith("Cancelled")


def test_two_nodes_are_looked_after_at_once(shop, engine):
    begun(shop, engine)
    other = shop.node_beside("Above", "Matte")
    shop.stage.press(other, "solve")
    engine.go_on()
    shop.until(lambda: not shop.busy and not other["job"].value())
    assert shop.solved(ALL) == list(ALL)
    assert (shop.red(1002, other.name())[shop.hidden(1002)] == 9).all()


def test_each_solve_of_the_range_is_a_version(shop, engine):
    shop.shot(1001, 1002)
    shop.solve()
    shop.solve()
    assert shop.node["version"].values() == ["v001", "v002"]
    assert shop.node["version"].value() == "v002"


def test_solve_missing_does_what_is_missing_and_no_more(shop, engine):
    shop.shot(1001, 1004)
    shop.solve()
    folder = os.path.dirname(shop.node.node("Result")["file"].evaluate())
    before = {name: os.stat(f"{folder}/{name}").st_mtime_ns for name in os.listdir(folder) if name.endswith(".exr")}
    os.remove(f"{folder}/fill.1002.exr")
    os.remove(f"{folder}/fill.1004.exr")
    shop.press("refresh")
    assert shop.solved(ALL) == [1001, 1003]
    shop.press("solve_missing")
    finished(shop)
    after = {name: os.stat(f"{folder}/{name}").st_mtime_ns for name in before}
    assert {name for name in before if before[name] != after[name]} == {"fill.1002.exr", "fill.1004.exr"}
    assert shop.state == f"Finished; {summary([1002]).text}; {summary([1004]).text}", "each gap is a job of its own"
    shop.press("solve_missing")
    assert "lacks no frame" in shop.texts()[-1]


def test_frames_that_fill_other_layers_are_not_mixed_into_a_version(shop, engine):
    shop.shot(1001, 1002)
    shop.node["last"].setValue(1001)
    shop.solve()
    shop.node["last"].setValue(1002)
    shop.stage.change(NAME, "fill_layers", "A")
    shop.press("solve_missing")
    assert "v001 was solved with other layers" in shop.texts()[-1]
    shop.solve()
    assert (shop.node["version"].value(), shop.node["layered"].value()) == ("v002", True)


def test_what_seems_wrong_is_said_from_the_beginning_and_what_was_understood_at_the_end(shop):
    from aan_nuke import status_text
    from aan_nuke.host.job_status import JobPhase, JobStatus

    told = {"inputs": "2 frames 1001-1002", "warnings": ("the matte hides nothing",), "total": 2}
    tight = JobStatus(JobPhase.FINISHED, residue=1, grow=2.5)
    assert status_text.job_text(tight) == (
        "Finished; warning: the object seems to reach 1 pixel beyond the matte: Grow matte 2.5"
    )
    running = JobStatus(JobPhase.RUNNING, frames=(1001,), **told)
    assert status_text.job_text(running) == "In work, 1 of 2 frames; warning: the matte hides nothing"
    assert status_text.progress_text(running) == "In work, 1 of 2 frames"
    stopped = JobStatus(JobPhase.FAILED, "no room", "Make some.", **told)
    assert status_text.job_text(stopped) == (
        "Failed, 0 of 2 frames: no room. Make some; 2 frames 1001-1002; warning: the matte hides nothing"
    )


def test_a_shot_in_which_no_frame_stands_out_says_so(shop):
    shop.shot(1001, 1002)
    shop.press("next_worst")
    assert "nothing is solved yet" in shop.texts()[-1]
    shop.node["worst"].setValue("no frame stands out")
    shop.press("next_worst")
    assert "no frame stands out" in shop.texts()[-1]


def test_a_preview_is_one_frame_apart_from_the_versions(shop, engine):
    shop.shot(1001, 1004)
    shop.nuke.frame(1002)
    shop.press("preview")
    shop.until(lambda: not shop.busy)
    assert (shop.solved(ALL), shop.node["version"].value()) == ([1002], "preview")
    shop.solve()
    assert shop.node["version"].values() == ["preview", "v001"]
    finished(shop)
    shop.press("preview")
    shop.until(lambda: not shop.busy)
    assert shop.solved(ALL) == [1002]


def test_a_preview_with_other_settings_is_read_afresh(shop, engine):
    shop.shot(1001, 1001, between="Multiply {\n value 2\n name Graded\n}\n")
    shop.nuke.frame(1001)
    shop.press("preview")
    shop.until(lambda: not shop.busy)
    path = shop.node.node("Result")["file"].evaluate().replace("####", "1001")
    opened = shop.stage.opened.count(path)
    shop.is_solved(1001)
    shop.press("preview")
    shop.until(lambda: not shop.busy)
    shop.is_solved(1001)
    assert shop.stage.opened.count(path) > opened


def test_all_views_are_solved_and_a_frame_counts_when_each_has_it(shop, engine):
    for view, number in (("left", 1), ("right", 2)):
        for frame in (1001, 1002):
            plates.write(shop.folder / f"plate.{view}.{frame}.exr", RGB=plates.noise(frame + 100 * number))
    shop.shot(1001, 1002, plate=f"{shop.folder}/plate.%V.####.exr")
    shop.stage.script.views = ["left", "right"]
    shop.solve()
    for view in ("left", "right"):
        red = shop.stage.picture(NAME, 1002, view).channels["rgba.red"][::-1]
        plate = shop.stage.picture("Above", 1002, view).channels["rgba.red"][::-1]
        hidden = shop.hidden(1002)
        assert (red[hidden] == 9).all()
        assert np.array_equal(red[~hidden], plate[~hidden])
    os.remove(shop.node.node("Result")["file"].evaluate().replace("%V", "right").replace("####", "1001"))
    shop.press("refresh")
    assert [shop.node["solved"].valueAt(frame) for frame in (1001, 1002)] == [0, 1]


def test_no_engine_is_explained_in_the_node(shop, engine):
    engine.kill()
    shop.shot(1001, 1002)
    shop.node["engine"].setValue("/nowhere/python")
    shop.press("solve")
    shop.until(lambda: not shop.busy)
    assert "is no Python" in shop.state
    assert "Name the Python that has the engine" in shop.state


def test_no_pyzmq_is_explained_in_the_node(tmp_path, monkeypatch):
    with Shop(tmp_path) as shop:
        shop.shot(1001, 1002)
        for name in [name for name in sys.modules if name.split(".")[0] == "zmq"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "zmq", None)
        shop.press("solve")
        assert "vendor/cp311-linux" in shop.state
        assert shop.texts() == [f"{NAME}: {shop.state}"]
        shop.node.showControlPanel()
        assert "vendor/cp311-linux" in shop.node["engine_state"].value()


def test_what_the_engine_refuses_is_told_with_its_hint(shop, engine):
    shop.shot(1001, 1002)
    shop.node["grow"].setValue(500)
    shop.press("solve")
    shop.until(lambda: not shop.busy)
    assert shop.state == "Failed: Grow matte is 500.0: choose a number from -100 to 100"


def test_a_second_press_is_refused_while_it_works(shop, engine):
    begun(shop, engine)
    for button in ("solve", "preview", "clear"):
        shop.press(button)
        assert "being cleaned already" in shop.texts()[-1]
    engine.go_on()
    finished(shop)


def test_an_open_panel_shows_whether_there_is_an_engine(shop, engine):
    engine.kill()
    shop.shot(1001, 1002)
    shop.nuke.scriptSave()
    shop.node.showControlPanel()
    shop.until(lambda: "not running" in shop.node["engine_state"].value())
    assert not shop.nuke.root().modified()
    shop.solve()
    shop.until(lambda: shop.node["engine_state"].value().startswith("ready"))
    shop.node.hideControlPanel()
    shop.until(lambda: not shop.stage.loop.timers)


def test_changing_knobs_never_reaches_for_the_network(shop, engine):
    shop.shot(1001, 1002)
    shop.solve()
    import aan_nuke.engine_timer

    aan_nuke.engine_timer.close_all()
    assert engine.lives, "there is one to be found"
    shop.node.showControlPanel()
    for name, value in (("show", "plate"), ("grow", 3.0), ("first", 1002), ("engine", "/x"), ("version", 0)):
        shop.stage.change(NAME, name, value)
    assert aan_nuke.engine_timer.engine_monitor()._client is None, "a knob looked for the engine: that is the timer's"
    shop.until(lambda: aan_nuke.engine_timer.engine_monitor()._client is not None)


def test_a_saved_script_in_mid_job_passes_the_strict_check(shop, engine):
    begun(shop, engine)
    shop.nuke.scriptSave()
    assert checker.check(shop.folder / "shot.nk") == []
    engine.go_on()
    finished(shop)


@pytest.mark.parametrize("version", [(14, 0), (16, 0)])
def test_older_nukes_and_indie_as_well(version, tmp_path, engine):
    with Shop(tmp_path, engine.python, version=version, indie=True) as shop:
        begun(shop, engine)
        engine.go_on()
        finished(shop)
