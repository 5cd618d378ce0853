"""The bench of alignment: how far homographies are off on pairs whose truth is known, beside SIFT + MAGSAC's.

    synthetic  a held-back picture seen twice at 256 x 256: each corner moved by up to 32 pixels along either axis on
               its own, 30 % of both views hidden (which leaves some 42 % to compare), something over 10 - 25 % of both
               moving in front; `plain`, or `filmed`: exposure, white balance, defocus and grain changed between them
    clips      real frames 5, 10 and 20 apart of held-back clips, through moving holes: the PSNR of the reference
               warped onto the target's visible pixels

The estimator is measured whole, as the engine uses it (`Survey.step`: the neighbour's start, and where that does not
convince the learned one, matched and refined), and in its parts.

Convention:
    Homographies map target pixels to reference pixels, pixel centres at integer coordinates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine import light, weights
from aan_engine.bearings import Homography
from aan_engine.decider import Decider
from aan_engine.evaluation.sheet import display
from aan_engine.motion import Array, Mask
from aan_engine.network.chooser import Chooser
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.networks import Networks
from aan_engine.proxy import Proxy, Reel, size_for
from aan_engine.registration import refine
from aan_engine.survey import Survey
from aan_engine.training import pairs
from aan_engine.training.clips import clips
from aan_engine.training.holes import hole, moving_hole
from aan_engine.training.pairs import SIDE, Front
from aan_engine.training.stills import Still, stills, to_log

PAIRS = 1000
SEED = 20_26
HIDDEN = 0.3
FRONT = (0.1, 0.25)
BLANK = 0.4
"""What stands in hidden places, in the log range: nobody may look there."""

KEPT = 0.8
"""Share of the pixels that counts on real frames, the best ones: what moves by itself fits no homography."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two views of one place, (h, w, 3) in the log range with `BLANK` where hidden, and (h, w) where they are visible.

    `homography` is the true one, None where nobody knows it.
    """

    target: Array
    reference: Array
    target_visible: Mask
    reference_visible: Mask
    homography: Homography | None = None


Answers = dict[str, Homography]


def main(data: Path, *, count: int = PAIRS) -> None:
    """Prints the tables for the held-back part of a folder of training pictures.

    Raises:
        ShotError: no pictures, or no clips, in the folder.
    """
    # The other parts have no say in alignment.
    learned = cast(HomographyEstimator, weights.load("homography"))
    networks = Networks(learned, Inpainter(), Chooser(), torch.device("cpu"))
    held = stills(data, part="validation", every=15)
    for filmed in (False, True):
        known = (synthetic(held, number, filmed=filmed) for number in range(count))
        print(f"{count} pairs, {'filmed' if filmed else 'plain'}: corner error in pixels")
        for name, errors in measure(networks, known).items():
            print(f"  {name:18s} {summary(errors)}", flush=True)
    scores: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for pair in real(data):
        for name, score in agreement(pair, answers(networks, pair)).items():
            scores[name].append(score)
    print(f"{max(map(len, scores.values()))} pairs of real frames: PSNR of the warped visible picture in dB")
    print(f"  {'':18s} best {KEPT:.0%} of the pixels, all of them")
    for name, each in scores.items():
        kept, whole = np.mean(each, axis=0)
        print(f"  {name:18s} {kept:6.2f} {whole:6.2f}", flush=True)


def measure(networks: Networks, known: Iterable[Pair]) -> dict[str, list[float]]:
    """The corner error of every pair, by every method's name."""
    off: dict[str, list[float]] = defaultdict(list)
    for pair in known:
        for name, found in answers(networks, pair).items():
            off[name].append(corner_error(found, pair))
    return off


def summary(errors: list[float]) -> str:
    """One line: median, share under a pixel, mean (of at most 64 each: one wild answer must not drown the rest)."""
    off = np.array(errors)
    return f"median {np.median(off):6.3f}   under 1: {(off < 1).mean():6.1%}   mean {np.minimum(off, 64).mean():6.2f}"


def synthetic(held: list[Still], number: int, *, filmed: bool, seed: int = SEED) -> Pair:
    """Pair number `number` of a seed: the same views, holes and foreground whether filmed or not."""
    rng = np.random.default_rng([seed, number])
    still, other = (held[int(i)] for i in rng.integers(len(held), size=2))
    motion = moved_corners(rng)
    placed = pairs.placement(rng, *still.shape[:2])
    views = [pairs.view(still, placed, m) for m in (np.eye(3), np.linalg.inv(motion))]
    images = [image for image, _ in views]
    actor = pairs.view(other, pairs.placement(rng, *other.shape[:2]), np.eye(3))[0]
    pairs.paste(_front(rng), actor, *images)
    visible = [(inside > 0) & ~_hidden(rng) for _, inside in views]
    logs = [pairs.filmed(rng, image) if filmed else to_log(image) for image in images]
    return _blanked(logs, visible, motion)


def moved_corners(rng: np.random.Generator) -> Homography:
    """Each corner moves by up to 32 pixels along either axis, on its own."""
    at = np.array([[0, 0], [SIDE - 1, 0], [SIDE - 1, SIDE - 1], [0, SIDE - 1]], np.float32)
    gone = at + rng.uniform(-pairs.REACH, pairs.REACH, (4, 2)).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(at, gone), np.float64)


def _front(rng: np.random.Generator) -> Front:
    """Something in front that covers a tenth to a quarter of both views."""
    while True:
        front = Front.drawn(rng)
        if all(FRONT[0] <= shape.mean() <= FRONT[1] for shape in (front.target, front.reference)):
            return front


