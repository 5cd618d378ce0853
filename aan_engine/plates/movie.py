"""Frames out of QuickTime, MP4, MXF, Matroska, AVI and MPEG transport stream files, by FFmpeg.

Frames are numbered from 1 in presentation order, whatever the timecode. Any frame can be requested at any time and is
exactly the one that playing from the start would show, turned as players turn it: `movie_frames` lists them once, and a
frame is found by its time. `yuv` converts pixels, `colour.encoding` values to light.
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
from aan_engine.plates import movie_frames, movie_length, movie_stream, yuv
from aan_engine.plates.decoded_frame import Channels, SourceInfo
from aan_engine.plates.movie_stream import Showing
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
    """One open movie; for several threads. One that is cut short can be described, but has no length and no frames.

    Args:
        path: the file.

    Raises:
        PlateUnreadable: it is damaged, or holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._frames: Iterator[Any] = iter(())
        self._next = 0  # the index of the frame that `_frames` gives next, where frames are not found by their time
        self._current: tuple[int, Any] | None = None  # the index of the frame decoded last, and the frame
        self._showing: Showing | None = None
        try:
            missing = movie_length.missing_bytes(path)
            self._open()
            self._listed = movie_frames.list_frames(self._container, self._stream)
            self._rewind()
        except (av.FFmpegError, IndexError, OSError) as error:
            raise self._unreadable(None, str(error)) from error
        self._format: Any = self._stream.codec_context.format
        if not self._listed.times or self._format is None:
            raise self._unreadable(None, "there is no frame in it")
        broken = "its last frame breaks off" if self._listed.broken else ""
        self._cut_short = f"{missing} bytes are missing at its end" if missing else broken

    @property
    def length(self) -> int:
        """The number of frames.

        Raises:
            PlateUnreadable: it is cut short, so that nobody knows.
        """
        if self._cut_short:
            raise self._unreadable(None, self._cut_short)
        return len(self._listed.times)

    def describe(self, frame: int) -> SourceInfo:
        """The header of a frame; decodes the first one, once, which tells how all are turned.

        Raises:
            PlateUnreadable: it is damaged there.
        """
        with self._lock:
            showing = self._shown()
        context, stream = self._stream.codec_context, self._stream
        stored = Box.whole(showing.size[::-1])
        window = showing.orientation.turn_window(stored, display=stored)
        transfer = int(context.color_trc)
        implied = {_LINEAR: "linear", _SRGB: "srgb"}.get(transfer, "video")
        cut_short = [f"cut short ({self._cut_short})"] if self._cut_short else []
        return SourceInfo(
            path=self.path,
            kind=f"movie ({context.name}), {len(self._listed.times)} frames",
            names=("R", "G", "B", *("A" if yuv.has_alpha(self._format) else "")),
            bits=max(part.bits for part in self._format.components),
            display=window,
            data=window,
            implied=_HDR_TRANSFERS.get(transfer, implied),
            aspect=showing.orientation.turn_aspect(float(stream.sample_aspect_ratio or 1)),
            timecode=self._timecode(frame),
            rate=stream.average_rate,
            notes=(*showing.notes, *cut_short),
            warnings=(*showing.warnings, *(f"the movie is {why}" for why in cut_short)),
        )

    def read(self, frame: int) -> Channels:
        """The picture of a frame. A movie of one frame is a still: every frame number gives that frame.

        Raises:
            PlateMissing: the movie is shorter.
            PlateUnreadable: it is damaged there, or cut short.
            PlateUnsupported: the frame has another size or turn than the first one.
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
            showing, decoded = self._shown(), self._decode(index, frame)
            self._check_as_first(decoded, showing, frame=frame)
            stored = yuv.decode_channels(decoded)
        return {name: showing.orientation.turn(values) for name, values in stored.items()}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._container.close()

    def _shown(self) -> Showing:
        if self._showing is None:
            self._showing = movie_stream.read_showing(self._container, self._stream, self._decode(0, 1))
        return self._showing

    def _check_as_first(self, decoded: Any, showing: Showing, *, frame: int) -> None:
        matrix = movie_stream.matrix_of(decoded)
        if (decoded.width, decoded.height) != showing.size or (matrix and matrix != showing.matrix):
            raise PlateUnsupported(
                "the movie changes its size or its turn in the middle",
                hint="Cut it there, or export it as an EXR sequence.",
                file=self.path,
                frame=frame,
            )

    def _decode(self, index: int, frame: int) -> Any:
        if self._current is not None and self._current[0] == index:
            return self._current[1]
        last = self._current[0] if self._current is not None else -1
        try:
            if not last < index <= last + MAX_DECODE_THROUGH:
                self._seek(index)
            found = self._decode_until(index)
            if found is None:
                # Some containers' indices seek past the frame: decode from the start.
                self._rewind()
                found = self._decode_until(index)
        except av.FFmpegError as error:
            self._current = None
            raise self._unreadable(frame, str(error)) from error
        if found is None or found.is_corrupt:
            self._current = None
            why = "the frame is listed, but cannot be decoded" if found is None else "the frame is not whole"
            raise self._unreadable(frame, why)
        self._current = index, found
        return found

    def _decode_until(self, index: int) -> Any:
        """The frame of this index; None where decoding has passed it or ends."""
        time = self._listed.times[index]
        for decoded in self._frames:
            at, self._next = movie_frames.time_of(decoded), self._next + 1
            if self._listed.ordered:
                if at == time:
                    return decoded
                if at is not None and time is not None and at > time:
                    return None
            elif self._next > index:
                return decoded if self._next == index + 1 and at == time else None
        return None

    def _seek(self, index: int) -> None:
        """Decode from where the frame is ahead."""
        time = self._listed.seek_time(index)
        if time is None:
            if index < self._next or self._listed.ordered:
                self._rewind()
            return
        self._container.seek(time, stream=self._stream)
        self._frames = movie_frames.decode(self._container, self._stream)

    def _rewind(self) -> None:
        self._container.close()
        self._open()

    def _open(self) -> None:
        """Open the file anew: after seeking to its first time, a transport stream may begin elsewhere."""
        self._container = av.open(str(self.path))
        self._stream = movie_stream.choose(self._container)
        self._frames = movie_frames.decode(self._container, self._stream)
        self._next, self._current = 0, None

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
