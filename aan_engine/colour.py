"""Colour: plates that are no scene-linear light become it, and fills become what the plate is, by OpenColorIO.

The config is the one that `$OCIO` names, else the ACES studio config that comes with the library. This room knows
names of spaces and arrays; no files and no mattes. `light`, the range of the network's proxies, begins where it ends.

Convention: arrays are (..., 3) float32, R, G, B. Code values are 0 .. 1 over an integer format's range. Scene-linear
light has the primaries of the encoded picture wherever the config names such a space, so that each channel stays by
itself; else those of the config's `scene_linear` role.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import PyOpenColorIO
from numpy.typing import NDArray

from aan_engine.shot import ShotError

Array = NDArray[np.float32]

BUILT_IN = "ocio://studio-config-latest"

IMPLIED = {
    "srgb": ("srgb_rec709_scene", "srgb_texture", "srgb_tx", "sRGB - Texture", "Utility - sRGB - Texture", "sRGB"),
    "video": ("g24_rec709_scene", "rec709_display", "Utility - Rec.709 - Display", "rec709", "Rec709"),
}
"""Spaces that a format implies, by the names under which configs know them: sRGB pictures; video as a monitor shows
it, by Rec. 1886."""

CINEON = "Cineon"
# Film density by Kodak's rule: 300 codes a decade, black at 95, white at 685 of 1023.
_BLACK = 10 ** ((95 - 685) / 300)

_LINEAR_REC709 = "lin_rec709_scene"


@dataclass(frozen=True, eq=False)
class Encoding:
    """How a picture's values stand for light.

    Args:
        name: the space of the picture.
        working: the scene-linear space that it is decoded to, by its name; None where that is not known.
        interop: that space's interop ID, as EXR files carry it; empty where the config gives none.
    """

    name: str
    working: str | None
    interop: str
    _there: PyOpenColorIO.CPUProcessor | None = field(default=None, repr=False)
    _back: PyOpenColorIO.CPUProcessor | None = field(default=None, repr=False)

    @property
    def linear(self) -> bool:
        """Whether values are light already: decoding and encoding give back what came."""
        return self._there is None

    def decode(self, codes: Array) -> Array:
        """The picture's values to scene-linear light; a pixel with NaN or infinity anywhere becomes NaN wholly."""
        return _applied(self._there, codes)

    def encode(self, light: Array) -> Array:
        """Scene-linear light to the picture's values; see `decode`."""
        return _applied(self._back, light)


def named(name: str) -> Encoding:
    """The encoding of an EXR plate whose space the artist names.

    Args:
        name: a colour space, an alias or a role of the config, in any case; or the beginning of one, where only one
            space begins so; or `Cineon`.

    Raises:
        ShotError: the config has no such space, or it holds data; or the config cannot be read.
    """
    config = _config()
    space = _find(config, name)
    return _cineon(config) if space is None else _between(config, space, _kin(config, space))


def footage(name: str | None, *, implied: str) -> Encoding:
    """The encoding of a picture of another format, and the space in which it goes on as an EXR.

    That is the studio's `scene_linear` where `$OCIO` names a config, else linear light with the picture's primaries.

    Args:
        name: as in `named`; None takes what the format implies.
        implied: a key of `IMPLIED`, "cineon", or "linear".

    Raises:
        ShotError: as in `named`, and where the config has no space for what the format implies.
    """
    config = _config()
    if name is None and implied == "linear":
        return Encoding("scene-linear", None, "")
    space = _find(config, name) if name is not None else _implied(config, implied)
    if space is None:
        return _cineon(config)
    return _between(config, space, _role(config) if os.environ.get("OCIO") else _kin(config, space))


def identity() -> str:
    """Changes whenever the same values would become other light: the library, and the config as it lies on disk."""
    try:
        return f"{PyOpenColorIO.GetVersion()} {_config().getCacheID()}"
    except (ShotError, PyOpenColorIO.Exception) as error:
        return f"{PyOpenColorIO.GetVersion()} {error}"


def _applied(processor: PyOpenColorIO.CPUProcessor | None, values: Array) -> Array:
    if processor is None or not values.size:
        return values
    converted = np.array(values, np.float32, order="C")
    # Some transforms make finite light out of NaN: what is broken in the plate would then pass for a picture.
    with np.errstate(invalid="ignore"):
        broken = ~np.isfinite(converted).all(-1)
    converted[broken] = 0
    processor.applyRGB(converted)
    converted[broken] = np.nan
    return converted


def _config() -> PyOpenColorIO.Config:
    place = os.environ.get("OCIO") or BUILT_IN
    try:
        info = Path(place).stat()
    except (OSError, ValueError):
        return _loaded(place, ())
    return _loaded(place, (info.st_size, info.st_mtime_ns))


@lru_cache(maxsize=2)
def _loaded(place: str, version: tuple[int, ...]) -> PyOpenColorIO.Config:
    """The config at a place; `version` tells one state of the file from the next."""
    try:
        return PyOpenColorIO.Config.CreateFromFile(place)
    except PyOpenColorIO.Exception as error:
        raise ShotError(
            f"the colour config cannot be read: {str(error).strip().splitlines()[0]}",
            hint="Correct the environment variable OCIO, or unset it for the built-in ACES config.",
            file=place,
        ) from error


