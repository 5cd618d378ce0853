"""A compositor's day with the real engine: Read + Roto + our node, Solve, frames appear, closed in between, rendered.

Run as a program, `python -m tests.foundry.journey FOLDER ENGINE ADAPTER`, by test_journey.py on every Python there is.
ENGINE is the Python that has the engine, ADAPTER the folder `nuke/` or an installed copy of it. Says what it has seen.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from tests.foundry import plates
from tests.foundry.picture import Bounds
from tests.foundry.shop import NAME, Shop

WIDTH, HEIGHT, FIRST, LAST = 96, 64, 1001, 1004
FORMAT = f'"{WIDTH} {HEIGHT} 0 0 {WIDTH} {HEIGHT} 1 journey"'
HOLE = (40.0, 24.0, 56.0, 40.0)


def wall(folder: Path) -> str:
    """A camera that pans over a smooth wall; what stands in the middle is 50."""
    y, x = np.mgrid[:HEIGHT, : WIDTH + 8 * (LAST - FIRST)].astype(np.float32)
    wide = np.stack([np.sin(x / 5) * np.cos(y / 7), np.sin(x / 9 + y / 6), np.cos(x / 4)], axis=-1) + 1.2
    for frame in range(FIRST, LAST + 1):
        left = 8 * (frame - FIRST)
        picture = np.ascontiguousarray(wide[:, left : left + WIDTH].astype(np.float16))
        picture[26:38, 42:54] = 50
        plates.write(folder / f"plate.{frame}.exr", RGB=picture)
    return f"{folder.as_posix()}/plate.####.exr"


class Day(Shop):
    """A shop with a larger shot."""

    def open_shot(self) -> None:
        pattern = wall(self.folder).replace("[", r"\[")
        self.stage.paste(
            f"Root {{\n inputs 0\n first_frame {FIRST}\n last_frame {LAST}\n format {FORMAT}\n}}\n"
            f"Roto {{\n inputs 0\n output alpha\n format {FORMAT}\n name Matte\n}}\n"
            + plates.reader("set below", FIRST, LAST, more=f"origfirst {FIRST}\n origlast {LAST}")
            + "Dot {\n name Above\n}\n"
        )
        self.nuke.toNode("Plate")["file"].setValue(pattern)
        self.stage.draw("Matte", "rectangle", {FIRST: HOLE}, soft=4)
        node = self.node_beside("Above", "Matte")
        node["device"].setValue("cpu")

    def pixels(self, frame: int, node: str = NAME) -> np.ndarray:
        box = Bounds(0, 0, WIDTH, HEIGHT)
        picture = self.stage.picture(node, frame)
        return np.dstack([picture.plane(f"rgba.{part}", box) for part in ("red", "green", "blue")])

    def matte(self, frame: int) -> np.ndarray:
        return self.stage.picture("Matte", frame).plane("rgba.alpha", Bounds(0, 0, WIDTH, HEIGHT)) > 0


def merged(day: Day, frame: int) -> bool:
    """Outside the matte every bit is the plate's; whether the inside is filled."""
    hidden, found, plate = day.matte(frame), day.pixels(frame), day.pixels(frame, "Above")
    assert 0 < hidden.sum() < hidden.size / 4
    assert np.array_equal(found[~hidden], plate[~hidden]), f"frame {frame} changed outside the matte"
    if np.array_equal(found, plate):
        return False
    assert found[hidden].max() < 10, "what stood there is still there"
    return True


def play(folder: Path, engine: Path, adapter: Path) -> dict:
    """The day; returns what there is to tell of it."""
    script = str(folder / "shot.nk")
    with Day(folder, engine, adapter=adapter) as day:
        day.open_shot()
        day.nuke.scriptSaveAs(script)
        assert not any(merged(day, frame) for frame in range(FIRST, LAST + 1))
        modified = day.stage.times_modified
        day.press("solve")
        day.until(lambda: day.node["solved"].valueAt(FIRST), seconds=100)
        appeared = [frame for frame in range(FIRST, LAST + 1) if merged(day, frame)]
        assert day.stage.times_modified == modified + 1
        day.nuke.scriptSave()
    with Day(folder, engine, adapter=adapter) as day:
        day.nuke.scriptOpen(script)
        day.until(lambda: not day.busy, seconds=100)
        assert day.state.startswith("Finished; "), day.state
        assert all(merged(day, frame) for frame in range(FIRST, LAST + 1))
        assert not day.nuke.root().modified()
        seen = day.stage.picture(NAME, FIRST)
        assert {"confidence.a", "source.frame", "source.u", "source.v", "unseen.a"} <= set(seen.channels)
        day.stage.change(NAME, "grow", 2.0)
        day.stage.change(NAME, "write", "patch")
        day.solve()
        assert day.node["version"].value() == "v002"
        patched = day.pixels(1002)
        beyond = (patched != day.pixels(1002, "Above")).any(axis=2) & ~day.matte(1002)
        assert beyond.any(), "a matte that was grown is shown grown"
        for written in ("overlay", "auto"):
            day.stage.change(NAME, "write", written)
            day.solve()
            assert day.node["patched"].value() == (written == "overlay")
            assert np.array_equal(day.pixels(1002), patched), f"Write at {written} shows another picture"
        day.stage.change(NAME, "version", "v001")
        day.nuke.scriptSave()
    with Day(folder, engine, adapter=adapter, gui=False) as farm:
        farm.nuke.scriptOpen(script)
        farm.stage.paste(
            'Write {\n inputs 0\n file "out.####.exr"\n file_type exr\n datatype "32 bit float"\n name W\n}\n'
        )
        farm.nuke.toNode("W").setInput(0, farm.node)
        farm.nuke.toNode("W")["file"].setValue(str(folder / "out.####.exr").replace("[", r"\["))
        farm.nuke.execute("W", FIRST, LAST)
        assert "aan_nuke.host.engine_monitor" not in sys.modules, "a farm that only reads needs no engine"
        out = plates.read(folder / "out.1003.exr")["R"]
        assert np.array_equal(out[::-1], farm.pixels(1003)[..., 0])
    return {"python": sys.version.split()[0], "appeared": appeared, "state": "Finished"}


if __name__ == "__main__":
    print(json.dumps(play(*map(Path, sys.argv[1:4]))))
