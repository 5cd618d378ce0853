"""The survey of a shot: how its frames move against one another, found out as it is asked for, on proxies.

It owns the bounded memory of all that is looked at more than once: pyramids and motions of the frames near the
current target, and the links to distant references. Targets are meant to be asked for in order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.candidate import Views
from aan_engine.cast import EVERYONE, Cast
from aan_engine.exposure import Compared
from aan_engine.motion import Array, Motion, between, bridged, grid, project, sample, within
from aan_engine.proxy import Reel
from aan_engine.recent import Recent
from aan_engine.registration import Pyramid, Registered, refine, trust, unmoved
from aan_engine.search import DOUBT, Searches, convinces

Homography = NDArray[np.float64]

REACH = 30
"""How many frames a pixel is traced in each direction."""

CUT = 0.25
"""Adjacent frames that are less akin than this (see `Registered`) do not belong together."""

STRANGER = 0.3
"""A distant reference less akin than this is dropped."""

STEPPED_OVER = 2
"""So many frames that fit nothing are stepped over when homographies are chained."""

EVENED = 20.0
"""Proxy pixels over which light is evened out before frames are aligned whose light differs from place to place."""

COMPARED = 1500
"""About so many pixels, evenly spread over a proxy, are laid over another frame to tell what light did in between."""

LEARNED = 0.6
"""A start that is trusted less than this asks the learned estimator for a second one."""


class Guess(Protocol):
    """The learned estimator: target and reference index -> homography on the proxies."""

    def __call__(self, target: int, reference: int) -> Homography: ...


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
        self._guess: Guess | None = None
        self._search, self._search_afar = Searches(), Searches(distant=True)
        self._tick: Callable[[int], None] = lambda count: None
        # Three pictures of each frame of the window: image, visibility, stir; bridged greys, soon done with, go first.
        self._pictures = Recent(3 * (2 * reach + 12))
        self._pyramids = Recent(2 * reach + 12)
        self._motions = Recent(4 * reach + 8)
        self._way_back = ThreadPoolExecutor(1, thread_name_prefix="way back")
        self._steps: dict[int, Registered] = {}
        self._bridges: dict[tuple[int, int], Registered] = {}
        self._links: OrderedDict[tuple[int, int], Registered] = OrderedDict()

    def tell(self, tick: Callable[[int], None]) -> None:
        """Have `tick` called with the number of neighbours registered, after each; what it raises ends the survey."""
        self._tick = tick

    def ask(self, guess: Guess) -> None:
        """Have the learned estimator ready; without it registration starts from the chain of neighbours alone."""
        self._guess = guess

    def close(self) -> None:
        """Forget everything. Whoever answers `ask` usually holds the survey, so the memory would not go by itself."""
        self._guess = None
        self._way_back.shutdown(cancel_futures=True)
        for kept in (self._pictures, self._pyramids, self._motions):
            kept.clear()

    def views(self) -> Views:
        """The shot as candidates look at it."""
        return Views(
            self.reel.count,
            image=self.image,
            visible=self.open,
            shift=self.shift,
            carried=self.carried,
            stir=self.stir,
        )

    def image(self, index: int) -> Array:
        """(h, w, 3) float32, log range."""
        return self._pictures.get(("image", index), lambda: self.reel.image(index))

    def visible(self, index: int) -> Array:
        """(h, w) float32, 1 where the pixel shows what is to be aligned and may, the frame allowing, be a source.

        A value that is sampled sharply has its taps up to a pixel beyond a bilinear one's, so the pixels beside a hole
        may not; to the eye, and to what paints and joins, they are as good as any.
        """

        def make() -> Array:
            shut = self.reel.hidden(index) | self.reel.barred(index)
            beside = cv2.dilate(shut.astype(np.uint8), np.ones((3, 3), np.uint8))
            return (beside == 0).astype(np.float32)

        return self._pictures.get(("visible", index), make)

    def open(self, index: int) -> Array:
        """(h, w) float32, 1 where the pixel may be a source: nowhere on a frame that only lies on the way."""
        return self.visible(index) if self.cast.serves(index) else np.zeros(self.reel.size, np.float32)

    def pyramid(self, index: int) -> Pyramid:
        """The frame's grey pyramid."""

        def make() -> Pyramid:
            grey = cv2.cvtColor(self.image(index), cv2.COLOR_RGB2GRAY)
            return Pyramid(np.asarray(grey, np.float32), self.visible(index) > 0)

        return self._pyramids.get(index, make)

    def _evened(self, index: int) -> Pyramid:
        """The frame's grey less its soft part: a lamp that goes on over half of it is a motion to nobody."""

        def make() -> Pyramid:
            plain = self.pyramid(index)
            shown = plain.visible.astype(np.float32)
            share, soft = (cv2.GaussianBlur(a, (0, 0), EVENED) for a in (shown, plain.grey * shown))
            return Pyramid((plain.grey - soft / np.maximum(share, 1e-3)) * shown, plain.visible)

        return self._pyramids.get(("even", index), make)

    def step(self, index: int) -> Registered:
        """The homography from frame `index` to `index + 1`."""
        if index not in self._steps:
            starts = [np.eye(3)]
            if index - 1 in self._steps:
                starts.append(self._steps[index - 1].homography)
            found = self._best(index, index + 1, starts)
            self._steps[index] = self._steadied(index, index + 1, found)
            self._tick(len(self._steps))
        return self._steps[index]

    def trusted(self, index: int) -> float | None:
        """How far the worse of the frame's own steps is to be trusted, of those that were asked for; None without."""
        found = [self._steps[i].trust for i in (index - 1, index) if i in self._steps]
        return min(found, default=None)

    def _best(self, target: int, reference: int, starts: list[Homography]) -> Registered:
        """Refined from the most promising of several starts; searched for, the learned start first, if in doubt."""
        search = self._search if abs(target - reference) <= STEPPED_OVER else self._search_afar
        T, R = self.pyramid(target), self.pyramid(reference)
        ranked = sorted(starts, key=lambda H: trust(T, R, homography=H))
        found = refine(T, R, start=ranked[-1])
        if convinces(found, start=ranked[-1], shape=self.reel.size):
            return found
        if len(ranked) > 1:
            found = max(found, refine(T, R, start=ranked[0]), key=lambda r: r.trust)

        def further() -> Iterator[Homography]:
            if self._guess is not None:
                yield self._guess(target, reference)
            yield ranked[-1]

        found = search(T, R, known=found, starts=further())
        if found.trust >= DOUBT:
            return found
        # Perhaps it is the light that moves, not the picture. What is evened out looks alike in wrong places, too.
        T, R = self._evened(target), self._evened(reference)
        even = refine(T, R, start=ranked[-1])
        if even.trust > found.trust and not convinces(even, start=ranked[-1], shape=self.reel.size):
            even = search(T, R, known=even, starts=[ranked[-1]])
        return max(found, even, key=lambda r: r.trust)

    def _steadied(self, target: int, reference: int, found: Registered) -> Registered:
        plain, even = ((made(target), made(reference)) for made in (self.pyramid, self._evened))
        return unmoved(plain, even, found=found)

    def motion(self, index: int, to: int) -> Motion | None:
        """The motion between neighbours; None across a cut."""

        def make() -> Motion | None:
            step = self.step(min(index, to))
            if step.kinship < CUT:
                return None
            # Whoever asks for one way soon asks for the other, to tell what stirs.
            self._way_back.submit(self._motions.get, (to, index), lambda: self._beside(to, index, step))
            return self._beside(index, to, step)

        return self._motions.get((index, to), make)

    def _beside(self, index: int, to: int, step: Registered) -> Motion:
        """The motion between neighbours, given the step from the earlier to the later."""
        H: Homography = step.homography if to > index else inverse(step.homography)
        return self._between(index, to, homography=H, trust=step.trust, near=True)

    def bend(self, target: int, reference: int, *, link: Registered) -> Motion:
        """The motion to a distant reference along its direct homography."""
        return self._between(target, reference, homography=link.homography, trust=link.trust)

    def _between(self, index: int, to: int, *, homography: Homography, trust: float, near: bool = False) -> Motion:
        a, b = self.pyramid(index), self.pyramid(to)
        seen = {"target_visible": a.visible, "source_visible": b.visible}
        bridges = (lambda: (self._bridged(index), self._bridged(to))) if near else None
        return between(a.grey, b.grey, **seen, homography=homography, trust=trust, bridged=bridges)

    def _bridged(self, index: int) -> Array:
        """The frame's grey, its hole bridged from rim to rim."""
        shut = self.reel.hidden(index) | self.reel.barred(index)
        return self._pictures.get(("bridged", index), lambda: bridged(self.pyramid(index).grey, shut))

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

        return self._pictures.get(("stir", index), make)

    def along(self, target: int, reference: int) -> Homography | None:
        """The adjacent homographies multiplied up from target to reference; None across a cut.

        A frame or two that fit nothing (a flash, a blur, something across the whole picture) are stepped over. No chain
        leads to a clean plate: it is looked for by itself.
        """
        if reference >= self.reel.count:
            link = self.link(target, reference)
            return None if link is None else link.homography
        H: Homography = np.eye(3)
        index, high = sorted((target, reference))
        while index < high:
            stride = self._stride(index, high)
            if stride is None:
                return None
            over, found = stride
            H = found @ H
            index += over
        return H if reference > target else inverse(H)

    def _stride(self, index: int, high: int) -> tuple[int, Homography] | None:
        """How far the chain can step from `index` without leaving its place, and by which homography."""
        if (step := self.step(index)).kinship >= CUT:
            return 1, step.homography
        for over in range(2, min(STEPPED_OVER + 1, high - index) + 1):
            key = (index, index + over)
            if key not in self._bridges:
                self._bridges[key] = self._best(*key, [np.eye(3)])
            if self._bridges[key].kinship >= STRANGER:
                return over, self._bridges[key].homography
        return None

    def link(self, target: int, reference: int) -> Registered | None:
        """The direct homography to a distant reference; None where the two do not show the same place."""
        key = (target, reference)
        if key not in self._links:
            self._links[key] = self._find_link(target, reference)
            while len(self._links) > 4096:
                self._links.popitem(last=False)
        found = self._links[key]
        return found if found.kinship >= STRANGER else None

    def _find_link(self, target: int, reference: int) -> Registered:
        T, R = self.pyramid(target), self.pyramid(reference)
        previous = self._links.get((target - 1, reference))
        if previous is not None and previous.trust >= LEARNED and self.step(target - 1).trust >= LEARNED:
            start = previous.homography @ inverse(self.step(target - 1).homography)
            found = refine(T, R, start=start, coarse=False)
            if found.trust > previous.trust - 0.05:
                return self._steadied(target, reference, found)
        along = self.along(target, reference) if reference < self.reel.count else np.eye(3)
        if along is None:
            return Registered(np.eye(3), 0.0, 0.0)
        starts = [along]
        if self._guess is not None and trust(T, R, homography=along) < LEARNED:
            starts.append(self._guess(target, reference))
        return self._steadied(target, reference, self._best(target, reference, starts))


def inverse(homography: Homography) -> Homography:
    """Source pixel -> target pixel."""
    return np.asarray(np.linalg.inv(homography), np.float64)


def compared(survey: Survey, target: int, reference: int) -> Compared | None:
    """Pixels that both frames show, laid over each other along the camera; None where nothing leads there."""
    H = survey.along(target, reference)
    if H is None:
        return None
    h, w = survey.reel.size
    apart = max(1, round((h * w / COMPARED) ** 0.5))
    seen = np.argwhere(survey.visible(target)[::apart, ::apart] > 0)[:, ::-1]
    points = np.asarray(seen * apart, np.float32)
    there = project(H, points)
    inside = within(there, survey.reel.size) & (sample(survey.visible(reference), there) > 0.999)
    points, there = points[inside], there[inside]
    return Compared(sample(survey.image(target), points), sample(survey.image(reference), there))
