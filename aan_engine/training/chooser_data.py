"""Chooser data: synthetic scenes with holes over a known truth, and every candidate for them, as crops.

The candidates are proposed exactly as for an artist's shot, by the shipped networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aan_engine.candidates.candidate import Candidate, Kind
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.types import Array
from aan_engine.network.bundle import Networks
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.selection.plan import CandidateSet
from aan_engine.selection.selector import build
from aan_engine.training.holes import moving_hole
from aan_engine.training.scenes import HEIGHT, WIDTH, Scene, SceneMaker
from aan_engine.training.still_data import Still, to_linear

CROP = 96
"""Side of a crop, in proxy pixels."""

CANDIDATES = 11
"""Candidates of a crop, those that are missing among them."""

FRAMES = 36
"""Frames of a scene, at most."""

RUNS, RUN = 2, 7
"""Targets of a scene: so many runs of so many consecutive frames, so that the recurrence has a past."""

LITTLE_SHOWN, KEPT = 0.1, 0.2
"""Share of the hole that plates show below which a target is of little use, and the share of such targets that is kept
all the same."""

LEAST_SPREAD = 0.02
"""Spread of the candidates (log range) that every hidden pixel counts with when crops are drawn by it."""

SCALES: dict[str, NDArray[np.float32]] = {
    "truth": np.array(200, np.float32),
    "hidden": np.array(255, np.float32),
    "image": np.array(200, np.float32),
    "figures": np.array([255, 1, 255, 5], np.float32)[:, None, None],
}
"""Factors by which values become the eight bits in which thousands of crops fit into memory."""


@dataclass(frozen=True, eq=False)
class ChooserCrop:
    """One crop of one target with its candidates, in eight bits: see `SCALES`.

    Args:
        truth: (3, CROP, CROP) log range.
        hidden: (1, CROP, CROP).
        image: (CANDIDATES, 3, CROP, CROP); the synthesised candidate is the last, missing ones are nowhere valid.
        figures: (CANDIDATES, 4, CROP, CROP): valid, distance, confidence, independent motion.
        kind: (CANDIDATES,) int64.
    """

    truth: NDArray[np.uint8]
    hidden: NDArray[np.uint8]
    image: NDArray[np.uint8]
    figures: NDArray[np.uint8]
    kind: NDArray[np.int64]


def scene_crops(scenes: SceneMaker, number: int, *, networks: Networks) -> Iterator[ChooserCrop]:
    """The crops of one scene, a pure function of its number."""
    rng = np.random.default_rng((number, 11))
    scene = scenes.scene(rng, FRAMES)
    holes = random_holes(rng, scene.moving)
    with scene_proxies(scene, holes) as proxies, closing(build(networks, proxies)) as selector:
        for begin in run_starts(rng, len(scene.frames), runs=RUNS, run=RUN):
            for index in range(begin, min(begin + RUN, len(scene.frames))):
                found = selector.candidates(index)
                if found is None:
                    continue
                # As in the engine the recurrence goes on with what was chosen, so that its reliability is learned, too.
                selector.remember(found, weights=selector.weights(found))
                if visible_share(found) < LITTLE_SHOWN and rng.uniform() < 1 - KEPT:
                    continue
                truth = true_proxy(scene.frames[index])
                for top, left in crop_corners(found, rng):
                    yield make_crop(truth, found, top=top, left=left)


def scene_proxies(scene: Scene, holes: NDArray[np.float32]) -> ProxyStore:
    """The proxies of a scene behind holes (n, HEIGHT, WIDTH) in 0 .. 1; whoever takes them closes them."""
    proxies = ProxyStore(len(scene.frames), (HEIGHT, WIDTH))
    for index, (frame, hole) in enumerate(zip(scene.frames, holes, strict=True)):
        proxies.put(index, make_proxy(to_linear(frame), hole, size=proxies.size))
    return proxies


def true_proxy(frame: Still) -> Array:
    """(HEIGHT, WIDTH, 3) log range: a scene's frame as the proxy shows it without a hole."""
    return to_log(to_linear(frame))


def run_starts(rng: np.random.Generator, length: int, *, runs: int, run: int) -> list[int]:
    """Where the runs of a scene of `length` frames begin, in order."""
    possible = max(1, length - run)
    return sorted(rng.choice(possible, min(runs, possible), replace=False).tolist())


