"""Coring: a picture's noise taken down against what is known of it, its structure left standing.

Overlapping blocks are taken apart into cosines; what a coefficient has beyond several times the noise in it stays, the
rest fades. Where every coefficient is structure, noise stays with it: how much of it does is told along.

Convention: as in `grain`. Blocks are 8 x 8 and begin every 4 pixels.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from aan_engine.grain import Grain, correlation
from aan_engine.motion import Array

SIDE = 8
STEP = 4

STAND = 6.0
"""A coefficient's power must be so many times the noise's to be more than noise."""

MARGIN = SIDE
"""Pixels that a picture must have around what is asked of it."""


def cored(values: Array, grain: Grain) -> tuple[Array, Array]:
    """The picture without its noise, as far as structure allows.

    Args:
        values: (h, w, 3) log range.

    Returns:
        (h, w, 3), and (h, w) 0 .. 1: the share of the noise's variance that is still in it.
    """
    h, w = values.shape[:2]
    cosines = _cosines()
    padded = np.pad(values, ((SIDE, SIDE + h % STEP), (SIDE, SIDE + w % STEP), (0, 0)), mode="edge")
    planes = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[:, None]
    found = F.conv2d(planes, cosines, stride=STEP)
    level = np.asarray(found[:, 0].mean(0).numpy() / SIDE, np.float32)  # a block's mean
    noise = torch.from_numpy(grain.at(level).transpose(2, 0, 1))[:, None] * _spectrum(grain.size)
    gain = (1 - STAND * noise / (found**2).clamp_min(1e-12)).clamp_min(0)
    gain[:, 0] = 1
    spectrum = _spectrum(grain.size)
    stays = (gain**2 * spectrum).sum(1, keepdim=True).mean(0, keepdim=True) / spectrum.sum()
    cover = torch.ones(1, 1, SIDE, SIDE)
    count = F.conv_transpose2d(torch.ones_like(stays), cover, stride=STEP)
    smooth = F.conv_transpose2d(found * gain, cosines, stride=STEP) / count
    share = F.conv_transpose2d(stays, cover, stride=STEP) / count
    inner = np.s_[SIDE : SIDE + h, SIDE : SIDE + w]
    return np.ascontiguousarray(smooth[:, 0].numpy().transpose(1, 2, 0)[inner]), share[0, 0].numpy()[inner]


def _basis() -> NDArray[np.float64]:
    """(8, 8) orthonormal cosines by frequency and place."""
    k, i = np.mgrid[:SIDE, :SIDE]
    found = np.cos(np.pi * (i + 0.5) * k / SIDE) * np.sqrt(2 / SIDE)
    found[0] = np.sqrt(1 / SIDE)
    return np.asarray(found, np.float64)


def _cosines() -> torch.Tensor:
    """(64, 1, 8, 8) the blocks' cosines, the mean first."""
    one = _basis()
    both = np.einsum("uy,vx->uvyx", one, one).reshape(SIDE * SIDE, 1, SIDE, SIDE)
    return torch.from_numpy(both.astype(np.float32))


def _spectrum(size: tuple[float, float]) -> torch.Tensor:
    """(64, 1, 1) the variance that noise of variance 1 and this size has in each cosine."""
    one, lags = _basis(), np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
    along = [np.einsum("ki,ij,kj->k", one, correlation(s)[lags], one) for s in size]
    return torch.from_numpy(np.outer(along[1], along[0]).reshape(-1, 1, 1).astype(np.float32))
