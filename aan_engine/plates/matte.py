"""The matte: which pixels of a plate are hidden and by how much, and the composite of a fill over the plate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.errors import MatteError
from aan_engine.plates import matte_channels, matte_choice
from aan_engine.plates.matte_channels import MatteChannels
from aan_engine.plates.matte_edge import FULL_AT
from aan_engine.plates.plate import Array, Part
from aan_engine.shot import Controls, FrameFile

ROUNDING = 1e-3
"""Share by which a value may be above the floor and still count as at it: 1/255 rounded to half is larger by 1e-4."""


class Framed(Protocol):
    """What a matte is placed over: a plate, or its windows alone, as in `plate.Plate`."""

    @property
    def display_window(self) -> Box: ...
    @property
    def window(self) -> Box: ...


@dataclass(frozen=True)
class WholeFrame:
    """What a matte is placed over where no plate is read: the display window."""

    display_window: Box

    @property
    def window(self) -> Box:
        """The display window."""
        return self.display_window


@dataclass(frozen=True)
class Levels:
    """How a channel's values become coverage: (value - low) / (high - low), clipped to 0 .. 1, then inverted.

    Args:
        low, high: the values that count as 0 and 1.
        invert: whether the matte is white where the plate stays.
        floor: coverage up to this one is invisible, see `without_tails` and `ROUNDING`.

    Convention: NaN is in doubt and therefore hidden, whatever else is asked for.
    """

    low: float = 0.0
    high: float = 1.0
    invert: bool = False
    floor: float = 0.0

    @classmethod
    def of(cls, controls: Controls) -> Levels:
        """Those that the artist set for the matte."""
        return cls(controls.matte_low, controls.matte_high, controls.matte_invert, controls.matte_floor)

    @property
    def visible_from(self) -> float:
        """The coverage above which a pixel is hidden."""
        return self.floor * (1 + ROUNDING)

    @property
    def keep_zero(self) -> bool:
        """Whether a value of 0 is a coverage of 0."""
        return not self.invert and self.low >= 0

    def coverage(self, values: Array) -> NDArray[np.float32]:
        """The coverage of a channel's values, float32 0 .. 1, before the floor."""
        with np.errstate(invalid="ignore", over="ignore"):
            found = values.astype(np.float32)
            doubtful = np.isnan(found)
            if (self.low, self.high) != (0, 1):
                found = (found - np.float32(self.low)) / np.float32(self.high - self.low)
            np.clip(found, 0.0, 1.0, out=found)
        if self.invert:
            found = np.float32(1) - found
        found[doubtful] = 1.0
        return found

    def without_tails(self, coverage: NDArray[np.float32]) -> NDArray[np.float32]:
        """The coverage, 0 where it is not above the floor; but the last pixel of an antialiased edge stays as it is.

        What is cut off are the tails of a feather, floors and noise.

        Args:
            coverage: (H, W) 0 .. 1; changed in place.
        """
        if self.floor:
            covered = (coverage >= max(FULL_AT, self.visible_from)).astype(np.uint8)
            beside = cv2.dilate(covered, np.ones((3, 3), np.uint8)) > 0
            coverage[(coverage <= np.float32(self.visible_from)) & ~beside] = 0
        return coverage


AS_STORED = Levels()
"""Values as they are, clipped to 0 .. 1."""


def read(
    path: Path,
    *,
    frame: int,
    channel: MatteChannels | str | None,
    like: Framed,
    view: str | None = None,
    levels: Levels = AS_STORED,
    called: str = matte_choice.MATTE,
    index: int | None = None,
) -> NDArray[np.float32]:
    """The matte of one frame over the plate's `window`.

    Args:
        channel: the channels that were decided on for the shot; a name, or None, decides for this file alone, see
            `matte_choice`. Of several the larger value counts; a frame may lack some of them, not all.
        view: the eye to take channels from, where the matte is a stereo file that has it.
        like: the plate that it belongs to.
        levels: how values become coverage.
        called: the matte's name in error messages, such as "holdout matte".
        index: as in `FrameFile`.

    Returns:
        (H, W) float32 over the plate's `window`: 0 keeps the plate, 1 hides it, anything between is soft. NaN counts as
        1, so that such a pixel is never used as a source.

    Convention: the files' windows are aligned by their absolute pixel coordinates; outside the matte's own data
    window the matte is 0, an inverted one too: nothing is known there. Display windows must have the same size; where
    their origins differ, the absolute coordinates still decide.

    Raises:
        MatteError: missing, damaged, of another size, or without any of the channels; or as `matte_choice.decide`.
    """
    found = _open(path, frame=frame, channel=channel, view=view, called=called, index=index)
    matte = np.zeros(like.window.shape, np.float32)
    for part, values in found:
        _check_size(part.description.display_window, like, path=Path(path), frame=frame, called=called)
        own = part.description.data_window
        both = own.intersection(like.window)
        target = matte[both.relative_to(like.window).slices]
        inside = values[both.relative_to(own).slices]
        # Mattes of large plates are mostly empty: only the box around their non-zero pixels is converted.
        box = Box.around_mask(_nonzero(inside)) if levels.keep_zero else Box.whole(inside.shape)
        if box is not None:
            covered = levels.without_tails(levels.coverage(inside[box.slices]))
            np.maximum(target[box.slices], covered, out=target[box.slices])
    return matte


