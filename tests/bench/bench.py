"""The bench: what a fill is worth and what it costs. `make bench` runs it, `make bench WHAT=memory` a part of it.

    quality    the demo's plates at 432 x 240 with holes over what is known: PSNR in the hole (dB, 8-bit sRGB) beside
               OpenCV's inpainting of the same frames, and seconds a frame, the engine's start included
    memory     48 frames of 4096 x 2160 with a moving matte over 2 % of the frame: peak memory and seconds a frame,
               beside the time that reading the plates, warping one reference and writing takes with nothing else
    sources    the demo's plates: the share of the hole that `source.frame`, `source.u` and `source.v` rebuild to half a
               percent, and the fill's likeness to its surroundings
    alignment  homographies on held-back pairs, beside SIFT + MAGSAC's
    clips      `aan bench` over a folder of real clips: the table of qualities and speeds
    blender    300 frames of 2048 x 1080 in Blender's sequencer: from Clean to accepted, and what it costs Blender
    ablation   what each pathway is worth, as tables in Markdown; by name only, as it takes the better part of an hour

`quality` and `memory` need nothing but the repository, and measure whole processes (`aan fill`) from outside, as an
artist or a wrangler meets them. The others want data: folders beside the repository (`../shared/data`), or `--data`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from aan_engine.threads import set_thread_limits

set_thread_limits()  # before NumPy, OpenCV and torch are imported

import cv2
import numpy as np
import OpenEXR
import psutil
from numpy.typing import NDArray

from aan_engine.colour import display, log_encoding
from aan_engine.core.sampling import sample
from aan_engine.evaluation import ablation, bench, holes, plate_match, registration_bench
from aan_engine.plates import exr, matte
from aan_engine.training.holes import moving_hole
from aan_engine.training.scenes import SceneMaker

sys.path.append(str(Path(__file__).resolve().parents[2]))
from tests.blender import blenders

Array = NDArray[np.float32]
HOUSE = Path(__file__).resolve().parents[2]
SHOT = HOUSE / "tests" / "demo" / "shot"
SHARED = HOUSE.parent / "shared" / "data"
AAN = Path(sys.executable).with_name("aan")
SCENES = 6
FRAMES = range(1001, 1041)
SMALL = (240, 432)
LARGE = (2160, 4096)
LARGE_FRAMES = 48


@dataclass(frozen=True)
class Run:
    """One `aan fill`: seconds from start to end, and the most memory it held."""

    seconds: float
    peak: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "what", nargs="*", default=("quality", "memory", "sources", "alignment", "clips"), metavar="WHAT"
    )
    parser.add_argument("--data", type=Path, help="folder of clips (for alignment: of training pictures)")
    parser.add_argument("--clips", default="", help="only these, comma-separated")
    parser.add_argument("--kinds", default=",".join(holes.KINDS), help="of holes, comma-separated")
    parser.add_argument("--frames", type=int, help="of each clip; 40, for the ablation 16")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes, for the ablation")
    asked = parser.parse_args()
    for name in asked.what:
        PARTS[name](asked) if name in PARTS else parser.error(f"no such part: {name}; there are {', '.join(PARTS)}")


def run_quality(asked: argparse.Namespace) -> None:
    """On the demo's plates, one line for each kind of hole."""
    with tempfile.TemporaryDirectory(prefix="aan-bench-") as folder:
        for number, kind in enumerate(("wires", "rig", "stain")):
            quality(Path(folder) / kind, kind, number)


def run_memory(asked: argparse.Namespace) -> None:
    """On large plates."""
    with tempfile.TemporaryDirectory(prefix="aan-bench-") as folder:
        memory(Path(folder) / "large")


def run_sources(asked: argparse.Namespace) -> None:
    """Two lines: what the layers rebuild with grain and light off, and how alike a fill is to what lies around it."""
    with tempfile.TemporaryDirectory(prefix="aan-bench-") as folder:
        rebuilt(Path(folder) / "plain", first=1010, last=1029)
        alike(Path(folder) / "dressed", first=1010, last=1029)


def run_alignment(asked: argparse.Namespace) -> None:
    """On held-back training pictures."""
    if data := data_for("alignment", asked, "train"):
        registration_bench.main(data)


def run_clips(asked: argparse.Namespace) -> None:
    """On real clips, through `aan bench`."""
    if data := data_for("clips", asked, "eval"):
        command = [str(AAN), "bench", "--data", str(data), "--kinds", asked.kinds, "--clips", asked.clips]
        subprocess.run([*command, "--frames", str(asked.frames or 40)], check=False)


def run_blender(asked: argparse.Namespace) -> None:
    """In each Blender that is at hand."""
    for version in blenders.BLENDERS:
        python = blenders.KEPT / version / "bin" / "python"
        if not python.exists():
            print(f"blender {version} is not there: `make test-hosts` fetches it")
            continue
        with tempfile.TemporaryDirectory(prefix="aan-bench-") as folder:
            done = blenders.run_inside(python, Path(folder), "measure")
            blenders.end_engine(Path(folder))
            said = [line for line in done.stdout.splitlines() if line.startswith("blender ")]
            print("\n".join(said) or done.stdout[-2000:])


