"""Every way in which a job can go wrong.

The error tree, complete:

    AanError                  every failure of the engine that an artist may meet
    +-- ShotError             the job as described cannot be done (no plates, a value out of its range)
    +-- PlateError            something about one image file
    |   +-- PlateMissing      the file is not there
    |   +-- PlateUnreadable   it is there, but broken or not an EXR
    |   +-- PlateUnsupported  a sound EXR of a kind that the engine does not fill (deep, luminance-chroma)
    |   +-- PlateUnwritable   the result could not be written; nothing half-written is left
    +-- MatteError            the matte is missing, of another size, or without the named channel
    +-- WeightsError          the network's weights are missing, altered, or of another network
    +-- OutsideMatteError     a bit outside the matte would have changed: the frame is refused
"""

from __future__ import annotations

from pathlib import Path


class AanError(Exception):
    """What is wrong (`reason`), what the artist can do (`hint`), and where (`file`, `frame`).

    As text it is all of these: "REASON (frame N, FILE). HINT".
    """

    def __init__(self, reason: str, *, hint: str, file: Path | str | None = None, frame: int | None = None) -> None:
        self.reason = reason
        self.hint = hint
        self.file = Path(file) if file is not None else None
        self.frame = frame
        super().__init__(reason)

    def __str__(self) -> str:
        where = [f"frame {self.frame}"] if self.frame is not None else []
        where += [str(self.file)] if self.file is not None else []
        place = f" ({', '.join(where)})" if where else ""
        return f"{self.reason}{place}. {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        """For pickling: errors cross process boundaries, and `Exception` cannot rebuild keyword-only arguments."""
        return _rebuild, (type(self), self.reason, self.hint, self.file, self.frame)


def _rebuild(kind: type[AanError], reason: str, hint: str, file: Path | None, frame: int | None) -> AanError:
    return kind(reason, hint=hint, file=file, frame=frame)


class ShotError(AanError):
    """The job as described cannot be done."""


class PlateError(AanError):
    """Something about one image file."""


class PlateMissing(PlateError):
    """The file is not there."""


class PlateUnreadable(PlateError):
    """The file is there, but broken, or no EXR at all."""


class PlateUnsupported(PlateError):
    """A sound EXR of a kind that the engine does not fill."""


class PlateUnwritable(PlateError):
    """The result could not be written."""


class MatteError(AanError):
    """The matte is missing, of another size, or lacks the named channel."""


class WeightsError(AanError):
    """The network's weights are missing, altered, or made for another network."""


class OutsideMatteError(AanError):
    """A bit outside the matte would have changed."""
