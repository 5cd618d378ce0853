"""Nuke as a host: our node in the fake Nuke, its buttons pressed, its script closed and opened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.foundry import plates
from tests.foundry.shop import Shop
from tests.host.compliance.host import CANCELLED, FAILED, FINISHED, FRAMES, LOST

ENDS = {
    **{"Finished": FINISHED, "Cancelled": CANCELLED, "Failed": FAILED, "No engine": FAILED},
    **{"Interrupted": LOST, "Nuke cannot": FAILED},
}


class Nuke:
    """One session after another."""

    def __init__(self, folder: Path, engine: Any) -> None:
        self.folder, self.engine = folder, engine
        self._shop = self._open()
        nuke = self._shop.nuke
        for name in ("plate", "matte"):
            pattern = f"{folder.as_posix()}/{name}.####.exr"
            self._shop.stage.paste(plates.reader(pattern, FRAMES[0], FRAMES[-1], name=name.capitalize()))
        nuke.root()["first_frame"].setValue(FRAMES[0])
        nuke.root()["last_frame"].setValue(FRAMES[-1])
        self._shop.node_beside("Plate", "Matte")
        nuke.scriptSaveAs(str(folder / "shot.nk"))

    def _open(self) -> Shop:
        shop = Shop(self.folder, self.engine.python)
        shop.__enter__()
        shop.impatient()
        return shop

    def submit(self) -> None:
        self._shop.press("solve")
        self._shop.nuke.scriptSave()

    def look(self) -> None:
        self._shop.stage.run()
        time.sleep(0.005)

    def frames(self) -> list[int]:
        return [frame for frame in FRAMES if self._shop.node["solved"].valueAt(frame)]

    def file(self, frame: int) -> Path:
        return Path(self._shop.node.node("Result")["file"].evaluate().replace("####", str(frame)))

    def ended(self) -> str:
        if self._shop.state.startswith("Interrupted"):
            return LOST
        return "" if self._shop.busy else next(end for start, end in ENDS.items() if self._shop.state.startswith(start))

    def words(self) -> str:
        return self._shop.state

    def cancel(self) -> None:
        self._shop.press("cancel")

    def leave(self) -> None:
        if self._shop.nuke.root().modified():  # Nuke asks, and she says yes
            self._shop.nuke.scriptSave()
        self._shop.__exit__()

    def come_back(self) -> None:
        self._shop = self._open()
        self._shop.nuke.scriptOpen(str(self.folder / "shot.nk"))

    def again(self) -> None:
        self._shop.press("solve_missing")

    def close(self) -> None:
        self._shop.__exit__()
