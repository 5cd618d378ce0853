"""Movies among a job's inputs: detected by their first bytes, and counted by the engine.

Only here does resolving a job's inputs ask the engine about a file. The movie reader is slow to import, so it is
imported only once there is a movie.
"""

from __future__ import annotations

from pathlib import Path

from aan_engine.errors import PlateError
from aan_engine.plates import formats

from ..errors import SequenceError


def movie_frame_count(path: Path) -> int | None:
    """The number of frames of a movie, which are numbered from 1; None for a file that is no movie.

    Raises:
        SequenceError: it is a movie, but damaged.
    """
    if formats.sniff(path) != formats.MOVIE:
        return None
    from aan_engine.plates import movie

    try:
        return movie.length(path)
    except PlateError as error:
        raise SequenceError(f"{path}: {error.reason}", hint=error.hint) from error
