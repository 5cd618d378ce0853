"""The bench of alignment: how far homographies are off on pairs whose truth is known, beside SIFT + MAGSAC's.

    synthetic  the corner error, in pixels
    clips      the PSNR of the reference warped onto the target's visible pixels

See `measured_pairs` for both. The estimator is measured whole, as the engine uses it (`Survey.step`: the neighbour's
start, and where that does not convince the learned one, matched and refined), and in its parts.

Convention:
    Homographies map target pixels to reference pixels, pixel centres at integer coordinates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.colour import log_encoding
from aan_engine.colour.display import to_srgb8
from aan_engine.core.homography import Homography
from aan_engine.core.types import Array, Mask
from aan_engine.evaluation.registration_pairs import RegistrationPair, real, synthetic
from aan_engine.network import weights
from aan_engine.network.bundle import Networks
from aan_engine.network.chooser import Chooser
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.plates.proxy import Proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.registration.photometric import refine_homography
from aan_engine.selection.selector import build
from aan_engine.training.still_data import stills

PAIRS = 1000
KEPT = 0.8
"""Share of the pixels that counts on real frames, the best ones: what moves by itself fits no homography."""


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


def measure(networks: Networks, known: Iterable[RegistrationPair]) -> dict[str, list[float]]:
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


def answers(networks: Networks, pair: RegistrationPair) -> Answers:
    """What the engine's estimator, its parts, and the classical recipe say, by name."""
    with ProxyStore(2, (pair.target.shape[0], pair.target.shape[1])) as proxies:
        proxies.put(0, Proxy(pair.target, ~pair.target_visible))
        proxies.put(1, Proxy(pair.reference, ~pair.reference_visible))
        selector = build(networks, proxies)
        shot_motion = selector.shot_motion
        learned = selector.features.learned_homography(0, 1)
        T, R = shot_motion.images.pyramid(0), shot_motion.images.pyramid(1)
        return {
            "the engine": shot_motion.registration.adjacent(0).homography,
            "learned alone": learned,
            "learned, refined": refine_homography(T, R, start=learned).homography,
            "identity, refined": refine_homography(T, R, start=Homography.identity()).homography,
            "SIFT + MAGSAC": recipe(pair),
        }


def recipe(pair: RegistrationPair) -> Homography:
    """SIFT where both are visible, matched by the ratio test, MAGSAC over the matches; identity where it fails."""
    found = [_features(pair.target, pair.target_visible), _features(pair.reference, pair.reference_visible)]
    (at, of), (there, other) = found
    if of is None or other is None or len(other) < 2:
        return Homography.identity()
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(of, other, k=2)
    good = [best for best, second in matches if best.distance < 0.8 * second.distance]
    if len(good) < 4:
        return Homography.identity()
    source = np.array([at[m.queryIdx].pt for m in good])
    landed = np.array([there[m.trainIdx].pt for m in good])
    H, _ = cv2.findHomography(source, landed, cv2.USAC_MAGSAC, 1.0, maxIters=10_000, confidence=0.9999)
    return Homography.identity() if H is None else Homography(np.asarray(H, np.float64))


def _features(image: Array, visible: Mask) -> tuple[tuple[cv2.KeyPoint, ...], NDArray[np.float32] | None]:
    shown = to_srgb8(log_encoding.from_log(image))
    around = cv2.erode(visible.astype(np.uint8), np.ones((5, 5), np.uint8))
    points, of = cv2.SIFT.create().detectAndCompute(cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY), around)
    return points, of


def corner_error(found: Homography, pair: RegistrationPair) -> float:
    """Mean distance, in pixels, between where the four corners land and where they should."""
    assert pair.homography is not None
    h, w = pair.target_visible.shape
    corners = np.array([[[0, 0]], [[w - 1, 0]], [[w - 1, h - 1]], [[0, h - 1]]], np.float64)
    landed, wanted = (cv2.perspectiveTransform(corners, H.matrix) for H in (found, pair.homography))
    return float(np.hypot(*(landed - wanted).T).mean())


def agreement(pair: RegistrationPair, found: Answers) -> dict[str, tuple[float, float]]:
    """PSNR in dB, on 8-bit sRGB, of the reference warped onto the target: the best pixels', and all pixels'.

    Compared are the pixels that every method shows; a method that leaves less than half of what its best rival shows
    stands with the identity instead.
    """
    shape = pair.target_visible.shape
    seen = pair.reference_visible.astype(np.float32)

    def shows(H: Homography) -> Mask:
        return (H.warp(seen, shape, border=0) > 0.999) & pair.target_visible

    most = max(shows(H).sum() for H in found.values())
    kept = {name: H if shows(H).sum() > most / 2 else Homography.identity() for name, H in found.items()}
    common = np.logical_and.reduce([shows(H) for H in kept.values()])
    target, reference = (to_srgb8(log_encoding.from_log(x)).astype(np.float32) for x in (pair.target, pair.reference))
    scores = {}
    for name, H in kept.items():
        warped = H.warp(reference, shape)
        square = np.sort(((warped - target) ** 2).mean(-1)[common])
        best = square[: int(KEPT * square.size)]
        scores[name] = (_decibels(best), _decibels(square))
    return scores


def _decibels(square: NDArray[np.float32]) -> float:
    return float(10 * np.log10(255**2 / max(float(square.mean()), 0.1)))
