"""The screened Poisson equation: steps are closed by a smooth change that fades into 0."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.core.screened_poisson import Edges, extended, solve_correction
from aan_engine.core.types import Array, Mask

SIZE = (24, 60)
STEP = 0.4


def edges_of(free: Mask, *, axis: int, step_at: int | None = None) -> Edges:
    """All edges along an axis with a free end; across one boundary between columns a step is wanted."""
    number = np.arange(free.size).reshape(free.shape)
    ahead, behind = (np.s_[1:], np.s_[:-1]) if axis == 0 else (np.s_[:, 1:], np.s_[:, :-1])
    chosen = free[ahead] | free[behind]
    step = np.zeros((*chosen.shape, 3), np.float32)
    if step_at is not None:
        step[:, step_at] = (STEP, 0, -STEP)
    p, q = number[behind][chosen], number[ahead][chosen]
    return Edges(p, q, np.ones(len(p), np.float32), step[chosen])


def right_half() -> Mask:
    free = np.zeros(SIZE, np.bool_)
    free[:, 20:] = True
    return free


def solved(free: Mask, *, hold: float, step_at: int | None = 19) -> Array:
    return solve_correction(free, [edges_of(free, axis=0), edges_of(free, axis=1, step_at=step_at)], hold=hold)


def test_a_step_is_closed_where_it_is_and_forgotten_far_from_it() -> None:
    found = solved(right_half(), hold=0.01)
    # Right of the border all falls by the step, in each channel by its own.
    np.testing.assert_allclose(found[:, 20], np.tile((-STEP, 0, STEP), (SIZE[0], 1)), atol=0.15 * STEP)
    assert np.abs(found[:, -1]).max() < 0.1 * STEP
    assert (np.diff(found[12, 20:, 2]) < 1e-3).all(), "it fades"
    assert not found[..., 1].any()


def test_it_fades_over_the_distance_that_is_asked_for() -> None:
    for hold in (0.04, 0.01):
        profile = solved(right_half(), hold=hold)[12, 20:, 2]
        reach = int(np.argmax(profile < profile[0] / np.e))
        assert reach == pytest.approx(hold**-0.5, rel=0.3)


def test_the_equation_is_solved() -> None:
    rng = np.random.default_rng(0)
    free = np.zeros((9, 11), np.bool_)
    free[2:7, 3:9] = rng.random((5, 6)) > 0.2
    free[0, 0] = True
    edges = [edges_of(free, axis=0, step_at=4), edges_of(free, axis=1, step_at=5)]
    edges = [
        Edges(e.p, e.q, rng.random(len(e.p)).astype(np.float32), rng.standard_normal(e.step.shape).astype(np.float32))
        for e in edges
    ]
    hold = 0.05
    # The same as dense least squares: rows of differences, and one row for each pixel that holds it to 0.
    columns = {int(n): i for i, n in enumerate(np.flatnonzero(free))}
    rows: list[NDArray[np.float64]] = []
    wanted: list[NDArray[np.float64]] = []
    for edge in edges:
        for p, q, strength, step in zip(edge.p, edge.q, edge.strength, edge.step, strict=True):
            row = np.zeros(len(columns))
            for end, sign in ((int(p), 1), (int(q), -1)):
                if end in columns:
                    row[columns[end]] = sign
            rows.append(row * strength**0.5)
            wanted.append(step * strength**0.5)
    rows += list(np.eye(len(columns)) * hold**0.5)
    wanted += [np.zeros(3)] * len(columns)
    exact = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0]
    found = solve_correction(free, edges, hold=hold)
    np.testing.assert_allclose(found[free], exact, atol=0.05 * np.abs(exact).max())
    assert not found[~free].any()


def test_where_no_step_is_wanted_nothing_changes() -> None:
    assert not solved(right_half(), hold=0.01, step_at=None).any()


def test_a_region_of_a_whole_picture_or_of_nothing_is_no_harm() -> None:
    assert np.isfinite(solved(np.ones(SIZE, np.bool_), hold=0.01)).all()
    assert not solved(np.zeros(SIZE, np.bool_), hold=0.01).any()


def test_the_pixels_right_beside_a_region_get_the_mean_of_their_free_neighbours() -> None:
    free = right_half()
    correction = np.where(free[..., None], np.float32(0.3), 0) * np.ones(3, np.float32)
    found = extended(correction, free)
    np.testing.assert_allclose(found[:, 19:], 0.3, atol=1e-6)
    assert not found[:, :19].any()
