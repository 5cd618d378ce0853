"""The report of a job on its way to the host: beside the result, in the last event, and the same from the cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aan_engine.reporting.report import Report
from aan_engine.reporting.stored import read_rows
from plugin_host.protocol import Finished, JobSpec
from plugin_host.server import in_process
from plugin_host.server.cache import Cache
from plugin_host.server.cli_exit import print_report
from plugin_host.server.delivery import deliver_report
from plugin_host.server.engine import load_engine
from plugin_host.server.job_inputs import resolve_inputs
from plugin_host.server.job_run import JobRun
from plugin_host.server.report_files import NO_REPORT, ReportSummary, read_summary, report_path
from plugin_host.server.worker_messages import JobCompleted, RunJob
from tests.engine.reported_frames import filled, made
from tests.host.fake_engine import SAID, WARNED


def perform(house, spec: JobSpec, output: str | None, *, stop_after: int = 1_000) -> object:
    engine = load_engine("fake_engine:reporting")
    order = RunJob("job", spec, output, resolve_inputs(spec, output=output).key(engine.identity()))
    said: list[object] = []
    cache = Cache(house.root / "cache", budget=10**9)
    fixed = (order, engine, engine.identity(), cache, lambda: ())
    frames = lambda: sum(hasattr(report, "frame") for report in said)  # noqa: E731
    return JobRun(*fixed, send=said.append, is_stopped=lambda: frames() >= stop_after).run()


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("/s/clean.####.exr", "/s/clean.report.json"),
        ("/s/clean_%04d.exr", "/s/clean.report.json"),
        ("/s/####.exr", "/s/fill.report.json"),
        ("/s/one.exr", "/s/one.report.json"),
    ],
)
def test_a_report_is_named_as_its_result_without_the_number(pattern: str, name: str) -> None:
    assert report_path(pattern) == Path(name)


@pytest.mark.parametrize(
    "words",
    [
        *("", "{", "[]", '{"summary": {}}', '{"summary": {"unseen": "x", "worst": []}}'),
        '{"summary": {"unseen": NaN, "worst": []}}',  # which no message can carry
        '{"summary": {"unseen": 0, "worst": [], "grow": Infinity}}',
        '{"summary": {"unseen": 0, "worst": [], "residue": Infinity}}',
    ],
)
def test_a_broken_report_tells_nothing(tmp_path: Path, words: str) -> None:
    (tmp_path / "r.report.json").write_text(words)
    assert read_summary(tmp_path / "r.report.json") == NO_REPORT
    assert read_summary(tmp_path / "none.report.json") == NO_REPORT


def test_a_report_says_whether_the_matte_is_too_tight_and_older_ones_do_not(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    path.write_text('{"summary": {"unseen": 0.5, "worst": [1001], "residue": 2, "grow": 3.5}}')
    assert read_summary(path) == ReportSummary(0.5, (1001,), str(path), residue=2, grow=3.5)
    path.write_text('{"summary": {"unseen": 0.5, "worst": [1001]}}')
    assert read_summary(path) == ReportSummary(0.5, (1001,), str(path))


def test_a_report_says_what_was_understood_and_what_seems_wrong(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    more = '"hidden": 0.05, "inputs": "2 frames", "warnings": ["too dark", "too small"]'
    path.write_text(f'{{"summary": {{"unseen": 0.5, "worst": [], {more}}}}}')
    told = read_summary(path)
    assert (told.hidden, told.inputs, told.warnings, told.picture) == (0.05, "2 frames", ("too dark", "too small"), "")
    path.with_suffix(".png").touch()
    assert read_summary(path).picture == str(path.with_suffix(".png"))


def test_the_report_of_a_name_as_long_as_names_may_be_has_one_that_may_be_written(tmp_path: Path) -> None:
    for letter in ("x", "ü"):
        head = letter * (245 // len(letter.encode()))
        path = report_path(str(tmp_path / f"{head}.####.exr"))
        path.touch()
        path.with_suffix(".png").touch()
        assert path.name.startswith(letter * 100)


def test_a_report_from_before_there_were_key_frames_names_none(tmp_path: Path) -> None:
    path = tmp_path / "r.report.json"
    path.write_text('{"summary": {"unseen": 0.5, "worst": [1003]}}')
    assert read_summary(path) == ReportSummary(0.5, (1003,), str(path), ())
    path.write_text('{"summary": {"unseen": 0.5, "worst": [1003], "keys": [1046, 1013]}}')
    assert read_summary(path).keys == (1046, 1013)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), ""),
        ((1046,), "made up from frame 1046: paint this one by hand (aan paint) to cure the rest\n"),
        ((1046, 1013), "made up from frames 1046 and 1013: paint these by hand (aan paint) to cure the rest\n"),
    ],
)
def test_a_fill_that_is_done_says_which_frames_are_worth_painting(keys, words, capsys) -> None:
    end = Finished("job", 24, 0.394, (1044, 1001), "/s/o.report.json", keys)
    print_report(end)
    first = "39.4 % of the hidden pixels made up, look at 1044, 1001 first: /s/o.report.png\n"
    assert capsys.readouterr().out == first + words
    print_report(ReportSummary(end.unseen, end.worst, end.report, keys))
    assert capsys.readouterr().out == first + words


def test_the_report_lies_beside_the_result_with_its_picture(house):
    end = perform(house, house.plates("fill", "fill"), str(house.root / "out" / "o.####.exr"))
    report, picture = (str(house.root / "out" / f"o.report.{ending}") for ending in ("json", "png"))
    summary = ReportSummary(0.25, (1002,), report, (1001,), inputs=SAID, warnings=WARNED, picture=picture)
    assert end == JobCompleted("job", summary)
    assert (house.root / "out" / "o.report.png").read_text() == "a picture"


def test_a_job_that_went_on_later_reports_all_its_frames(house):
    spec, output = house.plates("fill", "fill", "fill"), str(house.root / "o.####.exr")
    perform(house, spec, output, stop_after=2)
    end = perform(house, spec, output)
    assert isinstance(end, JobCompleted)
    assert json.loads(Path(end.summary.report).read_text())["summary"]["worst"] == [1003]


def test_jobs_on_chunks_of_a_shot_leave_one_report_beside_their_results(house):
    output, cache = str(house.root / "o.####.exr"), Cache(house.root / "cache", budget=10**9)
    for number, frames in enumerate(((1001, 1002), (1003, 1004))):
        entry = cache.entry(f"{number:064x}")
        entry.prepare()
        report = Report(entry.report)
        for frame in frames:
            report.add(filled(frame, provenance=made()), changed=0)
            (house.root / f"o.{frame}.exr").touch()
        report.finish()
        (house.root / "o.1002.exr").unlink()
        summary = deliver_report(RunJob("job", house.plates("fill"), output, entry.folder.name), entry)
        (house.root / "o.1002.exr").touch()
    assert [row.frame for row in read_rows(house.root / "o.report.json")] == [1001, 1003, 1004]
    assert [row.frame for row in read_rows(entry.report)] == [1003, 1004]
    assert summary.report == str(house.root / "o.report.json")


def test_a_report_that_cannot_be_delivered_costs_no_frame(house):
    (house.root / "o.report.json").mkdir()
    end = perform(house, house.plates("fill"), str(house.root / "o.####.exr"))
    assert end == JobCompleted("job", NO_REPORT)
    assert (house.root / "o.1001.exr").exists()


def test_a_fill_in_this_process_leaves_its_report_beside_the_result(house):
    output = str(house.root / "new" / "o.####.exr")
    in_process.fill(house.plates("fill"), output, engine="fake_engine:reporting", progress=lambda step: None)
    assert read_summary(report_path(output)).worst == (1001,)


def test_hosts_get_the_report_with_the_end_and_the_same_from_the_cache_and_afterwards(house, submit_to_reporting):
    submit, follow = submit_to_reporting
    spec = house.plates("fill", "fill")
    first = submit(spec, str(house.root / "a" / "o.####.exr"))
    ends = [follow(first.job)[1]]
    again = submit(spec, str(house.root / "b" / "o.####.exr"))
    assert again.cached == 2
    ends.append(follow(again.job)[1])
    for end, job, folder in zip(ends, (first, again), "ab", strict=True):
        report = str(house.root / folder / "o.report.json")
        assert end == Finished(job.job, 2, 0.25, (1002,), report, (1001,), inputs=SAID, warnings=WARNED)
    assert (house.root / "a" / "o.report.json").read_text() == (house.root / "b" / "o.report.json").read_text()
    assert follow(first.job)[1] == ends[0]
    unplaced = submit(spec, None)
    end = follow(unplaced.job)[1]
    assert end.report == str(Path(unplaced.output).parent / "fill.report.json")
    assert Path(end.report).with_suffix(".png").exists()


@pytest.fixture
def submit_to_reporting(house):
    house.start("fake_engine:reporting")
    client = house.client()

    def submit(spec: JobSpec, output: str | None):
        return client.answer(client.submit(spec, output=output))

    def follow(job: str):
        *story, end = client.follow(job)
        return story, end

    return submit, follow
