"""The engine's packages lie on floors, and imports only go down: never up, never to a neighbour on the same floor.

Read from the source, so that an import inside a function counts as well. A new package gets its floor here.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = (
    ("errors", "threads", "_version"),
    ("core",),
    ("shot", "colour", "network"),
    ("provenance",),
    ("plates", "grain", "reporting"),
    ("registration",),
    ("motion",),
    ("candidates", "attention"),
    ("selection",),
    ("rendering",),
    ("pipeline",),
    ("__init__",),
    ("training",),
    ("evaluation",),
)
"""From the lowest to the highest. Packages on one floor do not know each other."""

FLOOR_OF = {package: number for number, packages in enumerate(FLOORS) for package in packages}
MOST_ARROWS = 90


def package_of(module: str) -> str:
    """`aan_engine.core.lru` -> `core`; `aan_engine` -> `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((ROOT / "aan_engine").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(path: Path) -> set[str]:
    """The engine's modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: the engine imports itself by its full name"
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (named & MODULES.keys()) or {node.module or ""}
    return {name for name in found if name.split(".")[0] == "aan_engine"}


def arrows() -> set[tuple[str, str]]:
    """(from, to) between packages."""
    drawn = {(package_of(m), package_of(other)) for m, path in MODULES.items() for other in imported(path)}
    return {(here, there) for here, there in drawn if here != there}


ARROWS = arrows()


def test_every_package_has_its_floor_and_no_floor_is_empty():
    assert {package_of(module) for module in MODULES} == FLOOR_OF.keys()


@pytest.mark.parametrize("floor", range(len(FLOORS)), ids=["+".join(packages) for packages in FLOORS])
def test_a_floor_imports_from_lower_floors_only(floor: int):
    wrong = {(here, there) for here, there in ARROWS if FLOOR_OF[here] == floor and FLOOR_OF[there] >= floor}
    assert not wrong, f"imports that do not go down: {sorted(wrong)}"


def test_the_drawing_stays_one_that_fits_in_a_head():
    assert len(ARROWS) <= MOST_ARROWS


@pytest.mark.parametrize(
    "package", sorted(FLOOR_OF.keys() - {"errors", "threads", "_version", "shot", "provenance", "pipeline"})
)
def test_a_package_says_what_it_is_for_what_it_may_know_and_where_to_begin(package: str):
    path = ROOT / "aan_engine" / ("__init__.py" if package == "__init__" else f"{package}/__init__.py")
    said = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert said, f"{package} says nothing of itself"
    assert len(said.splitlines()) >= 4
    named = [m.rsplit(".", 1)[-1] for m in MODULES if m.startswith(f"aan_engine.{package}.")]
    assert [name for name in named if name not in said] == [], f"{package} leaves out modules in its reading order"
