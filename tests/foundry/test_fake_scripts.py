"""Knobs, callbacks and scripts of the fake: what is kept, what is told to whom, and what comes back after closing."""

from __future__ import annotations

import sys

import pytest
from tests.foundry import checker, plates, tree
from tests.foundry.errors import NoSuchKnob, NotInNuke
from tests.foundry.stage import Stage

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

NODE = r"""
Group {
 name Clean1
 knobChanged "heard.append(nuke.thisKnob().name())"
 onCreate "heard.append('created ' + nuke.thisNode().name())"
 onDestroy "heard.append('destroyed')"
 addUserKnob {20 main l "Clean up"}
 addUserKnob {4 show l Show t "What is shown" M {plate result "result patch"}}
 show "result patch"
 addUserKnob {3 first l First}
 first 1001
 addUserKnob {1 job l "" +INVISIBLE}
 addUserKnob {22 solve l Solve T "nuke.thisNode()\['job'].setValue('7 \{x\} \[1] \"q\"')"}
}
 Input {
  inputs 0
  name plate
 }
 Read {
  inputs 0
  file "\[value parent.job]/x.####.exr"
  name Result
 }
 Switch {
  inputs 2
  which {{"parent.show == 0 ? 1 : 0"}}
  name Pick
 }
 Output {
  name Output1
 }
end_group
"""


@pytest.fixture
def stage():
    with Stage() as found:
        found.script.main_names["heard"] = []
        yield found


def heard(stage) -> list:
    return stage.script.main_names["heard"]


def test_nothing_is_there_that_was_not_declared(stage):
    import nuke

    assert nuke is stage.nuke
    for missing in (
        lambda: nuke.nosuch,
        lambda: nuke.env["nosuch"],
        lambda: nuke.createNode("KeyMix"),
        lambda: nuke.nodes.Grade(whites=1),
        lambda: nuke.nodes.Read(before="stop"),
        lambda: nuke.nodes.Grade(channels="confidence"),
        lambda: nuke.nodes.Switch(which="first"),
        lambda: nuke.nodes.Read(raw="yes"),
        lambda: nuke.nodes.Dot().setInput(1, None),
        lambda: nuke.root()["format"].nosuch,
        lambda: nuke.root().nosuch,
        lambda: nuke.menu("Nukes"),
        lambda: nuke.ask("Really?"),
    ):
        with pytest.raises(NotInNuke):
            missing()


def test_when_the_stage_is_left_nuke_is_gone():
    with Stage():
        assert "nuke" in sys.modules
        assert "PySide6.QtCore" in sys.modules
    assert "nuke" not in sys.modules
    with Stage(version=(15, 2)):
        assert "PySide2.QtCore" in sys.modules


def test_a_knob_that_is_not_there_raises_by_brackets_and_is_none_by_name(stage):
    grade = stage.nuke.nodes.Grade()
    with pytest.raises(NoSuchKnob):
        grade["nosuch"]
    with pytest.raises(NameError):
        grade["nosuch"]
    assert grade.knob("nosuch") is None
    assert stage.asked_in_vain == [("Grade", "nosuch")]


def test_a_write_s_exr_knobs_come_with_its_file_type(stage):
    write = stage.nuke.nodes.Write(file="a.exr")
    assert write.knob("datatype") is None
    with pytest.raises(NoSuchKnob, match="appears with file_type exr"):
        write["datatype"]
    write["file_type"].setValue("exr")
    write["datatype"].setValue("32 bit float")
    assert write["datatype"].value() == "32 bit float"
    with pytest.raises(NotInNuke, match="Zip"):
        write["compression"].setValue("ZIP")


