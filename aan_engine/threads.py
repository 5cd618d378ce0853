"""How many threads the numeric libraries of this process may start, and what they do while they wait.

The engine runs its stages side by side (`core.stages`), so each library call gets a share of the processors only. The
libraries read these settings from the environment when they are loaded, the C library when a process starts. So a
program that owns its process calls `set_thread_limits` first: the command `aan`, the persistent engine, the tests.
Importing `aan_engine` never calls it: the environment of a process belongs to whoever started it.
"""

from __future__ import annotations

import os


def set_thread_limits() -> None:
    """Limit the threads of NumPy, OpenCV and torch in this process and in those that it starts.

    Call it before these libraries are imported; afterwards it has no effect on them. A variable that is set already
    keeps its value.

    - `OMP_WAIT_POLICY` passive: threads sleep while they wait for one another. Spinning ones take the processors from
      the very threads that they wait for.
    - `OMP_NUM_THREADS`, `OPENCV_FOR_THREADS_NUM`: half of the processors.
    - `OPENBLAS_NUM_THREADS`: one, as the engine's matrix products are small.
    - `MALLOC_ARENA_MAX`: glibc keeps freed memory for each thread otherwise, with 4K plates most of a gigabyte. It is
      read when a process starts, so it holds for child processes only, such as the engine's workers.
    """
    half = str(max(1, (os.cpu_count() or 1) // 2))
    for name, value in (
        ("OMP_WAIT_POLICY", "PASSIVE"),
        ("OMP_NUM_THREADS", half),
        ("OPENCV_FOR_THREADS_NUM", half),
        ("OPENBLAS_NUM_THREADS", "1"),
        ("MALLOC_ARENA_MAX", "2"),
    ):
        os.environ.setdefault(name, value)
