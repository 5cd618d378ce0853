"""The pipeline: a shot in, its filled frames out, one by one.

First every plate is looked at once and put on the reel as a proxy; then, target by target, the network decides and the
decision is carried out on the plates. Memory holds the reel's pages, the survey's window and a few plates, whatever
the shot's length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch

from aan_engine.candidates.generators import ALL_KINDS, EnabledKinds
from aan_engine.colour import encoding
from aan_engine.core.prefetch import prefetch
from aan_engine.core.stages import run_stages
from aan_engine.errors import ShotError
from aan_engine.network import weights
from aan_engine.network.bundle import Networks
from aan_engine.plates import proxy, reader
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.shot_frames import ShotFrames
from aan_engine.plates.source_policy import SourcePolicy
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.filled_frame import FilledFrame, compose
from aan_engine.rendering.finisher import STAGES, Finisher
from aan_engine.rendering.target import Stage
from aan_engine.reporting.report import Report
from aan_engine.selection.selector import build
from aan_engine.shot import Shot

CLEAN_PLATES = 2
"""Clean plates that are looked at for one target."""

VERSION = "18"
"""Counts changes of the pixels that the same job gets; part of the cache key."""


@dataclass(frozen=True)
class Progress:
    """Progress: `done` of `total` frames of a stage: look; align, decide and fill in turns."""

    stage: str
    done: int
    total: int


def fill(
    shot: Shot,
    *,
    progress: Callable[[Progress], None] | None = None,
    skip: Collection[int] = (),
    networks: Networks | None = None,
    pathways: EnabledKinds = ALL_KINDS,
    stages: Sequence[Stage] = STAGES,
) -> Iterator[FilledFrame]:
    """Fill the shot's targets in order.

    Args:
        progress: told after each frame of each stage; what it raises ends the job.
        skip: frame numbers whose result exists already. They are still decided on (the recurrence needs them), so that
            an interrupted job ends with the same pixels as an uninterrupted one.
        networks: others than the shipped ones; `pathways`, the kinds of candidates that take part; and `stages`, those
            of rendering, see `rendering.finisher.STAGES`: for ablations, which leave some out.

    Raises:
        AanError: see `shot`.
    """
    tell = progress or (lambda step: None)
    wanted = [t.frame for t in shot.targets if t.frame not in skip]
    if not wanted:
        return
    shot_frames = ShotFrames(shot)
    if not any(shot_frames.is_hiding(target.frame) for target in shot.targets):
        yield from _passed_through(shot, shot_frames, wanted, tell)
        return
    networks = networks or _networks(_device(shot.device))
    policy = SourcePolicy(
        shot_frames.source_indices, shot_frames.painted, partial(shot_frames.clean_near, count=CLEAN_PLATES)
    )
    with ExitStack() as stack:
        plate_cache = PlateCache(shot_frames)
        proxies = stack.enter_context(_build_proxies(shot_frames, plate_cache, tell))
        light, smoothing = shot.controls.light, shot.controls.smoothing
        selector = build(
            networks,
            proxies,
            policy=policy,
            enabled=pathways,
            light=light,
            smoothing=smoothing,
            progress=lambda count: tell(Progress("align", count, len(shot.plates) - 1)),
        )
        shot_motion = selector.shot_motion
        stack.callback(selector.close)
        number = {p.frame: i for i, p in enumerate(shot.plates)}
        targets = [number[t.frame] for t in shot.targets if t.frame <= wanted[-1]]
        asked = [index for index in targets if shot.plates[index].frame not in skip]
        read = stack.enter_context(closing(prefetch(plate_cache.target, asked)))
        finisher = Finisher(
            shot,
            shot_frames,
            plate_cache=plate_cache,
            shot_motion=shot_motion,
            read=read,
            skip=set(targets) - set(asked),
            stages=stages,
        )
        filling = run_stages(
            targets,
            lambda index: None if index in shot_frames.painted else selector.prepare(index),
            lambda index, prepared: selector.synthesise(prepared),
            lambda index, synthesised: selector.choose(synthesised),
            finisher.render,
            finisher.finish,
        )
        for done, filled in enumerate(stack.enter_context(closing(filling)), 1):
            tell(Progress("decide", done, len(targets)))
            if filled is not None:
                yield filled
                tell(Progress("fill", done, len(targets)))


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


def _build_proxies(shot_frames: ShotFrames, plate_cache: PlateCache, tell: Callable[[Progress], None]) -> ProxyStore:
    """Every frame's proxy, clean plates behind the shot's own."""
    proxies: ProxyStore | None = None
    total = len(shot_frames.files)
    try:
        for index, (plate, masks) in enumerate(prefetch(plate_cache.as_source, range(total))):
            if proxies is None:
                proxies = ProxyStore(shot_frames.count, proxy.size_for(*plate.shape), extra=total - shot_frames.count)
            found = proxy.proxy_from_bands(plate.region, masks.weight, size=proxies.size, unusable=masks.unusable)
            proxies.put(index, found)
            tell(Progress("look", index + 1, total))
    except BaseException:
        if proxies is not None:
            proxies.close()
        raise
    assert proxies is not None  # a Shot has plates
    return proxies


def _passed_through(
    shot: Shot, shot_frames: ShotFrames, wanted: Collection[int], tell: Callable[[Progress], None]
) -> Iterator[FilledFrame]:
    """A shot that hides nothing: each plate is read and handed on; nothing is looked at, aligned or decided."""
    for done, frame in enumerate(wanted, 1):
        plate, masks = shot_frames.target(shot_frames.numbers.index(frame))
        yield compose(shot, plate, masks, FillBuffer.blank(plate.shape), numbers=shot_frames.numbers, trust=None)
        tell(Progress("fill", done, len(wanted)))