def run_ablation(asked: argparse.Namespace) -> None:
    """On a folder of clips, or on scenes made of held-back training pictures."""
    plan = bench.BenchPlan(kinds=tuple(asked.kinds.split(",")), frames=asked.frames or 16)
    with tempfile.TemporaryDirectory(prefix="aan-bench-") as made:
        if asked.data is None and (data := data_for("ablation", asked, "train")):
            scenes = SceneMaker(data, part="validation")
            for number in range(SCENES):
                scene = scenes.scene(np.random.default_rng((0, number)), plan.frames)
                scene.write(Path(made) / f"scene_{number:02d}")
            asked.data = Path(made)
        if asked.data is None:
            return
        clips, table = [name for name in asked.clips.split(",") if name], ""
        for variant, rows in ablation.run(asked.data, plan, clips=clips, jobs=asked.jobs):
            if variant.table != table:
                table = variant.table
                print(ablation.heading(table, plan))
            print(ablation.line(variant, rows, plan), flush=True)
    print(
        f"\nPSNR in the hole, dB / warping error in the hole, x 1000; {plan.frames} frames a clip; nothing trained anew"
    )


def data_for(part: str, asked: argparse.Namespace, folder: str) -> Path | None:
    """The folder named, or the one beside the repository; without either, a word on what is left out."""
    data: Path = asked.data or SHARED / folder
    if data.is_dir():
        return data
    print(f"{part:8s} left out: {data} is not there; name a folder with --data")
    return None


PARTS = {
    "quality": run_quality,
    "memory": run_memory,
    "sources": run_sources,
    "alignment": run_alignment,
    "clips": run_clips,
    "blender": run_blender,
    "ablation": run_ablation,
}


def quality(folder: Path, kind: str, number: int) -> None:
    """One line: the engine and Telea on one kind of hole."""
    folder.mkdir()
    rng = np.random.default_rng(number)
    holes = moving_hole(rng, len(FRAMES), height=SMALL[0], width=SMALL[1], kind=kind)
    truth = [cv2.resize(p, SMALL[::-1], interpolation=cv2.INTER_AREA).astype(np.float16) for p in plates()]
    for frame, plate, hole in zip(FRAMES, truth, holes, strict=True):
        stained = np.where(hole[..., None] > 0, np.float16(0.18), plate)
        write(folder / f"plate.{frame}.exr", {"RGB": stained})
        write(folder / f"matte.{frame}.exr", {"A": hole.astype(np.float16)})
    run = fill(folder)
    errors: list[list[NDArray[np.float64]]] = [[], []]
    for frame, plate, hole in zip(FRAMES, truth, holes, strict=True):
        if not hole.any():
            continue
        shown = display.to_srgb8(plate.astype(np.float32))
        result = display.to_srgb8(exr.read(folder / f"out.{frame}.exr", frame=frame).pixels)
        telea = cv2.inpaint(shown, hole, 5, cv2.INPAINT_TELEA)
        for kept, picture in zip(errors, (result, telea), strict=True):
            kept.append(((picture.astype(np.float64) - shown)[hole > 0] ** 2).mean())
    aan, classic = (10 * np.log10(255**2 / np.mean(kept)) for kept in errors)
    print(
        f"quality  {kind:6s} {aan:5.1f} dB in the hole (Telea {classic:5.1f} dB), "
        f"{run.seconds / len(FRAMES):.2f} s a frame at {SMALL[1]} x {SMALL[0]}",
        flush=True,
    )


