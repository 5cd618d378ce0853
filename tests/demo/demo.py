"""The demo: takes the grey sedan out of a drive plate, through an engine of its own, and leaves pictures to look at.

`make demo` runs it; everything it makes lies in `demo-out/`, its own runtime and cache folders included, so that
neither an engine that runs already nor an earlier result is touched or used. It measures twice: that nothing outside
the matte changed, and how close the fill comes where the truth is known: the same roto, mirrored, hides the right-hand
verge in a few frames, and there the plate itself is the truth.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aan_engine.threads import set_thread_limits

set_thread_limits()  # before NumPy, OpenCV and torch are imported

import cv2
import numpy as np
import roto
from numpy.typing import NDArray

from aan_engine.colour import display
from aan_engine.evaluation import contact_sheet
from aan_engine.plates import exr, matte
from aan_engine.plates.plate import Plate
from plugin_host import connection_file
from plugin_host.client import Client
from plugin_host.launch import find_or_start
from plugin_host.protocol import Accepted, Failed, JobSpec, Progress
from plugin_host.server.display import Display

HERE = Path(__file__).resolve().parent
SHOT = HERE / "shot"
OUT = HERE.parents[1] / "demo-out"
ENGINE = OUT / "engine"
FRAMES = range(1001, 1047)
SHOWN = (1010, 1019, 1028, 1037, 1046)
JUDGED = range(1033, 1045)
RATE = 24
VIEW = np.s_[100:300, 0:320]  # the part of the picture that the contact sheet shows larger


@dataclass(frozen=True)
class Frames:
    """Frames on disk by their pattern."""

    folder: Path
    name: str

    @property
    def pattern(self) -> str:
        return str(self.folder / f"{self.name}.####.exr")

    def plate(self, frame: int) -> Plate:
        return exr.read(self.folder / f"{self.name}.{frame}.exr", frame=frame)

    def matte(self, frame: int, *, like: Plate) -> NDArray[np.float32]:
        return matte.read(self.folder / f"{self.name}.{frame}.exr", frame=frame, channel=None, like=like)


PLATES = Frames(SHOT, "plate")
MATTES = Frames(SHOT, "matte")
RESULT = Frames(OUT / "result", "result")
MIRRORED = Frames(OUT / "known-truth", "matte")
KNOWN = Frames(OUT / "known-truth", "result")


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    KNOWN.folder.mkdir(parents=True)
    for frame in FRAMES:
        mirrored = MATTES.matte(frame, like=PLATES.plate(frame))[:, ::-1]
        roto.write_matte(MIRRORED.folder / f"{MIRRORED.name}.{frame}.exr", mirrored)
    began = time.monotonic()
    with own_engine() as client:
        up = time.monotonic() - began
        print(f"The engine is up after {up:.1f} s. Removing the grey sedan from {len(FRAMES)} frames of 640 x 360.")
        aovs = ("confidence", "source", "unseen")
        seconds = fill(client, JobSpec(PLATES.pattern, MATTES.pattern, aov=aovs), output=RESULT.pattern)
        print(f"And where the truth is known: the same roto, mirrored onto the verge, in {len(JUDGED)} frames.")
        judged = JobSpec(PLATES.pattern, MIRRORED.pattern, first=JUDGED[0], last=JUDGED[-1])
        fill(client, judged, output=KNOWN.pattern)
    film = draw()
    tell(seconds, film)


@contextmanager
def own_engine() -> Iterator[Client]:
    """An engine that only this demo knows, stopped at the end; its log stays in `demo-out/engine/run`."""
    for variable, folder in (("AAN_RUNTIME_DIR", ENGINE / "run"), ("AAN_CACHE_DIR", ENGINE / "cache")):
        folder.mkdir(mode=0o700, parents=True)
        os.environ[variable] = str(folder)
    with find_or_start(python=sys.executable, name="demo") as client:
        try:
            yield client
        finally:
            client.answer(client.shutdown())
            while connection_file.is_locked(ENGINE / "run" / connection_file.ENGINE_LOCK):
                time.sleep(0.05)
            shutil.rmtree(ENGINE / "cache")


def fill(client: Client, spec: JobSpec, *, output: str) -> float:
    """Have the job done, showing its progress; the seconds it took."""
    began = time.monotonic()
    accepted = client.answer(client.submit(spec, output=output))
    assert isinstance(accepted, Accepted)
    with Display() as display:
        for event in client.follow(accepted.job):
            if isinstance(event, Progress):
                display.step(event.stage, event.done, event.total, share=event.share)
            elif isinstance(event, Failed):
                sys.exit(f"{event.reason}. {event.hint}")
    return time.monotonic() - began


def draw() -> str:
    """The contact sheet and the film; what to say of the film."""
    rows = []
    for frame in SHOWN:
        plate, result = PLATES.plate(frame), RESULT.plate(frame)
        hidden = MATTES.matte(frame, like=plate)
        before, after = display.to_srgb8(plate.pixels), display.to_srgb8(result.pixels)
        sure = contact_sheet.heat(before, layer(result, "confidence.a"), where=hidden > 0)
        rows.append([picture[VIEW] for picture in (before, contact_sheet.tint(before, hidden), after, sure)])
    titles = ["plate", "matte over plate", "result", "confidence in the hole (violet 0 - yellow 1)"]
    contact_sheet.save(
        OUT / "contact-sheet.png",
        contact_sheet.contact_sheet(rows, titles=titles, names=[str(frame) for frame in SHOWN]),
    )
    pairs = (
        contact_sheet.side_by_side(display.to_srgb8(PLATES.plate(f).pixels), display.to_srgb8(RESULT.plate(f).pixels))
        for f in FRAMES
    )
    try:
        contact_sheet.film(OUT / "before-after.mp4", pairs, fps=RATE)
    except OSError as error:
        return f"no film ({error})"
    return "plate and result side by side"


def tell(seconds: float, film: str) -> None:
    """What was done, how long it took, what was measured, where to look."""
    changed, unseen = outside_and_unseen()
    aan, telea = against_telea()
    print(
        f"""
