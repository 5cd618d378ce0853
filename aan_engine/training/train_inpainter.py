"""Training the inpainter in the paper's two stages (arXiv 1905.13066, section 3.4): the loop, its clock and its log.

What is painted to learn from, and measured, is in `studies`; a step of learning is in `trainer`.
"""

from __future__ import annotations

from pathlib import Path

from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.training import inpainter_data
from aan_engine.training.inpainter_data import InpainterPlan
from aan_engine.training.inpainter_step import Trainer
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
    """Trains into the folder `out`, from its checkpoint where there is one; returns the painter.

    Args:
        estimator: needed for stage 2; it stays as it is.
        start: a painter to begin with, where there is no checkpoint yet.

    Raises:
        ShotError: no pictures in `data`.
        WeightsError: a checkpoint that cannot be read.
    """
    trainer = Trainer(plan.terms, stage=plan.stage, seed=plan.seed, device=device)
    journal = RunLog(out)
    if resume and (state := journal.resume()) is not None:
        trainer.restore(state)
    elif start is not None:
        trainer.start(start.state_dict())
    school = (
        inpainter_data.Stills(data, plan, device)
        if plan.stage == 1
        else inpainter_data.Clips(data, plan, device, estimator)
    )
    saved = journal.minutes
    for pieces in school.taught(trainer.painter, range(trainer.step, plan.steps)):
        if plan.minutes is not None and journal.minutes >= plan.minutes:
            break
        rate = plan.rate_at(trainer.step, last=journal.last_step(trainer.step, plan.steps, minutes=plan.minutes))
        for frames in pieces:
            noted = trainer.learn(frames, rate=rate)
        trainer.step += 1
        if trainer.step % (20 if plan.stage == 1 else 5) == 0:
            journal.note(trainer.step, **noted)
        if trainer.step % (plan.measure_every if plan.stage == 1 else plan.measure_every // 10) == 0:
            measured, sheet = school.measure(trainer.average)
            journal.note(trainer.step, **{f"held_{name}": value for name, value in measured.items()})
            journal.sheet(f"{plan.stage}", sheet)
        if journal.minutes - saved > SAVE_MINUTES:
            journal.keep(trainer.state())
            saved = journal.minutes
    journal.keep(trainer.state())
    return trainer.average
