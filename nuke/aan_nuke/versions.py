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

NAME = "fill.####.exr"
NOTE = "version.json"
PREVIEW = "preview"
RENDERED = "plates"
LEDGERS = ("plate.json", "matte.json", "clean.json", "holdout.json")
_VERSION = re.compile(r"v(\d{3,})")
_FRAME = re.compile(r"fill\.\d+\.exr")
_RESULT = re.compile(r"fill\.(\d+\.exr|report\.json|report\.png)|version\.json")
_RENDERED = re.compile(r"(plate|matte|clean|holdout)\.(\d+\.exr|json)")


class Version(NamedTuple):
    """One result. `reach` is in pixels; `patch` says that only the matte's box was written."""

    name: str
    reach: float = 0.0
    patch: bool = False


def pattern(folder: str, version: str, views: List[str], view: str) -> str:
    """Where a view's frames lie; `%V` as a view stands for all."""
    inner = f"{view}/" if len(views) > 1 else ""
    return f"{folder}/{version}/{inner}{NAME}"


def versions(folder: str) -> List[str]:
    """Every version there is, the preview first, the newest last."""
    with suppress(OSError):
        names = [name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name))]
        numbered = sorted((name for name in names if _VERSION.fullmatch(name)), key=lambda name: int(name[1:]))
        return [name for name in (PREVIEW,) if name in names] + numbered
    return []


def open_version(folder: str, *, reach: float, patch: bool, preview: bool = False) -> Version:
    """A new version, noted on disk.

    Raises:
        HostError: when the folder cannot be written to.
    """
    version = Version(PREVIEW if preview else _next(folder), reach, patch)
    if preview and read(folder, PREVIEW) != version:
        clear(folder, only=PREVIEW)  # what was tried with another reach would be laid over the plate wrongly
    _note(folder, version)
    return version


def joined(folder: str, more: Version) -> Version:
    """A version that is to be completed, which may reach further now.

    Raises:
        HostError: when one is whole frames and the other patches, or the folder cannot be written to.
    """
    there = read(folder, more.name)
    if there.patch != more.patch:
        raise HostError(f"{more.name} was solved with another Write", hint="Solve the range anew.")
    version = Version(more.name, max(there.reach, more.reach), more.patch)
    _note(folder, version)
    return version


def read(folder: str, name: str) -> Version:
    """A version as it was noted."""
    try:
        with open(os.path.join(folder, name, NOTE), encoding="ascii") as file:
            note = json.load(file)
        return Version(name, float(note["reach"]), bool(note["patch"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Version(name)


def frames(folder: str, version: str, views: List[str]) -> List[int]:
    """The frames that are there in every view."""
    found = [set(_numbers(pattern(folder, version, views, view))) for view in views]
    return sorted(set.intersection(*found)) if found else []


def frames_of(folder: str, version: str, views: List[str], view: str) -> List[int]:
    """The frames that are there in one view."""
    return sorted(_numbers(pattern(folder, version, views, view)))


def size(folder: str) -> Tuple[int, int]:
    """How many files of ours, and their bytes."""
    sizes = []
    for path in _ours(folder):
        with suppress(OSError):
            sizes.append(os.path.getsize(path))
    return len(sizes), sum(sizes)


def clear(folder: str, *, only: str = "") -> int:
    """Delete what is ours, of one version or all; whatever else lies there stays. Returns how many files went."""
    gone = 0
    for path in list(_ours(folder, only)):
        with suppress(OSError):
            os.remove(path)
            gone += 1
            _leave(os.path.dirname(path), folder)
    return gone


def _leave(place: str, folder: str) -> None:
    """Take away folders that got empty, up to the node's own."""
    with suppress(OSError):
        while len(place) >= len(folder):
            os.rmdir(place)
            place = os.path.dirname(place)


def _numbers(text: str) -> Iterator[int]:
    taken = parse(text, separators="/")
    with suppress(OSError):
        for name in os.listdir(taken.folder):
            frame = taken.frame_of(name)
            if frame is not None:
                yield frame


def _next(folder: str) -> str:
    """The name of the next version; one that never got a frame is taken again."""
    numbered = [name for name in versions(folder) if name != PREVIEW]
    if numbered and not any(_FRAME.fullmatch(os.path.basename(path)) for path in _ours(folder, numbered[-1])):
        return numbered[-1]
    return f"v{(int(numbered[-1][1:]) if numbered else 0) + 1:03d}"


def _note(folder: str, version: Version) -> None:
    try:
        os.makedirs(os.path.join(folder, version.name), exist_ok=True)
        with open(os.path.join(folder, version.name, NOTE), "w", encoding="ascii") as file:
            json.dump({"reach": version.reach, "patch": version.patch}, file)
    except OSError as error:
        raise HostError(f"{folder} cannot be written to ({error.strerror})", hint="Choose another folder.") from None


def _ours(folder: str, only: str = "") -> Iterator[str]:
    """Files that we wrote: in versions that have our note, and in folders of renders that have our ledgers."""
    for name in [only] if only else versions(folder):
        if os.path.exists(os.path.join(folder, name, NOTE)):
            yield from _below(os.path.join(folder, name), _RESULT)
    for place, _, names in os.walk(os.path.join(folder, RENDERED)) if not only else ():
        if any(name in LEDGERS for name in names):
            yield from (os.path.join(place, name) for name in names if _RENDERED.fullmatch(name))


def _below(top: str, wanted: Pattern[str]) -> Iterator[str]:
    for place, _, names in os.walk(top):
        yield from (os.path.join(place, name) for name in names if wanted.fullmatch(name))
