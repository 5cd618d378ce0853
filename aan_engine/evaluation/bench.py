"""The bench: real clips with holes over what is known, filled as an artist would have them filled, and scored.

The protocol: each clip's first frames, scaled, become scene-linear half EXR plates in which what is hidden is flat grey
(the truth is never handed over); the pipeline fills them, and the files that it wrote are read back and compared with
the truth, beside OpenCV's inpainting (Telea) of the very same frames. Seconds a frame are the pipeline's, writing
included; the weights are loaded before, as a running engine has them.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine import pipeline
from aan_engine.colour import display
from aan_engine.core.types import Array, Mask
from aan_engine.errors import AanError
from aan_engine.evaluation import clip_folder, holes, metrics
from aan_engine.evaluation.clip_folder import Clip, Footage, Half
from aan_engine.evaluation.metrics import Scores, Truth
from aan_engine.evaluation.worst_frames import WorstFrames
from aan_engine.plates import exr
from aan_engine.rendering.filled_frame import FilledFrame
from aan_engine.shot import FrameFile, Shot

FIRST = 1001
GREY = np.float16(0.18)
TELEA_RADIUS = 5

Engine = Callable[[Shot], Iterator[FilledFrame]]


@dataclass(frozen=True)
class BenchPlan:
    """What is measured.

    Args:
        kinds: of `holes.KINDS`.
        frames: of each clip, at most.
        height: rows; clips are scaled to it.
    """

    kinds: tuple[str, ...] = holes.KINDS
    frames: int = 40
    height: int = 240


@dataclass(frozen=True)
class BenchRow:
    """One clip with one kind of hole.

    Args:
        clip, kind: which.
        aan: the engine's figures; None where it failed.
        telea: those of OpenCV's inpainting.
        seconds: a frame.
        touched: pixels outside the hole whose bits differ from the plate's, over all frames.
        failure: what went wrong, or empty.
    """

    clip: str
    kind: str
    aan: Scores | None
    telea: Scores
    seconds: float
    touched: int
    failure: str = ""

    def __str__(self) -> str:
        head = f"{self.clip:24s} {self.kind:6s}"
        if self.aan is None:
            return f"{head} FAILED: {self.failure}"
        return f"{head} {_figures(self.aan, self.telea)}  {self.seconds:5.2f} s/frame  touched {self.touched}"


def measure(
    clips: Sequence[Clip],
    every: Sequence[Clip],
    plan: BenchPlan,
    *,
    engine: Engine = pipeline.fill,
    gallery: WorstFrames | None = None,
) -> Iterator[BenchRow]:
    """The rows of some clips, one by one as they are done.

    Args:
        clips: those that are measured.
        every: all of the folder, among which `rig` and `plate` find another clip's masks. Where no other clip has any,
            these kinds are left out.
        engine: fills a shot.
        gallery: is shown every filled frame, and keeps the worst.
    """
    pipeline.warm()
    for clip in clips:
        taken = clip_folder.load(clip, frames=plan.frames, height=plan.height)
        truth = Truth.of([display.to_srgb(plate) for plate in taken.plates])
        lender = holes.donor_of(clip.name, [c.name for c in every if c.masks and c.name != clip.name])
        (donor,) = (c for c in every if c.name == lender) if lender else (None,)
        lent = clip_folder.load(donor, frames=plan.frames, height=plan.height).masks if donor else []
        for kind in plan.kinds:
            if kind in holes.DONATED and not lent:
                continue
            hidden = holes.draw(
                kind, clip.name, frames=len(taken.frames), shape=taken.shape, own=taken.masks, donor=lent
            )
            yield _row(kind, taken, truth, hidden, engine, gallery)


def means(rows: Sequence[BenchRow], kind: str) -> BenchRow | None:
    """The mean of a kind's rows, those that failed left out; None where nothing is left."""
    done = [row for row in rows if row.kind == kind and row.aan is not None]
    if not done:
        return None
    ours, classic = [row.aan for row in done if row.aan is not None], [row.telea for row in done]
    seconds = float(np.mean([row.seconds for row in done]))
    return BenchRow(
        f"mean of {len(done)}", kind, _mean(ours), _mean(classic), seconds, sum(row.touched for row in done)
    )


