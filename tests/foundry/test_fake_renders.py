"""The fake really renders: what comes out of its Writes is what Nuke's nodes would make of these files."""

from __future__ import annotations

import numpy as np
import pytest
from tests.foundry import plates, tree
from tests.foundry.errors import Cancelled, NotModelled, RenderError
from tests.foundry.picture import Bounds
from tests.foundry.stage import Stage

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

ROTO = f"Roto {{\n inputs 0\n output alpha\n format {plates.FORMAT}\n name Roto1\n}}\n"
BOX = (8.0, 4.0, 16.0, 12.0)


@pytest.fixture
def stage():
    with Stage(gui=False) as found:
        found.paste(f"Root {{\n inputs 0\n format {plates.FORMAT}\n first_frame 1001\n last_frame 1004\n}}\n")
        yield found


@pytest.fixture
def pattern(tmp_path):
    return plates.plates(tmp_path, range(1001, 1005))


def constant(value: str, name: str) -> str:
    return f"Constant {{\n inputs 0\n channels rgba\n color {{{value}}}\n format {plates.FORMAT}\n name {name}\n}}\n"


def values(stage: Stage, node: str, channel: str = "rgba.red", frame: int = 1001) -> np.ndarray:
    """Over the whole format, the top row first."""
    box = Bounds(0, 0, plates.WIDTH, plates.HEIGHT)
    return stage.picture(node, frame).plane(channel, box)[::-1]


def test_a_plate_goes_from_read_to_write_bit_by_bit(stage, pattern, tmp_path):
    write = 'Write {\n file "%s/new/o.%%04d.exr"\n file_type exr\n create_directories true\n name W\n}\n'
    stage.paste(plates.reader(pattern, 1001, 1004) + write % tmp_path)
    stage.nuke.execute("W", 1001, 1003)
    for frame in (1001, 1002, 1003):
        found = plates.read(tmp_path / "new" / f"o.{frame}.exr")
        assert sorted(found) == ["B", "G", "R"]
        assert np.array_equal(np.dstack([found["R"], found["G"], found["B"]]), plates.noise(frame))
        assert found["R"].dtype == np.float16
    assert len(stage.written) == 3


def test_the_result_is_taken_where_the_matte_is_and_outside_every_bit_is_the_plate(stage, pattern):
    stage.paste(
        constant("9 9 9 9", "Result")
        + "set R [stack 0]\n"
        + ROTO
        + "Expression {\n expr3 a>0\n name Hard\n}\nset M [stack 0]\n"
        + "push $M\npush $R\n"
        + plates.reader(pattern, 1001, 1004)
        + "Keymix {\n inputs 3\n channels rgb\n bbox B\n name K\n}\npush 0\nDot {\n name D\n}\n"
    )
    stage.draw("Roto1", "ellipse", {1001: BOX}, soft=6)
    matte = values(stage, "Roto1", "rgba.alpha") > 0
    found = values(stage, "K")
    assert 0 < matte.sum() < matte.size / 2
    assert (found[matte] == 9).all()
    assert np.array_equal(found[~matte], plates.noise(1001)[..., 0].astype(np.float32)[~matte])


def test_a_roto_moves_between_its_keys_and_y_goes_up(stage):
    stage.paste(ROTO)
    stage.draw("Roto1", "rectangle", {1001: (0, 0, 8, 4), 1003: (8, 0, 16, 4)})
    for frame, left in ((1001, 0), (1002, 4), (1003, 8)):
        alpha = values(stage, "Roto1", "rgba.alpha", frame)
        assert alpha[-4:, left : left + 8].min() == 1.0
        assert alpha.sum() == 32


