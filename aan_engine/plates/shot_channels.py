"""What is read of a shot's files, decided once for all frames: the plates' layer, and the channels of each matte.

Headers decide where they can; pixels of a few mattes do elsewhere. Each decision is made when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property

from aan_engine.plates import matte_choice, picture_layer, reader
from aan_engine.plates.matte import Levels
from aan_engine.plates.matte_channels import MatteChannels
from aan_engine.plates.picture_layer import PictureLayer
from aan_engine.shot import FrameFile, Shot

HOLDOUT, EXCLUDE = "holdout matte", "do-not-use matte"
"""The names in error messages of the mattes beside the one that hides."""


class ShotChannels:
    """What is read of the files of one shot."""

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._plates = frozenset(shot.plates)
        self._others: dict[FrameFile, PictureLayer] = {}

    @cached_property
    def picture(self) -> PictureLayer:
        """The layer of the plates that is filled, by the first plate's header; every plate must have it.

        Raises:
            PlateError: the first plate is missing or damaged, or `picture_layer.decide` refuses it.
        """
        first, controls = self._shot.plates[0], self._shot.controls
        description = reader.describe(first.path, frame=first.frame)
        return picture_layer.decide(description, frame=first.frame, named=controls.plate_layer, view=controls.view)

    def picture_of(self, file: FrameFile) -> PictureLayer:
        """The layer to read of a plate, or of a clean or painted frame: the plates', where it has that, else its own.

        Raises:
            PlateError: as `picture`.
        """
        if file in self._plates:
            return self.picture
        if file not in self._others:
            description = reader.describe(file.path, frame=file.frame)
            there = self.picture.is_in(description)
            self._others[file] = (
                self.picture
                if there
                else picture_layer.decide(description, frame=file.frame, view=self._shot.controls.view)
            )
        return self._others[file]

    @cached_property
    def levels(self) -> Levels:
        """How the matte's values become coverage."""
        return Levels.of(self._shot.controls)

    @cached_property
    def others_levels(self) -> Levels:
        """The same of holdout and do-not-use mattes: their values as stored, above the same floor."""
        return Levels(floor=self._shot.controls.matte_floor)

    @cached_property
    def target_mattes(self) -> tuple[FrameFile, ...]:
        """The mattes of the targets, each file once, with the number of the first frame that it belongs to."""
        first: dict[FrameFile, FrameFile] = {}
        for target in self._shot.targets:
            if (file := self._shot.matte_of(target.frame)) is not None:
                first.setdefault(file, FrameFile(target.frame, file.path, file.index))
        return tuple(first.values())

    @cached_property
    def matte(self) -> MatteChannels:
        """The channels that are the matte.

        Raises:
            MatteError: as `matte_choice.decide`.
        """
        if not self.target_mattes:
            return MatteChannels(())
        return matte_choice.decide(
            self.target_mattes,
            named=self._shot.matte_channel,
            view=self._shot.controls.view,
            floor=self.levels.visible_from,
        )

    @cached_property
    def holdout(self) -> MatteChannels | None:
        """The channels of the holdout mattes, None without any; errors as in `matte`."""
        return self._of_known(self._shot.known.holdout, called=HOLDOUT)

    @cached_property
    def exclude(self) -> MatteChannels | None:
        """The channels of the do-not-use mattes, None without any; errors as in `matte`."""
        return self._of_known(self._shot.known.exclude, called=EXCLUDE)

    def _of_known(self, files: tuple[FrameFile, ...], *, called: str) -> MatteChannels | None:
        if not files:
            return None
        view, floor = self._shot.controls.view, self.others_levels.visible_from
        return matte_choice.decide(files, named=None, view=view, floor=floor, called=called)
