"""What `aan_engine` offers to whoever uses it as a library, and what importing it leaves alone."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import aan_engine

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["Controls", "FilledFrame", "FrameFile", "Known", "Progress", "Shot", "__version__", "errors", "fill"]


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_these_names_are_public_and_sorted():
    assert aan_engine.__all__ == NAMES == sorted(NAMES)
    assert set(NAMES) <= set(dir(aan_engine))


def test_each_of_them_is_there_and_says_what_it_is():
    for name in NAMES:
        value = getattr(aan_engine, name)
        if name != "__version__":
            assert inspect.getdoc(value), name
    assert aan_engine.errors.AanError.__module__ == "aan_engine.errors"
    assert aan_engine.fill.__module__ == "aan_engine.pipeline"


def test_every_error_of_the_tree_is_exported_and_says_what_it_is():
    for name, error in inspect.getmembers(aan_engine.errors, inspect.isclass):
        if issubclass(error, Exception):
            assert issubclass(error, aan_engine.errors.AanError)
            assert inspect.getdoc(error), name


def test_other_names_are_refused_as_a_module_refuses_them():
    assert not hasattr(aan_engine, "filled")
    run("from aan_engine import *; fill, Shot, errors")


def test_fill_takes_a_shot_and_everything_else_by_name():
    shot, *others = inspect.signature(aan_engine.fill).parameters.values()
    assert (shot.name, [p.name for p in others][:2]) == ("shot", ["progress", "skip"])
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in others)


def test_importing_leaves_the_environment_as_it_is():
    for names in ("fill", "FilledFrame", "Progress", "*"):
        run(f"import os; before = dict(os.environ); from aan_engine import {names}; assert dict(os.environ) == before")


def test_the_values_of_a_job_come_without_the_heavy_libraries():
    heavy = "{'torch', 'numpy', 'cv2', 'OpenEXR', 'av', 'OpenImageIO', 'PyOpenColorIO'}"
    run(f"import sys; from aan_engine import Shot, Known, errors, __version__; assert not {heavy} & sys.modules.keys()")
