"""The values on the way to a fill plan: a target's candidates, the same with the synthesis, all of them, the plan.

All are frozen and lie over the box of the target's `HoleRegion` on the proxy; `selector` makes each from the one
before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
from aan_engine.colour.log_encoding import channel_mean
from aan_engine.core.types import Array
from aan_engine.network.inpainter import Inpainted, RecurrentState, ReferenceSet
from aan_engine.registration.photometric import Registration
from aan_engine.selection.light_match import NO_LIGHT_CHANGE, LightMatch

AGREEMENT_SCALE = 0.05
"""Log-range difference from the blend at which a candidate's agreement has fallen to 1 / e: a fifth of a stop. Not
measured separately."""

MOST_BALANCED, BALANCE_SCALE = 0.7, 0.4
"""How far two directions are balanced at most, and the log-range difference between them at which it is 1 / e of that.
With these values balancing gained .26 dB in thin holes, mean over eight clips; on nine others it changed the PSNR by
nothing and lowered the warping error by 3 % (`evaluation/ablation.md`). Each value was not measured separately."""

SAME = 0.015
"""Log-range difference up to which two candidates show the same thing: what grain and resampling make. Not measured
separately."""


@dataclass(frozen=True, eq=False)
class TargetCandidates:
    """One target's region and the candidates that need neither a network nor the previous target.

    Args:
        registrations: reference frame -> its direct homography, the best first.
        to_previous: (h, w, 2) over the whole proxy, displacement into the frame before, hidden pixels moving as the
            hole's surroundings do; None at the first frame and across a cut.
    """

    hole: HoleRegion
    registrations: dict[int, Registration]
    candidates: list[Candidate]
    to_previous: Array | None = None


@dataclass(frozen=True, eq=False)
class WithSynthesis:
    """One target's candidates and the inpainter's output for it.

    Args:
        inputs: what the inpainter was given.
        image: (h, w, 3) log range over the whole proxy: the visible target, synthesised where hidden.
        inpainted: the network's whole output.
    """

    prepared: TargetCandidates
    inputs: InpainterInput
    image: Array
    inpainted: Inpainted


@dataclass(frozen=True, eq=False)
class InpainterInput:
    """What the inpainter is given for one target, as `Inpainter.step` takes it; joint training runs it again."""

    image: Tensor
    visible: Tensor
    references: ReferenceSet
    state: RecurrentState | None
    cells: Tensor


@dataclass(frozen=True, eq=False)
class CandidateSet:
    """All candidates of one target, each in the target's light; the synthesised one is the last.

    Args:
        inputs: what the synthesised candidate was made from.
        light: the change of light from each source frame to the target, as applied to the candidates.
    """

    hole: HoleRegion
    candidates: list[Candidate]
    inputs: InpainterInput
    light: LightMatch = NO_LIGHT_CHANGE


@dataclass(frozen=True, eq=False)
class Texture:
    """What is copied where no frame shows what is hidden: from elsewhere, because it looks alike. Over a plan's box.

    Args:
        frame: (h, w) int32, source frame, -1 where nothing is copied.
        position: (h, w, 2) float32, position on that frame's proxy.
        confidence: (h, w) float32, 0 .. 1, how well the patches match.
        correction: (h, w, 3) float32, added in the log range: joins the copies to each other and to what is seen.
    """

    frame: NDArray[np.int32]
    position: Array
    confidence: Array
    correction: Array


@dataclass(frozen=True, eq=False)
class FillPlan:
    """What fills one target's hole.

    Args:
        hole: the region whose box the following lie over.
        candidates: K candidates, the synthesised one last.
        weights: (K, h, w) float32, summing to 1.
        correction: (h, w, 3) float32, added to the weighted mean in the log range: the Poisson join.
        agreement: (h, w) in 0 .. 1, how far the candidates, by weight, show the same as their weighted mean: the
            plan's confidence.
        consensus: (h, w) in 0 .. 1, the weight of the candidates that show the same as the heaviest plate. Where it is
            nearly 1 that plate can be copied alone, instead of a mean of resampled plates, which is softer.
        light: the change of light from each source frame to the target, as applied to the candidates.
        texture: what is copied instead of the synthesised candidate; None for nothing.
    """

    hole: HoleRegion
    candidates: list[Candidate]
    weights: Array
    correction: Array
    agreement: Array
    consensus: Array
    light: LightMatch = NO_LIGHT_CHANGE
    texture: Texture | None = None


def balance_directions(candidates: list[Candidate], weights: Array) -> Array:
    """Candidate weights (K, h, w), partly balanced between the two directions of time of each kind of tracking.

    Where a pixel is seen both before and after, the chooser prefers one side more than it has reason to: the mean of
    two copies is off by less than one copy. The nearer in time counts more. Where the two show different things, the
    chooser's weights stay. Sums over the candidates stay as they are.
    """
    balanced = weights.copy()
    for kind in (Kind.TRACKED, Kind.TRACKED_WITH_SURROUND):
        pair = [k for k, candidate in enumerate(candidates) if candidate.kind is kind]
        if len(pair) != 2:
            continue
        one, other = (candidates[k] for k in pair)
        difference = channel_mean(np.abs(one.image - other.image))
        strength = MOST_BALANCED * np.exp(-difference / BALANCE_SCALE)
        strength = np.where(one.valid & other.valid, strength, 0).astype(np.float32)
        nearness = other.distance / np.maximum(one.distance + other.distance, 1)
        both = weights[pair].sum(0)
        balanced[pair[0]] += strength * (both * nearness - weights[pair[0]])
        balanced[pair[1]] = both - balanced[pair[0]]
    return balanced


def agreement_and_consensus(images: Array, weights: Array) -> tuple[Array, Array]:
    """`FillPlan.agreement` and `FillPlan.consensus`, (n,) each, of n pixels.

    Args:
        images: (K, n, 3) log range, the synthesised candidate last.
        weights: (K, n).
    """
    blend = np.einsum("kn,knc->nc", weights, images)
    agreement = (weights * np.exp(channel_mean(np.abs(images - blend)) / -AGREEMENT_SCALE)).sum(0)
    if len(weights) < 2:
        return agreement, np.zeros_like(agreement)
    heaviest_plate = np.take_along_axis(images, weights[:-1].argmax(0)[None, :, None], 0)
    return agreement, (weights * (channel_mean(np.abs(images - heaviest_plate)) < SAME)).sum(0)
