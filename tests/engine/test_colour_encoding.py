"""Colour: any space that OpenColorIO knows becomes light and back, and what is light already is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour import encoding
from aan_engine.errors import ShotError

CURVES = (
    "ARRI LogC4",
    "ARRI LogC3",
    "S-Log3 S-Gamut3.Cine",
    "Log3G10 REDWideGamutRGB",
    "Apple Log",
    "ACEScct",
    "Cineon",
)
VIDEO = ("sRGB - Display", "g24_rec709_scene", "Camera Rec.709", "Rec.2100-PQ - Display")

LEAN = """ocio_profile_version: 2
roles: {default: plain, scene_linear: plain}
file_rules: [!<Rule> {name: Default, colorspace: plain}]
displays: {screen: [!<View> {name: raw, colorspace: plain}]}
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace> {name: plain, encoding: scene-linear}
  - !<ColorSpace>
    name: house log
    encoding: log
    to_scene_reference: !<LogTransform> {base: 2, direction: inverse}
"""


@pytest.fixture(autouse=True)
def without_a_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


def picture() -> NDArray[np.float32]:
    """Saturated and grey colours over the whole range, as half holds them."""
    values = np.linspace(0, 1, 23, dtype=np.float32)
    grid = np.stack(np.meshgrid(values, values, values), -1).reshape(-1, 3)
    return grid.astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("name", CURVES + VIDEO)
def test_what_is_decoded_and_encoded_again_is_the_same_in_half(name: str) -> None:
    space, codes = encoding.of_exr(name), picture()
    light = space.decode(codes)
    back = space.encode(light)
    assert not space.linear
    assert np.abs(light - codes).max() > 0.05
    half = codes.astype(np.float16)
    assert (np.abs(back - codes) <= np.maximum(np.spacing(half).astype(np.float32), 1e-6)).all()


@pytest.mark.parametrize(
    "name", ["ACEScg", "lin_ap1", "ACES2065-1", "Linear Rec.709", "scene_linear", "LINEAR REC.709"]
)
def test_a_linear_space_is_left_as_it_is_with_its_own_primaries(name: str) -> None:
    space = encoding.of_exr(name)
    values = np.array([[np.nan, np.inf, -3.0], [65504.0, 1e-8, 0.18]], np.float32)
    assert space.linear
    assert space.decode(values).tobytes() == space.encode(values).tobytes() == values.tobytes()


def test_cineon_has_its_black_at_95_and_its_white_at_685() -> None:
    light = encoding.of_exr("cineon").decode(np.array([[95, 685, 1023]], np.float32) / 1023)
    assert light[0, 0] == pytest.approx(0, abs=1e-6)
    assert light[0, 1] == pytest.approx(1, abs=1e-5)
    assert light[0, 2] == pytest.approx(13.52, abs=0.01)


def test_srgb_and_logc4_mean_what_their_makers_say() -> None:
    half_grey = np.full((1, 3), 0.5, np.float32)
    assert encoding.of_exr("srgb_rec709_scene").decode(half_grey) == pytest.approx(0.21404, abs=1e-5)
    assert encoding.of_exr("ARRI LogC4").encode(np.full((1, 3), 0.18, np.float32)) == pytest.approx(0.27840, abs=1e-4)


def test_curves_keep_their_primaries_so_that_no_channel_leans_on_another() -> None:
    for name, working in (("ARRI LogC4", "Linear ARRI Wide Gamut 4"), ("sRGB - Display", "Linear Rec.709 (sRGB)")):
        space = encoding.of_exr(name)
        one, other = np.array([[0.3, 0.5, 0.7], [0.3, 0.9, 0.1]], np.float32)
        assert space.working == working
        assert space.decode(one[None])[0, 0] == pytest.approx(space.decode(other[None])[0, 0], rel=1e-5)


@pytest.mark.parametrize("name", ["ARRI LogC4", "Apple Log", "ACEScc", "Rec.2100-PQ - Display"])
def test_broken_pixels_stay_broken_and_harm_no_neighbour(name: str) -> None:
    codes = np.full((4, 3), 0.4, np.float32)
    codes[1, 0], codes[2, 2] = np.nan, np.inf
    light = encoding.of_exr(name).decode(codes)
    assert np.isnan(light[1:3]).all()
    assert np.isfinite(light[[0, 3]]).all()


@pytest.mark.parametrize("name", ["ARRI LogC4", "sRGB - Display", "ACEScct", "Cineon"])
def test_any_finite_light_has_a_finite_value(name: str) -> None:
    light = np.array([[-50, 0, 60000], [1e-8, -1e-8, 1], [0.18, 0.18, 0.18]], np.float32)
    assert np.isfinite(encoding.of_exr(name).encode(light)).all()


@pytest.mark.parametrize(("wrong", "meant"), [("LogC4", "ARRI LogC4"), ("ACEScgg", "ACEScg"), ("s-log3", "S-Log3")])
def test_an_unknown_space_is_answered_with_the_closest_ones(wrong: str, meant: str) -> None:
    with pytest.raises(ShotError) as refused:
        encoding.of_exr(wrong)
    assert repr(wrong) in refused.value.reason
    assert meant in refused.value.hint


def test_a_space_of_data_is_refused() -> None:
    with pytest.raises(ShotError, match="holds data"):
        encoding.of_exr("Raw")


def test_the_studios_own_config_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "studio.ocio"
    config.write_text(LEAN)
    built_in = encoding.identity()
    monkeypatch.setenv("OCIO", str(config))
    assert encoding.identity() != built_in
    assert encoding.of_exr("house log").decode(np.full((1, 3), 2.0, np.float32)) == pytest.approx(4.0)
    assert encoding.of_format("house log", implied="srgb").working == "plain"
    with pytest.raises(ShotError, match="knows no space"):
        encoding.of_exr("ARRI LogC4")
    with pytest.raises(ShotError, match="no space for sRGB pictures"):
        encoding.of_format(None, implied="srgb")


def test_a_config_that_changes_on_disk_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "studio.ocio"
    config.write_text(LEAN)
    monkeypatch.setenv("OCIO", str(config))
    before = encoding.identity()
    config.write_text(LEAN.replace("base: 2", "base: 10"))
    assert encoding.identity() != before
    assert encoding.of_exr("house log").decode(np.full((1, 3), 2.0, np.float32)) == pytest.approx(100.0)


def test_a_config_that_cannot_be_read_is_named_with_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (tmp_path / "gone.ocio", tmp_path / "broken.ocio"):
        (tmp_path / "broken.ocio").write_text("no config")
        monkeypatch.setenv("OCIO", str(place))
        with pytest.raises(ShotError, match="colour config cannot be read") as refused:
            encoding.of_exr("ACEScg")
        assert refused.value.file == place
        assert "OCIO" in refused.value.hint
        assert encoding.identity()


def test_what_a_format_implies_keeps_its_primaries_without_a_studio() -> None:
    for implied in ("srgb", "video", "cineon"):
        assert encoding.of_format(None, implied=implied).interop == "lin_rec709_scene"
    assert encoding.of_format(None, implied="linear").linear
