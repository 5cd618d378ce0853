"""Encoded frames: a shot's proxies as the networks see them, each encoded once and remembered for a while."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.network.blocks import STRIDE, visible_cells
from aan_engine.network.bundle import Networks
from aan_engine.network.homography import SIDE, EncodedImage

REMEMBERED = 48
Value = TypeVar("Value")


class FeatureCache:
    """The frames of one survey through the encoders of estimator and inpainter."""

    def __init__(self, networks: Networks, shot_motion: ShotMotion) -> None:
        self._networks = networks
        self._shot_motion = shot_motion
        self._cells: OrderedDict[int, EncodedImage] = OrderedDict()
        self._features: OrderedDict[int, tuple[Tensor, Tensor]] = OrderedDict()

    @torch.inference_mode()
    def for_estimator(self, index: int) -> EncodedImage:
        """The frame at the estimator's own square size, encoded."""
        if index not in self._cells:
            size = (SIDE, SIDE)
            image = cv2.resize(self._shot_motion.images.image(index), size, interpolation=cv2.INTER_AREA)
            visible = cv2.resize(self._shot_motion.images.visible(index), size, interpolation=cv2.INTER_AREA)
            tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(self._networks.device)
            shown = torch.from_numpy((visible > 0.999).astype(np.float32))[None, None].to(self._networks.device)
            _remember(self._cells, index, self._networks.estimator.encode(tensor, shown))
        return self._cells[index]

    @torch.no_grad()
    def for_inpainter(self, index: int) -> tuple[Tensor, Tensor]:
        """The frame's features (1, c, h/8, w/8) and visible cells (1, 1, h/8, w/8)."""
        if index not in self._features:
            image, visible = self.padded(index)
            features = self._networks.inpainter.features(image, visible)
            _remember(self._features, index, (features, visible_cells(visible)))
        return self._features[index]

    def padded(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (1, 3, H, W) and visibility (1, 1, H, W), continued to multiples of 8 by what counts as hidden."""
        h, w = self._shot_motion.proxies.size
        margin = (0, -w % STRIDE, 0, -h % STRIDE)
        image = torch.from_numpy(self._shot_motion.images.image(index)).permute(2, 0, 1)[None].to(self._networks.device)
        proxies = self._shot_motion.proxies
        # What passes in front is no surroundings of the hole's: painted from, it would bleed into it.
        shown = (~(proxies.hidden(index) | proxies.unusable(index))).astype(np.float32)
        visible = torch.from_numpy(shown)[None, None].to(self._networks.device)
        return F.pad(image, margin), F.pad(visible, margin)


def _remember(kept: OrderedDict[int, Value], index: int, value: Value) -> None:
    kept[index] = value
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
