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

from aan_engine import colour, diagnostics, exr, footage, matte, patch, proxy, regrain, relay, transport, weights
from aan_engine.ahead import ahead
from aan_engine.cast import Cast
from aan_engine.decision import Decider, Decision
from aan_engine.grain import Again
from aan_engine.motion import Array, Mask
from aan_engine.networks import Networks
from aan_engine.plate import Plate
from aan_engine.proposals import EVERY, Pathways
from aan_engine.proxy import Reel
from aan_engine.report import Report
from aan_engine.roles import Masks, Roles
from aan_engine.shelf import Shelf
from aan_engine.shot import Shot, ShotError
from aan_engine.source import Source
from aan_engine.survey import Survey
from aan_engine.transport import Carried

CLEAN_PLATES = 2
"""Clean plates that are looked at for one target."""

VERSION = "5"
"""Counts changes of the pixels that the same job gets; part of the cache key."""


@dataclass(frozen=True)
class Step:
    """Progress: `done` of `total` frames of a stage: look; align, decide and fill in turns."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Filled:
    """One filled frame.

    Args:
        frame: its number on the timeline.
        plate: the plate as read.
        hidden: (H, W) bool, where the matte is above 0: the only pixels that differ from the plate.
        pixels: (H, W, 3) float32 scene-linear, the composite.
        layers: diagnostic channels by name, (H, W) float32; those that the shot asked for.
        unseen: share of the hidden pixels that was synthesised, 0 .. 1.
        confidence: mean over the hidden pixels, 0 .. 1; 1 where nothing is hidden.
        trust: 0 .. 1, how far the alignment with the neighbours is to be trusted; None where it was not looked at.
        write_patch: whether only the matte's box is written, see `patch`.
    """

    frame: int
    plate: Plate
    hidden: Mask
    pixels: Array
    layers: dict[str, Array]
    unseen: float
    confidence: float = 1.0
    trust: float | None = None
    write_patch: bool = False

    def write(self, path: Path) -> int:
        """Write the frame beside its temporary name, verify that not one bit outside the matte changed, rename.

        Returns:
            The number of bits that were found changed outside the matte: 0, or it raises.

        Raises:
            PlateUnwritable: a full disk, a read-only folder.
            TouchedError: a bit outside the matte differs; nothing is left behind.
        """
        if not self.write_patch:
            return exr.write(path, self.plate, pixels=self.pixels, hidden=self.hidden, layers=self.layers)
        cut = patch.cut(self.plate, pixels=self.pixels, hidden=self.hidden, layers=self.layers)
        return exr.write(path, cut, pixels=cut.pixels, hidden=np.zeros(cut.shape, np.bool_))


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
    cast = Cast(roles.serving, roles.painted, partial(roles.clean_near, count=CLEAN_PLATES), shot.controls.smoothing)
    with ExitStack() as stack:
        shelf = Shelf(roles)
        reel = stack.enter_context(_reel(roles, shelf, tell))
        survey = Survey(reel, cast=cast)
        decider = Decider(networks, survey, pathways=pathways, light=shot.controls.light)
        survey.ask(decider.guess)
        survey.tell(lambda count: tell(Step("align", count, len(shot.plates) - 1)))
        stack.callback(survey.close)
        number = {p.frame: i for i, p in enumerate(shot.plates)}
        targets = [number[t.frame] for t in shot.targets if t.frame <= wanted[-1]]
        before = latest = regrain.NOTHING
        undecided = [index for index in targets if index not in roles.painted]
        decided = stack.enter_context(closing(relay.decisions(decider, undecided)))
        asked = [index for index in targets if shot.plates[index].frame not in skip]
        read = stack.enter_context(closing(ahead(shelf.target, asked)))
        for done, index in enumerate(targets, 1):
            decision = None if index in roles.painted else next(decided)
            before, latest = latest, regrain.Copied.of(decision, size=reel.size)
            tell(Step("decide", done, len(targets)))
            if shot.plates[index].frame in skip:
                continue
            plate, masks = next(read)
            pixels = plate.pixels
            carried = Carried.blank(plate.shape)
            if index in roles.painted:
                carried = transport.laid_over(shelf.source(index), masks.hidden, index=index)
            elif masks.hidden.any():
                assert decision is not None  # what is hidden on the plate is hidden on its proxy
                carried = _carried(shot, shelf, survey, decision, plate, pixels, masks, size=reel.size, before=before)
            trust = survey.trusted(index)
            yield _filled(shot, plate, pixels, masks, carried, numbers=roles.numbers, trust=trust)
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
    made_with += [footage.identity(), colour.identity()]
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
            reel.put(index, proxy.make(plate.pixels, masks.roto, size=reel.size, barred=masks.barred))
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
        yield _filled(shot, plate, plate.pixels, masks, Carried.blank(plate.shape), numbers=roles.numbers, trust=None)
        tell(Step("fill", done, len(wanted)))


def _neighbour(survey: Survey, shelf: Shelf, index: int, window: regrain.Window) -> Again | None:
    """How the next frame of the same place, or else the one before, shows a window of the plate."""
    for to in (index + 1, index - 1):
        motion = survey.motion(index, to) if 0 <= to < survey.reel.count else None
        if motion is not None:
            return regrain.over_neighbour(shelf.source(to), motion.shift, window)
    return None


def _carried(
    shot: Shot,
    shelf: Shelf,
    survey: Survey,
    decision: Decision,
    plate: Plate,
    pixels: Array,
    masks: Masks,
    *,
    size: tuple[int, int],
    before: regrain.Copied,
) -> Carried:
    """A decision carried out, with the plate's grain if that is wanted; `before`: what the previous target copied."""
    grain = None
    if shot.controls.grain:
        neighbour = partial(_neighbour, survey, shelf, decision.near.index)
        grain = regrain.grain_around(pixels, hidden=masks.hidden, blocked=masks.blocked, neighbour=neighbour)
    found = transport.carry(
        decision,
        masks.hidden,
        size=size,
        source=shelf.source,
        target=Source(plate, masks),
        grain=grain.size if grain else (0.0, 0.0),
    )
    still = regrain.standing(found, index=decision.near.index, before=before)
    seed = (shot.controls.seed, plate.frame)
    return regrain.regrained(found, pixels, hidden=masks.hidden, still=still, grain=grain, seed=seed)


def _filled(
    shot: Shot, plate: Plate, pixels: Array, masks: Masks, carried: Carried, *, numbers: list[int], trust: float | None
) -> Filled:
    hidden = masks.hidden
    composed = matte.composite(pixels, carried.fill, matte=masks.roto)
    unseen = float(carried.unseen[hidden].mean()) if hidden.any() else 0.0
    confidence = float(carried.confidence[hidden].mean()) if hidden.any() else 1.0
    layers = diagnostics.layers(plate, carried, hidden=hidden, frames=numbers, wanted=shot.aovs)
    as_patch = shot.controls.write == "patch"
    return Filled(plate.frame, plate, hidden, composed, layers, unseen, confidence, trust, as_patch)
