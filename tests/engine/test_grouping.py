"""Origins: every pixel is handed out once, under its frame, in its place."""

from __future__ import annotations

import numpy as np
import pytest

from aan_engine.core.grouping import group_by_frame


@pytest.mark.parametrize("count", [0, 1, 5, 400])
def test_it_is_what_looking_for_each_frame_finds(count: int) -> None:
    frames = np.random.default_rng(count).integers(-2, 5, count).astype(np.int32)
    found = dict(group_by_frame(frames))
    assert list(found) == sorted(set(frames[frames >= 0].tolist()))
    for frame, here in found.items():
        assert here.tolist() == np.flatnonzero(frames == frame).tolist()


def test_where_nothing_comes_from_anywhere_nothing_is_handed_out() -> None:
    assert list(group_by_frame(np.full(9, -1, np.int32))) == []
