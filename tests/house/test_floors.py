"""The house stands: imports only go down, towers stay apart, and what travels into a host takes nothing else along.

Read from the source, so that an import inside a function counts as well.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOWERS = ("aan_engine", "plugin_host", "nuke", "blender_addon")

# The rooms of each floor, by the longest name that fits. A room may import what lies lower, and its neighbours.
FLOORS = {
    5: ("nuke", "blender_addon"),
    4: (
        *("plugin_host.client", "plugin_host.engine_socket", "plugin_host.launch", "plugin_host.engine_monitor"),
        "plugin_host.host_job",
        *("plugin_host.server.cli", "plugin_host.server.__main__", "plugin_host.server.cli_options"),
        "plugin_host.server.cli_exit",
    ),
    3: (
        *("plugin_host.server.broker", "plugin_host.server.scheduler", "plugin_host.server.worker_process"),
        "plugin_host.server.router",
        *("plugin_host.server.worker", "plugin_host.server.job_run", "plugin_host.server.in_process"),
        *("plugin_host.server.file_service", "plugin_host.server.process_monitor", "plugin_host.server.subprocess_job"),
    ),
    2: (
        *("plugin_host.server.jobs", "plugin_host.server.cache", "plugin_host.server.job_inputs"),
        *("plugin_host.server.async_writer", "plugin_host.server.engine", "plugin_host.server.failures"),
        "plugin_host.server.delivery",
        *("plugin_host.server.worker_messages", "plugin_host.server.outbox", "plugin_host.server.report_files"),
        *("plugin_host.server.display", "plugin_host.server.describe", "plugin_host.server.info"),
        *("plugin_host.server.movie_inputs", "plugin_host.server.existing_files"),
        *("plugin_host.server.opening", "plugin_host.server.jobs_text", "plugin_host.server.overall_progress"),
        *("plugin_host.server.movie_inputs", "plugin_host.server.input_files"),
        *("plugin_host.server.plate_frames", "plugin_host.server.matte_frames"),
    ),
    1: (
        *("plugin_host.protocol", "plugin_host.codec", "plugin_host.sequence", "plugin_host.connection_file"),
        *("plugin_host.wire", "plugin_host.client_events", "plugin_host.job_status", "plugin_host.job"),
        *("plugin_host.job_handle", "plugin_host.interpreter"),
        *("plugin_host.frame_numbers", "plugin_host.file_pattern", "plugin_host.folder_listing"),
    ),
    0: (
        "plugin_host.errors",
        *("plugin_host.controls", "plugin_host.eta"),
        "plugin_host.__init__",
        "plugin_host.server.__init__",
    ),
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

# Who in the engine's half of plugin_host may know the engine, and which of its rooms.
KNOW_THE_ENGINE = {
    "plugin_host.server.worker": {"aan_engine.errors", "aan_engine.plates.decode_watchdog"},
    "plugin_host.server.engine": {"aan_engine.plates.input_summary", "aan_engine.shot"},
    "plugin_host.server.in_process": {"aan_engine.plates.input_summary"},
    "plugin_host.server.info": {
        *("aan_engine.errors", "aan_engine.plates.formats", "aan_engine.plates.reader"),
        *("aan_engine.plates.exr_header", "aan_engine.plates.matte_choice", "aan_engine.shot"),
    },
    "plugin_host.server.failures": {"aan_engine.errors"},
    "plugin_host.server.process_monitor": {"aan_engine.plates.decode_watchdog"},
    "plugin_host.server.subprocess_job": {"aan_engine.plates.decode_watchdog", "aan_engine.core.temporary_name"},
    "plugin_host.server.delivery": {"aan_engine.core.temporary_name", "aan_engine.reporting.stored"},
    "plugin_host.server.existing_files": {
        "aan_engine._version",
        "aan_engine.provenance",
        "aan_engine.plates.result_marks",
    },
    "plugin_host.server.cli": {"aan_engine._version", "aan_engine.threads"},
    "plugin_host.server.__main__": {"aan_engine._version", "aan_engine.threads"},
    "plugin_host.server.describe": {
        "aan_engine.core.box",
        "aan_engine.plates.exr",
        "aan_engine.plates.exr_header",
        "aan_engine.plates.picture_layer",
        "aan_engine.errors",
        "aan_engine.plates.stereo",
    },
    "plugin_host.server.movie_inputs": {"aan_engine.plates.formats", "aan_engine.plates.movie", "aan_engine.errors"},
}


def sources() -> dict[str, Path]:
    """Every module of the house by its dotted name; a package goes by its `__init__`."""
    found = {}
    for tower in TOWERS:
        for path in sorted((ROOT / tower).rglob("*.py")):
            found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = path
    return found


SOURCES = sources()


def imports(module: str) -> set[str]:
    """What a module imports, relative names resolved: `a.b`, and also `a.b.c` for `from a.b import c`."""
    names = set()
    for node in ast.walk(ast.parse(SOURCES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            base += node.module.split(".") if node.module else []
            named = {".".join([*base, alias.name]) for alias in node.names}
            names |= named if named <= SOURCES.keys() else {*named, ".".join(base)}
    return names


def rooms(module: str) -> set[str]:
    """The modules of the house that a module imports."""
    found = set()
    for name in imports(module):
        found |= {name, f"{name}.__init__"} & SOURCES.keys()
    return found - {module}


def floor(module: str) -> int:
    parts = module.split(".")
    fitting = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    named = [FLOOR_OF[name] for name in fitting if name in FLOOR_OF]
    assert named, f"{module} has no floor yet: give it one in {Path(__file__).name}"
    return named[0]


def is_engine(module: str) -> bool:
    """The engine's floors are drawn in `test_engine_floors`."""
    return module.startswith("aan_engine.")


