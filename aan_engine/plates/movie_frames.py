"""The frames of a movie in the order in which they are shown, and how one of them is reached.

Most containers give every frame's presentation time without decoding. MPEG transport streams are cut anywhere: they
begin and end inside groups of pictures, their clock jumps, and a frame may come in two packets, one for each field.
Their frames are those that decoding the whole stream shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import av

TRANSPORT_STREAM = "mpegts"
"""FFmpeg's name of the format."""

# A gap before the last frame is wide from so many times the largest of those before it, among so many frames, if there
# are enough. Rates that alternate between two and three fields have gaps of 1 and 1.5: the largest counts.
_TYPICAL_FRAMES, _FEWEST_GAPS, _WIDE_GAP = 48, 8, 1.4


@dataclass(frozen=True, eq=False)
class FrameList:
    """The frames of a stream.

    Args:
        times: when each is shown, in the stream's time base; None where the file does not say.
        keys: indices of those at which decoding may begin; empty where the container knows by itself.
        broken: whether the last one ends before its end.
    """

    times: tuple[int | None, ...]
    keys: tuple[int, ...] = ()
    broken: bool = False

    @cached_property
    def ordered(self) -> bool:
        """Whether a frame can be found by its time: they are known, and ascend."""
        return None not in self.times and all(a < b for a, b in pairwise(self.times))  # type: ignore[operator]

    def seek_time(self, index: int) -> int | None:
        """The time to seek so that decoding onwards shows the frame; None where only the beginning is safe."""
        if not self.ordered:
            return None
        if not self.keys:
            return self.times[index]
        # Seeking a transport stream ends anywhere up to the time: two key frames before, one of them is still ahead.
        before = [key for key in self.keys if key <= index]
        return self.times[before[-2]] if len(before) > 2 else None


def list_frames(container: Any, stream: Any) -> FrameList:
    """The frames of a stream; reads the container to its end.

    Raises:
        av.FFmpegError: it is damaged.
    """
    by_decoding = container.format.name == TRANSPORT_STREAM
    return _by_decoding(container, stream) if by_decoding else _by_packets(container, stream)


def decode(container: Any, stream: Any) -> Iterator[Any]:
    """The frames from here on. What cannot be decoded before the first one is left out, as players do.

    Raises:
        av.FFmpegError: it is damaged.
    """
    begun = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            if begun:
                raise
            continue
        for frame in frames:
            begun = True
            yield frame


def time_of(frame: Any) -> int | None:
    """When a decoded frame is shown, in its stream's time base."""
    return int(frame.pts) if frame.pts is not None else frame.dts


def _by_decoding(container: Any, stream: Any) -> FrameList:
    # Not several frames at a time (thread_type "AUTO"): then a frame that breaks off is not always called corrupt.
    times: list[int | None] = []
    keys, broken = [], False
    for frame in decode(container, stream):
        if frame.key_frame:
            keys.append(len(times))
        times.append(time_of(frame))
        broken = frame.is_corrupt
    return FrameList(tuple(times), tuple(keys) or (0,), broken=broken or _ends_with_gap(times))


def _ends_with_gap(times: list[int | None]) -> bool:
    """Whether the last frame comes late: those to be shown before it would have followed it in the file."""
    last = [time for time in times[-_TYPICAL_FRAMES:] if time is not None]
    gaps = [b - a for a, b in pairwise(last)]
    return len(gaps) >= _FEWEST_GAPS and gaps[-1] > _WIDE_GAP * max(gaps[:-1])


def _by_packets(container: Any, stream: Any) -> FrameList:
    """Frames that an edit list discards are left out."""
    times, broken = [], False
    for packet in container.demux(stream):
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.size and time is not None:
            broken = packet.is_corrupt
            if not packet.is_discard:
                times.append(time)
    return FrameList(tuple(sorted(times)), broken=broken)
