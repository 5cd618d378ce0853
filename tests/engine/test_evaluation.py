"""Evaluation: the protocol's holes, metrics against values known in advance, clip folders, and the bench."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from typer.testing import CliRunner

from aan_engine.colour import display
from aan_engine.errors import PlateUnreadable, ShotError
from aan_engine.evaluation import bench, clip_folder, holes, metrics
from aan_engine.evaluation.cli import app
from aan_engine.evaluation.metrics import Scores, Truth
from aan_engine.evaluation.worst_frames import WorstFrames
from aan_engine.plates import exr, matte
from aan_engine.rendering.filled_frame import FilledFrame
from aan_engine.shot import Shot
from tests.engine.shots import pan

SHAPE = (96, 160)
PROTOCOL = Path(__file__).resolve().parents[3] / "shared" / "tools" / "holes.py"


def box(t: int) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[30:60, 20 + 4 * t : 60 + 4 * t] = True
    return mask


def write_clip(folder: Path, name: str, *, masks: bool = True, seed: int = 0) -> None:
    """A clip of a slow pan with masks of a moving box."""
    (folder / name / "frames").mkdir(parents=True)
    for t, plate in enumerate(pan(4, size=SHAPE, seed=seed)):
        cv2.imwrite(str(folder / name / "frames" / f"{t:05d}.png"), display.to_srgb8(plate)[..., ::-1])
        if masks:
            (folder / name / "masks").mkdir(exist_ok=True)
            cv2.imwrite(str(folder / name / "masks" / f"{t:05d}.png"), box(t).astype(np.uint8) * 38)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for seed, name in enumerate(("apple", "pear", "quince")):
        write_clip(tmp_path, name, masks=name != "quince", seed=seed)
    return tmp_path


def drawn(kind: str, name: str = "apple", shape: tuple[int, int] = SHAPE) -> list[NDArray[np.bool_]]:
    donor = [box(9 + t)[::-1] for t in range(3)]
    return holes.draw(kind, name, frames=6, shape=shape, own=[box(t) for t in range(6)], donor=donor)


@pytest.mark.parametrize("kind", holes.KINDS)
def test_a_clip_gets_the_same_holes_again_and_another_clip_others(kind: str) -> None:
    shape = SHAPE if kind == "plate" else (120, 200)
    once, again = drawn(kind, shape=shape), drawn(kind, shape=shape)
    assert len(once) == 6
    assert all(hole.shape == shape and hole.dtype == np.bool_ for hole in once)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    others = [drawn(kind, name, shape) for name in ("pear", "quince", "medlar", "plum")]
    assert any(not np.array_equal(once[0], other[0]) for other in others)


def test_a_stain_stays_wires_move_and_a_plate_hole_leaves_out_what_moves() -> None:
    stain, wires, rig, plate = (drawn(kind) for kind in ("static", "wires", "rig", "plate"))
    assert all(np.array_equal(stain[0], hole) for hole in stain)
    assert 0.05 <= stain[0].mean() <= 0.25
    assert not np.array_equal(wires[0], wires[5])
    assert wires[0].any(axis=1).all()
    for t in range(6):
        assert not (plate[t] & box(t)).any()
        assert not (plate[t] & ~rig[t]).any()
    assert any((hole & box(t)).any() for t, hole in enumerate(rig))


def test_the_holes_are_the_protocol_s_to_the_pixel() -> None:
    if not PROTOCOL.exists():
        pytest.skip("the protocol's own tool is not here (shared/tools/holes.py)")
    found = importlib.util.spec_from_file_location("protocol_holes", PROTOCOL)
    assert found is not None
    assert found.loader is not None
    theirs = importlib.util.module_from_spec(found)
    found.loader.exec_module(theirs)
    donor, own = [box(t)[::-1] for t in range(4)], [box(t) for t in range(10)]
    for name in ("apple", "pear", "quince"):
        others = ["fig", "medlar", "plum"]
        assert holes.donor_of(name, others) == others[theirs.rng(name, "donor").randint(3)]
        wanted = {
            "static": theirs.static(name, 10, *SHAPE),
            "rig": theirs.rig(name, 10, *SHAPE, donor),
            "wires": theirs.wires(name, 10, *SHAPE),
            "plate": theirs.plate(name, 10, *SHAPE, donor, own),
        }
        for kind, expected in wanted.items():
            ours = holes.draw(kind, name, frames=10, shape=SHAPE, own=own, donor=donor)
            assert all(np.array_equal(a, b) for a, b in zip(ours, expected, strict=True)), (name, kind)


def test_both_layouts_of_clips_are_read_and_masks_may_be_missing(data: Path, tmp_path: Path) -> None:
    plain = clip_folder.find(data)
    assert [(clip.name, len(clip.frames), len(clip.masks)) for clip in plain] == [
        *(("apple", 4, 4), ("pear", 4, 4)),
        ("quince", 4, 0),
    ]
    davis = tmp_path / "davis"
    for inside, kind in (("JPEGImages", "frames"), ("Annotations", "masks")):
        (davis / inside / "480p").mkdir(parents=True)
        (data / "apple" / kind).rename(davis / inside / "480p" / "apple")
    (clip,) = clip_folder.find(davis)
    assert (clip.name, len(clip.frames), len(clip.masks)) == ("apple", 4, 4)
    loaded = clip_folder.load(clip, frames=3, height=48)
    assert loaded.shape == (48, 80)
    assert len(loaded.frames) == len(loaded.masks) == 3
    assert loaded.masks[0][20, 20]
    assert not loaded.masks[0][2, 2]


def test_a_folder_without_clips_and_a_clip_that_is_not_there_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ShotError, match="not there"):
        clip_folder.find(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ShotError, match="no clip") as caught:
        clip_folder.find(tmp_path / "empty")
    assert "frames" in caught.value.hint
    with pytest.raises(ShotError, match="peach"):
        clip_folder.choose(clip_folder.find(data), ["apple", "peach"])
    (data / "apple" / "frames" / "00001.png").write_bytes(b"half of a")
    with pytest.raises(ShotError, match=r"00001\.png"):
        clip_folder.load(clip_folder.find(data)[0], frames=4, height=48)


def test_a_known_error_has_the_scores_computed_by_hand() -> None:
    frames = [display.to_srgb(plate) for plate in pan(3, size=SHAPE)]
    hidden = [box(0), np.zeros(SHAPE, bool), box(2)]
    off = [
        np.where(hole[..., None], frame + d, frame) for frame, hole, d in zip(frames, hidden, (3, 0, 4), strict=True)
    ]
    found = metrics.score_clip(Truth.of(frames), off, hidden)
    assert found.hole == pytest.approx(10 * np.log10(255**2 / ((9 + 16) / 2)), abs=1e-3)
    share = box(0).mean()
    assert found.psnr == pytest.approx(np.mean([10 * np.log10(255**2 / (share * e)) for e in (9, 16)]), abs=1e-2)


def test_a_fill_that_flickers_warps_worse_than_one_that_is_as_wrong_but_steady() -> None:
    frames = [display.to_srgb(plate) for plate in pan(6, size=SHAPE)]
    truth, hidden = Truth.of(frames), [box(0)] * 6
    steady, flickering = (
        [np.where(box(0)[..., None], f + d, f).astype(np.float32) for f, d in zip(frames, offsets, strict=True)]
        for offsets in ([8] * 6, [8, -8] * 3)
    )
    steady_scores, flickering_scores = (metrics.score_clip(truth, result, hidden) for result in (steady, flickering))
    assert steady_scores.hole == pytest.approx(flickering_scores.hole, abs=0.01)
    assert flickering_scores.warping > steady_scores.warping + 0.9 * (16 / 255) ** 2 * 1e3


def test_ssim_is_that_of_scikit_image() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 255, (40, 56, 3)).astype(np.float32)
    found = np.clip(cv2.GaussianBlur(true, (0, 0), 1) + rng.normal(0, 5, true.shape), 0, 255).astype(np.float32)
    theirs = structural_similarity(true, found, channel_axis=-1, data_range=255, win_size=metrics.WINDOW)
    assert metrics.ssim(true, found) == pytest.approx(theirs, abs=1e-5)
    assert metrics.ssim(true, true) == pytest.approx(1, abs=1e-9)


def leaves_grey(shot: Shot) -> Iterator[FilledFrame]:
    """An engine that leaves the grey of the plates and says that it synthesised it."""
    for plate_file in shot.plates:
        plate = exr.read(plate_file.path, frame=plate_file.frame)
        roto = matte.read(shot.matte_of(plate.frame).path, frame=plate.frame, channel=None, like=plate)
        blank = np.full(plate.shape, -1, np.float32)
        layers = {"source.frame": blank, "unseen.a": (roto > 0).astype(np.float32)}
        yield FilledFrame(plate.frame, plate, roto > 0, plate.pixels, layers, 1.0)


def test_the_bench_hides_the_truth_from_the_engine_and_compares_what_was_written(data: Path) -> None:
    every = clip_folder.find(data)
    worst, plan = WorstFrames(3), bench.BenchPlan(frames=4, height=96)
    rows = list(bench.measure(every[:1], every, plan, engine=leaves_grey, worst=worst))
    assert [row.kind for row in rows] == list(holes.KINDS)
    for row in rows:
        assert row.aan is not None
        assert row.touched == 0
        # What was handed in under the matte is grey: were it the truth, this engine would be perfect.
        assert row.aan.hole < row.telea.hole
        assert row.aan.hole < 25
    assert len(worst.worst) == 3
    assert worst.worst[0].psnr <= worst.worst[1].psnr <= worst.worst[2].psnr


def test_where_no_other_clip_has_masks_their_kinds_are_left_out(data: Path) -> None:
    apple, _, quince = clip_folder.find(data)
    plan = bench.BenchPlan(frames=2, height=96)
    rows = bench.measure([apple], [apple, quince], plan, engine=leaves_grey)
    assert [row.kind for row in rows] == ["static", "wires"]


def test_a_clip_that_fails_is_named_and_the_others_are_measured(data: Path) -> None:
    def broken(shot: Shot) -> Iterator[FilledFrame]:
        yield from leaves_grey(Shot(shot.plates[:1], shot.mattes[:1]))
        raise PlateUnreadable("the disk is gone", hint="Find it.")

    every = clip_folder.find(data)
    rows = list(bench.measure(every[:2], every, bench.BenchPlan(("static",), 2, 96), engine=broken))
    assert [row.failure for row in rows] == ["the disk is gone. Find it."] * 2
    assert "FAILED" in str(rows[0])
    assert bench.means(rows, "static") is None


def test_saved_rows_are_json_with_null_for_nan(tmp_path: Path) -> None:
    nothing = Scores(30.0, 20.0, 0.9, float("nan"))
    rows = [bench.BenchRow("apple", "static", nothing, nothing, 0.5, 0)]
    bench.save(tmp_path / "bench.json", rows, bench.BenchPlan())
    saved = json.loads((tmp_path / "bench.json").read_text())
    assert saved["rows"][0]["aan"] == {"psnr": 30, "hole": 20, "ssim": 0.9, "warping": None}
    assert [mean["kind"] for mean in saved["means"]] == ["static"]


def test_the_worst_of_frames_near_each_other_are_kept_and_saved_as_sheets(tmp_path: Path) -> None:
    worst = WorstFrames(3)
    truth, hidden = np.full((*SHAPE, 3), 100, np.float32), box(0)
    layers = {"source.frame": np.full(SHAPE, 1003, np.float32), "unseen.a": np.zeros(SHAPE, np.float32)}
    for clip, frame, off in (("a", 1, 9), ("a", 2, 30), ("a", 3, 20), ("a", 30, 12), ("b", 1, 50), ("c", 1, 1)):
        worst.consider(clip, "rig", frame, truth=truth, result=truth + off, hidden=hidden, layers=layers)
    worst.consider("d", "rig", 1, truth=truth, result=truth + 90, hidden=np.zeros(SHAPE, bool), layers=layers)
    assert [(e.clip, e.frame) for e in worst.worst] == [("b", 1), ("a", 2), ("a", 30)]
    (sheet,) = worst.save(tmp_path)
    assert cv2.imread(str(sheet)).shape[1] > 4 * 480
    assert WorstFrames().save(tmp_path) == []


def test_the_command_measures_the_real_engine_and_writes_scores_and_sheets(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench"
    asked = ["--data", str(data), "--clips", "apple", "--kinds", "wires", "--frames", "3", "--height", "96"]
    done = CliRunner().invoke(app, [*asked, "--out", str(out)])
    assert done.exit_code == 0, done.output
    (row,) = json.loads((out / "bench.json").read_text())["rows"]
    assert (row["clip"], row["kind"], row["touched"]) == ("apple", "wires", 0)
    assert row["seconds"] > 0
    assert (out / "worst-1.png").exists()
    assert CliRunner().invoke(app, ["--data", str(data), "--kinds", "ropes"]).exit_code == 2
