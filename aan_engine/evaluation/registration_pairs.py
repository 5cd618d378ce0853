"""Registration pairs: what registration is measured on: held-back pictures seen twice, frames of held-back clips.

    synthetic  256 x 256: each corner moved by up to 32 pixels along either axis by itself, 30 % of both views hidden
               (which leaves some 42 % to compare), something moving in front over 10 - 25 % of both; `plain`, or
               `filmed`: exposure, white balance, defocus and grain differ
    real       frames 5, 10 and 20 apart, behind moving holes

Convention:
    Homographies map target pixels to reference pixels, pixel centres at integer coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from aan_engine.core.homography import Homography
from aan_engine.core.types import Array, Mask
from aan_engine.plates.proxy import size_for
from aan_engine.training import homography_data
from aan_engine.training.clip_data import clips
from aan_engine.training.holes import moving_hole, random_hole
from aan_engine.training.homography_data import SIDE, Foreground
from aan_engine.training.still_data import Still, to_log

SEED = 20_26

HIDDEN = 0.3
"""Share of each view that is hidden."""

FOREGROUND = (0.1, 0.25)
"""Least and largest share of a view that the moving object covers."""

BLANK = 0.4
"""Value of hidden pixels, in the log range: they must not be read."""


@dataclass(frozen=True, eq=False)
class RegistrationPair:
    """Two views of one place.

    Args:
        target, reference: (h, w, 3) log range, `BLANK` where hidden.
        target_visible, reference_visible: (h, w) bool.
        homography: the true one, None where it is unknown.
    """

    target: Array
    reference: Array
    target_visible: Mask
    reference_visible: Mask
    homography: Homography | None = None


def synthetic(held: list[Still], number: int, *, filmed: bool, seed: int = SEED) -> RegistrationPair:
    """Pair number `number` of a seed; views, holes and foreground are the same whether filmed or not."""
    rng = np.random.default_rng([seed, number])
    still, other = (held[int(i)] for i in rng.integers(len(held), size=2))
    motion = moved_corners(rng)
    placed = homography_data.placement(rng, *still.shape[:2])
    views = [homography_data.view(still, placed, m) for m in (np.eye(3), motion.inverse().matrix)]
    images = [image for image, _ in views]
    texture = homography_data.view(other, homography_data.placement(rng, *other.shape[:2]), np.eye(3))[0]
    homography_data.paste(_foreground(rng), texture, *images)
    visible = [(inside > 0) & ~_hidden(rng) for _, inside in views]
    logs = [homography_data.as_filmed(rng, image) if filmed else to_log(image) for image in images]
    return _blanked(logs, visible, motion)


def moved_corners(rng: np.random.Generator) -> Homography:
    """A homography that moves each corner by up to 32 pixels along either axis, by itself."""
    corners = np.array([[0, 0], [SIDE - 1, 0], [SIDE - 1, SIDE - 1], [0, SIDE - 1]], np.float32)
    moved = corners + rng.uniform(-homography_data.REACH, homography_data.REACH, (4, 2)).astype(np.float32)
    return Homography(np.asarray(cv2.getPerspectiveTransform(corners, moved), np.float64))


def _foreground(rng: np.random.Generator) -> Foreground:
    """A moving object that covers a tenth to a quarter of both views."""
    low, high = FOREGROUND
    while True:
        front = Foreground.random(rng)
        if all(low <= mask.mean() <= high for mask in (front.target, front.reference)):
            return front


def _hidden(rng: np.random.Generator) -> Mask:
    """Holes of all kinds, joined until 30 % of a view are hidden."""
    hidden = np.zeros((SIDE, SIDE), bool)
    while hidden.mean() < HIDDEN - 0.01:
        more = hidden | (random_hole(rng, SIDE, SIDE) > 0)
        hidden = more if more.mean() <= HIDDEN + 0.01 else hidden
    return hidden


def _blanked(logs: list[Array], visible: list[Mask], homography: Homography | None) -> RegistrationPair:
    target, reference = (np.where(v[..., None], x, np.float32(BLANK)) for x, v in zip(logs, visible, strict=True))
    return RegistrationPair(target, reference, visible[0], visible[1], homography)


def real(data: Path, *, seed: int = SEED) -> Iterator[RegistrationPair]:
    """Frames of the held-back clips at the size of proxies, 5, 10 and 20 apart, behind moving holes."""
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
