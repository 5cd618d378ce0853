"""What a studio gets: every file the repository's own, one folder for NUKE_PATH, and checks that run in a Nuke."""

from __future__ import annotations

import ast
import importlib.util
import sys
import zipfile
from pathlib import Path

import pytest
from tests.foundry import tree
from tests.foundry.shop import NUKE, Shop
from tests.foundry.stage import Stage

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

ROOT = NUKE.parent


def load(path: Path):
    spec = importlib.util.spec_from_file_location(f"packaging_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Without pyzmq, which comes from the network."""
    packaging = load(NUKE / "packaging" / "package.py")
    return packaging.build(tmp_path_factory.mktemp("dist"), pyzmq=False)


def test_every_file_in_it_is_the_repository_s_own(package):
    for path in (package / "nuke").rglob("*"):
        if path.is_dir():
            continue
        inner = path.relative_to(package / "nuke")
        source = NUKE / inner
        if inner.parts[:2] == ("aan_nuke", "host") and inner.name != "__init__.py":
            source = ROOT / "plugin_host" / inner.name
        assert path.read_bytes() == source.read_bytes(), inner
    assert (package / "nuke/aan_nuke/host/host_job.py").exists()
    assert not list(package.rglob("__pycache__"))
    assert sorted(path.name for path in package.iterdir()) == [
        "LICENSE",
        "README.md",
        "checklist.txt",
        "checks.py",
        "nuke",
        "package.py",
    ]


def test_the_zip_holds_the_same(package):
    packaging = load(NUKE / "packaging" / "package.py")
    with zipfile.ZipFile(packaging.pack(package)) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
    assert names == {f"{package.name}/{p.relative_to(package).as_posix()}" for p in package.rglob("*") if p.is_file()}


def test_all_of_it_is_python_3_9(package):
    for path in package.rglob("*.py"):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 9))


def test_a_shot_is_solved_with_it(package, engine, tmp_path):
    with Shop(tmp_path, engine.python, adapter=package / "nuke") as shop:
        shop.shot(1001, 1002)
        shop.solve()
        assert shop.solved(range(1001, 1003)) == [1001, 1002]
        import aan_nuke.host.host_job

        assert Path(aan_nuke.host.host_job.__file__) == package / "nuke/aan_nuke/host/host_job.py"


def test_rez_puts_it_on_nuke_s_path(package):
    names: dict = {}
    exec((package / "package.py").read_text(), names)
    added = []

    class Path:
        append = staticmethod(added.append)

    class Environment:
        NUKE_PATH = Path

    names["env"] = Environment
    names["commands"]()
    assert added == ["{root}/nuke"]
    assert f"{names['name']}-{names['version']}" == package.name


def test_every_pyzmq_is_pinned_for_each_python_and_platform():
    found = list(load(NUKE / "packaging" / "package.py").wheels())
    assert len(found) == 12
    assert {folder for folder, *_ in found} >= {"cp39-linux", "cp310-windows", "cp311-macos", "cp313-linux"}
    assert all(pinned.count(".") == 2 for *_, pinned in found)


def test_the_checks_for_a_real_nuke_run_and_what_the_fake_does_is_as_believed(package, tmp_path, capsys):
    with Stage(gui=False) as stage:
        stage.startup(package / "nuke")
        checks = load(package / "checks.py")
        lines = checks.run(str(tmp_path))
        for name in [name for name in sys.modules if name.split(".")[0] in ("aan_nuke", "aan_log")]:
            del sys.modules[name]
    told = checks.summary(lines)
    assert told["FAILED"] == told["NO"] == 0, "\n".join(lines)
    assert told["yes"] == len(checks.CHECKS) >= 19
