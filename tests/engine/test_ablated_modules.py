"""Every trained part of the network is worth something, on plates that come with the repository.

A part is switched off by zeros in place of its weights. Compared is the part's own output, so that no other part can
make up for it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from aan_engine.candidates.candidate import CELL, Kind
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.types import Array, Mask
from aan_engine.evaluation import holes
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.network.bundle import Networks
from aan_engine.plates import exr
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.selection.feature_cache import FeatureCache
from aan_engine.selection.plan import CandidateSet
from aan_engine.selection.selector import Selector

torch.set_num_threads(1)
SHOT = Path(__file__).resolve().parents[1] / "demo" / "shot"
SIZE = (144, 256)
FRAMES = range(1003, 1043, 8)


@dataclass(frozen=True)
class Known:
    """A shot whose truth is known: (h, w, 3) log range, and what is hidden of it."""

    truth: list[Array]
    hidden: list[Mask]
    shot_motion: ShotMotion

    def selector(self, networks: Networks) -> Selector:
        features = FeatureCache(networks, self.shot_motion.images, proxies=self.shot_motion.proxies)
        return Selector(networks, self.shot_motion, features=features)

    def candidates(self, selector: Selector) -> Iterator[CandidateSet]:
        """All candidates for each frame, the recurrence going on with the weights that they get."""
        for index in range(len(self.truth)):
            found = selector.candidates(index)
            assert found is not None
            selector.remember(found, weights=selector.weights(found))
            yield found

    def over_box(self, found: CandidateSet) -> Array:
        """The truth over the candidates' box."""
        return self.truth[found.hole.index][found.hole.box.slices]


@contextmanager
def known(plates: list[Array], hidden: list[Mask]) -> Iterator[Known]:
    """A shot of these plates, far off where hidden."""
    with ProxyStore(len(plates), SIZE) as proxies:
        for index, (plate, hole) in enumerate(zip(plates, hidden, strict=True)):
            stained = np.where(hole[..., None], np.float32(7), plate)
            proxies.put(index, make_proxy(stained, hole.astype(np.float32), size=SIZE))
        yield Known([to_log(plate) for plate in plates], hidden, ShotMotion(proxies))


@pytest.fixture(scope="module")
def wired() -> Iterator[Known]:
    """The demo's drive, behind swinging wires."""
    read = [exr.read(SHOT / f"plate.{frame}.exr", frame=frame).pixels for frame in FRAMES]
    plates = [cv2.resize(plate, SIZE[::-1], interpolation=cv2.INTER_AREA) for plate in read]
    with known(plates, holes.draw("wires", "demo", frames=len(plates), shape=SIZE, own=[], donor=[])) as shot:
        yield shot


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks.load(torch.device("cpu"))


def zeroed(part: nn.Module) -> nn.Module:
    """The same with zeros for weights."""
    module = copy.deepcopy(part)
    for values in module.parameters():
        values.data.zero_()
    return module


def with_inpainter(networks: Networks, *parts: str) -> Networks:
    """The same networks, these parts of the inpainter zeroed."""
    inpainter = copy.deepcopy(networks.inpainter)
    for name in parts:
        setattr(inpainter, name, zeroed(getattr(inpainter, name)))
    return replace(networks, inpainter=inpainter)


def decibels(squares: list[Array]) -> float:
    return float(-10 * np.log10(np.mean(np.concatenate(squares), dtype=np.float64)))


def quality_of_kind(shot: Known, networks: Networks, kind: Kind) -> float:
    """PSNR in dB, in the log range, of the candidates of a kind in the hole."""
    squares = []
    for found in shot.candidates(shot.selector(networks)):
        for candidate in found.candidates:
            if candidate.kind is kind:
                where = candidate.valid & found.hole.hidden
                squares.append((candidate.image - shot.over_box(found))[where] ** 2)
    return decibels(squares)


def quality(shot: Known, networks: Networks) -> float:
    """PSNR in dB, in the log range, of the candidates' weighted mean in the hole."""
    selector, squares = shot.selector(networks), []
    for found in shot.candidates(selector):
        blend = np.einsum("khw,khwc->hwc", selector.weights(found), np.stack([c.image for c in found.candidates]))
        squares.append((blend - shot.over_box(found))[found.hole.hidden] ** 2)
    return decibels(squares)


def quality_of_attention(shot: Known, networks: Networks) -> float:
    """PSNR in dB, in the log range, of the hole's cells, each copied from where the largest attention lies."""
    selector, squares = shot.selector(networks), []
    for index, truth in enumerate(shot.truth):
        found = selector.synthesise(selector.prepare(index))
        assert found is not None
        frames, matches, columns = list(found.prepared.registrations), found.inpainted.matches, SIZE[1] // CELL
        for cell in (matches.reference[0] >= 0).nonzero().flatten().tolist():
            reference, y, x = (int(plane[0, cell]) for plane in (matches.reference, matches.y, matches.x))
            copied = cell_of(shot.truth[frames[reference]], y, x)
            squares.append((copied - cell_of(truth, cell // columns, cell % columns)).reshape(-1, 3) ** 2)
    return decibels(squares)


def cell_of(picture: Array, y: int, x: int) -> Array:
    return picture[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL]


def test_without_the_encoder_attention_points_anywhere(wired: Known, networks: Networks) -> None:
    lost = quality_of_attention(wired, with_inpainter(networks, "encoder"))
    assert quality_of_attention(wired, networks) > lost + 3


def test_without_the_decoder_the_synthesis_is_a_smear(wired: Known, networks: Networks) -> None:
    smear = quality_of_kind(wired, with_inpainter(networks, "decoder"), Kind.SYNTHESISED)
    assert quality_of_kind(wired, networks, Kind.SYNTHESISED) > smear + 0.2


def test_without_the_chooser_every_pixel_is_a_blend_of_all_candidates(wired: Known, networks: Networks) -> None:
    blend = quality(wired, replace(networks, chooser=zeroed(networks.chooser)))
    assert quality(wired, networks) > blend + 0.3
