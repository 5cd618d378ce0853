"""Reading ahead: in order, one file ahead and no more, and errors in their turn."""

from __future__ import annotations

import threading

import pytest

from aan_engine.core.prefetch import prefetch


def test_the_next_file_is_read_while_this_one_is_worked_on_and_no_more_than_that() -> None:
    begun: list[int] = []
    second = threading.Event()

    def read(index: int) -> int:
        begun.append(index)
        if index == 1:
            second.set()
        return index * 10

    values = prefetch(read, [0, 1, 2, 3])
    assert next(values) == 0
    assert second.wait(5)
    assert begun == [0, 1]
    assert list(values) == [10, 20, 30]


def test_an_error_waits_for_its_turn() -> None:
    def read(index: int) -> int:
        return 10 // index

    values = prefetch(read, [5, 0, 1])
    assert next(values) == 2
    with pytest.raises(ZeroDivisionError):
        next(values)


def test_who_stops_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    values = prefetch(lambda index: index, range(9))
    next(values)
    values.close()
    assert threading.active_count() == before
    assert list(prefetch(lambda index: index, [])) == []
