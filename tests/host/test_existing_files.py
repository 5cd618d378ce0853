"""Files where a result is to go: one's own are replaced or left out, anybody else's stay, and are named."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from plugin_host.errors import EngineRefused, SequenceError
from plugin_host.protocol import JobSpec
from plugin_host.server import in_process
from plugin_host.server.engine import to_shot
from plugin_host.server.existing_files import (
    EXISTING,
    ExistingPolicy,
    output_files,
    refuse_foreign_files,
    refuse_mixture,
)
from plugin_host.server.in_process import Watcher
from plugin_host.server.job_inputs import resolve_inputs
from tests.host.marking_engine import write_exr, write_marked


@pytest.fixture
def spec(house) -> JobSpec:
    return house.plates("fill", "fill", "fill")


@pytest.fixture
def output(house) -> str:
    (house.root / "out").mkdir()
    return str(house.root / "out" / "o.####.exr")


def fill(spec: JobSpec, output: str, **policy: bool) -> tuple[int, list[tuple[int, int]]]:
    """Frames written, and what was told of those that exist."""
    told: list[Any] = []
    existing = ExistingPolicy(**policy)
    count = in_process.fill(spec, output, existing=existing, engine="marking_engine:make", progress=told.append)
    return count, [(step.done, step.total) for step in told if step.stage == EXISTING]


def check(spec: JobSpec, output: str) -> None:
    refuse_foreign_files(resolve_inputs(spec, output=output), output)


def size_and_time(path: Path) -> tuple[int, int]:
    return path.stat().st_size, path.stat().st_mtime_ns


def test_an_artist_who_refines_her_settings_replaces_her_own_result(house, spec, output):
    assert fill(spec, output)[0] == 3
    assert fill(dataclasses.replace(spec, grow=2.0), output)[0] == 3
    assert fill(dataclasses.replace(spec, plate=spec.plate.replace("####", "%04d"), first=1002), output)[0] == 2


@pytest.mark.parametrize("kind", ["an EXR of another program's", "no EXR", "empty", "a folder", "a dead link"])
def test_a_file_of_another_program_is_refused_by_name_and_stays(house, spec, output, kind):
    path = house.root / "out" / "o.1002.exr"
    makers = {
        "an EXR of another program's": lambda: write_exr(path),
        "no EXR": lambda: path.write_text("painted for hours"),
        "empty": path.touch,
        "a folder": path.mkdir,
        "a dead link": lambda: path.symlink_to("/nowhere/at/all"),
    }
    makers[kind]()
    before = os.lstat(path)
    with pytest.raises(SequenceError, match=r"out/o\.1002\.exr would be overwritten") as caught:
        fill(spec, output)
    assert "--overwrite" in caught.value.hint
    assert os.lstat(path) == before
    assert [path.name for path in (house.root / "out").iterdir()] == ["o.1002.exr"]
    assert house.opened() == []


def test_a_file_of_another_job_is_refused_and_that_job_named(house, spec, output):
    other = house.plates("fill", name="other shot")
    fill(other, output)
    before = size_and_time(house.root / "out" / "o.1001.exr")
    with pytest.raises(SequenceError, match=r"o\.1001\.exr would be overwritten: it is another job's: .*other shot"):
        fill(spec, output)
    assert size_and_time(house.root / "out" / "o.1001.exr") == before
    assert fill(spec, output, overwrite=True)[0] == 3
    fill(spec, output)


def test_frames_beyond_the_range_are_nobody_s_concern(house, spec, output):
    (house.root / "out" / "o.1003.exr").write_text("another's")
    check(dataclasses.replace(spec, last=1002), output)
    with pytest.raises(SequenceError, match="1003"):
        check(spec, output)


def test_a_result_that_another_program_saved_again_with_its_header_is_not_ours_any_more(house, spec, output):
    fill(spec, output)
    path = house.root / "out" / "o.1001.exr"
    with OpenEXR.File(str(path), separate_channels=True) as file:
        header, channels = dict(file.header()), {n: np.array(c.pixels) + 1 for n, c in file.channels().items()}
    header["compression"] = OpenEXR.NO_COMPRESSION
    OpenEXR.File(header, channels).write(str(path))
    assert "aanShot" in header
    with pytest.raises(SequenceError, match="or was changed since"):
        fill(spec, output)


def test_several_files_are_counted_and_the_first_is_named(house, spec, output):
    for frame in (1001, 1003):
        (house.root / "out" / f"o.{frame}.exr").write_text("another's")
    with pytest.raises(SequenceError, match=r"o\.1001\.exr \(and 1 more like it\) would be overwritten"):
        check(spec, output)


@pytest.mark.parametrize("name", ["o.report.json", "o.report.png"])
def test_a_report_that_is_none_is_refused_like_a_frame(house, spec, output, name):
    (house.root / "out" / name).write_text("{}")
    with pytest.raises(SequenceError, match=name.replace(".", r"\.")):
        fill(spec, output)
    assert (house.root / "out" / name).read_text() == "{}"
    assert fill(spec, output, overwrite=True)[0] == 3


# Frames that exist


def test_frames_that_exist_are_left_out_and_counted(house, spec, output):
    fill(dataclasses.replace(spec, last=1002), output)
    made = [size_and_time(house.root / "out" / f"o.{frame}.exr") for frame in (1001, 1002)]
    assert fill(spec, output, skip=True) == (1, [(2, 3)])
    assert [size_and_time(house.root / "out" / f"o.{frame}.exr") for frame in (1001, 1002)] == made
    opened = house.opened()
    assert fill(spec, output, skip=True) == (0, [(3, 3)])
    assert house.opened() == opened


def test_frames_of_other_settings_cut_short_older_than_a_plate_or_of_another_engine_are_filled_again(
    house, spec, output
):
    def again() -> int:
        return fill(spec, output, skip=True, overwrite=True)[0]

    fill(dataclasses.replace(spec, grow=2.0), output)
    assert again() == 3
    path = house.root / "out" / "o.1002.exr"
    path.write_bytes(path.read_bytes()[:-7])
    assert again() == 1
    write_marked(path, to_shot(resolve_inputs(spec, output=output)), engine="another")
    assert again() == 1
    assert again() == 0
    later = time.time() + 100
    os.utime(house.root / "plate" / "plate.1003.exr", (later, later))
    assert again() == 3


def test_what_is_not_ours_is_not_skipped_either(house, spec, output):
    (house.root / "out" / "o.1002.exr").write_text("another's")
    with pytest.raises(SequenceError, match="would be overwritten"):
        fill(spec, output, skip=True)
    assert fill(spec, output, skip=True, overwrite=True) == (3, [(0, 3)])


# The persistent engine


def test_the_files_of_a_result_are_known_by_their_real_folder(house, spec, output):
    (house.root / "link").symlink_to(house.root / "out")
    inputs = resolve_inputs(spec, output=output)
    files = output_files(inputs, output)
    assert files == {str(house.root / "out" / f"o.{frame}.exr") for frame in (1001, 1002, 1003)}
    assert output_files(inputs, str(house.root / "link" / "o.%04d.exr")) == files
    assert output_files(inputs, None) == frozenset()


def test_the_engine_refuses_to_overwrite_unless_it_is_told_to(house, spec, output, submit, client, follow):
    (house.root / "out" / "o.1002.exr").write_text("painted for hours")
    with pytest.raises(EngineRefused, match=r"o\.1002\.exr would be overwritten") as refused:
        submit(spec, output)
    assert refused.value.code == "sequence"
    assert (house.root / "out" / "o.1002.exr").read_text() == "painted for hours"
    accepted = client.answer(client.submit(spec, output=output, overwrite=True))
    assert follow(accepted.job)[0] == [1001, 1002, 1003]


def test_what_the_cache_delivered_is_replaced_by_the_same(house, spec, output, submit, follow):
    follow(submit(spec, output).job)
    assert follow(submit(spec, output).job)[0] == [1001, 1002, 1003]


def test_two_jobs_to_one_output_are_refused_while_the_first_runs(house, output, submit, client, follow, until):
    go_on = house.root / "go on"
    spec = house.plates("fill", f"wait {go_on}", "fill")
    first = submit(spec, output)
    until(lambda: house.opened() == [1001, 1002])
    (house.root / "link").symlink_to(house.root / "out")
    other = dataclasses.replace(spec, grow=8.0, first=1003)
    for pattern in (output, str(house.root / "link" / "o.%04d.exr")):
        with pytest.raises(EngineRefused, match=f"job {first.job} is running and writes the same files: ") as refused:
            client.answer(client.submit(other, output=pattern, overwrite=True))
        assert f"aan cancel {first.job}" in refused.value.hint
    elsewhere = submit(other, str(house.root / "elsewhere" / "o.####.exr"))
    unplaced = submit(other)
    same = client.answer(client.submit(spec, output=output, overwrite=True))
    go_on.touch()
    for job in (first, elsewhere, unplaced, same):
        assert follow(job.job)[1].frames in (1, 3)
    assert follow(client.answer(client.submit(other, output=output, overwrite=True)).job)[0] == [1003]


def test_a_result_whose_frames_another_job_replaced_meanwhile_is_no_success(house, spec, output):
    other = resolve_inputs(dataclasses.replace(spec, grow=8.0), output=output)

    def replace_the_first(frame: int) -> None:
        if frame == 1003:
            write_marked(house.root / "out" / "o.1001.exr", to_shot(other))

    watcher = Watcher(written=replace_the_first)
    with pytest.raises(SequenceError, match=r"another job wrote 1001 of .*o\.####\.exr while this one ran"):
        in_process.fill(spec, output, engine="marking_engine:make", progress=lambda step: None, watcher=watcher)


def test_cached_frames_are_told_from_those_that_replaced_them(house, spec, output):
    inputs = resolve_inputs(spec, output=output)
    paths = {frame: house.root / "out" / f"o.{frame}.exr" for frame in inputs.targets}
    cached = {frame: house.root / f"cached.{frame}.exr" for frame in inputs.targets}
    for frame, path in paths.items():
        write_marked(cached[frame], to_shot(inputs))
        shutil.copy(cached[frame], path)
    paths[1001].unlink()
    paths[1001].symlink_to(cached[1001])
    refuse_mixture(inputs, output, inputs.targets, cached=cached)
    write_marked(paths[1002], to_shot(resolve_inputs(dataclasses.replace(spec, grow=8.0), output=output)))
    with pytest.raises(SequenceError, match="another job wrote 1002 of"):
        refuse_mixture(inputs, output, inputs.targets, cached=cached)
    refuse_mixture(inputs, output, [1001, 1003], cached=cached)


def test_jobs_on_other_frames_of_one_pattern_do_not_meet(house, spec, output, submit, follow):
    chunks = [dataclasses.replace(spec, first=1001, last=1001), dataclasses.replace(spec, first=1002)]
    jobs = [submit(chunk, output) for chunk in chunks]
    assert [follow(job.job)[0] for job in jobs] == [[1001], [1002, 1003]]


def test_an_engine_whose_cache_cannot_be_used_says_so_and_stays(house, spec, output, submit, client, monkeypatch):
    root = house.root / "cache"
    root.rmdir()
    root.write_text("a file where the folder should be")
    for _ in range(2):
        with pytest.raises(EngineRefused, match="cache folder") as refused:
            client.answer(client.submit(spec, output=output))
        assert str(root) in refused.value.reason
        assert "AAN_CACHE_DIR" in refused.value.hint
    root.unlink()
    assert submit(spec, output).total == 3
