"""The texture stage: what no frame shows, copied from plates where it looks alike.

Only pixels that were synthesised are touched: those with a source keep their bits. Each texture pixel is one plate
position; between proxy pixels of one chunk positions are interpolated, and where two chunks meet their copies are
mixed over one proxy pixel. The pixels stay marked as unseen; their source and their own grain are known.

Convention: plate and proxy positions as in `core.proxy_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.core.box import masked_pixels
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array
from aan_engine.grain.model import resampling_gain
from aan_engine.plates.source_plate import sample_plate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.target import Target
from aan_engine.selection.plan import Texture

FAINT, FULL = 0.4, 0.7
"""Share synthesised up to which a pixel keeps its fill, and from which on it is all texture."""

SAME_CHUNK = 0.75
"""Proxy pixels by which neighbouring displacements may differ within a chunk."""

MOST_DARKENED = 0.5
"""Share of a pixel's log-range value that joining may take from it."""

LEAST_SHARE = 1e-3
"""Share of a neighbouring proxy pixel that is worth a sample."""

CHUNK = 200_000
"""Pixels that are worked on at a time."""


def copy_texture(fill: FillBuffer, target: Target, /) -> FillBuffer:
    """Replace what was synthesised by the plan's texture. See `target.Stage`."""
    texture = target.plan.texture
    if texture is None:
        return fill
    ys, xs = masked_pixels(target.hidden & (fill.unseen > FAINT))
    for begin in range(0, len(ys), CHUNK):
        part = slice(begin, begin + CHUNK)
        _copy(fill, target, texture, ys=ys[part], xs=xs[part])
    return fill


@dataclass(frozen=True, eq=False)
class _Corner:
    """One of the four proxy pixels around n plate pixels: (n,) its share, its source frame, its displacement (n, 2)."""

    share: Array
    frame: NDArray[np.int32]
    displacement: Array


@dataclass(frozen=True, eq=False)
class _Copies:
    """What n plate pixels are copied from.

    Args:
        colour: (n, 3) the sum of log-range values by their shares; `total`: (n,) the shares.
        power: (n, 3) the grain that is in the sum, see `resampling_gain`.
        source, position: (n,) and (n, 2) frame and plate position of the largest share; -1 for none.
    """

    colour: Array
    total: Array
    power: Array
    source: NDArray[np.int32]
    position: Array


