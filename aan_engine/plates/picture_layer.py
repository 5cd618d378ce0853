"""Which layer of a shot's plates is the picture: decided once, by names, and then looked up by name in every frame.

A renderer's file holds many layers of red, green and blue: the beauty, and passes such as ambient occlusion or albedo.
Files list layers by the alphabet, and parts in any order, so neither order says anything. A layer is taken where it is
the only one, or where its name says that it is the picture; otherwise the artist is asked.

Convention: a part's name counts in files of several parts only; a file of one part may carry any name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aan_engine.errors import PlateUnsupported
from aan_engine.plates import channel_names, stereo
from aan_engine.plates.channel_names import Triple
from aan_engine.plates.exr_header import Description, PartDescription
from aan_engine.plates.plate import PictureChannels

NAMES = (
    *("rgba", "rgb", "c", "ci", "beauty", "combined"),
    *("rgbcolor", "color", "colour", "main", "master", "primary", "finalimage", "final", "default"),
)
"""Names of the picture, the likeliest first, in any case, without spaces, dashes and underscores. Arnold writes `RGBA`,
Mantra and Karma `C`, RenderMan `Ci`, Redshift, Octane and Katana `beauty`, Blender `Combined`, V-Ray `RGB color`."""

LAST_NAMES = frozenset({"rgba", "rgb", "beauty", "combined"})
"""Those that also count behind a view layer's name, as in `ViewLayer.Combined`; a `diffuse.color` is no picture."""

_PLAIN, _UNKNOWN = -1, len(NAMES)
_MOST_LISTED = 12


@dataclass(frozen=True)
class PictureLayer:
    """One layer of a shot's plates that may be the picture, by names.

    Args:
        part: the name of its part; empty in a file of one part.
        layer: the layer's name, without a view's; empty for plain channels.
        names: its channels for red, green and blue; the same name three times for a grey plate.
        view: the eye that it belongs to; None in a file without views.
    """

    part: str
    layer: str
    names: Triple
    view: str | None = None

    @property
    def label(self) -> str:
        """Its name for people, which `--plate-layer` takes."""
        own_part = self.part and self.part.lower() != self.layer.lower()
        return ".".join(name for name in (self.part if own_part else "", self.layer) if name) or "rgba"

    @property
    def plain(self) -> bool:
        """Whether it has no name of its own: the plain channels of a file of one part."""
        return not self.part and not self.layer

    def is_in(self, description: Description) -> bool:
        """Whether a file has this layer."""
        return self._index(description) is not None

    def find_in(self, description: Description, *, frame: int | None) -> PictureChannels:
        """The picture's channels in one frame of the shot; its part may have changed its place.

        Raises:
            PlateUnsupported: the frame has no such layer, or has it in a form that the engine does not fill:
                subsampled, or integer.
        """
        index = self._index(description)
        if index is None:
            there = _listed(one.label for one in candidates(description, view=None))
            raise PlateUnsupported(
                f"this frame has no layer {self.label} ({' '.join(dict.fromkeys(self.names))}), which is filled",
                hint=f"It has {there or 'no picture'}. Render it as the others, or name a layer that all frames have:"
                " --plate-layer.",
                file=description.path,
                frame=frame,
            )
        part = description.parts[index]
        if why := _not_fillable(part, self.names):
            raise _unsupported(description, frame, why)
        return PictureChannels(part=index, names=self.names)

    def _index(self, description: Description) -> int | None:
        for index, part in enumerate(description.parts):
            of_view = self.view is None or stereo.view_of(part, self.names[0]) == self.view
            if _part_name(description, part) == self.part and of_view and set(self.names) <= dict(part.channels).keys():
                return index
        return None


def find_picture_channels(
    description: Description, *, frame: int | None, view: str | None = None, layer: PictureLayer | None = None
) -> PictureChannels:
    """The picture's channels in one file.

    Args:
        view: of a stereo file, the eye; None for the first.
        layer: the layer that was decided on for the shot; None decides for this file alone.

    Raises:
        PlateUnsupported: as `decide` and `PictureLayer.find_in`.
    """
    found = layer if layer is not None else decide(description, frame=frame, view=view)
    return found.find_in(description, frame=frame)


def decide(
    description: Description, *, frame: int | None, named: str | None = None, view: str | None = None
) -> PictureLayer:
    """The layer that is the picture.

    Without a name: the only one; else plain R, G, B; else the likeliest name, see `NAMES`. A part of such a
    name that holds plain R, G, B counts as a layer of this name. Without any red, green and blue, Y as grey.

    Args:
        named: the layer or part that the artist asks for, in its own case or in any where only one matches.
        view: of a stereo file, the eye; None for the first.

    Raises:
        PlateUnsupported: there is no such layer or view; several may be meant; there is no picture; or it is in a form
            that the engine does not fill: luminance-chroma, subsampled, or integer.
    """
    known = stereo.view_names(description)
    if view is not None and view not in known:
        raise PlateUnsupported(
            f"this plate has no view {view!r}",
            hint=f"It has {' and '.join(known)}." if known else "It is no stereo file: leave the view away.",
            file=description.path,
            frame=frame,
        )
    all_found = candidates(description, view=view)
    if not all_found:
        raise _unsupported(description, frame, _why_no_picture(description.parts))
    found = _best(all_found, description) if named is None else _named(all_found, named.strip(), description)
    if len(found) == 1:
        found[0].find_in(description, frame=frame)
        return found[0]
    listed = _listed(one.label for one in found or all_found)
    if named is not None and not found:
        reason, hint = f"this plate has no layer or part {named!r} with a picture", f"It has {listed}."
    else:
        what = f"{named!r}" if named is not None else "the plate's picture"
        reason, hint = f"{what} may be any of {len(found)} layers", f"Name one: --plate-layer with one of {listed}."
    raise PlateUnsupported(reason, hint=hint, file=description.path, frame=frame)


