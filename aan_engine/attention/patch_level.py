"""Patch attention on one level of a pyramid: for each patch over a hole, the visible patch that it resembles most.

The energy is that of Wexler et al. 2007: patches are matched, then every missing pixel becomes the mean of what the
patches over it propose, in turns. Matching compares all with all (`PatchLevel.attend`, a matrix product as in any
attention), or adjusts the matches that there are (`PatchLevel.adjust`, PatchMatch of Barnes et al. 2009 with jump
flooding, so that all pixels advance at once). The pictures that are searched lie behind one another; the first one is
the frame with the hole itself.

Deterministic: random proposals come from a generator that the caller seeds; products are sums of whole numbers below
2^24, which float32 adds up exactly in any order; no other sum depends on the number of threads.

Convention: pixels are numbered row by row over all pictures, (picture h + y) w + x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aan_engine.core.types import Mask

RADIUS = 3
"""Half the side of a patch, less its centre: patches of 7 x 7 pixels (Newson et al. 2014 take 5 to 7)."""

FADE, DEEPEST = 1.3, 20
"""How much less a pixel of a patch counts with each pixel that it lies deeper in the hole, down to this depth. With 1.1
style (see `patch_search`) is .001 worse, and the fill loses a tenth of its gradients."""

SPREAD = 0.5
"""Votes fall to 1 / e at a cost of so many upper quartiles. With 2 or .25 style is .004 worse."""

CENTRE = 0.02
"""How much a patch's cost counts more, as a pixel's only source, with the square of the pixel's distance from its
centre."""

STEPS = (8, 4, 2, 1)
"""Distances over which good matches are handed to neighbours."""

QUANTA, MIDDLE, MOST_QUANTA, WEIGHTS = 50.0, 0.5, 59, 4
"""Steps to a feature's unit, the value at step 0, steps to each side, and steps of a pixel's weight, when all is
compared with all: 392 products of 2 x 4 x 59 x 59 and 49 of 4 x 8 x 59 x 59 add up to less than 2^24."""

AT_A_TIME = 4_000_000
"""Entries of the product that are held in memory at a time: 16 MB."""

QUANTILE_OF = 4096
"""Patches, about, that a quartile of the costs is taken from."""

UNMATCHED = 1e9

_SIDE = range(-RADIUS, RADIUS + 1)
_TAPS = sorted(((dy, dx) for dy in _SIDE for dx in _SIDE), key=lambda tap: ((tap[0] + tap[1]) % 2, tap[0] % 2, tap))
"""The pixels of a patch; a quarter of them, evenly spread, comes first and suffices to refuse most proposals."""

_FIRST = sum(1 for dy, dx in _TAPS if (dy + dx) % 2 == 0 and dy % 2 == 0)


@dataclass(frozen=True, eq=False)
class PatchPictures:
    """The pictures of one level.

    Args:
        features: (N, h, w, C) float32, what patches are compared by.
        missing: (h, w) bool, the pixels of the first picture that are to be filled.
        usable: (N, h, w) bool, what may be copied.
        sought: of the missing pixels the first so many features are sought, the others are given.
    """

    features: Tensor
    missing: Mask
    usable: NDArray[np.bool_]
    sought: int


class PatchLevel:
    """The patches over a hole and their matches on one level.

    Attributes:
        height, width: of each picture.
        match: (n,) int64, for each patch the number of its match's centre pixel.
        cost: (n,) float32, weighted mean squared difference of the two.
    """

    def __init__(self, pictures: PatchPictures, generator: torch.Generator) -> None:
        _, self.height, self.width, channels = pictures.features.shape
        self._device, self._generator, self._sought = pictures.features.device, generator, pictures.sought
        self._flat = pictures.features.reshape(-1, channels).clone()
        whole = np.zeros((self.height, self.width), np.bool_)
        whole[RADIUS : self.height - RADIUS, RADIUS : self.width - RADIUS] = True
        around = np.ones((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8)
        blocked = np.stack([cv2.dilate((~usable).astype(np.uint8), around) > 0 for usable in pictures.usable])
        over_hole = (cv2.dilate(pictures.missing.astype(np.uint8), around) > 0) & whole
        # A patch that holds a missing pixel is no source, even where that pixel counts as usable.
        blocked[0] |= over_hole
        self._missing, self._centres = (self._numbers(mask) for mask in (pictures.missing, over_hole))
        self._is_source = torch.from_numpy((~blocked & whole).reshape(-1)).to(self._device)
        self._sources = self._is_source.nonzero().flatten()
        self._each = torch.arange(len(self._centres), device=self._device)
        self._patch_at = torch.full((self.height * self.width,), -1, dtype=torch.long, device=self._device)
        self._patch_at[self._centres] = self._each
        depth = cv2.distanceTransform(pictures.missing.astype(np.uint8), cv2.DIST_L2, 5)
        fading = (FADE ** -np.minimum(depth, DEEPEST)).astype(np.float32)
        self._weight = torch.from_numpy(fading.reshape(-1)).to(self._device)
        self._offsets = torch.tensor([dy * self.width + dx for dy, dx in _TAPS], device=self._device)
        self.match = self._anywhere() if len(self._sources) else torch.zeros_like(self._centres)
        self.cost = torch.full((len(self._centres),), UNMATCHED, device=self._device)

    @property
    def is_possible(self) -> bool:
        """Whether there is anything to fill, and anything to fill it with."""
        return len(self._sources) > 0 and len(self._centres) > 0

    @property
    def products(self) -> int:
        """Comparisons of all patches with all sources."""
        return len(self._sources) * len(self._centres)

    def start_from(self, coarser: PatchLevel) -> None:
        """Take over the matches of a level of half the size; where these fall on what is no source, any."""
        y, x = self._centres // self.width, self._centres % self.width
        at = (y // 2).clamp(max=coarser.height - 1) * coarser.width + (x // 2).clamp(max=coarser.width - 1)
        patch = coarser._patch_at[at]
        match = coarser.match[patch.clamp(min=0)]
        row, column = match // coarser.width, match % coarser.width * 2 + x % 2
        down = row % coarser.height * 2 + y % 2
        down, column = down.clamp(max=self.height - 1), column.clamp(max=self.width - 1)
        wanted = (row // coarser.height * self.height + down) * self.width + column
        self.match = torch.where((patch >= 0) & self._is_source[wanted], wanted, self._anywhere())
        self.cost = torch.ones_like(self.cost)
        self.vote()

    def attend(self) -> None:
        """Match every patch with the best of all sources.

        The weighted squared difference of a patch T and a source S is w T^2 - 2 (w T) S + w S^2, of which the first
        term is the same for all sources: one product of matrices gives the rest.
        """
        target, share = self._patches(slice(None))
        weight = (share / share.amax(1, keepdim=True) * WEIGHTS).round()
        queries = torch.cat([(-2 * weight[..., None] * _quantised(target)).flatten(1), weight], 1)
        sources = _quantised(self._flat)[self._sources[:, None] + self._offsets]
        keys = torch.cat([sources.flatten(1), sources.square().sum(-1)], 1)
        best = torch.empty_like(self._each)
        for part in torch.split(self._each, max(1, AT_A_TIME // len(keys))):
            best[part] = (queries[part] @ keys.mT).argmin(1)
        self.match = self._sources[best]
        self._measure()

    def adjust(self, *, reach: int) -> None:
        """Hand matches on to neighbours, and try others within `reach` pixels of them."""
        self._measure()
        for proposal in (*self._handed_on(), *self._nearby(reach)):
            self._propose(proposal)

    def vote(self) -> None:
        """Give each missing pixel the mean of what the patches over it propose, the better ones counting more."""
        total = torch.zeros(len(self._missing), self._flat.shape[1], device=self._device)
        weights = torch.zeros(len(self._missing), 1, device=self._device)
        quartile = torch.quantile(self.cost[:: max(1, len(self.cost) // QUANTILE_OF)], 0.75)
        for pixels, patches, tap in self._covering():
            weight = torch.exp(-self.cost[patches] / (SPREAD * quartile + 1e-6))[:, None]
            total[pixels] += weight * self._flat[self.match[patches] + tap]
            weights[pixels] += weight
        reached = (weights[:, 0] > 0).nonzero().flatten()
        mean = total[reached] / weights[reached]
        self._flat[self._missing[reached], : self._sought] = mean[:, : self._sought]

    def copies(self) -> tuple[Tensor, Tensor]:
        """For each missing pixel the number of the one pixel to copy, and the cost of the patch that says so; (m,)."""
        best = torch.full((len(self._missing),), UNMATCHED, device=self._device)
        source, cost = torch.zeros_like(self._missing), best.clone()
        for (pixels, patches, tap), (dy, dx) in zip(self._covering(), _TAPS, strict=True):
            rated = self.cost[patches] * (1 + CENTRE * (dy * dy + dx * dx))
            better = (rated < best[pixels]).nonzero().flatten()
            at, patch = pixels[better], patches[better]
            best[at], cost[at], source[at] = rated[better], self.cost[patch], self.match[patch] + tap
        return source, cost

    def _numbers(self, mask: Mask) -> Tensor:
        return torch.from_numpy(np.flatnonzero(mask)).to(self._device)

    def _anywhere(self) -> Tensor:
        """(n,) sources at random."""
        drawn = torch.randint(len(self._sources), (len(self._centres),), generator=self._generator)
        return self._sources[drawn.to(self._device)]

    def _patches(self, taps: slice) -> tuple[Tensor, Tensor]:
        """The patches as they are now, (n, taps, C), and their pixels' weights, (n, taps), 1 in all of a patch."""
        at = self._centres[:, None] + self._offsets
        share = self._weight[at]
        share = share / share.sum(1, keepdim=True)
        return self._flat[at[:, taps]], share[:, taps]

    def _measure(self) -> None:
        """The costs of the present matches, by patches as they are now."""
        self._target, self._share = self._patches(slice(None))
        rest = self._difference(self._each, self.match, slice(_FIRST, None))
        self.cost = self._difference(self._each, self.match, slice(0, _FIRST)) + rest

    def _difference(self, patches: Tensor, match: Tensor, taps: slice) -> Tensor:
        """Over these taps, the weighted squared difference between patches, by number, and those at `match`."""
        theirs = self._flat[match[:, None] + self._offsets[taps]]
        return ((self._target[patches, taps] - theirs).square_().sum(-1) * self._share[patches, taps]).sum(1)

    def _propose(self, match: Tensor) -> None:
        """Take these matches (n,) where they are better; negative numbers and pixels that are no source are refused."""
        patches = ((match >= 0) & self._is_source[match.clamp(min=0)] & (match != self.match)).nonzero().flatten()
        match = match[patches]
        cost = self._difference(patches, match, slice(0, _FIRST))
        promising = (cost < self.cost[patches]).nonzero().flatten()
        patches, match = patches[promising], match[promising]
        cost = cost[promising] + self._difference(patches, match, slice(_FIRST, None))
        better = (cost < self.cost[patches]).nonzero().flatten()
        self.match[patches[better]], self.cost[patches[better]] = match[better], cost[better]

    def _handed_on(self) -> Iterator[Tensor]:
        """The neighbours' matches, moved on by the distance to the neighbour."""
        for step in STEPS:
            for dy, dx in ((0, step), (0, -step), (step, 0), (-step, 0)):
                neighbour = self._beside(self._centres, dy, dx)
                patch = torch.where(neighbour >= 0, self._patch_at[neighbour.clamp(min=0)], -1)
                yield torch.where(patch >= 0, self._beside(self.match[patch.clamp(min=0)], -dy, -dx), -1)

    def _nearby(self, reach: int) -> Iterator[Tensor]:
        """Random matches around the present ones, in windows that become smaller by halves."""
        while reach >= 1:
            dy, dx = (
                torch.randint(-reach, reach + 1, (len(self._centres),), generator=self._generator).to(self._device)
                for _ in range(2)
            )
            yield self._beside(self.match, dy, dx)
            reach //= 2

    def _beside(self, pixel: Tensor, dy: Tensor | int, dx: Tensor | int) -> Tensor:
        """Pixels moved within their picture; -1 where that leads out of it."""
        row, x = pixel // self.width, pixel % self.width + dx
        y = row % self.height + dy
        inside = (y >= 0) & (y < self.height) & (x >= 0) & (x < self.width)
        return torch.where(inside, (row - row % self.height + y) * self.width + x, -1)

    def _covering(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """For each tap: the missing pixels, by order, that lie there in a patch, those patches, the tap's offset."""
        for dy, dx in _TAPS:
            centre = self._beside(self._missing, -dy, -dx)
            patch = torch.where(centre >= 0, self._patch_at[centre.clamp(min=0)], -1)
            pixels = (patch >= 0).nonzero().flatten()
            yield pixels, patch[pixels], dy * self.width + dx


def _quantised(features: Tensor) -> Tensor:
    """Features as whole numbers, still float32."""
    return ((features - MIDDLE) * QUANTA).round().clamp(-MOST_QUANTA, MOST_QUANTA)
