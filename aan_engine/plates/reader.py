"""A plate or a matte from a file of any format; the format is found by the file's content, not by its name.

Other formats than EXR are converted to what an EXR of the same picture would hold, so that the rest of the engine knows
EXR plates only.
"""

from __future__ import annotations

from pathlib import Path

from aan_engine.colour import encoding, ocio
from aan_engine.core.box import Box
from aan_engine.errors import PlateUnreadable
from aan_engine.plates import decode_watchdog, decoded_frame, exr, exr_header, formats, movie, stills
from aan_engine.plates.decoded_frame import Channels, SourceInfo
from aan_engine.plates.exr_header import Description
from aan_engine.plates.picture_layer import PictureLayer
from aan_engine.plates.plate import Part, Plate

SCENE_LINEAR = "scene-linear"
"""How EXR plates are read unless the artist names a space."""


def read(
    path: Path,
    *,
    frame: int,
    colorspace: str | None = None,
    view: str | None = None,
    layer: PictureLayer | None = None,
    index: int | None = None,
) -> Plate:
    """One frame with all its channels.

    Args:
        frame: its number on the timeline.
        colorspace: the space of the picture by its OpenColorIO name. None means scene-linear for EXR and floating
            point, sRGB for PNG, TIFF and JPEG, Rec. 1886 for movies, and for DPX what its header says: video, linear,
            and Cineon's log curve for anything else.
        view: the eye of a stereo file that is the picture; None for the first.
        layer: the layer that is the picture; None decides for this file alone, see `picture_layer`.
        index: of a movie, the frame to read, counted from 1; None means `frame`.

    Returns:
        Of an EXR its own values, which the plate's `encoding` converts to light. Of other formats scene-linear values,
        half up to 10 bits and else float, with the name of their space among the attributes.

    Raises:
        PlateMissing, PlateUnreadable, PlateUnsupported: as `exr.read`.
        ShotError: there is no such colour space.
    """
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=frame):
        named = encoding.of_exr(colorspace) if colorspace is not None else None
        applied = None if named is None or named.linear else named
        return exr.read(path, frame=frame, encoding=applied, view=view, layer=layer)
    info, channels = _decode(path, kind, frame=frame, index=index)
    movie.check_implied(info, colorspace=colorspace, frame=frame)
    found = encoding.of_format(colorspace, implied=info.implied)
    return decoded_frame.to_plate(info, channels, frame=frame, encoding=found, view=view, layer=layer)


def read_channels(path: Path, *, frame: int, index: int | None = None) -> tuple[Part, ...]:
    """One frame's channels as data without any colour conversion, as a matte is read; arguments as in `read`.

    Raises:
        PlateMissing, PlateUnreadable, PlateUnsupported: as `read`.
    """
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=frame):
        return exr.decode(exr_header.describe(path, frame=frame), frame=frame)
    return (decoded_frame.channel_values(*_decode(path, kind, frame=frame, index=index)),)


def describe(path: Path, *, frame: int | None = None) -> Description:
    """The header of a file; no pixel is read. The frame is its number on the timeline, for errors.

    Raises:
        PlateMissing, PlateUnreadable, PlateUnsupported, ShotError: as `read`.
    """
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=frame):
        return exr_header.describe(path, frame=frame)
    info = _source_info(path, kind, frame=frame)
    hdr = info.implied not in (*ocio.IMPLIED, "cineon", "linear")
    return decoded_frame.describe(info, encoding=None if hdr else encoding.of_format(None, implied=info.implied))


def exr_data_window(path: Path, *, frame: int, layer: PictureLayer) -> Box | None:
    """The data window of the picture of an EXR file, from its header; None for any other format.

    Raises:
        PlateMissing, PlateUnreadable, PlateUnsupported: as `read`.
    """
    if _needs_conversion(Path(path), formats.sniff(path), frame=frame):
        return None
    description = exr_header.describe(path, frame=frame)
    return description.parts[layer.find_in(description, frame=frame).part].data_window


def colour_name(path: Path, *, frame: int, colorspace: str | None = None) -> str:
    """How a plate's values are read, for people: "scene-linear", or the name of their colour space.

    Raises:
        PlateMissing, PlateUnreadable, ShotError: as `read`.
    """
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=frame):
        return encoding.of_exr(colorspace).name if colorspace is not None else SCENE_LINEAR
    info = _source_info(path, kind, frame=frame)
    movie.check_implied(info, colorspace=colorspace, frame=frame)
    return encoding.of_format(colorspace, implied=info.implied).name


def identity() -> str:
    """A text that changes whenever files might be decoded differently: the versions of the decoding libraries."""
    return f"{stills.VERSION} {movie.VERSION}"


def _needs_conversion(path: Path, kind: str | None, *, frame: int | None) -> bool:
    """Whether this is another format than EXR. Missing and empty files count as EXR, which has errors for them.

    Raises:
        PlateUnreadable: the format is unknown.
    """
    if kind is not None:
        return kind != formats.EXR
    if path.is_file() and path.stat().st_size:
        raise PlateUnreadable(
            "the file is no picture of a known format",
            hint=f"Known are {formats.KNOWN}. If it should be one of them, render or copy it again.",
            file=path,
            frame=frame,
        )
    return False


def _source_info(path: Path, kind: str | None, *, frame: int | None) -> SourceInfo:
    """What the header of a file that is no EXR says; of a movie, of its first frame."""
    assert kind is not None  # _needs_conversion has refused unknown formats
    return (
        movie.open_movie(path).describe(1) if kind == formats.MOVIE else stills.describe(path, kind=kind, frame=frame)
    )


def _decode(path: Path, kind: str | None, *, frame: int, index: int | None) -> tuple[SourceInfo, Channels]:
    assert kind is not None  # _needs_conversion has refused unknown formats
    with decode_watchdog.watch(path, frame=frame):
        if kind != formats.MOVIE:
            return stills.read(path, kind=kind, frame=frame)
        opened, within = movie.open_movie(path), frame if index is None else index
        channels = opened.read(within)
        return opened.describe(within), channels
