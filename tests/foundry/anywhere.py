"""What every Python from 3.9 on must do with the fake: a script with plate, roto and a group, rendered and reopened.

Run as a program, `python -m tests.foundry.anywhere FOLDER`, by test_every_python.py.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Callable, List

import numpy as np
from tests.foundry import checker, plates
from tests.foundry.errors import WrongThread
from tests.foundry.stage import Stage

SCRIPT = f"""
Root {{
 inputs 0
 format {plates.FORMAT}
}}
Roto {{
 inputs 0
 output alpha
 format {plates.FORMAT}
 name Matte
}}
%s
Group {{
 inputs 2
 name Clean
 addUserKnob {{22 solve l Solve T "nuke.thisNode()\\['done'].setValue(True)"}}
 addUserKnob {{6 done l Done}}
}}
 Input {{
  inputs 0
  name matte
  number 1
 }}
 Expression {{
  expr3 "a > 0"
  name Hard
 }}
 Constant {{
  inputs 0
  channels rgb
  color 7
  name Result
 }}
 Input {{
  inputs 0
  name plate
 }}
 Keymix {{
  inputs 3
  bbox B
  name Keymix1
  disable {{{{!parent.done}}}}
 }}
 Output {{
  name Output1
 }}
end_group
Write {{
 file "%s/out.####.exr"
 file_type exr
 channels rgb
 name W
}}
"""


def play(folder: Path) -> None:
    """The plate passes until the button is pressed, then the matte's inside is the result; so it is when reopened."""
    text = SCRIPT % (plates.reader(plates.plates(folder, range(1001, 1003)), 1001, 1002), folder.as_posix())
    assert not checker.check_text(text), checker.check_text(text)
    for version in ((14, 0), (17, 1)):
        with Stage(version=version) as stage:
            import nuke  # type: ignore[import-not-found]

            stage.paste(text)
            stage.draw("Matte", "ellipse", {1001: (4, 4, 16, 16), 1002: (8, 4, 20, 16)}, soft=3)
            nuke.execute("W", 1001, 1001)
            assert np.array_equal(plates.read(folder / "out.1001.exr")["R"], plates.noise(1001)[..., 0])
            stage.press("Clean", "solve")
            stage.reopen(folder / "shot.nk")
            nuke.execute("W", 1002, 1002)
            red, matte = plates.read(folder / "out.1002.exr")["R"], stage.picture("Matte", 1002)
            inside = matte.over(stage.picture("Plate", 1002).box).channels["rgba.alpha"][::-1] > 0
            assert inside.any()
            assert not inside.all()
            assert (red[inside] == 7).all()
            assert np.array_equal(red[~inside], plates.noise(1002)[..., 0][~inside])
            assert _elsewhere(lambda: nuke.toNode("W")) is WrongThread


def _elsewhere(work: Callable[[], object]) -> object:
    """The kind of finding that `work` ends with in another thread."""
    caught: List[object] = [None]

    def run() -> None:
        try:
            work()
        except AssertionError as error:
            caught[0] = type(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return caught[0]


if __name__ == "__main__":
    play(Path(sys.argv[1]))