def _find(config: PyOpenColorIO.Config, name: str) -> PyOpenColorIO.ColorSpace | None:
    """The space that a name means; None for Cineon's curve where the config does not know it."""
    found = config.getColorSpace(name) or _begun(config, name)
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


def _begun(config: PyOpenColorIO.Config, name: str) -> PyOpenColorIO.ColorSpace | None:
    wanted = _plain(name)
    names = [known for known in config.getColorSpaceNames() if wanted and _plain(known).startswith(wanted)]
    return config.getColorSpace(names[0]) if len(names) == 1 else None


def _closest(config: PyOpenColorIO.Config, name: str) -> list[str]:
    wanted = _plain(name)
    known = {_plain(alias): s.getName() for s in config.getColorSpaces() for alias in (s.getName(), *s.getAliases())}
    holding = [full for plain, full in known.items() if len(wanted) > 2 and wanted in plain]
    alike = [known[plain] for plain in difflib.get_close_matches(wanted, known, n=6, cutoff=0.4)]
    return list(dict.fromkeys([*holding, *alike]))[:4]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _implied(config: PyOpenColorIO.Config, kind: str) -> PyOpenColorIO.ColorSpace | None:
    if kind == "cineon":
        return None
    for name in IMPLIED[kind]:
        if (space := config.getColorSpace(name)) is not None:
            return space
    raise ShotError(
        f"the colour config has no space for {'sRGB pictures' if kind == 'srgb' else 'Rec. 709 video'}",
        hint="Name the plates' space with --colorspace.",
    )


def _kin(config: PyOpenColorIO.Config, space: PyOpenColorIO.ColorSpace) -> PyOpenColorIO.ColorSpace:
    """The scene-linear space of the same primaries, told by the interop IDs (`curve_primaries_state`), else the role's.

    A space that is linear is its own.
    """
    if config.isColorSpaceLinear(space.getName(), PyOpenColorIO.REFERENCE_SPACE_SCENE):
        return space
    prefix, colon, rest = space.getInteropID().rpartition(":")
    words = rest.split("_")
    if len(words) == 3:
        for wanted in (f"lin_{words[1]}_scene", f"{prefix}{colon}lin_{words[1]}_scene"):
            kin = config.getColorSpace(wanted)
            if kin is not None and config.isColorSpaceLinear(kin.getName(), PyOpenColorIO.REFERENCE_SPACE_SCENE):
                return kin
    return _role(config)


def _role(config: PyOpenColorIO.Config) -> PyOpenColorIO.ColorSpace:
    space = config.getColorSpace(PyOpenColorIO.ROLE_SCENE_LINEAR)
    if space is None:
        raise ShotError("the colour config has no scene_linear role", hint="Name another config in OCIO, or unset it.")
    return space


def _between(
    config: PyOpenColorIO.Config, space: PyOpenColorIO.ColorSpace, working: PyOpenColorIO.ColorSpace
) -> Encoding:
    name = space.getName()
    if config.isColorSpaceLinear(name, PyOpenColorIO.REFERENCE_SPACE_SCENE):
        return Encoding(name, name, space.getInteropID())
    try:
        there = _exact(config.getProcessor(space, working))
        back = _exact(config.getProcessor(working, space))
    except PyOpenColorIO.Exception as error:
        raise ShotError(
            f"the colour space {name!r} cannot be converted both ways: {str(error).strip().splitlines()[0]}",
            hint="Name another space, or convert the plates to scene-linear first.",
        ) from error
    return Encoding(name, working.getName(), working.getInteropID(), there, back)


def _cineon(config: PyOpenColorIO.Config) -> Encoding:
    kin = config.getColorSpace(_LINEAR_REC709)
    working, interop = (kin.getName(), _LINEAR_REC709) if kin is not None else (None, "")
    there, back = (
        _density(config, way) for way in (PyOpenColorIO.TRANSFORM_DIR_INVERSE, PyOpenColorIO.TRANSFORM_DIR_FORWARD)
    )
    return Encoding(CINEON, working, interop, there, back)


def _density(config: PyOpenColorIO.Config, way: PyOpenColorIO.TransformDirection) -> PyOpenColorIO.CPUProcessor:
    curve = PyOpenColorIO.LogAffineTransform(
        logSideSlope=[300 / 1023] * 3,
        logSideOffset=[685 / 1023] * 3,
        linSideSlope=[1 - _BLACK] * 3,
        linSideOffset=[_BLACK] * 3,
        direction=way,
    )
    curve.setBase(10)
    return _exact(config.getProcessor(curve))


def _exact(processor: PyOpenColorIO.Processor) -> PyOpenColorIO.CPUProcessor:
    # The usual optimisation replaces powers and logarithms by approximations.
    return processor.getOptimizedCPUProcessor(PyOpenColorIO.OPTIMIZATION_LOSSLESS)
