"""The engine's half: the persistent engine process (broker, scheduler, worker, cache) and the command line `aan`.

It is never copied into a host. It may import the host half above it; of `aan_engine`, only a few
modules know parts (tests/house lists them), and torch is not imported before a worker or a command needs it.
Reading order: __main__, broker, scheduler, jobs, worker_process, worker, job_run, cache, then cli.
"""