def save(path: Path, rows: Sequence[BenchRow], plan: BenchPlan) -> None:
    """Rows and means as JSON; what is not a number becomes null.

    Raises:
        OSError: when it cannot be written.
    """
    mean = [found for kind in plan.kinds if (found := means(rows, kind))]
    told = {"plan": asdict(plan), "rows": [asdict(row) for row in rows], "means": [asdict(row) for row in mean]}
    path.write_text(json.dumps(_plain(told), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _row(
    kind: str, taken: Footage, truth: Truth, hidden: list[Mask], engine: Engine, gallery: WorstFrames | None
) -> BenchRow:
    classic = [_telea(frame, hole) for frame, hole in zip(truth.frames, hidden, strict=True)]
    telea = metrics.score_clip(truth, classic, hidden)
    with tempfile.TemporaryDirectory(prefix="aan-bench-") as folder:
        shot = _shot(Path(folder), taken.plates, hidden)
        written, layers, began = list[Half](), list[dict[str, Array]](), time.monotonic()
        try:
            for filled in engine(shot):
                out = Path(folder) / f"out.{filled.frame}.exr"
                replace(filled, layers={}).write(out)
                layers.append(filled.layers)
            seconds = (time.monotonic() - began) / len(hidden)
            written = [_read(Path(folder) / f"out.{plate.frame}.exr", plate.frame) for plate in shot.plates]
        except AanError as error:
            return BenchRow(taken.name, kind, None, telea, math.nan, 0, str(error))
    if not all(np.isfinite(found[hole]).all() for found, hole in zip(written, hidden, strict=True)):
        return BenchRow(taken.name, kind, None, telea, seconds, 0, "something in the fill is not a number")
    touched = sum(
        int((found.view(np.uint16) != plate.view(np.uint16)).any(-1)[~hole].sum())
        for found, plate, hole in zip(written, taken.plates, hidden, strict=True)
    )
    result = [display.to_srgb(found) for found in written]
    if gallery is not None:
        for t, hole in enumerate(hidden):
            gallery.show(
                taken.name, kind, FIRST + t, truth=truth.frames[t], result=result[t], hidden=hole, layers=layers[t]
            )
    return BenchRow(taken.name, kind, metrics.score_clip(truth, result, hidden), telea, seconds, touched)


def _shot(folder: Path, plates: Sequence[Half], hidden: Sequence[Mask]) -> Shot:
    """Plates and mattes as files. Convention: where the matte is 1 the plate is flat grey."""
    shown, mattes = [], []
    for frame, (plate, hole) in enumerate(zip(plates, hidden, strict=True), FIRST):
        shown.append(FrameFile(frame, folder / f"plate.{frame}.exr"))
        mattes.append(FrameFile(frame, folder / f"matte.{frame}.exr"))
        _write(shown[-1].path, {"RGB": np.where(hole[..., None], GREY, plate)})
        _write(mattes[-1].path, {"A": hole.astype(np.float16)})
    return Shot(tuple(shown), tuple(mattes), aovs=("source", "unseen"))


def _write(path: Path, channels: dict[str, NDArray[np.float16]]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: np.ascontiguousarray(v) for name, v in channels.items()}).write(str(path))


def _read(path: Path, frame: int) -> Half:
    return exr.read(path, frame=frame).pixels.astype(np.float16)


def _telea(true: Array, hole: Mask) -> Array:
    """OpenCV's inpainting of one frame; the truth itself where nothing is hidden."""
    picture = (true + 0.5).astype(np.uint8)
    painted = cv2.inpaint(picture, hole.astype(np.uint8), TELEA_RADIUS, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], painted.astype(np.float32), true)


def _figures(aan: Scores, telea: Scores) -> str:
    return (
        f"hole {aan.hole:5.2f} dB (Telea {telea.hole:5.2f})  warping {aan.warping:5.2f} ({telea.warping:5.2f})  "
        f"SSIM {aan.ssim:.4f} ({telea.ssim:.4f})  whole {aan.psnr:5.2f} dB"
    )


def _mean(found: Sequence[Scores]) -> Scores:
    def over(name: str) -> float:
        values = np.array([getattr(one, name) for one in found])
        return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else math.nan

    return Scores(over("psnr"), over("hole"), over("ssim"), over("warping"))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