def candidates(description: Description, *, view: str | None = None) -> tuple[PictureLayer, ...]:
    """All layers of a file that may be its picture, in the file's order; empty where there is none.

    Args:
        view: the eye to which they belong; None for the first that has any.
    """
    views: tuple[str | None, ...] = (view,) if view is not None else stereo.view_names(description) or (None,)
    for eye in views:
        if found := _in_view(description, eye, only=view is not None):
            return found
    return ()


def _in_view(description: Description, view: str | None, *, only: bool) -> tuple[PictureLayer, ...]:
    """Layers of red, green and blue; without any, luminances. `only` leaves out parts that belong to no view."""
    colours, greys = [], []
    for part in description.parts:
        names = [name for name, _ in part.channels if stereo.view_of(part, name) in ((view,) if only else (view, None))]
        for raw, triple in channel_names.rgb_layers(names).items():
            colours.append(_layer(description, part, raw, triple))
        if "Y" in names and not {"RY", "BY"} & set(names):
            greys.append(_layer(description, part, "", ("Y", "Y", "Y")))
    return tuple(colours or greys)


def _layer(description: Description, part: PartDescription, raw: str, names: Triple) -> PictureLayer:
    view = stereo.view_of(part, names[0])
    layer = ".".join(name for name in raw.split(".") if name != view)
    return PictureLayer(_part_name(description, part), layer, names, view)


def _part_name(description: Description, part: PartDescription) -> str:
    return part.name if len(description.parts) > 1 else ""


def _best(found: Iterable[PictureLayer], description: Description) -> list[PictureLayer]:
    """Those of the best rank; of a part's own layers, plain channels go before others of no known name."""
    fillable = [one for one in found if not _not_fillable(_part_of(one, description), one.names)]
    ranked = [(_rank(one), one) for one in fillable or found]
    best = min(rank for rank, _ in ranked)
    first = [one for rank, one in ranked if rank == best]
    plain = {one.part for one in first if not one.layer}
    return [one for one in first if not one.layer or one.part not in plain]


def _rank(one: PictureLayer) -> int:
    name = one.layer or _without_view(one.part, one.view)
    if not name:
        return _PLAIN
    whole, last = _squeezed(name), _squeezed(name.rpartition(".")[2])
    if whole in NAMES:
        return NAMES.index(whole)
    return NAMES.index(last) if last in LAST_NAMES else _UNKNOWN


def _squeezed(name: str) -> str:
    return name.lower().translate(str.maketrans("", "", " -_"))


def _without_view(part: str, view: str | None) -> str:
    """A part's name without the view's that renderers put before or behind it: `rgba.left`, `left_rgba`."""
    if not view:
        return part
    for mark in (".", "_", "-", " ", ""):
        for shorter in (part.removesuffix(f"{mark}{view}"), part.removeprefix(f"{view}{mark}")):
            if shorter != part:
                return shorter
    return part


def _named(found: Iterable[PictureLayer], named: str, description: Description) -> list[PictureLayer]:
    """Those that a name means: the whole name in its own case, then in any; then a layer's last component."""
    changes: tuple[Callable[[str], str], ...] = (str, str.casefold)
    for called in (_whole_names, _labels, _last_names):
        for change in changes:
            if same := [one for one in found if change(named) in {change(name) for name in called(one) if name}]:
                return same if len(same) == 1 else _best(same, description)
    return []


def _whole_names(one: PictureLayer) -> tuple[str, ...]:
    raw = channel_names.split(one.names[0])[0]
    return one.layer, raw, one.part, f"{one.part}.{raw}", _without_view(one.part, one.view)


def _labels(one: PictureLayer) -> tuple[str, ...]:
    return (one.label,)


def _last_names(one: PictureLayer) -> tuple[str, ...]:
    return one.layer.rpartition(".")[2], one.part.rpartition(".")[2]


def _part_of(one: PictureLayer, description: Description) -> PartDescription:
    return next(
        part
        for part in description.parts
        if _part_name(description, part) == one.part and set(one.names) <= dict(part.channels).keys()
    )


def _not_fillable(part: PartDescription, names: Triple) -> str:
    """Why these channels are not filled; empty where they are."""
    if any(name in part.subsampled for name in names):
        return f"{', '.join(names)} are stored subsampled"
    types = dict(part.channels)
    if any(types[name] == "uint" for name in names):
        return f"{', '.join(names)} hold integers, not light"
    return ""


def _why_no_picture(parts: tuple[PartDescription, ...]) -> str:
    names = [name for part in parts for name, _ in part.channels]
    if {"RY", "BY"} & set(names):
        return "the picture is stored as luminance and chroma (Y, RY, BY)"
    return f"there is no R, G, B and no Y among its channels ({_listed(names)})"


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_MOST_LISTED]) + (" and more" if len(listed) > _MOST_LISTED else "")


def _unsupported(description: Description, frame: int | None, why: str) -> PlateUnsupported:
    return PlateUnsupported(
        f"this plate cannot be filled: {why}",
        hint="Convert it to R, G, B in half or float.",
        file=description.path,
        frame=frame,
    )
