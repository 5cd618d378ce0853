"""The relay: several threads at work, and not a bit different from one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from aan_engine.core.stages import run_stages
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.network.bundle import Networks
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.selection.plan import FillPlan
from aan_engine.selection.selector import Selector, build
from tests.engine.shots import box_matte, pan

SIZE = (96, 160)


@pytest.fixture
def proxies() -> Iterator[ProxyStore]:
    """Six frames; nothing is hidden in the third."""
    mattes = box_matte(6, size=SIZE)
    mattes[2] = np.zeros(SIZE, np.float32)
    with ProxyStore(6, SIZE) as proxies:
        for index, (plate, matte) in enumerate(zip(pan(6, speed=4, size=SIZE), mattes, strict=True)):
            proxies.put(index, make_proxy(plate, matte, size=SIZE))
        yield proxies


def selector_of(proxies: ProxyStore, progress: Callable[[int], None] | None = None) -> tuple[Selector, ShotMotion]:
    found = build(Networks.load(torch.device("cpu")), proxies, progress=progress)
    return found, found.shot_motion


def decisions(selector: Selector, choose: Callable[..., FillPlan | None] | None = None) -> Iterator[FillPlan | None]:
    return run_stages(
        range(6),
        selector.prepare,
        lambda index, prepared: selector.synthesise(prepared),
        choose or (lambda index, sketched: selector.choose(sketched)),
    )


def test_the_decisions_are_those_of_one_frame_after_the_other(proxies: ProxyStore) -> None:
    alone, _ = selector_of(proxies)
    together, _ = selector_of(proxies)
    for index, plan in enumerate(decisions(together)):
        expected = alone.decide(index)
        if expected is None or plan is None:
            assert expected is plan is None
            assert index == 2
            continue
        np.testing.assert_array_equal(plan.weights, expected.weights)
        np.testing.assert_array_equal(plan.correction, expected.correction)
        assert [c.kind for c in plan.candidates] == [c.kind for c in expected.candidates]


def test_an_error_in_any_hand_reaches_whoever_asked_in_its_turn(proxies: ProxyStore) -> None:
    found, _ = selector_of(proxies)

    def broken(index: int, sketched: object) -> None:
        if index == 1:
            raise ValueError("the network broke")

    frames = decisions(found, broken)
    assert next(frames) is None
    with pytest.raises(ValueError, match="the network broke"):
        list(frames)


def test_registration_reports_in_the_callers_thread_and_may_end_everything(proxies: ProxyStore) -> None:
    class Enough(Exception):
        pass

    def report(count: int) -> None:
        raise Enough

    found, _ = selector_of(proxies, report)
    with pytest.raises(Enough):
        list(decisions(found))


def test_no_more_targets_are_under_way_than_there_are_threads() -> None:
    prepared: list[int] = []
    handed_on = []

    def prepare(index: int) -> int:
        prepared.append(index)
        assert len(prepared) - len(handed_on) <= 3
        return index

    for found in run_stages(range(9), prepare, lambda index, value: value + 1, lambda index, value: (index, value)):
        handed_on.append(found)
    assert handed_on == [(index, index + 1) for index in range(9)]


def test_whoever_stops_early_leaves_no_thread_at_work() -> None:
    seen = []
    frames = run_stages(range(100), lambda index: index, lambda index, value: seen.append(index))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    counted = len(seen)
    assert counted <= 3
    assert not [t for t in threading.enumerate() if t.name.startswith("stage")]
    assert len(seen) == counted
