"""Header attributes: whatever a plate says about the shot, its result says too, byte for byte."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aan_engine.plates import exr
from aan_engine.plates.exr_attributes import passthrough


def raw_exr(path: Path, attributes: dict[str, tuple[bytes, bytes]]) -> Path:
    """A 5 x 4 RGB half EXR made by hand, since the library cannot make every header it must be able to read."""
    box, half = struct.pack("<4i", 0, 0, 4, 3), struct.pack("<iIii", 1, 0, 1, 1)
    layout = {
        "channels": (b"chlist", b"".join(n + b"\0" + half for n in (b"B", b"G", b"R")) + b"\0"),
        "compression": (b"compression", b"\0"),
        "dataWindow": (b"box2i", box),
        "displayWindow": (b"box2i", box),
        "lineOrder": (b"lineOrder", b"\0"),
        "pixelAspectRatio": (b"float", struct.pack("<f", 1)),
        "screenWindowCenter": (b"v2f", struct.pack("<2f", 0, 0)),
        "screenWindowWidth": (b"float", struct.pack("<f", 1)),
    }
    long = 0x400 if any(len(name) > 31 for name in attributes) else 0
    head = b"\x76\x2f\x31\x01" + struct.pack("<i", 2 | long)
    for name, (kind, value) in {**layout, **attributes}.items():
        head += name.encode() + b"\0" + kind + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    row = np.arange(15, dtype="<f2").tobytes()
    offsets = [len(head) + 4 * 8 + y * (8 + len(row)) for y in range(4)]
    rows = b"".join(struct.pack("<ii", y, len(row)) + row for y in range(4))
    path.write_bytes(head + struct.pack("<4Q", *offsets) + rows)
    return path


ODD_ATTRIBUTES = {
    "owner in Latin-1": (b"string", b"caf\xe9"),
    "empty text": (b"string", b""),
    "no views": (b"stringvector", b""),
    "unreduced rational": (b"rational", struct.pack("<iI", 48, 2)),
    "a NaN with a payload": (b"float", struct.pack("<I", 0x7FC00123)),
    "of a studio's own type": (b"studioThing", b"\x01\x02\x03"),
    "of a name longer than thirty-one letters": (b"int", struct.pack("<i", -7)),
    "key code": (b"keycode", struct.pack("<7i", 1, 2, 3, 4, 5, 4, 64)),
    "preview": (b"preview", struct.pack("<II", 2, 1) + bytes(range(8))),
    "damaged manifest": (b"idmanifest", bytes(12)),
}


@pytest.mark.parametrize("name", [*ODD_ATTRIBUTES, "all", "none"])
def test_any_header_attribute_reaches_the_result_byte_for_byte(tmp_path: Path, name: str) -> None:
    attributes = ODD_ATTRIBUTES if name == "all" else {k: v for k, v in ODD_ATTRIBUTES.items() if k == name}
    source = exr.read(raw_exr(tmp_path / "p.exr", attributes), frame=1)
    exr.write(tmp_path / "out.exr", source, pixels=source.pixels, hidden=np.ones((4, 5), bool))
    after = exr.describe(tmp_path / "out.exr").parts[0].attributes
    for key, (kind, value) in attributes.items():
        assert (after[key].type.encode(), after[key].value) == (kind, value)
    assert exr.read(tmp_path / "out.exr", frame=1).pixels.tobytes() == source.pixels.tobytes()


def test_what_the_library_writes_about_a_shot_is_carried_and_described(tmp_path: Path) -> None:
    header = {
        "timeCode": OpenEXR.TimeCode(1, 2, 3, 4, True, False, False, False, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        "framesPerSecond": Fraction(24000, 1001),
        "chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
        "cameraLabel": "A",
        "worldToCamera": np.eye(4, dtype=np.float32),
    }
    OpenEXR.File(dict(header), dict.fromkeys("RGB", np.zeros((40, 56), np.float16))).write(str(tmp_path / "p.exr"))
    before = exr.read(tmp_path / "p.exr", frame=1)
    exr.write(tmp_path / "out.exr", before, pixels=before.pixels, hidden=np.ones((40, 56), bool))
    after = exr.describe(tmp_path / "out.exr").parts[0]
    assert set(passthrough(after)) >= set(header)
    for name, attribute in passthrough(before.parts[0].description).items():
        assert after.attributes[name].value == attribute.value
    assert exr.read(tmp_path / "out.exr", frame=1).parts[0].header["framesPerSecond"] == Fraction(24000, 1001)
    assert after.timecode == "01:02:03;04"
    assert after.channels == (("B", "half"), ("G", "half"), ("R", "half"))
    assert after.display_window == (0, 0, 55, 39)
