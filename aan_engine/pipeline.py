"""The pipeline: a shot in, its filled frames out, one by one.

First every plate is looked at once and put on the reel as a proxy; then, target by target, the network decides and the
decision is carried out on the plates. Memory holds the reel's pages, the survey's window and a few plates, whatever
the shot's length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch

from aan_engine.candidates.generators import EVERY, Pathways
from aan_engine.colour import encoding
from aan_engine.core.prefetch import ahead
from aan_engine.core.stages import relay
from aan_engine.errors import ShotError
from aan_engine.motion.shot_motion import Survey
from aan_engine.network import weights
from aan_engine.network.bundle import Networks
from aan_engine.plates import proxy, reader
from aan_engine.plates.plate_cache import Shelf
from aan_engine.plates.proxy_store import Reel
from aan_engine.plates.shot_frames import Roles
from aan_engine.plates.source_policy import Cast
from aan_engine.rendering.fill_buffer import Carried
from aan_engine.rendering.filled_frame import Filled, composed
from aan_engine.rendering.finisher import Finisher
from aan_engine.reporting.report import Report
from aan_engine.selection.selector import Decider
from aan_engine.shot import Shot

CLEAN_PLATES = 2
"""Clean plates that are looked at for one target."""

VERSION = "17"
"""Counts changes of the pixels that the same job gets; part of the cache key."""


@dataclass(frozen=True)
class Step:
    """Progress: `done` of `total` frames of a stage: look; align, decide and fill in turns."""

    stage: str
    done: int
    total: int


def fill(
    shot: Shot,
    *,
    progress: Callable[[Step], None] | None = None,
    skip: Collection[int] = (),
    networks: Networks | None = None,
    pathways: Pathways = EVERY,
) -> Iterator[Filled]:
    """Fill the shot's targets in order.

    Args:
        progress: told after each frame of each stage; what it raises ends the job.
        skip: frame numbers whose result exists already. They are still decided on (the recurrence needs them), so that
            an interrupted job ends with the same pixels as an uninterrupted one.
        networks: others than the shipped ones, and `pathways`, those that take part: for whoever measures what a part
            is worth.

    Raises:
        AanError: see `shot`.
    """
    tell = progress or (lambda step: None)
    wanted = [t.frame for t in shot.targets if t.frame not in skip]
    if not wanted:
        return
    roles = Roles(shot)
    if not any(roles.is_hiding(target.frame) for target in shot.targets):
        yield from _passed_through(shot, roles, wanted, tell)
        return
    networks = networks or _networks(_device(shot.device))
    cast = Cast(roles.serving, roles.painted, partial(roles.clean_near, count=CLEAN_PLATES))
    with ExitStack() as stack:
        shelf = Shelf(roles)
        reel = stack.enter_context(_reel(roles, shelf, tell))
        survey = Survey(reel, cast=cast)
        controls = shot.controls
        decider = Decider(networks, survey, pathways=pathways, light=controls.light, smoothing=controls.smoothing)
        survey.bearings.ask(decider.guess)
        survey.bearings.tell(lambda count: tell(Step("align", count, len(shot.plates) - 1)))
        stack.callback(survey.close)
        number = {p.frame: i for i, p in enumerate(shot.plates)}
        targets = [number[t.frame] for t in shot.targets if t.frame <= wanted[-1]]
        asked = [index for index in targets if shot.plates[index].frame not in skip]
        read = stack.enter_context(closing(ahead(shelf.target, asked)))
        finisher = Finisher(shot, roles, shelf=shelf, survey=survey, read=read, skip=set(targets) - set(asked))
        filling = relay(
            targets,
            lambda index: None if index in roles.painted else decider.prepare(index),
            lambda index, prepared: decider.sketch(prepared),
            lambda index, sketched: decider.conclude(sketched),
            finisher.carry,
            finisher.dress,
        )
        for done, filled in enumerate(stack.enter_context(closing(filling)), 1):
            tell(Step("decide", done, len(targets)))
            if filled is not None:
                yield filled
                tell(Step("fill", done, len(targets)))


def report(path: Path, *, keep: Collection[int] = ()) -> Report:
    """A report to tell of each frame once it is written; `keep` names the frames of an earlier run that still count."""
    return Report(path, keep=keep)


def warm(device: str = "auto") -> None:
    """Load the weights ahead of the first job.

    Raises:
        WeightsError, ShotError: see `aan_engine.weights`, and a device that is not there.
    """
    _networks(_device(device))


def identity() -> str:
    """A digest that changes whenever the same job gets other pixels: engine, weights, libraries, colour, device."""
    made_with = [VERSION, weights.digest(), torch.__version__, cv2.__version__, np.__version__]
    made_with += [reader.identity(), encoding.identity()]
    return hashlib.sha256(" ".join([*made_with, str(torch.cuda.is_available())]).encode()).hexdigest()


@lru_cache(maxsize=2)
def _networks(device: torch.device) -> Networks:
    return Networks.load(device)


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ShotError("no CUDA device is to be found", hint="Choose --device auto or cpu.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _reel(roles: Roles, shelf: Shelf, tell: Callable[[Step], None]) -> Reel:
    """Every frame's proxy, clean plates behind the shot's own."""
    reel: Reel | None = None
    total = len(roles.files)
    try:
        for index, (plate, masks) in enumerate(ahead(shelf.look, range(total))):
            if reel is None:
                reel = Reel(roles.count, proxy.size_for(*plate.shape), extra=total - roles.count)
            rows = partial(plate.region, left=0, right=plate.shape[1])
            reel.put(index, proxy.from_rows(rows, masks.roto, size=reel.size, barred=masks.barred))
            tell(Step("look", index + 1, total))
    except BaseException:
        if reel is not None:
            reel.close()
        raise
    assert reel is not None  # a Shot has plates
    return reel


def _passed_through(
    shot: Shot, roles: Roles, wanted: Collection[int], tell: Callable[[Step], None]
) -> Iterator[Filled]:
    """A shot that hides nothing: each plate is read and handed on; nothing is looked at, aligned or decided."""
    for done, frame in enumerate(wanted, 1):
        plate, masks = roles.target(roles.numbers.index(frame))
        yield composed(shot, plate, masks, Carried.blank(plate.shape), numbers=roles.numbers, trust=None)
        tell(Step("fill", done, len(wanted)))
