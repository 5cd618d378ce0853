"""What a movie says of itself is heard: its turn, its fields, which of its streams is the picture."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from aan_engine.errors import PlateUnreadable, PlateUnsupported
from aan_engine.plates import movie as movies
from aan_engine.plates import movie_stream, reader
from tests.engine.pictures import movie
from tests.engine.turned import EXIF, MATRICES, ONE, SHOWN, WORDS, matrix

SHAPE = (24, 32)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, (*SHAPE, 3)).astype(np.uint16)


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("ending", ["mov", "mkv"])
def test_a_movie_is_read_as_players_show_it(tmp_path: Path, ending: str, number: int) -> None:
    frames, lossless = [noise(0), noise(1)], ("png", "rgb48be") if ending == "mov" else ("ffv1", "gbrp16le")
    source = movie(
        tmp_path / f"m.{ending}", frames, codec=lossless[0], pixels=lossless[1], matrix=matrix(*MATRICES[number])
    )
    for index, frame in enumerate(frames):
        plate = reader.read(source, frame=index + 1, colorspace="lin_rec709")
        shown = np.stack([SHOWN[number](frame[..., column]) for column in range(3)], -1)
        assert np.rint(plate.pixels * 65535).astype(int).tolist() == shown.tolist()
    description = reader.describe(source)
    assert description.parts[0].display_window.shape == shown.shape[:2]
    assert description.notes == ((WORDS[number],) if number > 1 else ())
    assert description.warnings == ()


def test_the_shape_of_its_pixels_is_turned_with_a_movie(tmp_path: Path) -> None:
    frames, kind = [np.zeros((48, 64, 3), np.uint16)], {"codec": "libx264", "pixels": "yuv420p"}
    for number, aspect in ((3, 2), (6, 0.5)):
        source = movie(tmp_path / "m.mp4", frames, matrix=matrix(*MATRICES[number]), sample_aspect_ratio=2, **kind)
        assert movies.Movie(source).describe(1).aspect == aspect


def test_a_turn_that_is_no_quarter_is_said_and_left_out(tmp_path: Path) -> None:
    half = round(ONE * 0.5**0.5)
    source = movie(tmp_path / "m.mkv", [noise()], matrix=(half, half, 0, -half, half, 0, 0, 0, 1 << 30))
    plate = reader.read(source, frame=1, colorspace="lin_rec709")
    assert np.rint(plate.pixels * 65535).astype(int).tolist() == noise().tolist()
    description = reader.describe(source)
    assert description.notes == ("not turned by the file's 45 degrees",)
    assert "45 degrees" in description.warnings[0]


ORDERS = {"tt": "top field first", "bb": "bottom field first"}


INTERLACED = [("mov", "prores_ks", order) for order in ORDERS] + [("mkv", "libx264", order) for order in ORDERS]


@pytest.mark.parametrize(("ending", "codec", "order"), [*INTERLACED, ("mxf", "mpeg2video", "bb")])
def test_interlaced_footage_is_said_with_a_warning(tmp_path: Path, ending: str, codec: str, order: str) -> None:
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    options = {"field_order": order, "flags": "+ildct+ilme"}
    if codec == "libx264":
        options["x264-params"] = "tff=1" if order == "tt" else "bff=1"
    frames = [np.tile(noise(n), (4, 4, 1)) for n in range(3)]
    source = movie(tmp_path / f"m.{ending}", frames, codec=codec, pixels=pixels, options=options)
    description = reader.describe(source)
    assert description.notes == (f"interlaced, {ORDERS[order]}",)
    assert description.warnings == (movie_stream.INTERLACED,)
    assert description.format_note.endswith(f"interlaced, {ORDERS[order]}")


def test_progressive_footage_warns_of_nothing(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mov", [noise()], codec="prores_ks", pixels="yuv422p10le")
    assert (reader.describe(source).notes, reader.describe(source).warnings) == ((), ())


def several(path: Path, sizes: list[tuple[int, int]], dispositions: list[Disposition], *, codec: str = "ffv1") -> Path:
    """A movie with video streams of several sizes (width, height), two frames each."""
    with av.open(str(path), "w") as container:
        streams = []
        for (width, height), disposition in zip(sizes, dispositions, strict=True):
            cover = disposition == Disposition.attached_pic
            stream = container.add_stream("mjpeg" if cover else codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p" if cover else "yuv420p"
            stream.disposition = disposition
            streams.append(stream)
        for stream in streams:
            for number in range(1 if stream.disposition == Disposition.attached_pic else 2):
                shown = av.VideoFrame.from_ndarray(np.zeros((stream.height, stream.width, 3), np.uint8))
                shown.pts = number
                container.mux(stream.encode(shown))
            container.mux(stream.encode())
    return path


def test_of_several_streams_the_default_one_is_the_picture_and_info_says_which(tmp_path: Path) -> None:
    sizes = [(32, 32), (64, 48), (48, 32)]
    for default in range(3):
        flags = [Disposition.default if n == default else Disposition(0) for n in range(3)]
        source = several(tmp_path / f"{default}.mkv", sizes, flags)
        assert reader.read(source, frame=2).shape == sizes[default][::-1]
        assert reader.describe(source).notes == (f"stream {default + 1} of 3",)


def test_a_cover_picture_is_never_the_movie(tmp_path: Path) -> None:
    source = several(
        tmp_path / "m.mp4", [(128, 128), (32, 24)], [Disposition.attached_pic, Disposition(0)], codec="libx264"
    )
    assert reader.read(source, frame=2).shape == (24, 32)
    assert reader.describe(source).notes == ()


def test_sound_alone_is_no_movie(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "m.mov"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate, sound.pts = 8000, 0
        container.mux(stream.encode(sound))
    with pytest.raises(PlateUnreadable, match="no moving picture in it"):
        reader.describe(tmp_path / "m.mov")


def test_a_movie_that_changes_its_size_in_the_middle_is_refused_there(tmp_path: Path) -> None:
    """Two transport streams of different sizes in a row, as a recorder writes them when the programme changes."""
    parts = []
    for number, (height, width) in enumerate(((48, 64), (64, 96))):
        frames = [np.full((height, width, 3), 20000, np.uint16)] * 3
        parts.append(movie(tmp_path / f"{number}.ts", frames, codec="mpeg2video", pixels="yuv420p").read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    frames = range(1, movies.length(tmp_path / "both.ts") + 1)
    assert reader.read(tmp_path / "both.ts", frame=1).shape == (48, 64)
    with pytest.raises(PlateUnsupported, match="changes its size"):
        [reader.read(tmp_path / "both.ts", frame=frame) for frame in frames]
