"""The report as a picture: one dark page with the figures, a curve for each measure, and the worst frames.

Everything is drawn at twice its size and reduced at the end, so that lines are thin and smooth. What the measures mean
is `report`'s business.

Convention: coordinates are in pixels of the finished page, x right, y down; colours are R, G, B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.display import Picture, to_srgb8
from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask

WIDTH, MARGIN = 1600, 48
THUMB = (288, 162)
"""Width and height of a picture of a frame, in pixels."""

MIN_SAMPLES = 4
"""Rows and columns of a large plate that are averaged for one pixel of its thumbnail; the others are skipped."""

_SCALE = 2
_GROUND, _RULE, _FAINT, _INK = (20, 21, 24), (48, 50, 56), (132, 136, 146), (226, 228, 232)
_LINES = ((98, 202, 186), (242, 170, 84), (122, 162, 247), (164, 150, 190))
_MARK, _OUTLINE = (120, 60, 66), (255, 96, 88)
_HEAD, _CURVE, _BETWEEN, _LEFT = 190, 96, 34, 150
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """A frame, and its hole enlarged; both `THUMB` in size."""

    whole: Picture
    close: Picture


@dataclass(frozen=True)
class Curve:
    """One measure over the frames, None where it is missing; drawn from 0 to `top`, which is labelled `label`."""

    name: str
    values: Sequence[float | None]
    top: float
    label: str = "1"


@dataclass(frozen=True, eq=False)
class Page:
    """The content of the page.

    Args:
        title: text at the top right.
        figures: large figures, each with the words below it.
        frames: the frame numbers that the curves run over, ascending.
        curves: drawn one below the other.
        marks: frame numbers that are marked in the curves.
        worst: two lines of text below each pair of pictures.
        thumbnails: these pictures, None where there is none.
        note: a line below the figures; empty for none.
    """

    title: str
    figures: Sequence[tuple[str, str]]
    frames: Sequence[int]
    curves: Sequence[Curve]
    marks: Sequence[int]
    worst: Sequence[tuple[str, str]]
    thumbnails: Sequence[Thumbnails | None]
    note: str = ""


class PixelReader(Protocol):
    """Returns a box of a picture, or every `every`-th row and column of it: (h, w, 3) float32 scene-linear."""

    def __call__(self, box: Box, *, every: int = 1) -> Array: ...


def thumbnails(read: PixelReader, hidden: Mask) -> Thumbnails:
    """A frame at thumbnail size, and its hole with the surroundings; both with the hole outlined.

    Args:
        read: the frame's picture.
        hidden: (H, W) bool, not all False.
    """
    height, width = hidden.shape
    whole = Box.whole(hidden.shape)
    hole = Box.around_mask(hidden) or whole
    # A box of the thumbnail's aspect around the hole, half as large again, moved inside the frame.
    tall = min(height, max(hole.shape[0] * 1.5, hole.shape[1] * 1.5 * THUMB[1] / THUMB[0], 48))
    wide = min(width, tall * THUMB[0] / THUMB[1])
    top = int(np.clip((hole.top + hole.bottom - tall) / 2, 0, height - tall))
    left = int(np.clip((hole.left + hole.right - wide) / 2, 0, width - wide))
    close = Box(top=top, bottom=top + max(int(tall), 1), left=left, right=left + max(int(wide), 1))
    return Thumbnails(_thumbnail(read, hidden, whole), _thumbnail(read, hidden, close))


def png(content: Page) -> bytes:
    """The page as a PNG file."""
    done, data = cv2.imencode(".png", draw_page(content)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])
    assert done  # only writing to a disk could fail
    return data.tobytes()


def draw_page(content: Page) -> Picture:
    """The page, `WIDTH` pixels wide."""
    curves = _HEAD + len(content.curves) * (_CURVE + _BETWEEN)
    pictures = 2 * (THUMB[1] + 10) + 92 if content.worst else 0
    canvas = _Canvas(WIDTH, curves + pictures + MARGIN)
    _draw_head(canvas, content)
    for row, (curve, colour) in enumerate(zip(content.curves, _LINES, strict=False)):
        _draw_curve(
            canvas, content, curve, colour, top=_HEAD + row * (_CURVE + _BETWEEN), last=row == len(content.curves) - 1
        )
    if content.worst:
        _draw_worst(canvas, content, top=curves + 22)
    return canvas.finished()


class _Canvas:
    """A picture at twice its size, drawn on in the finished page's coordinates."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._large = np.full((height * _SCALE, width * _SCALE, 3), _GROUND, np.uint8)

    def text(
        self,
        words: str,
        x: float,
        y: float,
        *,
        size: float = 0.5,
        colour: tuple[int, int, int] = _INK,
        right: bool = False,
    ) -> None:
        """Words on the baseline y, beginning at x, or ending there if `right`. The font has ASCII characters only."""
        words = words.encode("ascii", "replace").decode()
        (wide, _), _ = cv2.getTextSize(words, _FONT, size * _SCALE, _SCALE)
        at = (round(x * _SCALE) - (wide if right else 0), round(y * _SCALE))
        cv2.putText(self._large, words, at, _FONT, size * _SCALE, colour, _SCALE, cv2.LINE_AA)

    def line(self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], *, width: int = _SCALE) -> None:
        """A line through the points; a dot where there is only one."""
        corners = np.round(np.array(points, np.float64) * _SCALE).astype(np.int32)
        if len(points) == 1:
            cv2.circle(self._large, tuple(map(int, corners[0])), 2 * _SCALE, colour, -1, cv2.LINE_AA)
        cv2.polylines(self._large, [corners[:, None]], False, colour, width, cv2.LINE_AA)

    def picture(self, picture: Picture, x: int, y: int) -> None:
        """A picture at its own size, top left at (x, y)."""
        large = np.repeat(np.repeat(picture, _SCALE, axis=0), _SCALE, axis=1)
        self._large[
            y * _SCALE : y * _SCALE + len(large),
            x * _SCALE : x * _SCALE + large.shape[1],
        ] = large

    def finished(self) -> Picture:
        """The page at its own size."""
        return np.asarray(cv2.resize(self._large, self._size, interpolation=cv2.INTER_AREA), np.uint8)


