"""Pooling: sums of shifted pictures are the library's own windows."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from aan_engine.core.pooling import box_mean, channel_mean, downsample2x


def pictures() -> torch.Tensor:
    return torch.rand((2, 3, 12, 18), generator=torch.Generator().manual_seed(0))


def test_halving_is_the_mean_of_every_two_by_two() -> None:
    torch.testing.assert_close(downsample2x(pictures()), F.avg_pool2d(pictures(), 2))


@pytest.mark.parametrize("side", [1, 3, 9])
def test_the_mean_around_a_pixel_counts_nothing_beyond_the_border(side: int) -> None:
    given = pictures()
    torch.testing.assert_close(box_mean(given, side), F.avg_pool2d(given, side, 1, side // 2))
    torch.testing.assert_close(given, pictures())


def test_channels_are_averaged_wherever_they_stand() -> None:
    torch.testing.assert_close(channel_mean(pictures()), pictures().mean(1))
    torch.testing.assert_close(channel_mean(pictures()[None]), pictures()[None].mean(2))
