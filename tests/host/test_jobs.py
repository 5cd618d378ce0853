"""The state machine and the job table: which transitions there are, and that there are no others."""

from __future__ import annotations

import itertools

import pytest

from plugin_host.protocol import JobSpec
from plugin_host.server.jobs import (
    ENDED,
    MAX_ENDED_JOBS,
    TRANSITIONS,
    IllegalTransition,
    Job,
    JobTable,
    RunState,
    Transition,
)
from plugin_host.server.report_files import ReportSummary

SPEC = JobSpec("/p.####.exr", "/m.exr")


@pytest.fixture
def table() -> JobTable:
    return JobTable("0123456789abcdef")


def add(table: JobTable) -> Job:
    return table.add(SPEC, output="/o.####.exr", key="k", total=3)


@pytest.mark.parametrize(
    ("state", "transition"), list(itertools.product(RunState, Transition)), ids=lambda part: part.value
)
def test_a_job_moves_as_the_table_says_and_not_otherwise(state, transition, table):
    job = add(table)
    job.state = state
    if (state, transition) in TRANSITIONS:
        assert job.apply(transition) is TRANSITIONS[state, transition] is job.state
    else:
        with pytest.raises(IllegalTransition, match=state.value):
            job.apply(transition)
        assert job.state is state


def test_what_has_ended_stays_ended():
    assert not {state for state, _ in TRANSITIONS} & ENDED


def test_every_state_can_be_reached_and_every_open_one_ends():
    assert set(TRANSITIONS.values()) | {RunState.QUEUED} == set(RunState)
    for state in set(RunState) - ENDED:
        reached = {state}
        for _ in RunState:
            reached |= {after for (before, _), after in TRANSITIONS.items() if before in reached}
        assert reached & ENDED


def test_who_waited_longest_is_next(table):
    first, second = add(table), add(table)
    assert table.next() is first
    first.apply(Transition.START)
    assert table.next() is second
    second.apply(Transition.CANCEL)
    assert table.next() is None


def test_a_name_means_one_job_in_one_life_of_the_engine(table):
    other = JobTable("fedcba9876543210")
    assert len({add(table).name, add(table).name, add(other).name}) == 3
    assert table.get("nobody-1") is None


def test_the_oldest_of_very_many_ended_jobs_is_forgotten_but_no_open_one(table):
    waiting = add(table)
    for _ in range(MAX_ENDED_JOBS + 10):
        add(table).apply(Transition.CANCEL)
    add(table)
    assert len(list(table)) == MAX_ENDED_JOBS + 2
    assert table.get(waiting.name) is waiting


def test_a_job_is_described_as_it_stands(table):
    job = add(table)
    job.apply(Transition.START)
    job.frames |= {1, 2}
    job.stage = ("fill", 2, 3)
    described = job.to_job_state()
    assert (described.state, described.done, described.total, described.stage) == ("running", 2, 3, "fill")
    assert (described.plate, described.output) == (SPEC.plate, "/o.####.exr")


def test_a_finished_job_says_what_was_understood_of_it_and_what_seems_wrong(table):
    job = add(table)
    assert (job.to_job_state().inputs, job.to_job_state().warnings) == ("", ())
    job.summary = ReportSummary(0.5, inputs="3 frames", warnings=("too dark",))
    assert (job.to_job_state().inputs, job.to_job_state().warnings) == ("3 frames", ("too dark",))


def test_who_writes_a_file_is_known_until_its_job_is_over(table):
    files = frozenset({"/o.1.exr", "/o.2.exr"})
    first = table.add(SPEC, output="/o.#.exr", key="k", total=2, writes=files)
    assert table.writer_of(frozenset({"/o.2.exr", "/o.3.exr"}), key="another") is first
    assert table.writer_of(frozenset({"/o.3.exr"}), key="another") is None
    assert table.writer_of(frozenset(), key="another") is None
    assert table.writer_of(files, key="k") is None, "the same job writes the same pixels"
    first.apply(Transition.START)
    first.apply(Transition.CANCEL)
    assert table.writer_of(files, key="another") is first
    first.apply(Transition.STOP)
    assert table.writer_of(files, key="another") is None
