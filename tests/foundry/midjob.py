"""A shot of four frames in our node, begun, and its end."""

from __future__ import annotations

ALL = range(1001, 1005)


def begun(shop, engine, *, until: int = 1003):
    """A shot of four frames in mid-job: those before `until` are there."""
    node = shop.shot(1001, 1004)
    engine.hold_at(until)
    shop.press("solve")
    shop.until(lambda: shop.node["solved"].valueAt(until - 1) and not shop.node["solved"].valueAt(until))
    return node


def finished(shop) -> None:
    shop.until(lambda: not shop.busy)
    assert shop.solved(ALL) == list(ALL), shop.state
