"""What every test may rely on of the process it runs in."""

import signal

from aan_engine.threads import set_thread_limits

set_thread_limits()  # before any test imports NumPy, OpenCV or torch, as in the engine's own processes

# Whoever runs the tests in the background of a script has them started deaf to Ctrl-C, and so would be the commands
# that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
