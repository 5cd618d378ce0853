"""Fills of log plates, of other formats and of movies: the same promise outside the matte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aan_engine.colour import encoding
from aan_engine.colour.log_encoding import to_log
from aan_engine.errors import ShotError
from aan_engine.pipeline import fill, identity
from aan_engine.plates import exr, reader
from aan_engine.rendering.filled_frame import written_as
from aan_engine.shot import Controls, FrameFile, Shot
from tests.engine.pictures import movie, still
from tests.engine.shots import Array, box_matte, pan, read_rgb, shot_of, write_matte, write_rgb

FRAMES = 4
LOG = "ARRI LogC4"


@pytest.fixture(autouse=True)
def without_a_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


def error_db(found: Array, true: Array, hidden: Array) -> float:
    """PSNR in the hole, in the log range."""
    off = (to_log(found) - to_log(true))[hidden > 0].astype(np.float64)
    return float(-10 * np.log10(np.mean(off**2) + 1e-12))


def log_shot(folder: Path, plates: list[Array], mattes: list[Array]) -> tuple[Shot, list[Array]]:
    """The plates as a camera's log, and their code values as half holds them."""
    space = encoding.of_exr(LOG)
    codes = [space.encode(plate).astype(np.float16).astype(np.float32) for plate in plates]
    shot = shot_of(folder, plates, mattes, controls=Controls(colorspace=LOG))
    for file, code, matte in zip(shot.plates, codes, mattes, strict=True):
        stained = code.copy()
        stained[matte > 0] = 0.9
        write_rgb(file.path, stained)
    return shot, codes


def test_a_log_plate_is_filled_in_light_and_comes_out_as_log_with_its_own_bits(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=8), box_matte(FRAMES)
    shot, codes = log_shot(tmp_path, plates, mattes)
    space = encoding.of_exr(LOG)
    for filled, plate, code, matte in zip(fill(shot), plates, codes, mattes, strict=True):
        filled.write(tmp_path / "out.exr")
        written = read_rgb(tmp_path / "out.exr")
        same = written.view(np.uint16) == code.astype(np.float16).view(np.uint16)
        assert same[matte == 0].all()
        assert error_db(space.decode(written.astype(np.float32)), plate, matte) > 25


def test_a_soft_edge_over_a_log_plate_is_mixed_in_light(tmp_path: Path) -> None:
    plates, mattes = pan(2, speed=8), box_matte(2)
    shot, _ = log_shot(tmp_path, plates, mattes)
    for file, matte in zip(shot.mattes, mattes, strict=True):
        write_matte(file.path, matte * 0.5)
    filled = next(iter(fill(shot)))
    filled.write(tmp_path / "out.exr")
    written = exr.read(tmp_path / "out.exr", frame=1001, encoding=encoding.of_exr(LOG)).pixels
    hidden = mattes[0] > 0
    step = np.abs(filled.pixels[hidden]) * 0.02 + 1e-3
    assert (np.abs(written - filled.pixels)[hidden] <= step).all()
    stain = encoding.of_exr(LOG).decode(np.full((1, 3), np.float32(np.float16(0.9))))
    fills = 2 * filled.pixels[hidden] - stain
    assert np.median(np.abs(to_log(fills) - to_log(plates[0][hidden]))) < 0.5


def test_naming_a_linear_space_changes_no_bit_of_the_fill(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2, speed=8), box_matte(2))
    named = replace(shot, controls=Controls(colorspace="ACEScg"))
    for plain, same in zip(fill(shot), fill(named), strict=True):
        assert plain.pixels.tobytes() == same.pixels.tobytes()


def test_an_unknown_space_ends_the_job_at_once_with_the_closest_names(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), box_matte(2), controls=Controls(colorspace="LogC4"))
    with pytest.raises(ShotError, match="no space 'LogC4'") as refused:
        next(iter(fill(shot)))
    assert LOG in refused.value.hint


def as_video(plate: Array) -> Array:
    return np.clip(plate, 0, 1) ** (1 / 2.2)


