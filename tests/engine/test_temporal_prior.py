"""Steadiness: a frame leans on what was decided for the one before, where that is on offer again, and sums stay."""

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


def looking(hole: HoleRegion, *kinds: Kind, frames: tuple[int, ...]) -> list[Candidate]:
    """Candidates of these kinds, each on one frame, and the painted one."""
    blank = synthesised(np.zeros((*hole.hidden.shape, 3), np.float32), hole)
    shape = hole.hidden.shape
    each = [
        dataclasses.replace(blank, kind=kind, frame=np.full(shape, frame, np.int32), valid=np.ones(shape, bool))
        for kind, frame in zip(kinds, frames, strict=True)
    ]
    return [*each, blank]


def even(hole: HoleRegion, *shares: float) -> Array:
    return np.array(shares, np.float32)[:, None, None] * np.ones(hole.hidden.shape, np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.4, 1.0])
def test_what_was_decided_before_has_a_say_by_pathway_and_sums_stay(smoothing: float) -> None:
    leans = MOST * smoothing
    before, now = hole(4), hole(5)
    # Both directions of time, one frame further on each, and named in another order.
    candidates = looking(before, Kind.TRACKED, Kind.TRACKED, frames=(7, 2))
    prior = TemporalPrior.of(before, candidates, even(before, 0.9, 0.1, 0), size=SIZE)
    again = looking(now, Kind.TRACKED, Kind.TRACKED, frames=(3, 8))
    found = prior.steadied(now, again, even(now, 0.8, 0, 0.2), back=STILL, smoothing=smoothing)
    inside = now.hidden
    np.testing.assert_allclose(found[0][inside], (1 - leans) * 0.8 + leans * 0.1, rtol=1e-5)
    np.testing.assert_allclose(found[1][inside], leans * 0.9, rtol=1e-5)
    np.testing.assert_allclose(found.sum(0), 1, rtol=1e-5)


def test_it_is_brought_along_the_motion() -> None:
    before, now = hole(4), hole(5, left=44)
    candidates = looking(before, Kind.TRACKED, Kind.HOMOGRAPHY_FLOW, frames=(7, 2))
    shares = even(before, 1, 0, 0)
    right = np.arange(shares.shape[2]) + before.left >= 50
    shares[0][:, right], shares[1][:, right] = 0, 1
    prior = TemporalPrior.of(before, candidates, shares, size=SIZE)
    back = STILL + np.array([-4, 0], np.float32)
    again = looking(now, Kind.TRACKED, Kind.HOMOGRAPHY_FLOW, frames=(7, 2))
    found = prior.steadied(now, again, even(now, 0.5, 0.5, 0), back=back, smoothing=1)
    column = np.arange(found.shape[2]) + now.left
    more = 0.5 + MOST / 2
    np.testing.assert_allclose(found[0][now.hidden & (column < 54)], more, rtol=1e-5)
    np.testing.assert_allclose(found[1][now.hidden & (column >= 54)], more, rtol=1e-5)


def test_where_nothing_was_decided_or_its_pathway_is_gone_each_frame_stands_by_itself() -> None:
    before, now = hole(4), hole(5)
    candidates = looking(before, Kind.TRACKED, Kind.HOMOGRAPHY, frames=(7, 30))
    prior = TemporalPrior.of(before, candidates, even(before, 0, 1, 0), size=SIZE)
    shares = even(now, 0.7, 0.2, 0.1)
    elsewhere = looking(now, Kind.TRACKED, Kind.HOMOGRAPHY, frames=(7, 50))
    found = prior.steadied(now, elsewhere, shares, back=STILL, smoothing=1)
    np.testing.assert_array_equal(found, shares)
    same = looking(now, Kind.TRACKED, Kind.HOMOGRAPHY, frames=(7, 30))
    same[1].valid[:] = False
    np.testing.assert_array_equal(prior.steadied(now, same, shares, back=STILL, smoothing=1), shares)
    far = STILL + np.array([0, 50], np.float32)
    np.testing.assert_array_equal(prior.steadied(now, candidates, shares, back=far, smoothing=1), shares)
