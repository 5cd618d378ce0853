"""Extra channels: what a plate holds beside its picture, by the names that artists write, and what kind of data it is.

Convention: a channel's label is its name in the picture's part, `part.name` in others; a part's name counts in files of
several parts only.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from aan_engine.plates import stereo
from aan_engine.plates.exr_header import Description, PartDescription
from aan_engine.plates.plate import PictureChannels

ALPHA = "alpha"
"""The word for the alpha of the picture, however it is spelled."""

_DISTANCES = frozenset(("z", "zback", "depth", "zdepth", "zbuffer"))
_POINTS = frozenset(("p", "pworld", "pref", "position", "worldposition", "worldpos"))
_ITEMS = "object|obj|material|mat|mtl|instance|inst|element|asset|shape|mesh|prim|primitive|region|render|node"
_IDS = re.compile(rf"(u|gu)?ids?|idx|index(ob|ma)?|({_ITEMS})(id|index)")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True)
class ExtraChannel:
    """A channel of a plate that may be filled along with the picture.

    Args:
        label: what artists write for it; the same in every frame, whatever the order of the parts.
        part, name: the index of its part, and its name there.
        nearest: whether its values must not be mixed: object numbers, distances and points, whose mean belongs to
            nothing that is seen.
    """

    label: str
    part: int
    name: str
    nearest: bool

    @property
    def layer(self) -> str:
        """Its layer's label; of a channel without a layer its own."""
        return self.label.rpartition(".")[0] or self.label


@dataclass(frozen=True)
class NamedChannel:
    """Any channel of a plate, and the names that mean it, the most exact ones first.

    Args:
        own: its name and its layers', without the part's; of the picture's part only.
        full: the same with the part's name, and the part's alone.
        inner: what is left of the label without its first components, such as `Depth` of `ViewLayer.Depth.Z`; the last
            one alone only where its layer has no other channel: `Z` is not `normals.Z`.
        is_picture: whether it is the picture, which is filled anyway.
        why_not: why it cannot be filled along; empty where it can.
    """

    extra: ExtraChannel
    own: frozenset[str]
    full: frozenset[str]
    inner: frozenset[str]
    is_picture: bool
    is_alpha: bool
    why_not: str

    @property
    def is_extra(self) -> bool:
        """Whether it can be filled along."""
        return not (self.is_picture or self.why_not)


def channels_of(description: Description, picture: PictureChannels) -> list[NamedChannel]:
    """Every channel of a plate, those of the picture's part first."""
    parts = description.parts
    of_picture = parts[picture.part]
    view = stereo.view_of(of_picture, picture.names[0])
    found: dict[str, NamedChannel] = {}
    for index in sorted(range(len(parts)), key=lambda index: index != picture.part):
        part, in_picture_part = parts[index], index == picture.part
        part_name = part.name if len(parts) > 1 else ""
        for name, kind in part.channels:
            label = name if in_picture_part else _with_part(name, part_name)
            while label in found:
                label = f"{part_name}.{label}"
            nearest = kind == "uint" or _is_nearest(name, part, part_name)
            found[label] = NamedChannel(
                ExtraChannel(label, index, name, nearest),
                own=_own_names(name, picture) if in_picture_part else frozenset(),
                full=frozenset({part_name, *_prefixes(_with_part(name, part_name))} - {""}),
                inner=frozenset(),
                is_picture=in_picture_part and name in picture.names,
                is_alpha=in_picture_part and name == picture.alpha,
                why_not=_why_not(part, name, of_picture=of_picture, view=view),
            )
    layers = Counter(channel.extra.layer for channel in found.values())
    return [replace(one, inner=_inner(one.extra.label, alone=layers[one.extra.layer] == 1)) for one in found.values()]


def _why_not(part: PartDescription, name: str, *, of_picture: PartDescription, view: str | None) -> str:
    if part.data_window != of_picture.data_window:
        return "has another data window than the picture"
    return "belongs to another view" if stereo.view_of(part, name) not in (None, view) else ""


def _with_part(name: str, part: str) -> str:
    """A channel's name with its part's, which many programs have put before it already."""
    return name if not part or name.startswith(f"{part}.") else f"{part}.{name}"


def _own_names(name: str, picture: PictureChannels) -> frozenset[str]:
    """Names of a channel in the picture's part; beside a picture in a layer also without the layer's name."""
    names = {*_prefixes(name)}
    layer = picture.names[0].rpartition(".")[0]
    if layer and name.startswith(f"{layer}."):
        names.add(name.removeprefix(f"{layer}."))
    if name == picture.alpha:
        names |= {"A", ALPHA}
    return frozenset(names)


def _prefixes(name: str) -> list[str]:
    """A channel's name, its layer, the layer's layer and so on."""
    components = name.split(".")
    return [".".join(components[:end]) for end in range(len(components), 0, -1)]


def _inner(label: str, *, alone: bool) -> frozenset[str]:
    """All runs of components but those that begin with the first; the last one only if the channel is `alone`."""
    components = label.split(".")
    ends = range(1, len(components) + 1)
    runs = {".".join(components[begin:end]) for end in ends for begin in range(1, end)}
    return frozenset(runs if alone else runs - {components[-1]})


def _is_nearest(name: str, part: PartDescription, part_name: str) -> bool:
    """Whether a channel holds numbers, distances or points, by its name. Z beside X and Y is a vector's."""
    layer, dot, last = name.rpartition(".")
    beside = {other.casefold() for other, _ in part.channels}
    is_vector = {f"{layer}{dot}{axis}".casefold() for axis in "xyz"} <= beside and last.casefold() in "xyz"
    called = [*layer.split("."), *part_name.split("."), *([] if is_vector else [last])]
    if any("crypto" in component.casefold() for component in called):
        return True
    if any(component.casefold() in _DISTANCES | _POINTS for component in called):
        return True
    words = {word.casefold() for component in called for word in (component, *_WORDS.findall(component))}
    return bool(words & {"depth", "position"}) or any(_IDS.fullmatch(word) for word in words)
