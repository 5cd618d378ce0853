"""The relay: several threads at work, and not a bit different from one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from aan_engine.core.stages import relay
from aan_engine.motion.shot_motion import Survey
from aan_engine.network.bundle import Networks
from aan_engine.plates.proxy import make
from aan_engine.plates.proxy_store import Reel
from aan_engine.selection.plan import Decision
from aan_engine.selection.selector import Decider
from tests.engine.shots import box_matte, pan

SIZE = (96, 160)


@pytest.fixture
def reel() -> Iterator[Reel]:
    """Six frames; nothing is hidden in the third."""
    mattes = box_matte(6, size=SIZE)
    mattes[2] = np.zeros(SIZE, np.float32)
    with Reel(6, SIZE) as reel:
        for index, (plate, matte) in enumerate(zip(pan(6, speed=4, size=SIZE), mattes, strict=True)):
            reel.put(index, make(plate, matte, size=SIZE))
        yield reel


def decider(reel: Reel) -> tuple[Decider, Survey]:
    survey = Survey(reel)
    found = Decider(Networks.load(torch.device("cpu")), survey)
    survey.bearings.ask(found.guess)
    return found, survey


def decisions(decider: Decider, conclude: Callable[..., Decision | None] | None = None) -> Iterator[Decision | None]:
    return relay(
        range(6),
        decider.prepare,
        lambda index, prepared: decider.sketch(prepared),
        conclude or (lambda index, sketched: decider.conclude(sketched)),
    )


def test_the_decisions_are_those_of_one_frame_after_the_other(reel: Reel) -> None:
    alone, _ = decider(reel)
    together, _ = decider(reel)
    for index, decision in enumerate(decisions(together)):
        expected = alone.decide(index)
        if expected is None or decision is None:
            assert expected is decision is None
            assert index == 2
            continue
        np.testing.assert_array_equal(decision.weights, expected.weights)
        np.testing.assert_array_equal(decision.correction, expected.correction)
        assert [c.kind for c in decision.layers] == [c.kind for c in expected.layers]


def test_an_error_in_any_hand_reaches_whoever_asked_in_its_turn(reel: Reel) -> None:
    found, _ = decider(reel)

    def broken(index: int, sketched: object) -> None:
        if index == 1:
            raise ValueError("the network broke")

    frames = decisions(found, broken)
    assert next(frames) is None
    with pytest.raises(ValueError, match="the network broke"):
        list(frames)


def test_the_survey_speaks_in_the_callers_thread_and_may_end_everything(reel: Reel) -> None:
    found, survey = decider(reel)

    class Enough(Exception):
        pass

    def tick(count: int) -> None:
        raise Enough

    survey.bearings.tell(tick)
    with pytest.raises(Enough):
        list(decisions(found))


def test_no_more_targets_are_under_way_than_there_are_hands() -> None:
    prepared: list[int] = []
    handed_on = []

    def prepare(index: int) -> int:
        prepared.append(index)
        assert len(prepared) - len(handed_on) <= 3
        return index

    for found in relay(range(9), prepare, lambda index, value: value + 1, lambda index, value: (index, value)):
        handed_on.append(found)
    assert handed_on == [(index, index + 1) for index in range(9)]


def test_whoever_stops_early_leaves_no_hand_at_work() -> None:
    seen = []
    frames = relay(range(100), lambda index: index, lambda index, value: seen.append(index))
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    counted = len(seen)
    assert counted <= 3
    assert not [t for t in threading.enumerate() if t.name.startswith("stage")]
    assert len(seen) == counted
