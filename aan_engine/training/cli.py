"""`aan train`: the commands that train the networks. They parse and print; the loops are in the `train_*` modules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from aan_engine.network import weights
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.training import train_chooser, train_homography, train_inpainter, train_joint
from aan_engine.training.inpainter_data import InpainterPlan
from aan_engine.training.losses import LossWeights
from aan_engine.training.scenes import SceneMaker

app = typer.Typer(help="Train the networks on a folder of photos and clips.", no_args_is_help=True)

DATA = Path("../shared/data/train")

Data = Annotated[Path, typer.Option(help="Folder of photos and clips, searched through.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Minutes = Annotated[float | None, typer.Option(help="Stop after this long, whatever the step.")]
Resume = Annotated[bool, typer.Option(help="Go on from the run's checkpoint.")]
Ship = Annotated[bool, typer.Option(help="Put the result among the engine's own weights.")]
Seed = Annotated[int, typer.Option()]
Processes = Annotated[int, typer.Option(help="Processes that make batches ahead of time.")]
Shipped = Annotated[bool, typer.Option(help="Begin with the engine's own weights.")]


@app.callback()
def _with_all_threads() -> None:
    # In the engine several stages share the CPU cores; training has them to itself.
    torch.set_num_threads(os.cpu_count() or 1)


@app.command()
def homography(
    data: Data = DATA,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/homography"),
    steps: Annotated[int, typer.Option(help="Length of the learning-rate schedule.")] = 200_000,
    minutes: Minutes = None,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 1e-3,
    count: Annotated[int, typer.Option(help="Pairs in a step.")] = 8,
    processes: Processes = 0,
    device: Device = "cpu",
    resume: Resume = True,
    ship: Ship = False,
    seed: Seed = 0,
) -> None:
    """Train the homography estimator on synthetic pairs."""
    plan = train_homography.HomographyPlan(
        steps=steps, minutes=minutes, count=count, rate=rate, seed=seed, processes=processes
    )
    trained = train_homography.train(data, out, plan, device=device, resume=resume)
    typer.echo(f"The run is in {out}.")
    if ship:
        typer.echo(f"The weights are in {weights.save('homography', trained)}.")


@app.command()
def inpainter(
    data: Data = DATA,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/inpainter"),
    stage: Annotated[int, typer.Option(min=1, max=2, help="1: stills. 2: clips, with everything.")] = 1,
    steps: Annotated[int, typer.Option(help="Length of the learning-rate schedule.")] = 100_000,
    minutes: Minutes = None,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 2e-4,
    count: Annotated[int, typer.Option(help="Stills in a step of stage 1.")] = 8,
    side: Annotated[int, typer.Option(help="Side of a still, in pixels.")] = 128,
    runs: Annotated[int, typer.Option(help="Runs of frames in a step of stage 2.")] = 1,
    rows: Annotated[int, typer.Option(help="Height of a run's frames, 3 / 5 of their width.")] = 96,
    processes: Processes = 0,
    device: Device = "cpu",
    resume: Resume = True,
    ship: Ship = False,
    seed: Seed = 0,
    image_gan: Annotated[bool, typer.Option(help="The discriminator of single frames.")] = True,
    video_gan: Annotated[bool, typer.Option(help="The discriminator of runs of frames.")] = True,
    flow: Annotated[bool, typer.Option(help="The flow's own loss.")] = True,
    warping: Annotated[bool, typer.Option(help="The loss against the true previous frame.")] = True,
    shipped: Shipped = False,
) -> None:
    """Train the inpainter; stage 2 goes on from stage 1's checkpoint in the same folder."""
    default = LossWeights()
    loss_weights = LossWeights(
        image_gan=default.image_gan * image_gan,
        video_gan=default.video_gan * video_gan,
        flow=default.flow * flow,
        warping=default.warping * warping,
    )
    estimator = weights.load("homography", device=device) if stage == 2 else None
    assert estimator is None or isinstance(estimator, HomographyEstimator)
    plan = InpainterPlan(
        stage=stage,
        steps=steps,
        minutes=minutes,
        rate=rate,
        seed=seed,
        count=count,
        side=side,
        runs=runs,
        height=rows,
        width=rows * 5 // 3,
        processes=processes,
        weights=loss_weights,
    )
    start = weights.load("inpainter") if shipped else None
    assert start is None or isinstance(start, Inpainter)
    trained = train_inpainter.train(data, out, plan, estimator=estimator, start=start, device=device, resume=resume)
    typer.echo(f"The run is in {out}.")
    if ship:
        typer.echo(f"The weights are in {weights.save('inpainter', trained)}.")


@app.command()
def chooser(
    data: Data = DATA,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/chooser"),
    sequences: Annotated[int, typer.Option(help="Scenes to make crops from, first of all.")] = 240,
    steps: Annotated[int, typer.Option(help="Length of the learning-rate schedule.")] = 12_000,
    minutes: Minutes = None,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 8e-4,
    processes: Processes = 0,
    device: Device = "cpu",
    resume: Resume = True,
    ship: Ship = False,
    seed: Seed = 0,
    shipped: Shipped = False,
) -> None:
    """Train the chooser among candidates, on scenes with holes over a known truth."""
    plan = train_chooser.ChooserPlan(
        sequences=sequences, steps=steps, minutes=minutes, rate=rate, seed=seed, processes=processes
    )
    start = weights.load("chooser").state_dict() if shipped else None
    trained = train_chooser.train(data, out, plan, device=device, resume=resume, start=start)
    typer.echo(f"The run is in {out}.")
    if ship:
        typer.echo(f"The weights are in {weights.save('chooser', trained)}.")


@app.command()
def together(
    data: Data = DATA,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/together"),
    scenes: Annotated[int, typer.Option(help="Length of the learning-rate schedule.")] = 400,
    minutes: Minutes = None,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 3e-4,
    device: Device = "cpu",
    resume: Resume = True,
    ship: Ship = False,
    seed: Seed = 0,
) -> None:
    """Train inpainter and chooser together, from the engine's own weights on."""
    plan = train_joint.JointPlan(scenes=scenes, minutes=minutes, rate=rate, seed=seed)
    trained = train_joint.train(data, out, plan, device=device, resume=resume)
    typer.echo(f"The run is in {out}.")
    if ship:
        for name in ("inpainter", "chooser"):
            typer.echo(f"The weights are in {weights.save(name, getattr(trained, name))}.")


@app.command()
def scenes(
    out: Annotated[Path, typer.Option(help="Folder that gets one folder a scene: frames and masks.")],
    data: Data = DATA,
    count: Annotated[int, typer.Option(help="How many scenes.")] = 12,
    frames: Annotated[int, typer.Option(help="Frames in each, where its clip has so many.")] = 40,
    part: Annotated[str, typer.Option(help="train or validation: from which pictures.")] = "validation",
    seed: Seed = 0,
) -> None:
    """Write synthetic scenes as a folder of clips to validate on (`aan bench --data`)."""
    maker = SceneMaker(data, part=part)
    for number in range(count):
        maker.scene(np.random.default_rng((seed, number)), frames).write(out / f"scene_{number:02d}")
    typer.echo(f"{count} scenes are in {out}.")
