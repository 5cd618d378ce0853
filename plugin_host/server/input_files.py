"""The files that a job names, found on disk: the frames of one input, with what identifies each file.

No image is decoded; the frames of a movie are counted (see `movie_inputs`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from ..errors import SequenceError
from ..sequence import Found, find, frame_count_text
from .movie_inputs import movie_frame_count


@dataclass(frozen=True)
class InputFile:
    """One input file, identified by its path, size in bytes and modification time in nanoseconds.

    A movie appears once for each of its frames, and `index` says which of them it is, counted from 1.
    """

    frame: int
    path: Path
    size: int
    mtime_ns: int
    index: int | None = None

    def unchanged(self) -> bool:
        """Whether the file on disk is still this one."""
        try:
            info = self.path.stat()
        except OSError:
            return False
        return (info.st_size, info.st_mtime_ns) == (self.size, self.mtime_ns)


class InputKind(Enum):
    """What an input is: a still has no frame numbers that count, a sequence and a movie have."""

    STILL = "still"
    SEQUENCE = "sequence"
    MOVIE = "movie"


@dataclass(frozen=True)
class Input:
    """One input of a job.

    Args:
        pattern: its pattern, the placeholder spelled with `#`; or its one file.
        kind: see there.
        files: one for each frame, ascending.
        empty: numbers of the frames whose file holds nothing: placeholders, which count as missing.
        note: a sentence that says what the job's words were taken for; empty where they say it themselves.
    """

    pattern: str
    kind: InputKind
    files: tuple[InputFile, ...]
    empty: tuple[int, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """The pattern without its folder, for people."""
        return Path(self.pattern).name

    @property
    def frames(self) -> list[int]:
        """The numbers of its frames, ascending."""
        return [file.frame for file in self.files]

    @property
    def by_number(self) -> dict[int, InputFile]:
        """Its files by frame number."""
        return {file.frame: file for file in self.files}

    @property
    def runs(self) -> str:
        """The range of its frames, as the predicate of a sentence."""
        first, last = self.files[0].frame, self.files[-1].frame
        return f"runs from {first} to {last}" if first != last else f"has the frame {first} alone"

    def shifted(self, by: int) -> Input:
        """The same files under numbers that are larger by so many."""
        files = tuple(replace(file, frame=file.frame + by) for file in self.files)
        return replace(self, files=files, empty=tuple(frame + by for frame in self.empty))


def find_input(text: str, *, whole: bool) -> Input:
    """What a job's pattern stands for.

    Args:
        whole: whether one picture stands for the whole sequence that it belongs to.

    Raises:
        SequenceError: it cannot be read or names nothing, or nothing but empty files.
    """
    found = find(text)
    if len(found.files) == 1 and (movie := _movie(found)) is not None:
        return movie
    if whole and not found.numbered:
        found = find(text, whole=True)
    files = tuple(_input_file(frame, Path(path)) for frame, path in found.files)
    if not found.numbered:
        return Input(found.pattern, InputKind.STILL, files, note=found.note)
    kept = tuple(file for file in files if file.size)
    if not kept:
        reason = f"{found.pattern} has {frame_count_text(len(files))}, and all are empty files"
        raise SequenceError(reason, hint="Render or copy them again.")
    empty = tuple(file.frame for file in files if not file.size)
    return Input(found.pattern, InputKind.SEQUENCE, kept, empty, found.note)


def _movie(found: Found) -> Input | None:
    """A single file as a movie. Among the files of a sequence a movie is refused where it is read."""
    path = found.files[0][1]
    count = movie_frame_count(Path(path))
    if count is None:
        return None
    only = _input_file(1, Path(path))
    files = tuple(replace(only, frame=number, index=number) for number in range(1, count + 1))
    return Input(path, InputKind.MOVIE, files, note=found.note)


def _input_file(frame: int, path: Path) -> InputFile:
    try:
        info = path.stat()
    except OSError as error:
        raise SequenceError(f"{path} cannot be read ({error.strerror})", hint="Check the file.") from None
    return InputFile(frame, path, info.st_size, info.st_mtime_ns)
