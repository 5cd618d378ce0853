"""Shots as they come: of two frames, of three hundred, and with a cut inside."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from aan_engine.colour.log_encoding import to_log
from aan_engine.pipeline import fill, warm
from aan_engine.plates import exr
from tests.engine.shots import Array, box_matte, pan, scene, shot_of

PLATES = Path(__file__).resolve().parents[1] / "demo" / "shot"
SMALL = (48, 64)
LONG = 300


def error_db(found: Array, true: Array, hidden: Array) -> float:
    """PSNR in the hole, in the log range."""
    off = (to_log(found) - to_log(true))[hidden > 0]
    return float(-10 * np.log10(np.mean(off.astype(np.float64) ** 2) + 1e-12))


def there_and_back(frames: int) -> list[Array]:
    """A camera that looks left and right, in whole pixels, over a scene of its own size."""
    left = [round(60 + 60 * np.sin(t / 12)) for t in range(frames)]
    return [scene()[30 : 30 + SMALL[0], x : x + SMALL[1]].astype(np.float16).astype(np.float32) for x in left]


def drive(frames: range) -> list[Array]:
    """Real plates at 192 x 108."""
    read = [exr.read(PLATES / f"plate.{frame}.exr", frame=frame).pixels for frame in frames]
    small = [cv2.resize(plate, (192, 108), interpolation=cv2.INTER_AREA) for plate in read]
    return [plate.astype(np.float16).astype(np.float32) for plate in small]


def test_of_two_frames_each_is_filled_from_the_other(tmp_path: Path) -> None:
    plates, mattes = pan(2, speed=24), box_matte(2)
    shot = shot_of(tmp_path, plates, mattes, aovs=("source",))
    for filled, plate, matte, other in zip(fill(shot), plates, mattes, (1002, 1001), strict=True):
        assert error_db(filled.pixels, plate, matte) > 28
        source = filled.layers["source.frame"][filled.hidden]
        assert (source == other).mean() > 0.7


def test_a_long_shot_is_filled_to_its_end_in_bounded_memory(tmp_path: Path) -> None:
    plates, clear = there_and_back(LONG), np.zeros(SMALL, np.float32)
    hole = box_matte(1, size=SMALL, side=12)[0]
    shot = shot_of(tmp_path, plates, [hole if t % 50 == 25 else clear for t in range(LONG)])
    warm()
    held = []
    tracemalloc.start()
    try:
        for t, filled in enumerate(fill(shot)):
            assert filled.frame == 1001 + t
            if t % 50 == 25:
                assert error_db(filled.pixels, plates[t], hole) > 28
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert t == LONG - 1
    # By the middle every window is full: twice as many frames must not hold much more.
    assert max(held) < 1.25 * max(held[: len(held) // 2])


@pytest.mark.parametrize("side", ["before", "after"])
def test_nothing_is_copied_across_a_cut_in_a_real_shot(side: str, tmp_path: Path) -> None:
    plates = drive(range(1005, 1011)) + [plate[::-1] for plate in drive(range(1030, 1036))]
    shape = plates[0].shape[:2]
    hole, clear = box_matte(1, size=shape, side=24)[0], np.zeros(shape, np.float32)
    here = range(6) if side == "before" else range(6, 12)
    # On the other side of the cut, the same drive upside down, nothing is hidden: all of it could be copied.
    shot = shot_of(tmp_path, plates, [hole if t in here else clear for t in range(12)], aovs=("source",))
    for t, filled in enumerate(fill(shot)):
        if t in here:
            assert set(np.unique(filled.layers["source.frame"][filled.hidden])) <= {-1, *(1001 + n for n in here)}
