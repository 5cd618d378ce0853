"""What a number in a knob may be instead of a number: keys over time, or an expression; read and written."""

from __future__ import annotations

import bisect
from typing import Any, Dict

from . import words
from .errors import NotInNuke, NotModelled
from .expression import Expression


def written(raw: Any) -> str:
    if isinstance(raw, dict):
        return "{curve %s}" % " ".join(f"x{frame:g} {value:.9g}" for frame, value in sorted(raw.items()))
    return "{%s}" % (words.quote(raw) if " " in raw else raw) if isinstance(raw, str) else f"{raw:.9g}"


def formula(text: str) -> str:
    """The expression between the braces: one Tcl word, quoted where it has spaces; an `i` may follow."""
    parts = [part.text for part in words.split(text)]
    if not parts or parts[1:] not in ([], ["i"]):
        raise NotInNuke(f'an expression with spaces stands in quotes: {{{{"{text}"}}}}')
    return Expression(parts[0]).text


def curve(text: str) -> Dict[float, float]:
    """`curve x1001 1 x1010 5 6`: keys, straight lines between them. Slopes are not modelled."""
    found, frame = {}, None
    for part in text.split()[1:]:
        if part.startswith("x"):
            frame = float(part[1:])
        elif part in ("i", "l", "L", "K"):
            continue
        elif part[0] in "-.0123456789":
            frame = 1.0 if frame is None else frame
            found[frame] = float(part)
            frame += 1
        else:
            raise NotModelled(f"{part!r} in {text!r}")
    return found


def between(keys: Dict[float, float], frame: float) -> float:
    frames = sorted(keys)
    at = bisect.bisect_right(frames, frame)
    if at == 0 or at == len(frames):
        return keys[frames[min(at, len(frames) - 1)]]
    left, right = frames[at - 1], frames[at]
    return keys[left] + (keys[right] - keys[left]) * (frame - left) / (right - left)
