"""What every test may rely on of the process it runs in."""

import os
import signal
from pathlib import Path

import pytest

from aan_engine.threads import set_thread_limits

# Before any test imports NumPy, OpenCV or torch, as in the engine's own processes. Test processes that run side by side
# share the processors, so each has one thread where the engine has half of them.
for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(name, "1")
set_thread_limits()

# Whoever runs the tests in the background of a script has them started deaf to Ctrl-C, and so would be the commands
# that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]

SLOW_ENGINE = """
    ablated_modules ablation affine_refine bad_input batches block_matching carry chooser_training damaged_exr
    data_windows decode_watchdog defocus evaluation fill_formats fill_plan flow_field grain key_frames layer_shots
    light_match network_decoder network_homography network_pathways patch_attention pipeline recovery registration
    registration_bench render_stages scenes shot_frames shot_motion stages static_camera temporal_prior texture_fill
    texture_shots train_joint training warp
"""
SLOW_HOST = """
    cli engine_faults engine_process engine_restart host_half host_job movies paint real_engine subprocess_job sweep
    worker
"""
SLOW_FOUNDRY = "every_python journey node_job package surviving"
SLOW = (
    *("tests/blender", "tests/examples", "tests/packaging", "tests/host/compliance"),
    *(f"tests/engine/test_{name}.py" for name in SLOW_ENGINE.split()),
    *(f"tests/host/test_{name}.py" for name in SLOW_HOST.split()),
    *(f"tests/foundry/test_{name}.py" for name in SLOW_FOUNDRY.split()),
)
"""Where tests fill shots, train, start engines, hosts or other Pythons; `make test-fast` leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what lies in one of these modules or folders."""
    for item in items:
        place = item.path.relative_to(ROOT).as_posix()
        if place.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
