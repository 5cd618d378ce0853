"""Layers and channels: which exist, and what a knob's word means - `rgb`, `rgba.red`, `confidence`, `{rgba -alpha}`."""

from __future__ import annotations

from typing import Dict, List, Sequence

from . import words
from .declared import BUILT_IN_LAYERS
from .errors import NotInNuke

SHORT = {"red": "rgba.red", "green": "rgba.green", "blue": "rgba.blue", "alpha": "rgba.alpha"}
RGB = ("rgba.red", "rgba.green", "rgba.blue")


class Layers:
    """The layers of a running Nuke: they stay from script to script, and only ever grow."""

    def __init__(self) -> None:
        self.known: Dict[str, List[str]] = {name: list(parts) for name, parts in BUILT_IN_LAYERS.items()}

    def add(self, name: str, channels: Sequence[str]) -> None:
        layer = self.known.setdefault(name, [])
        for channel in channels:
            owner, dot, part = channel.rpartition(".")
            if channel == "none":
                continue
            if not dot or owner != name or not part:
                raise NotInNuke(f"layer {name}: a channel is called {name}.something, not {channel!r}")
            if part not in layer:
                layer.append(part)

    def full(self, layer: str) -> List[str]:
        return [f"{layer}.{part}" for part in self.known[layer]]

    def check(self, text: str, where: str) -> None:
        """NotInNuke unless every word of `text` names a channel or layer that exists."""
        for word in self._split(text):
            bare = word.lstrip("-")
            if bare in ("none", "all", "rgb", "rgba", *SHORT) or bare in self.known:
                continue
            layer, _, part = bare.partition(".")
            if part not in self.known.get(layer, ()):
                raise NotInNuke(
                    f"{where}: there is no channel or layer {bare!r}; `nuke.Layer` or `add_layer` makes one"
                )

    def channels(self, text: str, present: Sequence[str]) -> List[str]:
        """The channels that `text` means, in order. `all` is what is `present`."""
        found: List[str] = []
        for word in self._split(text):
            bare = word.lstrip("-")
            if bare == "none":
                continue
            if bare == "all":
                named = list(present)
            elif bare == "rgb":
                named = list(RGB)
            elif bare in self.known:
                named = self.full(bare)
            else:
                named = [SHORT.get(bare, bare)]
            if word.startswith("-"):
                found = [each for each in found if each not in named]
            else:
                found += [each for each in named if each not in found]
        return found

    def one(self, text: str) -> str:
        """The one channel a single-channel knob means; "" for none."""
        found = self.channels(text, ())
        if len(found) > 1:
            raise NotInNuke(f"one channel is asked for, {text!r} means {found}")
        return found[0] if found else ""

    @staticmethod
    def _split(text: str) -> List[str]:
        return [word.text for word in words.split(text)]
