"""The cast: which frames of a reel play which part: sources or only on the way, painted by hand, clean plates.

Frames are meant by their index on the reel: first the shot's own, in order, then its clean plates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aan_engine.candidate import Candidate
from aan_engine.motion import Array

WINS = 1e6
"""What a frame painted by hand counts for against one that was not."""

CLEAN = 4.0
"""What a clean plate counts for against a frame of the shot: the artist gave it for a reason."""


@dataclass(frozen=True)
class Cast:
    """Who plays what; without any word from the artist, every frame is a source like any other.

    Args:
        serving: indices that may be sources; None for all.
        painted: indices of frames painted by hand.
        clean: target index -> indices of the clean plates to look at, the most telling first.
    """

    serving: frozenset[int] | None = None
    painted: frozenset[int] = frozenset()
    clean: Callable[[int], list[int]] = lambda index: []

    def serves(self, index: int) -> bool:
        """Whether this frame may be a source."""
        return self.serving is None or index in self.serving

    def preferred(self, layers: list[Candidate], shares: Array, *, count: int) -> Array:
        """The chooser's (K, h, w) shares, leaning towards what the artist prefers; sums stay as they are.

        Args:
            count: frames of the shot's own; those from there on are clean plates.
        """
        if not (self.painted or any((c.frame >= count).any() for c in layers)):
            return shares
        say = np.ones_like(shares)
        for k, candidate in enumerate(layers):
            say[k][candidate.frame >= count] = CLEAN
            say[k][np.isin(candidate.frame, list(self.painted))] = WINS
        # What has the smallest share may still win, if it lies on a frame that wins over everything.
        lifted = (shares + 1e-3 * (say >= WINS)) * say
        before, after = shares.sum(0), lifted.sum(0)
        return np.asarray(lifted * (before / np.maximum(after, 1e-12)), np.float32)


EVERYONE = Cast()
