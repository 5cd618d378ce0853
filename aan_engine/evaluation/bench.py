"""Bench: real clips with synthetic holes over a known truth, filled by the pipeline and scored.

The protocol: the first frames of each clip, scaled, become scene-linear half EXR plates in which hidden pixels are flat
grey, so that the truth is never handed over. The pipeline fills them; the files that it wrote are read back and scored
against the truth, beside OpenCV's inpainting (Telea) of the same frames. Seconds a frame are the pipeline's, writing
included; the weights are loaded before, as in a running engine.
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
from aan_engine.evaluation.clip_folder import Clip, Half, LoadedClip
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
        height: rows that clips are scaled to.
    """

    kinds: tuple[str, ...] = holes.KINDS
    frames: int = 40
    height: int = 240


@dataclass(frozen=True)
class BenchRow:
    """One clip with one kind of hole.

    Args:
        clip, kind: which.
        aan: the engine's scores; None where it failed.
        telea: the scores of OpenCV's inpainting.
        seconds: of the engine, a frame.
        touched: pixels outside the hole whose bits differ from the plate's, over all frames: 0.
        failure: the error, or empty.
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
        return f"{head} {_described(self.aan, self.telea)}  {self.seconds:5.2f} s/frame  touched {self.touched}"


def measure(
    clips: Sequence[Clip],
    every: Sequence[Clip],
    plan: BenchPlan,
    *,
    engine: Engine = pipeline.fill,
    worst: WorstFrames | None = None,
) -> Iterator[BenchRow]:
    """The rows of some clips, one by one as they are done.

    Args:
        clips: those that are measured.
        every: all clips of the folder: `rig` and `plate` take their shapes from another clip's masks, and are left out
            where no other clip has any.
        engine: fills a shot.
        worst: considers every filled frame.
    """
    pipeline.warm()
    for clip in clips:
        loaded = clip_folder.load(clip, frames=plan.frames, height=plan.height)
        truth = Truth.of([display.to_srgb(plate) for plate in loaded.plates])
        donor_name = holes.donor_of(clip.name, [c.name for c in every if c.masks and c.name != clip.name])
        (donor,) = (c for c in every if c.name == donor_name) if donor_name else (None,)
        donated = clip_folder.load(donor, frames=plan.frames, height=plan.height).masks if donor else []
        for kind in plan.kinds:
            if kind in holes.DONATED and not donated:
                continue
            count, shape, own = len(loaded.frames), loaded.shape, loaded.masks
            hidden = holes.draw(kind, clip.name, frames=count, shape=shape, own=own, donor=donated)
            yield _row(kind, loaded, truth, hidden, engine, worst)


def means(rows: Sequence[BenchRow], kind: str) -> BenchRow | None:
    """The mean of a kind's rows without those that failed; None where none is left."""
    done = [row for row in rows if row.kind == kind and row.aan is not None]
    if not done:
        return None
    ours, classic = [row.aan for row in done if row.aan is not None], [row.telea for row in done]
    seconds = float(np.mean([row.seconds for row in done]))
    return BenchRow(
        f"mean of {len(done)}", kind, _mean(ours), _mean(classic), seconds, sum(row.touched for row in done)
    )


def save(path: Path, rows: Sequence[BenchRow], plan: BenchPlan) -> None:
    """Rows and means as JSON; NaN becomes null.

    Raises:
        OSError: it cannot be written.
    """
    mean = [found for kind in plan.kinds if (found := means(rows, kind))]
    content = {"plan": asdict(plan), "rows": [asdict(row) for row in rows], "means": [asdict(row) for row in mean]}
    path.write_text(json.dumps(_without_nan(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _row(
    kind: str, clip: LoadedClip, truth: Truth, hidden: list[Mask], engine: Engine, worst: WorstFrames | None
) -> BenchRow:
    classic = [_telea(frame, hole) for frame, hole in zip(truth.frames, hidden, strict=True)]
    telea = metrics.score_clip(truth, classic, hidden)
    with tempfile.TemporaryDirectory(prefix="aan-bench-") as folder:
        shot = _shot(Path(folder), clip.plates, hidden)
        written, layers, began = list[Half](), list[dict[str, Array]](), time.monotonic()
        try:
            for filled in engine(shot):
                out = Path(folder) / f"out.{filled.frame}.exr"
                replace(filled, layers={}).write(out)
                layers.append(filled.layers)
            seconds = (time.monotonic() - began) / len(hidden)
            written = [_read(Path(folder) / f"out.{plate.frame}.exr", plate.frame) for plate in shot.plates]
        except AanError as error:
            return BenchRow(clip.name, kind, None, telea, math.nan, 0, str(error))
    if not all(np.isfinite(found[hole]).all() for found, hole in zip(written, hidden, strict=True)):
        return BenchRow(clip.name, kind, None, telea, seconds, 0, "a pixel of the fill is not finite")
    touched = sum(
        int((found.view(np.uint16) != plate.view(np.uint16)).any(-1)[~hole].sum())
        for found, plate, hole in zip(written, clip.plates, hidden, strict=True)
    )
    result = [display.to_srgb(found) for found in written]
    if worst is not None:
        for t, hole in enumerate(hidden):
            worst.consider(
                clip.name, kind, FIRST + t, truth=truth.frames[t], result=result[t], hidden=hole, layers=layers[t]
            )
    return BenchRow(clip.name, kind, metrics.score_clip(truth, result, hidden), telea, seconds, touched)


def _shot(folder: Path, plates: Sequence[Half], hidden: Sequence[Mask]) -> Shot:
    """Plates and mattes as files; the plate is flat grey where the matte is 1."""
    plate_files, matte_files = [], []
    for frame, (plate, hole) in enumerate(zip(plates, hidden, strict=True), FIRST):
        plate_files.append(FrameFile(frame, folder / f"plate.{frame}.exr"))
        matte_files.append(FrameFile(frame, folder / f"matte.{frame}.exr"))
        _write(plate_files[-1].path, {"RGB": np.where(hole[..., None], GREY, plate)})
        _write(matte_files[-1].path, {"A": hole.astype(np.float16)})
    return Shot(tuple(plate_files), tuple(matte_files), aovs=("source", "unseen"))


def _write(path: Path, channels: dict[str, NDArray[np.float16]]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: np.ascontiguousarray(v) for name, v in channels.items()}).write(str(path))


def _read(path: Path, frame: int) -> Half:
    return exr.read(path, frame=frame).pixels.astype(np.float16)


def _telea(true: Array, hole: Mask) -> Array:
    """OpenCV's inpainting of one frame; the truth itself where nothing is hidden."""
    picture = (true + 0.5).astype(np.uint8)
    inpainted = cv2.inpaint(picture, hole.astype(np.uint8), TELEA_RADIUS, cv2.INPAINT_TELEA)
    return np.where(hole[..., None], inpainted.astype(np.float32), true)


def _described(aan: Scores, telea: Scores) -> str:
    return (
        f"hole {aan.hole:5.2f} dB (Telea {telea.hole:5.2f})  warping {aan.warping:5.2f} ({telea.warping:5.2f})  "
        f"SSIM {aan.ssim:.4f} ({telea.ssim:.4f})  whole {aan.psnr:5.2f} dB"
    )


def _mean(found: Sequence[Scores]) -> Scores:
    def over(name: str) -> float:
        values = np.array([getattr(one, name) for one in found])
        return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else math.nan

    return Scores(over("psnr"), over("hole"), over("ssim"), over("warping"))


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
