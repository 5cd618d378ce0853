"""The decision for one target, step by step: what is prepared, sketched, proposed, and what is decided in the end.

Frozen values, all over the box of the target's neighbourhood on the proxy; `decider` makes them, one from the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
from aan_engine.colour.log_encoding import channel_mean
from aan_engine.core.types import Array
from aan_engine.network.inpainter import Inpainted, RecurrentState, ReferenceSet
from aan_engine.registration.photometric import Registration
from aan_engine.selection.light_match import NO_LIGHT_CHANGE, LightMatch

ALIKE = 0.05
"""Distance in the log range at which a candidate no longer shows the same as the fill: a fifth of a stop."""

EVENLY, DIFFERENT = 0.7, 0.4
"""How far copies from before and after are evened out at most; and the distance in the log range from which hardly."""

SAME = 0.015
"""Distance in the log range up to which two candidates show the same thing: what grain and resampling do."""


@dataclass(frozen=True, eq=False)
class TargetCandidates:
    """What alignment alone proposes for one target: its box, its references, and the candidates that they give.

    Args:
        back: (h, w, 2) over the whole proxy, the displacement into the frame before, what is hidden carried along with
            its surroundings; None at the first frame and across a cut.
    """

    hole: HoleRegion
    links: dict[int, Registration]
    candidates: list[Candidate]
    back: Array | None = None


@dataclass(frozen=True, eq=False)
class WithSynthesis:
    """What was prepared, and the inpainter's frame beside it.

    Args:
        image: (h, w, 3) log range over the whole proxy.
        painted: the same and its reasons, as the network gives them.
    """

    prepared: TargetCandidates
    inputs: InpainterInput
    image: Array
    painted: Inpainted


@dataclass(frozen=True, eq=False)
class InpainterInput:
    """What the inpainter is given for one target, see `Inpainter.step`; training paints by it again."""

    image: Tensor
    visible: Tensor
    references: ReferenceSet
    state: RecurrentState | None
    cells: Tensor


@dataclass(frozen=True, eq=False)
class CandidateSet:
    """All candidates for one target, over the box of its neighbourhood on the proxy; the painted one is the last.

    Args:
        brief: what the painted one was made from.
        light: what the plates went through to look as the candidates do.
    """

    hole: HoleRegion
    candidates: list[Candidate]
    inputs: InpainterInput
    light: LightMatch = NO_LIGHT_CHANGE


@dataclass(frozen=True, eq=False)
class FillPlan:
    """What fills one target's hole, over the box of its neighbourhood on the proxy.

    Args:
        near: the box.
        layers: K candidates, the painted one last.
        weights: (K, h, w) float32, summing to 1.
        correction: (h, w, 3) float32, to be added in the log range.
        agreement: (h, w) 0 .. 1, the share of the decision, by weight, whose candidates show the same as the fill.
        alone: (h, w) 0 .. 1, the share whose candidates show the same as the heaviest plate: where it is nearly all,
            that plate may be taken alone.
        light: what the candidates' plates went through to look as they do.
    """

    hole: HoleRegion
    candidates: list[Candidate]
    weights: Array
    correction: Array
    agreement: Array
    consensus: Array
    light: LightMatch = NO_LIGHT_CHANGE


def balance_directions(candidates: list[Candidate], shares: Array) -> Array:
    """Shares (K, h, w), evened out in part between the two directions in which one kind of candidate follows a pixel.

    Where it is seen both before and after, the chooser takes sides more than it knows: two copies err less than one.
    The nearer one in time counts more; where they show different things, the chooser is believed.
    """
    found = shares.copy()
    for kind in (Kind.TRACKED, Kind.TRACKED_WITH_SURROUND):
        pair = [k for k, layer in enumerate(candidates) if layer.kind is kind]
        if len(pair) != 2:
            continue
        one, other = (candidates[k] for k in pair)
        apart = channel_mean(np.abs(one.image - other.image))
        evenly = np.where(one.valid & other.valid, EVENLY * np.exp(-apart / DIFFERENT), 0).astype(np.float32)
        nearer = other.distance / np.maximum(one.distance + other.distance, 1)
        both = shares[pair].sum(0)
        found[pair[0]] += evenly * (both * nearer - shares[pair[0]])
        found[pair[1]] = both - found[pair[0]]
    return found


def agreement_and_consensus(images: Array, shares: Array) -> tuple[Array, Array]:
    """See `Decision.agreement` and `Decision.alone`, (n,) each; (K, n, 3) and (K, n), the painted one last."""
    blend = np.einsum("kn,knc->nc", shares, images)
    agreement = (shares * np.exp(channel_mean(np.abs(images - blend)) / -ALIKE)).sum(0)
    if len(shares) < 2:
        return agreement, np.zeros_like(agreement)
    taken = np.take_along_axis(images, shares[:-1].argmax(0)[None, :, None], 0)
    return agreement, (shares * (channel_mean(np.abs(images - taken)) < SAME)).sum(0)