def test_a_data_window_keeps_its_place(stage, tmp_path):
    small = np.full((4, 6), 2.0, np.float16)
    plates.write(tmp_path / "patch.exr", box=(3, 5, 6, 4), R=small, confidence__a=small)
    stage.paste(plates.reader(f"{tmp_path}/patch.exr", 1001, 1004, name="Patch"))
    picture = stage.picture("Patch", 1001)
    assert picture.box == Bounds(3, plates.HEIGHT - 9, 9, plates.HEIGHT - 5)
    assert sorted(picture.channels) == ["confidence.a", "rgba.red"]
    assert (values(stage, "Patch")[5:9, 3:9] == 2).all()
    assert values(stage, "Patch").sum() == 48
    assert stage.nuke.toNode("Patch").bbox().r() == 9
    assert "confidence" in stage.nuke.layers()


MERGES = {
    **{"over": 0.625, "plus": 0.75, "copy": 0.5, "stencil": 0.125, "mask": 0.125, "multiply": 0.125, "minus": 0.25},
    **{"from": -0.25, "max": 0.5, "min": 0.25, "difference": 0.25, "matte": 0.375, "in": 0.125, "under": 0.625},
}


@pytest.mark.parametrize(("operation", "expected"), MERGES.items())
def test_merges(stage, operation, expected):
    stage.paste(constant("0.5 0 0 0.5", "A") + constant("0.25 0 0 0.25", "B"))
    merge = stage.nuke.nodes.Merge2(operation=operation, inputs=[stage.node("B"), stage.node("A")], name="M")
    assert values(stage, "M")[0, 0] == pytest.approx(expected)
    merge["mix"].setValue(0)
    assert values(stage, "M")[0, 0] == 0.25
    merge["mix"].setValue(1)
    merge["disable"].setValue(True)
    assert values(stage, "M")[0, 0] == 0.25


def test_a_merge_that_is_not_modelled_says_so(stage):
    stage.paste(constant("1 1 1 1", "A"))
    a = stage.node("A")
    stage.nuke.nodes.Merge2(operation="color-burn", inputs=[a, a], name="M")
    with pytest.raises(NotModelled, match="color-burn"):
        stage.picture("M", 1001)
    stage.nuke.nodes.Blur(inputs=[a], name="Blurred")
    with pytest.raises(NotModelled, match="Blur"):
        stage.picture("Blurred", 1001)


def test_channels_are_copied_shuffled_added_and_removed(stage):
    nuke = stage.nuke
    nuke.Layer("unseen", ["unseen.a"])
    stage.paste(constant("1 2 3 4", "C"))
    c = stage.node("C")
    nuke.nodes.Copy(from0="rgba.blue", to0="unseen.a", inputs=[c, c], name="Copied")
    assert values(stage, "Copied", "unseen.a")[0, 0] == 3
    shuffle = nuke.nodes.Shuffle2(inputs=[stage.node("Copied")], name="Shuffled")
    shuffle["mappings"].fromScript("2 unseen.a 0 0 rgba.red 0 0 white -1 -1 rgba.alpha 0 3")
    assert [values(stage, "Shuffled", f"rgba.{part}")[0, 0] for part in ("red", "green", "alpha")] == [3, 2, 1]
    nuke.nodes.Remove(operation="keep", channels="unseen", inputs=[stage.node("Copied")], name="Kept")
    assert list(stage.picture("Kept", 1001).channels) == ["unseen.a"]
    nuke.nodes.AddChannels(channels="unseen", inputs=[c], name="Added")
    assert "unseen.a" in stage.picture("Added", 1001).channels


def test_switch_dissolve_and_expressions_choose(stage):
    nuke = stage.nuke
    stage.paste(constant("1 1 1 1", "One") + constant("3 3 3 3", "Three"))
    both = [stage.node("One"), stage.node("Three")]
    switch = nuke.nodes.Switch(inputs=both, name="S")
    switch["which"].setExpression("frame > 1002 ? 1 : 0")
    assert [values(stage, "S", frame=frame)[0, 0] for frame in (1002, 1003)] == [1, 3]
    nuke.nodes.Dissolve(which=0.5, inputs=both, name="D")
    assert values(stage, "D")[0, 0] == 2
    nuke.nodes.Expression(expr0="r > 2 ? y : clamp(x, 0, 3)", inputs=[stage.node("One")], name="E")
    assert values(stage, "E")[0].tolist()[:6] == [0, 1, 2, 3, 3, 3]


