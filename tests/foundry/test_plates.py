"""What goes to the engine: a Read's own files where nothing touches it, else frames rendered as the tree shows them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.foundry import plates, tree
from tests.foundry.job_specs import DOUBLE, ordered, refused, rendered, spec
from tests.foundry.picture import Bounds
from tests.foundry.shop import NAME

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")


def test_an_untouched_read_gives_its_own_files(shop):
    shop.shot(1001, 1003)
    found = spec(shop)
    assert found.plate == f"{shop.folder}/plate.####.exr"
    assert (found.reference_first, found.reference_last) == (None, None)
    assert rendered(shop, "plate") == []
    assert rendered(shop, "matte") == [1001, 1002, 1003]


def test_dots_and_disabled_nodes_do_not_touch_it(shop):
    shop.shot(1001, 1003, between=DOUBLE)
    shop.nuke.toNode("Graded")["disable"].setValue(True)
    assert spec(shop).plate == f"{shop.folder}/plate.####.exr"
    shop.nuke.toNode("Graded")["disable"].setExpression("frame > 1002")
    assert spec(shop).plate != f"{shop.folder}/plate.####.exr"


@pytest.mark.parametrize(
    ("knob", "value"),
    [("colorspace", "sRGB"), ("frame", "frame - 1"), ("premultiplied", True)],
)
def test_a_read_that_changes_what_it_reads_is_not_its_files(shop, knob, value):
    shop.shot(1001, 1003)
    read = shop.nuke.toNode("Plate")
    read["raw"].setValue(False)
    from aan_nuke import read_files

    assert read_files.files_of_input(shop.node, 0, view="main") is not None
    read[knob].setValue(value)
    assert read_files.files_of_input(shop.node, 0, view="main") is None


def test_under_ocio_only_the_working_space_counts_as_untouched(shop):
    shop.shot(1001, 1003)
    from aan_nuke import read_files

    read, root = shop.nuke.toNode("Plate"), shop.nuke.root()
    read["raw"].setValue(False)
    root["colorManagement"].setValue("OCIO")
    root["workingSpaceLUT"].setValue("ACEScg")
    for space, own in (("default", False), ("default (ACEScg)", True), ("ACEScg", True), ("scene_linear", True)):
        read["colorspace"].setValue(space)
        assert (read_files.files_of_input(shop.node, 0, view="main") is not None) == own, space


def test_a_trimmed_read_keeps_what_it_cuts_off_from_being_a_source(shop):
    shop.shot(1001, 1005)
    read = shop.nuke.toNode("Plate")
    read["first"].setValue(1002)
    read["last"].setValue(1004)
    found = spec(shop, 1001, 1005)
    assert (found.reference_first, found.reference_last) == (1002, 1004)
    assert ordered(shop, 1001, 1005)[0].frames == [1002, 1003, 1004]
    assert rendered(shop, "matte") == [1001, 1002, 1003, 1004, 1005], "the engine wants a matte of every plate it finds"


def test_a_touched_plate_is_rendered_as_the_tree_shows_it(shop):
    shop.shot(1001, 1003, between=DOUBLE)
    found = spec(shop)
    assert found.plate == f"{shop.folder}/cache/plates/main/plate.####.exr"
    for frame in (1001, 1002, 1003):
        there = plates.read(shop.folder / f"cache/plates/main/plate.{frame}.exr")
        assert sorted(there) == ["B", "G", "R"]
        assert np.array_equal(there["R"].astype(np.float32), shop.red(frame, "Above").astype(np.float16))
    matte = plates.read(shop.folder / "cache/plates/main/matte.1002.exr")
    assert list(matte) == ["A"]
    assert matte["A"].dtype == np.float32
    assert np.array_equal(matte["A"] > 0, shop.hidden(1002))


def test_pixel_types_are_the_tree_s_or_the_artist_s(shop):
    shop.shot(1001, 1001, between=DOUBLE)

    def kind() -> np.dtype:
        spec(shop, last=1001)
        return plates.read(shop.folder / "cache/plates/main/plate.1001.exr")["R"].dtype

    assert kind() == np.float16
    shop.stage.change(NAME, "depth", "float")
    assert kind() == np.float32
    shop.stage.change(NAME, "depth", "as the plate")
    plates.write(shop.folder / "plate.1001.exr", RGB=plates.noise(1001).astype(np.float32))
    shop.stage.press("Plate", "reload")
    assert kind() == np.float32


def test_a_plate_whose_layers_are_filled_is_rendered_with_all_of_them(shop):
    shape = (plates.HEIGHT, plates.WIDTH)
    for frame in (1001, 1002):
        layers = {"A": np.ones(shape, np.float16), "Z": np.full(shape, 3, np.float32)}
        plates.write(shop.folder / f"cg.{frame}.exr", RGB=plates.noise(frame), **layers)
    shop.shot(1001, 1002, plate=f"{shop.folder}/cg.####.exr", between=DOUBLE)

    def sent() -> list:
        return sorted(plates.read(Path(spec(shop, last=1002).plate.replace("####", "1001"))))

    assert sent() == ["B", "G", "R"]
    shop.stage.change(NAME, "fill_layers", "A,depth")
    assert sent() == ["A", "B", "G", "R", "Z"]
    assert (spec(shop, last=1002).fill_layers, spec(shop, last=1002).plate_layer) == ("A,depth", None)
    shop.nuke.toNode("Graded")["disable"].setValue(True)
    assert spec(shop, last=1002).plate == f"{shop.folder}/cg.####.exr"
    shop.nuke.toNode("Plate")["auto_alpha"].setValue(True)
    assert "A" in sent(), "an alpha that the tree has and the files may lack"
    assert rendered(shop, "plate")
    for written in ("patch", "overlay"):
        shop.stage.change(NAME, "write", written)
        refused(shop, f"cannot be filled with Write at {written}", last=1002)


def test_depth_and_ids_are_sent_as_float_however_the_picture_is_stored(shop):
    shop.shot(1001, 1001, between=DOUBLE)
    for names, kind in (("", np.float16), ("id", np.float32)):
        shop.stage.change(NAME, "fill_layers", names)
        assert plates.read(Path(spec(shop, last=1001).plate.replace("####", "1001")))["R"].dtype == kind


def test_only_frames_whose_picture_changed_are_rendered_again(shop):
    shop.shot(1001, 1004, between=DOUBLE)
    spec(shop, last=1004)
    assert rendered(shop, "plate") == [1001, 1002, 1003, 1004]
    rendered(shop, "matte")
    spec(shop, last=1004)
    assert rendered(shop, "plate") == rendered(shop, "matte") == []
    shop.nuke.toNode("Graded")["value"].setExpression("frame > 1002 ? 3 : 2")
    spec(shop, last=1004)
    assert rendered(shop, "plate") == [1003, 1004]
    assert rendered(shop, "matte") == [], "a plate that changed is no matte that changed"
    (shop.folder / "cache/plates/main/plate.1002.exr").unlink()
    plates.write(shop.folder / "plate.1001.exr", RGB=plates.noise(7))
    spec(shop, last=1004)
    assert rendered(shop, "plate") == [1001, 1002], "a file that is gone, and a picture that was written anew"


def test_proxies_are_off_while_it_renders_and_everything_is_put_back(shop):
    shop.shot(1001, 1003, between=DOUBLE)
    root = shop.nuke.root()
    root["proxy"].setValue(True)
    shop.nuke.frame(1002)
    shop.nuke.scriptSave()
    spec(shop)
    there = plates.read(shop.folder / "cache/plates/main/plate.1001.exr")
    assert there["R"].shape == (plates.HEIGHT, plates.WIDTH)
    assert (root["proxy"].value(), shop.nuke.frame(), root.modified()) == (True, 1002, False)
    assert shop.node.node("PlateOut")["disable"].value() is True


def test_a_render_that_the_artist_stops_is_no_fault_and_leaves_nothing_behind(shop):
    shop.shot(1001, 1003, between=DOUBLE)
    shop.nuke.root()["proxy"].setValue(True)
    shop.stage.cancel_after = 1
    refused(shop, "stopped while the plates were rendered")
    assert shop.nuke.root()["proxy"].value()
    assert shop.node.node("PlateOut")["disable"].value()
    shop.stage.cancel_after = None
    rendered(shop, "plate")
    spec(shop)
    assert rendered(shop, "plate") == [1001, 1002, 1003]


def test_a_tree_that_cannot_be_rendered_is_told_with_nuke_s_words(shop):
    shop.shot(1001, 1003, between=DOUBLE)
    (shop.folder / "plate.1002.exr").unlink()
    refused(shop, r"cannot render PlateOut.*plate\.1002\.exr")


def test_a_wandering_bounding_box_is_given_one_window(shop):
    between = "Crop {\n box {{frame-1001} 0 20 20}\n name Wander\n}\n"
    shop.shot(1001, 1003, between=between)
    spec(shop)
    windows = set()
    for frame in (1001, 1002, 1003):
        from tests.foundry import exr

        windows.add(exr.read(f"{shop.folder}/cache/plates/main/plate.{frame}.exr").box)
        windows.add(exr.read(f"{shop.folder}/cache/plates/main/matte.{frame}.exr").box)
    assert windows == {Bounds(0, 0, 20, 20)}


def test_overscan_goes_along(shop):
    shop.shot(1001, 1002, between="AdjBBox {\n numpixels 3\n name Over\n}\n")
    spec(shop, last=1002)
    from tests.foundry import exr

    for word in ("plate", "matte"):
        found = exr.read(f"{shop.folder}/cache/plates/main/{word}.1001.exr")
        assert (found.box, found.format) == (
            Bounds(-3, -3, plates.WIDTH + 3, plates.HEIGHT + 3),
            (plates.WIDTH, plates.HEIGHT),
        )


def reader_of_mattes(shop, **channels):
    shape = (plates.HEIGHT, plates.WIDTH)
    for frame in (1001, 1002, 1003):
        plates.write(
            shop.folder / f"roto.{frame}.exr", **{n: np.full(shape, v, np.float16) for n, v in channels.items()}
        )
    shop.stage.paste(plates.reader(f"{shop.folder}/roto.####.exr", 1001, 1003, name="Roto"))
    shop.node.setInput(1, shop.nuke.toNode("Roto"))


def test_a_matte_from_files_is_taken_by_its_channel(shop):
    shop.shot(1001, 1003)
    reader_of_mattes(shop, R=0, G=0, B=0, A=1, mask__a=1)
    found = spec(shop)
    assert (found.matte, found.matte_channel) == (f"{shop.folder}/roto.####.exr", "A")
    shop.stage.change(NAME, "matte_channel", "red")
    assert spec(shop).matte_channel == "R"
    shop.stage.change(NAME, "matte_channel", "mask.a")
    found = spec(shop)
    assert (found.matte_channel, rendered(shop, "matte")) == ("A", [1001, 1002, 1003])


def test_a_matte_that_does_not_cover_the_plate_is_rendered_as_its_read_shows_it(shop):
    shop.shot(1001, 1003)
    reader_of_mattes(shop, A=1)
    (shop.folder / "roto.1003.exr").unlink()
    shop.nuke.toNode("Roto")["last"].setValue(1002)
    assert spec(shop).matte == f"{shop.folder}/cache/plates/main/matte.####.exr"
    assert plates.read(shop.folder / "cache/plates/main/matte.1003.exr")["A"].all(), "held, as Nuke does"


def test_one_matte_that_its_read_holds_is_a_still_to_the_engine_too(shop):
    shop.shot(1001, 1003)
    reader_of_mattes(shop, A=1)
    (shop.folder / "roto.1002.exr").unlink()
    (shop.folder / "roto.1003.exr").unlink()
    assert spec(shop).matte == f"{shop.folder}/roto.1001.exr"


def test_one_matte_of_several_that_its_read_holds_is_rendered(shop):
    shop.shot(1001, 1003)
    reader_of_mattes(shop, A=1)
    shop.stage.change("Roto", "file", f"{shop.folder}/roto.1002.exr")
    assert spec(shop).matte == f"{shop.folder}/cache/plates/main/matte.####.exr"
    assert rendered(shop, "matte") == [1001, 1002, 1003]


def test_a_channel_that_the_matte_lacks_is_named(shop):
    shop.shot(1001, 1003)
    reader_of_mattes(shop, R=1, G=1, B=1)
    refused(shop, "the input matte has no channel rgba.alpha")


def test_clean_plate_and_holdout_come_from_their_inputs(shop):
    shop.shot(1001, 1003)
    assert (spec(shop).clean, spec(shop).holdout) == (None, None)
    plates.write(shop.folder / "clean.exr", RGB=plates.noise(5))
    shop.stage.paste(plates.reader(f"{shop.folder}/clean.exr", 1001, 1001, name="Clean"))
    shop.node.setInput(2, shop.nuke.toNode("Clean"))
    shop.node.setInput(3, shop.nuke.toNode("Matte"))
    found = spec(shop)
    assert found.clean == f"{shop.folder}/clean.exr"
    assert found.holdout == f"{shop.folder}/cache/plates/main/holdout.####.exr"
    assert rendered(shop, "holdout") == [1001, 1002, 1003]
    shop.nuke.toNode("Clean")["premultiplied"].setValue(False)
    shop.nuke.toNode("Clean")["frame"].setValue("frame+0")
    assert spec(shop).clean == f"{shop.folder}/cache/plates/main/clean.####.exr"
    assert rendered(shop, "clean") == [1001], "one picture is enough of a still"


def test_the_ledger_of_what_was_rendered_is_plain_to_read(shop):
    shop.shot(1001, 1002)
    spec(shop, last=1002)
    found = json.loads((shop.folder / "cache/plates/main/matte.json").read_text())
    assert sorted(found) == ["1001", "1002"]
    (shop.folder / "cache/plates/main/matte.json").write_text("[")
    rendered(shop, "matte")
    spec(shop, last=1002)
    assert rendered(shop, "matte") == [1001, 1002]
