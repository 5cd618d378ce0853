"""The clean-up engine: plates and mattes in, filled frames out. No socket, no host, no window in here."""
