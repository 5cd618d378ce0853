"""The survey of a shot: how its frames move against one another, found out as it is asked for, on proxies.

It has a gallery of what the frames show, the bearings between them, and the bounded memory of the motions near the
current target. Targets are meant to be asked for in order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aan_engine.colour.exposure import PixelPairs
from aan_engine.core.homography import Homography, invert, project
from aan_engine.core.lru import LruCache
from aan_engine.core.sampling import inside, pixel_grid, sample
from aan_engine.core.types import Array
from aan_engine.motion.flow_field import MotionField, estimate_motion
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from aan_engine.registration.photometric import Registration
from aan_engine.registration.proxy_images import ProxyImages
from aan_engine.registration.shot_registration import MIN_SIGNIFICANCE_ADJACENT, ShotRegistration

REACH = 30
"""How many frames a pixel is traced in each direction."""

COMPARED = 1500
"""About so many pixels, evenly spread over a proxy, are laid over another frame to tell what light did in between."""


class ShotMotion:
    """Motion and alignment among the frames of a reel.

    Args:
        reel: the proxies.
        reach: see `REACH`.
        cast: which frames are sources.
    """

    def __init__(self, proxies: ProxyStore, *, reach: int = REACH, policy: SourcePolicy = ALL_SOURCES) -> None:
        self.proxies = proxies
        self.policy = policy
        self.reach = reach
        window = 2 * reach + 12
        self.images = ProxyImages(proxies, window=window, policy=policy)
        self.registration = ShotRegistration(self.images, count=proxies.count)
        self._motions, self._stirs = LruCache(4 * reach + 8), LruCache(window)
        self._second_hand = ThreadPoolExecutor(1, thread_name_prefix="survey")
        self._expected = 0

    def close(self) -> None:
        """Forget everything."""
        self.registration.forget()
        self._second_hand.shutdown(cancel_futures=True)
        for kept in (self.images, self._motions, self._stirs):
            kept.clear()

    def motion(self, index: int, to: int) -> MotionField | None:
        """The motion between neighbours; None across a cut."""

        def make() -> MotionField | None:
            step = self.registration.adjacent(min(index, to))
            if step.significance < MIN_SIGNIFICANCE_ADJACENT:
                return None
            # Whoever asks for one way soon asks for the other, to tell what stirs.
            self._second_hand.submit(self._motions.get, (to, index), lambda: self._beside(to, index, step))
            return self._beside(index, to, step)

        return self._motions.get((index, to), make)

    def prefetch(self, index: int) -> None:
        """Have the motions around target `index` found beside other work, as far as the camera's steps are known."""
        first, end = max(index - self.reach, self._expected, 0), min(index + self.reach, self.proxies.count - 1)
        for near in range(first, end):
            if self.registration.has_adjacent(near):
                self._second_hand.submit(self.motion, near, near + 1)
                self._expected = near + 1

    def _beside(self, index: int, to: int, adjacent: Registration) -> MotionField:
        """The motion between neighbours, given the step from the earlier to the later."""
        H: Homography = adjacent.homography if to > index else invert(adjacent.homography)
        return self._between(index, to, homography=H, inlier_share=adjacent.inlier_share, near=True)

    def to_reference(self, target: int, reference: int, *, direct: Registration) -> MotionField:
        """The motion to a distant reference along its direct homography."""
        return self._between(target, reference, homography=direct.homography, inlier_share=direct.inlier_share)

    def _between(
        self, index: int, to: int, *, homography: Homography, inlier_share: float, near: bool = False
    ) -> MotionField:
        a, b = self.images.pyramid(index), self.images.pyramid(to)
        seen = {"target_visible": a.visible, "source_visible": b.visible}
        bridges = (lambda: (self.images.hole_filled(index), self.images.hole_filled(to))) if near else None
        return estimate_motion(
            a.grey, b.grey, **seen, homography=homography, inlier_share=inlier_share, hole_filled=bridges
        )

    def displacement(self, index: int, to: int) -> Array:
        """(h, w, 2): displacement to the neighbour `to`; far outside everywhere across a cut."""
        motion = self.motion(index, to)
        return np.full((*self.proxies.size, 2), -1e6, np.float32) if motion is None else motion.displacement

    def surround_displacement(self, index: int, to: int) -> Array:
        """(h, w, 2): as `shift`, what is hidden carried along with its surroundings."""
        motion = self.motion(index, to)
        return np.full((*self.proxies.size, 2), -1e6, np.float32) if motion is None else motion.surround_displacement

    def independent_motion(self, index: int) -> Array:
        """(h, w) float32: pixels by which the picture moves against the camera, towards either neighbour."""

        def make() -> Array:
            found = []
            beside = (index - 1, index + 1) if index < self.proxies.count else ()
            for to in beside:
                motion = self.motion(index, to) if 0 <= to < self.proxies.count else None
                if motion is not None:
                    residual = motion.map - project(motion.homography, pixel_grid(self.proxies.size))
                    found.append(np.minimum(np.hypot(residual[..., 0], residual[..., 1]), 50))
            if not found:
                return np.zeros(self.proxies.size, np.float32)
            return np.asarray(np.minimum.reduce(found), np.float32)

        return self._stirs.get(index, make)


def pixel_pairs(shot_motion: ShotMotion, target: int, reference: int) -> PixelPairs | None:
    """Pixels that both frames show, laid over each other along the camera; None where nothing leads there."""
    H = shot_motion.registration.chained(target, reference)
    if H is None:
        return None
    h, w = shot_motion.proxies.size
    apart = max(1, round((h * w / COMPARED) ** 0.5))
    seen = np.argwhere(shot_motion.images.visible(target)[::apart, ::apart] > 0)[:, ::-1]
    points = np.asarray(seen * apart, np.float32)
    there = project(H, points)
    both = inside(there, shot_motion.proxies.size) & (sample(shot_motion.images.visible(reference), there) > 0.999)
    points, there = points[both], there[both]
    return PixelPairs(
        sample(shot_motion.images.image(target), points), sample(shot_motion.images.image(reference), there)
    )
