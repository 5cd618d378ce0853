"""What our node would ask the engine for, and what was rendered for that."""

from __future__ import annotations

import pytest
from plugin_host.job import JobSpec

DOUBLE = "Multiply {\n value 2\n name Graded\n}\n"


def ordered(shop, first=1001, last=1003):
    """What the engine would be asked for, one a view."""
    from aan_nuke import job_spec

    return job_spec.view_jobs(shop.node, first, last, folder=str(shop.folder / "cache"))


def spec(shop, first=1001, last=1003) -> JobSpec:
    (only,) = ordered(shop, first, last)
    return only.spec


def refused(shop, words: str, **more) -> None:
    from aan_nuke.host.errors import HostError

    with pytest.raises(HostError, match=words):
        spec(shop, **more)


def rendered(shop, word: str) -> list:
    """The frames of this kind that were rendered since it was last asked."""
    found = [path for path in shop.stage.written if path.rsplit("/", 1)[1].startswith(word)]
    shop.stage.written[:] = [path for path in shop.stage.written if path not in found]
    return [int(path.split(".")[-2]) for path in found]
