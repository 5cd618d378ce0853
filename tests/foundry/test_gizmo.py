"""The shipped gizmo: what the table of knobs makes of it, nothing that Nuke lacks, and every fault would be seen."""

from __future__ import annotations

import pytest
from plugin_host.controls import CONTROLS
from tests.foundry import checker, tree, userknobs
from tests.foundry.errors import NotInNuke, WrongThread
from tests.foundry.gizmo import GIZMO, KNOB_NAMES, NOT_KNOBS, gizmo_module
from tests.foundry.shop import NAME, Shop, forget
from tests.foundry.stage import Stage

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

TEXT = GIZMO.read_text("utf-8")


def user_knobs() -> dict:
    group = next(leaf for leaf in tree.read(GIZMO).nodes if leaf.node_class == "Group")
    found = [userknobs.parse(value) for name, value in group.body if name == "addUserKnob"]
    return {each.name: each for each in found}


def test_the_gizmo_is_what_the_table_of_knobs_makes():
    assert gizmo_module().gizmo_text() == TEXT, "run python nuke/packaging/gizmo.py"


def test_nuke_has_everything_that_the_gizmo_asks_for():
    assert checker.check(GIZMO) == []


def test_it_is_a_group_so_that_scripts_open_where_it_is_not_installed():
    outermost = [leaf.node_class for leaf in tree.read(GIZMO).nodes if leaf.group == 0]
    assert outermost == ["Group"]


def test_controls_have_the_words_and_values_that_they_have_everywhere():
    knobs = user_knobs()
    with Stage() as stage:
        (node,) = stage.paste(TEXT.split("\n", 1)[1])
        for control in CONTROLS:
            if control.name in NOT_KNOBS:
                assert control.name not in knobs
                continue
            name = KNOB_NAMES.get(control.name, control.name)
            knob = knobs[name]
            assert knob.label == control.label
            assert knob.tooltip.startswith(control.help)
            assert tuple(knob.values) == control.choices
            if control.kind in ("number", "count"):
                assert knob.limits == [control.low, control.high]
            expected = "" if control.default is None else control.default
            assert node[name].value() == expected, name


def test_there_is_a_tooltip_on_everything_but_tabs():
    assert [k.name for k in user_knobs().values() if k.type != 20 and not k.tooltip] == []


def test_the_artist_s_order():
    order = [name for name, knob in user_knobs().items() if not knob.flags.get("INVISIBLE")]
    first = ["first", "last", "from_plate", "preview", "solve", "solve_missing", "cancel", "state", "engine"]
    assert order[1:10] == first
    tabs = [knob.label for knob in user_knobs().values() if knob.type == 20]
    assert tabs == ["Align & Attend", "Advanced", "Diagnostics", "Cache"]


def test_every_button_has_its_action_and_runs_as_it_stands_in_the_script(tmp_path):
    with Shop(tmp_path) as shop:
        node = shop.nuke.createNode("AlignAttend", inpanel=False)
        buttons = [each.name for each in user_knobs().values() if each.type == 22]
        import aan_nuke.buttons

        assert sorted(buttons) == sorted(aan_nuke.buttons.ACTIONS)
        for name in buttons:
            shop.stage.press(node, name)
        for word in (
            "plugged into the input plate",
            "nothing is being cleaned",
            "nothing is solved",
            "nothing to bake",
        ):
            assert any(word in text for text in shop.texts()), (word, shop.texts())


def test_where_it_is_not_installed_the_script_opens_and_a_button_says_so(tmp_path):
    forget()
    with Stage() as stage:
        stage.paste(TEXT.split("\n", 1)[1])
        stage.press(NAME, "solve")
        stage.change(NAME, "show", "plate")
        stage.nuke.scriptSaveAs(str(tmp_path / "shot.nk"))
        assert checker.check(tmp_path / "shot.nk") == []
        assert ["not installed here" in text for text in stage.artist.messages] == [True]


FAULTS = {
    "a misspelt knob": ("localizationPolicy off", "localisationPolicy off", "no knob 'localisationPolicy'"),
    "a wrong choice": ("on_error black", "on_error blank", "no choice 'blank'"),
    "a wrong choice of ours": ("show result\n", "show results\n", "no choice 'results'"),
    "an odd body": ("  name Hard\n", "  name\n", "odd number of words"),
    "end_group forgotten": ("end_group\n", "", "end_group is missing"),
    "Python 2": ("except ImportError as error:", "except ImportError, error:", "no Python 3.9"),
    "an expression that names nothing": ("parent.solved", "parent.solvd", "nothing is called 'parent.solvd'"),
    "a layer nobody made": ("add_layer {unseen unseen.a}\n", "", "unseen"),
    "a link to nothing": ("T MatteIn.from0", "T Matte.from0", "nothing is called 'Matte.from0'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_it_would_be_caught(name):
    old, new, words = FAULTS[name]
    assert old in TEXT
    found = checker.check_text(TEXT.replace(old, new, 1))
    assert any(words in fault for fault in found), found


def test_a_call_from_the_wrong_thread_would_be_caught(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with Shop(tmp_path) as shop, ThreadPoolExecutor(1) as other:
        node = shop.nuke.createNode("AlignAttend", inpanel=False)
        import aan_nuke.result

        with pytest.raises(WrongThread):
            other.submit(aan_nuke.result.update_solved, node).result()
        with pytest.raises(NotInNuke):
            shop.nuke.nodes.Write(datatype="32 bit float")


def test_payloads_are_few_words_that_leave_the_work_to_the_package():
    payloads = checker.python_of(GIZMO)
    assert {each.knob for each in payloads if each.knob in ("onCreate", "onDestroy", "knobChanged")}
    for payload in payloads:
        assert "ImportError" in payload.code
        assert payload.code.count("\n") < 8
