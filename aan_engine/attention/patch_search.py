"""Patch attention from coarse to fine: a hole filled with copies of what is visible, one coordinate a pixel.

A pyramid of pictures is gone through from the coarsest level to the finest. On the coarse ones every patch over the
hole attends to every visible patch, on the fine ones matches are only handed on and adjusted; on each level matching
and filling take turns. The search begins with the painted hole and is held to it by its low frequencies: the guide
says which colour belongs where, texture features (Newson et al. 2014) which stuff, patches supply the detail.

Constants that do not say how they were found were not measured separately. Those that do were judged on the middle
frames of 15 training clips with one never-seen hole each: `style`, the distance of mean and spread of image features
to the truth's, was .278 with the painter's own fill and .106 with these values.

Convention: positions are (x, y), pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.attention.patch_level import PatchLevel, PatchPictures
from aan_engine.core.filters import masked_gaussian
from aan_engine.core.harmonic import harmonic_fill
from aan_engine.core.types import Array, Mask

COARSEST, MOST_LEVELS = 40, 5
"""Shorter side of a picture from which on it is halved no further, and how many levels there are at most."""

ROUNDS = (8, 4, 2, 2, 2)
"""Rounds on each level, the coarsest first. Half as many on the two coarsest: style .005 worse, a quarter faster; half
as many again: style .001 worse."""

MOST_PRODUCTS = 3e7
"""Patches over the hole times visible ones up to which all are compared with all: 26 billion multiplications."""

LOCAL_REACH = 4
"""Pixels around a match that are tried on finer levels."""

GUIDE_BLUR = 5.0
"""Standard deviation, in proxy pixels, of what the guide keeps of the painted picture; with 8 style is .001 worse."""

GUIDE_WEIGHT = 1.0
"""How much the guide counts against the patch's own colours; .4 .. 1 differ in style by .005 at most."""

TEXTURE_WEIGHT = 6.0
"""How much texture features count; 3 and 12 are worse by .01 in style."""

SOUGHT = 5
"""Channels that are sought: three of colour and two of texture. Those of the guide are given."""

LEAST_KNOWN = 0.1
"""Share of a window that must be visible for its texture to be known."""


@dataclass(frozen=True, eq=False)
class PatchQuery:
    """What is searched for, and where.

    Args:
        images: (N, h, w, 3) float32, log range: first the frame itself, its hole painted, then others.
        missing: (h, w) bool, the pixels of the first picture that are sought.
        usable: (N, h, w) bool, what may be copied.
    """

    images: Array
    missing: Mask
    usable: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PatchMatches:
    """For each of the m missing pixels, row by row, where to copy it from.

    Args:
        picture: (m,) int32, which of the query's pictures.
        position: (m, 2) float32, whole pixels on it.
        cost: (m,) float32, mean squared difference of the patches that were matched.
    """

    picture: NDArray[np.int32]
    position: Array
    cost: Array


def search(query: PatchQuery, *, seed: int, device: torch.device) -> PatchMatches | None:
    """The matches of what is missing; None where nothing is visible that a patch could be taken from.

    Args:
        seed: of the random proposals; the same query and seed give the same matches.
    """
    generator = torch.Generator().manual_seed(seed)
    previous: PatchLevel | None = None
    for depth, pictures in enumerate(_levels(query, device)):
        level = PatchLevel(pictures, generator)
        if not level.is_possible:
            previous = None
            continue
        if previous is not None:
            level.start_from(previous)
        for _ in range(ROUNDS[min(depth, len(ROUNDS) - 1)]):
            _match(level)
            level.vote()
        previous = level
    if previous is None:
        return None
    _match(previous)
    source, cost = previous.copies()
    row, x = source // previous.width, source % previous.width
    position = torch.stack([x, row % previous.height], -1).float()
    return PatchMatches((row // previous.height).int().cpu().numpy(), position.cpu().numpy(), cost.cpu().numpy())


def _match(level: PatchLevel) -> None:
    if level.products <= MOST_PRODUCTS:
        level.attend()
    else:
        level.adjust(reach=LOCAL_REACH)


def _levels(query: PatchQuery, device: torch.device) -> list[PatchPictures]:
    """The query's pictures with their features, from the coarsest level to the finest."""
    # The painted hole counts as known colour: that is where the search starts. Its texture is not.
    known = [np.ones_like(query.missing), *query.usable[1:]]
    guides = [masked_gaussian(image, mask, GUIDE_BLUR) for image, mask in zip(query.images, known, strict=True)]
    pyramid = [(list(query.images), known, query.missing, query.usable)]
    while min(pyramid[-1][2].shape) > COARSEST and len(pyramid) < MOST_LEVELS:
        images, masks, missing, usable = pyramid[-1]
        halved = [
            np.ascontiguousarray(masked_gaussian(i, m, 1.0)[::2, ::2]) for i, m in zip(images, masks, strict=True)
        ]
        pyramid.append((halved, [m[::2, ::2] for m in masks], missing[::2, ::2], usable[:, ::2, ::2]))
    side = 2 ** max(len(pyramid) - 1, 2) + 1
    visible = [~query.missing, *query.usable[1:]]
    textures = [texture_features(image, mask, side=side) for image, mask in zip(query.images, visible, strict=True)]
    found = []
    for images, _, missing, usable in reversed(pyramid):
        size = (missing.shape[1], missing.shape[0])
        planes = [
            np.dstack([image, *(cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in given)])
            for image, *given in zip(
                images,
                (TEXTURE_WEIGHT * texture for texture in textures),
                (GUIDE_WEIGHT * guide for guide in guides),
                strict=True,
            )
        ]
        features = torch.from_numpy(np.stack(planes).astype(np.float32)).to(device)
        found.append(PatchPictures(features, np.ascontiguousarray(missing), np.ascontiguousarray(usable), SOUGHT))
    return found


def texture_features(image: Array, visible: Mask, *, side: int) -> Array:
    """(h, w, 2) mean absolute horizontal and vertical gradient in a window of `side` pixels (Newson et al. 2014).

    Inside holes they go on smoothly from around them.
    """
    grey = np.where(visible, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 0)
    gradients = np.dstack([np.abs(cv2.Sobel(grey, cv2.CV_32F, dx, dy, ksize=1)) for dx, dy in ((1, 0), (0, 1))])
    sound = cv2.erode(visible.astype(np.float32), np.ones((3, 3), np.uint8))
    share = cv2.blur(sound, (side, side))
    around = cv2.blur(gradients * sound[..., None], (side, side)) / np.maximum(share, 1e-3)[..., None]
    return harmonic_fill(around, (share > LEAST_KNOWN).astype(np.float32))
