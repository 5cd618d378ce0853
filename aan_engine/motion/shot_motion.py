"""The survey of a shot: how its frames move against one another, found out as it is asked for, on proxies.

It has a gallery of what the frames show, the bearings between them, and the bounded memory of the motions near the
current target. Targets are meant to be asked for in order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aan_engine.colour.exposure import Compared
from aan_engine.core.homography import Homography, inverse, project
from aan_engine.core.lru import Recent
from aan_engine.core.sampling import grid, sample, within
from aan_engine.core.types import Array
from aan_engine.motion.flow_field import Motion, between
from aan_engine.plates.proxy_store import Reel
from aan_engine.plates.source_policy import EVERYONE, Cast
from aan_engine.registration.photometric import Registered
from aan_engine.registration.proxy_images import Gallery
from aan_engine.registration.shot_registration import CUT, Bearings

REACH = 30
"""How many frames a pixel is traced in each direction."""

COMPARED = 1500
"""About so many pixels, evenly spread over a proxy, are laid over another frame to tell what light did in between."""


class Survey:
    """Motion and alignment among the frames of a reel.

    Args:
        reel: the proxies.
        reach: see `REACH`.
        cast: which frames are sources.
    """

    def __init__(self, reel: Reel, *, reach: int = REACH, cast: Cast = EVERYONE) -> None:
        self.reel = reel
        self.cast = cast
        self.reach = reach
        window = 2 * reach + 12
        self.gallery = Gallery(reel, window=window, cast=cast)
        self.bearings = Bearings(self.gallery, count=reel.count)
        self._motions, self._stirs = Recent(4 * reach + 8), Recent(window)
        self._second_hand = ThreadPoolExecutor(1, thread_name_prefix="survey")
        self._expected = 0

    def close(self) -> None:
        """Forget everything."""
        self.bearings.forget()
        self._second_hand.shutdown(cancel_futures=True)
        for kept in (self.gallery, self._motions, self._stirs):
            kept.clear()

    def motion(self, index: int, to: int) -> Motion | None:
        """The motion between neighbours; None across a cut."""

        def make() -> Motion | None:
            step = self.bearings.step(min(index, to))
            if step.kinship < CUT:
                return None
            # Whoever asks for one way soon asks for the other, to tell what stirs.
            self._second_hand.submit(self._motions.get, (to, index), lambda: self._beside(to, index, step))
            return self._beside(index, to, step)

        return self._motions.get((index, to), make)

    def expect(self, index: int) -> None:
        """Have the motions around target `index` found beside other work, as far as the camera's steps are known."""
        first, end = max(index - self.reach, self._expected, 0), min(index + self.reach, self.reel.count - 1)
        for near in range(first, end):
            if self.bearings.knows(near):
                self._second_hand.submit(self.motion, near, near + 1)
                self._expected = near + 1

    def _beside(self, index: int, to: int, step: Registered) -> Motion:
        """The motion between neighbours, given the step from the earlier to the later."""
        H: Homography = step.homography if to > index else inverse(step.homography)
        return self._between(index, to, homography=H, trust=step.trust, near=True)

    def bend(self, target: int, reference: int, *, link: Registered) -> Motion:
        """The motion to a distant reference along its direct homography."""
        return self._between(target, reference, homography=link.homography, trust=link.trust)

    def _between(self, index: int, to: int, *, homography: Homography, trust: float, near: bool = False) -> Motion:
        a, b = self.gallery.pyramid(index), self.gallery.pyramid(to)
        seen = {"target_visible": a.visible, "source_visible": b.visible}
        bridges = (lambda: (self.gallery.bridged(index), self.gallery.bridged(to))) if near else None
        return between(a.grey, b.grey, **seen, homography=homography, trust=trust, bridged=bridges)

    def shift(self, index: int, to: int) -> Array:
        """(h, w, 2): displacement to the neighbour `to`; far outside everywhere across a cut."""
        motion = self.motion(index, to)
        return np.full((*self.reel.size, 2), -1e6, np.float32) if motion is None else motion.shift

    def carried(self, index: int, to: int) -> Array:
        """(h, w, 2): as `shift`, what is hidden carried along with its surroundings."""
        motion = self.motion(index, to)
        return np.full((*self.reel.size, 2), -1e6, np.float32) if motion is None else motion.carried

    def stir(self, index: int) -> Array:
        """(h, w) float32: pixels by which the picture moves against the camera, towards either neighbour."""

        def make() -> Array:
            found = []
            beside = (index - 1, index + 1) if index < self.reel.count else ()
            for to in beside:
                motion = self.motion(index, to) if 0 <= to < self.reel.count else None
                if motion is not None:
                    residual = motion.map - project(motion.homography, grid(self.reel.size))
                    found.append(np.minimum(np.hypot(residual[..., 0], residual[..., 1]), 50))
            if not found:
                return np.zeros(self.reel.size, np.float32)
            return np.asarray(np.minimum.reduce(found), np.float32)

        return self._stirs.get(index, make)


def compared(survey: Survey, target: int, reference: int) -> Compared | None:
    """Pixels that both frames show, laid over each other along the camera; None where nothing leads there."""
    H = survey.bearings.along(target, reference)
    if H is None:
        return None
    h, w = survey.reel.size
    apart = max(1, round((h * w / COMPARED) ** 0.5))
    seen = np.argwhere(survey.gallery.visible(target)[::apart, ::apart] > 0)[:, ::-1]
    points = np.asarray(seen * apart, np.float32)
    there = project(H, points)
    inside = within(there, survey.reel.size) & (sample(survey.gallery.visible(reference), there) > 0.999)
    points, there = points[inside], there[inside]
    return Compared(sample(survey.gallery.image(target), points), sample(survey.gallery.image(reference), there))
