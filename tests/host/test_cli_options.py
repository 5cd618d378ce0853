"""A job described on the command line, and what is said of it at the end."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from plugin_host.protocol import Finished, JobSpec
from plugin_host.server.cli_exit import print_report
from plugin_host.server.cli_options import job_from_options, with_job_options
from plugin_host.server.report_files import NO_REPORT, ReportSummary


def described(*words: str) -> tuple[JobSpec | None, str]:
    """The job, or None where the words are refused; and what was printed."""
    found: list[JobSpec] = []
    app = typer.Typer()

    @app.command()
    @with_job_options
    def fill(**job: Any) -> None:
        found.append(job_from_options(**job))

    result = CliRunner().invoke(app, ["--plate", "/s/p.####.exr", "--matte", "/s/m.exr", *words])
    return (found[0] if found else None), result.output


def test_grow_takes_a_number_or_the_word_auto() -> None:
    least = JobSpec("/s/p.####.exr", "/s/m.exr")
    assert described()[0] == least
    for words, grow, auto in (("2.5", 2.5, False), ("-3", -3.0, False), ("auto", 0.0, True)):
        found, output = described("--grow", words)
        assert found is not None, output
        assert (found.grow, found.grow_auto) == (grow, auto)


def test_frame_numbers_may_be_negative_however_they_are_given() -> None:
    for words in (("--first", "-3", "--last", "-1"), ("--first=-3", "--last=-1")):
        found, output = described(*words)
        assert found is not None, output
        assert (found.first, found.last) == (-3, -1)
    found, output = described("--frames", "-3--1,4", "--plate-first", "-3", "--matte-offset", "-1001")
    assert found is not None, output
    assert (found.frames, found.plate_first, found.matte_offset) == ("-3--1,4", -3, -1001)


@pytest.mark.parametrize("words", ["more", "101", "nan", ""])
def test_grow_takes_nothing_else(words: str) -> None:
    found, output = described("--grow", words)
    assert found is None
    assert "--grow" in output


def test_the_switch_that_auto_means_is_no_option_of_its_own() -> None:
    assert described("--grow_auto")[0] is None
    assert described("--grow-auto")[0] is None
    assert "auto: Grow the matte further" in " ".join(described("--help")[1].replace("│", "").split())


@pytest.mark.parametrize(
    ("residue", "grow", "line"),
    [
        (2, 2.0, "the object seems to reach 2 pixels beyond the matte: --grow 2"),
        (1, 2.5, "the object seems to reach 1 pixel beyond the matte: --grow 2.5"),
    ],
)
def test_a_matte_that_is_too_tight_is_said_at_the_end(
    residue: int, grow: float, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for end in (
        ReportSummary(0.1, (1003,), "/s/r.json", residue=residue, grow=grow),
        Finished("a", 5, 0.1, (1003,), "/s/r.json", residue=residue, grow=grow),
    ):
        print_report(end)
        assert capsys.readouterr().out.splitlines()[1:] == [line]


def test_of_a_right_matte_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(ReportSummary(0.1, (1003,), "/s/r.json"))
    print_report(NO_REPORT)
    assert len(capsys.readouterr().out.splitlines()) == 1
