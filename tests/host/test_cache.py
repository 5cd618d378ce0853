"""The cache and the key: what makes a result another one, what counts as whole, what goes when room is short."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
from pathlib import Path

import pytest

from plugin_host.errors import SequenceError
from plugin_host.protocol import JobSpec
from plugin_host.server import in_process
from plugin_host.server.cache import Cache, default_budget, default_root
from plugin_host.server.delivery import link_or_copy
from plugin_host.server.job_inputs import FILE_FIELDS, resolve_inputs


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    for frame in (1001, 1002, 1003):
        (tmp_path / f"p.{frame}.exr").write_text(f"plate {frame}")
    (tmp_path / "m.exr").write_text("matte")
    return JobSpec(str(tmp_path / "p.####.exr"), str(tmp_path / "m.exr"))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", budget=1000)


def key(spec: JobSpec, engine: str = "e") -> str:
    return resolve_inputs(spec, output=None).key(engine)


def named(name: str) -> str:
    """A key as jobs have them, from a name that is easier to read."""
    return hashlib.sha256(name.encode()).hexdigest()


def put(cache: Cache, name: str, *frames: int, size: int = 10) -> None:
    entry = cache.entry(named(name))
    entry.prepare()
    for frame in frames:
        entry.path(frame).write_bytes(b"x" * size)
        entry.record(frame)


def age(cache: Cache, name: str, seconds: float) -> None:
    """Make an entry's last use that long ago."""
    manifest = cache.entry(named(name)).folder / "manifest.json"
    then = manifest.stat().st_mtime - seconds
    os.utime(manifest, (then, then))


# The key


def test_the_same_job_has_the_same_key_however_its_patterns_are_spelled(spec):
    assert key(spec) == key(spec)
    assert key(spec) == key(dataclasses.replace(spec, plate=spec.plate.replace("####", "%04d")))
    assert key(spec) == key(dataclasses.replace(spec, first=1001, last=1003))


CHANGES = {
    **{"first": 1002, "last": 1002, "matte_channel": "A", "aov": ("source",), "device": "cpu"},
    **{"grow": 1.0, "feather": 1.0, "light": "off", "grain": False, "unseen": "smooth"},
    **{"smoothing": 0.5, "clean_use": "only"},
    **{"reference_first": 1002, "reference_last": 1002, "reference_step": 2, "missing": "nearest"},
    **{"colorspace": "ACEScg", "view": "right", "write": "patch", "seed": 1, "grow_auto": True},
    **{"frames": "1001,1003", "plate_layer": "beauty", "fill_layers": "A", "matte_invert": True, "matte_low": 0.1},
    **{"matte_high": 0.9, "matte_floor": 0.0, "matte_missing": "empty", "matte_offset": 1},
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_decides_pixels_changes_the_key(spec, name):
    assert key(dataclasses.replace(spec, **{name: CHANGES[name]})) != key(spec)


@pytest.mark.parametrize("name", ["holdout", "clean", "painted", "exclude"])
def test_what_the_artist_knows_changes_the_key_and_so_does_the_place_where_it_counts(spec, tmp_path, name):
    (tmp_path / "k.exr").write_text("known")
    keys = {key(dataclasses.replace(spec, **{field: str(tmp_path / "k.exr")})) for field in (name, "matte")}
    assert len(keys | {key(spec)}) == 3


def test_every_field_of_a_job_is_either_in_the_key_or_a_pattern():
    assert {field.name for field in dataclasses.fields(JobSpec)} == {*CHANGES, *FILE_FIELDS, "plate_first"}


# Gaps


def frames_of(spec: JobSpec) -> list[tuple[int, str]]:
    return [(file.frame, file.path.name) for file in resolve_inputs(spec, output=None).files["plate"]]


def test_a_gap_in_the_plates_is_named(spec, tmp_path):
    (tmp_path / "p.1006.exr").write_text("plate 1006")
    with pytest.raises(SequenceError, match=r"the plates p\.####\.exr lack 2 frames: 1004-1005"):
        resolve_inputs(spec, output=None)


def test_the_nearest_frame_stands_in_for_a_missing_one_where_asked_and_its_matte_with_it(spec, tmp_path):
    (tmp_path / "p.1006.exr").write_text("plate 1006")
    for frame in (1001, 1002, 1003, 1004, 1006):
        (tmp_path / f"r.{frame}.exr").write_text(f"roto {frame}")
    spec = dataclasses.replace(spec, missing="nearest", matte=str(tmp_path / "r.####.exr"))
    assert frames_of(spec)[2:] == [
        (n, f"p.{m}.exr") for n, m in ((1003, 1003), (1004, 1003), (1005, 1006), (1006, 1006))
    ]
    mattes = {file.frame: file.path.name for file in resolve_inputs(spec, output=None).files["matte"]}
    assert mattes[1004] == "r.1003.exr"
    assert mattes[1005] == "r.1006.exr"
    assert resolve_inputs(spec, output=None).targets == (1001, 1002, 1003, 1004, 1005, 1006)


def test_plates_on_every_second_frame_have_no_gaps(spec, tmp_path):
    (tmp_path / "p.1002.exr").unlink()
    (tmp_path / "p.1005.exr").write_text("plate 1005")
    assert [frame for frame, _ in frames_of(spec)] == [1001, 1003, 1005]


@pytest.mark.parametrize(("name", "value"), [("light", "bright"), ("grow", 1e9), ("reference_step", 0)])
def test_a_control_that_has_no_such_value_is_refused(spec, name, value):
    with pytest.raises(SequenceError, match=str(value).replace("+", ".")):
        resolve_inputs(dataclasses.replace(spec, **{name: value}), output=None)


def test_another_engine_or_other_weights_change_the_key(spec):
    assert key(spec, "e") != key(spec, "f")


@pytest.mark.parametrize("name", ["p.1002.exr", "m.exr"])
def test_a_touched_input_changes_the_key_by_a_nanosecond(spec, tmp_path, name):
    before, file = key(spec), tmp_path / name
    info = file.stat()
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns + 1))
    assert key(spec) != before


