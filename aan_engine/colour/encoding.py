"""Conversion of a picture's values to scene-linear light and back, by OpenColorIO.

Plates in a camera space are decoded to scene-linear light before anything else happens to them; a fill is encoded to
the plate's own space before it is written.

Convention: arrays are (..., 3) float32, R, G, B. Code values are 0 .. 1 over an integer format's range. Scene-linear
light has the primaries of the encoded picture wherever the config names such a space, so that channels are not mixed;
else those of the config's `scene_linear` role.
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

# Kodak's Cineon curve: 300 code values a decade, black at 95 and white at 685 of 1023.
_CINEON_BLACK = 10 ** ((95 - 685) / 300)

_LINEAR_REC709 = "lin_rec709_scene"


@dataclass(frozen=True, eq=False)
class Encoding:
    """The conversion between a picture's colour space and scene-linear light.

    Args:
        name: the picture's colour space.
        working: the name of the scene-linear space that it is decoded to; None where that is not known.
        interop: that space's interop ID, as EXR files carry it; empty where the config gives none.
    """

    name: str
    working: str | None
    interop: str
    _decoder: PyOpenColorIO.CPUProcessor | None = field(default=None, repr=False)
    _encoder: PyOpenColorIO.CPUProcessor | None = field(default=None, repr=False)

    @property
    def linear(self) -> bool:
        """Whether the values are scene-linear already: decoding and encoding return them unchanged."""
        return self._decoder is None

    def decode(self, codes: Array) -> Array:
        """The picture's values to scene-linear light; a pixel with NaN or infinity in one channel is NaN in all."""
        return _apply(self._decoder, codes)

    def encode(self, light: Array) -> Array:
        """Scene-linear light to the picture's values; see `decode`."""
        return _apply(self._encoder, light)


def of_exr(name: str) -> Encoding:
    """The encoding of an EXR plate whose space the artist names.

    Args:
        name: a colour space, an alias or a role of the config, in any case; or the beginning of one, where only one
            space begins so; or `Cineon`.

    Raises:
        ShotError: the config has no such space, or it holds data; or the config cannot be read.
    """
    config = ocio.current_config()
    space = ocio.find(config, name)
    return _cineon(config) if space is None else _between(config, space, ocio.linear_space_of(config, space))


def of_format(name: str | None, *, implied: str) -> Encoding:
    """The encoding of a picture of another format than EXR.

    It goes on in the studio's `scene_linear` where `$OCIO` names a config, else in linear light with the picture's
    primaries.

    Args:
        name: as in `of_exr`; None takes the space that the format implies.
        implied: a key of `ocio.IMPLIED`, "cineon", or "linear".

    Raises:
        ShotError: as in `of_exr`, and where the config has no space for what the format implies.
    """
    if name is None and implied == "linear":
        return Encoding("scene-linear", None, "")
    config = ocio.current_config()
    space = ocio.find(config, name) if name is not None else ocio.implied(config, implied)
    if space is None:
        return _cineon(config)
    return _between(config, space, ocio.role(config) if os.environ.get("OCIO") else ocio.linear_space_of(config, space))


def identity() -> str:
    """A text that changes whenever values might be decoded differently: the library's version and the config."""
    try:
        return f"{PyOpenColorIO.GetVersion()} {ocio.current_config().getCacheID()}"
    except (ShotError, *ocio.ERRORS) as error:
        return f"{PyOpenColorIO.GetVersion()} {error}"


def _apply(processor: PyOpenColorIO.CPUProcessor | None, values: Array) -> Array:
    if processor is None or not values.size:
        return values
    converted = np.array(values, np.float32, order="C")
    # Some transforms turn NaN into finite light: a plate's broken pixels would then pass for sound ones.
    with np.errstate(invalid="ignore"):
        not_finite = ~np.isfinite(converted).all(-1)
    converted[not_finite] = 0
    processor.applyRGB(converted)
    converted[not_finite] = np.nan
    return converted


def _between(
    config: PyOpenColorIO.Config, space: PyOpenColorIO.ColorSpace, working: PyOpenColorIO.ColorSpace
) -> Encoding:
    name = space.getName()
    if config.isColorSpaceLinear(name, PyOpenColorIO.REFERENCE_SPACE_SCENE):
        return Encoding(name, name, space.getInteropID())
    try:
        decoder = _lossless(config.getProcessor(space, working))
        encoder = _lossless(config.getProcessor(working, space))
    except ocio.ERRORS as error:
        raise ShotError(
            f"the colour space {name!r} cannot be converted both ways: {str(error).strip().splitlines()[0]}",
            hint="Name another space, or convert the plates to scene-linear first.",
        ) from error
    return Encoding(name, working.getName(), working.getInteropID(), decoder, encoder)


def _cineon(config: PyOpenColorIO.Config) -> Encoding:
    linear = config.getColorSpace(_LINEAR_REC709)
    working, interop = (linear.getName(), _LINEAR_REC709) if linear is not None else (None, "")
    decoder = _cineon_processor(config, PyOpenColorIO.TRANSFORM_DIR_INVERSE)
    encoder = _cineon_processor(config, PyOpenColorIO.TRANSFORM_DIR_FORWARD)
    return Encoding(ocio.CINEON, working, interop, decoder, encoder)


def _cineon_processor(
    config: PyOpenColorIO.Config, direction: PyOpenColorIO.TransformDirection
) -> PyOpenColorIO.CPUProcessor:
    curve = PyOpenColorIO.LogAffineTransform(
        logSideSlope=[300 / 1023] * 3,
        logSideOffset=[685 / 1023] * 3,
        linSideSlope=[1 - _CINEON_BLACK] * 3,
        linSideOffset=[_CINEON_BLACK] * 3,
        direction=direction,
    )
    curve.setBase(10)
    return _lossless(config.getProcessor(curve))


def _lossless(processor: PyOpenColorIO.Processor) -> PyOpenColorIO.CPUProcessor:
    # The default optimisation replaces powers and logarithms by approximations.
    return processor.getOptimizedCPUProcessor(PyOpenColorIO.OPTIMIZATION_LOSSLESS)
