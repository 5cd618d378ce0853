"""What every test may rely on of the process it runs in."""

import os
import signal

from aan_engine.threads import set_thread_limits

# Before any test imports NumPy, OpenCV or torch, as in the engine's own processes. Test processes that run side by side
# share the processors, so each has one thread where the engine has half of them.
for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(name, "1")
set_thread_limits()

# Whoever runs the tests in the background of a script has them started deaf to Ctrl-C, and so would be the commands
# that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
