"""A least-recently-used cache for several threads, in which every value is computed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar

Value = TypeVar("Value")


class LruCache:
    """At most `limit` values; the least recently used one is dropped first.

    A value that is being made holds up those who ask for the same key and nobody else. Making one may ask for others,
    but never in a circle.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._made: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`; it is made by `make` unless it is kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]
            making = self._made.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]  # type: ignore[return-value]
            value = make()
            with self._lock:
                self._made.pop(key, None)
                self._kept[key] = value
                while len(self._kept) > self._limit:
                    self._kept.popitem(last=False)
        return value

    def clear(self) -> None:
        """Let everything go."""
        self._kept.clear()
