"""Registration bench: how far homographies are off, beside those of SIFT + MAGSAC.

    synthetic  corner error, in pixels
    clips      PSNR of the reference warped onto the target's visible pixels

See `registration_pairs` for both. Registration is measured as the engine does it (`ShotRegistration.adjacent`: refined
from the neighbour's motion, and where that is not reliable, from the learned homography and from block matching), and
in its parts.

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
BEST = 0.8
"""Share of the pixels, the best ones, that are counted on real frames: what moves by itself fits no homography."""

Estimates = dict[str, Homography]
"""Name of a method -> its homography, target -> reference."""


def main(data: Path, *, count: int = PAIRS) -> None:
    """Prints the tables for the held-back part of a folder of training pictures.

    Raises:
        ShotError: no pictures, or no clips, in the folder.
    """
    # The other networks take no part in registration.
    learned = cast(HomographyEstimator, weights.load("homography"))
    networks = Networks(learned, Inpainter(), Chooser(), torch.device("cpu"))
    held = stills(data, part="validation", every=15)
    for filmed in (False, True):
        pairs = (synthetic(held, number, filmed=filmed) for number in range(count))
        print(f"{count} pairs, {'filmed' if filmed else 'plain'}: corner error in pixels")
        for name, errors in measure(networks, pairs).items():
            print(f"  {name:18s} {summary(errors)}", flush=True)
    scores: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for pair in real(data):
        for name, score in warped_psnr(pair, estimates(networks, pair)).items():
            scores[name].append(score)
    print(f"{max(map(len, scores.values()))} pairs of real frames: PSNR of the warped visible picture in dB")
    print(f"  {'':18s} best {BEST:.0%} of the pixels, all of them")
    for name, each in scores.items():
        best, whole = np.mean(each, axis=0)
        print(f"  {name:18s} {best:6.2f} {whole:6.2f}", flush=True)


def measure(networks: Networks, pairs: Iterable[RegistrationPair]) -> dict[str, list[float]]:
    """Name of a method -> its corner error on every pair."""
    errors: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        for name, found in estimates(networks, pair).items():
            errors[name].append(corner_error(found, pair))
    return errors


def summary(errors: list[float]) -> str:
    """One line: median, share under a pixel, and mean, an error counting as 64 pixels at most."""
    e = np.array(errors)
    return f"median {np.median(e):6.3f}   under 1: {(e < 1).mean():6.1%}   mean {np.minimum(e, 64).mean():6.2f}"


def estimates(networks: Networks, pair: RegistrationPair) -> Estimates:
    """The homographies of the engine's registration, of its parts, and of SIFT + MAGSAC."""
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
            "SIFT + MAGSAC": sift_magsac(pair),
        }


def sift_magsac(pair: RegistrationPair) -> Homography:
    """SIFT on visible pixels, matched by the ratio test, MAGSAC over the matches; identity where it fails."""
    at, descriptors = _sift(pair.target, pair.target_visible)
    there, others = _sift(pair.reference, pair.reference_visible)
    if descriptors is None or others is None or len(others) < 2:
        return Homography.identity()
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(descriptors, others, k=2)
    good = [best for best, second in matches if best.distance < 0.8 * second.distance]
    if len(good) < 4:
        return Homography.identity()
    points = np.array([at[m.queryIdx].pt for m in good])
    matched = np.array([there[m.trainIdx].pt for m in good])
    H, _ = cv2.findHomography(points, matched, cv2.USAC_MAGSAC, 1.0, maxIters=10_000, confidence=0.9999)
    return Homography.identity() if H is None else Homography(np.asarray(H, np.float64))


def _sift(image: Array, visible: Mask) -> tuple[tuple[cv2.KeyPoint, ...], NDArray[np.float32] | None]:
    picture = to_srgb8(log_encoding.from_log(image))
    mask = cv2.erode(visible.astype(np.uint8), np.ones((5, 5), np.uint8))
    points, descriptors = cv2.SIFT.create().detectAndCompute(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), mask)
    return points, descriptors


def corner_error(found: Homography, pair: RegistrationPair) -> float:
    """Mean distance, in pixels, between the four corners under this homography and under the true one."""
    assert pair.homography is not None
    h, w = pair.target_visible.shape
    corners = np.array([[[0, 0]], [[w - 1, 0]], [[w - 1, h - 1]], [[0, h - 1]]], np.float64)
    ours, true = (cv2.perspectiveTransform(corners, H.matrix) for H in (found, pair.homography))
    return float(np.hypot(*(ours - true).T).mean())


def warped_psnr(pair: RegistrationPair, found: Estimates) -> dict[str, tuple[float, float]]:
    """PSNR in dB, on 8-bit sRGB, of the reference warped onto the target: over the best pixels, and over all.

    Compared are the pixels that both frames show by every method. A method by which that is less than half of what it
    is by the best counts as the identity.
    """
    shape = pair.target_visible.shape
    visible = pair.reference_visible.astype(np.float32)

    def overlap(H: Homography) -> Mask:
        return (H.warp(visible, shape, border=0) > 0.999) & pair.target_visible

    most = max(overlap(H).sum() for H in found.values())
    kept = {name: H if overlap(H).sum() > most / 2 else Homography.identity() for name, H in found.items()}
    common = np.logical_and.reduce([overlap(H) for H in kept.values()])
    target, reference = (to_srgb8(log_encoding.from_log(x)).astype(np.float32) for x in (pair.target, pair.reference))
    scores = {}
    for name, H in kept.items():
        warped = H.warp(reference, shape)
        square = np.sort(((warped - target) ** 2).mean(-1)[common])
        best = square[: int(BEST * square.size)]
        scores[name] = (_decibels(best), _decibels(square))
    return scores


def _decibels(square: NDArray[np.float32]) -> float:
    return float(10 * np.log10(255**2 / max(float(square.mean()), 0.1)))