Filled       {len(FRAMES)} frames in {seconds:.0f} s ({seconds / len(FRAMES):.2f} s a frame)
Untouched    {changed} bits changed outside the matte
Never seen   {unseen:.1%} of the hidden pixels had to be synthesised; the rest was seen in other frames
Known truth  the verge hidden by the mirrored roto, frames {JUDGED[0]} - {JUDGED[-1]}, PSNR in the hole:
             {aan:.1f} dB, OpenCV inpainting (Telea) of the same frames {telea:.1f} dB

{RESULT.pattern}  the result
{OUT / "contact-sheet.png"}  plate, matte, result, confidence
{OUT / "before-after.mp4"}  {film}"""
    )
    if changed:
        sys.exit("The plate was touched outside the matte: this must never happen.")


def outside_and_unseen() -> tuple[int, float]:
    """Bits that differ from the plate where the matte is 0, and the share of hidden pixels that no frame ever saw."""
    bits, unseen, hidden = 0, 0.0, 0
    for frame in FRAMES:
        plate, result = PLATES.plate(frame), RESULT.plate(frame)
        inside = MATTES.matte(frame, like=plate) > 0
        for name in "RGB":
            changed = layer(plate, name).view(np.uint16) ^ layer(result, name).view(np.uint16)
            bits += int(np.bitwise_count(changed[~inside]).sum())
        unseen += float(layer(result, "unseen.a")[inside].sum())
        hidden += int(inside.sum())
    return bits, unseen / hidden


def against_telea() -> tuple[float, float]:
    """PSNR in dB of the engine and of OpenCV's inpainting where the mirrored roto is opaque, on 8-bit sRGB values."""
    errors: list[list[NDArray[np.float64]]] = [[], []]
    for frame in JUDGED:
        plate = PLATES.plate(frame)
        hidden, truth = MIRRORED.matte(frame, like=plate), display.to_srgb8(plate.pixels)
        telea = cv2.inpaint(truth, (hidden > 0).astype(np.uint8), 5, cv2.INPAINT_TELEA)
        for kept, shown in zip(errors, (display.to_srgb8(KNOWN.plate(frame).pixels), telea), strict=True):
            kept.append((shown.astype(np.float64) - truth)[hidden >= 1] ** 2)
    aan, classic = (10 * np.log10(255**2 / np.concatenate(kept).mean()) for kept in errors)
    return float(aan), float(classic)


def layer(plate: Plate, name: str) -> NDArray[np.generic]:
    """One channel of the picture's part, as it lies in the file."""
    return plate.parts[plate.picture.part].channels[name]


if __name__ == "__main__":
    main()
