"""Footage: a plate or a matte of any format, told by what the file begins with and not by its name.

EXR comes as it is. Other pictures are turned into what an EXR of them would hold, so that nobody behind this room
needs to know the difference.
"""

from __future__ import annotations

from pathlib import Path

from aan_engine.colour import encoding, ocio
from aan_engine.errors import PlateUnreadable
from aan_engine.plates import decode_watchdog, decoded_frame, exr, exr_header, formats, movie, stills
from aan_engine.plates.decoded_frame import Channels, SourceInfo
from aan_engine.plates.exr_header import Description
from aan_engine.plates.plate import Part, Plate


def read(path: Path, *, frame: int, colorspace: str | None = None, view: str | None = None) -> Plate:
    """One frame, whole.

    Args:
        frame: its number on the timeline; of a movie, the frame that is taken, counted from 1.
        colorspace: the space of the picture by its OpenColorIO name. None means scene-linear for EXR and floating
            point, sRGB for PNG, TIFF and JPEG, Rec. 1886 for movies, and for DPX what its header says: video, linear,
            and Cineon's log curve for anything else.
        view: which eye of a stereo file is the picture; None for the first.

    Returns:
        EXR: its own values, which the plate's `encoding` turns into light. Other formats: scene-linear values in half
        up to 10 bits, else in float, with the name of their space among the attributes.

    Raises:
        PlateMissing, PlateUnreadable, PlateUnsupported: as `exr.read`.
        ShotError: there is no such colour space.
    """
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=frame):
        named = encoding.of_exr(colorspace) if colorspace is not None else None
        return exr.read(path, frame=frame, encoding=None if named is None or named.linear else named, view=view)
    told, codes = _decode(path, kind, frame=frame)
    movie.check_implied(told, colorspace=colorspace, frame=frame)
    meant = encoding.of_format(colorspace, implied=told.implied)
    return decoded_frame.to_plate(told, codes, frame=frame, encoding=meant, view=view)


def read_channels(path: Path, *, frame: int) -> tuple[Part, ...]:
    """One frame's channels as data, whatever colour they were meant to have: what a matte is.

    Raises: as `read`.
    """
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=frame):
        return exr.decode(exr_header.describe(path, frame=frame), frame=frame)
    return (decoded_frame.channel_values(*_decode(path, kind, frame=frame)),)


def describe(path: Path) -> Description:
    """What a file says about itself; no pixel is read. Raises: as `read`."""
    path = Path(path)
    kind = formats.sniff(path)
    if not _needs_conversion(path, kind, frame=None):
        return exr_header.describe(path)
    assert kind is not None
    told = movie.open_movie(path).describe(1) if kind == formats.MOVIE else stills.describe(path, kind=kind, frame=None)
    hdr = told.implied not in (*ocio.IMPLIED, "cineon", "linear")
    return decoded_frame.describe(told, encoding=None if hdr else encoding.of_format(None, implied=told.implied))


def identity() -> str:
    """Changes whenever the same files might be decoded to other values."""
    return f"{stills.VERSION} {movie.VERSION}"


def _needs_conversion(path: Path, kind: str | None, *, frame: int | None) -> bool:
    """Whether this is another format than EXR.

    Raises: PlateUnreadable: it is none that can be read. What is empty or not there is left to the EXR room to name.
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


def _decode(path: Path, kind: str | None, *, frame: int) -> tuple[SourceInfo, Channels]:
    assert kind is not None  # EXR and unknown files were told apart before
    with decode_watchdog.watch(path, frame=frame):
        if kind != formats.MOVIE:
            return stills.read(path, kind=kind, frame=frame)
        shown = movie.open_movie(path)
        codes = shown.read(frame)
        return shown.describe(frame), codes
