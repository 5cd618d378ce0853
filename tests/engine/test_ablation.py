"""The ablation leaves out what a variant names, for as long as it lasts, and measures what is left."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from aan_engine.candidates.candidate import Kind
from aan_engine.colour import display
from aan_engine.evaluation import ablation
from aan_engine.evaluation.ablated_parts import AblatedPart, left_out, stages
from aan_engine.evaluation.bench import BenchPlan
from aan_engine.rendering.finisher import STAGES
from aan_engine.rendering.regrain import add_grain, denoise_repeated, mark_repeated
from aan_engine.rendering.second_sample import SecondSampler
from aan_engine.rendering.static_camera import swap_static
from aan_engine.rendering.texture import copy_texture
from aan_engine.rendering.warp import Warp
from aan_engine.selection import selector
from aan_engine.selection.light_match import NO_LIGHT_CHANGE
from tests.engine.shots import pan


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one clip of three frames, which get brighter."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "apple" / "frames").mkdir(parents=True)
    for t, plate in enumerate(pan(3, speed=5, size=(64, 112))):
        frame = display.to_srgb8(plate * np.float32(1 + 0.2 * t))[..., ::-1]
        cv2.imwrite(str(folder / "apple" / "frames" / f"{t:05d}.png"), frame)
    return folder


def test_without_nothing_all_stages_run_and_a_left_out_part_s_stage_does_not() -> None:
    assert stages(()) == STAGES
    assert stages({AblatedPart.EDGE_ALIGNMENT})[0] == Warp(align_edges=False)
    assert stages({AblatedPart.DEFOCUS_MATCH})[0] == Warp(match_defocus=False)
    assert stages({AblatedPart.STATIC_SWAP}) == (Warp(), mark_repeated, denoise_repeated, copy_texture, add_grain)
    assert stages({AblatedPart.DENOISING}) == (Warp(), mark_repeated, swap_static, copy_texture, add_grain)
    assert stages({AblatedPart.ADDED_GRAIN}) == (Warp(), mark_repeated, swap_static, copy_texture)


@pytest.mark.parametrize("part", AblatedPart)
def test_every_part_is_a_stage_s_or_is_replaced_while_it_is_left_out(part: AblatedPart) -> None:
    def replaceable() -> list[object]:
        names = ("poisson_correction", "match_light", "balance_directions", "suppress_faint_synthesis")
        return [vars(selector)[name] for name in names] + [vars(SecondSampler)["is_exact"]]

    before = replaceable()
    with left_out({part}):
        changed = sum(a is not b for a, b in zip(before, replaceable(), strict=True))
    assert changed + (stages({part}) != STAGES) == 1
    with pytest.raises(KeyError), left_out({part}):
        raise KeyError
    assert all(a is b for a, b in zip(before, replaceable(), strict=True))


def test_a_replacement_returns_what_it_was_given_or_nothing() -> None:
    picture, hidden = np.random.default_rng(0).uniform(size=(8, 8, 3)).astype(np.float32), np.ones((8, 8), bool)
    weights = torch.tensor([0.95, 0.05]).reshape(1, 2, 1, 1)
    with left_out(frozenset(AblatedPart)):
        ones = np.ones((1, 8, 8), np.float32)
        assert not selector.poisson_correction(picture, hidden, images=picture[None], weights=ones).any()
        assert selector.suppress_faint_synthesis(weights) is weights
        assert selector.balance_directions([], ones) is ones
        assert selector.match_light(picture, None, [], local=True) is NO_LIGHT_CHANGE  # type: ignore[arg-type]


def test_every_variant_leaves_out_what_its_name_says_and_names_are_unique() -> None:
    names = [(v.table, v.name) for v in ablation.VARIANTS]
    assert len(set(names)) == len(names)
    left = {v.name: v for v in ablation.VARIANTS if v.table == ablation.PARTS}
    assert [v.parts for v in left.values()] == [{part} for part in AblatedPart]
    assert all(v.enabled.kinds == frozenset(Kind) for v in left.values())
    (first, *rest) = ablation.variants_of("reference")
    assert (first.without, first.table) == (frozenset(), ablation.COUNT)
    assert [v.references for v in rest] == [0, 1, 2, 4, 8]


def test_a_variant_is_measured_without_its_parts_and_the_next_one_with_them(data: Path) -> None:
    plan = BenchPlan(("wires",), frames=3, height=64)
    whole = ablation.measure(ablation.WHOLE, data, plan, "apple")
    bare = ablation.Variant(
        "bare", "", frozenset({AblatedPart.LIGHT_MATCH, AblatedPart.POISSON_JOIN, AblatedPart.ADDED_GRAIN})
    )
    without = ablation.measure(bare, data, plan, "apple")
    for measured in (whole, without):
        (row,) = measured.rows
        assert row.aan is not None
        assert row.touched == 0
    assert whole.rows[0].aan.hole > without.rows[0].aan.hole + 1  # type: ignore[union-attr]
    again = ablation.measure(ablation.WHOLE, data, plan, "apple")
    assert again.rows[0].aan == whole.rows[0].aan
    assert ablation.line(bare, without, plan).count("|") == ablation.heading("", plan).splitlines()[1].count("|")
