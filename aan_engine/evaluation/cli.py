"""`aan bench`: the bench as a command. It parses and prints; `bench` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aan_engine.evaluation import clip_folder, holes
from aan_engine.evaluation.bench import BenchPlan, BenchRow, means, measure, save
from aan_engine.evaluation.worst_frames import WorstFrames

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    data: Annotated[Path, typer.Option(help="Folder of clips: CLIP/frames/* and CLIP/masks/*, or DAVIS's own layout.")],
    clips: Annotated[str, typer.Option(help="Only these, comma-separated.")] = "",
    kinds: Annotated[str, typer.Option(help="Of holes, comma-separated.")] = ",".join(holes.KINDS),
    frames: Annotated[int, typer.Option(min=1, help="Of each clip, at most.")] = 40,
    height: Annotated[int, typer.Option(min=64, help="Rows that clips are scaled to.")] = 240,
    out: Annotated[Path, typer.Option(help="Folder for the scores and the sheets of the worst frames.")] = Path(
        "runs/bench"
    ),
) -> None:
    """Hide parts of real clips, fill them, and score the fills against the truth, beside OpenCV's inpainting."""
    plan = BenchPlan(_named(kinds), frames, height)
    if strange := sorted(set(plan.kinds) - set(holes.KINDS)):
        raise typer.BadParameter(f"no such kind of hole: {', '.join(strange)}", param_hint="--kinds")
    every = clip_folder.find(data)
    chosen = clip_folder.choose(every, _named(clips))
    out.mkdir(parents=True, exist_ok=True)
    worst, rows = WorstFrames(), list[BenchRow]()
    for row in measure(chosen, every, plan, worst=worst):
        rows.append(row)
        typer.echo(str(row))
        save(out / "bench.json", rows, plan)
    for kind in plan.kinds:
        mean = means(rows, kind)
        typer.echo(str(mean) if mean else f"{kind}: nothing was measured (it needs another clip with masks)")
    failed = sum(row.aan is None for row in rows)
    typer.echo(f"{len(rows)} rows, {failed} failed: {out / 'bench.json'}")
    for sheet in worst.save(out):
        typer.echo(f"The worst frames: {sheet}")
    if failed:
        raise typer.Exit(1)


def _named(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())
