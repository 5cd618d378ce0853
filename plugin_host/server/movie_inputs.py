"""Movies among a job's files: told by their first bytes, and counted by the engine.

The one place where the taking in of a job asks the engine about a file. What is slow to load is loaded only once there
is a movie.
"""

from __future__ import annotations

from pathlib import Path

from aan_engine import formats
from aan_engine.shot import PlateError

from ..errors import SequenceError


def movie_frame_count(path: Path) -> int | None:
    """The number of frames of a movie, which are numbered from 1; None for a file that is no movie.

    Raises:
        SequenceError: it is a movie, but damaged.
    """
    if formats.told(path) != formats.MOVIE:
        return None
    from aan_engine import movie

    try:
        return movie.length(path)
    except PlateError as error:
        raise SequenceError(f"{path}: {error.reason}", hint=error.hint) from error
