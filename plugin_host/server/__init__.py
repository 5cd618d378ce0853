"""The engine's half of the house: jobs, cache, broker, worker, command line. It is never shipped into a host."""
