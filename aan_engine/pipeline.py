"""The pipeline: a shot in, its filled frames out, one by one; or its key frames only, for a painter.

First every plate is read once and reduced to a proxy, which is kept on disk. Then, target by target, the networks make
a fill plan from proxies, and the plan is carried out on the plates at full resolution. Memory holds the motion around
the current target and a few plates, however long the shot is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Container, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import torch

from aan_engine import provenance
from aan_engine._version import __version__
from aan_engine.candidates.generators import ALL_KINDS, SEEN_KINDS, EnabledKinds
from aan_engine.colour import encoding
from aan_engine.core.prefetch import prefetch
from aan_engine.core.stages import run_stages
from aan_engine.errors import ShotError
from aan_engine.network import weights
from aan_engine.network.bundle import Networks
from aan_engine.plates import input_check, proxy, reader
from aan_engine.plates.input_summary import InputSummary
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.shot_frames import ShotFrames
from aan_engine.plates.source_policy import SourcePolicy
from aan_engine.provenance import Provenance
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.fill_layers import check_layers
from aan_engine.rendering.filled_frame import FilledFrame, compose
from aan_engine.rendering.finisher import STAGES, Finisher
from aan_engine.rendering.target import Stage
from aan_engine.reporting.report import Report
from aan_engine.reporting.rows import overall_residue
from aan_engine.selection.selector import build
from aan_engine.shot import NUMBERS, Shot

CLEAN_PLATES = 2
"""Clean plates that are considered for one target, the nearest ones."""

PROBES = 5
"""Targets that are looked at, at most, to find how far the matte is to grow. Each costs its plan."""

VERSION = "20"
"""Raised with every change that gives the same job other pixels; part of the cache key."""


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Args:
        stage: "look", the plates are read and reduced to proxies; then, in turns, "align", neighbouring frames are
            registered, "key", key frames are filled where no frame shows what is hidden, "decide", targets have their
            fill plan, and "fill", filled frames have been handed out.
        done, total: frames of this stage; for "align" pairs of frames.
    """

    stage: str
    done: int
    total: int


def inspect(shot: Shot) -> InputSummary:
    """What is understood of a shot's inputs: which channels are read, how much is hidden, and what seems wrong.

    Headers and a few mattes are read, so it takes moments; nothing is computed, no network is loaded.

    Raises:
        AanError: what `fill` would refuse for its names, channels and sizes; and there is no such device.
    """
    return input_check.inspect(shot, device="GPU" if _device(shot.device).type == "cuda" else "CPU")


def fill(
    shot: Shot,
    *,
    progress: Callable[[Progress], None] | None = None,
    skip: Collection[int] = (),
    networks: Networks | None = None,
    pathways: EnabledKinds = ALL_KINDS,
    stages: Sequence[Stage] = STAGES,
) -> Iterator[FilledFrame]:
    """Fill the shot's targets, one after the other in ascending order.

    The result is an iterator: each frame is computed when it is asked for, some stages of the next ones ahead of time.
    Closing it ends the job.

    Args:
        shot: the job.
        progress: called after each frame of each stage, from the caller's thread or another; an exception in it ends
            the job.
        skip: frame numbers that are not wanted because their result exists. Fill plans are still made for those before
            the last wanted one, as each plan uses the one before; so an interrupted job ends with the same pixels as an
            uninterrupted one.
        networks: other networks than the shipped ones.
        pathways: the kinds of candidates that take part; fewer for ablations.
        stages: the stages of rendering, see `rendering.finisher.STAGES`; fewer for ablations.

    Raises:
        AanError: see `errors`; while frames are asked for, not by the call itself.
    """
    notify = progress or (lambda step: None)
    wanted = [t.frame for t in shot.targets if t.frame not in skip]
    if not wanted:
        return
    shot_frames = ShotFrames(shot)
    check_layers(shot, shot_frames)
    if not any(shot_frames.is_hiding(target.frame) for target in shot.targets):
        made = _made(shot, device="CPU")
        yield from (replace(filled, provenance=made) for filled in _pass_through(shot, shot_frames, wanted, notify))
        return
    device = _device(shot.device)
    networks = networks or _networks(device)
    made = _made(shot, device=_device_name(device))
    if shot.controls.grow_auto:
        shot = _grown(shot, shot_frames, notify, networks=networks)
        shot_frames = ShotFrames(shot, channels=shot_frames.channels)
    planned = [t.frame for t in shot.targets if t.frame <= wanted[-1]]
    filling = _fill_holes(
        shot, shot_frames, wanted, notify, planned=planned, networks=networks, pathways=pathways, stages=stages
    )
    with closing(filling):
        for filled in filling:
            yield replace(filled, provenance=made)


def _made(shot: Shot, *, device: str) -> Provenance:
    """What the results of a shot say of where they come from."""
    return provenance.of(shot, engine=__version__, weights=weights.digest(), device=device)


def _grown(shot: Shot, shot_frames: ShotFrames, notify: Callable[[Progress], None], *, networks: Networks) -> Shot:
    """The shot with its matte grown by as much as the object reaches beyond it on a few targets, spread over the shot.

    They do not depend on which results exist: an interrupted job grows its matte as an uninterrupted one.
    """
    hiding = [f for f in (t.frame for t in shot.targets) if shot_frames.is_hiding(f)]
    spread = np.linspace(0, len(hiding) - 1, min(PROBES, len(hiding))).round().astype(int)
    probes = [hiding[i] for i in spread]

    def look(step: Progress) -> None:
        # No frame is filled yet.
        notify(replace(step, stage="decide") if step.stage == "fill" else step)

    plain = replace(shot, controls=replace(shot.controls, fill_layers=None))
    filling = _fill_holes(
        plain, shot_frames, probes, look, planned=probes, networks=networks, pathways=SEEN_KINDS, stages=()
    )
    grow = shot.controls.grow + overall_residue([filled.residue for filled in filling])
    controls = replace(shot.controls, grow=min(grow, NUMBERS["grow"][1]), grow_auto=False)
    return replace(shot, controls=controls)


