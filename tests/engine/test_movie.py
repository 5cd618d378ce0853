"""Movies: any frame at any time, the very one that playing would show, with what the file says about it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from aan_engine.errors import PlateMissing, PlateUnreadable, PlateUnsupported
from aan_engine.plates import movie as movies
from aan_engine.plates import reader
from tests.engine.pictures import RATE, SIZE, movie

LENGTH = 30


def levels() -> list[np.ndarray]:
    """Frames that are told apart by one level each, red first."""
    frames = []
    for number in range(LENGTH):
        frame = np.zeros((48, 64, 3), np.uint16)
        frame[:] = (52000, 8000 + 1500 * number, 20000)
        frames.append(frame)
    return frames


LONG_GROUPS = {"g": "12", "bf": "3", "crf": "12"}
KINDS = (
    ("mov", "prores_ks", "yuv422p10le", {}),
    ("mp4", "libx264", "yuv420p", LONG_GROUPS),
    ("mkv", "libx264", "yuv420p", LONG_GROUPS),
    ("avi", "mpeg4", "yuv420p", {"g": "10", "b": "20M"}),
    ("mxf", "mpeg2video", "yuv420p", {"g": "10", "bf": "2", "b": "20M"}),
)


@pytest.mark.parametrize(("suffix", "codec", "pixels", "options"), KINDS, ids=[f"{k[1]}-{k[0]}" for k in KINDS])
def test_any_frame_can_be_asked_for_and_is_the_one_that_playing_shows(
    tmp_path: Path, suffix: str, codec: str, pixels: str, options: dict[str, str]
) -> None:
    source = movie(tmp_path / f"m.{suffix}", levels(), codec=codec, pixels=pixels, options=options)
    played, asked = movies.Movie(source), movies.Movie(source)
    assert played.length == LENGTH
    shown = [played.read(number + 1) for number in range(LENGTH)]
    greens = [float(frame["G"].mean()) * 65535 for frame in shown]
    assert greens == pytest.approx([8000 + 1500 * n for n in range(LENGTH)], abs=740)
    for number in [29, 0, 28, 13, 12, 11, 11, 24, *np.random.default_rng(0).permutation(LENGTH)]:
        for name, channel in asked.read(int(number) + 1).items():
            assert channel.tobytes() == shown[number][name].tobytes(), number
    played.close()
    asked.close()


def test_a_frame_has_the_same_bits_whenever_it_is_read(tmp_path: Path) -> None:
    """A width that is no multiple of 16, and rows enough to be shared among threads."""
    frame = np.random.default_rng(0).integers(0, 65536, (72, 120, 3)).astype(np.uint16)
    source = movie(tmp_path / "m.mov", [frame] * 2, codec="prores_ks", pixels="yuv422p10le")
    shown = movies.Movie(source)
    first = {name: channel.tobytes() for name, channel in shown.read(1).items()}
    for _ in range(150):
        shown.read(2)
        assert {name: channel.tobytes() for name, channel in shown.read(1).items()} == first


def test_a_lossless_movie_is_read_to_its_very_values(tmp_path: Path) -> None:
    frames = [np.random.default_rng(n).integers(0, 65536, (*SIZE, 3)).astype(np.uint16) for n in range(3)]
    source = movie(tmp_path / "m.mkv", frames)
    for number, frame in enumerate(frames):
        plate = reader.read(source, frame=number + 1, colorspace="lin_rec709")
        assert plate.parts[0].channels["R"].dtype == np.float32
        assert np.rint(plate.pixels * 65535).astype(int).tolist() == frame.tolist()


def test_ten_bits_become_half_and_rec_1886_light(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mov", levels()[:1], codec="prores_ks", pixels="yuv422p10le")
    plate = reader.read(source, frame=1)
    assert plate.parts[0].channels["R"].dtype == np.float16
    assert plate.pixels.mean((0, 1)) == pytest.approx((np.array([52000, 8000, 20000]) / 65535) ** 2.4, rel=0.02)
    told = plate.parts[0].description.attributes
    assert told["colorInteropID"].value == b"lin_rec709_scene"


@pytest.mark.parametrize("matrix", [1, 5])
def test_the_matrix_that_the_file_names_is_used(tmp_path: Path, matrix: int) -> None:
    """Encoded by one matrix and tagged with it, a saturated colour comes back; read by the other, it would not."""
    source = movie(
        tmp_path / "m.mp4", levels()[:1], codec="libx264", pixels="yuv444p", options={"crf": "4"}, colorspace=matrix
    )
    # The writer converts by the old matrix whatever the tag: what is read back by it is right, by the other is not.
    found = np.array([movies.Movie(source).read(1)[name].mean() for name in "RGB"]) * 65535
    error = np.abs(found - (52000, 8000, 20000)).max()
    assert (error < 600) == (matrix == 5), error


def test_timecode_counts_on_from_the_movies_first_frame(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mov", levels(), codec="prores_ks", pixels="yuv422p10le", timecode="01:00:00:20")
    told = [reader.read(source, frame=n).parts[0].description.timecode for n in (1, 4, 5, 30)]
    assert told == ["01:00:00:20", "01:00:00:23", "01:00:01:00", "01:00:02:01"]


def test_alpha_of_a_4444_movie_comes_along(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mov", levels()[:1], codec="prores_ks", pixels="yuva444p10le")
    plate = reader.read(source, frame=1)
    assert (plate.parts[0].channels["A"] == 1).all()


def test_what_video_holds_above_white_is_not_clipped(tmp_path: Path) -> None:
    white = [np.full((48, 64, 3), 65535, np.uint16)]
    source = movie(tmp_path / "m.mov", white, codec="prores_ks", pixels="yuv422p10le")
    with av.open(str(source)) as container:
        code = np.frombuffer(bytes(next(container.decode(video=0)).planes[0]), np.uint16)[0]
    assert code > 940
    plate = reader.read(source, frame=1, colorspace="lin_rec709")
    assert plate.pixels[0, 0] == pytest.approx((code - 64) / 876, abs=1e-3)


def test_full_range_is_read_as_full_range(tmp_path: Path) -> None:
    """The writer fills the narrow range and tags it as full: black then reads as 16 of 255, and white as 235."""
    frames = [np.full((48, 64, 3), level, np.uint16) for level in (0, 65535)]
    source = movie(tmp_path / "m.mp4", frames, codec="libx264", pixels="yuv420p", color_range=2)
    found = [movies.Movie(source).read(n)["G"].mean() for n in (1, 2)]
    assert found == pytest.approx([16 / 255, 235 / 255], abs=0.006)


@pytest.mark.parametrize(("pixels", "bits"), [("bgr0", 8), ("gbrp10le", 10), ("gbrp12le", 12)])
def test_stored_rgb_lands_on_its_own_codes(tmp_path: Path, pixels: str, bits: int) -> None:
    frame = np.random.default_rng(1).integers(0, 65536, (*SIZE, 3)).astype(np.uint16)
    top = (1 << bits) - 1
    found = movies.Movie(movie(tmp_path / "m.mkv", [frame], pixels=pixels)).read(1)
    stacked = np.stack([found[name] for name in "RGB"], -1)
    assert np.abs(stacked * top - np.rint(stacked * top)).max() < 1e-3
    assert np.abs(stacked - frame / 65535).max() < 1.6 / top


def test_a_frame_that_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mkv", levels()[:3])
    for frame in (0, 4, 1001):
        with pytest.raises(PlateMissing, match=f"no frame {frame}") as refused:
            reader.read(source, frame=frame)
        assert "1 to 3" in refused.value.hint


def test_a_movie_of_one_frame_is_a_still_for_every_number(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mkv", levels()[:1])
    first, other = (reader.read(source, frame=n).pixels for n in (1, 1017))
    assert first.tobytes() == other.tobytes()


def test_a_movie_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mkv", levels()[:2])
    assert movies.length(source) == 2
    movie(source, levels()[:5])
    assert movies.length(source) == 5


def test_a_damaged_movie_is_named(tmp_path: Path) -> None:
    whole = movie(tmp_path / "m.mov", levels(), codec="prores_ks", pixels="yuv422p10le").read_bytes()
    (tmp_path / "cut.mov").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PlateUnreadable, match="movie cannot be decoded") as refused:
        reader.read(tmp_path / "cut.mov", frame=1)
    assert refused.value.file == tmp_path / "cut.mov"


def test_high_dynamic_range_is_not_guessed_at(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mp4", levels()[:1], codec="libx264", pixels="yuv420p10le", color_trc=16)
    with pytest.raises(PlateUnsupported, match="PQ") as refused:
        reader.read(source, frame=1)
    assert "--colorspace" in refused.value.hint
    assert reader.read(source, frame=1, colorspace="Rec.2100-PQ - Display").pixels.max() > 1
    assert "movie (h264), 1 frames, 10 bits" in reader.describe(source).format_note


def test_info_tells_length_depth_rate_and_space(tmp_path: Path) -> None:
    source = movie(tmp_path / "m.mov", levels(), codec="prores_ks", pixels="yuv422p10le")
    description = reader.describe(source)
    assert description.format_note == "movie (prores), 30 frames, 10 bits, read as Gamma 2.4 Encoded Rec.709"
    rate = description.parts[0].attributes["framesPerSecond"].value
    assert rate == RATE.numerator.to_bytes(4, "little") + RATE.denominator.to_bytes(4, "little")


@pytest.mark.parametrize("kind", [*KINDS, ("mp4", "libx264", "yuv420p", LONG_GROUPS)])
def test_a_movie_that_is_still_being_copied_is_refused_whatever_its_index_tells(tmp_path: Path, kind: tuple) -> None:
    """The index stands at the beginning and is whole, the pictures are not: a decoder would end without a word."""
    suffix, codec, pixels, options = kind
    early = {"movflags": "+faststart"} if suffix in ("mov", "mp4") else {}
    source = movie(
        tmp_path / f"m.{suffix}", levels(), codec=codec, pixels=pixels, options=options, container_options=early
    )
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) * 2 // 3])
    for ask in (movies.length, lambda path: reader.read(path, frame=1)):
        with pytest.raises(PlateUnreadable, match="bytes are missing at its end") as refused:
            ask(source)
        assert "copy it again" in refused.value.hint
    assert "cut short (" in reader.describe(source).format_note


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"movflags": "+frag_keyframe+empty_moov"}), ("mkv", {})])
def test_a_movie_in_fragments_or_of_unknown_length_is_read(tmp_path: Path, suffix: str, options: dict) -> None:
    if suffix == "mkv":
        options = {"live": "1"}
    kind = {"codec": "libx264", "pixels": "yuv420p", "options": LONG_GROUPS}
    source = movie(tmp_path / f"m.{suffix}", levels(), container_options=options, **kind)
    assert movies.length(source) == LENGTH
    assert reader.read(source, frame=LENGTH).shape == (48, 64)


def test_a_movie_that_is_damaged_in_the_middle_is_refused_there_and_read_before(tmp_path: Path) -> None:
    """A decoder hides damage by what it has seen before, and says so: such a frame is no plate."""
    kind = {"codec": "libx264", "pixels": "yuv420p", "options": {"g": "10", "bf": "0", "crf": "1"}}
    noise = [np.random.default_rng(n).integers(0, 65536, (48, 64, 3)).astype(np.uint16) for n in range(LENGTH)]
    source = movie(tmp_path / "m.mp4", noise, **kind)
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(1).bytes(400)
    source.write_bytes(data)
    assert reader.read(source, frame=1).shape == (48, 64)
    with pytest.raises(PlateUnreadable, match="movie cannot be decoded") as refused:
        [reader.read(source, frame=frame) for frame in range(1, LENGTH + 1)]
    assert LENGTH // 3 < (refused.value.frame or 0) < LENGTH - 3
