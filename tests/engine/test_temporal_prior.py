"""The temporal prior: weights lean on the previous target's where the same source is available again; sums stay."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.candidates.builders import synthesised
from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind, hole_region
from aan_engine.selection.temporal_prior import MOST, TemporalPrior

Array = NDArray[np.float32]
SIZE = (64, 96)
STILL = np.zeros((*SIZE, 2), np.float32)


def hole(index: int, left: int = 40) -> HoleRegion:
    hidden = np.zeros(SIZE, bool)
    hidden[24:40, left : left + 20] = True
    hole = hole_region(index, hidden)
    assert hole is not None
    return hole


def candidates_on(hole: HoleRegion, *kinds: Kind, frames: tuple[int, ...]) -> list[Candidate]:
    """Candidates of these kinds, each on one frame, and the synthesised one."""
    blank = synthesised(np.zeros((*hole.hidden.shape, 3), np.float32), hole)
    shape = hole.hidden.shape
    each = [
        dataclasses.replace(blank, kind=kind, frame=np.full(shape, frame, np.int32), valid=np.ones(shape, bool))
        for kind, frame in zip(kinds, frames, strict=True)
    ]
    return [*each, blank]


def flat_weights(hole: HoleRegion, *values: float) -> Array:
    return np.array(values, np.float32)[:, None, None] * np.ones(hole.hidden.shape, np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.4, 1.0])
def test_the_previous_weight_of_the_same_route_is_mixed_in_and_sums_stay(smoothing: float) -> None:
    share = MOST * smoothing
    before, now = hole(4), hole(5)
    # Both directions of time, one frame further on each, and named in another order.
    candidates = candidates_on(before, Kind.TRACKED, Kind.TRACKED, frames=(7, 2))
    prior = TemporalPrior.of(before, candidates, weights=flat_weights(before, 0.9, 0.1, 0), size=SIZE)
    again = candidates_on(now, Kind.TRACKED, Kind.TRACKED, frames=(3, 8))
    found = prior.smoothed(now, again, weights=flat_weights(now, 0.8, 0, 0.2), to_previous=STILL, smoothing=smoothing)
    inside = now.hidden
    np.testing.assert_allclose(found[0][inside], (1 - share) * 0.8 + share * 0.1, rtol=1e-5)
    np.testing.assert_allclose(found[1][inside], share * 0.9, rtol=1e-5)
    np.testing.assert_allclose(found.sum(0), 1, rtol=1e-5)


def test_the_previous_weights_move_along_the_motion() -> None:
    before, now = hole(4), hole(5, left=44)
    candidates = candidates_on(before, Kind.TRACKED, Kind.HOMOGRAPHY_FLOW, frames=(7, 2))
    weights = flat_weights(before, 1, 0, 0)
    right = np.arange(weights.shape[2]) + before.left >= 50
    weights[0][:, right], weights[1][:, right] = 0, 1
    prior = TemporalPrior.of(before, candidates, weights=weights, size=SIZE)
    back = STILL + np.array([-4, 0], np.float32)
    again = candidates_on(now, Kind.TRACKED, Kind.HOMOGRAPHY_FLOW, frames=(7, 2))
    found = prior.smoothed(now, again, weights=flat_weights(now, 0.5, 0.5, 0), to_previous=back, smoothing=1)
    column = np.arange(found.shape[2]) + now.left
    more = 0.5 + MOST / 2
    np.testing.assert_allclose(found[0][now.hidden & (column < 54)], more, rtol=1e-5)
    np.testing.assert_allclose(found[1][now.hidden & (column >= 54)], more, rtol=1e-5)


def test_where_there_was_no_weight_or_its_route_is_gone_nothing_is_mixed_in() -> None:
    before, now = hole(4), hole(5)
    candidates = candidates_on(before, Kind.TRACKED, Kind.HOMOGRAPHY, frames=(7, 30))
    prior = TemporalPrior.of(before, candidates, weights=flat_weights(before, 0, 1, 0), size=SIZE)
    weights = flat_weights(now, 0.7, 0.2, 0.1)
    elsewhere = candidates_on(now, Kind.TRACKED, Kind.HOMOGRAPHY, frames=(7, 50))
    found = prior.smoothed(now, elsewhere, weights=weights, to_previous=STILL, smoothing=1)
    np.testing.assert_array_equal(found, weights)
    same = candidates_on(now, Kind.TRACKED, Kind.HOMOGRAPHY, frames=(7, 30))
    same[1].valid[:] = False
    np.testing.assert_array_equal(prior.smoothed(now, same, weights=weights, to_previous=STILL, smoothing=1), weights)
    far = STILL + np.array([0, 50], np.float32)
    np.testing.assert_array_equal(
        prior.smoothed(now, candidates, weights=weights, to_previous=far, smoothing=1), weights
    )