def _draw_head(canvas: _Canvas, content: Page) -> None:
    canvas.text("Align & Attend", MARGIN, 48, size=0.62)
    canvas.text(content.title, WIDTH - MARGIN, 48, size=0.5, colour=_FAINT, right=True)
    canvas.line([(MARGIN, 66), (WIDTH - MARGIN, 66)], _RULE)
    step = (WIDTH - 2 * MARGIN) / max(len(content.figures), 1)
    for column, (figure, words) in enumerate(content.figures):
        canvas.text(figure, MARGIN + column * step, 118, size=1.1)
        canvas.text(words, MARGIN + column * step, 144, size=0.44, colour=_FAINT)
    if content.note:
        canvas.text(content.note, MARGIN, 174, size=0.46)


def _draw_curve(
    canvas: _Canvas, content: Page, curve: Curve, colour: tuple[int, int, int], *, top: int, last: bool
) -> None:
    left, right, bottom = MARGIN + _LEFT, WIDTH - MARGIN, top + _CURVE
    first, span = content.frames[0], max(content.frames[-1] - content.frames[0], 1)

    def across(frame: int) -> float:
        return left + (right - left) * (frame - first) / span if len(content.frames) > 1 else (left + right) / 2

    for mark in content.marks:
        canvas.line([(across(mark), top), (across(mark), bottom)], _MARK)
    for y in (top, bottom):
        canvas.line([(left, y), (right, y)], _RULE)
    canvas.text(curve.name, MARGIN, top + 14, size=0.48, colour=colour)
    canvas.text(curve.label, left - 12, top + 5, size=0.38, colour=_FAINT, right=True)
    canvas.text("0", left - 12, bottom + 5, size=0.38, colour=_FAINT, right=True)
    for run in _without_gaps(content.frames, curve.values):
        points = [(across(f), bottom - _CURVE * float(np.clip(v / curve.top, 0, 1))) for f, v in run]
        canvas.line(points, colour, width=3)
    if last:
        canvas.text(str(first), left, bottom + 24, size=0.42, colour=_FAINT)
        canvas.text(str(content.frames[-1]), right, bottom + 24, size=0.42, colour=_FAINT, right=True)


def _without_gaps(frames: Sequence[int], values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """(frame, value) pairs, split where values are missing."""
    runs: list[list[tuple[int, float]]] = [[]]
    for frame, value in zip(frames, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame, value))
    return [run for run in runs if run]


def _draw_worst(canvas: _Canvas, content: Page, *, top: int) -> None:
    canvas.text("Look at these first", MARGIN, top + 14, size=0.48)
    step = (WIDTH - 2 * MARGIN + 16) // 5
    for column, (words, thumbs) in enumerate(zip(content.worst, content.thumbnails, strict=True)):
        x, y = MARGIN + column * step, top + 32
        pictures = (thumbs.whole, thumbs.close) if thumbs is not None else (_placeholder(), _placeholder())
        for picture in pictures:
            canvas.picture(picture, x, y)
            y += THUMB[1] + 10
        canvas.text(words[0], x, y + 12, size=0.46)
        canvas.text(words[1], x, y + 34, size=0.4, colour=_FAINT)


def _placeholder() -> Picture:
    """For a frame that an earlier run filled, whose picture is not in memory."""
    empty: Picture = np.full((THUMB[1], THUMB[0], 3), _RULE, np.uint8)
    return empty


def _thumbnail(read: PixelReader, hidden: Mask, box: Box) -> Picture:
    """A box of the frame, fitted into `THUMB`, with the hole outlined."""
    height, width = box.shape
    scale = min(THUMB[0] / width, THUMB[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    # A few of a large plate's pixels make as good a thumbnail as all of them.
    pixels = read(box, every=max(1, int(1 / scale / MIN_SAMPLES)))
    light: NDArray[np.float32] = np.clip(np.nan_to_num(pixels), 0, 1).astype(np.float32)
    small = to_srgb8(cv2.resize(light, size, interpolation=interpolation))
    shape = cv2.resize(hidden[box.slices].astype(np.uint8), size, interpolation=cv2.INTER_LINEAR)
    outlines, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlined = np.ascontiguousarray(small)
    cv2.drawContours(outlined, outlines, -1, _OUTLINE, 1, cv2.LINE_AA)
    fitted: Picture = np.full((THUMB[1], THUMB[0], 3), _RULE, np.uint8)
    y, x = (THUMB[1] - size[1]) // 2, (THUMB[0] - size[0]) // 2
    fitted[y : y + size[1], x : x + size[0]] = outlined
    return fitted
