"""The matte: which pixels of a plate are hidden and by how much, and the composite of a fill over the plate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.errors import MatteError, PlateError, PlateMissing
from aan_engine.plates import reader, stereo
from aan_engine.plates.plate import Part, Plate


def read(
    path: Path,
    *,
    frame: int,
    channel: str | None,
    like: Plate,
    view: str | None = None,
    called: str = "matte",
    index: int | None = None,
) -> NDArray[np.float32]:
    """The matte of one frame over the plate's `window`.

    Args:
        channel: the channel's name, exact (`mask.A`) or without its layer or part where only one matches (`A`,
            `mask`); None takes `A`, else the only or the first channel.
        view: the eye to take channels from, where the matte is a stereo file that has it.
        like: the plate that it belongs to.
        called: the matte's name in error messages, such as "holdout matte".
        index: as in `FrameFile`.

    Returns:
        (H, W) float32 over the plate's `window`: 0 keeps the plate, 1 hides it, anything between is soft. Values are
        clipped to 0 .. 1. NaN counts as 1, so that such a pixel is never used as a source.

    Convention: the files' windows are aligned by their absolute pixel coordinates; outside the matte's own data
    window the matte is 0. Display windows must have the same size; where their origins differ, the absolute coordinates
    still decide.

    Raises:
        MatteError: missing, damaged, of another size, or without the named channel; or none is named, and the alpha is
            1 everywhere while the picture beside it varies.
    """
    part, name = _open_channel(path, frame=frame, channel=channel, view=view, called=called, index=index)
    if channel is None:
        _check_not_solid_alpha(part, name, path=Path(path), frame=frame, called=called)
    _check_size(part.description.display_window, like, path=Path(path), frame=frame, called=called)
    matte = np.zeros(like.shape, np.float32)
    own, plates = part.description.data_window, like.window
    both = own.intersection(plates)
    values, target = part.channels[name][both.relative_to(own).slices], matte[both.relative_to(plates).slices]
    # Mattes of large plates are mostly empty: only the box around their non-zero pixels is converted.
    if (box := Box.around_mask(_nonzero(values))) is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            inside = values[box.slices].astype(np.float32)
        np.nan_to_num(inside, copy=False, nan=1.0, posinf=1.0, neginf=0.0)
        np.clip(inside, 0.0, 1.0, out=target[box.slices])
    return matte


def is_empty(path: Path, *, frame: int, channel: str | None, view: str | None = None, index: int | None = None) -> bool:
    """Whether the matte of one frame is 0 in its whole data window; arguments and errors as in `read`."""
    part, name = _open_channel(path, frame=frame, channel=channel, view=view, index=index)
    values = part.channels[name]
    if (box := Box.around_mask(_nonzero(values))) is None:
        return True
    with np.errstate(invalid="ignore"):
        return bool((values[box.slices] <= 0).all())


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


def _open_channel(
    path: Path,
    *,
    frame: int,
    channel: str | None,
    view: str | None,
    called: str = "matte",
    index: int | None = None,
) -> tuple[Part, str]:
    path = Path(path)
    try:
        parts = reader.read_channels(path, frame=frame, index=index)
    except PlateMissing as error:
        raise MatteError(
            f"the {called} is not there", hint="Render it for this frame.", file=path, frame=frame
        ) from error
    except PlateError as error:
        raise MatteError(
            f"the {called} cannot be read: {error.reason}", hint=error.hint, file=path, frame=frame
        ) from error
    channels = [(part, name) for part in parts for name in part.channels]
    if view is not None:
        of_view = [(part, name) for part, name in channels if stereo.view_of(part.description, name) == view]
        channels = of_view or channels
    return _find_channel(channels, channel, path=path, frame=frame, called=called)


def _find_channel(
    channels: list[tuple[Part, str]], channel: str | None, *, path: Path, frame: int, called: str
) -> tuple[Part, str]:
    wanted = "A" if channel is None else channel
    # The most exact match wins: the name itself, part and name together, a layer's alpha, any layer's channel.
    for matches in (
        lambda part, name: name == wanted,
        lambda part, name: f"{part.description.name}.{name}" == wanted,
        lambda part, name: name == f"{wanted}.A" or (part.description.name == wanted and name == "A"),
        lambda part, name: name.rpartition(".")[2] == wanted,
    ):
        if found := [entry for entry in channels if matches(*entry)]:
            return found[0]
    if channel is None:
        return channels[0]
    raise MatteError(
        f"the {called} has no channel {channel!r}",
        hint=f"It has {', '.join(name for _, name in channels)}.",
        file=path,
        frame=frame,
    )


def _check_not_solid_alpha(part: Part, name: str, *, path: Path, frame: int, called: str) -> None:
    """Refuse an alpha that is 1 everywhere beside varying colours: the matte is probably in one of those."""
    alpha = part.channels[name]
    if name != "A" or alpha[0, 0] != 1 or not _is_constant(alpha):
        return
    if varied := [n for n in "RGB" if n in part.channels and not _is_constant(part.channels[n])]:
        raise MatteError(
            f"the {called}'s alpha is 1 everywhere, but its {varied[0]} is not",
            hint=f"Put it into the alpha, or name it: --matte-channel {varied[0]} (A if the whole frame is to go).",
            file=path,
            frame=frame,
        )


def _is_constant(values: NDArray[Any]) -> bool:
    """Whether a channel has one value everywhere."""
    bits = values.view(f"u{values.dtype.itemsize}")
    return bool((bits == bits[0, 0]).all())


def _check_size(window: Box, like: Plate, *, path: Path, frame: int, called: str) -> None:
    matte, plate = window.shape, like.display_window.shape
    if matte != plate:
        raise MatteError(
            f"the {called} is {matte[1]} x {matte[0]}, the plate {plate[1]} x {plate[0]}",
            hint="Render it at the plate's own size.",
            file=path,
            frame=frame,
        )
