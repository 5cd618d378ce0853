"""Which frames of a shot may be sources, which are painted by hand, and which clean plates a target considers.

Convention: frames are given by their index, see `core.frame.Frame`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class SourcePolicy:
    """The artist's choice of sources. By default every frame is a source, and there are no clean plates.

    Args:
        source_indices: frames that may be sources; None for all. Others are only tracked through.
        painted: frames painted by hand.
        clean: target index -> indices of the clean plates to consider for it, the nearest first.
    """

    source_indices: frozenset[int] | None = None
    painted: frozenset[int] = frozenset()
    clean: Callable[[int], list[int]] = lambda index: []

    def serves(self, index: int) -> bool:
        """Whether this frame may be a source."""
        return self.source_indices is None or index in self.source_indices


ALL_SOURCES = SourcePolicy()
"""Every frame may be a source."""