def host_half() -> list[str]:
    return [module for module in SOURCES if module.startswith("plugin_host.") and module.count(".") == 1]


def test_there_is_a_house_to_look_at():
    assert {"aan_engine.shot", "plugin_host.protocol", "plugin_host.server.broker"} <= SOURCES.keys()
    assert "plugin_host.protocol" in rooms("plugin_host.client")
    assert "plugin_host.sequence" in rooms("plugin_host.server.in_process")


@pytest.mark.parametrize("module", [module for module in sorted(SOURCES) if not is_engine(module)])
def test_imports_only_go_down(module):
    higher = {room for room in rooms(module) if not is_engine(room) and floor(room) > floor(module)}
    assert not higher, f"{module} lies on floor {floor(module)} and imports from above: {sorted(higher)}"


def test_no_room_needs_itself():
    try:
        TopologicalSorter({module: rooms(module) for module in SOURCES}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_room_of_plugin_host_has_been_given_its_floor():
    assert not {module for module in SOURCES if module.startswith("plugin_host.")} - FLOOR_OF.keys()
    assert not {room for room in FLOOR_OF if room.startswith("plugin_host.")} - SOURCES.keys()


def test_the_engine_knows_no_host_and_no_socket():
    for module in SOURCES:
        if module.startswith("aan_engine."):
            strange = {name.split(".")[0] for name in imports(module)} & {
                "plugin_host",
                "nuke",
                "bpy",
                "zmq",
                "PySide6",
            }
            assert not strange, f"{module} imports {sorted(strange)}"


def test_the_host_half_needs_the_standard_library_and_pyzmq_only():
    allowed = sys.stdlib_module_names | {"zmq", "plugin_host"}
    for module in host_half():
        assert not {name.split(".")[0] for name in imports(module)} - allowed, module
        assert not {room for room in rooms(module) if room.startswith("plugin_host.server")}, module


def test_the_host_half_imports_itself_relatively_as_it_goes_by_another_name_in_a_host():
    for module in host_half():
        for node in ast.walk(ast.parse(SOURCES[module].read_text("utf-8"))):
            absolute = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            absolute += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [name for name in absolute if name.split(".")[0] == "plugin_host"], module


def test_only_the_worker_and_the_command_line_know_the_engine():
    for module in SOURCES:
        if module.startswith("plugin_host."):
            known = {room for room in rooms(module) if room.startswith("aan_engine.")} - {"aan_engine.__init__"}
            assert known <= KNOW_THE_ENGINE.get(module, set()), module


def test_hosts_know_the_host_half_only():
    for module in SOURCES:
        if module.startswith(("nuke.", "blender_addon.")):
            beyond = {
                name for name in imports(module) if name.startswith(("aan_engine", "plugin_host.server", "torch"))
            }
            assert not beyond, f"{module} imports {sorted(beyond)}"


def test_rooms_and_their_tests_are_small_enough_to_be_read_at_once():
    read = [*SOURCES.values(), *(ROOT / "tests").rglob("*.py")]
    long = {str(path.relative_to(ROOT)) for path in read if len(path.read_text("utf-8").splitlines()) > 350}
    assert not long, f"more than 350 lines: {sorted(long)}"


@pytest.mark.parametrize("module", ["plugin_host.server.cli", "plugin_host.server.broker", "plugin_host.client"])
def test_neither_the_command_nor_the_broker_waits_for_the_network_s_libraries(module):
    heavy = "{'torch', 'numpy', 'cv2', 'OpenEXR', 'av', 'OpenImageIO', 'PyOpenColorIO'}"
    check = f"import {module}, sys; sys.exit(', '.join({heavy} & sys.modules.keys()) or None)"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
