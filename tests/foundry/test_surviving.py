"""The node and its job when scripts are closed, engines die, and nodes are deleted, copied or renamed meanwhile."""

from __future__ import annotations

import os
import subprocess

import pytest
from tests.foundry import tree
from tests.foundry.engines import ROOT
from tests.foundry.midjob import ALL, begun, finished
from tests.foundry.shop import Shop

pytestmark = [
    pytest.mark.skipif(tree.TCL is None, reason="tclsh"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script"),
]


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


EARLIER_NAMES = {
    "aan_nuke.callbacks.on_create": "aan_nuke.node.created",
    "aan_nuke.callbacks.on_destroy": "aan_nuke.node.destroyed",
    "aan_nuke.callbacks.on_knob_changed": "aan_nuke.node.changed",
    "import aan_nuke.callbacks": "import aan_nuke.node",
}


def test_a_script_that_was_saved_with_earlier_names_of_the_callbacks_works_as_ever(shop, engine):
    begun(shop, engine)
    shop.nuke.scriptSave()
    shop.nuke.scriptClose()
    path = shop.folder / "shot.nk"
    text = path.read_text()
    for name, earlier in EARLIER_NAMES.items():
        assert name in text
        text = text.replace(name, earlier)
    assert "callbacks" not in text
    path.write_text(text)
    shop.nuke.scriptOpen(str(path))
    engine.go_on()
    finished(shop)
    shop.node.showControlPanel()
    assert shop.stage.loop.timers
    shop.nuke.delete(shop.node)
    assert not shop.stage.loop.timers
    assert shop.texts() == []


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
