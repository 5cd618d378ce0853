"""Registration of a shot: the homography between any two of its frames, found when it is first asked for.

Neighbours are registered with each other; chains multiply these up; distant frames are registered directly, from a
start that is known already, and searched for where refinement gets lost.

**Every answer depends on the frames alone**, never on what was asked before, by how many threads, or on how long the
shot is. Whatever has a memory (the last camera motion as a second start, a search that is given up where searches do
not pay) remembers within a fixed segment of the shot only, and segments are worked through from their first frame on.

Convention: homographies as in `Homography`: target proxy -> reference proxy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from aan_engine.core.homography import Homography
from aan_engine.core.lru import LruCache
from aan_engine.registration.overlap_score import inlier_share
from aan_engine.registration.photometric import Registration, prefer_static, refine_homography
from aan_engine.registration.proxy_images import ProxyImages
from aan_engine.registration.pyramid import Pyramid
from aan_engine.registration.recovery import DOUBTFUL, RecoveryBudget, is_reliable, recover

MIN_SIGNIFICANCE_ADJACENT = 0.25
"""Neighbours of less significance lie across a cut."""

MIN_SIGNIFICANCE_DISTANT = 0.3
"""A distant reference of less significance shows another place."""

MOST_SKIPPED = 2
"""So many frames that fit nothing (a flash, a blur) are skipped when homographies are chained."""

ASK_ESTIMATOR_BELOW = 0.6
"""A start with a smaller inlier share asks the learned estimator for a second one."""

SEGMENT = 64
"""Neighbours are registered in segments of so many frames, each from its first frame on."""

ANCHOR_EVERY = 16
"""One target in so many is an anchor: registered with a distant reference from scratch; those after it start there."""

MAY_LOSE = 0.05
"""Inlier share that a target may lose against its anchor before it is registered from scratch, too."""

KEPT = 4096
"""Direct registrations that are remembered."""


class LearnedEstimator(Protocol):
    """The learned homography (arXiv 1905.13066, section 3.1) between the proxies of two frames, by index."""

    def __call__(self, target: int, reference: int) -> Homography: ...


@dataclass(eq=False)
class _Segment:
    """The neighbours of one segment that are registered so far, from its first frame on."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    budget: RecoveryBudget = field(default_factory=RecoveryBudget)
    found: list[Registration] = field(default_factory=list)