def memory(folder: Path) -> None:
    """Two lines: the engine on 4K plates, and reading them, warping one reference and writing them alone."""
    folder.mkdir()
    large = cv2.resize(plates()[0], (LARGE[1] + 600, LARGE[0]), interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    noise = rng.normal(1, 0.02, (*LARGE, 1)).astype(np.float32)
    shares = []
    for index in range(LARGE_FRAMES):
        view = large[:, 12 * index : 12 * index + LARGE[1]] * np.roll(noise, (97 * index, 31 * index), (0, 1))
        roto = np.zeros(LARGE, np.float32)
        cv2.ellipse(roto, (900 + 45 * index, 1100), (200, 285), 0, 0, 360, 1, -1)
        shares.append(roto.mean())
        write(folder / f"plate.{1001 + index}.exr", {"RGB": view.astype(np.float16)})
        write(folder / f"matte.{1001 + index}.exr", {"A": roto.astype(np.float16)})
    run = fill(folder)
    print(
        f"memory   {LARGE_FRAMES} frames of {LARGE[1]} x {LARGE[0]}, {np.mean(shares):.1%} hidden: "
        f"{run.peak / 2**30:.2f} GB at most, {run.seconds / LARGE_FRAMES:.2f} s a frame",
        flush=True,
    )
    alone, each = least(folder), run.seconds / LARGE_FRAMES
    print(f"         reading, warping one reference and writing alone: {alone:.2f} s a frame, {each / alone:.2f} times")


def least(folder: Path) -> float:
    """Seconds a frame for what nobody can do without: plate, matte and one reference read, warped, and written."""
    y, x = np.mgrid[: LARGE[0], : LARGE[1]].astype(np.float32)
    began = time.monotonic()
    reference = exr.read(folder / "plate.1001.exr", frame=1001).pixels
    for index in range(LARGE_FRAMES):
        plate = exr.read(folder / f"plate.{1001 + index}.exr", frame=1001 + index)
        hidden = matte.read(folder / f"matte.{1001 + index}.exr", frame=1001 + index, channel=None, like=plate) > 0
        pixels = plate.pixels
        warped = cv2.remap(reference, x + np.float32(0.3), y, cv2.INTER_CUBIC)
        exr.write(folder / "copy.exr", plate, pixels=warped, hidden=hidden)
        reference = pixels
    return (time.monotonic() - began) / LARGE_FRAMES


def rebuilt(folder: Path, *, first: int, last: int) -> None:
    """One line: every filled pixel sampled again from the frame and place that the layers name."""
    folder.mkdir()
    hidden = demo_shot(folder)
    fill(folder, "--no-grain", "--light", "off", "--aov", "source", "--first", str(first), "--last", str(last))
    within, whole = 0, 0
    for frame in range(first, last + 1):
        channels = {k: v.pixels for k, v in OpenEXR.File(str(folder / f"out.{frame}.exr"), True).channels().items()}
        result = np.stack([channels[c] for c in "RGB"], -1).astype(np.float32)
        height, width = result.shape[:2]
        inside = hidden[frame] >= 1
        whole += int(inside.sum())
        for number in np.unique(channels["source.frame"][inside & (channels["source.frame"] >= 0)]):
            here = inside & (channels["source.frame"] == number)
            u, v = channels["source.u"][here], channels["source.v"][here]
            places = np.stack([u * width - 0.5, (1 - v) * height - 0.5], -1)
            plate = exr.read(SHOT / f"plate.{int(number)}.exr", frame=int(number)).pixels
            again = log_encoding.from_log(sample(log_encoding.to_log(plate), places, sharp=True))
            within += int((np.abs(again - result[here]) <= 0.005 * np.abs(again) + 0.001).all(-1).sum())
    print(f"sources  {within / whole:.1%} of the hole rebuilt from the source layers to half a percent", flush=True)


def alike(folder: Path, *, first: int, last: int) -> None:
    """One line: gradient, sharpness and grain inside the hole over those around it."""
    folder.mkdir()
    hidden = demo_shot(folder)
    fill(folder, "--first", str(first), "--last", str(last))
    each = []
    for frame in range(first, last + 1):
        picture = exr.read(folder / f"out.{frame}.exr", frame=frame).pixels
        found = plate_match.plate_match(picture, hidden=hidden[frame] > 0)
        if found is not None:
            each.append([found.gradient, found.sharpness, found.grain])
    gradient, sharpness, grain = np.nanmean(np.array(each, np.float64), axis=0)
    print(f"         inside over around: gradient {gradient:.2f}, sharpness {sharpness:.2f}, grain {grain:.2f}")


def demo_shot(folder: Path) -> dict[int, Array]:
    """The demo's plates and mattes as the bench names them; the mattes by frame."""
    hidden = {}
    for frame in FRAMES:
        for name in ("plate", "matte"):
            (folder / f"{name}.{frame}.exr").symlink_to(SHOT / f"{name}.{frame}.exr")
        plate = exr.read(SHOT / f"plate.{frame}.exr", frame=frame)
        hidden[frame] = matte.read(SHOT / f"matte.{frame}.exr", frame=frame, channel=None, like=plate)
    return hidden


def plates() -> list[Array]:
    """The demo's plates, (H, W, 3) scene-linear."""
    return [exr.read(SHOT / f"plate.{frame}.exr", frame=frame).pixels for frame in FRAMES]


def write(path: Path, channels: dict[str, NDArray[np.float16]]) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: np.ascontiguousarray(v) for name, v in channels.items()}).write(str(path))


def fill(folder: Path, *options: str) -> Run:
    """`aan fill` over the folder's plates, watched from outside."""
    patterns = {name: str(folder / f"{name}.####.exr") for name in ("plate", "matte", "out")}
    command = [str(AAN), "fill"]
    for name, pattern in patterns.items():
        command += [f"--{name}", pattern]
    command += options
    began, peak = time.monotonic(), 0
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, sum(p.memory_info().rss for p in (watched, *watched.children(recursive=True))))
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"aan fill ended with {process.returncode}: run it by hand on {folder} to see why.")
    return Run(time.monotonic() - began, peak)


if __name__ == "__main__":
    main()
