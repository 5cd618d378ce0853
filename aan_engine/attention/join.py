"""Join: copied texture brought to the colour and light of its place, and its seams closed.

What is added to a source map's colours so that, in the log range, they have the low frequencies of the guide, the
gradients of the copies within each chunk, and no step where two chunks, or a chunk and the plate, meet.
"""

from __future__ import annotations

import numpy as np

from aan_engine.attention.source_map import SourceMap
from aan_engine.core.filters import masked_gaussian
from aan_engine.core.screened_poisson import Edges, extended, solve_correction
from aan_engine.core.types import Array, Mask
from aan_engine.registration.proxy_images import ProxyImages

GUIDE_SIGMA, GUIDE_SHARE = 6.0, 0.8
"""Standard deviation, in proxy pixels, of the low frequencies that the guide gives, and how much of the difference is
made up for. On five training clips with never-seen holes a share of .3 costs 1.5 dB of low frequencies against .4."""

MISMATCH = 0.15
"""Step (log range) that counts half: well above, two things meet, and a step belongs there. Between .12 and .25 a fill
loses 8 % of its gradients."""

HOLD = 0.01
"""Weight of the colour so far against the steps: changes fade over 10 proxy pixels. Not measured separately."""


def join_correction(texture: SourceMap, images: ProxyImages, *, picture: Array, guide: Array, free: Mask) -> Array:
    """(h, w, 3) what to add to the texture's colours; 0 where nothing is copied.

    Args:
        picture: (h, w, 3) log range, the frame with all that is known or filled otherwise; read where not `free`.
        guide: (h, w, 3) log range, the synthesised picture.
        free: (h, w) bool, the pixels that the texture fills.
    """
    own = texture.colours(images)
    low = masked_gaussian(guide - own, free, GUIDE_SIGMA) * GUIDE_SHARE
    present = np.where(free[..., None], own + low, picture)
    edges = [_edges(texture, images, own=own, present=present, free=free, axis=axis) for axis in (0, 1)]
    found = low + solve_correction(free, edges, hold=HOLD)
    return extended(np.where(free[..., None], found, 0).astype(np.float32), free)


def _edges(texture: SourceMap, images: ProxyImages, *, own: Array, present: Array, free: Mask, axis: int) -> Edges:
    """The edges along `axis` of which at least one end is free, and by how much each should change."""
    ahead, behind = (np.s_[1:], np.s_[:-1]) if axis == 0 else (np.s_[:, 1:], np.s_[:, :-1])
    shift = (0, 1) if axis == 0 else (1, 0)
    # What each end's source shows beside it: the step that it would have made.
    forward = own - texture.colours(images, shift=shift)
    backward = texture.colours(images, shift=(-shift[0], -shift[1])) - own
    p, q = free[behind], free[ahead]
    wanted = np.where((p & q)[..., None], 0.5 * (forward[behind] + backward[ahead]), 0)
    wanted = np.where((p & ~q)[..., None], forward[behind], wanted)
    wanted = np.where((q & ~p)[..., None], backward[ahead], wanted)
    step = wanted - (present[behind] - present[ahead])
    size = np.abs(step).max(-1, initial=0)
    strength, chosen = 1 / (1 + (size / MISMATCH) ** 4), p | q
    flat = np.argwhere(chosen) @ (free.shape[1], 1)
    along = free.shape[1] if axis == 0 else 1
    return Edges(flat, flat + along, strength[chosen].astype(np.float32), step[chosen].astype(np.float32))
