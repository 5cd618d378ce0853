"""`python -m plugin_host.server`: runs the persistent engine in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys

from aan_engine._version import __version__
from aan_engine.threads import set_thread_limits

from .. import connection_file
from ..connection_file import Connection
from ..protocol import HIGHEST, LOWEST
from .broker import Broker
from .cache import Cache, default_budget, default_root
from .engine import ENGINE


def serve(engine: str = ENGINE) -> int:
    """Run an engine until it is told to stop; returns the process's exit code."""
    lock = connection_file.claim()
    if lock is None:
        log = connection_file.log_file()
        print(f"an engine of yours runs already on this machine; its log, unless in a terminal: {log}", file=sys.stderr)
        return 1
    with lock:
        broker = Broker(engine, Cache(default_root(), budget=default_budget()), version=__version__)
        broker.shut_down_on(signal.SIGINT, signal.SIGTERM)
        failure = broker.run(announce=lambda: _announce(broker))
        connection_file.remove(broker.session)
    if failure is not None:
        print(failure, file=sys.stderr)
    return 0 if failure is None else 1


def main() -> int:
    """Parse the arguments, set up the environment and the log, serve."""
    set_thread_limits()
    parser = argparse.ArgumentParser(prog="plugin_host.server", description=__doc__)
    parser.add_argument("--engine", default=ENGINE, help="module, or module:factory, that fills shots")
    engine = parser.parse_args().engine
    logging.basicConfig(level=logging.INFO, format="%(asctime)s broker %(message)s")
    return serve(engine)


def _announce(broker: Broker) -> None:
    connection_file.write(Connection(broker.endpoint, broker.token, os.getpid(), broker.session, LOWEST, HIGHEST))
    logging.getLogger(__name__).info("engine %s listens at %s", broker.session, broker.endpoint)


if __name__ == "__main__":
    sys.exit(main())
