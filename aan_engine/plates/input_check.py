"""What was understood of a job's inputs, before anything is computed: from headers and a few mattes.

Whatever makes a job fail because of its channels, names or sizes shows here, before networks are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.plates import extra_layers, matte, matte_choice, picture_layer, reader
from aan_engine.plates.input_summary import InputSummary, percent
from aan_engine.plates.shot_channels import ShotChannels
from aan_engine.shot import Controls, Shot

LARGE = 0.6
"""Share of the picture from which on an artist is warned that the matte hides much."""

OUTSIDE, SIDE, BORDER = 0.5, 0.5, 0.75
"""Shares from which on a frame's matte hides the outside: of the frame, of each of its four sides, and of its whole
border. A frame drawn around the picture hides less of it, a hole of full height or width less of the border."""


@dataclass
class _Look:
    """What the mattes that were looked at hide: the share of each, those that hide the outside, their extremes."""

    shares: list[float] = field(default_factory=list)
    outside: int = 0
    partly: int = 0
    peak: float = 0.0
    least: float = 1.0

    def add(self, coverage: Array, hidden: Mask) -> None:
        self.peak = max(self.peak, float(coverage.max(initial=0)))
        self.least = min(self.least, float(coverage.min(initial=1)))
        self.shares.append(float(hidden.mean()))
        if 0 < self.shares[-1] < 1:
            self.partly += 1
            self.outside += hides_outside(hidden)

    @property
    def hides(self) -> bool:
        return any(self.shares)

    @property
    def share(self) -> float:
        return float(np.mean(self.shares)) if self.shares else 0.0


def inspect(shot: Shot, *, device: str, channels: ShotChannels | None = None) -> InputSummary:
    """What was understood of a shot's inputs.

    Args:
        device: "CPU" or "GPU", on which it is filled.
        channels: what is read of the files, where that was decided before.

    Raises:
        PlateError, MatteError, ShotError: as the job itself would end: a layer or channel that is not there or not
            clear, a sampled file that is missing or damaged, or a matte of another size.
    """
    channels = channels or ShotChannels(shot)
    first = shot.plates[0]
    description = reader.describe(first.path, frame=first.frame)
    picture = channels.picture.find_in(description, frame=first.frame)
    part = description.parts[picture.part]
    colour = reader.colour_name(first.path, frame=first.frame, colorspace=shot.controls.colorspace)
    others = picture_layer.candidates(description, view=channels.picture.view)
    _check_sample(shot, channels)
    look = _look(channels, display=part.display_window)
    return InputSummary(
        frames=tuple(target.frame for target in shot.targets),
        shape=part.display_window.shape,
        precision="half" if {dict(part.channels)[name] for name in picture.names} == {"half"} else "float",
        colour=colour,
        picture=channels.picture.label if len(others) > 1 or not channels.picture.plain else "",
        matte=channels.matte.text,
        hidden=look.share,
        device=device,
        notes=(*description.notes, *filter(None, [extra_layers.note(description, picture, shot.controls.fill_layers)])),
        warnings=(*description.warnings, *_warnings(look, shot.controls)),
    )


def hides_outside(hidden: Mask) -> bool:
    """Whether a matte hides what surrounds an island, as one does that is black where it should be white.

    Args:
        hidden: (H, W) bool.
    """
    if hidden.all() or hidden.mean() < OUTSIDE:
        return False
    sides = (hidden[0], hidden[-1], hidden[:, 0], hidden[:, -1])
    return bool(min(side.mean() for side in sides) >= SIDE and np.concatenate(sides).mean() >= BORDER)


def _check_sample(shot: Shot, channels: ShotChannels) -> None:
    """Find the picture in a sample of the targets, and decide on the mattes beside the one that hides."""
    for target in matte_choice.spread(shot.targets):
        channels.picture.find_in(reader.describe(target.path, frame=target.frame), frame=target.frame)
    _ = channels.holdout, channels.exclude


def _look(channels: ShotChannels, *, display: Box) -> _Look:
    """Look at a sample of the targets' mattes, and at further ones while nothing is hidden."""
    look, levels = _Look(), replace(channels.levels, floor=0.0)
    sample = matte_choice.spread(channels.target_mattes)
    rest = [file for file in channels.target_mattes if file not in set(sample)]
    for number, file in enumerate([*sample, *rest]):
        if number >= len(sample) and look.hides:
            break
        like = matte.WholeFrame(display)
        coverage = matte.read(
            file.path, frame=file.frame, channel=channels.matte, like=like, levels=levels, index=file.index
        )
        look.add(coverage, coverage > channels.levels.visible_from)
    return look


def _warnings(look: _Look, controls: Controls) -> tuple[str, ...]:
    found = []
    if not look.hides:
        below = f", and its greatest value, {look.peak:.3g}, is not above {controls.matte_floor:.3g} (--matte-floor)"
        found.append("the matte hides nothing: the result is the plate" + (below if look.peak > 0 else ""))
    if look.share > LARGE:
        lifted = controls.matte_floor < look.least < look.peak
        above = f", and its least value, {look.least:.3g}, is above 0 (--matte-low)" if lifted else ""
        found.append(f"the matte hides {percent(look.share)} of the picture{above}")
    if look.partly and 2 * look.outside > look.partly:
        option = "--no-matte-invert" if controls.matte_invert else "--matte-invert"
        found.append(f"is the matte inverted? It hides the outside: {option}")
    return tuple(found)