class ShotRegistration:
    """Homographies among the frames of one shot; may be asked by several threads.

    Args:
        images: the proxies' pictures.
        count: frames of the shot; images beyond them (clean plates) have no place in time.
        estimator: the learned estimator; without it registration starts from chains alone.
        progress: called with the number of neighbours registered, after each, in the thread that made this object; what
            it raises ends the caller's question.
    """

    def __init__(
        self,
        images: ProxyImages,
        *,
        count: int,
        estimator: LearnedEstimator | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._images, self._count, self._estimator, self._progress = images, count, estimator, progress
        self._owner = threading.get_ident()
        self._segments = [_Segment() for _ in range(-(-max(count - 1, 0) // SEGMENT))]
        self._skips = LruCache(KEPT)
        self._directs = LruCache(KEPT)

    def close(self) -> None:
        """Let go of the learned estimator, which usually holds this object's images."""
        self._estimator = self._progress = None

    def adjacent(self, index: int) -> Registration:
        """The registration of frame `index` with `index + 1`."""
        segment, place = self._segments[index // SEGMENT], index % SEGMENT
        while True:
            with segment.lock:
                if place < len(segment.found):
                    return segment.found[place]
                self._register_next(index - place, segment)
            self._report()

    def has_adjacent(self, index: int) -> bool:
        """Whether `adjacent(index)` would answer at once."""
        return index % SEGMENT < len(self._segments[index // SEGMENT].found)

    def _register_next(self, first: int, segment: _Segment) -> None:
        """Register the segment's next neighbours, from rest and from the last motion; it begins at frame `first`."""
        index = first + len(segment.found)
        starts = [Homography.identity(), *(r.homography for r in segment.found[-1:])]
        found = self._register(index, index + 1, starts, budget=segment.budget)
        segment.found.append(self._prefer_static(index, index + 1, found))

    def _report(self) -> None:
        if self._progress is not None and threading.get_ident() == self._owner:
            self._progress(sum(len(segment.found) for segment in self._segments))

    def is_static(self, one: int, other: int) -> bool:
        """Whether the camera has not moved from one frame of the shot to the other, to the bit."""
        first, last = sorted((one, other))
        if not 0 <= first <= last < self._count:
            return False
        # Across a cut refinement may be left where it started, at no motion: that is no camera that stands still.
        steps = (self.adjacent(index) for index in range(first, last))
        return all(s.significance >= MIN_SIGNIFICANCE_ADJACENT and s.homography.is_identity for s in steps)

    def reliability(self, index: int) -> float | None:
        """The smaller inlier share of a frame's registrations with its neighbours; None for a shot of one frame."""
        sides = [side for side in (index - 1, index) if 0 <= side < self._count - 1]
        return min((self.adjacent(side).inlier_share for side in sides), default=None)

    def chained(self, target: int, reference: int) -> Homography | None:
        """The neighbours' homographies multiplied up from target to reference; None across a cut.

        A frame or two that fit nothing (a flash, a blur, something across the whole picture) are skipped. No chain
        leads to a clean plate: it is registered directly.
        """
        if reference >= self._count:
            found = self.direct(target, reference)
            return None if found is None else found.homography
        H = Homography.identity()
        index, high = sorted((target, reference))
        while index < high:
            link = self._next_link(index, high)
            if link is None:
                return None
            frames, step = link
            H = step @ H
            index += frames
        return H if reference > target else H.inverse()

    def _next_link(self, index: int, high: int) -> tuple[int, Homography] | None:
        """How many frames the chain can advance from `index` without leaving its place, and by which homography."""
        if (step := self.adjacent(index)).significance >= MIN_SIGNIFICANCE_ADJACENT:
            return 1, step.homography
        for frames in range(2, min(MOST_SKIPPED + 1, high - index) + 1):
            found = self._skipping(index, index + frames)
            if found.significance >= MIN_SIGNIFICANCE_DISTANT:
                return frames, found.homography
        return None

    def _skipping(self, index: int, other: int) -> Registration:
        def register() -> Registration:
            return self._register(index, other, [Homography.identity()], budget=RecoveryBudget())

        return self._skips.get((index, other), register)

    def direct(self, target: int, reference: int) -> Registration | None:
        """The direct registration with a distant reference; None where the two do not show the same place."""
        found = self._direct(target, reference)
        return found if found.significance >= MIN_SIGNIFICANCE_DISTANT else None

    def _direct(self, target: int, reference: int) -> Registration:
        return self._directs.get((target, reference), lambda: self._register_distant(target, reference))

    def _register_distant(self, target: int, reference: int) -> Registration:
        """An anchor from scratch, with a search where that is needed; others from their anchor where that is good."""
        anchor = target - target % ANCHOR_EVERY
        if target != anchor and reference != anchor:
            found = self._from_anchor(target, reference, anchor)
            if found is not None:
                return self._prefer_static(target, reference, found)
        along = self.chained(target, reference) if reference < self._count else Homography.identity()
        if along is None:
            return Registration(Homography.identity(), 0.0, 0.0)
        starts, (T, R) = [along], self._pair(target, reference)
        if inlier_share(T, R, homography=along) < ASK_ESTIMATOR_BELOW:
            starts.extend(self._estimated(target, reference))
        budget = RecoveryBudget() if target == anchor else None
        return self._prefer_static(target, reference, self._register(target, reference, starts, budget=budget))

    def _from_anchor(self, target: int, reference: int, anchor: int) -> Registration | None:
        """Refined from the anchor's registration and the chain to the anchor; None where either is not good enough."""
        base = self._direct(anchor, reference)
        back = self.chained(target, anchor)
        if back is None or base.inlier_share < ASK_ESTIMATOR_BELOW:
            return None
        T, R = self._pair(target, reference)
        found = refine_homography(T, R, start=base.homography @ back, coarse=False)
        return found if found.inlier_share > base.inlier_share - MAY_LOSE else None

    def _register(
        self, target: int, reference: int, starts: list[Homography], *, budget: RecoveryBudget | None
    ) -> Registration:
        """Refined from the best start; if in doubt from the worst, too, then searched for within the budget."""
        T, R = self._pair(target, reference)
        ranked = sorted(starts, key=lambda H: inlier_share(T, R, homography=H))
        found = refine_homography(T, R, start=ranked[-1])
        if is_reliable(found, start=ranked[-1], shape=self._images.size):
            return found
        if len(ranked) > 1:
            found = max(found, refine_homography(T, R, start=ranked[0]), key=lambda r: r.inlier_share)
        if budget is None:
            return found

        def further() -> Iterator[Homography]:
            yield from self._estimated(target, reference)
            yield ranked[-1]

        found = budget.recover(T, R, known=found, starts=further())
        if found.inlier_share >= DOUBTFUL:
            return found
        # Perhaps it is the light that moves, not the picture. Flattened pictures look alike in wrong places, too.
        T, R = (self._images.flattened(index) for index in (target, reference))
        flat = refine_homography(T, R, start=ranked[-1])
        if flat.inlier_share > found.inlier_share and not is_reliable(flat, start=ranked[-1], shape=self._images.size):
            flat = recover(T, R, known=flat, starts=[ranked[-1]])
        return max(found, flat, key=lambda r: r.inlier_share)

    def _estimated(self, target: int, reference: int) -> Iterator[Homography]:
        """The learned estimator's answer, if a camera can have seen it: it recognises a place in a mirror, too."""
        if self._estimator is not None:
            found = self._estimator(target, reference)
            if not found.flips_orientation(self._images.size):
                yield found

    def _prefer_static(self, target: int, reference: int, found: Registration) -> Registration:
        flat = self._images.flattened(target), self._images.flattened(reference)
        return prefer_static(self._pair(target, reference), flat, found=found)

    def _pair(self, target: int, reference: int) -> tuple[Pyramid, Pyramid]:
        return self._images.pyramid(target), self._images.pyramid(reference)