def peak(
    path: Path,
    *,
    frame: int,
    channel: MatteChannels | str | None,
    view: str | None = None,
    levels: Levels = AS_STORED,
    index: int | None = None,
) -> float:
    """The largest coverage of one frame in its data window, before the floor; arguments and errors as in `read`."""
    largest = 0.0
    for _, values in _open(path, frame=frame, channel=channel, view=view, called=matte_choice.MATTE, index=index):
        box = Box.around_mask(_nonzero(values)) if levels.keep_zero else Box.whole(values.shape)
        if box is not None:
            largest = max(largest, float(levels.coverage(values[box.slices]).max(initial=0)))
    return largest


def is_empty(
    path: Path,
    *,
    frame: int,
    channel: MatteChannels | str | None,
    view: str | None = None,
    levels: Levels = AS_STORED,
    index: int | None = None,
) -> bool:
    """Whether the matte of one frame hides nothing in its whole data window; arguments and errors as in `read`."""
    return peak(path, frame=frame, channel=channel, view=view, levels=levels, index=index) <= levels.visible_from


def composite_over(fill: NDArray[np.float32], plate: NDArray[np.float32], *, matte: NDArray[np.float32]) -> None:
    """plate x (1 - matte) + fill x matte, computed in place: `plate` is overwritten, as copying a large one takes time.

    Where the matte is 0 the plate keeps its own bits, where it is 1 the plate gets the fill's own bits.

    Args:
        fill, plate: (H, W, 3) float32 scene-linear, any values; NaN and infinities of either have an effect only where
            that picture has weight.
        matte: (H, W) float32, 0 .. 1.
    """
    box = Box.around_mask(matte > 0)
    if box is None:
        return
    near, inside, over = plate[box.slices], matte[box.slices], fill[box.slices]
    soft = (inside > 0) & (inside < 1)
    weight = inside[soft][:, None]
    near[soft] = near[soft] * (1 - weight) + over[soft] * weight
    near[inside >= 1] = over[inside >= 1]


def _nonzero(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where any bit of a channel is set, as in NaN and -0. (NumPy is slow at comparing half.)"""
    return np.asarray(values.view(f"u{values.dtype.itemsize}") != 0)


def _open(
    path: Path, *, frame: int, channel: MatteChannels | str | None, view: str | None, called: str, index: int | None
) -> list[tuple[Part, Array]]:
    """The channels of one frame that are the matte, at least one."""
    path = Path(path)
    parts = matte_choice.open_parts(path, frame=frame, called=called, index=index)
    if not isinstance(channel, MatteChannels):
        files = [FrameFile(frame, path, index)]
        channel = matte_choice.decide(files, named=channel, view=view, called=called)
    if found := channel.of(parts):
        return found
    there = matte_channels.listed(
        matte_channels.MatteChannel(matte_channels.part_name(parts, part), name)
        for part in parts
        for name in part.channels
    )
    name_it = ", or name a channel that all have: --matte-channel" if called == matte_choice.MATTE else ""
    raise MatteError(
        f"the {called} of this frame has no channel {channel.text}",
        hint=f"It has {there}. Write it as on the other frames{name_it}.",
        file=path,
        frame=frame,
    )


def _check_size(window: Box, like: Framed, *, path: Path, frame: int, called: str) -> None:
    matte, plate = window.shape, like.display_window.shape
    if matte != plate:
        raise MatteError(
            f"the {called} is {matte[1]} x {matte[0]}, the plate {plate[1]} x {plate[0]}",
            hint="Render it at the plate's own size.",
            file=path,
            frame=frame,
        )
