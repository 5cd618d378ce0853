"""Contact sheets: tinted pictures, false colours, many pictures on one sheet, short films.

Convention: pictures are (H, W, 3) uint8 sRGB in R, G, B order; `save` and `film` reorder the channels for OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.display import Picture

_GAP, _LINE = 6, 26
_GROUND, _INK = 24, (222, 222, 222)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_RED = (255, 40, 40)


def tint(picture: Picture, amount: NDArray[np.float32]) -> Picture:
    """The picture under red.

    Args:
        amount: (H, W) 0 .. 1; at 1 the red is .6 opaque.
    """
    weight = 0.6 * np.clip(amount, 0, 1)[..., None]
    mixed = picture * (1 - weight) + np.array(_RED, np.float32) * weight
    return (mixed + 0.5).astype(np.uint8)


def heat(picture: Picture, values: NDArray[np.float32], *, where: NDArray[np.bool_]) -> Picture:
    """Values in false colours, dark violet for 0 to yellow for 1, over the picture in dim grey.

    Args:
        values: (H, W) 0 .. 1, read inside `where` only; NaN counts as 0.
        where: (H, W) bool, where the values are defined.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) // 3
    shown: Picture = np.repeat(grey[..., None], 3, axis=-1)
    levels = (np.clip(np.nan_to_num(values), 0, 1) * 255 + 0.5).astype(np.uint8)
    shown[where] = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[where][:, ::-1]
    return shown


def contact_sheet(
    rows: Sequence[Sequence[Picture]], *, titles: Sequence[str], names: Sequence[str], width: int = 480
) -> Picture:
    """One picture of many: a row for each name, a column for each title.

    Args:
        rows: pictures of one shape, `len(titles)` in each row.
        names: one for each row, written beside it.
        width: of one column, in pixels; the height follows.

    Raises:
        ValueError: rows, names and titles do not fit together, or the pictures differ in shape.
    """
    if len(rows) != len(names) or any(len(row) != len(titles) for row in rows):
        raise ValueError(f"{len(rows)} rows do not fit {len(names)} names and {len(titles)} titles")
    if len({picture.shape for picture in chain(*rows)}) != 1:
        raise ValueError("a contact sheet needs pictures of one shape, and at least one")
    height = round(rows[0][0].shape[0] * width / rows[0][0].shape[1])
    left, top = _GAP + max(_text_width(name) for name in names) + _GAP, _LINE
    size = (top + len(rows) * (height + _GAP), left + len(titles) * (width + _GAP), 3)
    sheet = np.full(size, _GROUND, np.uint8)
    for column, title in enumerate(titles):
        _write(sheet, title, x=left + column * (width + _GAP), y=top - 8)
    for line, (name, row) in enumerate(zip(names, rows, strict=True)):
        y = top + line * (height + _GAP)
        _write(sheet, name, x=_GAP, y=y + 16)
        for column, picture in enumerate(row):
            x = left + column * (width + _GAP)
            sheet[y : y + height, x : x + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return sheet


def side_by_side(left: Picture, right: Picture) -> Picture:
    """Two pictures of one height beside each other, a narrow line between them."""
    line = np.full((left.shape[0], _GAP, 3), _GROUND, np.uint8)
    return np.hstack([left, line, right])


def save(path: Path, picture: Picture) -> None:
    """Write a picture in the format that the suffix names.

    Raises:
        OSError: it cannot be written.
    """
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OSError(f"{path} could not be written")


def film(path: Path, frames: Iterable[Picture], *, fps: float) -> None:
    """Write frames of one shape and even size as an MPEG-4 film.

    Raises:
        OSError: there are no frames, or OpenCV cannot write such a film here.
        ValueError: a frame differs in shape from the first.
    """
    writer, shape = None, None
    try:
        for frame in frames:
            if writer is None:
                shape = frame.shape
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(path), code, fps, (shape[1], shape[0]))
                if not writer.isOpened():
                    raise OSError(f"{path} could not be begun: no MPEG-4 encoder, or no place to write")
            if frame.shape != shape:
                raise ValueError(f"a frame of {frame.shape} in a film of {shape}")
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
    finally:
        if writer is not None:
            writer.release()
    if writer is None:
        raise OSError(f"{path} was not written: there are no frames")


def _text_width(text: str) -> int:
    return int(cv2.getTextSize(text, _FONT, 0.5, 1)[0][0])


def _write(sheet: Picture, text: str, *, x: int, y: int) -> None:
    cv2.putText(sheet, text, (x, y), _FONT, 0.5, _INK, 1, cv2.LINE_AA)
