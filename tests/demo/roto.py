"""The demo shot's roto: keyframed closed splines in `roto.json`, drawn as mattes `shot/matte.####.exr`.

Knows the shapes and how to draw them; it never looks at the plates. Run it after editing the keys.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR

HERE = Path(__file__).resolve().parent
SIZE = (640, 360)
SUPERSAMPLE = 8
STEPS = 12  # from one point of a shape to the next


@dataclass(frozen=True)
class Roto:
    """One closed shape over time.

    Args:
        keys: frame number -> (N, 2) float64 points (x, y) on the object's edge, in pixels.
        grow: how far the opaque matte reaches beyond the shape, in pixels.
        feather: width of the soft edge outside of that, in pixels.
    """

    keys: dict[int, np.ndarray]
    grow: float
    feather: float

    def shape(self, frame: int) -> np.ndarray:
        """(N, 2) points at `frame`: linear between keys, held outside of them."""
        numbers = sorted(self.keys)
        points = np.stack([self.keys[n] for n in numbers])
        flat = points.reshape(len(numbers), -1)
        at = [np.interp(frame, numbers, column) for column in flat.T]
        return np.array(at).reshape(-1, 2)

    def matte(self, frame: int) -> np.ndarray:
        """(H, W) float32, 1 over the grown shape, falling to 0 across the feather.

        Convention: pixel centres at integer coordinates, origin top-left, x right, y down.
        """
        width, height = SIZE
        inside = _coverage(_spline(self.shape(frame)), width * SUPERSAMPLE, height * SUPERSAMPLE)
        away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / SUPERSAMPLE
        soft = np.clip(1 - (away - self.grow) / self.feather, 0, 1)
        # A mean over each pixel's samples is antialiasing: the edge is then as fine as the splines are.
        small: np.ndarray = soft.reshape(height, SUPERSAMPLE, width, SUPERSAMPLE).mean(axis=(1, 3), dtype=np.float32)
        return small


def read(file: Path) -> Roto:
    """The roto kept in `file` (JSON: `keys`, `grow`, `feather`)."""
    told: dict[str, Any] = json.loads(file.read_text())
    keys = {int(frame): np.array(points, dtype=np.float64) for frame, points in told["keys"].items()}
    return Roto(keys=keys, grow=told["grow"], feather=told["feather"])


def write_matte(file: Path, matte: np.ndarray) -> None:
    """Write (H, W) values in 0 .. 1 as the half channel A, ZIP."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"A": matte.astype(np.float16)}).write(str(file))


def _spline(points: np.ndarray) -> np.ndarray:
    """(N * STEPS, 2): a closed Catmull-Rom spline through the points."""
    before, after, beyond = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0), np.roll(points, -2, axis=0)
    t = (np.arange(STEPS) / STEPS)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, points, after, beyond))
    curve = p1 + 0.5 * t * ((p2 - p0) + t * ((2 * p0 - 5 * p1 + 4 * p2 - p3) + t * (3 * (p1 - p2) + p3 - p0)))
    return curve.reshape(-1, 2)


def _coverage(outline: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) uint8, 1 inside the outline, on the supersampled raster."""
    # The centre of pixel 0 is the middle of its samples, hence the half pixel.
    dense = (outline + 0.5) * SUPERSAMPLE - 0.5
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, [np.round(dense).astype(np.int32)], 1)
    return canvas


def main() -> None:
    roto = read(HERE / "roto.json")
    for plate in sorted((HERE / "shot").glob("plate.*.exr")):
        frame = int(plate.name.split(".")[1])
        write_matte(plate.with_name(f"matte.{frame}.exr"), roto.matte(frame))


if __name__ == "__main__":
    main()
