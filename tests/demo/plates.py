"""The demo shot's plates: the first 46 frames of an 8-bit clip as scene-linear EXR, numbered from 1001.

Run once, by hand: `python tests/demo/plates.py CLIP.mp4`. Knows nothing of the roto.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR

SHOT = Path(__file__).resolve().parent / "shot"
FIRST, COUNT, RATE = 1001, 46, 24
OWNER = "Udacity, CarND-LaneLines-P1, MIT licence"
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def linear(picture: np.ndarray) -> np.ndarray:
    """Scene-linear float32 of an 8-bit picture.

    Convention: in is sRGB-encoded 0 .. 255, out is linear light 0 .. 1 (IEC 61966-2-1), the primaries stay Rec. 709.
    """
    encoded = picture.astype(np.float32) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


def write_plate(file: Path, picture: np.ndarray, frame: int) -> None:
    """Write (H, W, 3) linear R, G, B as half, DWAB: small in the repository, as lossy as a dailies plate."""
    since = frame - FIRST
    clock = (1, 0, since // RATE, since % RATE)
    flags_and_user_bits = (0,) * 14
    code = OpenEXR.TimeCode(*clock, *flags_and_user_bits)
    header = {
        "compression": OpenEXR.DWAB_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "timeCode": code,
        "framesPerSecond": Fraction(RATE, 1),
        "chromaticities": REC709,
        "owner": OWNER,
    }
    channels = {name: np.ascontiguousarray(picture[..., i]).astype(np.float16) for i, name in enumerate("RGB")}
    OpenEXR.File(header, channels).write(str(file))


def main() -> None:
    clip = cv2.VideoCapture(sys.argv[1])
    SHOT.mkdir(exist_ok=True)
    for frame in range(FIRST, FIRST + COUNT):
        read, picture = clip.read()
        if not read:
            sys.exit(f"{sys.argv[1]} ends before frame {frame}; it needs {COUNT} frames.")
        write_plate(SHOT / f"plate.{frame}.exr", linear(picture[..., ::-1]), frame)


if __name__ == "__main__":
    main()
