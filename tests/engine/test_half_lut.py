"""Halves: looking them up is converting them, whatever they are and however they lie in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.plates import exr
from aan_engine.plates.half_lut import BAND_ROWS, all_half, linear_table, log_table, stack_channels


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 5), (BAND_ROWS + 3, 7), (0, 4), (4, 0)])
@pytest.mark.parametrize("every", [1, 2])
def test_any_window_of_halves_is_looked_up_as_it_would_be_converted(shape: tuple[int, int], every: int) -> None:
    rng = np.random.default_rng(0)
    channels = [rng.normal(0, 100, (200, 20)).astype(np.float16)[3 : 3 + shape[0], 2 : 2 + shape[1]] for _ in range(3)]
    shown = [channel[::every, ::every] for channel in channels]
    plain = np.stack(shown, -1).astype(np.float32)
    assert all_half(shown)
    assert stack_channels(shown, linear_table).tobytes() == plain.tobytes()
    assert stack_channels(shown, log_table).tobytes() == to_log(plain).tobytes()


def test_every_half_there_is_comes_out_as_itself() -> None:
    bits = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    found = stack_channels([bits.view(np.float16)] * 3, linear_table)[..., 1]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found, bits.view(np.float16).astype(np.float32))


def test_channels_of_other_or_of_mixed_precision_are_converted() -> None:
    shown = [np.full((2, 3), value, kind) for value, kind in ((0.1, np.float32), (0.5, np.float16), (2, np.float16))]
    assert not all_half(shown)
    np.testing.assert_array_equal(stack_channels(shown, linear_table)[1, 2], np.array([0.1, 0.5, 2], np.float32))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_a_plate_in_the_log_range_is_that_of_its_light_to_the_bit(tmp_path: Path, kind: Any) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    with np.errstate(invalid="ignore"):
        shown = {"R": every.astype(kind), "G": every[::-1].astype(kind), "B": every.T.astype(kind)}
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    channels = {name: np.ascontiguousarray(values) for name, values in shown.items()}
    OpenEXR.File(header, channels).write(str(tmp_path / "p.exr"))
    plate = exr.read(tmp_path / "p.exr", frame=1)
    box = Box(top=3, bottom=250, left=7, right=256)
    np.testing.assert_array_equal(plate.log_region(box), to_log(plate.region(box)))
    np.testing.assert_array_equal(plate.region(box, every=3), plate.region(box)[::3, ::3])
