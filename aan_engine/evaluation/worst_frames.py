"""The worst frames of a measurement, kept while it runs and laid out for the eye: every failure wants to be looked at.

It knows frames and how far they are off; nothing of clips on disk or of how a fill came about.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from aan_engine.colour.display import Picture
from aan_engine.core.types import Array, Mask
from aan_engine.evaluation import contact_sheet, metrics

APART = 10
"""Frames of one clip and kind that are nearer to each other than this show the same fault: one of them is kept."""

TITLES = (
    "plate and hole",
    "result",
    "truth",
    "source: earlier blue, later yellow, painted red",
)

_ROWS_A_SHEET = 5
_EARLIER, _LATER, _PAINTED = np.array([[40, 110, 255], [255, 220, 30], [255, 30, 30]], np.float32)


@dataclass(frozen=True, eq=False)
class WorstFrame:
    """One frame: PSNR in its hole in dB, where it is from, and its pictures, one for each of `TITLES`."""

    decibels: float
    clip: str
    kind: str
    frame: int
    pictures: tuple[Picture, ...]


class WorstFrames:
    """Keeps the worst frames of all that it is shown.

    Args:
        count: how many.
    """

    def __init__(self, count: int = 20) -> None:
        self._count = count
        self._kept: list[WorstFrame] = []

    def show(
        self,
        clip: str,
        kind: str,
        frame: int,
        *,
        truth: Array,
        result: Array,
        hidden: Mask,
        layers: dict[str, Array],
    ) -> None:
        """Look at one frame.

        Args:
            truth, result: (H, W, 3) float32 sRGB-encoded 0 .. 255.
            hidden: (H, W) bool.
            layers: the diagnostic layers `source.frame` and `unseen.a` (see `aan_engine.diagnostics`).
        """
        if not hidden.any():
            return
        off = metrics.decibels(float(((result - truth) ** 2)[hidden].mean()))
        rivals = [e for e in self._kept if (e.clip, e.kind) == (clip, kind) and abs(e.frame - frame) < APART]
        if any(rival.decibels <= off for rival in rivals):
            return
        full = len(self._kept) - len(rivals) >= self._count
        if full and off >= self._kept[-1].decibels:
            return
        true, found = ((picture + 0.5).astype(np.uint8) for picture in (truth, result))
        pictures = (
            contact_sheet.tint(true, hidden.astype(np.float32)),
            found,
            true,
            origin(true, layers["source.frame"] - frame, layers["unseen.a"], where=hidden),
        )
        kept = [e for e in self._kept if e not in rivals] + [WorstFrame(off, clip, kind, frame, pictures)]
        self._kept = heapq.nsmallest(self._count, kept, key=lambda exhibit: exhibit.decibels)

    @property
    def worst(self) -> list[WorstFrame]:
        """What was kept, the worst first."""
        return list(self._kept)

    def hang(self, folder: Path) -> list[Path]:
        """Write contact sheets `worst-1.png`, ... of five frames each; returns their paths.

        Raises:
            OSError: when one cannot be written.
        """
        if not self._kept:
            return []
        shape = tuple(max(e.pictures[0].shape[side] for e in self._kept) for side in (0, 1))
        sheets = []
        for start in range(0, len(self._kept), _ROWS_A_SHEET):
            shown = self._kept[start : start + _ROWS_A_SHEET]
            rows = [[_padded(picture, shape) for picture in exhibit.pictures] for exhibit in shown]
            names = [f"{e.decibels:.1f} dB {e.clip} {e.kind} {e.frame}" for e in shown]
            sheets.append(folder / f"worst-{start // _ROWS_A_SHEET + 1}.png")
            contact_sheet.save(sheets[-1], contact_sheet.contact_sheet(rows, titles=TITLES, names=names))
        return sheets


def origin(picture: Picture, offset: Array, unseen: Array, *, where: Mask) -> Picture:
    """Where each hidden pixel came from, in colours over the picture in dim grey.

    Args:
        offset: (H, W) frames from the target to the source: blue for earlier ones, yellow for later ones, brighter
            with the distance, full at 30.
        unseen: (H, W) 0 .. 1: red where it was painted.
        where: (H, W) bool, where all this means something.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) // 3
    shown: Picture = np.repeat(grey[..., None], 3, axis=-1)
    far = (0.35 + 0.65 * np.clip(np.abs(offset) / 30, 0, 1))[..., None]
    colour = np.where(offset[..., None] < 0, _EARLIER, _LATER) * far
    colour += (_PAINTED - colour) * np.clip(unseen, 0, 1)[..., None]
    shown[where] = colour[where].astype(np.uint8)
    return shown


def _padded(picture: Picture, shape: tuple[int, ...]) -> Picture:
    below, beside = shape[0] - picture.shape[0], shape[1] - picture.shape[1]
    return np.pad(picture, ((0, below), (0, beside), (0, 0)))
