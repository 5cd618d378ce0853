"""The node at work with a real engine process that fills at once: frames come, and whatever comes between."""

from __future__ import annotations

import os

import pytest
from tests.foundry import tree
from tests.foundry.shop import Shop

pytestmark = [
    pytest.mark.skipif(tree.TCL is None, reason="tclsh"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script"),
]


@pytest.fixture
def shop(tmp_path, engine):
    folder = tmp_path / "shot [1] $x"
    folder.mkdir()
    with Shop(folder, engine.python) as found:
        yield found


def test_frames_appear_one_by_one_and_outside_the_matte_is_the_plate(shop, engine):
    shop.shot(1001, 1004)
    assert shop.solved(range(1001, 1005)) == []
    engine.hold_at(1003)
    shop.press("solve")
    shop.until(lambda: shop.node["solved"].valueAt(1002))
    assert shop.solved(range(1001, 1005)) == [1001, 1002]
    engine.go_on()
    shop.until(lambda: not shop.busy)
    assert shop.solved(range(1001, 1005)) == [1001, 1002, 1003, 1004]
    assert shop.state == "Finished"
    assert shop.texts() == []
