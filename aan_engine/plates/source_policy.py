"""The cast: which frames of a reel play which part: sources or only on the way, painted by hand, clean plates.

Frames are meant by their index on the reel: first the shot's own, in order, then its clean plates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class SourcePolicy:
    """Who plays what; without any word from the artist, every frame is a source like any other.

    Args:
        serving: indices that may be sources; None for all.
        painted: indices of frames painted by hand.
        clean: target index -> indices of the clean plates to look at, the most telling first.
    """

    source_indices: frozenset[int] | None = None
    painted: frozenset[int] = frozenset()
    clean: Callable[[int], list[int]] = lambda index: []

    def serves(self, index: int) -> bool:
        """Whether this frame may be a source."""
        return self.source_indices is None or index in self.source_indices


ALL_SOURCES = SourcePolicy()
