"""MPEG transport streams: known by their content wherever they were cut, and every frame the one that playing shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from aan_engine.errors import PlateUnreadable
from aan_engine.plates import formats
from aan_engine.plates import movie as movies
from tests.engine.pictures import movie

LENGTH = 60
H264 = {"codec": "libx264", "pixels": "yuv420p", "options": {"g": "8", "bf": "3", "crf": "12"}}
MPEG2 = {"codec": "mpeg2video", "pixels": "yuv420p", "options": {"g": "8", "bf": "2", "b": "4M"}}
PACKET = 188


def levels(length: int = LENGTH) -> list[np.ndarray]:
    """Frames that differ in their grey, and show noise, so that one is several packets long."""
    noise = np.random.default_rng(0).integers(-3000, 3000, (48, 64, 3))
    return [(8000 + 800 * n + noise).astype(np.uint16) for n in range(length)]


def played(path: Path) -> Iterator[np.ndarray]:
    """The frames as a player shows them, from the first to the last."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="yuv420p")


def assert_any_frame_is_the_one_that_playing_shows(path: Path, *, length: int) -> None:
    """In any order, and from the start."""
    shown, from_start = list(played(path)), movies.Movie(path)
    assert from_start.length == len(shown) == length
    read = [from_start.read(number + 1)["G"].tobytes() for number in range(length)]
    luma = [frame[:48].mean() for frame in shown]
    means = [float(np.frombuffer(green, np.float32).mean()) * 255 for green in read]
    assert np.corrcoef(luma, means)[0, 1] > 0.999
    asked = movies.Movie(path)
    for number in [length - 1, 0, length // 2, *np.random.default_rng(1).permutation(length)]:
        assert asked.read(int(number) + 1)["G"].tobytes() == read[number], number


@pytest.mark.parametrize("kind", [H264, MPEG2], ids=["h264", "mpeg2"])
@pytest.mark.parametrize("ending", ["ts", "m2ts"])
def test_a_transport_stream_is_known_by_its_content_and_read_in_any_order(
    tmp_path: Path, ending: str, kind: dict
) -> None:
    options = {"mpegts_m2ts_mode": "1"} if ending == "m2ts" else {}
    source = movie(tmp_path / f"m.{ending}", levels(), container_options=options, **kind)
    source = source.rename(tmp_path / "named.bin")
    assert source.read_bytes()[4 if ending == "m2ts" else 0] == 0x47
    assert formats.sniff(source) == formats.MOVIE
    assert_any_frame_is_the_one_that_playing_shows(source, length=LENGTH)


@pytest.mark.parametrize("kind", [H264, MPEG2], ids=["h264", "mpeg2"])
def test_a_recording_that_begins_in_the_middle_of_a_packet_and_of_a_group_counts_what_is_shown(
    tmp_path: Path, kind: dict
) -> None:
    whole = movie(tmp_path / "m.ts", levels(), **kind).read_bytes()
    packets = len(whole) // PACKET
    source = tmp_path / "late.ts"
    source.write_bytes(whole[PACKET * (packets // 5) + 77 :])
    assert formats.sniff(source) == formats.MOVIE
    length = len(list(played(source)))
    assert LENGTH // 2 < length < LENGTH
    assert_any_frame_is_the_one_that_playing_shows(source, length=length)


@pytest.mark.parametrize("kind", [H264, MPEG2], ids=["h264", "mpeg2"])
def test_a_clock_that_begins_again_in_the_middle_neither_doubles_nor_mixes_frames(tmp_path: Path, kind: dict) -> None:
    """Two recordings in one file: every time is there twice."""
    first, second = (movie(tmp_path / f"{n}.ts", levels()[n::2], **kind).read_bytes() for n in range(2))
    (tmp_path / "both.ts").write_bytes(first + second)
    assert_any_frame_is_the_one_that_playing_shows(tmp_path / "both.ts", length=LENGTH)


def test_the_clock_may_begin_anywhere_and_overflow(tmp_path: Path) -> None:
    """A clock of 33 bits at 90 kHz begins again after 26.5 hours: here 20 frames after the first."""
    late = str((1 << 33) / 90000 - 20 * 1001 / 24000)
    source = movie(tmp_path / "m.ts", levels(), container_options={"output_ts_offset": late}, **H264)
    assert_any_frame_is_the_one_that_playing_shows(source, length=LENGTH)


@pytest.mark.parametrize("kind", [H264, MPEG2], ids=["h264", "mpeg2"])
def test_a_recording_that_breaks_off_is_refused_never_a_few_frames_shorter(tmp_path: Path, kind: dict) -> None:
    """Cut inside a frame, and between two of which the later one is shown earlier."""
    whole = movie(tmp_path / "m.ts", levels(), **kind).read_bytes()
    for number in range(6):
        source = tmp_path / "cut.ts"
        source.write_bytes(whole[: len(whole) * 2 // 3 + 3 * number * PACKET // 2])
        opened = movies.Movie(source)
        broken = any("cut short" in warning for warning in opened.describe(1).warnings)
        assert broken == (not is_shown_whole(source)), number
        if broken:
            with pytest.raises(PlateUnreadable, match="its last frame breaks off"):
                opened.read(1)


def is_shown_whole(path: Path) -> bool:
    """Whether every frame is whole, and comes after the one before it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    gaps = np.diff([frame.pts for frame in frames])
    return not frames[-1].is_corrupt and bool(gaps[-1] < 1.4 * gaps[0])


def test_a_text_with_a_g_at_every_packets_beginning_is_no_movie(tmp_path: Path) -> None:
    lines = ("G".ljust(PACKET - 1, "a") + "\n").encode() * 20
    (tmp_path / "a.ts").write_bytes(lines)
    (tmp_path / "g.ts").write_bytes(b"G" * 5000)
    (tmp_path / "zero.ts").write_bytes(b"G".ljust(PACKET, b"\0") * 20)  # packets that carry nothing do not exist
    (tmp_path / "short.ts").write_bytes(b"G\x40\x00\x10")
    assert {formats.sniff(path) for path in tmp_path.iterdir()} == {None}
