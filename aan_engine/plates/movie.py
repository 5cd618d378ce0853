"""Frames out of QuickTime, MP4, MXF, Matroska and AVI files, by FFmpeg.

Frames are numbered from 1 in presentation order, whatever the timecode. Any frame can be requested at any time and is
exactly the one that playing from the start would show: the presentation times of all packets are listed once, without
decoding, and a frame is found by its time. `yuv` converts pixels, `colour.encoding` values to light.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from aan_engine.core.box import Box
from aan_engine.errors import PlateMissing, PlateUnreadable, PlateUnsupported
from aan_engine.plates import yuv
from aan_engine.plates.decoded_frame import Channels, SourceInfo
from aan_engine.plates.timecode import Timecode

VERSION = f"{av.__version__} {av.ffmpeg_version_info}"

MAX_OPEN = 4
"""Movies that are kept open: plate, matte, clean plate and one more."""

MAX_DECODE_THROUGH = 24
"""A frame up to so many frames ahead is reached by decoding those in between, one further away by seeking. Not measured
separately."""

# ITU-T H.273 transfer characteristics that say more than "video".
_LINEAR, _SRGB = 8, 13
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


class Movie:
    """One open movie; for several threads.

    Args:
        path: the file.

    Raises:
        PlateUnreadable: it is damaged, or holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._frames: Iterator[Any] = iter(())
        self._current: tuple[int, Any] | None = None  # the index of the frame decoded last, and the frame
        try:
            self._container = av.open(str(path))
            self._stream = self._container.streams.video[0]
            self._times = sorted(_presentation_times(self._container, self._stream))
        except (av.FFmpegError, IndexError) as error:
            raise self._unreadable(None, str(error)) from error
        self._format: Any = self._stream.codec_context.format
        if not self._times or self._format is None:
            raise self._unreadable(None, "there is no frame in it")
        self._rewind()

    @property
    def length(self) -> int:
        """The number of frames."""
        return len(self._times)

    def describe(self, frame: int) -> SourceInfo:
        """The header of a frame."""
        context, stream = self._stream.codec_context, self._stream
        window = Box.whole((context.height, context.width))
        transfer = int(context.color_trc)
        implied = {_LINEAR: "linear", _SRGB: "srgb"}.get(transfer, "video")
        return SourceInfo(
            path=self.path,
            kind=f"movie ({context.name}), {self.length} frames",
            names=("R", "G", "B", *("A" if yuv.has_alpha(self._format) else "")),
            bits=max(part.bits for part in self._format.components),
            display=window,
            data=window,
            implied=_HDR_TRANSFERS.get(transfer, implied),
            aspect=float(stream.sample_aspect_ratio or 1),
            timecode=self._timecode(frame),
            rate=stream.average_rate,
        )

    def read(self, frame: int) -> Channels:
        """The picture of a frame. A movie of one frame is a still: every frame number gives that frame.

        Raises:
            PlateMissing: the movie is shorter.
            PlateUnreadable: it is damaged there.
        """
        index = 0 if self.length == 1 else frame - 1
        if not 0 <= index < self.length:
            raise PlateMissing(
                f"the movie has no frame {frame}",
                hint=f"It has the frames 1 to {self.length}.",
                file=self.path,
                frame=frame,
            )
        with self._lock:
            return yuv.decode_channels(self._decode(index, frame))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._container.close()

    def _decode(self, index: int, frame: int) -> Any:
        if self._current is not None and self._current[0] == index:
            return self._current[1]
        last = self._current[0] if self._current is not None else -1
        try:
            if not last < index <= last + MAX_DECODE_THROUGH:
                self._container.seek(self._times[index], stream=self._stream)
                self._frames = self._container.decode(self._stream)
            found = self._decode_until(self._times[index])
            if found is None:
                # Some containers' indices seek past the frame: decode from the start.
                self._rewind()
                found = self._decode_until(self._times[index])
        except av.FFmpegError as error:
            self._current = None
            raise self._unreadable(frame, str(error)) from error
        if found is None:
            self._current = None
            raise self._unreadable(frame, "the frame is listed, but cannot be decoded")
        self._current = index, found
        return found

    def _decode_until(self, time: int) -> Any:
        """The frame of this presentation time; None where decoding has passed it or ends."""
        for decoded in self._frames:
            at = _presentation_time(decoded)
            if at == time:
                return decoded
            if at is not None and at > time:
                return None
        return None

    def _rewind(self) -> None:
        self._container.seek(self._times[0], stream=self._stream)
        self._frames = self._container.decode(self._stream)
        self._current = None

    def _timecode(self, frame: int) -> bytes:
        rate = self._stream.average_rate
        places = (self._stream, self._container, *self._container.streams)
        text = next((place.metadata["timecode"] for place in places if "timecode" in place.metadata), None)
        start = Timecode.parse(text, rate=rate) if text is not None and rate is not None else None
        return start.plus(frame - 1).pack() if start is not None else b""

    def _unreadable(self, frame: int | None, why: str) -> PlateUnreadable:
        return PlateUnreadable(
            f"the movie cannot be decoded ({why})",
            hint="The file is damaged or was cut short: copy it again, or export it as an EXR sequence.",
            file=self.path,
            frame=frame,
        )


# Not a core.lru.LruCache: a movie that drops out must be closed.
_open_movies: OrderedDict[tuple[Path, int, int], Movie] = OrderedDict()
_open_lock = threading.Lock()


def open_movie(path: Path) -> Movie:
    """The movie at a path; the last `MAX_OPEN` stay open. One that has changed on disk is opened again.

    Raises:
        PlateMissing, PlateUnreadable: it is not there, or damaged.
    """
    try:
        info = path.stat()
    except OSError as error:
        raise PlateMissing("the movie is not there", hint="Check the path.", file=path) from error
    key = path, info.st_size, info.st_mtime_ns
    with _open_lock:
        if key not in _open_movies:
            _open_movies[key] = Movie(path)
            while len(_open_movies) > MAX_OPEN:
                _open_movies.popitem(last=False)[1].close()
        _open_movies.move_to_end(key)
        return _open_movies[key]


def length(path: Path) -> int:
    """The number of frames of a movie.

    Raises:
        PlateMissing, PlateUnreadable: as `open_movie`.
    """
    return open_movie(path).length


def check_implied(info: SourceInfo, *, colorspace: str | None, frame: int) -> None:
    """Refuse high dynamic range unless the artist names its colour space.

    Raises:
        PlateUnsupported: the movie is PQ or HLG, and `colorspace` is None.
    """
    if colorspace is None and info.implied in _HDR_TRANSFERS.values():
        raise PlateUnsupported(
            f"the movie is high dynamic range ({info.implied})",
            hint="Name its space, for example --colorspace 'Rec.2100-PQ - Display'.",
            file=info.path,
            frame=frame,
        )


def _presentation_times(container: Any, stream: Any) -> Iterator[int]:
    """When each frame is shown, in the stream's time base; frames that an edit list discards are left out."""
    for packet in container.demux(stream):
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.size and not packet.is_discard and time is not None:
            yield time


def _presentation_time(decoded: Any) -> int | None:
    return int(decoded.pts) if decoded.pts is not None else decoded.dts
