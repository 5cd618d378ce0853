"""The node at work with a real engine process that fills at once: frames come, and whatever comes between."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from tests.foundry import checker, plates, tree
from tests.foundry.engines import ROOT
from tests.foundry.shop import NAME, Shop

pytestmark = [
    pytest.mark.skipif(tree.TCL is None, reason="tclsh"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script"),
]

ALL = range(1001, 1005)


@pytest.fixture
def shop(tmp_path, engine):
    with Shop(tmp_path, engine.python) as found:
        yield found


def begun(shop, engine, *, until: int = 1003):
    """A shot of four frames in mid-job: those before `until` are there."""
    node = shop.shot(1001, 1004)
    engine.hold_at(until)
    shop.press("solve")
    shop.until(lambda: shop.node["solved"].valueAt(until - 1) and not shop.node["solved"].valueAt(until))
    return node


def finished(shop) -> None:
    shop.until(lambda: not shop.busy)
    assert shop.solved(ALL) == list(ALL), shop.state


def test_frames_appear_one_by_one_and_outside_the_matte_is_the_plate(tmp_path, engine):
    folder = tmp_path / "shot [1] $x"
    folder.mkdir()
    with Shop(folder, engine.python) as shop:
        begun(shop, engine)
        assert shop.solved(ALL) == [1001, 1002]
        assert "2 of 4 frames" in shop.state
        engine.go_on()
        finished(shop)
        assert (shop.state, shop.texts()) == ("Finished", [])
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


def test_the_job_is_found_again_when_the_script_was_closed_in_mid_job(shop, engine):
    begun(shop, engine)
    shop.nuke.scriptSave()
    shop.nuke.scriptClose()
    assert not shop.stage.loop.timers, "nothing is looked after when no script is open"
    engine.hold_at(1004)
    shop.nuke.scriptOpen(str(shop.folder / "shot.nk"))
    shop.until(lambda: shop.node["solved"].valueAt(1003))
    assert shop.solved(ALL) == [1001, 1002, 1003]
    engine.go_on()
    finished(shop)
    assert not shop.nuke.root().modified()


def test_another_session_of_nuke_finds_it_as_well(shop, engine, tmp_path):
    begun(shop, engine)
    shop.nuke.scriptSave()
    shop.__exit__()
    engine.go_on()
    with Shop(tmp_path, engine.python) as again:
        again.nuke.scriptOpen(str(tmp_path / "shot.nk"))
        finished(again)
        shop.stage, shop.nuke = again.stage, again.nuke


def test_a_script_that_was_saved_before_the_job_had_a_name_is_asked_to_be_saved_again(shop, engine, tmp_path):
    shop.shot(1001, 1004)
    shop.press("solve")
    shop.nuke.scriptSave()
    shop.until(lambda: shop.node["solved"].valueAt(1004))
    assert shop.nuke.root().modified()
    shop.__exit__()  # and she did not save it
    with Shop(tmp_path, engine.python) as again:
        again.nuke.scriptOpen(str(tmp_path / "shot.nk"))
        assert again.solved(ALL) == list(ALL)
        assert (again.state, again.busy) == ("Finished", False)
        shop.stage, shop.nuke = again.stage, again.nuke


def test_opening_a_script_starts_no_engine(shop, engine, tmp_path):
    shop.impatient()
    begun(shop, engine)
    shop.nuke.scriptSave()
    engine.kill()
    shop.nuke.scriptOpen(str(tmp_path / "shot.nk"))
    shop.stage.run(until=lambda: False, seconds=1.5)
    assert not engine.lives
    assert "finished frames are kept" in shop.state
    engine.go_on()
    shop.press("solve_missing")
    finished(shop)


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
    assert shop.stage.artist.tasks[-1].percent == 50
    shop.stage.artist.cancel_at = 50
    shop.until(lambda: not shop.busy)
    assert shop.state.startswith("Cancelled")


def test_an_engine_that_dies_is_told_and_its_frames_are_kept(shop, engine):
    shop.impatient()
    begun(shop, engine)
    engine.kill()
    shop.until(lambda: "Interrupted" in shop.state)
    assert shop.solved(ALL) == [1001, 1002]
    engine.go_on()
    shop.press("solve_missing")
    finished(shop)
    assert shop.node["version"].value() == "v001"


def test_an_engine_that_somebody_starts_again_goes_on(shop, engine, tmp_path):
    shop.impatient()
    begun(shop, engine)
    engine.kill()
    shop.until(lambda: "Interrupted" in shop.state)
    engine.go_on()
    with (tmp_path / "log").open("wb") as log:
        command = [str(engine.python), "-m", "plugin_host.server"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        finished(shop)
    finally:
        process.terminate()
        process.wait(10)


def test_a_node_that_is_deleted_in_mid_job_is_let_go_of(shop, engine):
    node = begun(shop, engine)
    shop.nuke.delete(node)
    engine.go_on()
    shop.stage.run()
    assert not shop.stage.loop.timers
    assert shop.texts() == []


def test_a_node_that_goes_without_a_word_is_let_go_of_as_well(shop, engine):
    node = begun(shop, engine)
    node["onDestroy"].setValue("")
    shop.nuke.delete(node)
    engine.go_on()
    shop.until(lambda: not shop.stage.loop.timers)


def test_a_deleted_node_that_comes_back_finds_its_job(shop, engine, tmp_path):
    node = begun(shop, engine)
    node.setSelected(True)
    shop.nuke.nodeCopy(str(tmp_path / "undo.nk"))
    shop.nuke.delete(node)
    back = shop.nuke.nodePaste(str(tmp_path / "undo.nk"))
    back.setInput(0, shop.nuke.toNode("Above"))
    back.setInput(1, shop.nuke.toNode("Matte"))
    engine.go_on()
    finished(shop)


def test_a_copy_shows_the_result_and_gets_a_folder_of_its_own(shop, engine, tmp_path):
    node = begun(shop, engine)
    folder = node["cache_folder"].value()
    node.setSelected(True)
    shop.nuke.nodeCopy(str(tmp_path / "copy.nk"))
    copy = shop.nuke.nodePaste(str(tmp_path / "copy.nk"))
    assert (copy["cache_folder"].value(), copy["job"].value()) == ("", "")
    copy.setInput(0, shop.nuke.toNode("Above"))
    copy.setInput(1, shop.nuke.toNode("Matte"))
    hidden = shop.hidden(1001)
    assert (shop.red(1001, copy.name())[hidden] == 8).all()
    engine.go_on()
    finished(shop)
    shop.stage.press(copy, "solve")
    shop.until(lambda: not copy["job"].value())
    assert copy["cache_folder"].value() not in ("", folder)


def test_a_node_that_is_renamed_in_mid_job_goes_on(shop, engine):
    node = begun(shop, engine)
    node.setName("Renamed")
    engine.go_on()
    shop.until(lambda: not node["job"].value())
    assert (shop.red(1004, "Renamed")[shop.hidden(1004)] == 11).all()


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
    shop.press("solve_missing")
    assert "lacks no frame" in shop.texts()[-1]


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
    import aan_nuke.pulse

    aan_nuke.pulse.close()
    assert engine.lives, "there is one to be found"
    shop.node.showControlPanel()
    for name, value in (("show", "plate"), ("grow", 3.0), ("first", 1002), ("engine", "/x"), ("version", 0)):
        shop.stage.change(NAME, name, value)
    assert aan_nuke.pulse.contact()._client is None, "a knob looked for the engine: that is the timer's"
    shop.until(lambda: aan_nuke.pulse.contact()._client is not None)


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


class TestWithoutInterface:
    """`nuke -t` and `nuke -x`."""

    def test_solve_comes_back_when_it_is_done(self, tmp_path, engine):
        with Shop(tmp_path, engine.python, gui=False) as shop:
            shop.shot(1001, 1004)
            shop.press("solve")
            assert shop.solved(ALL) == list(ALL)
            assert any("Finished" in line for line in shop.stage.artist.prints)

    def test_what_goes_wrong_is_raised_so_that_a_farm_sees_it(self, tmp_path, engine):
        with Shop(tmp_path, engine.python, gui=False) as shop:
            shop.shot(1001, 1004)
            shop.node["grow"].setValue(500)
            with pytest.raises(RuntimeError, match="choose a number"):
                shop.press("solve")

    def test_a_farm_reads_what_is_there_and_starts_nothing(self, shop, engine, tmp_path):
        begun(shop, engine)
        shop.nuke.scriptSave()
        shop.press("cancel")
        shop.until(lambda: not shop.busy)
        shop.__exit__()
        engine.kill()
        with Shop(tmp_path, engine.python, gui=False) as farm:
            farm.nuke.scriptOpen(str(tmp_path / "shot.nk"))
            assert farm.solved(ALL) == [1001, 1002]
            assert farm.stage.artist.prints == [
                f"{NAME}: 2 frames of its range are not solved, from 1003 on; plate shows"
            ]
            assert "aan_nuke.host.contact" not in sys.modules
            assert not engine.lives
            shop.stage, shop.nuke = farm.stage, farm.nuke

    @pytest.mark.parametrize("asked_by", ["knob", "variable"])
    def test_a_farm_solves_when_asked_to(self, tmp_path, engine, monkeypatch, asked_by):
        with Shop(tmp_path, engine.python) as shop:
            shop.shot(1001, 1002)
            shop.node["solve_on_farm"].setValue(asked_by == "knob")
            shop.nuke.scriptSave()
        if asked_by == "variable":
            monkeypatch.setenv("AAN_NUKE_SOLVE", "1")
        with Shop(tmp_path, engine.python, gui=False) as farm:
            farm.nuke.scriptOpen(str(tmp_path / "shot.nk"))
            assert farm.solved(range(1001, 1003)) == [1001, 1002]
            farm.stage.paste(f'Write {{\n inputs 0\n file "{tmp_path}/out.####.exr"\n file_type exr\n name W\n}}\n')
            farm.nuke.toNode("W").setInput(0, farm.node)
            farm.nuke.execute("W", 1001, 1002)
            assert np.array_equal(plates.read(tmp_path / "out.1002.exr")["R"].astype(np.float32), farm.red(1002))

    def test_an_engine_that_dies_meanwhile_is_started_again(self, tmp_path, engine):
        import threading

        from plugin_host import connection

        with Shop(tmp_path, engine.python, gui=False) as shop:
            shop.impatient()
            shop.shot(1001, 1004)
            engine.hold_at(1003)

            def kill() -> None:
                folder = tmp_path / "align_attend"
                while not list(folder.rglob("fill.1002.exr")):
                    threading.Event().wait(0.02)
                assert connection.read() is not None
                engine.kill()
                engine.go_on()

            killer = threading.Thread(target=kill)
            killer.start()
            shop.press("solve")
            killer.join(10)
            assert shop.solved(ALL) == list(ALL)
