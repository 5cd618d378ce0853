"""Choices: training material for the chooser: real clips with holes over what is known, and every candidate for them.

Clips are refilmed by a drifting virtual camera (many of them were shot from a tripod), holes are laid over them, and
the engine's own survey proposes candidates exactly as it will for an artist's shot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.candidate import Candidate, Kind, Neighbourhood, neighbourhood, painted
from aan_engine.light import encode
from aan_engine.motion import Array
from aan_engine.network.blocks import smooth_fill
from aan_engine.proposals import Answer, linked, propose
from aan_engine.proxy import Reel, make
from aan_engine.survey import Survey
from aan_engine.training.holes import moving_hole
from aan_engine.training.stills import CLIPS, Still, files, read_clip, to_linear

CROP = 96
LAYERS = 11
HEIGHT, WIDTH = 240, 424
FRAMES = 36


@dataclass(frozen=True, eq=False)
class Choice:
    """One crop of one target with its candidates; half precision, so that thousands fit into memory.

    Args:
        truth: (3, CROP, CROP) log range.
        hidden: (1, CROP, CROP).
        image: (LAYERS, 3, CROP, CROP); the painted layer is the last, missing ones are not valid anywhere.
        told: (LAYERS, 4, CROP, CROP): valid, distance, trust, stir.
        kind: (LAYERS,) int64.
    """

    truth: NDArray[np.float16]
    hidden: NDArray[np.float16]
    image: NDArray[np.float16]
    told: NDArray[np.float16]
    kind: NDArray[np.int64]


def sequence(data: Path, number: int, *, part: str = "train", targets: int = 8) -> Iterator[Choice]:
    """The choices of one refilmed clip; everything about it follows from `number`."""
    rng = np.random.default_rng((number, 7))
    clips = files(data, CLIPS, part=part)
    frames = list(read_clip(clips[int(rng.integers(len(clips)))]))
    length = min(len(frames), FRAMES)
    begin = int(rng.integers(len(frames) - length + 1))
    plates = [to_linear(f) for f in refilmed(frames[begin : begin + length], rng)]
    holes = _holes(rng, length)
    with Reel(length, (HEIGHT, WIDTH)) as reel:
        for index in range(length):
            reel.put(index, make(plates[index], holes[index], size=reel.size))
        survey = Survey(reel)
        wanted = set(rng.choice(length, min(targets, length), replace=False).tolist())
        previous: Answer | None = None
        for index in sorted(wanted | {i - 1 for i in wanted if i}):
            near = neighbourhood(index, reel.hidden(index))
            if near is None:
                continue
            layers = propose(survey, near, links=linked(survey, near), previous=previous)
            previous = nearest_answer(layers, near, reel.size)
            if index in wanted:
                layers.append(painted(_smeared(reel.image(index), reel.hidden(index), near), near))
                yield from _crops(encode(plates[index]), near, layers, rng)


def refilmed(frames: list[Still], rng: np.random.Generator) -> list[Still]:
    """The frames seen by a drifting camera: a smooth path of translation, zoom and roll; sometimes standing still."""
    height, width = frames[0].shape[:2]
    time = np.linspace(0, 1, len(frames))
    lively = float(rng.choice([0.0, 0.4, 1.0, 1.6]))

    def path(size: float) -> NDArray[np.float64]:
        waves = [rng.normal() / k * np.sin(2 * np.pi * (k * time + rng.uniform())) for k in (1, 2, 3)]
        return size * lively * (np.sum(waves, 0) + 1.5 * rng.normal() * time)

    zoom = min(height / HEIGHT, width / WIDTH) * (rng.uniform(0.65, 0.85) if lively else 1.0)
    slack = max(0.0, width / 2 - zoom * WIDTH / 2), max(0.0, height / 2 - zoom * HEIGHT / 2)
    x, y = np.clip(path(0.6 * slack[0]), -slack[0], slack[0]), np.clip(path(0.6 * slack[1]), -slack[1], slack[1])
    scale, roll = zoom * np.exp(path(0.04)), path(0.015)
    views = []
    for t, frame in enumerate(frames):
        c, s = np.cos(roll[t]) * scale[t], np.sin(roll[t]) * scale[t]
        middle = width / 2 + x[t], height / 2 + y[t]
        matrix = np.array(
            [
                [c, -s, middle[0] - c * WIDTH / 2 + s * HEIGHT / 2],
                [s, c, middle[1] - s * WIDTH / 2 - c * HEIGHT / 2],
            ]
        )
        # Blurred to the new pitch first: a plain bilinear view of a larger picture would crawl with aliases.
        soft = cv2.GaussianBlur(frame, (0, 0), 0.4 * scale[t]) if scale[t] > 1.2 else frame
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        views.append(cv2.warpAffine(soft, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT))
    return views


def _holes(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    """(length, HEIGHT, WIDTH): one to three holes of one kind, moving at an artist's object's pace."""
    kind = str(rng.choice(["wires", "wires", "rig", "person", "stain"]))
    union = np.zeros((length, HEIGHT, WIDTH), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        union |= moving_hole(rng, length, height=HEIGHT, width=WIDTH, kind=kind)
        if union.mean() > 0.12:
            break
    return union.astype(np.float32)


def nearest_answer(layers: list[Candidate], near: Neighbourhood, size: tuple[int, int]) -> Answer:
    """Without a network: each pixel from the chained candidate nearest in time."""
    frame, position = np.full(size, -1, np.int32), np.zeros((*size, 2), np.float32)
    h, w = near.hidden.shape
    box = np.s_[near.top : near.top + h, near.left : near.left + w]
    best = np.full((h, w), np.inf, np.float32)
    for candidate in layers:
        if candidate.kind is not Kind.CHAINED:
            continue
        nearer = candidate.valid & (candidate.distance < best)
        best[nearer] = candidate.distance[nearer]
        frame[box][nearer] = candidate.frame[nearer]
        position[box][nearer] = candidate.position[nearer]
    return Answer(near.index, frame, position)


def _smeared(image: Array, hidden: NDArray[np.bool_], near: Neighbourhood) -> Array:
    """Stands in for the residual pathway: the smooth fill that its decoder starts from, over the box."""
    known = torch.from_numpy(~hidden)[None, None].float()
    filled = smooth_fill(torch.from_numpy(image).permute(2, 0, 1)[None], known)[0].permute(1, 2, 0).numpy()
    h, w = near.hidden.shape
    return np.ascontiguousarray(filled[near.top : near.top + h, near.left : near.left + w])


def _crops(
    truth: Array, near: Neighbourhood, layers: list[Candidate], rng: np.random.Generator, *, count: int = 2
) -> Iterator[Choice]:
    h, w = near.hidden.shape
    truth = truth[near.top : near.top + h, near.left : near.left + w]
    spare = ((0, max(0, CROP - h)), (0, max(0, CROP - w)))
    ys, xs = np.nonzero(near.hidden)
    for _ in range(count):
        at = int(rng.integers(len(ys)))
        top = int(np.clip(ys[at] - rng.integers(CROP), 0, max(0, h - CROP)))
        left = int(np.clip(xs[at] - rng.integers(CROP), 0, max(0, w - CROP)))

        def cut(values: NDArray[np.generic], top: int = top, left: int = left) -> NDArray[np.float16]:
            padded = np.pad(values, spare + ((0, 0),) * (values.ndim - 2))
            piece = padded[top : top + CROP, left : left + CROP]
            piece = piece[None] if piece.ndim == 2 else piece.transpose(2, 0, 1)
            return piece.astype(np.float16)

        image = np.zeros((LAYERS, 3, CROP, CROP), np.float16)
        told = np.zeros((LAYERS, 4, CROP, CROP), np.float16)
        kind = np.zeros(LAYERS, np.int64)
        for k, c in enumerate(layers):
            k = LAYERS - 1 if c.kind is Kind.PAINTED else k
            image[k], kind[k] = cut(c.image), int(c.kind)
            told[k] = np.concatenate([cut(v) for v in (c.valid, c.distance, c.trust, c.stir)])
        yield Choice(cut(truth), cut(near.hidden), image, told, kind)
