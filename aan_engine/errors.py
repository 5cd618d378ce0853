"""The error tree."""

from __future__ import annotations

from pathlib import Path


class AanError(Exception):
    """What is wrong (`reason`), what the artist can do (`hint`), and where (`file`, `frame`)."""

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
        """Errors cross process boundaries whole: keyword-only arguments need a hand with pickling."""
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
