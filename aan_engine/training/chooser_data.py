"""Choices: training material for the chooser: made scenes with holes over what is known, and every candidate for them.

The engine's own survey and its networks propose the candidates, exactly as they will for an artist's shot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from aan_engine.training.scenes import HEIGHT, WIDTH, Stage
from aan_engine.training.still_data import to_linear

CROP = 96
LAYERS = 11
FRAMES = 36
RUNS, RUN = 2, 7
"""Targets come in runs of consecutive frames, so that recurrence has something to carry along."""

EASY_TOO = 0.02
"""Spread of the candidates, in the log range, that every hidden pixel counts as having when crops are drawn."""

STEPS: dict[str, NDArray[np.float32]] = {
    "truth": np.array(200, np.float32),
    "hidden": np.array(255, np.float32),
    "image": np.array(200, np.float32),
    "told": np.array([255, 1, 255, 5], np.float32)[:, None, None],
}
"""What one unit becomes in the eight bits that thousands of crops are kept in."""


@dataclass(frozen=True, eq=False)
class ChooserCrop:
    """One crop of one target with its candidates, in eight bits: see `STEPS`.

    Args:
        truth: (3, CROP, CROP) log range.
        hidden: (1, CROP, CROP).
        image: (LAYERS, 3, CROP, CROP); the painted layer is the last, missing ones are not valid anywhere.
        told: (LAYERS, 4, CROP, CROP): valid, distance, confidence, independent_motion.
        kind: (LAYERS,) int64.
    """

    truth: NDArray[np.uint8]
    hidden: NDArray[np.uint8]
    image: NDArray[np.uint8]
    told: NDArray[np.uint8]
    kind: NDArray[np.int64]


def sequence(stage: Stage, number: int, *, networks: Networks) -> Iterator[ChooserCrop]:
    """The choices of one scene; everything about it follows from `number`."""
    rng = np.random.default_rng((number, 11))
    scene = stage.scene(rng, FRAMES)
    length = len(scene.frames)
    holes = laid(rng, scene.actors)
    with ProxyStore(length, (HEIGHT, WIDTH)) as proxies:
        for index, (frame, hole) in enumerate(zip(scene.frames, holes, strict=True)):
            proxies.put(index, make_proxy(to_linear(frame), hole, size=proxies.size))
        selector = build(networks, proxies)
        for begin in sorted(rng.choice(max(1, length - RUN), min(RUNS, max(1, length - RUN)), replace=False).tolist()):
            for index in range(begin, min(begin + RUN, length)):
                proposed = selector.candidates(index)
                if proposed is None:
                    continue
                # As in the engine: recurrence carries along what was chosen, or it would not be worth believing.
                selector.remember(proposed, weights=selector.weights(proposed))
                # Where no plate shows anything there is nothing to choose: a few such lessons are enough.
                if shown(proposed) < 0.1 and rng.uniform() < 0.8:
                    continue
                truth = to_log(to_linear(scene.frames[index]))
                for top, left in windows(proposed, rng):
                    yield crop(truth, proposed, top=top, left=left)
        selector.close()


def laid(rng: np.random.Generator, actors: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(n, HEIGHT, WIDTH): one to three holes of one kind; now and then beside the actors only, over a clean plate."""
    kind = str(rng.choice(["wires", "wires", "rig", "person", "stain", "strokes"]))
    pace = float(rng.choice([0.1, 0.3, 1.0]))
    union = np.zeros(actors.shape, np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        union |= moving_hole(rng, len(actors), height=HEIGHT, width=WIDTH, kind=kind, pace=pace)
        if union.mean() > 0.1:
            break
    if rng.uniform() < 0.3:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
        union &= np.stack([1 - cv2.dilate(a.astype(np.uint8), disc) for a in actors])
    return union.astype(np.float32)


def shown(proposed: CandidateSet) -> float:
    """The share of the hidden pixels that some plate shows."""
    anywhere = np.logical_or.reduce(
        [c.valid for c in proposed.candidates[:-1]] or [np.zeros_like(proposed.hole.hidden)]
    )
    return float(anywhere[proposed.hole.hidden].mean())


def windows(proposed: CandidateSet, rng: np.random.Generator, *, count: int = 4) -> list[tuple[int, int]]:
    """Top and left, within the box, of random crops around the hole, most of them where the candidates disagree."""
    h, w = proposed.hole.hidden.shape
    ys, xs = np.nonzero(proposed.hole.hidden)
    dispute = disagreement(proposed)[ys, xs] + EASY_TOO
    found = []
    for at in rng.choice(len(ys), size=count, p=dispute / dispute.sum()):
        top, left = ys[at] - rng.integers(CROP), xs[at] - rng.integers(CROP)
        found.append((int(np.clip(top, 0, max(0, h - CROP))), int(np.clip(left, 0, max(0, w - CROP)))))
    return found


def disagreement(proposed: CandidateSet) -> NDArray[np.float64]:
    """(h, w) the spread, in the log range, of what the candidates show."""
    images = np.stack([c.image.mean(-1) for c in proposed.candidates]).astype(np.float64)
    valid = np.stack([c.valid for c in proposed.candidates])
    count = valid.sum(0)
    mean = (images * valid).sum(0) / count
    return np.asarray(np.sqrt((((images - mean) ** 2) * valid).sum(0) / count))


def crop(truth: Array, proposed: CandidateSet, *, top: int, left: int) -> ChooserCrop:
    """The choice in one window of the box; `truth` (h, w, 3) log range over the whole proxy."""
    hole = proposed.hole
    h, w = hole.hidden.shape
    spare = ((0, max(0, CROP - h)), (0, max(0, CROP - w)))

    def cut(values: NDArray[np.generic]) -> Array:
        padded = np.pad(values, spare + ((0, 0),) * (values.ndim - 2))
        piece = padded[top : top + CROP, left : left + CROP].astype(np.float32)
        return piece[None] if piece.ndim == 2 else piece.transpose(2, 0, 1)

    image = np.zeros((LAYERS, 3, CROP, CROP), np.uint8)
    told = np.zeros((LAYERS, 4, CROP, CROP), np.uint8)
    kind = np.zeros(LAYERS, np.int64)
    for k, c in enumerate(proposed.candidates):
        k = LAYERS - 1 if c.kind is Kind.SYNTHESISED else k
        image[k], kind[k] = _bytes("image", cut(c.image)), int(c.kind)
        told[k] = _bytes("told", _told(c, cut))
    known = cut(truth[hole.top : hole.top + h, hole.left : hole.left + w])
    return ChooserCrop(_bytes("truth", known), _bytes("hidden", cut(hole.hidden)), image, told, kind)


def batch(choices: Sequence[ChooserCrop]) -> dict[str, Tensor]:
    """Choices stacked as float32 tensors, in the units of the candidates; `kind` stays int64."""
    found = {name: np.stack([getattr(c, name) for c in choices]) for name in ChooserCrop.__annotations__}
    return {k: torch.from_numpy(v if k == "kind" else v / STEPS[k]) for k, v in found.items()}


def _told(candidate: Candidate, cut: Callable[[NDArray[np.generic]], Array]) -> Array:
    return np.concatenate(
        [cut(v) for v in (candidate.valid, candidate.distance, candidate.confidence, candidate.independent_motion)]
    )


def _bytes(name: str, values: Array) -> NDArray[np.uint8]:
    return np.clip(np.rint(values * STEPS[name]), 0, 255).astype(np.uint8)
