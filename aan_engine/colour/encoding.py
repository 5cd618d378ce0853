"""Colour: plates that are no scene-linear light become it, and fills become what the plate is, by OpenColorIO.

This room knows spaces and arrays; no files and no mattes. `light`, the range of the network's proxies, begins where it
ends.

Convention: arrays are (..., 3) float32, R, G, B. Code values are 0 .. 1 over an integer format's range. Scene-linear
light has the primaries of the encoded picture wherever the config names such a space, so that each channel stays by
itself; else those of the config's `scene_linear` role.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
import PyOpenColorIO
from numpy.typing import NDArray

from aan_engine.colour import ocio
from aan_engine.errors import ShotError

Array = NDArray[np.float32]

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


def of_exr(name: str) -> Encoding:
    """The encoding of an EXR plate whose space the artist names.

    Args:
        name: a colour space, an alias or a role of the config, in any case; or the beginning of one, where only one
            space begins so; or `Cineon`.

    Raises:
        ShotError: the config has no such space, or it holds data; or the config cannot be read.
    """
    config = ocio.config()
    space = ocio.find(config, name)
    return _cineon(config) if space is None else _between(config, space, ocio.linear_space_of(config, space))


def of_format(name: str | None, *, implied: str) -> Encoding:
    """The encoding of a picture of another format, and the space in which it goes on as an EXR.

    That is the studio's `scene_linear` where `$OCIO` names a config, else linear light with the picture's primaries.

    Args:
        name: as in `named`; None takes what the format implies.
        implied: a key of `spaces.IMPLIED`, "cineon", or "linear".

    Raises:
        ShotError: as in `named`, and where the config has no space for what the format implies.
    """
    if name is None and implied == "linear":
        return Encoding("scene-linear", None, "")
    config = ocio.config()
    space = ocio.find(config, name) if name is not None else ocio.implied(config, implied)
    if space is None:
        return _cineon(config)
    return _between(config, space, ocio.role(config) if os.environ.get("OCIO") else ocio.linear_space_of(config, space))


def identity() -> str:
    """Changes whenever the same values would become other light: the library, and the config as it lies on disk."""
    try:
        return f"{PyOpenColorIO.GetVersion()} {ocio.config().getCacheID()}"
    except (ShotError, *ocio.FAULTS) as error:
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


def _between(
    config: PyOpenColorIO.Config, space: PyOpenColorIO.ColorSpace, working: PyOpenColorIO.ColorSpace
) -> Encoding:
    name = space.getName()
    if config.isColorSpaceLinear(name, PyOpenColorIO.REFERENCE_SPACE_SCENE):
        return Encoding(name, name, space.getInteropID())
    try:
        there = _exact(config.getProcessor(space, working))
        back = _exact(config.getProcessor(working, space))
    except ocio.FAULTS as error:
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
    return Encoding(ocio.CINEON, working, interop, there, back)


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