def test_png_plates_and_mattes_give_exr_whose_values_outside_are_the_decoded_ones(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=8), box_matte(FRAMES)
    files: list[list[FrameFile]] = [[], []]
    for number, (plate, matte) in enumerate(zip(plates, mattes, strict=True), 1):
        codes = np.rint(as_video(plate) * 255).astype(np.uint8)
        codes[matte > 0] = (255, 0, 255)
        for kind, pixels in enumerate((codes, (matte * 255).astype(np.uint8)[..., None])):
            path = still(tmp_path / f"{kind}.{number}.png", pixels)
            files[kind].append(FrameFile(number, path))
    shot = Shot(tuple(files[0]), tuple(files[1]))
    for filled, plate, matte in zip(fill(shot), plates, mattes, strict=True):
        filled.write(tmp_path / "out.exr")
        written, decoded = (
            read_rgb(tmp_path / "out.exr"),
            reader.read(shot.plates[filled.frame - 1].path, frame=filled.frame).pixels,
        )
        assert written.dtype == np.float16
        assert (written == decoded)[matte == 0].all()
        assert error_db(written.astype(np.float32), np.clip(plate, 0, 1), matte) > 20


def movie_shot(folder: Path, plates: list[Array], mattes: list[Array], *, controls: Controls) -> Shot:
    """A shot whose plate is a movie, stained where the matte hides, and whose matte is one, too."""
    stained = [np.where(m[..., None] > 0, 0, as_video(p)) for p, m in zip(plates, mattes, strict=True)]
    wide = [np.rint(65535 * s).astype(np.uint16) for s in stained]
    roto = [np.repeat((m * 65535).astype(np.uint16)[..., None], 3, -1) for m in mattes]
    source = movie(folder / "p.mov", wide, codec="prores_ks", pixels="yuv422p10le")
    cut = movie(folder / "m.mkv", roto)
    frames = range(1, len(plates) + 1)
    files = tuple(tuple(FrameFile(n, path) for n in frames) for path in (source, cut))
    return Shot(*files, controls=controls)


def test_a_movie_is_filled_frame_by_frame_with_a_movie_for_its_matte(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=8), box_matte(FRAMES)
    shot = movie_shot(tmp_path, plates, mattes, controls=Controls(write="full"))
    for filled, matte in zip(fill(shot), mattes, strict=True):
        filled.write(tmp_path / "out.exr")
        written = read_rgb(tmp_path / "out.exr")
        decoded = reader.read(shot.plates[0].path, frame=filled.frame).pixels
        assert (written == decoded)[matte == 0].all()
        assert (written.astype(np.float32)[matte > 0] > 0.01).all()


def test_unless_asked_otherwise_a_movie_gives_overlays_which_laid_over_it_are_the_full_result(tmp_path: Path) -> None:
    plates, mattes = pan(2, speed=8), box_matte(2)
    mattes[1][20:24, 30:34] = 0.5
    shot = movie_shot(tmp_path, plates, mattes, controls=Controls())
    assert {frame.written for frame in fill(shot)} == {"overlay"}
    for filled in fill(shot):
        filled.write(tmp_path / "over.exr")
        replace(filled, written="full").write(tmp_path / "full.exr")
        over, full = (exr.read(tmp_path / f"{name}.exr", frame=filled.frame) for name in ("over", "full"))
        alpha = over.parts[0].channels["A"].astype(np.float32)[..., None]
        decoded = reader.read(shot.plates[0].path, frame=filled.frame).pixels
        laid_over = over.pixels + decoded * (1 - alpha)
        assert laid_over.tobytes() == full.pixels.tobytes()
        assert not over.pixels[filled.hidden == 0].any()
        assert (over.data_window, over.display_window) == (full.data_window, full.display_window)


def test_plates_in_files_of_their_own_give_full_frames_whatever_the_matte_is(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(1), box_matte(1))
    assert written_as(shot) == "full"
    roto = movie(tmp_path / "m.mkv", [np.zeros((64, 96, 3), np.uint16)])
    assert written_as(replace(shot, mattes=(FrameFile(1001, roto),))) == "full"


def test_the_engine_is_another_when_its_colours_are(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity()
    monkeypatch.setenv("OCIO", "ocio://cg-config-latest")
    assert identity() != before
