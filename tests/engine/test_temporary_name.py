"""Temporary names: as long as a file system allows and no longer, and known again after a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aan_engine.core.temporary_name import is_temporary_of, temporary_path


@pytest.mark.parametrize("name", ["o.1001.exr", "x" * 238 + ".1001.exr", "x" * 251 + ".exr", "ü" * 122 + ".1001.exr"])
def test_a_temporary_file_can_be_made_beside_any_name_that_is_allowed(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    assert len(os.fsencode(name)) <= 255
    made = temporary_path(target)
    made.write_text("half")
    made.replace(target)
    assert made.parent == tmp_path
    assert made.name.startswith(".")
    assert made.name.endswith(".part")
    os.fsencode(made.name).decode("utf-8")  # no character was cut in two
    assert temporary_path(target) != made


@pytest.mark.parametrize("head", ["o.", "x" * 238 + ".", "ü" * 118 + "."])
def test_a_temporary_file_is_known_by_its_target_s_name(tmp_path: Path, head: str) -> None:
    def is_target(name: str) -> bool:
        return name.startswith(head) and name.endswith(".exr") and name[len(head) : -4].isdigit()

    made = temporary_path(tmp_path / f"{head}1001.exr").name
    assert is_temporary_of(made, is_target, head=head)
    assert not is_temporary_of(made, is_target=lambda name: name == "other.1001.exr", head="other.")


@pytest.mark.parametrize("name", ["o.exr", ".o.1001.exr", ".o.part", "o.exr.12ab34cd.part", ".part", ".~.part"])
def test_other_names_are_no_temporary_ones(name: str) -> None:
    assert not is_temporary_of(name, lambda target: True, head="o.")


def test_the_end_of_a_short_name_does_not_pass_for_a_long_one_s(tmp_path: Path) -> None:
    made = temporary_path(tmp_path / "1001.exr").name
    assert not is_temporary_of(made, lambda name: name == "o.1001.exr", head="o.")
