"""Holes of the evaluation protocol, laid over clips whose truth is known.

The clip's name and the kind seed the random generator: a clip gets the same holes on every machine, whatever else is
measured. (The networks are trained on other holes: `aan_engine.training.holes`.)

    static  a stain of free-form strokes over 5 - 15 % of the frame that does not move
    rig     a moving shape: another clip's masks, grown, perhaps mirrored; also over what moves in this clip
    wires   three to five thin wires that swing and drift
    plate   as rig, but never over what moves in this clip: some frame shows the background

Convention: holes are (H, W) bool, True where hidden; sizes in pixels hold at 240 rows and scale with the height.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import cv2
import numpy as np

from aan_engine.core.types import Mask

KINDS = ("static", "rig", "wires", "plate")
DONATED = ("rig", "plate")
"""Kinds that take their shape from another clip's masks."""

_ROWS = 240
_FULL_TURN, _HALF_TURN = 6.28, 3.14  # as rounded in the protocol: with more digits some holes differ by a pixel


def draw(
    kind: str, name: str, *, frames: int, shape: tuple[int, int], own: Sequence[Mask], donor: Sequence[Mask]
) -> list[Mask]:
    """The holes of one clip.

    Args:
        kind: one of `KINDS`.
        name: the clip's, which seeds the random generator.
        own: masks of what moves in the clip, as many as there are.
        donor: another clip's masks, of any size; not needed for `static` and `wires`.
    """
    if kind == "static":
        return _static(name, frames, shape)
    if kind == "wires":
        return _wires(name, frames, shape)
    moving = _rig(name, frames, shape, donor)
    if kind == "rig":
        return moving
    return [hole & ~_grown(own[t], 6) if t < len(own) else hole for t, hole in enumerate(moving)]


def donor_of(name: str, others: Sequence[str]) -> str | None:
    """Whose masks a clip gets as holes: one of the other clips with masks, by name; None where there are none.

    Args:
        others: their names, in order.
    """
    return others[_seeded(name, "donor").randint(len(others))] if others else None


def _seeded(*words: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32("|".join(words).encode()))


def _grown(mask: Mask, radius: int) -> Mask:
    side = 2 * radius + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(mask.astype(np.uint8), disc) > 0


def _static(name: str, frames: int, shape: tuple[int, int]) -> list[Mask]:
    rng = _seeded(name, "static")
    height, width = shape
    scale = height / _ROWS
    share = rng.uniform(0.05, 0.15)
    canvas = np.zeros(shape, np.uint8)
    while canvas.mean() < share:
        at = (rng.uniform(0.08 * width, 0.92 * width), rng.uniform(0.08 * height, 0.92 * height))
        heading = rng.uniform(0, _FULL_TURN)
        for _ in range(rng.randint(4, 9)):
            heading += rng.uniform(-1.2, 1.2)
            length = rng.uniform(15, 45) * scale
            thickness = max(1, int(rng.randint(8, 22) * scale))
            to = (
                float(np.clip(at[0] + length * np.cos(heading), 0, width - 1)),
                float(np.clip(at[1] + length * np.sin(heading), 0, height - 1)),
            )
            cv2.line(canvas, (int(at[0]), int(at[1])), (int(to[0]), int(to[1])), 1, thickness)
            at = to
            if canvas.mean() > share:
                break
    return [canvas > 0] * frames


def _rig(name: str, frames: int, shape: tuple[int, int], donor: Sequence[Mask]) -> list[Mask]:
    mirrored = _seeded(name, "rig").rand() < 0.5
    radius = max(2, round(4 * shape[0] / _ROWS))
    there_and_back = [*range(len(donor)), *range(len(donor) - 2, 0, -1)]
    holes = []
    for t in range(frames):
        mask = donor[there_and_back[t % len(there_and_back)]].astype(np.uint8)
        fitted = cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        holes.append(_grown(fitted[:, ::-1] if mirrored else fitted, radius))
    return holes


def _wires(name: str, frames: int, shape: tuple[int, int]) -> list[Mask]:
    rng = _seeded(name, "wires")
    height, width = shape
    scale = height / _ROWS
    wires = []
    for _ in range(rng.randint(3, 6)):
        top, bottom = rng.uniform(0, width), rng.uniform(0, width)
        top_speed, bottom_speed = rng.uniform(-1.6, 1.6) * scale, rng.uniform(-1.6, 1.6) * scale
        swing, phase = rng.uniform(4, 14) * scale, rng.uniform(0, _FULL_TURN)
        wires.append((top, bottom, top_speed, bottom_speed, swing, phase, max(2, int(rng.randint(2, 5) * scale))))
    down = np.linspace(0, 1, 40)
    sag = np.sin(_HALF_TURN * down)
    holes = []
    for t in range(frames):
        canvas = np.zeros(shape, np.uint8)
        for top, bottom, top_speed, bottom_speed, swing, phase, thickness in wires:
            x = (top + top_speed * t) * (1 - down) + (bottom + bottom_speed * t) * down
            x += swing * np.sin(0.25 * t + phase) * sag
            points = np.stack([x, down * (height - 1)], axis=1).round().astype(np.int32)
            cv2.polylines(canvas, [points], False, 1, thickness)
        holes.append(_grown(canvas > 0, 1))
    return holes
