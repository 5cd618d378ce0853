"""A compositor's shop: the adapter in a fake Nuke, a shot with plate and roto, and an engine that can be had.

with Shop(folder, python) as shop:              # the adapter as it lies in the repository, `nuke/`
    shop.shot(1001, 1004)                       # Read + Roto + our node, called AlignAttend1
    shop.press("solve")
    shop.until(lambda: not shop.busy)           # the event loop turns
    shop.red(1002)                              # what the node gives, the top row first
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from tests.foundry import plates
from tests.foundry.picture import Bounds
from tests.foundry.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
NUKE = ROOT / "nuke"
NAME = "AlignAttend1"
STARTED: List[Any] = []  # engines that sessions started; the system is to be told that we know of their end
HOLE = (8.0, 6.0, 20.0, 16.0)


class Shop:
    """One session of Nuke with the adapter; `python` is the interpreter that has the engine."""

    def __init__(
        self,
        folder: Path,
        python: Optional[Path] = None,
        *,
        gui: bool = True,
        version: Tuple[int, int] = (17, 1),
        adapter: Path = NUKE,
        indie: bool = False,
    ) -> None:
        self.folder, self.python, self.adapter = folder, python, adapter
        self.stage = Stage(gui=gui, version=version, indie=indie)

    def __enter__(self) -> Shop:
        forget()
        self.stage.__enter__()
        self.nuke = self.stage.nuke
        self.stage.startup(self.adapter)
        import aan_nuke.engine_timer

        aan_nuke.engine_timer.INTERVAL_MS = 20
        return self

    def impatient(self) -> None:
        """An engine that is gone is missed sooner than an artist would."""
        from aan_nuke.host import engine_monitor, engine_socket

        engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT, engine_monitor.LOOKUP_INTERVAL = 0.2, 0.6, 0.1

    def __exit__(self, *error: Any) -> None:
        engine_timer = sys.modules.get("aan_nuke.engine_timer")
        if engine_timer is not None:
            engine_timer.close_all()
        launch = sys.modules.get("aan_nuke.host.launch")
        if launch is not None:
            STARTED.extend(launch._started)
        self.stage.__exit__(*error)
        forget()

    # -- the script
    def shot(self, first: int, last: int, *, plate: Optional[str] = None, between: str = "", soft: float = 4.0) -> Any:
        """Plate, roto and our node; `between` are nodes after the plate. Saved as shot.nk."""
        pattern = plate or plates.plates(self.folder, range(first, last + 1))
        self.stage.paste(
            f"Root {{\n inputs 0\n first_frame {first}\n last_frame {last}\n format {plates.FORMAT}\n}}\n"
            f"Roto {{\n inputs 0\n output alpha\n format {plates.FORMAT}\n name Matte\n}}\nset M [stack 0]\n"
            + plates.reader("set below", first, last, more=f"origfirst {first}\n origlast {last}")
            + between
            + "Dot {\n name Above\n}\n"
        )
        self.nuke.toNode("Plate")["file"].setValue(pattern.replace("[", r"\[").replace("$", r"\$"))
        x, y, r, t = HOLE
        self.stage.draw("Matte", "ellipse", {first: HOLE, last: (x + 4, y, r + 4, t)}, soft=soft)
        node = self.node_beside("Above", "Matte")
        self.nuke.scriptSaveAs(str(self.folder / "shot.nk"))
        return node

    def node_beside(self, plate: str, matte: str) -> Any:
        """Our node, plugged in as an artist does it."""
        for each in self.nuke.selectedNodes():
            each.setSelected(False)
        node = self.nuke.createNode("AlignAttend", inpanel=False)
        node.setSelected(False)
        node.setInput(0, self.nuke.toNode(plate))
        node.setInput(1, self.nuke.toNode(matte))
        if self.python is not None:
            node["engine"].setValue(str(self.python))
        return node

    @property
    def node(self) -> Any:
        return self.nuke.toNode(NAME)

    def press(self, button: str) -> None:
        self.stage.press(NAME, button)

    def until(self, seen: Callable[[], Any], *, seconds: float = 40.0) -> None:
        """Turns the event loop until something is seen."""
        assert self.stage.run(until=seen, seconds=seconds), (self.state, self.stage.artist.messages)

    @property
    def state(self) -> str:
        return str(self.node["state"].value()) if self.node is not None else "(no node)"

    @property
    def busy(self) -> bool:
        return bool(self.node["job"].value())

    def solve(self) -> None:
        """Solve range, to its end."""
        self.press("solve")
        if self.stage.script.gui:
            self.until(lambda: not self.busy)

    # -- pictures
    def plane(self, channel: str, frame: int, node: str = NAME) -> np.ndarray:
        """One channel of a node over the whole format, the top row first."""
        box = Bounds(0, 0, plates.WIDTH, plates.HEIGHT)
        return self.stage.picture(node, frame).plane(channel, box)[::-1]

    def red(self, frame: int, node: str = NAME) -> np.ndarray:
        return self.plane("rgba.red", frame, node)

    def hidden(self, frame: int) -> np.ndarray:
        """Where the matte is above 0."""
        return self.plane("rgba.alpha", frame, "Matte") > 0

    def is_solved(self, frame: int) -> bool:
        """Whether the node gives the stand-in's fill inside the matte, and outside every bit of the live plate."""
        hidden, red, plate = self.hidden(frame), self.red(frame), self.red(frame, "Above")
        assert 0 < hidden.sum() < hidden.size / 2
        assert np.array_equal(red[~hidden], plate[~hidden]), "a pixel outside the matte is not the plate's"
        filled = bool((red[hidden] == 7 + frame - 1000).all())
        assert filled or np.array_equal(red, plate), "neither solved nor held"
        return filled

    def solved(self, frames: range) -> List[int]:
        """Which of these frames are."""
        return [frame for frame in frames if self.is_solved(frame)]

    def texts(self) -> List[str]:
        """What the artist was told in windows."""
        return list(self.stage.artist.messages)


def forget() -> None:
    """No module of the adapter's is loaded: each session of Nuke starts afresh."""
    for name in [name for name in sys.modules if name.split(".")[0] == "aan_nuke"]:
        del sys.modules[name]
