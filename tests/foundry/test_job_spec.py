"""The order that goes to the engine: controls, views and paths as the artist meant them, and what is refused."""

from __future__ import annotations

import math

import pytest
from tests.foundry import plates, tree
from tests.foundry.job_specs import DOUBLE, ordered, refused, spec
from tests.foundry.shop import NAME, Shop

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")


def test_each_view_is_ordered_with_its_own_files(shop):
    for view, number in (("left", 1), ("right", 2)):
        for frame in (1001, 1002, 1003):
            plates.write(shop.folder / f"plate.{view}.{frame}.exr", RGB=plates.noise(frame + 100 * number))
    shop.shot(1001, 1003, plate=f"{shop.folder}/plate.%V.####.exr")
    shop.stage.script.views = ["left", "right"]
    found = {each.view: each.spec for each in ordered(shop)}
    assert {view: each.plate for view, each in found.items()} == {
        view: f"{shop.folder}/plate.{view}.####.exr" for view in ("left", "right")
    }
    assert found["left"].matte == f"{shop.folder}/cache/plates/left/matte.####.exr"


def test_one_file_for_all_views_is_rendered_for_each(shop):
    shop.shot(1001, 1002)
    shop.stage.script.views = ["left", "right"]
    found = [each.spec.plate for each in ordered(shop, last=1002)]
    assert found == [f"{shop.folder}/cache/plates/{view}/plate.####.exr" for view in ("left", "right")]


@pytest.mark.parametrize("name", ["shot [1]", "a b", "cash $x", "back\\slash"])
def test_paths_that_tcl_would_take_apart(shop, name):
    folder = shop.folder / name
    folder.mkdir()
    with Shop(folder) as other:
        other.shot(1001, 1002, plate=str(folder / "plate.####.exr").replace("\\", r"\\"), between=DOUBLE)
        plates.plates(folder, range(1001, 1003))
        found = spec(other, last=1002)
        assert found.plate == f"{folder}/cache/plates/main/plate.####.exr"
        assert (folder / "cache/plates/main/plate.1001.exr").exists()
        other.nuke.toNode("Graded")["disable"].setValue(True)
        assert spec(other, last=1002).plate == f"{folder}/plate.####.exr"


def test_a_path_that_is_worked_out_by_tcl_is_still_the_read_s_own(shop):
    shop.shot(1001, 1003)
    shop.nuke.toNode("Plate")["file"].setValue("[file dirname [value root.name]]/plate.####.exr")
    assert spec(shop).plate == f"{shop.folder}/plate.####.exr"


def test_where_nuke_fills_in_the_frame_number_it_is_taken_back():
    import sys

    from tests.foundry.shop import NUKE

    sys.path.insert(0, str(NUKE))
    try:
        from aan_nuke import paths
    finally:
        sys.path.remove(str(NUKE))
    text = "[value root.job]/plate.v002.%04d.exr"
    assert paths.sequence_pattern(text, lambda: "/job/plate.v002.1002.exr", frame=1002) == "/job/plate.v002.####.exr"
    assert paths.sequence_pattern(text, lambda: "/job/plate.v002.%04d.exr", frame=1002) == "/job/plate.v002.%04d.exr"
    assert paths.sequence_pattern("/a/b.####.exr", lambda: "never asked", frame=1) == "/a/b.####.exr"
    assert paths.for_knob("/a [1]/$b/c.####.exr") == r"/a \[1\]/\$b/c.####.exr"
    assert paths.frame_ranges([5, 1, 2, 3, 7]) == [(1, 3), (5, 5), (7, 7)]


def test_controls_go_along_under_their_own_names(shop):
    shop.shot(1001, 1003)
    for name, value in {
        **{"grow": 2.5, "feather": 3.0, "light": "global", "grain": False, "smoothing": 0.5, "clean_use": "only"},
        **{"reference_first": "1002", "reference_step": 2, "missing": "nearest", "write": "patch", "seed": 7},
        **{"grow_auto": True, "painted": "/p/paint.####.exr", "source": False, "device": "cpu", "never_seen": "smooth"},
    }.items():
        shop.stage.change(NAME, name, value)
    found = spec(shop)
    assert found.grow_auto is True
    import aan_nuke.job_spec

    # How far the matte will grow is not known yet: up to 12 pixels more, and one for rounding.
    assert aan_nuke.job_spec.reach(shop.node) == math.ceil(2.5 + 3.0) + 12 + 1
    assert (found.grow, found.feather, found.light, found.grain, found.smoothing) == (2.5, 3.0, "global", False, 0.5)
    assert (found.reference_first, found.reference_step, found.missing) == (1002, 2, "nearest")
    assert (found.write, found.seed, found.painted, found.exclude) == ("patch", 7, "/p/paint.####.exr", None)
    assert (found.aov, found.device, found.clean_use) == (("confidence", "unseen"), "cpu", "only")
    assert found.unseen == "smooth", "the knob unseen is a layer's switch"
    shop.stage.change(NAME, "reference_last", "the end")
    refused(shop, "Sources to is 'the end'")


def test_a_node_of_an_older_version_takes_what_it_lacks_at_its_default(shop):
    node = shop.shot(1001, 1003)
    shop.stage.change(NAME, "seed", 7)
    for name in ("seed", "never_seen"):
        node.removeKnob(node[name])
    assert (spec(shop).seed, spec(shop).unseen) == (0, "texture")


def test_what_is_missing_is_said_before_anything_is_done(shop):
    node = shop.shot(1001, 1003)
    refused(shop, "no plate lies in the range 1 - 3", first=1, last=3)
    refused(shop, "the range 5 - 3 is empty", first=5, last=3)
    node.setInput(1, None)
    refused(shop, "nothing is plugged into the input matte")
    node.setInput(0, None)
    refused(shop, "nothing is plugged into the input plate")
    assert shop.stage.written == []
