"""Fill three frames of the demo's shot with the engine as a library: `fill_a_shot.py FOLDER` writes EXRs there."""

import sys
from pathlib import Path

from aan_engine import FrameFile, Shot, fill

SHOT = Path(__file__).parents[1] / "demo" / "shot"
OUT = Path(sys.argv[1])


def sequence(name: str) -> tuple[FrameFile, ...]:
    return tuple(FrameFile(frame, SHOT / f"{name}.{frame}.exr") for frame in range(1001, 1021))


shot = Shot(plates=sequence("plate"), mattes=sequence("matte"), first=1010, last=1012, aovs=("confidence",))
for filled in fill(shot):
    filled.write(OUT / f"clean.{filled.frame}.exr")
    print(f"frame {filled.frame}: confidence {filled.confidence:.2f}, synthesised {filled.unseen:.1%}")
