"""What a host needs to talk to the engine: standard library and pyzmq only, Python 3.9 and up."""
