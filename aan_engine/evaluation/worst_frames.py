"""Worst frames: the frames of a measurement with the lowest PSNR, kept while it runs and laid out on contact sheets."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from aan_engine.colour.display import Picture
from aan_engine.core.types import Array, Mask
from aan_engine.evaluation import contact_sheet, metrics

SAME_FAULT = 10
"""Frames of one clip and kind that are nearer to each other than this show the same fault: only the worst is kept."""

TITLES = (
    "plate and hole",
    "result",
    "truth",
    "source: earlier blue, later yellow, synthesised red",
)

_ROWS_PER_SHEET = 5
_EARLIER, _LATER, _SYNTHESISED = np.array([[40, 110, 255], [255, 220, 30], [255, 30, 30]], np.float32)


@dataclass(frozen=True, eq=False)
class WorstFrame:
    """One frame.

    Args:
        psnr: in its hole, dB.
        clip, kind, frame: which frame of which clip, behind which kind of hole.
        pictures: one for each of `TITLES`.
    """

    psnr: float
    clip: str
    kind: str
    frame: int
    pictures: tuple[Picture, ...]


class WorstFrames:
    """The worst of all frames that are considered.

    Args:
        count: how many are kept.
    """

    def __init__(self, count: int = 20) -> None:
        self._count = count
        self._kept: list[WorstFrame] = []

    def consider(
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
        """Keep a frame if it is among the worst so far.

        Args:
            truth, result: (H, W, 3) float32 sRGB-encoded 0 .. 255.
            hidden: (H, W) bool.
            layers: the AOVs `source.frame` and `unseen.a` (see `rendering.aovs`).
        """
        if not hidden.any():
            return
        psnr = metrics.psnr(float(((result - truth) ** 2)[hidden].mean()))
        rivals = [w for w in self._kept if (w.clip, w.kind) == (clip, kind) and abs(w.frame - frame) < SAME_FAULT]
        if any(rival.psnr <= psnr for rival in rivals):
            return
        full = len(self._kept) - len(rivals) >= self._count
        if full and psnr >= self._kept[-1].psnr:
            return
        true, found = ((picture + 0.5).astype(np.uint8) for picture in (truth, result))
        pictures = (
            contact_sheet.tint(true, hidden.astype(np.float32)),
            found,
            true,
            source_colours(true, layers["source.frame"] - frame, layers["unseen.a"], where=hidden),
        )
        kept = [w for w in self._kept if w not in rivals] + [WorstFrame(psnr, clip, kind, frame, pictures)]
        self._kept = heapq.nsmallest(self._count, kept, key=lambda worst: worst.psnr)

    @property
    def worst(self) -> list[WorstFrame]:
        """Those that were kept, the worst first."""
        return list(self._kept)

    def save(self, folder: Path) -> list[Path]:
        """Write contact sheets `worst-1.png`, ... of five frames each; returns their paths.

        Raises:
            OSError: one cannot be written.
        """
        if not self._kept:
            return []
        shape = tuple(max(w.pictures[0].shape[side] for w in self._kept) for side in (0, 1))
        sheets = []
        for start in range(0, len(self._kept), _ROWS_PER_SHEET):
            shown = self._kept[start : start + _ROWS_PER_SHEET]
            rows = [[_padded(picture, shape) for picture in worst.pictures] for worst in shown]
            names = [f"{w.psnr:.1f} dB {w.clip} {w.kind} {w.frame}" for w in shown]
            sheets.append(folder / f"worst-{start // _ROWS_PER_SHEET + 1}.png")
            contact_sheet.save(sheets[-1], contact_sheet.contact_sheet(rows, titles=TITLES, names=names))
        return sheets


def source_colours(picture: Picture, offset: Array, unseen: Array, *, where: Mask) -> Picture:
    """From which frame each hidden pixel was copied, in colours over the picture in dim grey.

    Args:
        offset: (H, W) frames from the target to the source: blue for earlier ones, yellow for later ones, brighter
            with the distance, full at 30.
        unseen: (H, W) 0 .. 1, the share that was synthesised: red.
        where: (H, W) bool, where these are defined.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) // 3
    shown: Picture = np.repeat(grey[..., None], 3, axis=-1)
    brightness = (0.35 + 0.65 * np.clip(np.abs(offset) / 30, 0, 1))[..., None]
    colour = np.where(offset[..., None] < 0, _EARLIER, _LATER) * brightness
    colour += (_SYNTHESISED - colour) * np.clip(unseen, 0, 1)[..., None]
    shown[where] = colour[where].astype(np.uint8)
    return shown


def _padded(picture: Picture, shape: tuple[int, ...]) -> Picture:
    below, beside = shape[0] - picture.shape[0], shape[1] - picture.shape[1]
    return np.pad(picture, ((0, below), (0, beside), (0, 0)))
