"""What `aan info` knows of its arguments: files, patterns and folders. Of a sequence three headers are looked at.

`describe` has the words; this module finds the files and asks the engine to read their headers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from aan_engine.errors import AanError, PlateUnsupported
from aan_engine.plates import formats, matte_choice, reader
from aan_engine.plates.exr_header import Description, PartDescription
from aan_engine.shot import FrameFile

from ..errors import HostError, SequenceError
from ..folder_listing import Listed, pictures_in
from ..frame_numbers import spans
from ..sequence import expand, frame_count_text
from .describe import Row, as_text, picture_of, provenance_of
from .failures import explain
from .movie_inputs import movie_frame_count

_COMPARED = {
    "channels": "other channels",
    "display_window": "another display window",
    "data_window": "another data window",
    "compression": "another codec",
    "name": "parts of other names",
}
"""The fields of a part's header in which the frames of a sequence are compared, and what is said of a difference."""


LONGEST = 100_000
"""Frames of a sequence beyond which its numbers are taken for something else, such as times."""


@dataclass(frozen=True)
class Seen:
    """One file or sequence, as far as it was looked at.

    Args:
        name: as it was asked for.
        files: a movie's first frame, else every frame that holds anything, ascending.
        frames: the numbers of all of these frames; a movie's count from 1.
        empty: the numbers of files without a byte.
        bytes: the size of all files.
        description: the header of the first frame.
        looked_at: the frames whose headers were read.
        differences: what is different in them, a sentence each; empty where they agree.
    """

    name: str
    files: tuple[FrameFile, ...]
    frames: tuple[int, ...]
    empty: tuple[int, ...]
    bytes: int
    description: Description
    looked_at: tuple[int, ...]
    differences: tuple[str, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers left out between the first and the last frame, by the sequence's own step; none of `LONGEST`."""
        step = min((b - a for a, b in pairwise(self.frames)), default=1)
        if (self.frames[-1] - self.frames[0]) // step > LONGEST:
            return ()
        return tuple(sorted(set(range(self.frames[0], self.frames[-1], step)) - {*self.frames, *self.empty}))


@dataclass(frozen=True)
class Unseen:
    """What could not be looked at, and why."""

    name: str
    error: Exception

    @property
    def reason_and_hint(self) -> tuple[str, str]:
        """What is wrong, and what to do."""
        return explain(self.error)[1:]


def print_text(arguments: Sequence[str]) -> bool:
    """Describe each argument on stdout, errors on stderr; returns whether all could be described."""
    good = True
    for argument in arguments:
        for found in _look(argument):
            if isinstance(found, Unseen):
                good = False
                print(". ".join(filter(None, found.reason_and_hint)), file=sys.stderr, flush=True)
            else:
                print(_text(found) if isinstance(found, Seen) else found, flush=True)
    return good


def print_json(arguments: Sequence[str]) -> bool:
    """One JSON document on stdout, a list with an object for each file or sequence; returns whether all are described.

    What cannot be described is an object of `path`, `error` and `hint`.
    """
    good, objects = True, []
    for argument in arguments:
        for found in _look(argument, each=True):
            if isinstance(found, Seen):
                objects.append(_as_object(found))
            elif isinstance(found, Unseen):
                good = False
                reason, hint = found.reason_and_hint
                objects.append({"path": found.name, "error": reason, "hint": hint})
    print(json.dumps(objects, indent=2))
    return good


@dataclass(frozen=True)
class AsMatte:
    """What a file or sequence is as a matte: the channels that are read, or why there are none and what to do."""

    channels: str
    problem: str = ""
    hint: str = ""

    @property
    def text(self) -> str:
        """As `reads A`."""
        return f"reads {self.channels}" if self.channels else f"no channel by itself ({self.problem})"


def as_matte(seen: Seen) -> AsMatte:
    """Which channels are read where it is given as a matte and none is named; a few frames' pixels tell."""
    try:
        return AsMatte(matte_choice.decide(seen.files, named=None, view=None).text)
    except AanError as error:
        return AsMatte("", error.reason, error.hint)


def _look(argument: str, *, each: bool = False) -> Iterator[Seen | str | Unseen]:
    """What an argument stands for: what was seen, or why not; of a folder its listing, or `each` of its entries."""
    try:
        if not Path(argument).is_dir():
            yield _see(argument)
            return
        folder = Path(argument)
        pictures = pictures_in(f"{folder}{os.sep}", (entry.name for entry in folder.iterdir() if entry.is_file()))
        if not pictures:
            raise SequenceError(f"the folder {argument} holds no picture", hint=f"Known are {formats.KNOWN}.")
        if not each:
            yield "\n".join([argument, *(f"    {_listing(entry)}" for entry in pictures)])
            return
    except (AanError, HostError, OSError) as error:
        yield Unseen(argument, error)
        return
    for entry in pictures:
        yield from _look(entry.pattern.text if entry.numbers else str(folder / entry.names[0]))


def _listing(entry: Listed) -> str:
    """A line of a folder's listing: a name, and of a sequence how many frames and which."""
    if not entry.numbers:
        return entry.names[0]
    return f"{Path(entry.pattern.text).name}  {frame_count_text(len(entry.numbers))} {spans(entry.numbers)}"


def _see(argument: str) -> Seen:
    files = [(frame, Path(path)) for frame, path in expand(argument)]
    if len(files) == 1:
        frame, path = files[0]
        movie = _movie_frames(path)
        frames = (frame,) if movie is None else tuple(range(1, movie + 1))
        only = FrameFile(frames[0], path)
        return Seen(str(path), (only,), frames, (), path.stat().st_size, reader.describe(path), frames[:1], ())
    sizes = {frame: path.stat().st_size for frame, path in files}
    full = [(frame, path) for frame, path in files if sizes[frame]] or files
    chosen = dict(full[index] for index in (0, len(full) // 2, -1))
    seen = {frame: reader.describe(path) for frame, path in chosen.items()}
    first = full[0][0]
    differences = [told for frame in seen if frame != first and (told := _difference(seen[first], seen[frame], frame))]
    frames, empty = tuple(frame for frame, _ in full), tuple(frame for frame, size in sizes.items() if not size)
    kept = tuple(FrameFile(frame, path) for frame, path in full)
    return Seen(argument, kept, frames, empty, sum(sizes.values()), seen[first], tuple(seen), tuple(differences))


def _movie_frames(path: Path) -> int | None:
    """The number of frames of a movie, 1 where it is cut short: its description says so. None for a picture."""
    try:
        return movie_frame_count(path)
    except SequenceError:
        return 1


def _difference(one: Description, other: Description, frame: int) -> str:
    """In what the header of a frame differs from the first one's; empty where they agree."""
    if len(one.parts) != len(other.parts):
        return f"{frame} has {len(other.parts)} parts, not {len(one.parts)}"
    pairs = list(zip(one.parts, other.parts, strict=True))
    found = [said for field, said in _COMPARED.items() if any(getattr(a, field) != getattr(b, field) for a, b in pairs)]
    return f"{frame} has {' and '.join(found)}" if found else ""


def _text(seen: Seen) -> str:
    rows: list[Row] = [("warning", text) for text in seen.description.warnings]
    if len(seen.looked_at) > 1:
        lacks = [f"{spans(seen.missing)} missing"] if seen.missing else []
        lacks += [f"{spans(seen.empty)} without a byte"] if seen.empty else []
        rows += [
            ("frames", "; ".join([f"{frame_count_text(len(seen.frames))} {spans(seen.frames)}", *lacks])),
            ("size", f"{seen.bytes / 1e6:.1f} MB, {seen.bytes / len(seen.frames) / 1e6:.2f} MB a frame"),
            ("headers", f"{'; '.join(seen.differences) or 'agree'} ({_listed(seen.looked_at)} looked at)"),
        ]
    return as_text(seen.description, name=seen.name, rows=rows, matte=as_matte(seen).text)


def _listed(frames: Sequence[int]) -> str:
    *others, last = map(str, frames)
    return f"{', '.join(others)} and {last}" if others else last


def _as_object(seen: Seen) -> dict[str, Any]:
    description = seen.description
    index, picture, problem, matte = 0, None, None, as_matte(seen)
    try:
        index, picture = picture_of(description)
    except PlateUnsupported as error:
        problem = error.reason
    main = description.parts[index]
    height, width = main.display_window.shape
    return {
        "path": seen.name,
        "frames": list(seen.frames),
        "missing": list(seen.missing),
        "empty": list(seen.empty),
        "size": [width, height],
        "bytes": seen.bytes,
        "format": description.format_note or "EXR",
        "differences": list(seen.differences),
        "parts": [_part_object(part) for part in description.parts],
        **{name: value for name, value in _part_object(main).items() if name not in ("name", "type")},
        "picture": list(picture) if picture is not None else None,
        "problem": problem,
        "matte": matte.channels or None,
        "matte_problem": ". ".join(filter(None, (matte.problem, matte.hint))) or None,
        "provenance": _provenance_object(provenance_of(description)),
    }


def _part_object(part: PartDescription) -> dict[str, Any]:
    windows = {"display": list(part.display_window.as_exr()), "data": list(part.data_window.as_exr())}
    return {
        "name": part.name,
        "type": part.type,
        "channels": dict(part.channels),
        "windows": windows,
        "codec": part.compression,
        "timecode": part.timecode,
    }


def _provenance_object(found: dict[str, str]) -> dict[str, Any] | None:
    """The provenance with its job as an object, as far as it can be read as one."""
    told: dict[str, Any] = dict(found)
    with suppress(KeyError, ValueError):
        told["job"] = json.loads(found["job"])
    return told or None
