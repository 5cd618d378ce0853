"""Ablated parts: selection and rendering without one of their parts.

Parts of rendering are stages, or options of one: `stages` is what `pipeline.fill` takes as its argument of that name.
Parts inside a stage, and those of selection, have no argument: `left_out` replaces one function of each while it lasts,
in this process. A part's replacement does what its absence would: it returns what it was given, or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import Any

import numpy as np

from aan_engine.core.types import Array, Mask
from aan_engine.rendering.finisher import STAGES
from aan_engine.rendering.regrain import add_grain, denoise_repeated
from aan_engine.rendering.second_sample import SecondSampler
from aan_engine.rendering.static_camera import swap_static
from aan_engine.rendering.target import Stage
from aan_engine.rendering.warp import Warp
from aan_engine.selection import selector
from aan_engine.selection.light_match import NO_LIGHT_CHANGE, match_light


class AblatedPart(Enum):
    """What can be left out of a fill, beside the kinds of candidates."""

    EDGE_ALIGNMENT = "edge alignment"
    """Positions refined along the hole's edge at full resolution; only where plates are larger than their proxies."""
    DEFOCUS_MATCH = "defocus match"
    """Copies softened to the target's defocus."""
    STATIC_SWAP = "static-camera swap"
    """Before a static camera, copies from frames that no neighbouring target copies from."""
    SECOND_SAMPLE = "second sample"
    """A second frame that shows a repeated copy, to tell its grain from its structure."""
    DENOISING = "denoising"
    """Repeated copies without their grain, so that it does not stand still."""
    ADDED_GRAIN = "added grain"
    """Fresh grain where it is lacking; without it nothing is denoised either."""
    POISSON_JOIN = "Poisson join"
    """The correction that joins copies with the target and each other."""
    LOCAL_LIGHT = "local light match"
    """An exposure that varies over the picture, beside the global change."""
    LIGHT_MATCH = "light match"
    """Both, the global change of light and the local exposure."""
    DIRECTION_BALANCE = "direction balancing"
    """Weights balanced between earlier and later copies."""
    FAINT_SUPPRESSION = "suppression of faint synthesis"
    """Small weights of the synthesised candidate set to 0."""


_STAGES_OF: dict[AblatedPart, frozenset[Stage]] = {
    AblatedPart.STATIC_SWAP: frozenset({swap_static}),
    AblatedPart.DENOISING: frozenset({denoise_repeated}),
    AblatedPart.ADDED_GRAIN: frozenset({denoise_repeated, add_grain}),
}


def stages(without: Collection[AblatedPart]) -> tuple[Stage, ...]:
    """The stages of rendering, in their order, without these parts."""
    omitted = frozenset[Stage]().union(*(_STAGES_OF.get(part, frozenset()) for part in without))
    warp = Warp(
        align_edges=AblatedPart.EDGE_ALIGNMENT not in without, match_defocus=AblatedPart.DEFOCUS_MATCH not in without
    )
    return (warp, *(stage for stage in STAGES[1:] if stage not in omitted))


def _no_correction(target: Array, hidden: Mask, *, images: Array, weights: Array) -> Array:
    return np.zeros_like(target)


def _global_only(*args: Any, local: bool, **options: Any) -> Any:
    return match_light(*args, local=False, **options)


_REPLACEMENTS: dict[AblatedPart, tuple[object, str, object]] = {
    AblatedPart.SECOND_SAMPLE: (SecondSampler, "is_exact", property(lambda sampler: False)),
    AblatedPart.POISSON_JOIN: (selector, "poisson_correction", _no_correction),
    AblatedPart.LOCAL_LIGHT: (selector, "match_light", _global_only),
    AblatedPart.LIGHT_MATCH: (selector, "match_light", lambda *args, **options: NO_LIGHT_CHANGE),
    AblatedPart.DIRECTION_BALANCE: (selector, "balance_directions", lambda candidates, weights: weights),
    AblatedPart.FAINT_SUPPRESSION: (selector, "suppress_faint_synthesis", lambda weights: weights),
}
"""Part -> the module or class that the function is looked up in, its name, and its replacement."""


@contextmanager
def left_out(without: Collection[AblatedPart]) -> Iterator[None]:
    """While it lasts, the engine fills without these parts, as far as `stages` does not leave them out."""
    replaced = []
    try:
        # In the order of the parts, so that of two with one function the larger wins.
        for part in (part for part in AblatedPart if part in without and part in _REPLACEMENTS):
            owner, name, replacement = _REPLACEMENTS[part]
            replaced.append(partial(setattr, owner, name, vars(owner)[name]))
            setattr(owner, name, replacement)
        yield
    finally:
        for restore in reversed(replaced):
            restore()
