"""The gallery of a shot: what its proxies look like, to whoever aligns them and copies from them.

It owns the bounded memory of the pictures that are looked at more than once: those of the frames near the current
target.
"""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.core.harmonic import fill_hidden
from aan_engine.core.lru import LruCache
from aan_engine.core.types import Array
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from aan_engine.registration.pyramid import Pyramid

FLATTEN_SIGMA = 20.0
"""Proxy pixels over which light is evened out before frames are aligned whose light differs from place to place."""

FILLED_KEPT = 8
"""Greys with bridged holes that are kept: both frames' of the few motions that are found at the same time."""


class ProxyImages:
    """Pictures of the frames of a reel.

    Args:
        reel: the proxies.
        window: of so many frames, those looked at last, pictures are kept at hand.
        cast: which frames are sources.

    Attributes:
        size: (h, w) of every picture.
    """

    def __init__(self, proxies: ProxyStore, *, window: int, policy: SourcePolicy = ALL_SOURCES) -> None:
        self.size = proxies.size
        self._proxies, self._policy = proxies, policy
        # Two of each frame: image, visibility.
        self._pictures, self._pyramids, self._bridged = LruCache(2 * window), LruCache(window), LruCache(FILLED_KEPT)

    def clear(self) -> None:
        """Let every picture go."""
        for kept in (self._pictures, self._pyramids, self._bridged):
            kept.clear()

    def image(self, index: int) -> Array:
        """(h, w, 3) float32, log range."""
        return self._pictures.get(("image", index), lambda: self._proxies.image(index))

    def visible(self, index: int) -> Array:
        """(h, w) float32, 1 where the pixel shows what is to be aligned and may, the frame allowing, be a source.

        A value that is sampled sharply has its taps up to a pixel beyond a bilinear one's, so the pixels beside a hole
        may not; to the eye, and to what paints and joins, they are as good as any.
        """

        def make() -> Array:
            shut = self._proxies.hidden(index) | self._proxies.unusable(index)
            beside = cv2.dilate(shut.astype(np.uint8), np.ones((3, 3), np.uint8))
            return (beside == 0).astype(np.float32)

        return self._pictures.get(("visible", index), make)

    def usable(self, index: int) -> Array:
        """(h, w) float32, 1 where the pixel may be a source: nowhere on a frame that only lies on the way."""
        return self.visible(index) if self._policy.serves(index) else np.zeros(self._proxies.size, np.float32)

    def pyramid(self, index: int) -> Pyramid:
        """The frame's grey pyramid."""

        def make() -> Pyramid:
            grey = cv2.cvtColor(self.image(index), cv2.COLOR_RGB2GRAY)
            return Pyramid(np.asarray(grey, np.float32), self.visible(index) > 0)

        return self._pyramids.get(index, make)

    def flattened(self, index: int) -> Pyramid:
        """The frame's grey less its soft part: a lamp that goes on over half of it is a motion to nobody."""

        def make() -> Pyramid:
            plain = self.pyramid(index)
            shown = plain.visible.astype(np.float32)
            share, soft = (cv2.GaussianBlur(a, (0, 0), FLATTEN_SIGMA) for a in (shown, plain.grey * shown))
            return Pyramid((plain.grey - soft / np.maximum(share, 1e-3)) * shown, plain.visible)

        return self._pyramids.get(("even", index), make)

    def hole_filled(self, index: int) -> Array:
        """The frame's grey, its hole bridged from rim to rim."""
        shut = self._proxies.hidden(index) | self._proxies.unusable(index)
        return self._bridged.get(index, lambda: fill_hidden(self.pyramid(index).grey, shut))
