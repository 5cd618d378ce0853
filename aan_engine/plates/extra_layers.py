"""Extra layers: which of what a plate holds beside its picture is filled along with it, and which stays.

A rendered plate has more than light: alpha, depth, normals, object numbers. They belong to a removed object as its
colours do, and can be filled from the same places. No file tells whether that is wanted, so only those that the artist
names are; that the others stay is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import chain

from aan_engine.errors import PlateUnsupported
from aan_engine.plates.exr_header import Description
from aan_engine.plates.extra_channels import ALPHA, ExtraChannel, NamedChannel, channels_of
from aan_engine.plates.plate import PictureChannels

OPTION = "--fill-layers"

_MOST_NAMED, _MOST_LISTED = 3, 12

# What is compared with a plain name and with a pattern, in turn; and whether a match is all that the name may mean.
_TIERS = (
    ((True, ("own",)), (True, ("full",)), (False, ("inner",))),
    ((True, ("own", "full")), (True, ("inner",))),
)


def available(description: Description, picture: PictureChannels) -> tuple[ExtraChannel, ...]:
    """What can be filled along: the channels beside the picture, of its view and over its data window."""
    return tuple(channel.extra for channel in channels_of(description, picture) if channel.is_extra)


def chosen(
    description: Description, picture: PictureChannels, names: str | None, *, frame: int | None = None
) -> tuple[ExtraChannel, ...]:
    """The channels that the artist's names mean in one plate.

    A name is a channel, a layer, a part, or a pattern of these: `A`, `depth.Z`, `normals`, `normals.*`. It is searched
    for in its own case, then in any; in the picture's part, then in the others, then behind a view layer's name, as
    `Depth` for `ViewLayer.Depth.Z`. Channels of the picture itself may be named: they are filled anyway.

    Args:
        names: comma-separated names; None or empty for nothing.

    Raises:
        PlateUnsupported: a name means nothing in this plate, any of several layers, or what cannot be filled along.
    """
    channels = channels_of(description, picture)
    meant = {channel for name in _split(names) for channel in _meant(channels, name, description, frame=frame)}
    return tuple(channel.extra for channel in channels if channel.is_extra and channel in meant)


def left(description: Description, picture: PictureChannels, names: str | None) -> tuple[str, ...]:
    """The layers beside the picture that stay as they are, by label; a channel without a layer by its own.

    Args:
        names: as in `chosen`; here it is no error if one means nothing.
    """
    channels = channels_of(description, picture)
    meant = {channel for name in _split(names) for channel in _matches(channels, name)[0]}
    stays = (channel for channel in channels if channel.is_extra and channel not in meant)
    # The picture's alpha has a name of its own: each program spells it otherwise.
    return tuple(dict.fromkeys(ALPHA if channel.is_alpha else channel.extra.layer for channel in stays))


def note(description: Description, picture: PictureChannels, names: str | None) -> str:
    """What stays, for people: `alpha, Z, normals and 2 more layers stay as they are (--fill-layers)`.

    Empty where nothing does. Arguments as in `left`.
    """
    layers = left(description, picture, names)
    if not layers:
        return ""
    more = len(layers) - _MOST_NAMED
    shown = [*layers[:_MOST_NAMED], *([f"{more} more layer{'s' if more > 1 else ''}"] if more > 0 else [])]
    return f"{_joined(shown, 'and')} {'stays as it is' if len(layers) == 1 else 'stay as they are'} ({OPTION})"


def _split(names: str | None) -> list[str]:
    return [name.strip() for name in (names or "").split(",") if name.strip()]


def _meant(
    channels: list[NamedChannel], name: str, description: Description, *, frame: int | None
) -> list[NamedChannel]:
    """The channels that one name means; see `chosen` for what it raises."""
    found, exact = _matches(channels, name)
    layers = dict.fromkeys(channel.extra.layer for channel in found if channel.is_extra)
    there = dict.fromkeys(channel.extra.label for channel in channels if channel.is_extra)
    listed = ", ".join([*there][:_MOST_LISTED]) + (" and more" if len(there) > _MOST_LISTED else "")
    hint = f"{OPTION} may name {listed}." if there else f"It has nothing beside its picture: leave {OPTION} away."
    if not found:
        reason = f"this plate has no channel or layer {name!r} to fill along"
    elif all(channel.why_not for channel in found):
        reason = f"{name!r} cannot be filled along: it {found[0].why_not}"
    elif not exact and len(layers) > 1:
        reason, hint = f"{name!r} to fill along may be any of {len(layers)} layers", f"Name {_joined(layers, 'or')}."
    else:
        return found
    raise PlateUnsupported(reason, hint=hint, file=description.path, frame=frame)


def _matches(channels: list[NamedChannel], name: str) -> tuple[list[NamedChannel], bool]:
    """The channels with the most exact match, and whether they are all that the name may mean.

    A pattern looks at all full names at once, and means all that it finds.
    """
    is_pattern = any(mark in name for mark in "*?[")
    for change in (str, str.casefold):
        for exact, attributes in _TIERS[is_pattern]:
            names = ((one, chain.from_iterable(getattr(one, each) for each in attributes)) for one in channels)
            if found := [one for one, terms in names if _is_among(map(change, terms), change(name))]:
                return found, exact
    return [], True


def _is_among(names: Iterable[str], wanted: str) -> bool:
    return any(name == wanted or fnmatchcase(name, wanted) for name in names)


def _joined(words: Iterable[str], last_word: str) -> str:
    *first, last = words
    return f"{', '.join(first)} {last_word} {last}" if first else last
