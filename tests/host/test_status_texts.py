"""What Nuke and Blender show of a job that waits and of one that has ended; without either of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import plugin_host

ROOT = Path(__file__).resolve().parents[2]
WARNING = "the matte hides nothing: the result is the plate"


@pytest.fixture
def modules() -> Iterator[None]:
    """Whatever is loaded here is forgotten afterwards: other tests load the adapters their own way."""
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        if name.split(".")[0] in ("aan_nuke", "addon"):
            del sys.modules[name]


@pytest.fixture
def nuke(modules: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "nuke")
    return importlib.import_module("aan_nuke.status_text")


@pytest.fixture
def blender(modules: None) -> ModuleType:
    for name, folder in (("addon", ROOT / "blender_addon"), ("addon.plugin_host", Path(plugin_host.__path__[0]))):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(folder)]
    return importlib.import_module("addon.status_text")


def status(texts: ModuleType, phase: str, **more: object) -> object:
    return texts.JobStatus(texts.JobPhase[phase], total=4, **more)


@pytest.mark.parametrize(("jobs", "said"), [(1, "behind 1 job"), (3, "behind 3 jobs")])
def test_a_job_that_waits_says_behind_how_many_and_no_frame(
    nuke: ModuleType, blender: ModuleType, jobs: int, said: str
) -> None:
    waits = {"stage": "queued", "steps": jobs}
    assert nuke.job_text(status(nuke, "QUEUED", **waits)) == f"Waiting for its turn, 0 of 4 frames, {said}"
    assert blender.progress_bar(status(blender, "QUEUED", **waits)) == (0.0, said)


def test_pairs_are_called_pairs(nuke: ModuleType, blender: ModuleType) -> None:
    aligns = {"stage": "align", "step": 3, "steps": 9}
    assert nuke.job_text(status(nuke, "RUNNING", **aligns)).endswith("aligning pairs of frames 3 of 9")
    assert blender.progress_bar(status(blender, "RUNNING", **aligns))[1] == "aligning pairs of frames 3/9"


def test_the_end_says_what_was_understood_and_what_seems_wrong(nuke: ModuleType, blender: ModuleType) -> None:
    told = {"inputs": "4 frames 1001-1004; matte A hides 0 %", "warnings": (WARNING,)}
    assert nuke.job_text(status(nuke, "FINISHED", **told)) == f"Finished; {told['inputs']}; warning: {WARNING}"
    lines = blender.job_lines(status(blender, "FINISHED", **told))
    said = " ".join(line.text for line in lines)
    assert told["inputs"] in said
    assert f"Warning: {WARNING}" in said
    assert [line.icon for line in lines].count("ERROR") == 1


def test_a_job_that_nobody_looked_at_ends_as_it_always_did(nuke: ModuleType, blender: ModuleType) -> None:
    assert nuke.job_text(status(nuke, "FINISHED")) == "Finished"
    assert len(blender.job_lines(status(blender, "FINISHED"))) == 2
