"""Patch attention: the best visible patch is found, a regular texture goes on, the bits do not depend on threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aan_engine.attention import patch_level, patch_search
from aan_engine.attention.patch_level import MOST_QUANTA, RADIUS, WEIGHTS, PatchLevel, PatchPictures, _quantised
from aan_engine.attention.patch_search import PatchMatches, PatchQuery, search
from aan_engine.core.types import Array, Mask

CPU = torch.device("cpu")
CHANNELS = 8
"""Of a level in a search: three of colour, two of texture, three of the guide."""


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def random_picture(size: tuple[int, int], seed: int = 0, channels: int = 3) -> Array:
    noise = np.random.default_rng(seed).random((*size, channels)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0), np.float32)


def box(size: tuple[int, int], rows: slice, columns: slice) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[rows, columns] = True
    return mask


def level_of(features: Array, missing: Mask, usable: NDArray[np.bool_], seed: int = 0) -> PatchLevel:
    pictures = PatchPictures(torch.from_numpy(features), missing, usable, 3)
    return PatchLevel(pictures, torch.Generator().manual_seed(seed))


def painted(picture: Array, missing: Mask, *, level: float = 0.5) -> Array:
    """The picture with a flat fill."""
    return np.where(missing[..., None], np.float32(level), picture)


def query_of(picture: Array, missing: Mask, *, usable: Mask | None = None) -> PatchQuery:
    """A search in the picture itself, its hole painted with its mean."""
    fill = painted(picture, missing, level=float(picture[~missing].mean()))
    return PatchQuery(fill[None], missing, (~missing if usable is None else usable)[None])


def copied(query: PatchQuery, matches: PatchMatches) -> Array:
    """(m, 3) what the matches copy."""
    x, y = matches.position.astype(int).T
    return query.images[matches.picture, y, x]


def bits(matches: PatchMatches | None) -> bytes:
    assert matches is not None
    return matches.picture.tobytes() + matches.position.tobytes() + matches.cost.tobytes()


def usable_parts(size: tuple[int, int], missing: Mask) -> NDArray[np.bool_]:
    """Two pictures' usable pixels: the first less its hole and a block, the second less its lower half."""
    usable = np.stack([~missing & ~box(size, slice(0, 9), slice(0, 9)), np.ones(size, np.bool_)])
    usable[1, size[0] // 2 :] = False
    return usable


def brute_force(level: PatchLevel, features: Array, missing: Mask, usable: NDArray[np.bool_]) -> dict[int, int]:
    """For each patch's centre the number of the best source, by counting in whole numbers, all positions tried."""
    n, h, w, _ = features.shape
    whole = np.rint((features - patch_level.MIDDLE) * patch_level.QUANTA)
    whole = np.clip(whole, -MOST_QUANTA, MOST_QUANTA).astype(np.int64)
    depth = cv2.distanceTransform(missing.astype(np.uint8), cv2.DIST_L2, 5)
    share = (patch_level.FADE ** -np.minimum(depth, patch_level.DEEPEST)).astype(np.float32)
    r = RADIUS

    def around(plane: NDArray[np.generic], y: int, x: int) -> NDArray[np.generic]:
        return plane[y - r : y + r + 1, x - r : x + r + 1]

    centres = [(y, x) for y in range(r, h - r) for x in range(r, w - r)]
    sources = [
        (k, y, x)
        for k in range(n)
        for y, x in centres
        if around(usable[k], y, x).all() and not (k == 0 and around(missing, y, x).any())
    ]
    shown = np.stack([around(whole[k], y, x) for k, y, x in sources])
    best = {}
    for y, x in centres:
        if not around(missing, y, x).any():
            continue
        weight = around(share, y, x)
        weight = np.rint(weight / weight.max() * WEIGHTS).astype(np.int64)[..., None]
        cost = (weight * (shown - around(whole[0], y, x)) ** 2).sum((1, 2, 3))
        k, sy, sx = sources[int(cost.argmin())]
        best[y * w + x] = (k * h + sy) * w + sx
    return best


def test_attention_finds_the_best_of_all_patches() -> None:
    size = (24, 30)
    missing = box(size, slice(9, 14), slice(12, 19))
    features = np.stack([random_picture(size, seed, CHANNELS) for seed in (1, 2)])
    usable = usable_parts(size, missing)
    level = level_of(features, missing, usable)
    level.attend()
    found = dict(zip(level._centres.tolist(), level.match.tolist(), strict=True))
    assert found == brute_force(level, features, missing, usable)
    assert len({match // (size[0] * size[1]) for match in found.values()}) == 2, "both pictures have something to give"


@pytest.mark.parametrize("way", ["attend", "adjust"])
def test_no_patch_is_taken_that_holds_a_pixel_that_may_not_be_copied(way: str) -> None:
    size = (26, 30)
    missing = box(size, slice(9, 14), slice(12, 19))
    # Missing pixels count as usable here, as those do that another pathway has filled: they are no source all the same.
    usable = usable_parts(size, missing) | np.stack([missing, np.zeros_like(missing)])
    level = level_of(np.stack([random_picture(size, seed) for seed in (3, 4)]), missing, usable)
    for _ in range(4):
        if way == "attend":
            level.attend()
        else:
            level.adjust(reach=8)
        level.vote()
        rows, columns = np.divmod(level.match.numpy(), size[1])
        for picture, y, x in zip(*np.divmod(rows, size[0]), columns, strict=True):
            window = np.s_[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1]
            assert usable[picture][window].shape == (7, 7)
            assert usable[picture][window].all()
            assert picture == 1 or not missing[window].any()


def test_adjusting_never_makes_a_match_worse_and_gets_close_to_the_best() -> None:
    size = (40, 48)
    missing = box(size, slice(14, 24), slice(16, 30))
    features, usable = random_picture(size, 5)[None], ~missing[None]
    best, level = level_of(features, missing, usable), level_of(features, missing, usable)
    best.attend()
    level.adjust(reach=16)
    costs = [level.cost.clone()]
    for _ in range(6):
        level.adjust(reach=16)
        assert (level.cost <= costs[-1] + 1e-6).all()
        costs.append(level.cost.clone())
    assert costs[0].mean() > 1.5 * best.cost.mean()
    assert costs[-1].mean() < 1.15 * best.cost.mean()


def test_products_are_whole_numbers_that_float32_adds_up_exactly() -> None:
    side = 2 * RADIUS + 1
    worst = torch.tensor([-1e6, -1.0, 0.5, 0.501, 7.0, 1e6])
    quanta = _quantised(worst)
    torch.testing.assert_close(quanta, quanta.round(), atol=0, rtol=0)
    most = int(quanta.abs().max())
    assert most == MOST_QUANTA
    # The same constants as in `attend`: -2 w T S for each feature, and w times the sum of S^2.
    total = side**2 * CHANNELS * (2 * WEIGHTS * most * most) + side**2 * WEIGHTS * (CHANNELS * most * most)
    assert total < 2**24
    levels = patch_search._levels(query_of(random_picture((60, 70)), box((60, 70), slice(20, 30), slice(20, 30))), CPU)
    assert {level.features.shape[-1] for level in levels} == {CHANNELS}


@pytest.mark.parametrize("most_products", [patch_search.MOST_PRODUCTS, 0])
def test_a_search_gives_the_same_bits_with_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, most_products: float
) -> None:
    monkeypatch.setattr(patch_search, "MOST_PRODUCTS", most_products)
    size = (81, 96)
    missing = box(size, slice(30, 52), slice(40, 65))
    query = query_of(random_picture(size, 6), missing)
    found = []
    for count in (1, 4, 3):
        with threads(count):
            found.append(bits(search(query, seed=7, device=CPU)))
    assert found[0] == found[1] == found[2]


def test_another_seed_searches_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch_search, "MOST_PRODUCTS", 0)
    size = (60, 70)
    query = query_of(random_picture(size, 8), box(size, slice(20, 40), slice(20, 40)))
    assert bits(search(query, seed=1, device=CPU)) == bits(search(query, seed=1, device=CPU))
    assert bits(search(query, seed=1, device=CPU)) != bits(search(query, seed=2, device=CPU))


def stripes(size: tuple[int, int], period: int = 8) -> Array:
    x = np.arange(size[1]) % period
    return np.broadcast_to((0.3 + 0.4 * (x < period // 2))[None, :, None], (*size, 3)).astype(np.float32)


def bricks(size: tuple[int, int]) -> Array:
    """Courses of 6 rows and bricks of 12 columns, every other course half a brick on."""
    y, x = np.mgrid[: size[0], : size[1]]
    joint = (y % 6 == 0) | ((x + 6 * (y // 6 % 2)) % 12 == 0)
    return np.where(joint[..., None], 0.7, (0.45, 0.3, 0.25)).astype(np.float32)


HOLES = {
    "inside": (slice(30, 50), slice(40, 64)),
    "at the left edge": (slice(30, 50), slice(0, 16)),
    "in a corner": (slice(64, 80), slice(100, 120)),
    "from top to bottom": (slice(0, 80), slice(50, 66)),
}


@pytest.mark.parametrize("place", HOLES)
@pytest.mark.parametrize("texture", [stripes, bricks])
def test_a_regular_texture_goes_on(texture, place: str) -> None:
    size = (80, 120)
    picture, missing = texture(size), box(size, *HOLES[place])
    query = query_of(picture, missing)
    matches = search(query, seed=0, device=CPU)
    assert matches is not None
    right = np.abs(copied(query, matches) - picture[missing]).max(-1) < 0.02
    assert right.mean() > 0.97, f"{right.mean():.3f}"


def test_matches_never_lie_on_what_is_missing_or_may_not_be_used() -> None:
    size = (80, 120)
    missing = box(size, slice(30, 50), slice(40, 64))
    barred = box(size, slice(0, 80), slice(70, 120))
    matches = search(query_of(bricks(size), missing, usable=~missing & ~barred), seed=0, device=CPU)
    assert matches is not None
    x, y = matches.position.astype(int).T
    assert not (missing | barred)[y, x].any()
    assert (matches.cost >= 0).all()


def test_what_another_picture_shows_is_taken_from_there() -> None:
    size = (64, 80)
    missing = box(size, slice(24, 40), slice(30, 50))
    truth = random_picture(size, 9)
    elsewhere = np.roll(truth, (5, -7), (0, 1))
    guide = np.where(missing[..., None], cv2.GaussianBlur(truth, (0, 0), 3), truth)
    query = PatchQuery(np.stack([guide, elsewhere]), missing, np.stack([~missing, np.ones(size, np.bool_)]))
    matches = search(query, seed=0, device=CPU)
    assert matches is not None
    assert (matches.picture == 1).mean() > 0.9
    assert np.abs(copied(query, matches) - truth[missing]).mean() < 0.01


def test_where_nothing_may_be_used_nothing_is_found() -> None:
    size = (60, 70)
    missing = box(size, slice(20, 30), slice(20, 30))
    nothing = np.zeros(size, np.bool_)
    assert search(query_of(random_picture(size), missing, usable=nothing), seed=0, device=CPU) is None
    # Six columns are no patch.
    strip = box(size, slice(0, 60), slice(60, 66))
    assert search(query_of(random_picture(size), missing, usable=strip), seed=0, device=CPU) is None


@pytest.mark.parametrize("size", [(16, 16), (7, 7), (5, 9), (1, 40), (41, 300)])
def test_pictures_of_any_size_are_searched_without_harm(size: tuple[int, int]) -> None:
    missing = np.zeros(size, np.bool_)
    missing[size[0] // 2 :, size[1] // 2 : size[1] // 2 + 4] = True
    matches = search(query_of(random_picture(size), missing), seed=0, device=CPU)
    if matches is None:
        assert min(size) < 16
        return
    x, y = matches.position.astype(int).T
    assert len(x) == missing.sum()
    assert not missing[y, x].any()


def test_a_hole_without_surroundings_has_no_match() -> None:
    missing = np.ones((50, 60), np.bool_)
    query = PatchQuery(random_picture((50, 60))[None], missing, ~missing[None])
    assert search(query, seed=0, device=CPU) is None