def test_knobs_have_python_s_values_and_the_script_s(stage):
    read = stage.nuke.nodes.Read()
    read["file"].fromUserText("/a b/plate.####.exr 1001-1010")
    assert (read["first"].value(), read["last"].value(), read["file"].value()) == (1001, 1010, "/a b/plate.####.exr")
    read["before"].setValue(1)
    assert (read["before"].value(), read["before"].getValue(), read["before"].toScript()) == ("loop", 1.0, "loop")
    read["localizationPolicy"].setValue("off")
    crop = stage.nuke.nodes.Crop()
    crop["box"].fromScript("1 2 {root.last_frame} 4")
    assert crop["box"].value() == [1, 2, 100, 4]
    assert crop["box"].toScript() == "1 2 {root.last_frame} 4"
    assert crop["reformat"].value() is False


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (r"C:\plates\dir\a.exr", "C:platesdir\a.exr"),
        (r"//server/share/shot \[1]/a.exr", "//server/share/shot [1]/a.exr"),
        ("[file dirname [value root.name]]/a.exr", "/jobs/a.exr"),
        ("/plates/%V/a.[frame].exr", "/plates/%V/a.5.exr"),
    ],
)
def test_file_names_are_tcl(stage, text, path):
    stage.nuke.root()["name"].setValue("/jobs/x.nk")
    stage.nuke.frame(5)
    assert stage.nuke.nodes.Read(file=text)["file"].evaluate() == path


def test_a_bracket_in_a_path_that_nobody_escaped_is_a_command_that_fails(stage):
    with pytest.raises(NotInNuke, match="1"):
        stage.nuke.nodes.Read(file="/shot[1]/a.exr")["file"].evaluate()


def test_knob_changed_fires_for_everybody_since_17_1_and_before_for_the_artist():
    for version, silent in (((17, 1), False), ((16, 0), True)):
        with Stage(version=version) as stage:
            stage.script.main_names["heard"] = []
            node = stage.paste(NODE)[0]
            heard(stage).clear()
            node["first"].setValue(1005)
            node["first"].setValue(1005)
            assert heard(stage) == ([] if silent else ["first"])
            heard(stage).clear()
            stage.change("Clean1", "show", "plate")
            node.showControlPanel()
            assert heard(stage) == ["show", "showPanel"]


def test_a_knob_changed_that_never_ends_is_found_out(stage):
    node = stage.paste(NODE)[0]
    stage.nuke.addKnobChanged(lambda: node["first"].setValue(node["first"].value() + 1), nodeClass="Group")
    with pytest.raises(NotInNuke, match="without end"):
        node["first"].setValue(5)


def test_a_node_s_own_hook_is_heard_before_its_class_and_that_before_all(stage):
    stage.nuke.addOnCreate(lambda: heard(stage).append("all"))
    stage.nuke.addOnCreate(lambda: heard(stage).append("groups"), nodeClass="Group")
    stage.paste(NODE)
    assert heard(stage)[-3:] == ["created Clean1", "groups", "all"]


def test_closing_and_opening_brings_back_what_lies_in_knobs(stage, tmp_path):
    stage.paste(NODE)
    stage.press("Clean1", "solve")
    stage.nuke.toNode("Clean1").addKnob(stage.nuke.Double_Knob("extra", "Extra"))
    stage.nuke.toNode("Clean1")["extra"].setValue(0.25)
    old, text = stage.nuke.toNode("Clean1"), stage.text
    heard(stage).clear()
    stage.reopen(tmp_path / "shot.nk")
    assert heard(stage) == ["destroyed", "created Clean1"]
    new = stage.nuke.toNode("Clean1")
    assert (new["job"].value(), new["extra"].value()) == ('7 {x} [1] "q"', 0.25)
    assert (new["show"].value(), new["first"].value(), new["job"].visible()) == ("result patch", 1001, False)
    assert stage.nuke.toNode("Clean1.Pick").input(1).name() == "plate"
    assert stage.text.replace(f"{tmp_path}/shot.nk", "").split("Group", 1)[1] == text.split("Group", 1)[1]
    assert not stage.nuke.root().modified()
    with pytest.raises(ValueError, match="not attached"):
        old["job"]


