"""Which colour space a name means, in the OpenColorIO config in force.

That is the config which `$OCIO` names, else the ACES studio config that comes with the library. `encoding` converts
between the spaces found here.
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
"""Spaces that a file format implies, each by the names under which configs list it: sRGB pictures; video as a monitor
shows it, by Rec. 1886."""

CINEON = "Cineon"
"""The name of Kodak's film curve, which is built in (`encoding`) for configs that lack it."""

# Both errors of the library; they share no base class but Exception.
ERRORS = (PyOpenColorIO.Exception, PyOpenColorIO.ExceptionMissingFile)


def current_config() -> Config:
    """The config in force, read again whenever its file has changed.

    Raises:
        ShotError: it cannot be read.
    """
    source = os.environ.get("OCIO") or BUILT_IN
    try:
        info = Path(source).stat()
    except (OSError, ValueError):
        return _load(source, ())
    return _load(source, (info.st_size, info.st_mtime_ns))


@lru_cache(maxsize=2)
def _load(source: str, version: tuple[int, ...]) -> Config:
    """The config at a path or URI; `version` is its size and time, so that a changed file misses the cache."""
    try:
        return Config.CreateFromFile(source)
    except ERRORS as error:
        raise ShotError(
            f"the colour config cannot be read: {str(error).strip().splitlines()[0]}",
            hint="Correct the environment variable OCIO, or unset it for the built-in ACES config.",
            file=source,
        ) from error


def find(config: Config, name: str) -> ColorSpace | None:
    """The space that a name means; None for Cineon's curve where the config lacks it.

    Args:
        name: a space, an alias or a role, in any case; or the beginning of one, where only one space begins so.

    Raises:
        ShotError: there is no such space (the closest are named), or it holds data.
    """
    found = config.getColorSpace(name) or _find_by_prefix(config, name)
    if found is None and name.casefold() == CINEON.casefold():
        return None
    if found is None:
        close = _closest(config, name)
        raise ShotError(
            f"the colour config knows no space {name!r}",
            hint=f"Closest are {', '.join(close)}." if close else "Name one of the config's colour spaces.",
        )
    if found.isData():
        raise ShotError(f"the colour space {name!r} holds data, not light", hint="Name the space of the picture.")
    return found


def _find_by_prefix(config: Config, name: str) -> ColorSpace | None:
    """The one space whose name begins with `name`, of which four characters are needed; None for none or several."""
    wanted = _normalise(name)
    names = [known for known in config.getColorSpaceNames() if len(wanted) > 3 and _normalise(known).startswith(wanted)]
    return config.getColorSpace(names[0]) if len(names) == 1 else None


def _closest(config: Config, name: str) -> list[str]:
    """Up to four names to suggest instead: first those that contain `name`, then those spelled similarly."""
    wanted = _normalise(name)
    known = {
        _normalise(alias): space.getName()
        for space in config.getColorSpaces()
        for alias in (space.getName(), *space.getAliases())
    }
    containing = [full for plain, full in known.items() if len(wanted) > 2 and wanted in plain]
    similar = [known[plain] for plain in difflib.get_close_matches(wanted, known, n=6, cutoff=0.4)]
    return list(dict.fromkeys([*containing, *similar]))[:4]


def _normalise(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def implied(config: Config, kind: str) -> ColorSpace | None:
    """The space of a key of `IMPLIED`; None for "cineon".

    Raises:
        ShotError: the config has no such space.
    """
    if kind == "cineon":
        return None
    for name in IMPLIED[kind]:
        if (space := config.getColorSpace(name)) is not None:
            return space
    raise ShotError(
        f"the colour config has no space for {'sRGB pictures' if kind == 'srgb' else 'Rec. 709 video'}",
        hint="Name the plates' space with --colorspace.",
    )


def linear_space_of(config: Config, space: ColorSpace) -> ColorSpace:
    """The scene-linear space with the same primaries, found by the interop IDs (`curve_primaries_state`).

    A linear space is its own. Where the config has none with these primaries, it is that of the `scene_linear` role.
    """
    if config.isColorSpaceLinear(space.getName(), PyOpenColorIO.REFERENCE_SPACE_SCENE):
        return space
    prefix, colon, rest = space.getInteropID().rpartition(":")
    words = rest.split("_")
    if len(words) == 3:
        for wanted in (f"lin_{words[1]}_scene", f"{prefix}{colon}lin_{words[1]}_scene"):
            linear = config.getColorSpace(wanted)
            if linear is not None and config.isColorSpaceLinear(linear.getName(), PyOpenColorIO.REFERENCE_SPACE_SCENE):
                return linear
    return role(config)


def role(config: Config) -> ColorSpace:
    """The space of the config's `scene_linear` role.

    Raises:
        ShotError: the config has no such role.
    """
    space = config.getColorSpace(PyOpenColorIO.ROLE_SCENE_LINEAR)
    if space is None:
        raise ShotError("the colour config has no scene_linear role", hint="Name another config in OCIO, or unset it.")
    return space
