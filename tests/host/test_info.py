"""`aan info` of files, patterns and folders, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from plugin_host.server.info import print_json, print_text
from tests.engine import pictures

SIZE = (4, 6)


def write(path: Path, channels: str = "RGB", *, size: tuple[int, int] = SIZE, **header: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(head, {name: np.zeros(size, np.float16) for name in channels}).write(str(path))
    return path


def sequence(folder: Path, numbers: list[int], **kinds: Any) -> str:
    for number in numbers:
        write(folder / f"p.{number}.exr", **kinds)
    return str(folder / "p.####.exr")


def text(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert print_text([str(argument) for argument in arguments])
    return capsys.readouterr().out


def told(capsys: pytest.CaptureFixture[str], *arguments: object, good: bool = True) -> list[dict[str, Any]]:
    assert print_json([str(argument) for argument in arguments]) is good
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert isinstance(found, list)
    return found


def test_a_pattern_is_its_range_its_gaps_its_size_and_whether_headers_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = sequence(tmp_path, [1001, 1002, 1004, 1005, 1006])
    lines = [line.strip() for line in text(capsys, pattern).splitlines()]
    assert lines[0] == pattern
    assert lines[1] == "frames   5 frames 1001-1002, 1004-1006; 1003 missing"
    assert lines[2].startswith("size     0.0 MB")
    assert lines[3] == "headers  agree (1001, 1004 and 1006 looked at)"
    assert "display  6 x 4, from (0, 0) to (5, 3)" in lines


def test_an_even_step_is_no_gap_and_a_file_without_a_byte_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = sequence(tmp_path, [1001, 1003, 1005, 1007])
    (tmp_path / "p.1009.exr").touch()
    assert "frames   4 frames 1001-1007x2; 1009 without a byte\n" in text(capsys, pattern)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"size": (8, 6)}, "1003 has another display window and another data window"),
        ({"channels": "RGBA"}, "1003 has other channels"),
        ({"compression": OpenEXR.PIZ_COMPRESSION}, "1003 has another codec"),
    ],
)
def test_headers_that_differ_say_in_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], said: str
) -> None:
    pattern = sequence(tmp_path, [1001, 1002])
    write(tmp_path / "p.1003.exr", **changed)
    assert f"headers  {said} (1001, 1002 and 1003 looked at)" in text(capsys, pattern)
    assert told(capsys, pattern)[0]["differences"] == [said]


def test_a_folder_lists_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sequence(tmp_path, [1001, 1002])
    write(tmp_path / "m.exr", "A")
    (tmp_path / "notes.txt").write_text("no picture")
    lines = text(capsys, tmp_path).splitlines()
    assert lines[0] == str(tmp_path)
    assert [line.strip() for line in lines[1:]] == ["m.exr", "p.####.exr  2 frames 1001-1002"]
    assert [entry["path"] for entry in told(capsys, tmp_path)] == [
        str(tmp_path / "m.exr"),
        str(tmp_path / "p.####.exr"),
    ]


def test_a_folder_without_pictures_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not print_text([str(tmp_path)])
    assert "holds no picture" in capsys.readouterr().err


def test_every_file_says_what_it_is_as_a_matte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "    as a matte: reads A\n" in text(capsys, write(tmp_path / "m.exr", "A"))
    assert told(capsys, tmp_path / "m.exr")[0]["matte"] == "A"


def test_where_nobody_can_tell_what_the_matte_is_it_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channels = {name: np.eye(4, 6, number, np.float32) for number, name in enumerate(("left.Y", "right.Y"))}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(tmp_path / "m.exr"))
    assert "    as a matte: no channel by itself (" in text(capsys, tmp_path / "m.exr")
    (found,) = told(capsys, tmp_path / "m.exr")
    assert found["matte"] is None
    assert "left.Y" in found["matte_problem"]


def test_a_result_says_what_it_was_filled_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = {"Engine": "0.2.0", "Device": "CPU", "Date": "2026-12-01", "Weights": "ab", "Settings": "cd"}
    marks["Job"] = '{"grow": 2.0}'
    result = write(tmp_path / "o.exr", **{f"aan{name}": value for name, value in marks.items()})
    said = text(capsys, result)
    assert "filled by align-and-attend 0.2.0 on CPU, 2026-12-01, weights ab, settings cd\n" in said
    assert 'its job  {"grow": 2.0}\n' in said
    assert told(capsys, result)[0]["provenance"]["job"] == {"grow": 2.0}


def test_other_files_say_nothing_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plate = write(tmp_path / "p.exr")
    assert "filled by" not in text(capsys, plate)
    assert told(capsys, plate)[0]["provenance"] is None


def test_json_has_every_fact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = sequence(tmp_path, [1001, 1003, 1004], channels="RGBA")
    (found,) = told(capsys, pattern)
    windows = {"display": [0, 0, 5, 3], "data": [0, 0, 5, 3]}
    channels = dict.fromkeys("ABGR", "half")
    facts = {"channels": channels, "windows": windows, "codec": "zip", "timecode": None}
    assert found.pop("bytes") == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert found == {
        "path": pattern,
        "frames": [1001, 1003, 1004],
        "missing": [1002],
        "empty": [],
        "size": [6, 4],
        "format": "EXR",
        "differences": [],
        "parts": [{"name": "", "type": "scanline", **facts}],
        **facts,
        "picture": ["R", "G", "B"],
        "problem": None,
        "matte": "A",
        "matte_problem": None,
        "provenance": None,
    }


def test_json_names_what_cannot_be_described_and_the_others_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (broken := tmp_path / "b.exr").write_bytes(b"no EXR")
    good = write(tmp_path / "a.exr")
    found = told(capsys, good, broken, tmp_path / "gone.####.exr", good=False)
    assert [set(entry) == {"path", "error", "hint"} for entry in found] == [False, True, True]
    assert found[1]["path"] == str(broken)
    assert "no file matches" in found[2]["error"]


def test_a_movie_that_is_still_being_copied_is_described_and_called_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [pictures.ramp("uint16") for _ in range(6)]
    whole = pictures.movie(tmp_path / "a.mkv", frames)
    data = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 2 // 3])
    assert "warning" not in text(capsys, whole)
    assert "\n    warning  the movie is cut short (" in text(capsys, cut)
