"""Movies: frames out of QuickTime, MP4, MXF, Matroska and AVI files, by FFmpeg.

Frames are numbered from 1 in the order in which they are shown, whatever the timecode. Any frame can be asked for at
any time and is the very one that plain playing would show: every packet's time is listed once, without decoding, and a
frame is found by its time. Knows no pixels (`video` does) and no light (`colour` does).
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
"""Frames that are rather decoded through than jumped over."""

# ITU-T H.273 transfer characteristics that say more than "video".
_LINEAR, _SRGB = 8, 13
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


class Movie:
    """One open movie.

    Args:
        path: the file.

    Raises:
        PlateUnreadable: it is damaged, or holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._frames: Iterator[Any] = iter(())
        self._current: tuple[int, Any] | None = None
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
        """What the movie says about a frame."""
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
        """The picture of a frame; a movie of one frame is a still, and shows it for any number.

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
            return yuv.decode_channels(self._at(index, frame))

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._container.close()

    def _at(self, index: int, frame: int) -> Any:
        if self._current is not None and self._current[0] == index:
            return self._current[1]
        last = self._current[0] if self._current is not None else -1
        try:
            if not last < index <= last + MAX_DECODE_THROUGH:
                self._container.seek(self._times[index], stream=self._stream)
                self._frames = self._container.decode(self._stream)
            found = self._forward(self._times[index])
            if found is None:
                # Some indices point behind the frame: then it is looked for from the beginning.
                self._rewind()
                found = self._forward(self._times[index])
        except av.FFmpegError as error:
            self._current = None
            raise self._unreadable(frame, str(error)) from error
        if found is None:
            self._current = None
            raise self._unreadable(frame, "the frame is listed, but cannot be decoded")
        self._current = index, found
        return found

    def _forward(self, time: int) -> Any:
        for shown in self._frames:
            at = _presentation_time(shown)
            if at == time:
                return shown
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


_open_movies: OrderedDict[tuple[Path, int, int], Movie] = OrderedDict()
_open_lock = threading.Lock()


def open_movie(path: Path) -> Movie:
    """The movie at a path, open; a few stay so. One that changed on disk is opened anew.

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
    """The number of frames of a movie. Raises: as `opened`."""
    return open_movie(path).length


def check_implied(scan: SourceInfo, *, colorspace: str | None, frame: int) -> None:
    """Refuse to guess at high dynamic range.

    Raises: PlateUnsupported.
    """
    if colorspace is None and scan.implied in _HDR_TRANSFERS.values():
        raise PlateUnsupported(
            f"the movie is high dynamic range ({scan.implied})",
            hint="Name its space, for example --colorspace 'Rec.2100-PQ - Display'.",
            file=scan.path,
            frame=frame,
        )


def _presentation_times(container: Any, stream: Any) -> Iterator[int]:
    """When each frame is shown, in the stream's own ticks; frames that an edit list cuts away are left out."""
    for packet in container.demux(stream):
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.size and not packet.is_discard and time is not None:
            yield time


def _presentation_time(shown: Any) -> int | None:
    return int(shown.pts) if shown.pts is not None else shown.dts
