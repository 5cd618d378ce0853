"""Synthetic pairs for the homography: one still seen twice, through holes, with something moving in front.

Pair number i of a seed is always the same pair: a loop that stops and goes on sees what it would have seen.

Convention:
    `homography` maps target pixels to reference pixels at 256 x 256, pixel centres at integer coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from torch import Tensor

from aan_engine.training.holes import blob, hole
from aan_engine.training.still_data import Array, Still, to_log

SIDE = 256
CELLS = 32
REACH = 32.0
STRANGERS = 0.06


@dataclass(frozen=True)
class Pairs:
    """A batch of B pairs.

    Args:
        target, reference: (B, 3, 256, 256), log range.
        target_visible, reference_visible: (B, 1, 256, 256), 0 or 1.
        homography: (B, 3, 3) target pixel -> reference pixel.
        explained: (B, 1, 32, 32) 1 where the target cell moves with the homography and is seen in the reference.
        related: (B,) 1 for a pair of one scene, 0 for strangers (a cut).
    """

    target: Tensor
    reference: Tensor
    target_visible: Tensor
    reference_visible: Tensor
    homography: Tensor
    explained: Tensor
    related: Tensor


def batch(stills: list[Still], count: int, *, seed: int, start: int) -> Pairs:
    """Pairs number start .. start + count - 1 of a seed."""
    made = [pair(stills, np.random.default_rng([seed, start + i])) for i in range(count)]
    stacked = {f.name: torch.from_numpy(np.stack([m[f.name] for m in made])) for f in fields(Pairs)}
    return Pairs(**stacked)


def pair(stills: list[Still], rng: np.random.Generator) -> dict[str, Array]:
    """One pair as named arrays, channels first; see `Pairs`."""
    still = stills[int(rng.integers(len(stills)))]
    other = stills[int(rng.integers(len(stills)))]
    related = rng.random() >= STRANGERS
    motion = random_homography(rng)
    placed = placement(rng, still.shape[0], still.shape[1])
    target, target_inside = view(still, placed, np.eye(3))
    reference, reference_inside = view(still if related else other, placed, np.linalg.inv(motion))
    front_target, front_reference = np.zeros((2, SIDE, SIDE), np.uint8)
    if rng.random() < 0.65:
        actor = view(other, placement(rng, other.shape[0], other.shape[1]), np.eye(3))[0]
        front_target, front_reference = paste(Front.drawn(rng), actor, target, reference)
    images = [filmed(rng, image) for image in (target, reference)]
    visible = [_seen(rng, inside) for inside in (target_inside, reference_inside)]
    there = cv2.warpPerspective(visible[1] * (1 - front_reference), motion, (SIDE, SIDE), flags=_NEAREST)
    explained = _cells(visible[0] * (1 - front_target) * there) > 0.5
    return {
        "target": images[0].transpose(2, 0, 1),
        "reference": images[1].transpose(2, 0, 1),
        "target_visible": visible[0][None].astype(np.float32),
        "reference_visible": visible[1][None].astype(np.float32),
        "homography": motion.astype(np.float32),
        "explained": (explained & related)[None].astype(np.float32),
        "related": np.asarray(related, np.float32),
    }


_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


def random_homography(rng: np.random.Generator) -> Array:
    """A homography that moves no corner by more than 32 pixels along an axis; one in three goes further and turns."""
    reach = REACH * float(rng.uniform(0.05, 1.0))
    together = rng.uniform(-1, 1, 2) * reach * 0.5
    apart = rng.uniform(-1, 1, (4, 2)) * reach * 0.5
    corners = np.array([[0, 0], [SIDE - 1, 0], [SIDE - 1, SIDE - 1], [0, SIDE - 1]], np.float64)
    moved = corners + together + apart
    if rng.random() < 1 / 3:
        middle = (SIDE - 1) / 2
        roll, zoom = rng.normal(0, 0.1), float(np.exp(rng.normal(0, 0.15)))
        turn = zoom * np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        moved = (moved - middle) @ turn + middle + rng.uniform(-1, 1, 2) * 2 * REACH
    return cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32)).astype(np.float64)


def placement(rng: np.random.Generator, height: int, width: int) -> Array:
    """Which upright rectangle of the still becomes the 256 x 256 view: a matrix from view pixels to still pixels."""
    aspect = float(np.exp(rng.uniform(np.log(0.8), np.log(2.0))))
    high = min(height, width / aspect) * float(rng.uniform(0.45, 0.95))
    wide = high * aspect
    left, top = rng.uniform(0, max(width - wide, 1e-3)), rng.uniform(0, max(height - high, 1e-3))
    flip = rng.random() < 0.5
    sx, sy = wide / SIDE, high / SIDE
    matrix = np.array([[sx, 0, left + sx / 2 - 0.5], [0, sy, top + sy / 2 - 0.5], [0, 0, 1]])
    mirror = np.array([[-1.0, 0, SIDE - 1], [0, 1, 0], [0, 0, 1]])
    return matrix @ mirror if flip else matrix


def view(still: Still, placed: Array, motion: Array) -> tuple[Array, Array]:
    """The still through `placed @ motion`, in 0..1, and which pixels lie on it.

    A still much larger than its view is shrunk first, by area: a warp alone would alias.
    """
    step = max(abs(placed[0, 0]), abs(placed[1, 1]))
    matrix = placed @ motion
    if step > 1.25:
        small = cv2.resize(still, None, fx=1.1 / step, fy=1.1 / step, interpolation=cv2.INTER_AREA)
        sx, sy = small.shape[1] / still.shape[1], small.shape[0] / still.shape[0]
        matrix = np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]]) @ matrix
        still = small
    view = cv2.warpPerspective(still, matrix, (SIDE, SIDE), flags=_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    inside = cv2.warpPerspective(np.ones(still.shape[:2], np.uint8), matrix, (SIDE, SIDE), flags=_NEAREST)
    return view.astype(np.float32) / 255, inside


@dataclass(frozen=True, eq=False)
class Front:
    """Something in front that moves on its own: its shape in both views, 1 where it stands, and its (2, 3) motion."""

    target: Array
    reference: Array
    motion: Array

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Front:
        """A blob over about a tenth to a quarter of the target."""
        shape = blob(rng, SIDE, SIDE, share=rng.uniform(0.1, 0.25))
        walk = rng.normal(0, 24, 2)
        turn, swell = rng.normal(0, 8), float(np.exp(rng.normal(0, 0.08)))
        motion: Array = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turn, swell)
        motion[:, 2] += walk
        return cls(shape, cv2.warpAffine(shape, motion, (SIDE, SIDE), flags=cv2.INTER_NEAREST), motion)


def paste(front: Front, actor: Array, target: Array, reference: Array) -> tuple[Array, Array]:
    """Paints `actor` in the front's shape into both views, in place; where it is, in each."""
    there = cv2.warpAffine(actor, front.motion, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101)
    target[front.target > 0] = actor[front.target > 0]
    reference[front.reference > 0] = there[front.reference > 0]
    return front.target, front.reference


def filmed(rng: np.random.Generator, image: Array) -> Array:
    """The view as a camera would give it: exposure, white balance, defocus, grain; log range."""
    if rng.random() < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.0))
    gain = 2.0 ** (rng.normal(0, 0.35) + rng.normal(0, 0.06, 3))
    log = to_log(image, gain.astype(np.float32))
    noisy: Array = log + rng.standard_normal(log.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.02))
    return noisy


def _seen(rng: np.random.Generator, inside: Array) -> Array:
    """Visibility: on the still, and outside the hole that most views have."""
    if rng.random() < 0.2:
        return inside
    hidden = hole(rng, SIDE, SIDE)
    return inside * (1 - hidden) if hidden.mean() < 0.35 else inside


def _cells(mask: Array) -> Array:
    return cv2.resize(mask.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
