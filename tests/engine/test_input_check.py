"""What is said of a job's inputs before anything is computed, and what is refused then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aan_engine import pipeline
from aan_engine.errors import MatteError, PlateUnsupported
from aan_engine.plates.input_check import hides_outside
from aan_engine.plates.input_summary import InputSummary
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.layered import SHAPE, flat, picture, roto, write, write_parts
from tests.engine.pictures import ramp, still

AREA = SHAPE[0] * SHAPE[1]


def shot(folder: Path, mattes: list[Any], *, plate: Any = None, **options: Any) -> Shot:
    plates, files = [], []
    for number, values in enumerate(mattes, 1001):
        plates.append(FrameFile(number, write(folder / f"p.{number}.exr", plate or picture())))
        channels = values if isinstance(values, dict) else {"A": values}
        files.append(FrameFile(number, write(folder / f"m.{number}.exr", channels)))
    return Shot(tuple(plates), tuple(files), device="cpu", **options)


def inspected(folder: Path, mattes: list[Any], **options: Any) -> InputSummary:
    return pipeline.inspect(shot(folder, mattes, **options))


# --- said ----------------------------------------------------------------------------------------------------------


def test_the_inputs_are_told_in_a_line(tmp_path: Path) -> None:
    found = inspected(tmp_path, [roto(), roto(), roto()], first=1002)
    assert found.text == "2 frames 1002-1003, 32 x 24 half, scene-linear; matte A hides 8 %; on the CPU"
    assert found.warnings == ()


def test_layer_and_channels_are_named_where_there_are_several(tmp_path: Path) -> None:
    found = inspected(
        tmp_path,
        [{"Object_0.Y": roto(), "Object_1.Y": roto(top=0, left=20)}] * 2,
        plate=picture("beauty") | picture("AO"),
        matte_channel="Object_0,Object_1",
    )
    assert (found.picture, found.matte) == ("beauty", "Object_0.Y + Object_1.Y")
    assert found.hidden == pytest.approx(2 * 64 / AREA)


def test_a_layer_of_a_name_is_named_even_where_it_is_the_only_one(tmp_path: Path) -> None:
    assert inspected(tmp_path, [roto()], plate=picture("albedo")).picture == "albedo"
    assert inspected(tmp_path, [roto()], plate=picture()).picture == ""


def test_precision_and_colour_are_the_result_s(tmp_path: Path) -> None:
    floats = {name: flat(0.5, np.float32) for name in "RGB"}
    assert inspected(tmp_path, [roto()], plate=floats).precision == "float"
    made = shot(tmp_path, [roto()])
    still(tmp_path / "p.png", ramp())
    png = replace(made, plates=(FrameFile(1001, tmp_path / "p.png"),))
    assert (pipeline.inspect(png).precision, pipeline.inspect(png).colour.lower()[:4]) == ("half", "srgb")
    named = replace(made, controls=Controls(colorspace="Cineon"))
    assert pipeline.inspect(named).colour == "Cineon"


# --- warned of -----------------------------------------------------------------------------------------------------


def test_a_black_matte_is_warned_of_and_one_that_hides_on_one_frame_is_not(tmp_path: Path) -> None:
    black = [flat(0)] * 20
    assert inspected(tmp_path, black).warnings == ("the matte hides nothing: the result is the plate",)
    once = [roto() if i == 13 else flat(0) for i in range(20)]
    found = inspected(tmp_path, once)
    assert found.warnings == ()
    assert found.hidden > 0


def test_a_matte_below_the_floor_is_warned_of_with_its_greatest_value(tmp_path: Path) -> None:
    (said,) = inspected(tmp_path, [0.003 * roto()]).warnings
    assert "hides nothing" in said
    assert "0.003, is not above 0.00392" in said


def test_a_matte_that_hides_much_is_warned_of(tmp_path: Path) -> None:
    large = flat(0)
    large[:17] = 1
    assert inspected(tmp_path, [large]).warnings == ("the matte hides 71 % of the picture",)


def test_a_matte_that_is_nowhere_black_is_told_with_its_least_value(tmp_path: Path) -> None:
    (said,) = inspected(tmp_path, [np.maximum(roto(), flat(0.02))]).warnings
    assert said == "the matte hides 100 % of the picture, and its least value, 0.02, is above 0 (--matte-low)"


def test_an_inverted_matte_is_recognised_and_can_be_turned_round(tmp_path: Path) -> None:
    inverted = [1 - roto()] * 3
    *_, said = inspected(tmp_path, inverted).warnings
    assert said == "is the matte inverted? It hides the outside: --matte-invert"
    turned = inspected(tmp_path, inverted, controls=Controls(matte_invert=True))
    assert turned.warnings == ()
    assert turned.hidden == pytest.approx(64 / AREA)
    *_, said = inspected(tmp_path, [roto()], controls=Controls(matte_invert=True)).warnings
    assert said.endswith("--no-matte-invert")


def mask(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (90, 160)) -> Any:
    """(H, W) bool, True in boxes of (top, bottom, left, right)."""
    found = np.zeros(size, bool)
    for top, bottom, left, right in boxes:
        found[top:bottom, left:right] = True
    return found


def person() -> Any:
    """Somebody who is cut off by the lower edge."""
    found = np.zeros((90, 160), np.uint8)
    cv2.ellipse(found, (80, 80), (22, 50), 0, 0, 360, 1, -1)
    return found > 0


@pytest.mark.parametrize(
    "hidden",
    [
        ~mask((30, 60, 60, 100)),
        ~mask((0, 60, 60, 100)),
        ~person(),
        ~mask((10, 20, 10, 20), (60, 80, 120, 150)),
        ~mask((10, 75, 30, 130)),
    ],
)
def test_what_surrounds_an_island_is_the_outside(hidden: Any) -> None:
    assert hides_outside(hidden)
    assert not hides_outside(~hidden)


@pytest.mark.parametrize(
    "hidden",
    [
        mask((0, 90, 0, 160)),
        mask(),
        ~mask((8, 82, 8, 152)),
        mask((0, 12, 0, 160), (78, 90, 0, 160)),
        mask((0, 90, 50, 110)),
        mask((0, 90, 20, 160)),
        mask((30, 60, 0, 160)),
        mask((25, 90, 0, 160)),
        mask((10, 80, 10, 150)),
    ],
    ids=["whole", "none", "a frame", "letterbox", "full height", "most", "full width", "lower part", "large object"],
)
def test_large_holes_and_frames_around_the_frame_are_not_called_inverted(hidden: Any) -> None:
    assert not hides_outside(hidden)


# --- refused -------------------------------------------------------------------------------------------------------


def test_what_is_not_clear_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(PlateUnsupported, match="may be any of 2"):
        inspected(tmp_path, [roto()], plate=picture("AO") | picture("albedo"))
    with pytest.raises(MatteError, match="not clear"):
        inspected(tmp_path, [picture()])
    with pytest.raises(MatteError, match="no channel 'red'"):
        inspected(tmp_path, [roto()], matte_channel="red")
    with pytest.raises(MatteError, match="the matte is 16 x 12, the plate 32 x 24"):
        inspected(tmp_path, [roto()[::2, ::2]])
    front = FrameFile(1001, write(tmp_path / "front.exr", picture()))
    with pytest.raises(MatteError, match="the holdout matte"):
        inspected(tmp_path, [roto()], known=Known(holdout=(front,)))


def test_a_target_that_lacks_the_layer_is_refused(tmp_path: Path) -> None:
    made = shot(tmp_path, [roto()] * 3)
    write_parts(tmp_path / "p.1002.exr", ("AO", picture()), ("Z", {"Z": flat(1)}))
    with pytest.raises(PlateUnsupported, match=r"no layer rgba.*frame 1002"):
        pipeline.inspect(made)