def test_time_is_held_and_moved(stage, pattern):
    stage.paste(plates.reader(pattern, 1001, 1004))
    plate = stage.node("Plate")
    stage.nuke.nodes.FrameHold(firstFrame=1002, inputs=[plate], name="Held")
    stage.nuke.nodes.TimeOffset(time_offset=1, inputs=[plate], name="Later")
    first, second = (plates.noise(frame)[..., 0].astype(np.float32) for frame in (1001, 1002))
    assert np.array_equal(values(stage, "Held", frame=1004), second)
    assert np.array_equal(values(stage, "Later", frame=1002), first)
    assert (stage.node("Later").firstFrame(), stage.node("Later").lastFrame()) == (1002, 1005)


@pytest.mark.parametrize(
    ("before", "frames"),
    [("hold", {999: 1001, 1000: 1001}), ("loop", {1000: 1004, 999: 1003}), ("bounce", {1000: 1002, 999: 1003})],
)
def test_before_its_first_frame_a_read_does_as_it_is_told(stage, pattern, before, frames):
    stage.paste(plates.reader(pattern, 1001, 1004, more=f"before {before}"))
    for asked, shown in frames.items():
        assert np.array_equal(values(stage, "Plate", frame=asked), plates.noise(shown)[..., 0].astype(np.float32))


def test_a_missing_frame_is_an_error_black_or_the_nearest(stage, pattern, tmp_path):
    (tmp_path / "plate.1002.exr").unlink()
    stage.paste(plates.reader(pattern, 1001, 1004))
    plate = stage.node("Plate")
    with pytest.raises(RenderError, match=r"plate\.1002\.exr"):
        stage.picture("Plate", 1002)
    plate["on_error"].setValue("black")
    assert values(stage, "Plate", frame=1002).sum() == 0
    assert plate.width() == plates.WIDTH
    plate["on_error"].setValue("nearest frame")
    assert np.array_equal(values(stage, "Plate", frame=1002), plates.noise(1001)[..., 0].astype(np.float32))


def test_a_read_sees_a_new_file_after_reload_only_and_the_script_is_changed_by_it(stage, tmp_path):
    stage.paste(plates.reader(f"{tmp_path}/late.####.exr", 1001, 1004, more="on_error black"))
    assert values(stage, "Plate").sum() == 0
    plates.plates(tmp_path, range(1001, 1002), "late")
    assert values(stage, "Plate").sum() == 0
    stage.nuke.root().setModified(False)
    stage.press("Plate", "reload")
    assert np.array_equal(values(stage, "Plate"), plates.noise(1001)[..., 0].astype(np.float32))
    assert stage.nuke.root().modified()


def test_the_hash_tells_what_can_change_the_picture(stage, pattern):
    stage.paste(plates.reader(pattern, 1001, 1004) + "Multiply {\n value 2\n name M\n}\n")
    m, plate = stage.node("M"), stage.node("Plate")
    before = m.opHashes()
    m.setXYpos(5, 5)
    m["label"].setValue("words")
    assert m.opHashes() == before
    m["value"].setValue(3)
    changed = m.opHashes()
    plate["first"].setValue(1002)
    assert len({tuple(before), tuple(changed), tuple(m.opHashes())}) == 3
    stage.nuke.frame(1002)
    assert m.opHashes() != changed


def test_a_hash_that_follows_the_frame_differs_from_frame_to_frame(stage):
    stage.paste(ROTO + constant("1 1 1 1", "C"))
    c = stage.node("C")
    c["color"].setExpression("frame")
    stage.nuke.frame(1001)
    first = c.opHashes()
    stage.nuke.frame(1002)
    assert c.opHashes() != first


