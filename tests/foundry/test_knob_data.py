"""The committed extract of the knob data is what the scan says, and every addition names where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.foundry import declared, make, operators
from tests.foundry.errors import NotInNuke
from tests.foundry.stage import RENDERS

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "nuke" / "knobs-17.0v3.json"


def test_the_extract_says_what_the_scan_says():
    if not SHARED.exists():
        pytest.skip("the whole scan is not here")
    scan = json.loads(SHARED.read_text("utf-8"))["nodes"]
    assert set(declared.SCAN["classes"]) == set(scan)
    for name, knobs in declared.SCAN["classes"].items():
        for knob, (kind, _, *values) in knobs.items():
            assert scan[name][knob]["type"] == kind, (name, knob)
            if values and len(values) == 1:
                assert values[0] == scan[name][knob]["values"]["values"], (name, knob)
            elif values:
                assert set(values[0]) <= set(scan[name][knob]["values"]["values"])
        if name not in ("Roto", "Viewer"):
            assert set(knobs) == set(scan[name]), name


def test_every_addition_names_its_source():
    parts = [declared.ADDITIONS[name] for name in ("common", "images", "arrows", "exr", "inputs")]
    for part in (*parts, *declared.ADDITIONS["classes"].values()):
        assert len(part["source"]) > 20
    assert "MIT" in declared.SCAN["licence"]
    assert "Permission is hereby granted" in declared.SCAN["licence"]


@pytest.mark.parametrize("node_class", declared.classes())
def test_a_node_of_every_class_can_be_made_of_it(node_class):
    knobs = declared.knobs_of(node_class)
    assert "onCreate" in knobs
    assert ("disable" in knobs) == (node_class not in declared.BARE)
    assert ("hide_input" in knobs) == (declared.most_inputs(node_class) > 0 and node_class not in declared.BARE)
    for name, row in knobs.items():
        assert make.from_table(name, row).toScript() is not None


def test_an_addition_hides_nothing_that_was_scanned():
    for name, part in declared.ADDITIONS["classes"].items():
        assert not set(part["knobs"]) & set(declared.SCAN["classes"].get(name, {})), name


def test_what_is_rendered_is_declared():
    assert len(RENDERS) == 3
    assert set(operators.OPERATORS) - {"Gizmo"} <= set(declared.classes())


def test_a_class_that_nobody_declared_is_refused():
    with pytest.raises(NotInNuke, match="KeyMix"):
        declared.knobs_of("KeyMix")
