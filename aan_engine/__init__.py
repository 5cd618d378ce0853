"""Align & Attend, the clean-up engine: plates and mattes in, filled frames out. No socket, no host, no window in here.

Read in this order: `shot` (a job as values) and `errors`; `pipeline` (`fill`: a shot in, filled frames out); then down
the floors as the pipeline uses them: `rendering`, `selection`, `candidates`, `motion`, `registration`, `plates`,
`grain`, `colour`, `network`, `core`. `reporting` writes a job's report. `training` and `evaluation` use all of these,
and nothing that ships uses them.
"""

import os

# Said before torch, OpenCV and numpy are loaded. Their threads shall sleep, not spin, where they wait for one another:
# on a busy machine spinning threads keep the very ones from working that they wait for. And as the relay's hands work
# side by side, each needs fewer of them: half of the processors' for networks and pictures, one for small products.
# The C library shall not hoard freed memory thread by thread: with 4K plates that is most of a gigabyte. (It reads this
# when a process starts, so it holds for processes started from here, as workers are.)
_SHARE = str(max(1, (os.cpu_count() or 1) // 2))
for _name, _value in (
    ("OMP_WAIT_POLICY", "PASSIVE"),
    ("OMP_NUM_THREADS", _SHARE),
    ("OPENCV_FOR_THREADS_NUM", _SHARE),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("MALLOC_ARENA_MAX", "2"),
):
    os.environ.setdefault(_name, _value)
