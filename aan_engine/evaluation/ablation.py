"""The ablation: what each pathway is worth, measured by leaving it out. The networks are not trained anew for it.

Three tables: the paper's own form (alignment, refinement and flow, each on and off); every part of ours left out alone;
the number of distant references against quality. In the paper's words *align* is here the homographies to distant
references (directly, and with the residual motion that they leave), *refine* the attention, *flow* what is carried from
frame to frame (chained motion, and the previous answer), *residual* the painter, without which the hole's own
surroundings are continued smoothly.

What a part does inside the inpainter goes with it: without alignment the attention asks with the target's own cells,
without refinement nothing is added to them, and without recurrence it has no past.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from aan_engine import pipeline
from aan_engine.candidates.candidate import Kind
from aan_engine.candidates.generators import ALL_KINDS, EnabledKinds
from aan_engine.evaluation import bench, clip_folder
from aan_engine.evaluation.ablated_modules import Entire, Inattentive, Unaligned, Unpainted
from aan_engine.evaluation.bench import BenchPlan, BenchRow
from aan_engine.network.bundle import Networks

ALIGN = frozenset({Kind.HOMOGRAPHY, Kind.HOMOGRAPHY_FLOW})
REFINE = frozenset({Kind.ATTENTION})
FLOW = frozenset({Kind.TRACKED, Kind.TRACKED_WITH_SURROUND, Kind.PREVIOUS})


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    Args:
        name: in the table.
        table: the table's title.
        without: kinds of candidates that are not asked for.
        references: distant references per target.
        painter: False has the hole's surroundings continued smoothly.
        entire: the attention asks for, and looks at, whole frames, not from the hole to what is visible.
    """

    name: str
    table: str
    without: frozenset[Kind] = field(default=frozenset())
    references: int = ALL_KINDS.references
    painter: bool = True
    entire: bool = False

    @property
    def pathways(self) -> EnabledKinds:
        """What takes part in the decisions."""
        return EnabledKinds(ALL_KINDS.kinds - self.without, self.references)

    def networks(self) -> Networks:
        """The shipped networks, with the parts that this variant lacks replaced."""
        networks = Networks.load(torch.device("cpu"))
        inpainter = networks.inpainter
        if self.without >= REFINE:
            inpainter.attention = Inattentive()
        elif self.entire:
            inpainter.attention = Entire.of(inpainter.attention)
        if self.without >= ALIGN:
            inpainter.alignment = Unaligned(asks=not self.without >= REFINE)  # type: ignore[assignment]
        if not self.painter:
            inpainter.decoder = Unpainted()  # type: ignore[assignment]
        return replace(networks, inpainter=inpainter)


PAPER, OURS, COUNT = "The paper's form", "One part of ours left out", "Distant references"
WHOLE = Variant("everything", PAPER)
VARIANTS = (
    WHOLE,
    Variant("nothing (the painter alone)", PAPER, ALIGN | REFINE | FLOW),
    Variant("align", PAPER, REFINE | FLOW),
    Variant("refine", PAPER, ALIGN | FLOW),
    Variant("flow", PAPER, ALIGN | REFINE),
    Variant("align + flow", PAPER, REFINE),
    Variant("refine + flow", PAPER, ALIGN),
    Variant("align + refine", PAPER, FLOW),
    Variant("everything, attention between entire frames", PAPER, entire=True),
    Variant("everything but residual", PAPER, painter=False),
    Variant("without motion carried by the camera", OURS, frozenset({Kind.TRACKED})),
    Variant("without motion carried by the surroundings", OURS, frozenset({Kind.TRACKED_WITH_SURROUND})),
    Variant("without plain homographies", OURS, frozenset({Kind.HOMOGRAPHY})),
    Variant("without homographies and residual motion", OURS, frozenset({Kind.HOMOGRAPHY_FLOW})),
    Variant("without the previous answer", OURS, frozenset({Kind.PREVIOUS})),
    *(Variant(str(count), COUNT, references=count) for count in (0, 1, 2, 4, 8)),
)


def run(
    data: Path, plan: BenchPlan, *, clips: Sequence[str] = (), variants: Sequence[Variant] = VARIANTS, jobs: int = 1
) -> Iterator[tuple[Variant, list[BenchRow]]]:
    """Each variant's rows, in order, as they are done.

    Args:
        data: a folder of clips, see `footage`.
        clips: only these; all, where none is named.
        jobs: processes, each with one thread.

    Raises:
        ShotError: no clips in the folder, or none of that name.
    """
    names = [clip.name for clip in clip_folder.choose(clip_folder.find(data), clips)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        asked = [[pool.submit(rows_of, variant, data, plan, name) for name in names] for variant in variants]
        for variant, answers in zip(variants, asked, strict=True):
            yield variant, [row for answer in answers for row in answer.result()]


def rows_of(variant: Variant, data: Path, plan: BenchPlan, clip: str) -> list[BenchRow]:
    """One variant on one clip, on one thread."""
    torch.set_num_threads(1)
    every = clip_folder.find(data)
    engine = partial(pipeline.fill, networks=variant.networks(), pathways=variant.pathways)
    return list(bench.measure(clip_folder.choose(every, [clip]), every, plan, engine=engine))


def heading(table: str, plan: BenchPlan) -> str:
    """A table's head in Markdown."""
    columns = [table, *plan.kinds, "mean", "s / frame"]
    return f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def line(variant: Variant, rows: Sequence[BenchRow], plan: BenchPlan) -> str:
    """A variant's line in Markdown: PSNR in the hole / warping error in the hole, means over the clips."""
    means = [bench.means(rows, kind) for kind in plan.kinds]
    cells = [_cell(mean) for mean in means]
    done = [(mean, mean.aan) for mean in means if mean is not None and mean.aan is not None]
    hole, warping, seconds = (
        float(np.mean(values)) if values else float("nan")
        for values in ([aan.hole for _, aan in done], [aan.warping for _, aan in done], [m.seconds for m, _ in done])
    )
    return f"| {variant.name} | {' | '.join(cells)} | {hole:.2f} / {warping:.2f} | {seconds:.2f} |"


def _cell(mean: BenchRow | None) -> str:
    return f"{mean.aan.hole:.2f} / {mean.aan.warping:.2f}" if mean is not None and mean.aan is not None else "-"
