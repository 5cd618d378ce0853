"""The node without an interface: it blocks until it is done, and on a farm reads what is there."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from tests.foundry import plates, tree
from tests.foundry.midjob import ALL, begun
from tests.foundry.shop import NAME, Shop

pytestmark = [
    pytest.mark.skipif(tree.TCL is None, reason="tclsh"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for a Python is a shell script"),
]


class TestWithoutInterface:
    """`nuke -t` and `nuke -x`."""

    def test_solve_comes_back_when_it_is_done(self, tmp_path, engine):
        with Shop(tmp_path, engine.python, gui=False) as shop:
            shop.shot(1001, 1004)
            shop.press("solve")
            assert shop.solved(ALL) == list(ALL)
            assert any("Finished" in line for line in shop.stage.artist.prints)

    def test_what_goes_wrong_is_raised_so_that_a_farm_sees_it(self, tmp_path, engine):
        with Shop(tmp_path, engine.python, gui=False) as shop:
            shop.shot(1001, 1004)
            shop.node["grow"].setValue(500)
            with pytest.raises(RuntimeError, match="choose a number"):
                shop.press("solve")

    def test_a_farm_reads_what_is_there_and_starts_nothing(self, shop, engine, tmp_path):
        begun(shop, engine)
        shop.nuke.scriptSave()
        shop.press("cancel")
        shop.until(lambda: not shop.busy)
        shop.__exit__()
        engine.kill()
        with Shop(tmp_path, engine.python, gui=False) as farm:
            farm.nuke.scriptOpen(str(tmp_path / "shot.nk"))
            assert farm.solved(ALL) == [1001, 1002]
            assert farm.stage.artist.prints == [
                f"{NAME}: 2 frames of its range are not solved, from 1003 on; plate shows"
            ]
            assert "aan_nuke.host.engine_monitor" not in sys.modules
            assert not engine.lives
            shop.stage, shop.nuke = farm.stage, farm.nuke

    @pytest.mark.parametrize("asked_by", ["knob", "variable"])
    def test_a_farm_solves_when_asked_to(self, tmp_path, engine, monkeypatch, asked_by):
        with Shop(tmp_path, engine.python) as shop:
            shop.shot(1001, 1002)
            shop.node["solve_on_farm"].setValue(asked_by == "knob")
            shop.nuke.scriptSave()
        if asked_by == "variable":
            monkeypatch.setenv("AAN_NUKE_SOLVE", "1")
        with Shop(tmp_path, engine.python, gui=False) as farm:
            farm.nuke.scriptOpen(str(tmp_path / "shot.nk"))
            assert farm.solved(range(1001, 1003)) == [1001, 1002]
            farm.stage.paste(f'Write {{\n inputs 0\n file "{tmp_path}/out.####.exr"\n file_type exr\n name W\n}}\n')
            farm.nuke.toNode("W").setInput(0, farm.node)
            farm.nuke.execute("W", 1001, 1002)
            assert np.array_equal(plates.read(tmp_path / "out.1002.exr")["R"].astype(np.float32), farm.red(1002))

    def test_an_engine_that_dies_meanwhile_is_started_again(self, tmp_path, engine):
        import threading

        from plugin_host import connection_file

        with Shop(tmp_path, engine.python, gui=False) as shop:
            shop.impatient()
            shop.shot(1001, 1004)
            engine.hold_at(1003)

            def kill() -> None:
                folder = tmp_path / "align_attend"
                while not list(folder.rglob("fill.1002.exr")):
                    threading.Event().wait(0.02)
                assert connection_file.read() is not None
                engine.kill()
                engine.go_on()

            killer = threading.Thread(target=kill)
            killer.start()
            shop.press("solve")
            killer.join(10)
            assert shop.solved(ALL) == list(ALL)
