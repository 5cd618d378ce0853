"""Which stream of a movie is its picture, and what the file says of how it is shown: its turn and its fields."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from aan_engine.plates import orientation
from aan_engine.plates.orientation import UPRIGHT, Orientation

# What FFmpeg's AVFieldOrder says: which field is shown first. 0 is unknown, 1 progressive.
_FIRST_SHOWN = {2: "top field first", 3: "bottom field first", 4: "bottom field first", 5: "top field first"}
_NOT_THE_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails

INTERLACED = (
    "the footage is interlaced, two moments in each frame, and is filled as if it were one: deinterlace it first"
)


@dataclass(frozen=True)
class Showing:
    """How a movie's stored frames are shown.

    Args:
        size: (width, height) as stored.
        orientation: how they are turned.
        matrix: the display matrix; empty without one.
        notes, warnings: what to say of it, see `decoded_frame.SourceInfo`.
    """

    size: tuple[int, int]
    orientation: Orientation = UPRIGHT
    matrix: bytes = b""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def choose(container: Any) -> Any:
    """The video stream that players show: never a cover picture.

    Raises:
        IndexError: there is none.
    """
    pictures = _pictures(container)
    if not pictures:
        raise IndexError("there is no moving picture in it")
    best = container.streams.best("video")
    return best if best in pictures else pictures[0]


def read_showing(container: Any, stream: Any, first: Any) -> Showing:
    """How the frames of a stream are shown.

    Args:
        first: its first frame, decoded: libraries give the display matrix with a frame only.
    """
    notes, warnings = list(_stream_notes(container, stream)), []
    matrix = matrix_of(first)
    turn = orientation.of_matrix(struct.unpack("<9i", matrix)) if matrix else UPRIGHT
    if turn is None:
        angle = orientation.angle_of(struct.unpack("<9i", matrix))
        notes.append(f"not turned by the file's {angle} degrees")
        warnings.append(f"the file asks to be turned by {angle} degrees, which is left out: only quarters are turned")
    elif turn.text:
        notes.append(turn.text)
    order = int(stream.codec_context.field_order)
    if order in _FIRST_SHOWN or first.interlaced_frame:
        notes.append(", ".join(["interlaced", *([_FIRST_SHOWN[order]] if order in _FIRST_SHOWN else [])]))
        warnings.append(INTERLACED)
    return Showing((first.width, first.height), turn or UPRIGHT, matrix, tuple(notes), tuple(warnings))


def matrix_of(frame: Any) -> bytes:
    """The display matrix of a decoded frame, nine numbers of 32 bits; empty without one."""
    data = frame.side_data.get(SideData.DISPLAYMATRIX)
    return bytes(data) if data is not None else b""


def _pictures(container: Any) -> list[Any]:
    """The video streams that are no cover pictures."""
    return [stream for stream in container.streams.video if not stream.disposition & _NOT_THE_PICTURE]


def _stream_notes(container: Any, stream: Any) -> tuple[str, ...]:
    pictures = _pictures(container)
    return (f"stream {pictures.index(stream) + 1} of {len(pictures)}",) if len(pictures) > 1 else ()
