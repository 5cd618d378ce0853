"""The relay: two threads at work, and not a bit different from one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from aan_engine import relay
from aan_engine.decision import Decider
from aan_engine.networks import Networks
from aan_engine.proxy import Reel, make
from aan_engine.survey import Survey
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
    survey.ask(found.guess)
    return found, survey


def test_the_decisions_are_those_of_one_frame_after_the_other(reel: Reel) -> None:
    alone, _ = decider(reel)
    paired, _ = decider(reel)
    for index, decision in enumerate(relay.decisions(paired, range(6))):
        expected = alone.decide(index)
        if expected is None or decision is None:
            assert expected is decision is None
            assert index == 2
            continue
        np.testing.assert_array_equal(decision.weights, expected.weights)
        np.testing.assert_array_equal(decision.correction, expected.correction)
        assert [c.kind for c in decision.layers] == [c.kind for c in expected.layers]


def test_an_error_while_concluding_reaches_whoever_asked(reel: Reel, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = decider(reel)

    def broken(prepared: object) -> None:
        raise ValueError("the network broke")

    monkeypatch.setattr(found, "conclude", broken)
    with pytest.raises(ValueError, match="the network broke"):
        list(relay.decisions(found, range(6)))


def test_the_survey_speaks_in_the_callers_thread_and_may_end_everything(reel: Reel) -> None:
    found, survey = decider(reel)

    class Enough(Exception):
        pass

    def tick(count: int) -> None:
        raise Enough

    survey.tell(tick)
    with pytest.raises(Enough):
        list(relay.decisions(found, range(6)))
