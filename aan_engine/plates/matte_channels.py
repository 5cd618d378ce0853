"""The channels that are read as a matte: how an artist names them, and how the names are found in a file.

Convention: a part's name counts in files of several parts only; a file of one part may carry any name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aan_engine.plates import channel_names, stereo
from aan_engine.plates.exr_header import Description
from aan_engine.plates.plate import Array, Part

MOST_LISTED = 12
"""Channels that an error message lists, at most."""


@dataclass(frozen=True)
class MatteChannel:
    """One channel of the mattes of a shot, by names.

    Args:
        part: the name of its part; empty in a file of one part.
        name: the channel's full name.
    """

    part: str
    name: str

    @property
    def layer(self) -> str:
        """The channel's layer; empty for a plain one."""
        return channel_names.split(self.name)[0]

    @property
    def last(self) -> str:
        """The last component of its name."""
        return channel_names.split(self.name)[1]

    @property
    def label(self) -> str:
        """Its name for people, which `--matte-channel` takes."""
        named_already = not self.part or self.layer == self.part or self.name.startswith(f"{self.part}.")
        return self.name if named_already else f"{self.part}.{self.name}"


@dataclass(frozen=True)
class MatteChannels:
    """The channels whose union, the larger value of each pixel, is the matte of a shot."""

    channels: tuple[MatteChannel, ...]

    @property
    def text(self) -> str:
        """For people: `A`, `Object_0.Y + Object_1.Y`."""
        return " + ".join(channel.label for channel in self.channels)

    def of(self, parts: tuple[Part, ...]) -> list[tuple[Part, Array]]:
        """Those that a frame has, each with its part and its values; none where it has none of them."""
        return [
            (part, part.channels[channel.name])
            for channel in self.channels
            for part in parts
            if part_name(parts, part) == channel.part and channel.name in part.channels
        ]


def part_name(parts: tuple[Part, ...], part: Part) -> str:
    """A part's name as `MatteChannel` has it."""
    return part.description.name if len(parts) > 1 else ""


def in_file(description: Description, *, view: str | None) -> list[MatteChannel]:
    """All channels of a file that belong to a view, in the file's order.

    Args:
        view: the eye; None for the first. All channels where a file is not stereo, or has no such view.
    """
    several = len(description.parts) > 1
    named = [(part, name) for part in description.parts for name, _ in part.channels]
    wanted = view if view is not None else next(iter(stereo.view_names(description)), None)
    shown = (wanted,) if view is not None else (wanted, None)
    of_view = [(part, name) for part, name in named if stereo.view_of(part, name) in shown]
    return [MatteChannel(part.name if several else "", name) for part, name in of_view or named]


def likely(description: Description, channels: Sequence[MatteChannel]) -> list[MatteChannel]:
    """Those of a file's channels that may be a matte: no whole numbers, no depth, no object ids; all, where none is."""
    several = len(description.parts) > 1
    whole = {
        MatteChannel(part.name if several else "", name)
        for part in description.parts
        for name, kind in part.channels
        if kind == "uint"
    }
    found = [c for c in channels if c not in whole and not channel_names.is_depth_or_id(c.name)]
    return found or list(channels)


def meant_by(name: str, channels: Sequence[MatteChannel]) -> tuple[list[MatteChannel], bool]:
    """What a name means among a file's channels.

    In its own case before any case and spelling (`alpha` for `A`), and in this order: a channel, with its part or
    without; a layer, alone or with its part; a part; the last component of channels in layers; that of layers.

    Returns:
        The channels, and whether they are a group (a layer or a part, in which the matte is then found) rather than
        one channel or several of the same name. None where nothing is called so.
    """
    ways: tuple[tuple[Callable[[MatteChannel], Iterable[str]], bool], ...] = (
        (lambda c: (c.name, f"{c.part}.{c.name}"), False),
        (lambda c: (c.layer, f"{c.part}.{c.layer}"), True),
        (lambda c: (c.part,), True),
        (lambda c: (c.last,), False),
        (lambda c: (c.layer.rpartition(".")[2], c.layer.partition(".")[0]), True),
    )
    changes: tuple[Callable[[str], str], ...] = (str, str.casefold, channel_names.any_spelling)
    for change in changes:
        for names_of, is_group in ways:
            if found := [c for c in channels if change(name) in {change(n) for n in names_of(c)}]:
                return found, is_group
    return [], False


def listed(channels: Iterable[MatteChannel]) -> str:
    """The names of channels for an error message."""
    names = [channel.label for channel in channels]
    return ", ".join(names[:MOST_LISTED]) + (" and more" if len(names) > MOST_LISTED else "")
