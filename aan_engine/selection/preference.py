"""The artist's preference: clean plates and frames painted by hand weigh more than the chooser gives them."""

from __future__ import annotations

import numpy as np

from aan_engine.candidates.candidate import Candidate
from aan_engine.core.types import Array
from aan_engine.plates.source_policy import SourcePolicy

PAINTED_FACTOR = 1e6
"""Factor on the weight of a frame painted by hand: it wins over everything."""

PAINTED_FLOOR = 1e-3
"""Added to the weight of a frame painted by hand before that factor, so that it wins where the chooser gave it
nothing."""

CLEAN_FACTOR = 4.0
"""Factor on the weight of a clean plate, which the artist gave for a reason. Not measured separately."""


def prefer_artists_sources(policy: SourcePolicy, candidates: list[Candidate], *, weights: Array, count: int) -> Array:
    """The chooser's weights (K, h, w), shifted towards the artist's own sources; sums stay as they are.

    Args:
        count: frames of the shot itself; source frames from this index on are clean plates.
    """
    if not (policy.painted or any((c.frame >= count).any() for c in candidates)):
        return weights
    factor = np.ones_like(weights)
    for k, candidate in enumerate(candidates):
        factor[k][candidate.frame >= count] = CLEAN_FACTOR
        factor[k][np.isin(candidate.frame, list(policy.painted))] = PAINTED_FACTOR
    raised = (weights + PAINTED_FLOOR * (factor >= PAINTED_FACTOR)) * factor
    before, after = weights.sum(0), raised.sum(0)
    return np.asarray(raised * (before / np.maximum(after, 1e-12)), np.float32)