def _hidden(rng: np.random.Generator) -> Mask:
    """Holes of all kinds, one over the other, until 30 % of a view are hidden."""
    hidden = np.zeros((SIDE, SIDE), bool)
    while hidden.mean() < HIDDEN - 0.01:
        more = hidden | (hole(rng, SIDE, SIDE) > 0)
        hidden = more if more.mean() <= HIDDEN + 0.01 else hidden
    return hidden


def _blanked(logs: list[Array], visible: list[Mask], homography: Homography | None) -> Pair:
    target, reference = (np.where(v[..., None], x, np.float32(BLANK)) for x, v in zip(logs, visible, strict=True))
    return Pair(target, reference, visible[0], visible[1], homography)


def real(data: Path, *, seed: int = SEED) -> Iterator[Pair]:
    """Frames of the held-back clips at the proxies' size, 5, 10 and 20 apart, through moving holes."""
    for number, clip in enumerate(clips(data, part="validation")):
        rng = np.random.default_rng([seed, number])
        height, width = size_for(*clip[0].shape[:2])
        for apart in (5, 10, 20):
            for first in range(0, len(clip) - apart, 10):
                holes = moving_hole(rng, apart + 1, height=height, width=width) > 0
                if holes.mean() > 0.35:
                    continue
                views = [
                    cv2.resize(clip[i], (width, height), interpolation=cv2.INTER_AREA) for i in (first, first + apart)
                ]
                logs = [to_log(view.astype(np.float32) / 255) for view in views]
                yield _blanked(logs, [~holes[0], ~holes[-1]], None)


def answers(networks: Networks, pair: Pair) -> Answers:
    """What the engine's estimator, its parts, and the classical recipe say, by name."""
    with Reel(2, (pair.target.shape[0], pair.target.shape[1])) as reel:
        reel.put(0, Proxy(pair.target, ~pair.target_visible))
        reel.put(1, Proxy(pair.reference, ~pair.reference_visible))
        survey = Survey(reel)
        decider = Decider(networks, survey)
        survey.bearings.ask(decider.guess)
        learned = decider.guess(0, 1)
        T, R = survey.gallery.pyramid(0), survey.gallery.pyramid(1)
        return {
            "the engine": survey.bearings.step(0).homography,
            "learned alone": learned,
            "learned, refined": refine(T, R, start=learned).homography,
            "identity, refined": refine(T, R, start=np.eye(3)).homography,
            "SIFT + MAGSAC": recipe(pair),
        }


def recipe(pair: Pair) -> Homography:
    """SIFT where both are visible, matched by the ratio test, MAGSAC over the matches; identity where it fails."""
    found = [_features(pair.target, pair.target_visible), _features(pair.reference, pair.reference_visible)]
    (at, of), (there, other) = found
    if of is None or other is None or len(other) < 2:
        return np.eye(3)
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(of, other, k=2)
    good = [near for near, far in matches if near.distance < 0.8 * far.distance]
    if len(good) < 4:
        return np.eye(3)
    source = np.array([at[m.queryIdx].pt for m in good])
    landed = np.array([there[m.trainIdx].pt for m in good])
    H, _ = cv2.findHomography(source, landed, cv2.USAC_MAGSAC, 1.0, maxIters=10_000, confidence=0.9999)
    return np.eye(3) if H is None else np.asarray(H, np.float64)


def _features(image: Array, visible: Mask) -> tuple[tuple[cv2.KeyPoint, ...], NDArray[np.float32] | None]:
    shown = display(light.decode(image))
    around = cv2.erode(visible.astype(np.uint8), np.ones((5, 5), np.uint8))
    points, of = cv2.SIFT.create().detectAndCompute(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY), around)
    return points, of


def corner_error(found: Homography, pair: Pair) -> float:
    """Mean distance, in pixels, between where the four corners land and where they should."""
    assert pair.homography is not None
    h, w = pair.target_visible.shape
    corners = np.array([[[0, 0]], [[w - 1, 0]], [[w - 1, h - 1]], [[0, h - 1]]], np.float64)
    landed, wanted = (cv2.perspectiveTransform(corners, H) for H in (found, pair.homography))
    return float(np.hypot(*(landed - wanted).T).mean())


def agreement(pair: Pair, found: Answers) -> dict[str, tuple[float, float]]:
    """PSNR in dB, on 8-bit sRGB, of the reference warped onto the target: the best pixels', and all pixels'.

    Compared are the pixels that every method shows; a method that leaves less than half of what its best rival shows
    stands with the identity instead.
    """
    size = pair.target_visible.shape[::-1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = pair.reference_visible.astype(np.float32)

    def shows(H: Homography) -> Mask:
        return (cv2.warpPerspective(seen, H, size, flags=flags) > 0.999) & pair.target_visible

    most = max(shows(H).sum() for H in found.values())
    kept = {name: H if shows(H).sum() > most / 2 else np.eye(3) for name, H in found.items()}
    common = np.logical_and.reduce([shows(H) for H in kept.values()])
    target, reference = (display(light.decode(x)).astype(np.float32) for x in (pair.target, pair.reference))
    scores = {}
    for name, H in kept.items():
        warped = cv2.warpPerspective(reference, H, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        square = np.sort(((warped - target) ** 2).mean(-1)[common])
        best = square[: int(KEPT * square.size)]
        scores[name] = (_decibels(best), _decibels(square))
    return scores


def _decibels(square: NDArray[np.float32]) -> float:
    return float(10 * np.log10(255**2 / max(float(square.mean()), 0.1)))
