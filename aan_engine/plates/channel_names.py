"""The names of channels: layers, and how programs spell red, green, blue and alpha.

Convention: a channel's name is `layer.last` or `last` alone; the layer may hold further dots (`ViewLayer.Combined.R`).
A channel without a layer is called plain. EXR names are case-sensitive: `R` and `r` are two channels.
"""

from __future__ import annotations

from collections.abc import Iterable

RGBA_SPELLINGS = (
    ("R", "G", "B", "A"),
    ("r", "g", "b", "a"),
    ("red", "green", "blue", "alpha"),
    ("Red", "Green", "Blue", "Alpha"),
    ("RED", "GREEN", "BLUE", "ALPHA"),
)
"""Red, green, blue and alpha, as OpenEXR, renderers and compositing programs spell them."""

_ALPHA_OF = {red: alpha for red, _, _, alpha in RGBA_SPELLINGS}
_ALPHAS = frozenset(_ALPHA_OF.values())
_SHORT = dict(zip(RGBA_SPELLINGS[2], RGBA_SPELLINGS[1], strict=True))
_DEPTHS = ("z", "zback", "depth")
_IDS = "crypto"

Triple = tuple[str, str, str]


def split(name: str) -> tuple[str, str]:
    """The layer and the last component of a channel's name; the layer of a plain channel is empty."""
    layer, _, last = name.rpartition(".")
    return layer, last


def rgb_layers(names: Iterable[str]) -> dict[str, Triple]:
    """The layers that have red, green and blue in one spelling: layer -> the names of the three channels.

    They are in the order of their first channel; where a layer has two spellings, the first of `RGBA_SPELLINGS` counts.
    """
    lasts: dict[str, set[str]] = {}
    for name in names:
        layer, last = split(name)
        lasts.setdefault(layer, set()).add(last)
    found: dict[str, Triple] = {}
    for layer, there in lasts.items():
        for red, green, blue, _ in RGBA_SPELLINGS:
            if {red, green, blue} <= there:
                dot = "." if layer else ""
                found[layer] = (f"{layer}{dot}{red}", f"{layer}{dot}{green}", f"{layer}{dot}{blue}")
                break
    return found


def alpha_beside(first: str) -> str:
    """The name of the alpha that belongs to a picture, spelled as its first channel (red or luminance) is."""
    layer, last = split(first)
    alpha = _ALPHA_OF.get(last, "A")
    return f"{layer}.{alpha}" if layer else alpha


def is_alpha(name: str) -> bool:
    """Whether a channel is an alpha, by its last component."""
    return split(name)[1] in _ALPHAS


def any_spelling(name: str) -> str:
    """A name in one form for all cases and spellings: `Roto.Red` and `roto.R` are both `roto.r`."""
    layer, last = split(name.casefold())
    last = _SHORT.get(last, last)
    return f"{layer}.{last}" if layer else last


def is_depth_or_id(name: str) -> bool:
    """Whether a channel holds a distance or hashed object numbers (Cryptomatte), by its name: no coverage."""
    layer, last = split(name)
    return last.lower() in _DEPTHS or layer.rpartition(".")[2].lower().startswith(_IDS)
