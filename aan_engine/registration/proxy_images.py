"""The pictures of a shot's proxies, as alignment and candidates use them.

It owns the bounded memory of the pictures that are used more than once: those of the frames near the current target.
"""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.core.filters import masked_gaussian
from aan_engine.core.harmonic import fill_hidden
from aan_engine.core.lru import LruCache
from aan_engine.core.types import Array, Mask
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from aan_engine.registration.pyramid import Pyramid

FLATTEN_SIGMA = 20.0
"""Proxy pixels over which light is flattened before frames are aligned whose light differs from place to place."""

WINDOW = 72
"""Frames, those used last, whose pictures are kept: as many as tracks reach in both directions, and a few more."""

FILLED_KEPT = 8
"""Pictures with filled holes that are kept: both frames' of the few motions that are found at the same time."""


class ProxyImages:
    """Pictures of the frames of a proxy store, by index.

    Args:
        proxies: the frames.
        window: see `WINDOW`.
        policy: which frames are sources.

    Attributes:
        size: (h, w) of every picture.
    """

    def __init__(self, proxies: ProxyStore, *, window: int = WINDOW, policy: SourcePolicy = ALL_SOURCES) -> None:
        self.size = proxies.size
        self._proxies, self._policy = proxies, policy
        # Two of each frame: image and visibility.
        self._pictures, self._pyramids, self._filled = LruCache(2 * window), LruCache(window), LruCache(FILLED_KEPT)

    def clear(self) -> None:
        """Let every picture go."""
        for kept in (self._pictures, self._pyramids, self._filled):
            kept.clear()

    def image(self, index: int) -> Array:
        """(h, w, 3) float32, log range."""
        return self._pictures.get(("image", index), lambda: self._proxies.image(index))

    def visible(self, index: int) -> Array:
        """(h, w) float32, 1 where the pixel may be aligned and, the frame allowing, copied from.

        A bicubic value has taps up to a pixel beyond a bilinear one's, so the pixels beside a hole may not; the painter
        and the gradient-domain join use them like any other.
        """

        def make() -> Array:
            beside = cv2.dilate(self._masked(index).astype(np.uint8), np.ones((3, 3), np.uint8))
            return (beside == 0).astype(np.float32)

        return self._pictures.get(("visible", index), make)

    def usable(self, index: int) -> Array:
        """(h, w) float32, 1 where the pixel may be a source: nowhere on a frame that is not a source."""
        return self.visible(index) if self._policy.serves(index) else np.zeros(self._proxies.size, np.float32)

    def pyramid(self, index: int) -> Pyramid:
        """The frame's grey pyramid."""

        def make() -> Pyramid:
            grey = cv2.cvtColor(self.image(index), cv2.COLOR_RGB2GRAY)
            return Pyramid(np.asarray(grey, np.float32), self.visible(index) > 0)

        return self._pyramids.get(index, make)

    def flattened(self, index: int) -> Pyramid:
        """The grey less its low frequencies: a lamp that goes on over half of the frame moves nothing in it."""

        def make() -> Pyramid:
            plain = self.pyramid(index)
            soft = masked_gaussian(plain.grey, plain.visible, FLATTEN_SIGMA)
            return Pyramid((plain.grey - soft) * plain.visible.astype(np.float32), plain.visible)

        return self._pyramids.get(("flattened", index), make)

    def hole_filled(self, index: int) -> Array:
        """The frame's grey (h, w), its hole filled smoothly from its edge."""
        return self._filled.get(index, lambda: fill_hidden(self.pyramid(index).grey, self._masked(index)))

    def _masked(self, index: int) -> Mask:
        return self._proxies.hidden(index) | self._proxies.unusable(index)