def test_proxy_mode_renders_small_and_a_missing_folder_is_an_error(stage, pattern, tmp_path):
    write = 'Write {\n file "%s/o.####.exr"\n file_type exr\n datatype "32 bit float"\n name W\n}\n'
    stage.paste(plates.reader(pattern, 1001, 1004) + write % tmp_path)
    stage.nuke.root()["proxy"].setValue(True)
    stage.nuke.execute("W", 1001, 1001)
    assert plates.read(tmp_path / "o.1001.exr")["R"].shape == (plates.HEIGHT // 2, plates.WIDTH // 2)
    stage.node("W")["file"].setValue(f"{tmp_path}/nowhere/o.####.exr")
    with pytest.raises(RenderError, match="nowhere"):
        stage.nuke.execute("W", 1001, 1001)


def test_renders_call_back_in_order_and_stop_when_cancelled(stage, pattern, tmp_path):
    nuke, story = stage.nuke, []
    write = 'Write {\n file "%s/o.####.exr"\n file_type exr\n name W\n}\n'
    stage.paste(plates.reader(pattern, 1001, 1004) + write % tmp_path)
    for event in ("BeforeRender", "BeforeFrameRender", "AfterFrameRender", "AfterRender"):
        getattr(nuke, f"add{event}")(lambda event=event: story.append((event, nuke.frame())), nodeClass="Write")
    nuke.execute(nuke.toNode("W"), 1001, 1002)
    assert story == [
        *(("BeforeRender", 1), ("BeforeFrameRender", 1001), ("AfterFrameRender", 1001)),
        *(("BeforeFrameRender", 1002), ("AfterFrameRender", 1002), ("AfterRender", 1)),
    ]
    stage.cancel_after = 1
    with pytest.raises(Cancelled):
        nuke.execute("W", nuke.FrameRanges("1003-1004"))
    assert (tmp_path / "o.1003.exr").exists()
    assert not (tmp_path / "o.1004.exr").exists()
    assert nuke.frame() == 1


def test_each_view_has_its_own_files(stage, tmp_path):
    for view, frame in (("left", 1), ("right", 2)):
        plates.write(tmp_path / f"{view}.exr", RGB=plates.noise(frame))
    stage.script.views = ["left", "right"]
    stage.paste(
        plates.reader(f"{tmp_path}/%V.exr", 1001, 1004)
        + f'Write {{\n file "{tmp_path}/o.%v.exr"\n file_type exr\n name W\n}}\n'
    )
    stage.nuke.execute("W", 1001, 1001)
    for view, frame in (("l", 1), ("r", 2)):
        assert np.array_equal(plates.read(tmp_path / f"o.{view}.exr")["R"], plates.noise(frame)[..., 0])


def test_boxes_are_cropped_copied_and_adjusted(stage):
    stage.paste(constant("1 1 1 1", "C"))
    c = stage.node("C")
    crop = stage.nuke.nodes.Crop(box=[2, 3, 10, 9], inputs=[c], name="Cropped")
    assert stage.picture("Cropped", 1).box == Bounds(2, 3, 10, 9)
    stage.nuke.nodes.CopyBBox(inputs=[c, crop], name="Copied")
    assert stage.picture("Copied", 1).box == Bounds(2, 3, 10, 9)
    stage.nuke.nodes.AdjBBox(numpixels=[1, 2], inputs=[crop], name="Grown")
    assert stage.picture("Grown", 1).box == Bounds(1, 1, 11, 11)
    crop["reformat"].setValue(True)
    assert stage.picture("Cropped", 1).format == (8, 6)


def test_a_group_is_what_its_output_is(stage, pattern):
    stage.paste(
        plates.reader(pattern, 1001, 1004)
        + "Group {\n name G\n addUserKnob {7 gain}\n gain 2\n}\n Input {\n inputs 0\n name plate\n }\n"
        + " Multiply {\n channels rgb\n value {{parent.gain}}\n name M\n }\n Output {\n name O\n }\nend_group\n"
    )
    assert np.array_equal(values(stage, "G"), plates.noise(1001)[..., 0].astype(np.float32) * 2)
    assert (stage.node("G").firstFrame(), stage.node("G").width()) == (1001, plates.WIDTH)
    before = stage.node("G").opHashes()
    stage.node("G")["gain"].setValue(3)
    assert stage.node("G").opHashes() != before