def random_holes(rng: np.random.Generator, moving: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(n, HEIGHT, WIDTH): one to three holes of one kind; in three of ten scenes only beside what moves by itself."""
    kind = str(rng.choice(["wires", "wires", "rig", "person", "stain", "strokes"]))
    pace = float(rng.choice([0.1, 0.3, 1.0]))
    union = np.zeros(moving.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        union |= moving_hole(rng, len(moving), height=HEIGHT, width=WIDTH, kind=kind, pace=pace)
        if union.mean() > 0.1:
            break
    if rng.uniform() < 0.3:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
        union &= np.stack([1 - cv2.dilate(mask.astype(np.uint8), disc) for mask in moving])
    return union.astype(np.float32)


def visible_share(found: CandidateSet) -> float:
    """The share of the hidden pixels that some plate shows."""
    hidden = found.hole.hidden
    anywhere = np.logical_or.reduce([c.valid for c in found.candidates[:-1]] or [np.zeros_like(hidden)])
    return float(anywhere[hidden].mean())


def crop_corners(found: CandidateSet, rng: np.random.Generator, *, count: int = 4) -> list[tuple[int, int]]:
    """Top and left, within the box, of random crops over the hole, drawn by the spread of the candidates."""
    h, w = found.hole.hidden.shape
    ys, xs = np.nonzero(found.hole.hidden)
    probability = candidate_spread(found)[ys, xs] + LEAST_SPREAD
    corners = []
    for at in rng.choice(len(ys), size=count, p=probability / probability.sum()):
        top, left = ys[at] - rng.integers(CROP), xs[at] - rng.integers(CROP)
        corners.append((int(np.clip(top, 0, max(0, h - CROP))), int(np.clip(left, 0, max(0, w - CROP)))))
    return corners


def candidate_spread(found: CandidateSet) -> NDArray[np.float64]:
    """(h, w) the standard deviation, in the log range, of what the valid candidates show."""
    images = np.stack([c.image.mean(-1) for c in found.candidates]).astype(np.float64)
    valid = np.stack([c.valid for c in found.candidates])
    count = valid.sum(0)
    mean = (images * valid).sum(0) / count
    return np.asarray(np.sqrt((((images - mean) ** 2) * valid).sum(0) / count))


def make_crop(truth: Array, found: CandidateSet, *, top: int, left: int) -> ChooserCrop:
    """One crop of the box, padded where the box is smaller; `truth` (h, w, 3) log range over the whole proxy."""
    h, w = found.hole.hidden.shape
    padding = ((0, max(0, CROP - h)), (0, max(0, CROP - w)))

    def cut(values: NDArray[np.generic]) -> Array:
        padded = np.pad(values, padding + ((0, 0),) * (values.ndim - 2))
        part = padded[top : top + CROP, left : left + CROP].astype(np.float32)
        return part[None] if part.ndim == 2 else part.transpose(2, 0, 1)

    image = np.zeros((CANDIDATES, 3, CROP, CROP), np.uint8)
    figures = np.zeros((CANDIDATES, 4, CROP, CROP), np.uint8)
    kind = np.zeros(CANDIDATES, np.int64)
    for k, c in enumerate(found.candidates):
        k = CANDIDATES - 1 if c.kind is Kind.SYNTHESISED else k
        image[k], kind[k] = _quantised("image", cut(c.image)), int(c.kind)
        figures[k] = _quantised("figures", _figures(c, cut))
    known = cut(truth[found.hole.box.slices])
    return ChooserCrop(_quantised("truth", known), _quantised("hidden", cut(found.hole.hidden)), image, figures, kind)


def stack_crops(crops: Sequence[ChooserCrop]) -> dict[str, Tensor]:
    """Crops stacked as float32 tensors, in the units of the candidates; `kind` stays int64."""
    stacked = {name: np.stack([getattr(c, name) for c in crops]) for name in ChooserCrop.__annotations__}
    return {k: torch.from_numpy(v if k == "kind" else v / SCALES[k]) for k, v in stacked.items()}


def _figures(candidate: Candidate, cut: Callable[[NDArray[np.generic]], Array]) -> Array:
    return np.concatenate(
        [cut(v) for v in (candidate.valid, candidate.distance, candidate.confidence, candidate.independent_motion)]
    )


def _quantised(name: str, values: Array) -> NDArray[np.uint8]:
    return np.clip(np.rint(values * SCALES[name]), 0, 255).astype(np.uint8)
