"""What a node keeps on disk: its folder, the versions of its result, how large they are. Knows names and files only.

<folder>/v001/fill.1001.exr     or, with several views, <folder>/v001/left/fill.1001.exr
<folder>/v001/version.json      how far it reaches beyond the matte, and whether it is a patch
<folder>/preview/...            single frames, to try the settings
<folder>/plates/...             what was rendered for the engine, see `darkroom`
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import Iterator, List, NamedTuple, Pattern, Tuple

from .host.errors import HostError
from .host.sequence import parse

FRAME_FILES = "fill.####.exr"
VERSION_FILE = "version.json"
PREVIEW = "preview"
RENDER_FOLDER = "plates"
STATE_FILES = ("plate.json", "matte.json", "clean.json", "holdout.json")
_VERSION_NAME = re.compile(r"v(\d{3,})")
_FRAME_NAME = re.compile(r"fill\.\d+\.exr")
_RESULT_NAME = re.compile(r"fill\.(\d+\.exr|report\.json|report\.png)|version\.json")
_RENDER_NAME = re.compile(r"(plate|matte|clean|holdout)\.(\d+\.exr|json)")


class ResultVersion(NamedTuple):
    """One result. `reach` is in pixels; `patch` says that only the matte's box was written."""

    name: str
    reach: float = 0.0
    patch: bool = False


def frame_pattern(folder: str, version: str, views: List[str], view: str) -> str:
    """Where a view's frames lie; `%V` as a view stands for all."""
    inner = f"{view}/" if len(views) > 1 else ""
    return f"{folder}/{version}/{inner}{FRAME_FILES}"


def list_versions(folder: str) -> List[str]:
    """Every version there is, the preview first, the newest last."""
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))]
        numbered = sorted((name for name in names if _VERSION_NAME.fullmatch(name)), key=lambda name: int(name[1:]))
        return [name for name in (PREVIEW,) if name in names] + numbered
    return []


def create_version(folder: str, *, reach: float, patch: bool, preview: bool = False) -> ResultVersion:
    """A new version, noted on disk.

    Raises:
        HostError: when the folder cannot be written to.
    """
    version = ResultVersion(PREVIEW if preview else _next_name(folder), reach, patch)
    if preview and read_version(folder, PREVIEW) != version:
        delete_files(folder, only=PREVIEW)  # what was tried with another reach would be laid over the plate wrongly
    _write_version_file(folder, version)
    return version


def extend_version(folder: str, other: ResultVersion) -> ResultVersion:
    """A version that is to be completed, which may reach further now.

    Raises:
        HostError: when one is whole frames and the other patches, or the folder cannot be written to.
    """
    existing = read_version(folder, other.name)
    if existing.patch != other.patch:
        raise HostError(f"{other.name} was solved with another Write", hint="Solve the range anew.")
    version = ResultVersion(other.name, max(existing.reach, other.reach), other.patch)
    _write_version_file(folder, version)
    return version


def read_version(folder: str, name: str) -> ResultVersion:
    """A version as it was noted."""
    try:
        with open(os.path.join(folder, name, VERSION_FILE), encoding="ascii") as file:
            note = json.load(file)
        return ResultVersion(name, float(note["reach"]), bool(note["patch"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ResultVersion(name)


def complete_frames(folder: str, version: str, views: List[str]) -> List[int]:
    """The frames that are there in every view."""
    found = [set(_frame_numbers(frame_pattern(folder, version, views, view))) for view in views]
    return sorted(set.intersection(*found)) if found else []


def frames_of_view(folder: str, version: str, views: List[str], view: str) -> List[int]:
    """The frames that are there in one view."""
    return sorted(_frame_numbers(frame_pattern(folder, version, views, view)))


def disk_usage(folder: str) -> Tuple[int, int]:
    """How many files of ours, and their bytes."""
    sizes = []
    for path in _own_files(folder):
        with suppress(OSError):
            sizes.append(os.path.getsize(path))
    return len(sizes), sum(sizes)


def delete_files(folder: str, *, only: str = "") -> int:
    """Delete what is ours, of one version or all; whatever else lies there stays. Returns how many files went."""
    deleted = 0
    for path in list(_own_files(folder, only)):
        with suppress(OSError):
            os.remove(path)
            deleted += 1
            _remove_empty_folders(os.path.dirname(path), folder)
    return deleted


def _remove_empty_folders(folder_path: str, folder: str) -> None:
    """Take away folders that got empty, up to the node's own."""
    with suppress(OSError):
        while len(folder_path) >= len(folder):
            os.rmdir(folder_path)
            folder_path = os.path.dirname(folder_path)


def _frame_numbers(text: str) -> Iterator[int]:
    sequence = parse(text, separators="/")
    with suppress(OSError):
        for name in os.listdir(sequence.folder):
            frame = sequence.frame_of(name)
            if frame is not None:
                yield frame


def _next_name(folder: str) -> str:
    """The name of the next version; one that never got a frame is taken again."""
    numbered = [name for name in list_versions(folder) if name != PREVIEW]
    if numbered and not any(_FRAME_NAME.fullmatch(os.path.basename(path)) for path in _own_files(folder, numbered[-1])):
        return numbered[-1]
    return f"v{(int(numbered[-1][1:]) if numbered else 0) + 1:03d}"


def _write_version_file(folder: str, version: ResultVersion) -> None:
    try:
        os.makedirs(os.path.join(folder, version.name), exist_ok=True)
        with open(os.path.join(folder, version.name, VERSION_FILE), "w", encoding="ascii") as file:
            json.dump({"reach": version.reach, "patch": version.patch}, file)
    except OSError as error:
        raise HostError(f"{folder} cannot be written to ({error.strerror})", hint="Choose another folder.") from None


def _own_files(folder: str, only: str = "") -> Iterator[str]:
    """Files that we wrote: in versions that have our note, and in folders of renders that have our ledgers."""
    for name in [only] if only else list_versions(folder):
        if os.path.exists(os.path.join(folder, name, VERSION_FILE)):
            yield from _matching_files(os.path.join(folder, name), _RESULT_NAME)
    for folder_path, _, names in os.walk(os.path.join(folder, RENDER_FOLDER)) if not only else ():
        if any(name in STATE_FILES for name in names):
            yield from (os.path.join(folder_path, name) for name in names if _RENDER_NAME.fullmatch(name))


def _matching_files(top: str, wanted: Pattern[str]) -> Iterator[str]:
    for folder_path, _, names in os.walk(top):
        yield from (os.path.join(folder_path, name) for name in names if wanted.fullmatch(name))
