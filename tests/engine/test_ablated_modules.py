"""Nothing idles: each part of the network is worth something on a test of its own, on plates that come with the house.

A part is laid still by zeros instead of its weights. What is compared is the part's own work, so that others cannot
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

from aan_engine.candidates.candidate import Candidate, Kind
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.types import Array, Mask
from aan_engine.evaluation import holes
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.network.bundle import Networks
from aan_engine.plates import exr
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
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
    survey: ShotMotion

    def proposals(self, networks: Networks) -> list[CandidateSet]:
        """Every pathway's candidates for each frame, and what they would be decided to."""
        selector = Selector(networks, self.survey)
        found = []
        for index in range(len(self.truth)):
            proposed = selector.proposals(index)
            assert proposed is not None
            selector.remember(proposed, selector.weights(proposed))
            found.append(proposed)
        return found

    def under(self, proposed: CandidateSet) -> Array:
        """The truth over the proposals' box."""
        hole = proposed.hole
        h, w = hole.hidden.shape
        return self.truth[hole.index][hole.top : hole.top + h, hole.left : hole.left + w]


@contextmanager
def known(plates: list[Array], hidden: list[Mask]) -> Iterator[Known]:
    """A shot of these plates, what is hidden stained."""
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


def stilled(part: nn.Module) -> nn.Module:
    """The same with zeros for weights."""
    still = copy.deepcopy(part)
    for values in still.parameters():
        values.data.zero_()
    return still


def with_inpainter(networks: Networks, *parts: str) -> Networks:
    """The same networks, these parts of the inpainter stilled."""
    inpainter = copy.deepcopy(networks.inpainter)
    for name in parts:
        setattr(inpainter, name, stilled(getattr(inpainter, name)))
    return replace(networks, inpainter=inpainter)


def decibels(squares: list[Array]) -> float:
    return float(-10 * np.log10(np.mean(np.concatenate(squares), dtype=np.float64)))


def of_kind(proposed: CandidateSet, kind: Kind) -> list[Candidate]:
    return [layer for layer in proposed.candidates if layer.kind == kind]


def worth(shot: Known, networks: Networks, kind: Kind) -> float:
    """PSNR in dB, in the log range, of what the candidates of a kind show of what is hidden."""
    squares = []
    for proposed in shot.proposals(networks):
        for layer in of_kind(proposed, kind):
            where = layer.valid & proposed.hole.hidden
            squares.append((layer.image - shot.under(proposed))[where] ** 2)
    return decibels(squares)


def chosen(shot: Known, networks: Networks) -> float:
    """PSNR in dB, in the log range, of what the weighted candidates show of what is hidden."""
    selector, squares = Selector(networks, shot.survey), []
    for proposed in shot.proposals(networks):
        blend = np.einsum("khw,khwc->hwc", selector.weights(proposed), np.stack([c.image for c in proposed.candidates]))
        squares.append((blend - shot.under(proposed))[proposed.hole.hidden] ** 2)
    return decibels(squares)


def test_without_the_encoder_attention_points_anywhere(wired: Known, networks: Networks) -> None:
    lost = worth(wired, with_inpainter(networks, "encoder"), Kind.ATTENTION)
    assert worth(wired, networks, Kind.ATTENTION) > lost + 3


def test_without_the_decoder_the_paint_is_a_smear(wired: Known, networks: Networks) -> None:
    smear = worth(wired, with_inpainter(networks, "decoder"), Kind.SYNTHESISED)
    assert worth(wired, networks, Kind.SYNTHESISED) > smear + 0.2


def test_without_the_chooser_everything_is_a_blend_of_all(wired: Known, networks: Networks) -> None:
    blend = chosen(wired, replace(networks, chooser=stilled(networks.chooser)))
    assert chosen(wired, networks) > blend + 0.3
