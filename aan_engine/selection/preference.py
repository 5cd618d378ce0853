"""The artist's preference: frames painted by hand and clean plates count for more than the chooser gives them."""

from __future__ import annotations

import numpy as np

from aan_engine.candidates.candidate import Candidate
from aan_engine.core.types import Array
from aan_engine.plates.source_policy import SourcePolicy

WINS = 1e6
"""What a frame painted by hand counts for against one that was not."""

CLEAN = 4.0
"""What a clean plate counts for against a frame of the shot: the artist gave it for a reason."""


def prefer_artists_sources(policy: SourcePolicy, candidates: list[Candidate], shares: Array, *, count: int) -> Array:
    """The chooser's (K, h, w) shares, leaning towards what the artist prefers; sums stay as they are.

    Args:
        count: frames of the shot's own; those from there on are clean plates.
    """
    if not (policy.painted or any((c.frame >= count).any() for c in candidates)):
        return shares
    say = np.ones_like(shares)
    for k, candidate in enumerate(candidates):
        say[k][candidate.frame >= count] = CLEAN
        say[k][np.isin(candidate.frame, list(policy.painted))] = WINS
    # What has the smallest share may still win, if it lies on a frame that wins over everything.
    lifted = (shares + 1e-3 * (say >= WINS)) * say
    before, after = shares.sum(0), lifted.sum(0)
    return np.asarray(lifted * (before / np.maximum(after, 1e-12)), np.float32)
