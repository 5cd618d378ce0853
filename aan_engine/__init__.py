"""The clean-up engine: plates and mattes in, filled frames out. No socket, no host, no window in here."""

import os

# Said before torch is loaded: its threads shall sleep, not spin, where they wait for one another. On a busy machine
# spinning threads keep the very ones from working that they wait for.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
