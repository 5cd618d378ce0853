"""Which channels of a shot's mattes are the matte: decided once for all frames, from names, else from pixels.

A spread sample of the frames is looked at; further frames only while all that may be the matte is empty. Where a name
settles it, no pixel is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from aan_engine.errors import MatteError, PlateError, PlateMissing
from aan_engine.plates import matte_channels, reader
from aan_engine.plates.exr_header import Description
from aan_engine.plates.matte_channels import MatteChannel, MatteChannels
from aan_engine.plates.matte_evidence import Evidence, Verdict
from aan_engine.plates.plate import Part
from aan_engine.shot import FrameFile

SAMPLE = 12
"""Frames of a shot that are looked at, at most, where they show what is asked. Not measured separately."""

MATTE = "matte"
"""The name in error messages of the matte that hides, whose channels can be named."""


def decide(
    files: Sequence[FrameFile], *, named: str | None, view: str | None, floor: float = 0.0, called: str = MATTE
) -> MatteChannels:
    """The channels that are the matte.

    Without a name: the alpha, else the only channel, else red, green and blue that are alike, else the only channel
    that holds anything over the shot. See `matte_evidence`.

    Args:
        files: the mattes of the shot, at least one.
        named: channels, layers and parts, comma-separated, whose union is the matte (see `matte_channels.meant_by`); in
            a layer and in a part the matte is found as in a whole file. None for no name.
        view: the eye of stereo files; None for the first.
        floor: values up to this one count as nothing.
        called: the matte's name in error messages, such as "holdout matte".

    Raises:
        MatteError: a file is missing or damaged; nothing is called so; or several channels may be meant.
    """
    mattes = _Mattes(files, view=view, floor=floor, called=called)
    if named is None:
        return MatteChannels((mattes.find(mattes.likely()),))
    names = [name.strip() for name in named.split(",") if name.strip()]
    if not names:
        raise mattes.error(f"no channel is named by {named!r}", hint="Name a channel, a layer or a part.")
    return MatteChannels(tuple(dict.fromkeys(mattes.called_so(name) for name in names)))


def of_file(path: Path, *, frame: int, view: str | None = None) -> MatteChannels:
    """The channels of one file that are read as a matte where none is named; errors as in `decide`."""
    return decide([FrameFile(frame, Path(path))], named=None, view=view)


def spread(files: Sequence[FrameFile]) -> list[FrameFile]:
    """At most `SAMPLE` of the files, evenly spread, both ends among them."""
    count = min(SAMPLE, len(files))
    return [files[round(i * (len(files) - 1) / max(count - 1, 1))] for i in range(count)]


def open_parts(path: Path, *, frame: int, called: str = MATTE, index: int | None = None) -> tuple[Part, ...]:
    """All channels of one matte.

    Raises:
        MatteError: missing or damaged.
    """
    try:
        return reader.read_channels(path, frame=frame, index=index)
    except PlateError as error:
        raise _unreadable(error, path, frame=frame, called=called) from error


class _Mattes:
    """The mattes of a shot, as far as is needed to decide."""

    def __init__(self, files: Sequence[FrameFile], *, view: str | None, floor: float, called: str) -> None:
        self._files, self._view, self._floor, self._called = files, view, floor, called
        self._sample = spread(files)
        self._headers: dict[Path, Description] = {}

    def likely(self) -> list[MatteChannel]:
        """The channels of the sampled files that may be a matte."""
        found = [matte_channels.likely(d, self._channels(d)) for d in map(self._describe, self._sample)]
        return list(dict.fromkeys(channel for channels in found for channel in channels))

    def called_so(self, name: str) -> MatteChannel:
        """The channel that a name means, in the first file that has it."""
        for file in self._in_order():
            description = self._describe(file)
            found, is_group = matte_channels.meant_by(name, self._channels(description))
            if len(found) == 1:
                return found[0]
            if is_group:
                return self.find(matte_channels.likely(description, found))
            if found:
                raise self._ambiguous(f"{name!r} may be any of {len(found)} channels", found)
        channels = self._channels(self._describe(self._sample[0]))
        raise self.error(
            f"the {self._called} has no channel {name!r}", hint=f"It has {matte_channels.listed(channels)}."
        )

    def find(self, channels: list[MatteChannel]) -> MatteChannel:
        """The one of these channels that is the matte, by the frames' pixels where there are several."""
        if len(channels) == 1:
            return channels[0]
        evidence = Evidence(channels, self._floor)
        verdict = Verdict(None)
        for number, file in enumerate(self._in_order(), 1):
            evidence.add(open_parts(file.path, frame=file.frame, called=self._called, index=file.index))
            verdict = evidence.verdict()
            if verdict.settled or (number >= len(self._sample) and not verdict.empty):
                break
        if verdict.choice is not None:
            return verdict.choice
        if verdict.alpha is not None:
            raise self._doubtful(verdict.alpha, verdict)
        held = "More than one of its channels holds something" if len(verdict.rivals) > 1 else "It holds a picture"
        raise self._ambiguous(f"it is not clear which channel is the {self._called}", verdict.rivals, why=f"{held}: ")

    def error(self, reason: str, *, hint: str) -> MatteError:
        """An error about the first file."""
        file = self._sample[0]
        return MatteError(reason, hint=hint, file=file.path, frame=file.frame)

    def _doubtful(self, alpha: MatteChannel, verdict: Verdict) -> MatteError:
        solid = not verdict.empty
        first = verdict.rivals[0].label
        reason = f"the {self._called}'s alpha is {1 if solid else 0} everywhere, but its {first} is not"
        if self._called != MATTE:
            return self.error(reason, hint="Put what is meant into the alpha.")
        use = f"{alpha.label} if {'the whole frame is to go' if solid else 'nothing is'}"
        names = matte_channels.listed(verdict.rivals)
        return self.error(reason, hint=f"Put it into the alpha, or name it: --matte-channel {names} ({use}).")

    def _ambiguous(self, reason: str, rivals: Sequence[MatteChannel], *, why: str = "") -> MatteError:
        names = matte_channels.listed(rivals)
        if self._called != MATTE:
            return self.error(reason, hint=f"{why}{names}. Write what is meant into its alpha.")
        union = ",".join(channel.label for channel in rivals[:2])
        return self.error(reason, hint=f'{why}{names}. Name one, or several as a union: --matte-channel "{union}".')

    def _in_order(self) -> Iterator[FrameFile]:
        """The sample, then the others."""
        yield from self._sample
        sampled = set(self._sample)
        yield from (file for file in self._files if file not in sampled)

    def _channels(self, description: Description) -> list[MatteChannel]:
        return matte_channels.in_file(description, view=self._view)

    def _describe(self, file: FrameFile) -> Description:
        if file.path not in self._headers:
            try:
                self._headers[file.path] = reader.describe(file.path, frame=file.frame)
            except PlateError as error:
                raise _unreadable(error, file.path, frame=file.frame, called=self._called) from error
        return self._headers[file.path]


def _unreadable(error: PlateError, path: Path, *, frame: int, called: str) -> MatteError:
    if isinstance(error, PlateMissing):
        reason, hint = f"the {called} is not there", "Render it for this frame."
    else:
        reason, hint = f"the {called} cannot be read: {error.reason}", error.hint
    return MatteError(reason, hint=hint, file=path, frame=frame)
