"""The files of a node on disk: versions of its result, rendered inputs, and their size. Imports no Nuke.

<folder>/v001/fill.1001.exr     or, with several views, <folder>/v001/left/fill.1001.exr
<folder>/v001/version.json      how far the result extends beyond the matte, whether it is a patch, and of what layers
<folder>/preview/...            single frames, to try the settings
<folder>/plates/...             inputs rendered for the engine, see `render_inputs`
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
    """One result: its reach in pixels, whether it is a patch with alpha, and whether more is filled than rgb."""

    name: str
    reach: float = 0.0
    patch: bool = False
    layered: bool = False


def frame_pattern(folder: str, version: str, views: List[str], view: str) -> str:
    """The pattern of a view's frames; `%V` as a view stands for all."""
    inner = f"{view}/" if len(views) > 1 else ""
    return f"{folder}/{version}/{inner}{FRAME_FILES}"


def list_versions(folder: str) -> List[str]:
    """All versions on disk, the preview first, the newest last."""
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))]
        numbered = sorted((name for name in names if _VERSION_NAME.fullmatch(name)), key=lambda name: int(name[1:]))
        return [name for name in (PREVIEW,) if name in names] + numbered
    return []


def create_version(
    folder: str, *, reach: float, patch: bool, layered: bool = False, preview: bool = False
) -> ResultVersion:
    """Make a new version with its version file.

    Raises:
        HostError: when the folder cannot be written to.
    """
    version = ResultVersion(PREVIEW if preview else _next_name(folder), reach, patch, layered)
    if preview and read_version(folder, PREVIEW) != version:
        delete_files(folder, only=PREVIEW)  # frames with another reach would be merged wrongly
    _write_version_file(folder, version)
    return version


def extend_version(folder: str, other: ResultVersion) -> ResultVersion:
    """A version that is to be completed, with the larger reach of the two.

    Raises:
        HostError: when one is whole frames and the other patches, or only one fills more than rgb, or the folder
            cannot be written to.
    """
    existing = read_version(folder, other.name)
    if existing.patch != other.patch:
        raise HostError(f"{other.name} was solved with another Write", hint="Solve the range anew.")
    if existing.layered != other.layered:
        raise HostError(f"{other.name} was solved with other layers", hint="Solve the range anew.")
    version = other._replace(reach=max(existing.reach, other.reach))
    _write_version_file(folder, version)
    return version


def read_version(folder: str, name: str) -> ResultVersion:
    """A version from its version file; the defaults where that cannot be read."""
    try:
        with open(os.path.join(folder, name, VERSION_FILE), encoding="ascii") as file:
            saved = json.load(file)
        return ResultVersion(name, float(saved["reach"]), bool(saved["patch"]), bool(saved.get("layered")))
    except (OSError, ValueError, KeyError, TypeError):
        return ResultVersion(name)


def complete_frames(folder: str, version: str, views: List[str]) -> List[int]:
    """The frames that exist in every view."""
    found = [set(_frame_numbers(frame_pattern(folder, version, views, view))) for view in views]
    return sorted(set.intersection(*found)) if found else []


def frames_of_view(folder: str, version: str, views: List[str], view: str) -> List[int]:
    """The frames that exist in one view."""
    return sorted(_frame_numbers(frame_pattern(folder, version, views, view)))


def disk_usage(folder: str) -> Tuple[int, int]:
    """The number of files that this plug-in wrote, and their bytes."""
    sizes = []
    for path in _own_files(folder):
        with suppress(OSError):
            sizes.append(os.path.getsize(path))
    return len(sizes), sum(sizes)


def delete_files(folder: str, *, only: str = "") -> int:
    """Delete the files that this plug-in wrote, of one version or all, and no others. Returns their number."""
    deleted = 0
    for path in list(_own_files(folder, only)):
        with suppress(OSError):
            os.remove(path)
            deleted += 1
            _remove_empty_folders(os.path.dirname(path), folder)
    return deleted


def _remove_empty_folders(folder_path: str, folder: str) -> None:
    """Remove empty folders, from this one up to the node's own."""
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
    """The next version's name. A version without any frame is used again."""
    numbered = [name for name in list_versions(folder) if name != PREVIEW]
    if numbered and not any(_FRAME_NAME.fullmatch(os.path.basename(path)) for path in _own_files(folder, numbered[-1])):
        return numbered[-1]
    return f"v{(int(numbered[-1][1:]) if numbered else 0) + 1:03d}"


def _write_version_file(folder: str, version: ResultVersion) -> None:
    try:
        os.makedirs(os.path.join(folder, version.name), exist_ok=True)
        with open(os.path.join(folder, version.name, VERSION_FILE), "w", encoding="ascii") as file:
            json.dump({"reach": version.reach, "patch": version.patch, "layered": version.layered}, file)
    except OSError as error:
        raise HostError(f"{folder} cannot be written to ({error.strerror})", hint="Choose another folder.") from None


def _own_files(folder: str, only: str = "") -> Iterator[str]:
    """The files that this plug-in wrote: only in folders with a version file or a state file."""
    for name in [only] if only else list_versions(folder):
        if os.path.exists(os.path.join(folder, name, VERSION_FILE)):
            yield from _matching_files(os.path.join(folder, name), _RESULT_NAME)
    for folder_path, _, names in os.walk(os.path.join(folder, RENDER_FOLDER)) if not only else ():
        if any(name in STATE_FILES for name in names):
            yield from (os.path.join(folder_path, name) for name in names if _RENDER_NAME.fullmatch(name))


def _matching_files(top: str, wanted: Pattern[str]) -> Iterator[str]:
    for folder_path, _, names in os.walk(top):
        yield from (os.path.join(folder_path, name) for name in names if wanted.fullmatch(name))