def test_a_saved_script_is_what_the_strict_check_lets_through(stage, tmp_path):
    stage.paste(plates.reader("/a/b.####.exr", 1, 5) + NODE)
    stage.nuke.toNode("Clean1").setInput(0, stage.nuke.toNode("Plate"))
    stage.nuke.scriptSaveAs(str(tmp_path / "shot.nk"))
    assert checker.check(tmp_path / "shot.nk") == []


def test_what_changes_the_script_is_noticed_once(stage, tmp_path):
    stage.paste(NODE)
    stage.nuke.scriptSaveAs(str(tmp_path / "shot.nk"))
    before = stage.times_modified
    stage.nuke.toNode("Clean1")["first"].setValue(7)
    stage.nuke.toNode("Clean1")["first"].setValue(8)
    assert stage.times_modified == before + 1
    stage.nuke.toNode("Clean1").setSelected(True)
    stage.nuke.scriptSave()
    assert not stage.nuke.root().modified()


def test_expressions_see_knobs_of_parents_and_neighbours(stage):
    stage.paste(NODE)
    pick = stage.nuke.toNode("Clean1.Pick")
    assert pick["which"].value() == 0
    stage.nuke.toNode("Clean1")["show"].setValue("plate")
    assert pick["which"].value() == 1
    pick["which"].setExpression("parent.nosuch")
    with pytest.raises(NotInNuke, match=r"parent\.nosuch"):
        pick["which"].value()


def test_groups_say_where_nodes_go_and_wires_do_not_leave_them(stage):
    nuke = stage.nuke
    with stage.paste(NODE)[0]:
        dot = nuke.nodes.Dot(name="Inner")
        assert nuke.thisGroup().name() == "Clean1"
    outer = nuke.nodes.Dot(name="Outer")
    assert (dot.fullName(), outer.fullName()) == ("Clean1.Inner", "Outer")
    with pytest.raises(NotInNuke, match="different groups"):
        outer.setInput(0, dot)
    with pytest.raises(NotInNuke, match="circle"):
        outer.setInput(0, outer)
    assert {node.name() for node in nuke.allNodes("Dot", recurseGroups=True)} == {"Inner", "Outer"}


def test_create_node_plugs_into_what_is_selected(stage):
    first = stage.nuke.createNode("Constant", inpanel=False)
    second = stage.nuke.createNode("Grade", "white 2 name Bright", inpanel=False)
    assert (second.input(0), second.name(), second["white"].value()) == (first, "Bright", [2, 2, 2, 2])
    assert stage.nuke.selectedNode() is second
    stage.nuke.delete(first)
    assert second.input(0) is None


def test_a_start_runs_init_everywhere_and_menu_in_the_interface(tmp_path):
    (tmp_path / "init.py").write_text("import nuke\nnuke.pluginAddPath('gizmos')\nnuke.tprint('init')\n")
    (tmp_path / "menu.py").write_text("import nuke\nnuke.menu('Nodes').addCommand('Clean/Up', 'heard.append(1)')\n")
    (tmp_path / "gizmos").mkdir()
    (tmp_path / "gizmos" / "Clean.gizmo").write_text(NODE)
    for gui in (True, False):
        with Stage(gui=gui) as stage:
            stage.script.main_names["heard"] = []
            stage.startup(tmp_path)
            assert stage.artist.prints == ["init"]
            assert stage.nuke.createNode("Clean", inpanel=False).name() == "Clean1"
            if gui:
                stage.click("Nodes/Clean/Up")
                assert heard(stage)[-1] == 1
            else:
                with pytest.raises(NotInNuke, match="terminal"):
                    stage.nuke.menu("Nodes")


def test_a_disabled_button_cannot_be_pressed(stage):
    node = stage.paste(NODE)[0]
    node["solve"].setEnabled(False)
    with pytest.raises(NotInNuke, match="greyed out"):
        stage.press("Clean1", "solve")
    node["solve"].setEnabled(True)
    stage.press("Clean1", "solve")
    with pytest.raises(NotInNuke, match="flag"):
        node["solve"].setFlag(3)
