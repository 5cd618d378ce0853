"""Spaces: which colour space a name means, in the OpenColorIO config that is in force.

That is the config which `$OCIO` names, else the ACES studio config that comes with the library. Knows names; `colour`
converts.
"""

from __future__ import annotations

import difflib
import os
import re
from functools import lru_cache
from pathlib import Path

import PyOpenColorIO
from PyOpenColorIO import ColorSpace, Config

from aan_engine.errors import ShotError

BUILT_IN = "ocio://studio-config-latest"
"""The config without `$OCIO`."""

IMPLIED = {
    "srgb": ("srgb_rec709_scene", "srgb_texture", "srgb_tx", "sRGB - Texture", "Utility - sRGB - Texture", "sRGB"),
    "video": ("g24_rec709_scene", "rec709_display", "Utility - Rec.709 - Display", "rec709", "Rec709"),
}
"""Spaces that a format implies, by the names under which configs know them: sRGB pictures; video as a monitor shows
it, by Rec. 1886."""

CINEON = "Cineon"
"""The one curve that is known even where the config does not have it."""

# The library's two kinds of errors have no common ancestor.
FAULTS = (PyOpenColorIO.Exception, PyOpenColorIO.ExceptionMissingFile)


def config() -> Config:
    """The config in force, as it lies on disk now.

    Raises:
        ShotError: it cannot be read.
    """
    place = os.environ.get("OCIO") or BUILT_IN
    try:
        info = Path(place).stat()
    except (OSError, ValueError):
        return _loaded(place, ())
    return _loaded(place, (info.st_size, info.st_mtime_ns))


@lru_cache(maxsize=2)
def _loaded(place: str, version: tuple[int, ...]) -> Config:
    """The config at a place; `version` tells one state of the file from the next."""
    try:
        return Config.CreateFromFile(place)
    except FAULTS as error:
        raise ShotError(
            f"the colour config cannot be read: {str(error).strip().splitlines()[0]}",
            hint="Correct the environment variable OCIO, or unset it for the built-in ACES config.",
            file=place,
        ) from error


def find(among: Config, name: str) -> ColorSpace | None:
    """The space that a name means; None for Cineon's curve where the config does not know it.

    Args:
        name: a space, an alias or a role, in any case; or the beginning of one, where only one space begins so.

    Raises:
        ShotError: there is no such space (the closest are named), or it holds data.
    """
    found = among.getColorSpace(name) or _begun(among, name)
    if found is None and name.casefold() == CINEON.casefold():
        return None
    if found is None:
        close = _closest(among, name)
        raise ShotError(
            f"the colour config knows no space {name!r}",
            hint=f"Closest are {', '.join(close)}." if close else "Name one of the config's colour spaces.",
        )
    if found.isData():
        raise ShotError(f"the colour space {name!r} holds data, not light", hint="Name the space of the picture.")
    return found


def _begun(among: Config, name: str) -> ColorSpace | None:
    wanted = _plain(name)
    names = [known for known in among.getColorSpaceNames() if len(wanted) > 3 and _plain(known).startswith(wanted)]
    return among.getColorSpace(names[0]) if len(names) == 1 else None


def _closest(among: Config, name: str) -> list[str]:
    wanted = _plain(name)
    known = {_plain(alias): s.getName() for s in among.getColorSpaces() for alias in (s.getName(), *s.getAliases())}
    holding = [full for plain, full in known.items() if len(wanted) > 2 and wanted in plain]
    alike = [known[plain] for plain in difflib.get_close_matches(wanted, known, n=6, cutoff=0.4)]
    return list(dict.fromkeys([*holding, *alike]))[:4]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def implied(among: Config, kind: str) -> ColorSpace | None:
    """The space of a key of `IMPLIED`; None for "cineon". Raises: ShotError: the config has none."""
    if kind == "cineon":
        return None
    for name in IMPLIED[kind]:
        if (space := among.getColorSpace(name)) is not None:
            return space
    raise ShotError(
        f"the colour config has no space for {'sRGB pictures' if kind == 'srgb' else 'Rec. 709 video'}",
        hint="Name the plates' space with --colorspace.",
    )


def linear_space_of(among: Config, space: ColorSpace) -> ColorSpace:
    """The scene-linear space of the same primaries, told by the interop IDs (`curve_primaries_state`), else the role's.

    A space that is linear is its own.
    """
    if among.isColorSpaceLinear(space.getName(), PyOpenColorIO.REFERENCE_SPACE_SCENE):
        return space
    prefix, colon, rest = space.getInteropID().rpartition(":")
    words = rest.split("_")
    if len(words) == 3:
        for wanted in (f"lin_{words[1]}_scene", f"{prefix}{colon}lin_{words[1]}_scene"):
            kin = among.getColorSpace(wanted)
            if kin is not None and among.isColorSpaceLinear(kin.getName(), PyOpenColorIO.REFERENCE_SPACE_SCENE):
                return kin
    return role(among)


def role(among: Config) -> ColorSpace:
    """The space in which the config's studio works. Raises: ShotError: the config does not say."""
    space = among.getColorSpace(PyOpenColorIO.ROLE_SCENE_LINEAR)
    if space is None:
        raise ShotError("the colour config has no scene_linear role", hint="Name another config in OCIO, or unset it.")
    return space
