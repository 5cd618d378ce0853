"""Motion among the frames of a shot, on proxies: found when it is first asked for, remembered near the current target.

Targets are meant to be asked for in order; the answers do not depend on it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aan_engine.colour.exposure import PixelPairs
from aan_engine.core.homography import OUTSIDE, Homography
from aan_engine.core.lru import LruCache
from aan_engine.core.sampling import all_taps_on, pixel_grid, sample
from aan_engine.core.types import Array
from aan_engine.motion.flow_field import MotionField, estimate_motion
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from aan_engine.registration.photometric import Registration
from aan_engine.registration.proxy_images import ProxyImages
from aan_engine.registration.shot_registration import MIN_SIGNIFICANCE_ADJACENT, ShotRegistration

REACH = 30
"""How many frames a pixel is tracked in each direction; `ProxyImages` keeps pictures of as many."""

COMPARED = 1500
"""About so many pixels, evenly spread over a proxy, tell the change of light between two frames."""

FARTHEST = 50
"""Independent motion, in pixels, beyond which more says nothing more."""


class ShotMotion:
    """Motion and alignment among the frames of one shot.

    Args:
        proxies: its frames.
        reach: see `REACH`.
        policy: which frames are sources.
        images, registration: of the same proxies; made here unless given. Whoever has a learned estimator, or wants to
            hear of progress, makes them.
    """

    def __init__(
        self,
        proxies: ProxyStore,
        *,
        reach: int = REACH,
        policy: SourcePolicy = ALL_SOURCES,
        images: ProxyImages | None = None,
        registration: ShotRegistration | None = None,
    ) -> None:
        self.proxies, self.policy, self.reach = proxies, policy, reach
        self.images = images or ProxyImages(proxies, window=2 * reach + 12, policy=policy)
        self.registration = registration or ShotRegistration(self.images, count=proxies.count)
        self._motions, self._independent = LruCache(4 * reach + 8), LruCache(2 * reach + 12)
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="motion")
        self._prefetched = 0

    def close(self) -> None:
        """Stop the helping thread and let all memory go."""
        self.registration.close()
        self._helper.shutdown(cancel_futures=True)
        for kept in (self.images, self._motions, self._independent):
            kept.clear()

    def motion(self, index: int, to: int) -> MotionField | None:
        """The motion between neighbours; None across a cut."""

        def make() -> MotionField | None:
            adjacent = self.registration.adjacent(min(index, to))
            if adjacent.significance < MIN_SIGNIFICANCE_ADJACENT:
                return None
            # Whoever asks for one way soon asks for the other, to tell independent motion.
            self._helper.submit(self._motions.get, (to, index), lambda: self._neighbour(to, index, adjacent))
            return self._neighbour(index, to, adjacent)

        return self._motions.get((index, to), make)

    def prefetch(self, index: int) -> None:
        """Have motions around target `index` estimated beside other work, as far as neighbours are registered."""
        first, end = max(index - self.reach, self._prefetched, 0), min(index + self.reach, self.proxies.count - 1)
        for neighbour in range(first, end):
            if self.registration.has_adjacent(neighbour):
                self._helper.submit(self.motion, neighbour, neighbour + 1)
                self._prefetched = neighbour + 1

    def _neighbour(self, index: int, to: int, adjacent: Registration) -> MotionField:
        """The motion between neighbours, given the registration of the earlier with the later."""
        H = adjacent.homography if to > index else adjacent.homography.inverse()
        return self._along(index, to, H, adjacent.inlier_share, across_holes=True)

    def to_reference(self, target: int, reference: int, *, direct: Registration) -> MotionField:
        """The motion to a distant reference, given their direct registration."""
        return self._along(target, reference, direct.homography, direct.inlier_share)

    def _along(
        self, index: int, to: int, homography: Homography, inlier_share: float, *, across_holes: bool = False
    ) -> MotionField:
        a, b = self.images.pyramid(index), self.images.pyramid(to)
        filled = (lambda: (self.images.hole_filled(index), self.images.hole_filled(to))) if across_holes else None
        return estimate_motion(
            a.grey,
            b.grey,
            target_visible=a.visible,
            source_visible=b.visible,
            homography=homography,
            inlier_share=inlier_share,
            hole_filled=filled,
        )

    def displacement(self, index: int, to: int) -> Array:
        """(h, w, 2) to the neighbour `to`, see `MotionField.displacement`; far outside everywhere across a cut."""
        motion = self.motion(index, to)
        return self._nowhere() if motion is None else motion.displacement

    def surround_displacement(self, index: int, to: int) -> Array:
        """(h, w, 2) to the neighbour `to`, see `MotionField.surround_displacement`; far outside across a cut."""
        motion = self.motion(index, to)
        return self._nowhere() if motion is None else motion.surround_displacement

    def _nowhere(self) -> Array:
        return np.full((*self.proxies.size, 2), OUTSIDE, np.float32)

    def independent_motion(self, index: int) -> Array:
        """(h, w) float32: pixels by which the picture moves against the camera; the smaller of both neighbours'
        figures.

        0 for a clean plate, and where there is no neighbour.
        """

        def make() -> Array:
            found = []
            sides = (index - 1, index + 1) if self.proxies.has_time(index) else ()
            for to in sides:
                motion = self.motion(index, to) if self.proxies.has_time(to) else None
                if motion is not None:
                    residual = motion.map - motion.homography.apply(pixel_grid(self.proxies.size))
                    found.append(np.minimum(np.hypot(residual[..., 0], residual[..., 1]), FARTHEST))
            if not found:
                return np.zeros(self.proxies.size, np.float32)
            return np.asarray(np.minimum.reduce(found), np.float32)

        return self._independent.get(index, make)


def pixel_pairs(shot_motion: ShotMotion, target: int, reference: int) -> PixelPairs | None:
    """Log-range values of pixels that both frames show, aligned by the camera; None where no chain connects them."""
    H = shot_motion.registration.chained(target, reference)
    if H is None:
        return None
    images, (h, w) = shot_motion.images, shot_motion.proxies.size
    spacing = max(1, round((h * w / COMPARED) ** 0.5))
    seen = np.argwhere(images.visible(target)[::spacing, ::spacing] > 0)[:, ::-1]
    points = np.asarray(seen * spacing, np.float32)
    there = H.apply(points)
    both = all_taps_on(images.visible(reference), there)
    points, there = points[both], there[both]
    return PixelPairs(sample(images.image(target), points), sample(images.image(reference), there))
