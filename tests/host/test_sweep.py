"""Every EXR that can be had, sound or hostile: it is shown, filled, or named, and the process lives on.

One process looks at all of them in turn, with a limit on time and memory: a crash, a hang or a foreign exception in any
file ends it early, and the test says at which.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sample_exrs import SHARED, SHIPPED, needs_shared, write_damaged

ROOT = Path(__file__).resolve().parents[2]
SECONDS, BYTES = 10, 2 << 30

SWEEP = """
import faulthandler, json, resource, sys, time
from pathlib import Path

import numpy as np
import OpenEXR
import torch

from aan_engine import pipeline
from aan_engine.plates import exr
from aan_engine.errors import AanError
from plugin_host.errors import HostError
from plugin_host.protocol import JobSpec
from plugin_host.server.describe import as_text
from plugin_host.server.job_inputs import resolve_inputs
from plugin_host.server.engine import to_shot

torch.set_num_threads(1)
pipeline.warm("cpu")
folder, scratch, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])


def opens(file):
    try:
        # A part that cannot be decoded is dropped with no more than a printed warning.
        return bool(OpenEXR.File(str(file)).parts)
    except Exception:
        return False


def shown(file):
    try:
        return as_text(exr.describe(file))
    except AanError as error:
        return error


def filled(file):
    plate = exr.read(file, frame=1)
    x0, y0, x1, y1 = plate.data_window.as_exr()
    left, top = (x0 + x1) // 2, (y0 + y1) // 2
    window = lambda a, b, c, d: (np.array([a, b], np.int32), np.array([c, d], np.int32))
    header = {
        "type": OpenEXR.scanlineimage,
        "dataWindow": window(left, top, min(left + 7, x1), min(top + 7, y1)),
        "displayWindow": window(*plate.display_window.as_exr()),
    }
    shape = (min(top + 7, y1) - top + 1, min(left + 7, x1) - left + 1)
    OpenEXR.File(header, {"A": np.ones(shape, np.float16)}).write(str(scratch / "matte.exr"))
    spec = JobSpec(str(file), str(scratch / "matte.exr"), device="cpu")
    (one,) = pipeline.fill(to_shot(resolve_inputs(spec, output=None)))
    assert one.hidden.any()
    assert one.write(scratch / "out.exr") == 0
    return exr.read(scratch / "out.exr", frame=1).shape == plate.shape


for file in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("LICENSE")):
    faulthandler.dump_traceback_later(seconds, exit=True)
    began = time.monotonic()
    told = {"file": str(file.relative_to(folder))}
    print(json.dumps(told), flush=True)
    told["stock"] = opens(file)
    info = shown(file)
    told["info"] = isinstance(info, str)
    try:
        told["fill"] = filled(file)
        told["why"] = ""
    except (AanError, HostError) as error:
        told["fill"] = False
        told["why"] = str(error) if str(file) in str(error) and error.hint else f"unnamed: {error!r}"
    told["seconds"] = time.monotonic() - began
    told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(told), flush=True)
print(json.dumps({"file": "lives on"}))
"""


@pytest.fixture(scope="module", params=[pytest.param("shipped"), pytest.param("shared", marks=needs_shared)])
def swept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What was found of each file: of those that come with the tests and damaged copies, and of OpenEXR's samples."""
    pytest.importorskip("resource", reason="memory is measured on POSIX systems only")
    if request.param == "shared":
        return sweep(SHARED, tmp_path_factory.mktemp("sweep"))
    folder = tmp_path_factory.mktemp("files")
    for file in SHIPPED.glob("*.exr"):
        shutil.copy(file, folder)
    write_damaged(folder)
    return sweep(folder, tmp_path_factory.mktemp("sweep"))


def sweep(folder: Path, scratch: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, str(folder), str(scratch), str(SECONDS)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    last = lines[-1]["file"] if lines else "the start"
    assert done.returncode == 0, f"{last}: {done.returncode}\n{done.stderr[-2000:]}"
    assert last == "lives on"
    return [line for line in lines if "seconds" in line]


@needs_shared
@pytest.mark.parametrize("swept", ["shared"], indirect=True)
def test_there_are_sound_and_hostile_files_to_look_at(swept: list[dict[str, Any]]) -> None:
    assert len(swept) > 100
    assert sum(found["stock"] for found in swept) > 20
    assert sum(not found["stock"] for found in swept) > 50


@pytest.mark.parametrize("swept", ["shipped"], indirect=True)
def test_both_files_that_come_with_the_tests_are_filled_and_those_cut_short_are_not(
    swept: list[dict[str, Any]],
) -> None:
    filled = {found["file"] for found in swept if found["fill"]}
    assert {"Carrots.exr", "MirrorPattern.exr"} <= filled
    assert not [name for name in filled if "_cut" in name]
    assert len(swept) == 20


def test_what_the_library_opens_is_shown(swept: list[dict[str, Any]]) -> None:
    assert not [found["file"] for found in swept if found["stock"] and not found["info"]]


def test_what_the_library_opens_is_filled_or_it_is_said_why_not(swept: list[dict[str, Any]]) -> None:
    assert not [found for found in swept if not found["fill"] and not found["why"]]
    assert not [found for found in swept if found["why"].startswith("unnamed")]


@needs_shared
@pytest.mark.parametrize("swept", ["shared"], indirect=True)
def test_most_sound_files_from_elsewhere_are_filled(swept: list[dict[str, Any]]) -> None:
    assert sum(found["fill"] for found in swept) > 15


def test_nothing_hangs_and_memory_stays_bounded(swept: list[dict[str, Any]]) -> None:
    assert max(found["seconds"] for found in swept) < SECONDS
    assert max(found["peak"] for found in swept) < BYTES
