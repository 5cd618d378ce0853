"""The report as a picture: one dark page with the figures, a curve for each measure, and the worst frames.

Everything is drawn at twice its size and reduced at the end, so that lines are thin and smooth. What the page says is
`contents`' business.

Convention: coordinates are in pixels of the finished page, x right, y down; colours are R, G, B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from aan_engine.colour.display import Picture
from aan_engine.reporting.thumbnails import GROUND, THUMB, Thumbnails

WIDTH, MARGIN = 1600, 48
ACROSS = 3
"""Frames in one row of those to look at first."""

_SCALE = 2
_GROUND, _RULE, _FAINT, _INK = (20, 21, 24), GROUND, (132, 136, 146), (226, 228, 232)
_LINES = ((98, 202, 186), (242, 170, 84), (122, 162, 247), (164, 150, 190))
_MARK, _WARNING = (120, 60, 66), (255, 176, 92)
_HEAD, _LINE, _CURVE, _BETWEEN, _LEFT = 168, 24, 96, 34, 170
_GAP, _FOOT = 8, 26
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Curve:
    """One measure over the frames, None where it is missing.

    Args:
        low, high: the ends of its axis; values beyond are drawn at the end.
        labels: the ends in words, low and high.
        meaning: a few words below the name.
    """

    name: str
    values: Sequence[float | None]
    low: float
    high: float
    labels: tuple[str, str] = ("0", "1")
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class Page:
    """The content of the page.

    Args:
        title: text at the top right.
        figures: large figures, each with the words below it.
        frames: the frame numbers that the curves run over, ascending.
        curves: drawn one below the other.
        marks: frame numbers that are marked in the curves.
        worst: two texts above each frame's pictures: its number, and why it is here.
        thumbnails: these pictures, None where there are none.
        notes, warnings: lines below the figures.
        footer: the last line.
    """

    title: str
    figures: Sequence[tuple[str, str]]
    frames: Sequence[int]
    curves: Sequence[Curve]
    marks: Sequence[int]
    worst: Sequence[tuple[str, str]]
    thumbnails: Sequence[Thumbnails | None]
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    footer: str = ""


def png(content: Page) -> bytes:
    """The page as a PNG file."""
    done, data = cv2.imencode(".png", draw_page(content)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])
    assert done  # only writing to a disk could fail
    return data.tobytes()


def draw_page(content: Page) -> Picture:
    """The page, `WIDTH` pixels wide."""
    head = _HEAD + _LINE * (len(content.notes) + len(content.warnings)) + 14
    curves = head + len(content.curves) * (_CURVE + _BETWEEN)
    rows = -(-len(content.worst) // ACROSS)
    pictures = 44 + rows * _block_height() if rows else 0
    foot = _FOOT if content.footer else 0
    canvas = _Canvas(WIDTH, curves + pictures + foot + MARGIN // 2)
    _draw_head(canvas, content)
    for row, (curve, colour) in enumerate(zip(content.curves, _LINES, strict=False)):
        top = head + row * (_CURVE + _BETWEEN)
        _draw_curve(canvas, content, curve, colour, top=top, last=row == len(content.curves) - 1)
    if rows:
        _draw_worst(canvas, content, top=curves + 22)
    canvas.text(content.footer, MARGIN, curves + pictures + foot, size=0.4, colour=_FAINT)
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
        room: float = WIDTH - 2 * MARGIN,
    ) -> None:
        """Words on the baseline y, beginning at x, or ending there if `right`. The font has ASCII characters only.

        What is longer than `room` pixels is cut.
        """
        words = words.encode("ascii", "replace").decode()
        while (wide := cv2.getTextSize(words, _FONT, size * _SCALE, _SCALE)[0][0]) > room * _SCALE:
            words = words.removesuffix("...")[:-1] + "..."
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
    canvas.text(content.title, WIDTH - MARGIN, 48, size=0.5, colour=_FAINT, right=True, room=WIDTH - 400)
    canvas.line([(MARGIN, 66), (WIDTH - MARGIN, 66)], _RULE)
    step = (WIDTH - 2 * MARGIN) / max(len(content.figures), 1)
    for column, (figure, words) in enumerate(content.figures):
        canvas.text(figure, MARGIN + column * step, 112, size=1.0)
        canvas.text(words, MARGIN + column * step, 136, size=0.42, colour=_FAINT)
    lines = [*((note, _INK) for note in content.notes), *((warning, _WARNING) for warning in content.warnings)]
    for number, (words, colour) in enumerate(lines):
        canvas.text(words, MARGIN, _HEAD + _LINE * number, size=0.46, colour=colour)


def _draw_curve(
    canvas: _Canvas, content: Page, curve: Curve, colour: tuple[int, int, int], *, top: int, last: bool
) -> None:
    left, right, bottom = MARGIN + _LEFT, WIDTH - MARGIN, top + _CURVE
    first, span = content.frames[0], max(content.frames[-1] - content.frames[0], 1)

    def across(frame: int) -> float:
        return left + (right - left) * (frame - first) / span if len(content.frames) > 1 else (left + right) / 2

    def up(value: float) -> float:
        return bottom - _CURVE * float(np.clip((value - curve.low) / (curve.high - curve.low), 0, 1))

    for mark in content.marks:
        canvas.line([(across(mark), top), (across(mark), bottom)], _MARK)
    for y, label in ((bottom, curve.labels[0]), (top, curve.labels[1])):
        canvas.line([(left, y), (right, y)], _RULE)
        canvas.text(label, left - 12, y + 5, size=0.38, colour=_FAINT, right=True)
    canvas.text(curve.name, MARGIN, top + 14, size=0.48, colour=colour)
    canvas.text(curve.meaning, MARGIN, top + 36, size=0.38, colour=_FAINT)
    for run in _without_gaps(content.frames, curve.values):
        canvas.line([(across(frame), up(value)) for frame, value in run], colour, width=3)
    if last:
        canvas.text(str(first), left, bottom + 24, size=0.42, colour=_FAINT)
        if len(content.frames) > 1:
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


def _block_height() -> int:
    """Pixels from one row of frames to the next: a line of text, and two rows of pictures."""
    return 28 + 2 * (THUMB[1] + _GAP) + 18


def _draw_worst(canvas: _Canvas, content: Page, *, top: int) -> None:
    canvas.text("Look at these first", MARGIN, top + 14, size=0.48)
    canvas.text("plate | result, the whole frame and the hole", MARGIN + 190, top + 14, size=0.4, colour=_FAINT)
    wide = 2 * THUMB[0] + _GAP
    step = (WIDTH - 2 * MARGIN - wide) // (ACROSS - 1)
    for number, (words, thumbs) in enumerate(zip(content.worst, content.thumbnails, strict=True)):
        x, y = MARGIN + (number % ACROSS) * step, top + 30 + (number // ACROSS) * _block_height()
        canvas.text(words[0], x, y + 18, size=0.46)
        canvas.text(words[1], x + wide, y + 18, size=0.4, colour=_FAINT, right=True)
        y += 28
        if thumbs is None:
            canvas.picture(_placeholder(), x, y)
            canvas.text("filled in another run: no picture here", x + 12, y + 24, size=0.4, colour=_FAINT)
            continue
        for pair in (thumbs.whole, thumbs.close):
            canvas.picture(pair.plate, x, y)
            canvas.picture(pair.result, x + THUMB[0] + _GAP, y)
            y += THUMB[1] + _GAP


def _placeholder() -> Picture:
    """For a frame that another run filled, whose pictures are not in memory: as large as all four."""
    size = (2 * THUMB[1] + _GAP, 2 * THUMB[0] + _GAP, 3)
    return np.broadcast_to(np.array(_RULE, np.uint8), size).copy()
