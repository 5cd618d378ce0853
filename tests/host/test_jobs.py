"""The state machine and the ledger: which moves there are, and that there are no others."""

from __future__ import annotations

import itertools

import pytest

from plugin_host.protocol import JobSpec
from plugin_host.server.jobs import ENDED, MOVES, REMEMBERED, IllegalMove, Job, Ledger, Move, State

SPEC = JobSpec("/p.####.exr", "/m.exr")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("0123456789abcdef")


def add(ledger: Ledger) -> Job:
    return ledger.add(SPEC, output="/o.####.exr", key="k", total=3)


@pytest.mark.parametrize(("state", "move"), list(itertools.product(State, Move)), ids=lambda part: part.value)
def test_a_job_moves_as_the_table_says_and_not_otherwise(state, move, ledger):
    job = add(ledger)
    job.state = state
    if (state, move) in MOVES:
        assert job.move(move) is MOVES[state, move] is job.state
    else:
        with pytest.raises(IllegalMove, match=state.value):
            job.move(move)
        assert job.state is state


def test_what_has_ended_stays_ended():
    assert not {state for state, _ in MOVES} & ENDED


def test_every_state_can_be_reached_and_every_open_one_ends():
    assert set(MOVES.values()) | {State.QUEUED} == set(State)
    for state in set(State) - ENDED:
        reached = {state}
        for _ in State:
            reached |= {after for (before, _), after in MOVES.items() if before in reached}
        assert reached & ENDED


def test_who_waited_longest_is_next(ledger):
    first, second = add(ledger), add(ledger)
    assert ledger.next() is first
    first.move(Move.START)
    assert ledger.next() is second
    second.move(Move.CANCEL)
    assert ledger.next() is None


def test_a_name_means_one_job_in_one_life_of_the_engine(ledger):
    other = Ledger("fedcba9876543210")
    assert len({add(ledger).name, add(ledger).name, add(other).name}) == 3
    assert ledger.get("nobody-1") is None


def test_the_oldest_of_very_many_ended_jobs_is_forgotten_but_no_open_one(ledger):
    waiting = add(ledger)
    for _ in range(REMEMBERED + 10):
        add(ledger).move(Move.CANCEL)
    add(ledger)
    assert len(list(ledger)) == REMEMBERED + 2
    assert ledger.get(waiting.name) is waiting


def test_a_job_is_described_as_it_stands(ledger):
    job = add(ledger)
    job.move(Move.START)
    job.frames |= {1, 2}
    job.stage = ("fill", 2, 3)
    described = job.described()
    assert (described.state, described.done, described.total, described.stage) == ("running", 2, 3, "fill")
    assert (described.plate, described.output) == (SPEC.plate, "/o.####.exr")
