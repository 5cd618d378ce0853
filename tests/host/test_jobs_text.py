"""The table of `aan jobs`."""

from __future__ import annotations

import pytest

from plugin_host.protocol import JobState
from plugin_host.server.jobs_text import ago, as_table

NOW = 1_700_000_000.0
PATHS = {"plate": "/s/p.####.exr", "output": "/s/o.####.exr"}


def test_columns_are_aligned_below_their_header_and_times_count_back_from_now() -> None:
    running = JobState("ab-1", "running", done=3, total=24, share=0.374, submitted=NOW - 65 * 60, **PATHS)
    ended = JobState("ab-10", "finished", done=9, total=9, share=1.0, submitted=NOW - 7200, ended=NOW - 59, **PATHS)
    assert as_table([running, ended], now=NOW).splitlines() == [
        "job    state     frames  done   submitted  ended     plate -> result",
        "ab-1   running   3/24    37 %   1:05 ago   -         /s/p.####.exr -> /s/o.####.exr",
        "ab-10  finished  9/9     100 %  2:00 ago   0:00 ago  /s/p.####.exr -> /s/o.####.exr",
    ]


def test_below_a_job_stands_what_it_waits_for_why_it_failed_and_what_seems_wrong() -> None:
    waiting = JobState("ab-1", "queued", done=0, total=2, stage="queued", steps=2, **PATHS)
    failed = JobState("ab-2", "failed", done=0, total=2, code="x", reason="the file breaks off", hint="Again.", **PATHS)
    odd = JobState("ab-3", "running", done=0, total=2, warnings=("the matte hides nothing",), **PATHS)
    lines = [line.strip() for line in as_table([waiting, failed, odd], now=NOW).splitlines()]
    assert lines[2::2] == ["queued behind 2 jobs", "the file breaks off. Again.", "warning: the matte hides nothing"]


@pytest.mark.parametrize(
    ("then", "said"), [(0.0, "-"), (NOW, "0:00 ago"), (NOW + 5, "0:00 ago"), (NOW - 86_400, "24:00 ago")]
)
def test_a_time_that_is_unknown_is_not_said(then: float, said: str) -> None:
    assert ago(then, now=NOW) == said