def test_an_input_of_another_size_changes_the_key_though_its_time_does_not(spec, tmp_path):
    before, file = key(spec), tmp_path / "p.1001.exr"
    info = file.stat()
    file.write_text("plate 1001, longer")
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert key(spec) != before


def test_another_plate_outside_the_range_changes_the_key_as_it_may_be_looked_at(spec, tmp_path):
    only = dataclasses.replace(spec, first=1001, last=1001)
    before = key(only)
    (tmp_path / "p.1004.exr").write_text("one more")
    assert key(only) != before


def test_the_same_pixels_elsewhere_are_another_job(spec, tmp_path):
    (tmp_path / "q").mkdir()
    for file in tmp_path.glob("*.exr"):
        link_or_copy(file, tmp_path / "q" / file.name)
    there = dataclasses.replace(spec, plate=str(tmp_path / "q" / "p.####.exr"))
    assert key(there) != key(spec)


def test_an_empty_range_is_refused_with_what_there_is(spec):
    with pytest.raises(SequenceError, match="1001 to 1003"):
        resolve_inputs(dataclasses.replace(spec, first=2000), output=None)


def test_a_result_that_is_an_input_by_another_name_is_refused(spec, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    for output in (spec.plate, str(tmp_path / "link" / "p.%04d.exr"), str(tmp_path / "x" / ".." / "p.####.exr")):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(SequenceError, match="overwrite"):
            resolve_inputs(spec, output=output)


def test_a_result_that_is_no_exr_is_refused_by_name(spec, tmp_path):
    with pytest.raises(SequenceError, match="no name of an EXR file"):
        resolve_inputs(spec, output=str(tmp_path / "out.####.png"))


def test_a_place_that_cannot_be_written_to_is_found_out_before_the_engine_starts(spec, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"):
        in_process.fill(spec, str(tmp_path / "file" / "out.####.exr"), progress=print, engine="no_such_engine")


# The shelves


def test_a_frame_is_held_once_it_is_recorded(cache):
    put(cache, "a", 1001, 1003)
    entry = cache.entry(named("a"))
    entry.path(1002).write_text("half")
    assert list(entry.frames()) == [1001, 1003]
    assert cache.entry(named("b")).frames() == {}


def test_a_frame_that_changed_or_went_is_not_held(cache):
    put(cache, "a", 1001, 1002, 1003)
    entry = cache.entry(named("a"))
    entry.path(1001).write_text("painted over")
    entry.path(1002).unlink()
    assert list(entry.frames()) == [1003]


def test_what_a_killed_worker_left_is_cleared_away_and_the_frames_stay(cache):
    put(cache, "a", 1001)
    entry = cache.entry(named("a"))
    for name in ("fill.1002.exr", ".fill.1003.exr.part", ".12ab34cd.json"):
        (entry.folder / name).write_text("half")
    entry.prepare()
    assert sorted(path.name for path in entry.folder.iterdir()) == ["fill.1001.exr", "manifest.json"]
    assert list(entry.frames()) == [1001]


@pytest.mark.parametrize(
    "words", ["", "{", "[]", '{"frames": 3}', '{"frames": {"1001": "x"}}', '{"frames": {"a": [1, 2]}}']
)
def test_a_broken_manifest_is_an_empty_entry(cache, words):
    put(cache, "a", 1001)
    (cache.entry(named("a")).folder / "manifest.json").write_text(words)
    assert cache.entry(named("a")).frames() == {}
    put(cache, "a", 1002)
    assert list(cache.entry(named("a")).frames()) == [1002]


def test_the_least_recently_used_go_first(cache):
    for name, seconds in (("old", 30), ("older", 60), ("new", 0)):
        put(cache, name, 1, 2, size=250)
        age(cache, name, seconds)
    cache.entry(named("older")).touch()
    cache.evict(keep=())
    assert {path.name for path in cache.entry(named("x")).folder.parent.iterdir()} == {named("older"), named("new")}


def test_what_is_in_work_or_waits_never_goes(cache):
    for name in ("working", "waiting", "idle"):
        put(cache, name, 1, size=600)
    age(cache, "working", 100)
    age(cache, "waiting", 50)
    kept = {named("working"), named("waiting")}
    cache.evict(keep=kept)
    assert {path.name for path in cache.entry(named("x")).folder.parent.iterdir()} == kept


def test_a_stranger_s_folder_under_the_cache_s_roof_survives(cache):
    put(cache, "old", 1, size=2000)
    root = cache.entry(named("old")).folder.parent
    (root / "renders").mkdir()
    (root / "renders" / "manifest.json").write_text('{"frames": {"1": [5000, 1]}}')
    (root / named("no manifest")).mkdir()
    (root / named("no manifest") / "comp.nk").write_text("a week's work")
    (root / "plate.exr").write_text("a file")
    cache.evict(keep=())
    assert {path.name for path in root.iterdir()} == {"renders", named("no manifest"), "plate.exr"}
    assert (root / named("no manifest") / "comp.nk").read_text() == "a week's work"


def test_nothing_goes_while_there_is_room(cache):
    put(cache, "a", 1, 2, 3, 4, size=250)
    cache.evict(keep=())
    assert len(cache.entry(named("a")).frames()) == 4
    Cache(Path("/nowhere/at/all"), budget=0).evict(keep=())


def test_the_environment_says_where_and_how_much(monkeypatch, tmp_path):
    monkeypatch.delenv("AAN_CACHE_DIR", raising=False)
    monkeypatch.delenv("AAN_CACHE_GB", raising=False)
    assert default_root().is_absolute()
    assert default_budget() == 50_000_000_000
    monkeypatch.setenv("AAN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("AAN_CACHE_GB", "1.5")
    assert (default_root(), default_budget()) == (tmp_path, 1_500_000_000)


# Delivery


def test_a_delivered_frame_replaces_what_was_there_and_leaves_nothing_beside(tmp_path):
    source, target = tmp_path / "source.exr", tmp_path / "new" / "target.exr"
    source.write_text("one")
    link_or_copy(source, target)
    link_or_copy(source, target)
    source.unlink()
    source.write_text("two")
    link_or_copy(source, target)
    assert target.read_text() == "two"
    assert [path.name for path in target.parent.iterdir()] == ["target.exr"]


def test_where_no_link_can_be_made_the_frame_is_copied(tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system to copy to")
    source, target = tmp_path / "source.exr", memory / f"aan-test-{os.getpid()}" / "target.exr"
    source.write_text("one")
    try:
        link_or_copy(source, target)
        assert (target.read_text(), target.samefile(source)) == ("one", False)
        assert len(list(target.parent.iterdir())) == 1
    finally:
        for path in target.parent.iterdir():
            path.unlink()
        target.parent.rmdir()


def test_what_cannot_be_delivered_leaves_the_old_frame_and_nothing_half(tmp_path):
    target = tmp_path / "target.exr"
    target.write_text("old")
    with pytest.raises(FileNotFoundError):
        link_or_copy(tmp_path / "gone.exr", target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("target.exr", "old")]


# Disks that are full


def test_a_manifest_that_cannot_be_written_leaves_the_old_one_and_nothing_half(cache, monkeypatch):
    put(cache, "a", 1001)
    entry = cache.entry(named("a"))
    entry.path(1002).write_text("whole")

    def full(path: Path, *_: object) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        entry.record(1002)
    assert list(entry.frames()) == [1001]
    assert sorted(path.name for path in entry.folder.iterdir()) == ["fill.1001.exr", "fill.1002.exr", "manifest.json"]


def test_a_report_stays_in_its_entry(cache):
    put(cache, "a", 1001)
    entry = cache.entry(named("a"))
    for name in ("fill.report.json", "fill.report.png", "other.report.json"):
        (entry.folder / name).write_text("words")
    entry.prepare()
    names = ["fill.1001.exr", "fill.report.json", "fill.report.png", "manifest.json"]
    assert sorted(path.name for path in entry.folder.iterdir()) == names
