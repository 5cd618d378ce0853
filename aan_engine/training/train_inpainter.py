"""Training the inpainter in the paper's two stages (arXiv 1905.13066, section 3.4): the loop, its clock and its log.

What is trained and measured on is in `inpainter_data`, a step in `inpainter_step`.
"""

from __future__ import annotations

from pathlib import Path

from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.training.inpainter_data import ClipTask, InpainterPlan, StillTask
from aan_engine.training.inpainter_step import InpainterTrainer
from aan_engine.training.run_log import RunLog

SAVE_MINUTES = 3.0


def train(
    data: Path,
    out: Path,
    plan: InpainterPlan,
    *,
    estimator: HomographyEstimator | None = None,
    start: Inpainter | None = None,
    device: str = "cpu",
    resume: bool = True,
) -> Inpainter:
    """Trains into the folder `out`, from its checkpoint where there is one; returns the inpainter.

    Args:
        estimator: needed for stage 2; it does not learn.
        start: an inpainter to begin with, where there is no checkpoint yet.

    Raises:
        ShotError: no pictures in `data`.
        WeightsError: a checkpoint that cannot be read.
    """
    trainer = InpainterTrainer(plan.weights, stage=plan.stage, seed=plan.seed, device=device)
    log = RunLog(out)
    if resume and (state := log.load_checkpoint()) is not None:
        trainer.restore(state)
    elif start is not None:
        trainer.start(start.state_dict())
    task = StillTask(data, plan, device) if plan.stage == 1 else ClipTask(data, plan, device, estimator)
    saved = log.minutes
    for parts in task.batches(trainer.inpainter, range(trainer.step, plan.steps)):
        if plan.minutes is not None and log.minutes >= plan.minutes:
            break
        rate = plan.rate_at(trainer.step, last=log.last_step(trainer.step, plan.steps, minutes=plan.minutes))
        for frames in parts:
            values = trainer.learn(frames, rate=rate)
        trainer.step += 1
        if trainer.step % (20 if plan.stage == 1 else 5) == 0:
            log.log(trainer.step, **values)
        if trainer.step % (plan.measure_every if plan.stage == 1 else plan.measure_every // 10) == 0:
            measured, samples = task.measure(trainer.average)
            log.log(trainer.step, **{f"held_{name}": value for name, value in measured.items()})
            log.save_samples(f"{plan.stage}", samples)
        if log.minutes - saved > SAVE_MINUTES:
            log.save_checkpoint(trainer.state())
            saved = log.minutes
    log.save_checkpoint(trainer.state())
    return trainer.average
