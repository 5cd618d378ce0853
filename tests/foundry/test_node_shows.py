"""What the node gives, made by Nuke's own nodes from files that lie there: no engine, and no Python of ours either."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.foundry import plates, tree
from tests.foundry.picture import Bounds

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

FILL, SURE = 9.0, 0.25


def solved(shop, frames, *, version="v001", fill=FILL, **more):
    """A node whose cache holds these frames."""
    folder = shop.folder / "cache" / version
    folder.mkdir(parents=True, exist_ok=True)
    shape = (plates.HEIGHT, plates.WIDTH)
    for frame in frames:
        layers = {"confidence__a": SURE, "unseen__a": 0.5, "source__frame": 1003, "source__u": 0.5, "source__v": 0.5}
        channels = {name: np.full(shape, value, np.float32) for name, value in layers.items()}
        plates.write(folder / f"fill.{frame}.exr", RGB=np.full((*shape, 3), fill, np.float16), **channels, **more)
    shop.node["cache_folder"].setValue(str(shop.folder / "cache"))
    shop.press("refresh")


def test_the_result_is_taken_where_the_matte_is_however_soft_it_is(shop):
    shop.shot(1001, 1003, soft=8)
    solved(shop, [1001, 1003])
    for frame in (1001, 1003):
        hidden, red = shop.hidden(frame), shop.red(frame)
        assert (red[hidden] == FILL).all(), "a soft edge must not weigh the fill a second time"
        assert np.array_equal(red[~hidden], shop.red(frame, "Above")[~hidden])
    assert np.array_equal(shop.red(1002), shop.red(1002, "Above"))


def test_outside_it_is_the_live_tree_at_its_full_precision(shop):
    shop.shot(1001, 1002, between="Multiply {\n value 0.333333333\n name Graded\n}\n")
    solved(shop, [1001])
    hidden, live = shop.hidden(1001), shop.red(1001, "Above")
    assert not np.array_equal(live, live.astype(np.float16).astype(np.float32))
    assert np.array_equal(shop.red(1001)[~hidden], live[~hidden])


def test_it_follows_the_plate_s_format_and_bounding_box(shop):
    shop.shot(1001, 1002, between="AdjBBox {\n numpixels 3\n name Over\n}\n")
    solved(shop, [1001])
    for show in ("plate", "result", "result patch", "confidence overlay"):
        shop.stage.change("AlignAttend1", "show", show)
        for frame in (1001, 1002):
            picture = shop.stage.picture("AlignAttend1", frame)
            assert picture.format == (plates.WIDTH, plates.HEIGHT)
            assert picture.box == Bounds(-3, -3, plates.WIDTH + 3, plates.HEIGHT + 3), (show, frame)


def test_layers_come_along(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    assert (shop.plane("confidence.a", 1001) == SURE).all()
    assert (shop.plane("unseen.a", 1001) == 0.5).all()
    assert (shop.plane("source.frame", 1001) == 1003).all()


def test_the_switch_shows_plate_matte_patch_and_confidence(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    hidden, plate = shop.hidden(1001), shop.red(1001, "Above")

    def shown(show: str) -> np.ndarray:
        shop.stage.change("AlignAttend1", "show", show)
        return shop.red(1001)

    assert np.array_equal(shown("plate"), plate)
    assert np.array_equal(shown("matte"), shop.plane("rgba.alpha", 1001, "Matte"))
    assert np.array_equal(shown("result patch"), np.where(hidden, np.float32(FILL), np.float32(0)))
    assert np.array_equal(shop.plane("rgba.alpha", 1001), hidden.astype(np.float32))
    unsure = np.float32(FILL * 0.5 + (1 - SURE) * 0.5)
    assert np.array_equal(shown("confidence overlay"), np.where(hidden, unsure, plate))


def test_an_unsolved_frame_is_held_as_the_artist_likes(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    hidden, plate = shop.hidden(1002), shop.red(1002, "Above")
    for hold, expected in (
        ("plate", plate),
        ("dimmed matte", np.where(hidden, plate * np.float32(0.5), plate)),
        ("black", np.zeros_like(plate)),
    ):
        shop.stage.change("AlignAttend1", "hold", hold)
        for show in ("result", "result patch", "confidence overlay"):
            shop.stage.change("AlignAttend1", "show", show)
            assert np.array_equal(shop.red(1002), expected), (hold, show)


def test_a_version_that_goes_beyond_the_matte_is_taken_that_far(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    (shop.folder / "cache/v001/version.json").write_text('{"reach": 3, "patch": false}')
    shop.press("refresh")
    hidden, red = shop.hidden(1001), shop.red(1001)
    wide = np.pad(hidden, 3)
    grown = np.lib.stride_tricks.sliding_window_view(wide, (7, 7)).any(axis=(2, 3))
    assert (red[grown] == FILL).all()
    assert np.array_equal(red[~grown], shop.red(1001, "Above")[~grown])


def test_a_patch_counts_where_its_alpha_says_so(shop):
    shop.shot(1001, 1002)
    half = np.zeros((plates.HEIGHT, plates.WIDTH), np.float16)
    half[:, : plates.WIDTH // 2] = 1
    solved(shop, [1001], A=half)
    (shop.folder / "cache/v001/version.json").write_text('{"reach": 0, "patch": true}')
    shop.press("refresh")
    hidden = shop.hidden(1001) & (half > 0)
    assert np.array_equal(shop.red(1001), np.where(hidden, np.float32(FILL), shop.red(1001, "Above")))


def test_layers_beside_rgb_are_taken_where_a_version_fills_them_and_nowhere_else(shop):
    shape = (plates.HEIGHT, plates.WIDTH)
    for frame in (1001, 1002):
        layers = {"A": np.full(shape, 0.5, np.float16), "Z": np.full(shape, 3, np.float32)}
        plates.write(shop.folder / f"cg.{frame}.exr", RGB=plates.noise(frame), **layers)
    shop.shot(1001, 1002, plate=f"{shop.folder}/cg.####.exr")
    solved(shop, [1001], A=np.zeros(shape, np.float16), Z=np.full(shape, 8, np.float32))
    hidden = shop.hidden(1001)
    for layered in (False, True):
        (shop.folder / "cache/v001/version.json").write_text(json.dumps({"reach": 0, "patch": 0, "layered": layered}))
        shop.press("refresh")
        filled = hidden if layered else np.zeros_like(hidden)
        assert np.array_equal(shop.plane("rgba.alpha", 1001), np.where(filled, np.float32(0), np.float32(0.5)))
        assert np.array_equal(shop.plane("depth.Z", 1001), np.where(filled, np.float32(8), np.float32(3)))
        assert np.array_equal(shop.red(1001), np.where(hidden, np.float32(FILL), shop.red(1001, "Above")))
        assert (shop.plane("confidence.a", 1001) == SURE).all()


def test_versions_are_chosen_and_kept_apart(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    solved(shop, [1001, 1002], version="v002", fill=4.0)
    hidden = shop.hidden(1001)
    assert shop.node["version"].values() == ["v001", "v002"]
    assert (shop.red(1001)[hidden] == FILL).all()
    shop.stage.change("AlignAttend1", "version", "v002")
    assert (shop.red(1001)[hidden] == 4).all()
    assert (shop.red(1002)[shop.hidden(1002)] == 4).all()
    for version in ("v001", "v002"):
        (shop.folder / "cache" / version / "version.json").write_text('{"reach": 0, "patch": false}')
    shop.press("refresh")
    assert shop.node["size"].value().startswith("5 files")


def test_what_was_solved_shows_without_any_python_of_ours(shop, tmp_path):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    shop.nuke.scriptSave()
    text = (tmp_path / "shot.nk").read_text()
    from tests.foundry.stage import Stage

    shop.stage._exits.close()
    with Stage() as bare:
        (tmp_path / "bare.nk").write_text(text.replace("import aan_nuke", "import no_such_package"))
        bare.nuke.scriptOpen(str(tmp_path / "bare.nk"))
        box = Bounds(0, 0, plates.WIDTH, plates.HEIGHT)
        red = bare.picture("AlignAttend1", 1001).plane("rgba.red", box)
        hidden = bare.picture("Matte", 1001).plane("rgba.alpha", box) > 0
        assert (red[hidden] == FILL).all()


def test_a_disabled_node_passes_the_plate(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001])
    shop.node["disable"].setValue(True)
    assert np.array_equal(shop.red(1001), shop.red(1001, "Above"))


def test_bake_puts_a_read_beside_the_node(shop):
    shop.shot(1001, 1003)
    solved(shop, [1001, 1002])
    shop.press("bake")
    read = shop.nuke.toNode("AlignAttend1_v001")
    assert (read["first"].value(), read["last"].value(), read["raw"].value()) == (1001, 1002, True)
    assert (shop.red(1002, "AlignAttend1_v001") == FILL).all()


def test_a_baked_patch_is_merged_over_the_plate(shop):
    shop.shot(1001, 1001)
    hidden = shop.hidden(1001)
    alpha = hidden.astype(np.float16)
    solved(shop, [1001], A=alpha)
    (shop.folder / "cache/v001/version.json").write_text('{"reach": 0, "patch": true}')
    path = shop.folder / "cache/v001/fill.1001.exr"
    plates.write(path, RGB=np.repeat(alpha[..., None] * np.float16(FILL), 3, axis=2), A=alpha)
    shop.press("refresh")
    shop.press("bake")
    found = shop.red(1001, "AlignAttend1_over")
    assert np.array_equal(found, np.where(hidden, np.float32(FILL), shop.red(1001, "Above")))


def test_clear_deletes_what_is_ours_and_nothing_else(shop):
    shop.shot(1001, 1002)
    solved(shop, [1001, 1002])
    (shop.folder / "cache/v001/version.json").write_text('{"reach": 0, "patch": false}')
    strangers = ["v001/notes.txt", "v002/fill.1001.exr", "plates/main/plate.1001.exr", "empty/place"]
    for name in strangers:
        (shop.folder / "cache" / name).parent.mkdir(parents=True, exist_ok=True)
        (shop.folder / "cache" / name).write_text("mine")
    shop.press("refresh")
    shop.stage.artist.answers.append(False)
    shop.press("clear")
    assert (shop.folder / "cache/v001/fill.1001.exr").exists()
    shop.stage.artist.answers.append(True)
    shop.press("clear")
    left = (shop.folder / "cache").rglob("*")
    assert sorted(path.relative_to(shop.folder / "cache").as_posix() for path in left if path.is_file()) == sorted(
        strangers
    )
    assert "3 files" in shop.stage.artist.questions[0]
