"""Proposals: every pathway of the paper asked for its candidates, for one target.

Alignment proposes by chained motion and by direct homographies, recurrence by carrying the previous answer along.
(Refinement and the residual pathway speak through the network: see `decision`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.candidate import Candidate, Kind, Neighbourhood, chained, direct, layer
from aan_engine.motion import Array, sample
from aan_engine.schedule import references
from aan_engine.survey import Survey

REFERENCES = 4
"""Direct references per target."""

HANDED_ON = 60
"""A source further away than this is not carried along any more: errors add up."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Where each pixel of a frame was finally taken from; kept for the next frame.

    Args:
        index: the frame.
        frame: (h, w) int32 over the whole proxy, source frame index, -1 where none.
        position: (h, w, 2) float32, where in it.
    """

    index: int
    frame: NDArray[np.int32]
    position: Array


def propose(survey: Survey, near: Neighbourhood, *, previous: Answer | None) -> list[Candidate]:
    """All candidates that lie on plates and need no network."""
    views = survey.views()
    layers = chained(views, near, reach=survey.reach)
    for reference in references(survey, near, count=REFERENCES):
        link = survey.link(near.index, reference)
        if link is not None:
            layers.append(direct(views, near, reference=reference, homography=link.homography, trust=link.trust))
    if previous is not None and previous.index == near.index - 1:
        layers.append(recurrent(survey, near, previous))
    return layers


def recurrent(survey: Survey, near: Neighbourhood, previous: Answer) -> Candidate:
    """The previous frame's sources, carried along by motion.

    A pixel moves to its place in the previous frame; what it shows there was taken from some plate, and the same
    offset to that source is kept. Pixels visible in the previous frame are left to the chain.
    """
    here = near.points
    before = sample(survey.motion_map(near.index, previous.index), here)
    h, w = survey.reel.size
    cell = np.rint(before).astype(np.int32)
    inside = (cell >= 0).all(-1) & (cell[:, 0] < w) & (cell[:, 1] < h)
    x, y = np.clip(cell[:, 0], 0, w - 1), np.clip(cell[:, 1], 0, h - 1)
    source = np.where(inside, previous.frame[y, x], -1).astype(np.int32)
    source[np.abs(source - near.index) > HANDED_ON] = -1
    # The neighbourhood's own slope is lost by this (a translation stands in for it); below a pixel it shifts by
    # less than the rounding did, which is added back.
    position = previous.position[y, x] + (before - cell)
    trust = np.full(len(here), 0.5, np.float32)
    return layer(survey.views(), near, Kind.RECURRENT, frame=source, position=position, trust=trust)
