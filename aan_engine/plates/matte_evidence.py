"""What the pixels of mattes say about which channel is the matte, where names do not tell.

A matte holds coverage in one channel, or the same in red, green and blue. Beside it files carry a picture, empty
channels and solid alphas. This module looks at frames and decides; `matte_channels` knows names, and `matte` files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.plates import channel_names
from aan_engine.plates.matte_channels import MatteChannel, part_name
from aan_engine.plates.plate import Array, Part

SAME = 0.01
"""Difference up to which red, green and blue count as one grey: lossy codecs keep no three channels alike."""

COLOURED_SHARE = 0.5
"""Share of the pixels that are not black in which all three of red, green and blue are above 0, from which on the
layer is a picture. Mattes of several objects in red, green and blue overlap in few pixels. Not measured separately."""

COARSE = 4
"""Every so many-th row and column is looked at for what a picture's pixels have in common."""


@dataclass(frozen=True)
class Verdict:
    """Which channel is the matte, as far as frames were looked at.

    Args:
        choice: the channel; None where it has rivals.
        rivals: the channels between which only the artist can decide.
        settled: whether no further frame can change it.
        empty: whether every channel that may be the matte is empty so far, so that further frames may tell.
        alpha: the alpha that is in doubt, because it is solid or empty beside the rivals.
    """

    choice: MatteChannel | None
    rivals: tuple[MatteChannel, ...] = ()
    settled: bool = False
    empty: bool = False
    alpha: MatteChannel | None = None


@dataclass
class _Seen:
    """One channel over all frames that were looked at: its largest value, whether it is 1 or constant in each."""

    largest: float = 0.0
    solid: bool = True
    constant: bool = True

    def add(self, part: Part, values: Array) -> None:
        self.constant = self.constant and _is_constant(values)
        whole = part.description.data_window.contains(part.description.display_window)
        self.largest = max(self.largest, largest(values))
        self.solid = self.solid and self.constant and whole and float(values[0, 0]) == 1


@dataclass
class _Colours:
    """Red, green and blue of one layer: whether they are alike, and in how many pixels one and all are above 0."""

    channels: tuple[MatteChannel, MatteChannel, MatteChannel]
    alike: bool = True
    any_above: int = 0
    all_above: int = 0

    def add(self, values: list[Array], *, floor: float) -> None:
        few = [np.asarray(channel[::COARSE, ::COARSE], np.float32) for channel in values]
        above = [channel > floor for channel in few]
        self.any_above += int((above[0] | above[1] | above[2]).sum())
        self.all_above += int((above[0] & above[1] & above[2]).sum())
        # What differs mostly differs in many pixels.
        self.alike = self.alike and _are_alike(few) and _are_alike(values)

    @property
    def picture(self) -> bool:
        return not self.alike and self.all_above > COLOURED_SHARE * self.any_above


