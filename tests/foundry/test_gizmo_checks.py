"""The strict check lets a good gizmo through and catches each kind of fault that Nuke would only show to an artist."""

from __future__ import annotations

import pytest
from tests.foundry import checker, tree
from tests.foundry.errors import NotInNuke
from tests.foundry.stage import Stage

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

GOOD = r"""
add_layer {confidence confidence.a}
Group {
 name Clean
 onCreate "import clean\nclean.created(nuke.thisNode())"
 addUserKnob {20 User l "Clean up"}
 addUserKnob {4 show l Show t "What is \[seen]" M {plate result "result patch"}}
 show result
 addUserKnob {7 amount R 0 10}
 amount 2.5
 addUserKnob {22 solve l Solve +STARTLINE T "try:\n    import clean\n    clean.solve()\nexcept ImportError:\n    pass"}
 addUserKnob {20 advanced l Advanced n 1}
 addUserKnob {41 file l "" T Result.file}
 addUserKnob {20 advanced_end n -1}
}
 Input {
  inputs 0
  name matte
  number 1
 }
 Input {
  inputs 0
  name plate
 }
set N1 [stack 0]
 Read {
  inputs 0
  file "\[value parent.name]/a.####.exr"
  on_error black
  name Result
  disable {{parent.amount==0}}
 }
push $N1
 Keymix {
  inputs 3
  invertMask true
  bbox B
  name Keymix1
 }
push $N1
 Switch {
  inputs 2
  which {{"parent.show == 1 && $gui ? 1 : 0"}}
  name Pick
 }
 Expression {
  expr3 "confidence.a > 0.5 ? a : clamp(parent.amount, 0, x)"
  name E
 }
 Output {
  name Output1
 }
end_group
"""

FAULTS = {
    "a misspelt class": ("Keymix {", "KeyMix {", "KeyMix"),
    "a misspelt knob": ("invertMask", "invert_mask", "no knob 'invert_mask'"),
    "a knob before its definition": (" addUserKnob {7 amount R 0 10}\n amount 2.5", " amount 2.5", "no knob 'amount'"),
    "a wrong choice": ("on_error black", "on_error blank", "no choice 'blank'"),
    "a wrong choice of a user knob": ("show result", "show results", "no choice 'results'"),
    "no switch": ("invertMask true", "invertMask maybe", "true or false"),
    "no number": ("amount 2.5", "amount much", "takes numbers"),
    "an odd body": ("name Keymix1", "name", "odd number of words"),
    "end_group forgotten": ("end_group", "", "end_group is missing"),
    "end_group twice": ("end_group", "end_group\nend_group", "end_group without a Group"),
    "a brace forgotten": ("  bbox B\n", "  bbox {B\n", "brace"),
    "an empty stack": ("inputs 2\n  which", "inputs 9\n  which", "empty stack"),
    "a push for nothing": (" Output {", "push $N1\n Dot {\n inputs 0\n }\n Output {", "a push that no node takes"),
    "a variable nobody set": ("push $N1\n Keymix", "push $N2\n Keymix", "N2"),
    "a Tcl command": ("end_group", "exec true\nend_group", "exec"),
    "Python 2 in a button": ("    pass", "    print 1", "solve: no Python 3.9"),
    "Python 3.10 in a button": ("    pass", "    match 1:\n        case _: pass".replace("\n", r"\n"), "no Python 3.9"),
    "Python 2 in a hook": ("import clean\\nclean.created", "exec 'x'\\nclean.created", "onCreate: no Python 3.9"),
    "an expression that names nothing": ("parent.show ==", "parent.shown ==", "nothing is called 'parent.shown'"),
    "a broken expression": ("? 1 : 0", "? 1", "ends too soon"),
    "a link to nothing": ("T Result.file", "T Results.file", "nothing is called 'Results.file'"),
    "a string that names nothing": ("value parent.name", "value parent.nam", "nothing is called 'parent.nam'"),
    "an unescaped bracket": (r"\[value parent.name]", r"shot\[2]", "the Tcl command [2]"),
    "a layer nobody made": ("confidence.a >", "trust.a >", "nothing is called 'trust.a'"),
    "an unknown flag": ("+STARTLINE", "+NEWLINE", "what is '+NEWLINE'"),
    "an unknown type id": ("addUserKnob {7 amount", "addUserKnob {77 amount", "no type id"),
    "a Read without inputs 0": ("  inputs 0\n  file", "  file", "lacks `inputs 0`"),
    "too few Inputs": ("Group {\n", "Group {\n inputs 4\n", "but 2 Input nodes"),
    "a tab group left open": (" addUserKnob {20 advanced_end n -1}\n", "", "tab groups"),
    "two nodes of one name": ("name Pick", "name Keymix1", "two nodes of one group"),
    "words after a body": ("end_group", "end_group # done", "wrong # args"),
}


def test_a_good_gizmo_passes():
    assert checker.check_text(GOOD) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught(name):
    old, new, words = FAULTS[name]
    assert old in GOOD
    found = checker.check_text(GOOD.replace(old, new, 1))
    assert any(words in fault for fault in found), found


def test_a_write_has_exr_knobs_once_its_type_is_exr_only():
    write = "Constant {\n inputs 0\n name C\n}\nWrite {\n file a.exr\n%s name W\n}\n"
    order = ' file_type exr\n datatype "32 bit float"\n compression "Zip (1 scanline)"\n'
    assert checker.check_text(write % order) == []
    late = ' datatype "32 bit float"\n file_type exr\n'
    assert "comes before file_type exr" in checker.check_text(write % late)[0]
    wrong = order.replace("Zip (1 scanline)", "Zip (1 scanlines)")
    assert "no choice 'Zip (1 scanlines)'" in checker.check_text(write % wrong)[0]


def test_the_tree_of_a_script_says_what_is_plugged_in_where():
    found = {leaf.knob("name"): leaf for leaf in tree.parse(GOOD).nodes}
    ids = {leaf.id: name for name, leaf in found.items()}
    assert [ids[each] for each in found["Keymix1"].inputs] == ["plate", "Result", "plate"]
    assert [ids[each] for each in found["Pick"].inputs] == ["plate", "Keymix1"]
    assert ids[found["Output1"].group] == "Clean"


def test_every_piece_of_python_is_handed_out_to_be_run(tmp_path):
    (tmp_path / "g.gizmo").write_text(GOOD)
    assert [(each.node, each.knob) for each in checker.python_of(tmp_path / "g.gizmo")] == [
        ("Group Clean", "onCreate"),
        ("Group Clean", "solve"),
    ]


def test_a_script_cannot_reach_out_of_its_interpreter():
    for command in ("open /etc/passwd", "file delete x", "source x.tcl", "proc f {} {}"):
        assert tree.parse(command + "\n").faults


def test_what_the_check_refuses_the_fake_does_not_load():
    quiet = GOOD.replace('"import clean\\nclean.created(nuke.thisNode())"', '""')
    with Stage() as stage:
        stage.paste(quiet)
        for name in ("a misspelt class", "a misspelt knob", "a wrong choice", "an odd body", "end_group forgotten"):
            old, new, _ = FAULTS[name]
            with pytest.raises(NotInNuke):
                stage.paste(quiet.replace(old, new, 1))
