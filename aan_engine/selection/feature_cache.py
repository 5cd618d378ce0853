"""Feature cache: a shot's proxies through the networks' encoders, each frame encoded once and kept for a while.

The learned homography between two frames is read from the cached features, so that registration can ask for it without
knowing of networks (`ShotRegistration` takes it as a function).
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.core import projective
from aan_engine.core.homography import Homography
from aan_engine.core.lru import LruCache
from aan_engine.network.blocks import STRIDE, visible_cells
from aan_engine.network.bundle import Networks
from aan_engine.network.homography import SIDE, EncodedImage
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.registration.proxy_images import ProxyImages

FRAMES_KEPT = 48
"""Frames whose features are kept, for each encoder: more than a target's neighbours and references. Not measured
separately."""


class FeatureCache:
    """The frames of one shot through the encoders of the homography estimator and the inpainter.

    May be used by several threads at a time.

    Args:
        images: the shot's proxies as pictures.
        proxies: the same proxies with their masks.
    """

    def __init__(self, networks: Networks, images: ProxyImages, *, proxies: ProxyStore) -> None:
        self._networks = networks
        self._images, self._proxies = images, proxies
        self._for_estimator, self._for_inpainter = LruCache(FRAMES_KEPT), LruCache(FRAMES_KEPT)

    @torch.inference_mode()
    def learned_homography(self, target: int, reference: int) -> Homography:
        """The learned homography on the proxies, target -> reference (arXiv 1905.13066, section 3.1)."""
        estimate = self._networks.estimator.match(self.for_estimator(target), self.for_estimator(reference))
        H = projective.rescale(estimate.homography.double(), before=(SIDE, SIDE), after=self._proxies.size)
        return Homography(H[0].cpu().numpy())

    def for_estimator(self, index: int) -> EncodedImage:
        """The frame, resized to the estimator's own square, encoded."""
        return self._for_estimator.get(index, lambda: self._encode_for_estimator(index))

    def for_inpainter(self, index: int) -> tuple[Tensor, Tensor]:
        """The frame's features (1, c, h / 8, w / 8) and visible cells (1, 1, h / 8, w / 8)."""
        return self._for_inpainter.get(index, lambda: self._encode_for_inpainter(index))

    def padded(self, index: int) -> tuple[Tensor, Tensor]:
        """Image (1, 3, H, W) log range and visibility (1, 1, H, W), padded to multiples of 8 as hidden pixels are."""
        h, w = self._proxies.size
        margin = (0, -w % STRIDE, 0, -h % STRIDE)
        image = torch.from_numpy(self._images.image(index)).permute(2, 0, 1)[None].to(self._networks.device)
        # An object that passes in front is no surroundings of the hole: synthesised from it, it would bleed in.
        shown = (~(self._proxies.hidden(index) | self._proxies.unusable(index))).astype(np.float32)
        visible = torch.from_numpy(shown)[None, None].to(self._networks.device)
        return F.pad(image, margin), F.pad(visible, margin)

    @torch.inference_mode()
    def _encode_for_estimator(self, index: int) -> EncodedImage:
        size = (SIDE, SIDE)
        image = cv2.resize(self._images.image(index), size, interpolation=cv2.INTER_AREA)
        visible = cv2.resize(self._images.visible(index), size, interpolation=cv2.INTER_AREA)
        tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(self._networks.device)
        shown = torch.from_numpy((visible > 0.999).astype(np.float32))[None, None].to(self._networks.device)
        return self._networks.estimator.encode(tensor, shown)

    @torch.no_grad()
    def _encode_for_inpainter(self, index: int) -> tuple[Tensor, Tensor]:
        image, visible = self.padded(index)
        return self._networks.inpainter.features(image, visible), visible_cells(visible)
