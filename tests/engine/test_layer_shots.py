"""Whole shots of rendered plates: what belongs to the removed object beside its colours goes with it if asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from aan_engine.pipeline import fill, inspect
from aan_engine.plates import exr
from aan_engine.plates.plate import Part
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.shots import SIZE, box_matte, pan, write_matte

FRAMES, SPEED = 6, 6
EXTRA = ("A", "Z", "id", "normals.X")


def layers(frame: int) -> dict[str, NDArray[Any]]:
    """Alpha, depth, numbers and a normal of the wall that `pan` shows, which lie on it as its texture does."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    x, y = x + SPEED * frame, y + 0.2 * frame
    return {
        "A": (0.5 + 0.3 * np.sin(x / 9)).astype(np.float16),
        "Z": (10 + 30 * (x // 30)).astype(np.float32),
        "id": (16_777_217 + 2 * (x // 30)).astype(np.uint32),
        "normals.X": np.cos(x / 12 + y / 40).astype(np.float32),
    }


def rendered_shot(folder: Path, mattes: list[NDArray[np.float32]], **options: Any) -> Shot:
    """The pan with its layers, all of them the object's under the matte."""
    plates, files = pan(FRAMES, speed=SPEED), []
    for frame, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
        channels = {name: plate[..., column].astype(np.float16) for column, name in enumerate("RGB")} | layers(frame)
        number = 1001 + frame
        for values in channels.values():
            values[matte > 0] = 7
        write(folder / f"p.{number}.exr", channels)
        write_matte(folder / f"m.{number}.exr", matte)
        files.append((FrameFile(number, folder / f"p.{number}.exr"), FrameFile(number, folder / f"m.{number}.exr")))
    return Shot(tuple(p for p, _ in files), tuple(m for _, m in files), device="cpu", **options)


def write(path: Path, channels: dict[str, NDArray[Any]]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: np.ascontiguousarray(values) for name, values in channels.items()}).write(str(path))


def part_of(path: Path) -> Part:
    return exr.read(path, frame=1).parts[0]


@pytest.mark.parametrize("names", [None, "A,Z,id,normals.*"])
def test_an_objects_alpha_depth_number_and_normals_go_with_it_where_asked_for(
    tmp_path: Path, names: str | None
) -> None:
    mattes = box_matte(FRAMES)
    shot = rendered_shot(tmp_path, mattes, controls=Controls(fill_layers=names))
    stays = ("alpha, Z, id and 1 more layer stay as they are (--fill-layers)",) if names is None else ()
    assert inspect(shot).notes == stays
    for frame, filled in enumerate(fill(shot)):
        assert filled.write(tmp_path / "out.exr") == 0
        before, after, hidden = part_of(shot.plates[frame].path), part_of(tmp_path / "out.exr"), mattes[frame] > 0
        for name in EXTRA:
            found, truth = after.channels[name], layers(frame)[name]
            assert found[~hidden].tobytes() == before.channels[name][~hidden].tobytes()
            if names is None:
                assert (found[hidden] == 7).all()
            elif name in ("Z", "id"):
                assert (found[hidden] == truth[hidden]).mean() > 0.97
                assert np.isin(found[hidden], truth).all()
            else:
                assert np.abs(found[hidden].astype(np.float32) - truth[hidden]).mean() < 0.02


def test_a_clean_plate_without_layers_hides_the_object_and_its_depth_is_continued(tmp_path: Path) -> None:
    mattes = box_matte(FRAMES)
    clean = tmp_path / "clean.1001.exr"
    write(clean, {name: pan(1)[0][..., column].astype(np.float16) for column, name in enumerate("RGB")})
    known = Known(clean=(FrameFile(1001, clean),))
    controls = Controls(fill_layers="Z,A", clean_use="only")
    shot = rendered_shot(tmp_path, mattes, first=1001, last=1001, known=known, controls=controls)
    (filled,) = fill(shot)
    filled.write(tmp_path / "out.exr")
    found, hidden = part_of(tmp_path / "out.exr").channels, mattes[0] > 0
    assert np.isin(found["Z"][hidden], layers(0)["Z"]).all()
    assert np.abs(found["A"][hidden].astype(np.float32) - 0.5).max() < 0.4
