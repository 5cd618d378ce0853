"""Asynchronous writing: in order, one frame at a time, and no error is lost."""

from __future__ import annotations

import threading

import pytest

from plugin_host.server.async_writer import AsyncWriter


def test_a_frame_is_written_while_the_next_is_made_and_in_order() -> None:
    written: list[int] = []
    go = threading.Event()

    def write(frame: int) -> None:
        assert go.wait(5)
        written.append(frame)

    with AsyncWriter(write) as writer:
        writer.put(1)
        assert written == []
        go.set()
        writer.put(2)
        assert written[0] == 1
    assert written == [1, 2]


def full(frame: int) -> None:
    raise OSError("disk full")


def test_what_goes_wrong_is_raised_by_the_next_frame_or_on_leaving() -> None:
    def two() -> None:
        with AsyncWriter(full) as writer:
            writer.put(1)
            writer.put(2)

    def one() -> None:
        with AsyncWriter(full) as writer:
            writer.put(1)

    for job in (one, two):
        with pytest.raises(OSError, match="disk full"):
            job()


def test_who_leaves_for_another_reason_still_finds_the_frame_written() -> None:
    written: list[int] = []

    def stopped() -> None:
        with AsyncWriter(written.append) as writer:
            writer.put(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert written == [1]
