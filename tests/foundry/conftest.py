"""The engine for the adapter's tests."""

from tests.foundry.engines import engine, shared_engine

__all__ = ["engine", "shared_engine"]
