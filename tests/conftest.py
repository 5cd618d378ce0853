"""What every test may rely on of the process it runs in."""

import signal

# Whoever runs the tests in the background of a script has them started deaf to Ctrl-C, and so would be the commands
# that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