def paint(shot: Shot, *, progress: Callable[[Progress], None] | None = None) -> Iterator[FilledFrame]:
    """The shot's key frames, in ascending order, with the pixels that `fill` gives them; none where there are none.

    On a key frame what no frame shows is made up, and carried from there to the others: painted by hand and handed back
    as `Known.painted`, it cures the rest. Only targets count that were not painted yet. It takes as long as `fill`:
    which frames are key frames is known once every target was looked at.

    Args:
        progress: as for `fill`.

    Raises:
        AanError: as for `fill`.
    """
    for filled in fill(shot, progress=progress):
        if filled.is_key:
            yield filled


def _fill_holes(
    shot: Shot,
    shot_frames: ShotFrames,
    wanted: Sequence[int],
    notify: Callable[[Progress], None],
    *,
    planned: Sequence[int],
    networks: Networks,
    pathways: EnabledKinds,
    stages: Sequence[Stage],
) -> Generator[FilledFrame, None, None]:
    """`fill` for a shot with hidden pixels.

    Args:
        wanted: the frame numbers to hand out, ascending.
        planned: all frame numbers to plan for, see `fill`.
    """
    policy = SourcePolicy(
        shot_frames.source_indices, shot_frames.painted, partial(shot_frames.clean_near, count=CLEAN_PLATES)
    )
    with ExitStack() as stack:
        plate_cache = PlateCache(shot_frames)
        proxies = stack.enter_context(_build_proxies(shot_frames, plate_cache, notify))
        index_of = {p.frame: i for i, p in enumerate(shot.plates)}
        selector = build(
            networks,
            proxies,
            policy=policy,
            enabled=pathways,
            light=shot.controls.light,
            smoothing=shot.controls.smoothing,
            targets=[index_of[t.frame] for t in shot.targets],
            texture=shot.controls.unseen == "texture",
            seed=shot.controls.seed,
            key_progress=lambda done, total: notify(Progress("key", done, total)),
            progress=lambda count: notify(Progress("align", count, len(shot.plates) - 1)),
        )
        stack.callback(selector.close)
        targets = [index_of[frame] for frame in planned]
        to_render = [index_of[frame] for frame in wanted]
        finisher = Finisher(
            shot,
            shot_frames,
            plate_cache=plate_cache,
            shot_motion=selector.shot_motion,
            read=stack.enter_context(closing(prefetch(plate_cache.target, to_render))),
            skip=set(targets) - set(to_render),
            is_key=selector.is_key,
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
            notify(Progress("decide", done, len(targets)))
            if filled is not None:
                yield filled
                notify(Progress("fill", done, len(targets)))


def report(path: Path, *, keep: Container[int] = (), inputs: InputSummary | None = None) -> Report:
    """The report of a job, to which written frames are added.

    Args:
        path: the report's JSON file.
        keep: frames of earlier or other runs of the same shot that still count.
        inputs: what was understood of the job's inputs.
    """
    return Report(path, keep=keep, inputs=inputs)


def warm(device: str = "auto") -> None:
    """Load the weights ahead of the first job.

    Raises:
        WeightsError: see `network.weights`.
        ShotError: there is no such device.
    """
    _networks(_device(device))


def identity() -> str:
    """A digest of all that decides the pixels of a job: engine, weights, libraries, colour config, kind of device."""
    parts = [VERSION, weights.digest(), torch.__version__, cv2.__version__, np.__version__]
    parts += [reader.identity(), encoding.identity()]
    return hashlib.sha256(" ".join([*parts, str(torch.cuda.is_available())]).encode()).hexdigest()


@lru_cache(maxsize=2)
def _networks(device: torch.device) -> Networks:
    return Networks.load(device)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise ShotError("there is no CUDA device", hint="Choose --device auto or cpu.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _build_proxies(shot_frames: ShotFrames, plate_cache: PlateCache, notify: Callable[[Progress], None]) -> ProxyStore:
    """The proxy of every index."""
    proxies: ProxyStore | None = None
    total = len(shot_frames.files)
    try:
        for index, (plate, masks) in enumerate(prefetch(plate_cache.as_source, range(total))):
            if proxies is None:
                count, size = shot_frames.count, proxy.size_for(*plate.shape)
                proxies = ProxyStore(count, size, extra=total - count, numbers=shot_frames.numbers)
            small = proxy.proxy_from_bands(plate.region, masks.weight, size=proxies.size, unusable=masks.unusable)
            proxies.put(index, small)
            notify(Progress("look", index + 1, total))
    except BaseException:
        if proxies is not None:
            proxies.close()
        raise
    assert proxies is not None  # a Shot has plates
    return proxies


def _pass_through(
    shot: Shot, shot_frames: ShotFrames, wanted: Collection[int], notify: Callable[[Progress], None]
) -> Iterator[FilledFrame]:
    """A shot whose mattes hide nothing: each plate is its own result, without proxies, registration or networks."""
    for done, frame in enumerate(wanted, 1):
        plate, masks = shot_frames.target(shot_frames.numbers.index(frame))
        yield compose(shot, plate, masks, FillBuffer.blank(plate.shape), numbers=shot_frames.numbers, trust=None)
        notify(Progress("fill", done, len(wanted)))