@dataclass
class Evidence:
    """The channels that may be the matte, and what frames show of them.

    Args:
        channels: those that may be, at least one.
        floor: values up to this one count as nothing.
    """

    channels: Sequence[MatteChannel]
    floor: float
    _seen: dict[MatteChannel, _Seen] = field(init=False)
    _colours: list[_Colours] = field(init=False)

    def __post_init__(self) -> None:
        self._seen = {channel: _Seen() for channel in self.channels}
        self._colours = []
        for part in dict.fromkeys(channel.part for channel in self.channels):
            names = [channel.name for channel in self.channels if channel.part == part]
            for triple in channel_names.rgb_layers(names).values():
                red, green, blue = (MatteChannel(part, name) for name in triple)
                self._colours.append(_Colours((red, green, blue)))

    def add(self, parts: tuple[Part, ...]) -> None:
        """Look at one frame; channels that it lacks say nothing, and beside an alpha that is certain none do."""
        found = {
            MatteChannel(part_name(parts, part), name): (part, values)
            for part in parts
            for name, values in part.channels.items()
        }
        with np.errstate(invalid="ignore", over="ignore"):
            alpha = sole_alpha(self.channels)
            for channel in sorted(found.keys() & self._seen.keys(), key=lambda channel: channel != alpha):
                self._seen[channel].add(*found[channel])
                if channel == alpha and self._holds(alpha) and not self._seen[alpha].solid:
                    return  # it is the matte, whatever the others hold
            for colours in self._colours:
                if all(channel in found for channel in colours.channels):
                    colours.add([found[channel][1] for channel in colours.channels], floor=self.floor)

    def verdict(self) -> Verdict:
        """What the frames that were looked at say together.

        The alpha, where there is one of its own or one in a single layer; unless it is solid or empty beside another
        that holds something. Else the only channel that holds something; red, green and blue that are alike count
        as one, and those of a picture as none where one other channel is left.
        """
        alpha = sole_alpha(self.channels)
        singles, pictured = self._singles()
        holding = [channel for channel in singles if self._holds(channel)]
        if alpha is not None:
            return self._verdict_on(alpha, [c for c in singles if c != alpha], pictured)
        if len(holding) == 1:
            return Verdict(holding[0])
        if holding or not singles:
            return Verdict(None, tuple(holding) or tuple(pictured))
        return Verdict(singles[0], empty=True)

    def _verdict_on(self, alpha: MatteChannel, singles: list[MatteChannel], pictured: list[MatteChannel]) -> Verdict:
        if self._seen[alpha].solid:
            varied = [c for c in singles if self._holds(c) and not self._seen[c].constant] or pictured
            return Verdict(None, tuple(varied), alpha=alpha) if varied else Verdict(alpha)
        if self._holds(alpha):
            return Verdict(alpha, settled=True)
        holding = [channel for channel in singles if self._holds(channel)]
        return Verdict(None if holding else alpha, tuple(holding), empty=True, alpha=alpha if holding else None)

    def _singles(self) -> tuple[list[MatteChannel], list[MatteChannel]]:
        """The channels that may be a matte each by itself, and those of pictures."""
        left, pictured = list(self.channels), list[MatteChannel]()
        for colours in self._colours:
            if colours.picture:
                pictured += colours.channels
            dropped = colours.channels if colours.picture else colours.channels[1:] if colours.alike else ()
            left = [channel for channel in left if channel not in dropped]
        return left, pictured

    def _holds(self, channel: MatteChannel) -> bool:
        return self._seen[channel].largest > self.floor


def sole_alpha(channels: Sequence[MatteChannel]) -> MatteChannel | None:
    """The one plain alpha; without any, the one alpha in a layer; None where there are none, or several."""
    alphas = [channel for channel in channels if channel_names.is_alpha(channel.name)]
    plain = [channel for channel in alphas if not channel.layer]
    found = plain or alphas
    return found[0] if len(found) == 1 else None


def largest(values: Array) -> float:
    """The largest value of a channel, at least 0; NaN counts as 1, as it does in a matte."""
    if values.dtype == np.uint32:
        return float(values.max(initial=0))
    # Positive floating-point values are in the order of their bits, which NumPy compares faster than half.
    bits = values.view(f"i{values.dtype.itemsize}").max(initial=0)
    found = float(bits.astype(f"i{values.dtype.itemsize}").view(values.dtype))
    return found if np.isfinite(found) else 1.0


def _are_alike(values: Sequence[Array]) -> bool:
    """Whether three channels differ by at most `SAME`, NaN left out."""
    first, *others = values
    for other in others:
        if np.array_equal(_bits(first), _bits(other)):
            continue
        if (np.abs(first.astype(np.float32) - other.astype(np.float32)) > SAME).any():
            return False
    return True


def _is_constant(values: Array) -> bool:
    """Whether a channel has one value everywhere."""
    bits = _bits(values)
    return bool(bits[0, 0] == bits[-1, -1] and (bits == bits[0, 0]).all())


def _bits(values: Array) -> NDArray[Any]:
    return values.view(f"u{values.dtype.itemsize}")