def _copy(fill: FillBuffer, target: Target, texture: Texture, *, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> None:
    """Give these pixels their texture; those that no plate shows keep their fill."""
    hole = target.plan.hole
    on_proxy = np.asarray(target.scale.to_proxy(np.stack([xs, ys], -1).astype(np.float32)), np.float32)
    points = on_proxy - np.array((hole.left, hole.top), np.float32)
    copies = _gather(target, _corners(texture, points, corner_of=(hole.left, hole.top)), on_proxy)
    found = copies.total > LEAST_SHARE
    ys, xs, points, total = ys[found], xs[found], points[found], copies.total[found, None]
    values = copies.colour[found] / total
    # In the dark a correction that was found under a blur would leave less than no light.
    values += np.maximum(sample(texture.correction, points), -MOST_DARKENED * np.maximum(values, 0))
    # What is hardly synthesised keeps its fill, in between the two are mixed.
    share = np.clip((fill.unseen[ys, xs] - FAINT) / (FULL - FAINT), 0, 1)
    wide = share[:, None]
    with np.errstate(invalid="ignore"):
        before = to_log(fill.fill[ys, xs])
    mixed = np.where(wide < 1, wide * values + (1 - wide) * before, values)
    fill.fill[ys, xs] = from_log(mixed)
    fill.denoised[ys, xs] = np.where(wide > 0.5, mixed, fill.denoised[ys, xs])
    fill.repeated[ys, xs] &= share < 0.5
    grain = (fill.grain_kept, fill.grain_fine, fill.grain_coarse)
    for plane, own in zip(grain, (wide**2 * copies.power[found] / total**2).T, strict=True):
        plane[ys, xs] = own + (1 - share) ** 2 * plane[ys, xs]
    fill.unseen[ys, xs] = np.maximum(fill.unseen[ys, xs], share)
    confidence = sample(np.ascontiguousarray(texture.confidence), points)
    fill.confidence[ys, xs] = share * confidence + (1 - share) * fill.confidence[ys, xs]
    taken = share >= 0.5
    fill.source[ys[taken], xs[taken]] = copies.source[found][taken]
    fill.position[ys[taken], xs[taken]] = copies.position[found][taken]


def _gather(target: Target, corners: list[_Corner], on_proxy: Array) -> _Copies:
    """Sample what n plate pixels, at (n, 2) proxy positions, are copied from."""
    n = len(on_proxy)
    copies = _Copies(
        colour=np.zeros((n, 3), np.float32),
        total=np.zeros(n, np.float32),
        power=np.zeros((n, 3), np.float32),
        source=np.full(n, -1, np.int32),
        position=np.zeros((n, 2), np.float32),
    )
    best = np.zeros(n, np.float32)
    for corner in corners:
        at = np.asarray(target.scale.to_plate(on_proxy + corner.displacement), np.float32)
        for number, here in group_by_frame(np.where(corner.share > LEAST_SHARE, corner.frame, -1)):
            values, sound = sample_plate(target.sources.source(number), at[here])
            here, values = here[sound], values[sound]
            share = corner.share[here]
            copies.colour[here] += share[:, None] * values
            copies.total[here] += share
            copies.power[here] += share[:, None] ** 2 * resampling_gain(at[here], target.grain_size)
            heavier = here[share > best[here]]
            best[heavier], copies.source[heavier] = corner.share[heavier], number
            copies.position[heavier] = at[heavier]
    return copies


def _corners(texture: Texture, points: Array, *, corner_of: tuple[int, int]) -> list[_Corner]:
    """The proxy pixels around box positions (n, 2), whose copies are to be mixed by their shares.

    Within a chunk the four have about the same displacement: then the nearest one gets all of the share, and their
    bilinear mean for a displacement.
    """
    h, w = texture.frame.shape
    x, y = np.clip(points[:, 0], 0, w - 1), np.clip(points[:, 1], 0, h - 1)
    column, row = x.astype(np.intp), y.astype(np.intp)
    own = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).astype(np.float32) + np.array(corner_of, np.float32)
    displacement = texture.position - own
    shares, frames, moved = [], [], []
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        beside, below = np.minimum(column + right, w - 1), np.minimum(row + down, h - 1)
        share = (1 - np.abs(x - (column + right))) * (1 - np.abs(y - (row + down)))
        frame = texture.frame[below, beside]
        shares.append(np.where(frame >= 0, share, 0).astype(np.float32))
        frames.append(frame)
        moved.append(displacement[below, beside])
    nearest = np.stack(shares).argmax(0)
    each = np.arange(len(points))
    frame, centre = np.stack(frames)[nearest, each], np.stack(moved)[nearest, each]
    same = [(f == frame) & (np.abs(m - centre).max(-1) < SAME_CHUNK) for f, m in zip(frames, moved, strict=True)]
    alike = np.stack(same) | (np.stack(shares) <= LEAST_SHARE)
    whole = alike.all(0)
    weight = np.where(np.stack(same), np.stack(shares), 0)
    mean = np.einsum("kn,knc->nc", weight, np.stack(moved)) / np.maximum(weight.sum(0), 1e-6)[:, None]
    found = []
    for k in range(4):
        leads = nearest == k
        share = np.where(whole, leads.astype(np.float32), shares[k])
        found.append(_Corner(share, frames[k], np.where((whole & leads)[:, None], mean, moved[k]).astype(np.float32)))
    return found
