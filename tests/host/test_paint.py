"""`aan paint`: the key frames alone, for a painter; what somebody painted is never written over."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from aan_engine.errors import PlateUnreadable
from plugin_host.errors import SequenceError
from plugin_host.server import in_process, subprocess_job
from plugin_host.server.cli_exit import print_painted
from plugin_host.server.failures import JobError

COMMAND = """
from plugin_host.server import subprocess_job, cli
for task in (subprocess_job.paint, subprocess_job.fill):
    task.__kwdefaults__["engine"] = "fake_engine:make"
cli.app()
"""


def aan(house, *arguments: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    return subprocess.run(given, capture_output=True, text=True, timeout=60, cwd=house.root)


def paint(house, *words: str, run=in_process.paint, engine: str = "fake_engine:reporting", **options: object):
    spec = dataclasses.replace(house.plates(*words), **options)
    return run(spec, str(house.root / "keys" / "key.####.exr"), progress=lambda step: None, engine=engine)


def written(house) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((house.root / "keys").iterdir())}


@pytest.mark.parametrize("run", [in_process.paint, subprocess_job.paint])
def test_the_key_frames_are_written_whole_and_with_what_no_frame_shows_and_nothing_else(house, run):
    assert paint(house, "fill", "key", "fill", "key", run=run, write="patch", aov=("source",)) == (1002, 1004)
    assert written(house) == {f"key.{frame}.exr": "filled key, source+unseen" for frame in (1002, 1004)}


def test_the_layer_is_asked_for_once(house):
    paint(house, "key", aov=("unseen", "confidence"))
    assert written(house) == {"key.1001.exr": "filled key, unseen+confidence"}


def test_where_some_frame_shows_everything_nothing_is_written(house):
    assert paint(house, "fill", "fill") == ()
    assert written(house) == {}


def test_what_may_have_been_painted_already_is_not_written_over(house):
    paint(house, "fill", "key")
    (house.root / "keys" / "key.1002.exr").write_text("painted for hours")
    with pytest.raises(SequenceError, match=r"key\.1002\.exr exists\. It may have been painted"):
        paint(house, "key", "key")
    assert written(house) == {"key.1002.exr": "painted for hours"}
    with pytest.raises(SequenceError, match="overwrite the input"):
        paint(house, "fill", "key", painted=str(house.root / "keys" / "key.####.exr"))


def test_errors_are_those_of_a_fill(house):
    with pytest.raises(PlateUnreadable):
        paint(house, "key", "damaged")
    (house.root / "keys" / "key.1001.exr").unlink(missing_ok=True)
    with pytest.raises(JobError, match=r"plate\.1001\.exr, frame 1001: it was killed by SIGSEGV") as caught:
        paint(house, "crash", run=subprocess_job.paint)
    assert caught.value.code == "reader-lost"
    with pytest.raises(SequenceError, match="no plate lies in the range"):
        paint(house, "key", first=2000)


def test_the_command_says_what_was_written_and_how_it_is_handed_back(house):
    spec = house.plates("fill", "key", "key")
    out = house.root / "my keys" / "key.####.exr"
    shot = ["--plate", spec.plate, "--matte", spec.matte]
    done = aan(house, "paint", *shot, "--out", out, "--grow", 2)
    assert (done.returncode, [line.split(" in ")[0] for line in done.stdout.splitlines()]) == (
        0,
        [
            "frames 1002 and 1003",
            "Paint over what no frame shows, where the layer unseen is above 0, and hand the frames back:",
            f"aan fill ... --painted '{out}'",
        ],
    ), done.stderr
    again = aan(house, "paint", *shot, "--out", out)
    assert (again.returncode, again.stdout, "Traceback" in again.stderr) == (1, "", False)
    assert "my keys/key.1002.exr exists. It may have been painted" in again.stderr
    handed_back = aan(house, "fill", *shot, "--out", house.root / "o.####.exr", "--painted", out)
    assert handed_back.returncode == 0, handed_back.stderr


def test_the_command_says_that_there_is_nothing_to_paint(house):
    spec = house.plates("fill")
    done = aan(house, "paint", "--plate", spec.plate, "--matte", spec.matte, "--out", "key.####.exr")
    assert (done.returncode, done.stdout) == (
        0,
        "so little is in no frame that painting is not worth it: nothing was written\n",
    ), done.stderr


def test_frames_that_were_painted_before_are_not_forgotten(capsys):
    print_painted((1046,), "/s/key.####.exr", seconds=3.21, before="/s/old.####.exr")
    first, _, command, last = capsys.readouterr().out.splitlines()
    assert (first, command) == ("frame 1046 in 3.2 s: /s/key.####.exr", "aan fill ... --painted '/s/key.####.exr'")
    assert last == "Put the frames painted before beside them, under the same name: /s/old.####.exr"
