"""A filled frame: the composite, its plate with all other channels, and the AOVs that the shot asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.plates import exr, formats, matte, patch
from aan_engine.plates.extra_channels import ExtraChannel
from aan_engine.plates.plate import Plate
from aan_engine.plates.shot_frames import FrameMasks
from aan_engine.provenance import Provenance
from aan_engine.rendering import aovs
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.shot import Shot


@dataclass(frozen=True, eq=False)
class FilledFrame:
    """One filled frame.

    Args:
        frame: its number on the timeline.
        plate: the plate as read.
        hidden: (H, W) bool, where the matte is above 0: the only pixels that differ from the plate.
        inlay: (H, W, 3) float32 scene-linear, the composite where `hidden`; nothing elsewhere, so that a large frame
            that waits to be written takes no more memory than its hole.
        layers: AOVs by channel name, (H, W) float32; those that the shot asks for.
        unseen: share of the hidden pixels that was synthesised, 0 .. 1.
        confidence: mean over the hidden pixels, 0 .. 1; 1 where none is hidden.
        trust: 0 .. 1, the inlier share of the worse of the registrations with both neighbours; None without any.
        written: what is written: a "full" frame, a "patch" or an "overlay", see `patch`.
        is_key: whether what no frame shows was made up here, and carried from here to other frames.
        residue: pixels by which the object seems to reach beyond the matte, see `matte_residue`; 0 for none, or where
            nothing is known.
        grown: pixels by which the matte was grown.
        provenance: what the file's header says of where it comes from; None for nothing.
        extra: the channels that were filled along with the picture, each with (n,) values of its own type for the n
            `hidden` pixels, row by row.
    """

    frame: int
    plate: Plate
    hidden: Mask
    inlay: Array
    layers: dict[str, Array]
    unseen: float
    confidence: float = 1.0
    trust: float | None = None
    written: str = "full"
    is_key: bool = False
    residue: float = 0.0
    grown: float = 0.0
    provenance: Provenance | None = None
    extra: Mapping[ExtraChannel, NDArray[Any]] = field(default_factory=dict)

    @property
    def pixels(self) -> Array:
        """(H, W, 3) float32 scene-linear, the whole composite; made anew each time, as it is large."""
        return self.region(Box.whole(self.plate.shape))

    def region(self, box: Box, *, every: int = 1) -> Array:
        """A box of `pixels`, or every so many-th pixel of it."""
        window = np.s_[box.top : box.bottom : every, box.left : box.right : every]
        found = self.plate.region(box, every=every)
        found[self.hidden[window]] = self.inlay[window][self.hidden[window]]
        return found

    def write(self, path: Path) -> int:
        """Write the frame beside its temporary name, verify that not one bit outside the matte changed, rename.

        Returns:
            The number of bits that were found changed outside the matte: 0, or it raises.

        Raises:
            PlateUnwritable: a full disk, a read-only folder.
            OutsideMatteError: a bit outside the matte differs; nothing is left behind.
        """
        # The file keeps the plate's own data window, whatever canvas the shot was seen over.
        plate, own = replace(self.plate, canvas=None), self.plate.existing.slices
        inlay, hidden = self.inlay[own], self.hidden[own]
        layers = {name: values[own] for name, values in self.layers.items()}
        made = self.provenance.dated() if self.provenance is not None else None
        if self.written == "full":
            return exr.write(path, plate, pixels=inlay, hidden=hidden, layers=layers, extra=self.extra, provenance=made)
        whole = self.written == "overlay"
        cut = patch.cut(plate, pixels=inlay, hidden=hidden, layers=layers, whole=whole, extra=self.extra)
        return exr.write(path, cut, pixels=cut.pixels, hidden=np.zeros(cut.shape, np.bool_), provenance=made)


def written_as(shot: Shot) -> str:
    """What is written of a shot's frames: "full", "patch" or "overlay". Unless chosen: overlays of a movie."""
    if shot.controls.write != "auto":
        return shot.controls.write
    return "overlay" if formats.sniff(shot.plates[0].path) == formats.MOVIE else "full"


def compose(
    shot: Shot,
    plate: Plate,
    masks: FrameMasks,
    fill: FillBuffer,
    *,
    numbers: list[int],
    trust: float | None,
    is_key: bool = False,
    residue: float = 0.0,
    extra: Mapping[ExtraChannel, NDArray[Any]] | None = None,
) -> FilledFrame:
    """The frame with its fill over the plate, by the matte; `numbers` are those on the timeline, by index."""
    hidden, inlay = masks.hidden, np.zeros((*plate.shape, 3), np.float32)
    if (box := Box.around_mask(hidden)) is not None:
        inlay[box.slices] = plate.region(box)
        matte.composite_over(fill.fill[box.slices], inlay[box.slices], matte=masks.weight[box.slices])
    unseen = float(fill.unseen[hidden].mean()) if hidden.any() else 0.0
    confidence = float(fill.confidence[hidden].mean()) if hidden.any() else 1.0
    layers = aovs.aov_layers(plate, fill, hidden=hidden, frames=numbers, names=shot.aovs)
    return FilledFrame(
        plate.frame,
        plate,
        hidden,
        inlay,
        layers,
        unseen,
        confidence,
        trust,
        written=written_as(shot),
        is_key=is_key,
        residue=residue,
        grown=shot.controls.grow,
        extra=extra or {},
    )
