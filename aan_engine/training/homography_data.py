"""Homography data: one still seen twice through a known homography, with holes and something moving in front.

Pair number i of a seed is always the same pair, so that a resumed run goes on with the pairs that it would have had.

Convention:
    `homography` maps target pixels to reference pixels at 256 x 256, pixel centres at integer coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
import torch
from torch import Tensor

from aan_engine.training.holes import blob, random_hole
from aan_engine.training.still_data import Array, Still, to_log

SIDE = 256
CELLS = 32

REACH = 32.0
"""Pixels along either axis by which corners move, usually at most."""

UNRELATED = 0.06
"""Share of the pairs whose two views show different pictures, as across a cut."""


@dataclass(frozen=True)
class Pairs:
    """A batch of B pairs.

    Args:
        target, reference: (B, 3, 256, 256), log range.
        target_visible, reference_visible: (B, 1, 256, 256), 0 or 1.
        homography: (B, 3, 3) target pixel -> reference pixel.
        inliers: (B, 1, 32, 32) 1 where the target cell moves with the homography and the reference shows it.
        related: (B,) 1 where both views show one picture, 0 where they do not.
    """

    target: Tensor
    reference: Tensor
    target_visible: Tensor
    reference_visible: Tensor
    homography: Tensor
    inliers: Tensor
    related: Tensor


def make_pairs(stills: list[Still], count: int, *, seed: int, start: int) -> Pairs:
    """Pairs number start .. start + count - 1 of a seed."""
    pairs = [make_pair(stills, np.random.default_rng([seed, start + i])) for i in range(count)]
    stacked = {f.name: torch.from_numpy(np.stack([pair[f.name] for pair in pairs])) for f in fields(Pairs)}
    return Pairs(**stacked)


def make_pair(stills: list[Still], rng: np.random.Generator) -> dict[str, Array]:
    """One pair as named arrays, channels first; see `Pairs`."""
    still = stills[int(rng.integers(len(stills)))]
    other = stills[int(rng.integers(len(stills)))]
    related = rng.random() >= UNRELATED
    motion = random_homography(rng)
    placed = placement(rng, still.shape[0], still.shape[1])
    target, target_inside = view(still, placed, np.eye(3))
    reference, reference_inside = view(still if related else other, placed, np.linalg.inv(motion))
    front_target, front_reference = np.zeros((2, SIDE, SIDE), np.uint8)
    if rng.random() < 0.65:
        texture = view(other, placement(rng, other.shape[0], other.shape[1]), np.eye(3))[0]
        front_target, front_reference = paste(Foreground.random(rng), texture, target, reference)
    images = [as_filmed(rng, image) for image in (target, reference)]
    visible = [_random_visibility(rng, inside) for inside in (target_inside, reference_inside)]
    in_reference = cv2.warpPerspective(visible[1] * (1 - front_reference), motion, (SIDE, SIDE), flags=_NEAREST)
    inliers = _cells(visible[0] * (1 - front_target) * in_reference) > 0.5
    return {
        "target": images[0].transpose(2, 0, 1),
        "reference": images[1].transpose(2, 0, 1),
        "target_visible": visible[0][None].astype(np.float32),
        "reference_visible": visible[1][None].astype(np.float32),
        "homography": motion.astype(np.float32),
        "inliers": (inliers & related)[None].astype(np.float32),
        "related": np.asarray(related, np.float32),
    }


_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


def random_homography(rng: np.random.Generator) -> Array:
    """A homography that moves no corner by more than 32 pixels along an axis; one in three goes further, with rotation
    and scaling."""
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
    """A random upright rectangle of the still as the 256 x 256 view, perhaps mirrored: view pixels -> still pixels."""
    aspect = float(np.exp(rng.uniform(np.log(0.8), np.log(2.0))))
    rows = min(height, width / aspect) * float(rng.uniform(0.45, 0.95))
    columns = rows * aspect
    left, top = rng.uniform(0, max(width - columns, 1e-3)), rng.uniform(0, max(height - rows, 1e-3))
    flip = rng.random() < 0.5
    sx, sy = columns / SIDE, rows / SIDE
    matrix = np.array([[sx, 0, left + sx / 2 - 0.5], [0, sy, top + sy / 2 - 0.5], [0, 0, 1]])
    mirror = np.array([[-1.0, 0, SIDE - 1], [0, 1, 0], [0, 0, 1]])
    return matrix @ mirror if flip else matrix


def view(still: Still, placed: Array, motion: Array) -> tuple[Array, Array]:
    """The still through `placed @ motion`, float32 in 0 .. 1, and 1 where a pixel lies on it.

    A still much larger than its view is shrunk by area first, against aliasing.
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
class Foreground:
    """An object in front that moves by itself: its mask in both views, and its (2, 3) affine motion between them."""

    target: Array
    reference: Array
    motion: Array

    @classmethod
    def random(cls, rng: np.random.Generator) -> Foreground:
        """A blob over about a tenth to a quarter of the target."""
        mask = blob(rng, SIDE, SIDE, share=rng.uniform(0.1, 0.25))
        translation = rng.normal(0, 24, 2)
        degrees, growth = rng.normal(0, 8), float(np.exp(rng.normal(0, 0.08)))
        motion: Array = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, growth)
        motion[:, 2] += translation
        return cls(mask, cv2.warpAffine(mask, motion, (SIDE, SIDE), flags=cv2.INTER_NEAREST), motion)


def paste(front: Foreground, texture: Array, target: Array, reference: Array) -> tuple[Array, Array]:
    """Puts `texture`, cut out by the object's masks, over both views in place; returns the masks."""
    moved = cv2.warpAffine(texture, front.motion, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101)
    target[front.target > 0] = texture[front.target > 0]
    reference[front.reference > 0] = moved[front.reference > 0]
    return front.target, front.reference


def as_filmed(rng: np.random.Generator, image: Array) -> Array:
    """A view (H, W, 3) in 0 .. 1 as a camera records it: exposure, white balance, defocus, grain; in the log range."""
    if rng.random() < 0.35:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.0))
    gain = 2.0 ** (rng.normal(0, 0.35) + rng.normal(0, 0.06, 3))
    log = to_log(image, gain.astype(np.float32))
    noisy: Array = log + rng.standard_normal(log.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.02))
    return noisy


def _random_visibility(rng: np.random.Generator, inside: Array) -> Array:
    """1 where a view lies on the still and outside the hole that four in five views have."""
    if rng.random() < 0.2:
        return inside
    hidden = random_hole(rng, SIDE, SIDE)
    return inside * (1 - hidden) if hidden.mean() < 0.35 else inside


def _cells(mask: Array) -> Array:
    """The share of each cell that is masked."""
    return cv2.resize(mask.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
