"""Filled frames as the report sees them, and what it leaves on disk."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from aan_engine.provenance import Provenance

SHAPE = (60, 100)


def filled(frame: int, *, confidence: float = 0.9, unseen: float = 0.1, hidden: int = 200, **other: Any) -> Any:
    """A frame as the report sees it, `hidden` pixels of it (a multiple of 20) in the hole."""
    hole = np.zeros(SHAPE, bool)
    hole[20 : 20 + hidden // 20, 30:50] = True
    pixels = other.pop("pixels", np.full((*SHAPE, 3), 0.2, np.float32))
    told = {"trust": 0.8, "is_key": False, "residue": 0.0, "grown": 0.0, "provenance": None, **other}
    told["region"] = seen_in(pixels)
    plate = SimpleNamespace(path=Path(f"plate.{frame}.exr"), region=seen_in(other.get("before", pixels)))
    return SimpleNamespace(
        frame=frame, plate=plate, hidden=hole, confidence=confidence, unseen=unseen if hidden else 0.0, **told
    )


def seen_in(pixels: Any) -> Any:
    return lambda box, *, every=1: pixels[box.top : box.bottom : every, box.left : box.right : every]


def ticking() -> Any:
    ticks = count()
    return lambda: next(ticks) * 0.5


def told(path: Path) -> Any:
    return json.loads(path.read_text("ascii"))


def made(settings: str = "a", *, shot: str = "s", job: str = '{"plate": "/s/plate.####.exr"}') -> Provenance:
    return Provenance(job=job, shot=shot, settings=settings, engine="9.9", weights="0" * 64, device="CPU")
