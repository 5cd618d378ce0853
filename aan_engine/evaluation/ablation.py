"""Ablation: what each part of the engine is worth, measured by leaving it out. Networks are not trained anew for it.

Four tables: the paper's own form (alignment, refinement and flow, each on and off); every kind of candidate left out
alone; the number of distant references; every part of selection and rendering left out alone (`ablated_parts`).

In the paper's words *align* is here the homographies to distant references (with and without residual flow), *refine*
the attention, *flow* what comes from frame to frame (tracked candidates, and the previous target's sources), *residual*
the inpainter's decoder, without which the hole is filled smoothly. What belongs to a kind inside the inpainter is left
out with it: without alignment the attention's queries are the target's own features, without refinement nothing is
added to them, and without recurrence there is no state.

PSNR says little of grain: a fill without any is nearer to the truth than one with grain of its own. Beside it stand the
ratios of `plate_match`: sharpness and grain, inside the hole over around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from aan_engine import pipeline
from aan_engine.candidates.candidate import Kind
from aan_engine.candidates.generators import ALL_KINDS, EnabledKinds
from aan_engine.core.types import Array, Mask
from aan_engine.evaluation import bench, clip_folder
from aan_engine.evaluation.ablated_modules import FullFrameAttention, NoAlignment, NoAttention, NoDecoder
from aan_engine.evaluation.ablated_parts import AblatedPart, left_out, stages
from aan_engine.evaluation.bench import BenchPlan, BenchRow
from aan_engine.evaluation.plate_match import PlateMatch, plate_match
from aan_engine.network.bundle import Networks
from aan_engine.rendering.filled_frame import FilledFrame
from aan_engine.shot import Shot

ALIGN = frozenset({Kind.HOMOGRAPHY, Kind.HOMOGRAPHY_FLOW})
REFINE = frozenset({Kind.ATTENTION})
FLOW = frozenset({Kind.TRACKED, Kind.TRACKED_WITH_SURROUND, Kind.PREVIOUS})


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Args:
        name: in the table.
        table: the table's title.
        without: kinds of candidates, and parts, that are left out.
        references: distant references per target.
        decoder: False has the inpainter fill the hole smoothly.
        full_frame_attention: the attention goes from every cell to every cell, not from the hole to what is visible.
    """

    name: str
    table: str
    without: frozenset[Kind | AblatedPart] = frozenset()
    references: int = ALL_KINDS.references
    decoder: bool = True
    full_frame_attention: bool = False

    @property
    def parts(self) -> frozenset[AblatedPart]:
        """The parts that are left out."""
        return frozenset(part for part in self.without if isinstance(part, AblatedPart))

    @property
    def enabled(self) -> EnabledKinds:
        """The candidates that are proposed."""
        return EnabledKinds(ALL_KINDS.kinds - self.without, self.references)

    def networks(self) -> Networks:
        """The shipped networks, with the modules that this variant lacks replaced."""
        networks = Networks.load(torch.device("cpu"))
        inpainter = networks.inpainter
        if self.without >= REFINE:
            inpainter.attention = NoAttention()
        elif self.full_frame_attention:
            inpainter.attention = FullFrameAttention.of(inpainter.attention)
        if self.without >= ALIGN:
            inpainter.alignment = NoAlignment(queries=not self.without >= REFINE)  # type: ignore[assignment]
        if not self.decoder:
            inpainter.decoder = NoDecoder()  # type: ignore[assignment]
        return replace(networks, inpainter=inpainter)


PAPER, CANDIDATES, COUNT, PARTS = (
    "The paper's form",
    "One kind of candidate left out",
    "Distant references",
    "One part of selection or rendering left out",
)
WHOLE = Variant("everything", PAPER)
VARIANTS = (
    WHOLE,
    Variant("nothing (the inpainter alone)", PAPER, ALIGN | REFINE | FLOW),
    Variant("align", PAPER, REFINE | FLOW),
    Variant("refine", PAPER, ALIGN | FLOW),
    Variant("flow", PAPER, ALIGN | REFINE),
    Variant("align + flow", PAPER, REFINE),
    Variant("refine + flow", PAPER, ALIGN),
    Variant("align + refine", PAPER, FLOW),
    Variant("everything, attention between full frames", PAPER, full_frame_attention=True),
    Variant("everything but residual", PAPER, decoder=False),
    Variant("without tracking along the camera's motion", CANDIDATES, frozenset({Kind.TRACKED})),
    Variant("without tracking along the surroundings' motion", CANDIDATES, frozenset({Kind.TRACKED_WITH_SURROUND})),
    Variant("without plain homographies", CANDIDATES, frozenset({Kind.HOMOGRAPHY})),
    Variant("without homographies with residual flow", CANDIDATES, frozenset({Kind.HOMOGRAPHY_FLOW})),
    Variant("without the previous target's sources", CANDIDATES, frozenset({Kind.PREVIOUS})),
    *(Variant(str(count), COUNT, references=count) for count in (0, 1, 2, 4, 8)),
    *(Variant(f"without {part.value}", PARTS, frozenset({part})) for part in AblatedPart),
)


