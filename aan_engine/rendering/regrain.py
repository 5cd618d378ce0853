"""The grain stages: a fill gets the grain of the plate around it, fresh on every frame.

Resampled, mixed and synthesised pixels have less grain than the plate: `add_grain` adds what is missing. A copy may
also have too much: where neighbouring targets show the same source pixel, its grain would stand still along the motion.
`mark_repeated` finds such pixels, `denoise_repeated` removes their grain as far as structure allows.

Constants that do not say how they were found were not measured separately.

Convention: values and variances in the log range, as in `grain`.
"""

from __future__ import annotations

import numpy as np

from aan_engine.colour.log_encoding import channel_mean, from_log, to_log
from aan_engine.core.box import Box, masked_pixels, tiles
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.types import Array, Mask
from aan_engine.grain import denoise
from aan_engine.grain.estimate import GrainModel
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.second_sample import SecondSampler
from aan_engine.rendering.target import NOTHING_COPIED, Target

TILE = 128
"""Side of what is worked on at a time. Fresh grain is drawn tile by tile: another side draws other grain."""

MAX_REPEATED = 0.07
"""The share of grain that may be left by denoising one frame alone; where it is more, a second sample is taken."""


def mark_repeated(fill: FillBuffer, target: Target, /) -> FillBuffer:
    """Find the copies whose grain a neighbouring target shows at the same point of the scene. See `target.Stage`.

    These are the ones whose source is the next or the previous frame, which show that point themselves, and those that
    the previous target copied from the same position. (The next target compares itself with this one.) The first target
    of a shot, or after a frame without a hole, has nothing to compare with: all its copies are marked.
    """
    if target.grain is None:
        return fill
    if target.previous is NOTHING_COPIED:
        fill.repeated = target.hidden & (fill.source >= 0)
        return fill
    ys, xs = masked_pixels(target.hidden)
    source, position = fill.source[ys, xs], fill.position[ys, xs]
    repeated = (source >= 0) & (np.abs(source - target.index) == 1)
    for frame, mask in target.previous.masks.items():
        here = np.flatnonzero((source == frame) & ~repeated)
        h, w = mask.shape
        at = ProxyScale.between(target.hidden.shape, mask.shape).to_proxy(position[here])
        x, y = np.clip(np.rint(at).astype(int), 0, (w - 1, h - 1)).T
        repeated[here] = mask[y, x]
    fill.repeated[ys, xs] = repeated
    return fill


def denoise_repeated(fill: FillBuffer, target: Target, /) -> FillBuffer:
    """Estimate repeated pixels without their grain, and what is left of it. See `target.Stage`.

    The estimate is kept beside the fill, as `denoised`, for `add_grain`: left out of it, this stage changes no pixel.
    """
    box = Box.around_mask(fill.repeated & target.hidden)
    if target.grain is None or box is None:
        return fill
    second = SecondSampler(fill, target)
    for tile in tiles(box, TILE):
        repeated = fill.repeated[tile.slices] & target.hidden[tile.slices]
        if repeated.any():
            _denoise_tile(fill, target, target.grain, second, tile=tile, repeated=repeated)
    return fill


def _denoise_tile(
    fill: FillBuffer, target: Target, grain: GrainModel, second: SecondSampler, *, tile: Box, repeated: Mask
) -> None:
    around = tile.grown(denoise.MARGIN, denoise.MARGIN).clipped(target.hidden.shape)
    wide, inner = around.slices, tile.relative_to(around).slices
    with np.errstate(invalid="ignore"):
        light = np.where(target.hidden[wide][..., None], fill.fill[wide], target.own.picture.region(around))
    values = _finite_log(light)
    where = np.zeros(values.shape[:2], np.bool_)
    where[inner] = repeated
    smooth, left = denoise.dct_denoise(values, grain, where=where)
    if second.is_exact and left[where].mean() > MAX_REPEATED:
        sample = second.region(around)
        smooth, left = denoise.dct_denoise(values, grain, sample, where=where)
        left *= _mixed_gain(fill.grain_coarse[wide], fill.share[wide], where=sample.instead & sample.known)
    fill.denoised[tile.slices], fill.is_denoised[tile.slices] = smooth[inner], True
    # What denoising leaves is where structure is: among the grain's lower frequencies.
    coarse = fill.grain_coarse[tile.slices] * left[inner]
    fine = fill.grain_fine[tile.slices] * left[inner]
    fill.grain_kept[tile.slices][repeated] = fill.grain_coarse[tile.slices][repeated] = coarse[repeated]
    fill.grain_fine[tile.slices][repeated] = fine[repeated]


def _mixed_gain(grain_coarse: Array, share: Array, *, where: Mask) -> Array:
    """How the power of a mixture's grain changes where the grain of its leading source is exchanged for another's.

    Of w a + rest, with (b - a) added, there is b, (w - 1) a, and the rest.
    """
    return np.where(where, 1 + 2 * (1 - share) / np.maximum(grain_coarse, 1e-3), 1)


def add_grain(fill: FillBuffer, target: Target, /) -> FillBuffer:
    """Add the grain that pixels lack; repeated ones are replaced by their `denoised` estimate. See `target.Stage`."""
    box = Box.around_mask(target.hidden)
    if target.grain is None or box is None:
        return fill
    for tile in tiles(box, TILE):
        hidden = target.hidden[tile.slices]
        if hidden.any():
            rng = np.random.default_rng([abs(n) for n in (*target.seed, tile.top, tile.left)])
            fill.fill[tile.slices][hidden] = _grained_tile(fill, target.grain, rng, tile=tile)[hidden]
    return fill


def _grained_tile(fill: FillBuffer, grain: GrainModel, rng: np.random.Generator, *, tile: Box) -> Array:
    """(h, w, 3) scene-linear."""
    window = tile.slices
    values = _finite_log(fill.fill[window])
    # Grain's strength follows the picture without grain. Known flaw: `denoised` means something only where pixels are
    # repeated, but is read over the whole tile. Another level changes the drawn grain, so it stays for bit identity.
    smooth = np.where(fill.is_denoised[window][..., None], fill.denoised[window], values)
    base = np.where(fill.repeated[window][..., None], smooth, values)
    # Sums of shares come out a rounding above 1 now and then.
    missing, missing_fine = np.maximum(1 - fill.grain_kept[window], 0), np.maximum(1 - fill.grain_fine[window], 0)
    fresh = grain.synthesise(missing, missing_fine, rng)
    return from_log(base + np.sqrt(grain.at(channel_mean(smooth))) * fresh)


def _finite_log(light: Array) -> Array:
    """In the log range; 0 where it is NaN or infinite."""
    return to_log(np.where(np.isfinite(light), light, 0))
