"""The differences between Blender 4.2 and 5.2 that this add-on has to know. No other module asks for a version.

Strips were called sequences before 5.0, and their handles were renamed in 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

STRIP_TYPE: Any = getattr(bpy.types, "Strip", None) or bpy.types.Sequence  # type: ignore[attr-defined]
"""The class of all strips."""

RELATIVE_PATH: Any = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
"""The options of a path property that may be relative to the .blend file."""

TURNS_MOVIES = bpy.app.version >= (5, 0, 0)
"""Whether movies are shown turned as their files ask; not known of 4.3 to 4.5, which are taken as not."""


def windows() -> Any:
    """All windows of this Blender."""
    manager: Any = bpy.context.window_manager  # the stubs allow None
    return manager.windows


def scene_of(context: bpy.types.Context) -> Any | None:
    """The scene whose timeline the sequencer shows; since 5.0 there may be none."""
    return context.sequencer_scene if hasattr(context, "sequencer_scene") else context.scene


def strips(scene: Any) -> Any:
    """The top-level strips of a scene's timeline, without those inside meta strips. New strips are added here."""
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def all_strips(scene: Any) -> Iterator[Any]:
    """All strips of a scene's timeline, including those inside meta strips."""
    editor = scene.sequence_editor
    if editor is None:
        return iter(())
    return iter(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def active_strip(scene: bpy.types.Scene | None) -> Any | None:
    """The active strip of a scene's timeline."""
    editor = scene.sequence_editor if scene is not None else None
    return editor.active_strip if editor is not None else None


def visible_range(strip: Any) -> tuple[int, int]:
    """The first and last timeline frame that a strip shows."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle) - 1
    return int(strip.frame_final_start), int(strip.frame_final_end) - 1


def content_start(strip: Any) -> int:
    """The timeline frame at which a strip's content begins, even where the handle hides it."""
    return round(strip.content_start if hasattr(strip, "content_start") else strip.frame_start)


def content_duration(strip: Any) -> int:
    """The number of content frames between the two ends given by `content_trim`."""
    return int(strip.content_duration if hasattr(strip, "content_duration") else strip.frame_duration)


def content_trim(strip: Any) -> tuple[int, int]:
    """The number of frames that are cut off a movie's beginning and end, apart from the handles."""
    if hasattr(strip, "content_trim_start"):
        return int(strip.content_trim_start), int(strip.content_trim_end)
    return int(strip.animation_offset_start), int(strip.animation_offset_end)


def is_retimed(strip: Any) -> bool:
    """Whether a strip plays its content at another speed than one frame per frame."""
    keys = getattr(strip, "retiming_keys", ())
    return len(keys) > 2 or getattr(strip, "strobe", 1.0) not in (0.0, 1.0)
