"""Where a result comes from: in its header, whatever the plate's own says, and comparable with other results."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine import pipeline, provenance
from aan_engine._version import __version__
from aan_engine.errors import OutsideMatteError, PlateUnwritable, ShotError
from aan_engine.network import weights
from aan_engine.plates import exr, patch, verify
from aan_engine.plates.result_marks import MARKS, read_provenance
from aan_engine.provenance import Provenance
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.shots import box_matte, pan, shot_of

SHAPE = (24, 40)
MADE = Provenance('{"plate": "/s/p.####.exr"}', "shot", "settings", "9.9", "w" * 64, "CPU", "2026-01-02T03:04:05Z")


def plate(path: Path, **header: Any) -> Any:
    pixels = {name: np.full(SHAPE, 0.25 * i, np.float16) for i, name in enumerate("RGB")}
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}, pixels).write(
        str(path)
    )
    return exr.read(path, frame=1001)


def write(path: Path, source: Any, made: Provenance | None) -> Path:
    hidden = np.zeros(SHAPE, bool)
    hidden[4:8, 4:8] = True
    exr.write(path, source, pixels=source.pixels, hidden=hidden, provenance=made)
    return path


def shot(*frames: int, name: str = "p", matte: str = "m", **more: Any) -> Shot:
    files = {n: tuple(FrameFile(f, Path(f"/s/{n}.{f}.exr")) for f in frames) for n in (name, matte)}
    return Shot(files[name], files[matte], **more)


# Headers


def test_a_result_says_where_it_comes_from(tmp_path: Path) -> None:
    path = write(tmp_path / "o.exr", plate(tmp_path / "p.exr"), MADE)
    assert read_provenance(path) == MADE
    header = OpenEXR.File(str(path)).header()
    assert json.loads(header["aanJob"]) == {"plate": "/s/p.####.exr"}
    assert (header["aanEngine"], header["aanDevice"], header["aanDate"]) == ("9.9", "CPU", "2026-01-02T03:04:05Z")
    assert (header["aanWeights"], header["aanShot"], header["aanSettings"]) == ("w" * 64, "shot", "settings")
    assert int(header["aanSize"]) == path.stat().st_size


def test_a_patch_says_so_too(tmp_path: Path) -> None:
    source, hidden = plate(tmp_path / "p.exr"), np.zeros(SHAPE, bool)
    hidden[4:8, 4:8] = True
    cut = patch.cut(source, pixels=source.pixels, hidden=hidden)
    exr.write(tmp_path / "o.exr", cut, pixels=cut.pixels, hidden=np.zeros(cut.shape, bool), provenance=MADE)
    assert read_provenance(tmp_path / "o.exr") == MADE


def test_of_a_plate_that_is_a_result_the_marks_are_replaced_and_everything_else_stays(tmp_path: Path) -> None:
    first = write(tmp_path / "1.exr", plate(tmp_path / "p.exr", owner="us", aanything="theirs"), MADE)
    other = replace(MADE, settings="others", job="{}")
    second = write(tmp_path / "2.exr", exr.read(first, frame=1001), other)
    assert read_provenance(second) == other
    header = OpenEXR.File(str(second)).header()
    assert (header["owner"], header["aanything"]) == ("us", "theirs")
    bare = write(tmp_path / "3.exr", exr.read(second, frame=1001), None)
    assert not OpenEXR.File(str(bare)).header().keys() & MARKS
    assert read_provenance(bare) is None


def test_in_a_file_of_several_parts_the_marks_stand_in_the_picture_s(tmp_path: Path) -> None:
    pixels = dict.fromkeys("RGB", np.zeros(SHAPE, np.float16))
    head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    parts = [OpenEXR.Part(dict(head), {"Z": np.zeros(SHAPE, np.float32)}, "depth"), OpenEXR.Part(head, pixels, "rgb")]
    OpenEXR.File(parts).write(str(tmp_path / "p.exr"))
    path = write(tmp_path / "o.exr", exr.read(tmp_path / "p.exr", frame=1), MADE)
    depth, rgb = exr.describe(path).parts
    assert not depth.attributes.keys() & MARKS
    assert rgb.attributes.keys() >= MARKS
    assert read_provenance(path) == MADE


def test_a_job_with_any_path_can_be_carried(tmp_path: Path) -> None:
    job = json.dumps({"plate": "/s/\udcff ü 日本.####.exr", "matte": "x" * 5000})
    assert read_provenance(write(tmp_path / "o.exr", plate(tmp_path / "p.exr"), replace(MADE, job=job))).job == job


def test_a_mark_that_is_not_written_as_it_was_meant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = exr.splice

    def and_a_flipped_letter(path: Path, parts: Any) -> None:
        honest(path, parts)
        path.write_bytes(path.read_bytes().replace(b"2026-01-02", b"2027-01-02"))

    source = plate(tmp_path / "p.exr")
    monkeypatch.setattr(exr, "splice", and_a_flipped_letter)
    with pytest.raises(OutsideMatteError, match="aanDate"):
        write(tmp_path / "o.exr", source, MADE)


def test_a_plate_s_other_attributes_are_still_demanded_beside_the_marks(tmp_path: Path) -> None:
    before = plate(tmp_path / "p.exr", owner="us")
    written = exr.read(write(tmp_path / "o.exr", before, MADE), frame=1001)
    (part,) = written.parts
    attributes = {name: value for name, value in part.description.attributes.items() if name != "owner"}
    lost = replace(part, description=replace(part.description, attributes=attributes))
    with pytest.raises(OutsideMatteError, match="owner"):
        verify.verify(
            before, (lost,), hidden=np.zeros(SHAPE, bool), filled={}, path=Path("o.exr"), headers=[part.description]
        )


@pytest.mark.parametrize("change", ["cut short", "longer", "half a header", "no EXR", "gone"])
def test_what_was_changed_since_or_is_none_of_ours_has_no_provenance(tmp_path: Path, change: str) -> None:
    path = write(tmp_path / "o.exr", plate(tmp_path / "p.exr"), MADE)
    whole = path.read_bytes()
    changed = {"cut short": whole[:-1], "longer": whole + b"x", "half a header": whole[:300], "no EXR": b"words"}
    path.unlink() if change == "gone" else path.write_bytes(changed[change])
    assert read_provenance(path) is None


def test_an_error_of_the_library_names_the_file_and_no_temporary_one(tmp_path: Path) -> None:
    source = plate(tmp_path / "p.exr")
    with pytest.raises(PlateUnwritable) as caught:
        write(tmp_path / "missing" / "o.1001.exr", source, MADE)
    assert ".part" not in str(caught.value)
    assert "o.1001.exr" in str(caught.value)


def test_a_frame_of_the_longest_name_that_is_allowed_is_written(tmp_path: Path) -> None:
    path = write(tmp_path / ("x" * 246 + ".1001.exr"), plate(tmp_path / "p.exr"), MADE)
    assert read_provenance(path) == MADE


# Digests


def test_the_whole_shot_and_each_chunk_of_it_have_the_same_digests() -> None:
    whole, chunk = shot(*range(1001, 1013)), shot(*range(1001, 1013), first=1007, last=1009)
    assert provenance.shot_digest(whole) == provenance.shot_digest(chunk)
    assert provenance.settings_digest(whole) == provenance.settings_digest(chunk)
    described = [replace(whole, job=json.dumps({"plate": p, "first": f})) for p, f in (("/s/p.####.exr", 1), ("p", 2))]
    assert len({provenance.settings_digest(one) for one in described}) == 1


def test_other_plates_or_mattes_are_another_shot() -> None:
    shots = [shot(1001, 1002), shot(1001, 1002, name="q"), shot(1001, 1002, matte="n"), shot(1001, 1002, matte="m_v2")]
    assert len({provenance.shot_digest(one) for one in shots}) == 4
    movies = [Shot((FrameFile(1, Path(f"/s/clip_v{v}.mov")),) * 1, (FrameFile(1, Path("/s/m.exr")),)) for v in (2, 3)]
    assert len({provenance.shot_digest(one) for one in movies}) == 2


def test_a_shot_that_grows_stays_the_same_shot() -> None:
    assert provenance.shot_digest(shot(1001)) == provenance.shot_digest(shot(1001, 1002))


@pytest.mark.parametrize(
    "other",
    [
        {"controls": Controls(grow=1.0)},
        {"aovs": ("unseen",)},
        {"device": "cpu"},
        {"matte_channel": "R"},
        {"known": Known(clean=(FrameFile(1, Path("/s/clean.exr")),))},
        {"job": '{"grow": 3}'},
    ],
)
def test_other_settings_have_another_digest_on_the_same_shot(other: dict[str, Any]) -> None:
    plain, changed = shot(1001, 1002), shot(1001, 1002, **other)
    assert provenance.settings_digest(plain) != provenance.settings_digest(changed)
    assert provenance.shot_digest(plain) == provenance.shot_digest(changed)


def test_without_a_caller_s_description_the_engine_says_what_differs_from_the_defaults() -> None:
    described = json.loads(provenance.job_of(shot(1001, 1002, 1003, first=1002, controls=Controls(grow=2.0))))
    assert described == {
        **{"plate": ["/s/p.1001.exr", "/s/p.1003.exr"], "matte": ["/s/m.1001.exr", "/s/m.1003.exr"]},
        **{"first": 1002, "grow": 2.0},
    }


@pytest.mark.parametrize("job", ["words", "[1]", "3", None, {"grow": 1}])
def test_a_description_that_is_no_json_object_is_refused(job: object) -> None:
    with pytest.raises(ShotError, match="job is"):
        shot(1001, job=job)


# The engine


@pytest.mark.parametrize("hides", [True, False])
def test_every_frame_of_the_engine_says_where_it_comes_from(tmp_path: Path, hides: bool) -> None:
    mattes = box_matte(2) if hides else np.zeros_like(box_matte(2))
    job = '{"plate": "as spelled", "matte": "m", "grow": 0}'
    made = shot_of(tmp_path, pan(2, speed=6), mattes, device="cpu", job=job)
    for filled in pipeline.fill(made):
        filled.write(tmp_path / f"o.{filled.frame}.exr")
        found = read_provenance(tmp_path / f"o.{filled.frame}.exr")
        assert found is not None
        assert (found.job, found.engine, found.weights, found.device) == (job, __version__, weights.digest(), "CPU")
        assert found.shot == provenance.shot_digest(made)
        assert found.settings == provenance.settings_digest(made)
        assert abs((datetime.now(UTC) - datetime.fromisoformat(found.date)).total_seconds()) < 60
