"""An engine and a session of Nuke for the adapter's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.foundry.engines import engine, shared_engine
from tests.foundry.shop import Shop

__all__ = ["engine", "shared_engine"]


@pytest.fixture
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A session of Nuke with our node; it knows the engine where the test asks for that as well."""
    asked = "engine" in request.fixturenames
    with Shop(tmp_path, request.getfixturevalue("engine").python if asked else None) as found:
        yield found
