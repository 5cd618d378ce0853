"""A shot of four frames in our node, begun, and its end."""

from __future__ import annotations

ALL = range(1001, 1005)


def begun(shop, engine):
    """A shot of four frames in mid-job: the first two are there."""
    node = shop.shot(1001, 1004)
    engine.hold_at(1003)
    shop.press("solve")
    shop.until(lambda: shop.node["solved"].valueAt(1002) and not shop.node["solved"].valueAt(1003))
    return node


def finished(shop) -> None:
    shop.until(lambda: not shop.busy)
    assert shop.solved(ALL) == list(ALL), shop.state
