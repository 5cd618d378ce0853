"""One name, one meaning; everything public says what it is; tests borrow from helper modules only.

All of it is read from the source.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    path.relative_to(ROOT): ast.parse(path.read_text("utf-8"))
    for top in ("aan_engine", "plugin_host", "nuke", "blender_addon")
    for path in sorted((ROOT / top).rglob("*.py"))
}
LIBRARY = [path for path in SOURCES if path.parts[0] in ("aan_engine", "plugin_host")]

SAME_NAME = {
    "Progress": "plugin_host's is the message that carries aan_engine's to a host",
}
"""Public classes that may share their name, and why."""

SELF_EXPLAINING = {"forward"}
"""Methods that need no words of their own: a network's class says what it computes."""


def public_classes() -> dict[str, list[str]]:
    found = defaultdict(list)
    for path, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path))
    return found


def test_no_two_public_classes_share_a_name():
    shared = {name: places for name, places in public_classes().items() if len(places) > 1}
    assert {name: places for name, places in shared.items() if name not in SAME_NAME} == {}
    assert SAME_NAME.keys() <= shared.keys(), "an exception that is none any more"


def undescribed(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Public classes, functions and methods without a docstring. A protocol's members are described by their class."""
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None and node.name not in SELF_EXPLAINING:
            yield f"{prefix}{node.name}, line {node.lineno}"
        if isinstance(node, ast.ClassDef) and "Protocol" not in {ast.unparse(base) for base in node.bases}:
            yield from undescribed(node.body, f"{prefix}{node.name}.")


def test_everything_public_of_the_library_has_a_docstring():
    silent = [path.as_posix() for path in LIBRARY if not ast.get_docstring(SOURCES[path])]
    assert silent == ["aan_engine/_version.py"]
    assert [f"{path}: {name}" for path in LIBRARY for name in undescribed(SOURCES[path].body)] == []


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Whatever may be a module among a file's imports: `a.b` and `a.b.c` for `from a.b import c`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_is_imported_from_a_module_of_tests():
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tests = [
            name
            for name in imported_modules(ast.parse(path.read_text("utf-8")))
            if any(part.startswith(("test_", "check_")) for part in name.split("."))
        ]
        assert not tests, f"{path.relative_to(ROOT)} imports {tests}: what tests share belongs to a helper module"