def variants_of(*words: str) -> list[Variant]:
    """The variants of the tables whose titles hold one of these words, `WHOLE` first in each; all without a word."""
    if not words:
        return list(VARIANTS)
    chosen: list[Variant] = []
    for table in (PAPER, CANDIDATES, COUNT, PARTS):
        if any(word in table for word in words):
            chosen += [replace(WHOLE, table=table), *(v for v in VARIANTS if v.table == table and v != WHOLE)]
    return chosen


@dataclass(frozen=True)
class Measured:
    """What was measured of a variant.

    Args:
        rows: one for each clip and kind of hole.
        matches: one for each filled frame whose hole is large enough.
    """

    rows: list[BenchRow]
    matches: list[PlateMatch]


def run(
    data: Path, plan: BenchPlan, *, clips: Sequence[str] = (), variants: Sequence[Variant] = VARIANTS, jobs: int = 1
) -> Iterator[tuple[Variant, Measured]]:
    """Each variant with what was measured, in order, as they are done.

    Args:
        data: a folder of clips, see `clip_folder`.
        clips: only these; all, where none is named.
        jobs: processes, each with one thread.

    Raises:
        ShotError: no clips in the folder, or none of that name.
    """
    names = [clip.name for clip in clip_folder.choose(clip_folder.find(data), clips)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        pending = [[pool.submit(measure, variant, data, plan, name) for name in names] for variant in variants]
        for variant, futures in zip(variants, pending, strict=True):
            found = [future.result() for future in futures]
            yield variant, Measured([r for one in found for r in one.rows], [m for one in found for m in one.matches])


def measure(variant: Variant, data: Path, plan: BenchPlan, clip: str) -> Measured:
    """One variant on one clip, on one thread."""
    torch.set_num_threads(1)
    clips, networks = clip_folder.find(data), variant.networks()
    results: list[tuple[Array, Mask]] = []

    def engine(shot: Shot) -> Iterator[FilledFrame]:
        for filled in pipeline.fill(shot, networks=networks, pathways=variant.enabled, stages=stages(variant.parts)):
            results.append((filled.pixels, filled.hidden))
            yield filled

    with left_out(variant.parts):
        rows = list(bench.measure(clip_folder.choose(clips, [clip]), clips, plan, engine=engine))
    # Afterwards, so that it does not count among the seconds.
    matches = [plate_match(pixels, hidden) for pixels, hidden in results]
    return Measured(rows, [match for match in matches if match is not None])


def heading(table: str, plan: BenchPlan) -> str:
    """A table's head in Markdown."""
    columns = [table, *plan.kinds, "mean", "sharpness", "grain", "s / frame"]
    return f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def line(variant: Variant, measured: Measured, plan: BenchPlan) -> str:
    """A variant's line in Markdown: PSNR in the hole / warping error in the hole, means over the clips, by kind of hole
    and over all; sharpness and grain, medians over the frames; seconds a frame."""
    means = [bench.means(measured.rows, kind) for kind in plan.kinds]
    scored = [(mean, mean.aan) for mean in means if mean is not None and mean.aan is not None]
    hole, warping, seconds = (
        float(np.mean(values)) if values else float("nan")
        for values in ([a.hole for _, a in scored], [a.warping for _, a in scored], [m.seconds for m, _ in scored])
    )
    sharpness, grain = (_median([getattr(m, name) for m in measured.matches]) for name in ("sharpness", "grain"))
    cells = [variant.name, *map(_scores, means), f"{hole:.2f} / {warping:.2f}"]
    return f"| {' | '.join(cells)} | {sharpness:.2f} | {grain:.2f} | {seconds:.2f} |"


def _scores(mean: BenchRow | None) -> str:
    return f"{mean.aan.hole:.2f} / {mean.aan.warping:.2f}" if mean is not None and mean.aan is not None else "-"


def _median(values: list[float]) -> float:
    """Without NaN; NaN of nothing."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.median(known)) if known else float("nan")
