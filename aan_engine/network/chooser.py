"""The chooser: of all candidates for a hidden pixel, which one is right?

Equation 3 and 4 of the paper, learned: instead of one distance per reference for the whole frame there is a score
per candidate and pixel, and one masked softmax over the candidates disposes. Every candidate passes through the
same small encoder-decoder; they see one another through their mean and maximum, so their number and order are free.

Shapes: B targets, K candidates, h x w multiples of 8.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core.pooling import box_mean, channel_mean, downsample2x

KINDS = 7
SYNTHESISED = 4
FAINT = 0.1
SAY = 0.4
FINE = 3 + 3
COARSE = 3 + 1 + 1 + 3 + 1 + 1 + 1 + 9
NEAR_AND_FAR = (0.02, 0.08)
"""Differences in the log range at which one candidate half seconds another: the same pixel; the same thing."""
UNKNOWN = 1e3
"""Stands for the distance of a candidate that nothing can be compared with: worse than any."""


def features(
    target: Tensor,
    hidden: Tensor,
    *,
    image: Tensor,
    valid: Tensor,
    distance: Tensor,
    confidence: Tensor,
    independent_motion: Tensor,
    kind: Tensor,
) -> tuple[Tensor, Tensor]:
    """What the chooser is told about each candidate.

    Args:
        target: (B, 3, h, w) log range; what is hidden is not looked at.
        hidden: (B, 1, h, w) 1 in the hole.
        image: (B, K, 3, h, w) log range.
        valid, distance, confidence, stir: (B, K, 1, h, w); distance in frames, stir in pixels.
        kind: (B, K) int64.

    Returns:
        (B, K, FINE, h, w): the candidate, and how far it stands from the others; and (B, K, COARSE, h / 2, w / 2): its
        surroundings and what speaks for it, for which half the resolution is enough.
    """
    K = image.shape[1]
    seen = 1 - hidden
    known = target * seen
    both = valid[:, :, 0] * seen
    # How far a candidate stands from what the others propose.
    real = valid * (kind != SYNTHESISED).to(valid)[..., None, None, None]
    total = real.sum(1)
    mean = sum(image[:, k] * real[:, k] for k in range(K)) / total.clamp(min=1)
    spoken = 4 * (total > 0).to(valid)
    # One after the other, as all of them at once leave the processor's cache with every step.
    off, fine = [], []
    for k in range(K):
        off.append(channel_mean((image[:, k] - known).abs()) * both[:, k])
        shown = image[:, k] * valid[:, k]
        fine += [shown, (image[:, k] - mean).abs() * (valid[:, k] * spoken)]
    own = [downsample2x(x) for x in (valid, torch.log1p(distance) / 3, confidence, torch.log1p(independent_motion))]
    place = downsample2x(torch.cat([known, hidden], 1))[:, None].expand(-1, K, -1, -1, -1)
    whole = torch.cat(fine, 1).reshape(-1, K, FINE, *hidden.shape[-2:])
    agreed, seconded = _agreement(torch.stack(off, 1), both), _seconded(whole[:, :, :3], valid, kind)
    return whole, torch.cat([place, *own, *agreed, seconded, _detail(known, seen, count=K)], 2)


def _agreement(off: Tensor, both: Tensor) -> tuple[Tensor, Tensor]:
    """Eq. 3 of the paper at three scales: the masked mean distance around each pixel, divided by the overlap.

    Args:
        off, both: (B, K, h, w), absolute differences and where they count.

    Returns:
        (B, K, 3, h / 2, w / 2): the distance in neighbourhoods of 12 and 36 pixels, and how much of the latter counted;
        (B, K, 4, h / 2, w / 2): the distance here and in 6 pixels, and how much worse than the best candidate's it is
        in 12 and in 36: of several that look right beside the hole, the one that looks best.
    """
    size = (off.shape[2] // 2, off.shape[3] // 2)
    near, beside = downsample2x(off), downsample2x(both)
    here = torch.where(beside > 0, near / beside.clamp(min=1e-4), 0)
    close = _shown_around(near, beside, 3)[0]
    # Means over neighbourhoods lose nothing by being taken at a quarter of the resolution first.
    near, beside = downsample2x(near), downsample2x(beside)
    (middle, share), (wide, shown) = (_shown_around(near, beside, side) for side in (3, 9))
    worse = [
        (mean - torch.where(counted > 1e-4, mean, UNKNOWN).amin(1, keepdim=True)) * (counted > 1e-4)
        for mean, counted in ((middle, share), (wide, shown))
    ]
    coarse = torch.stack([middle, wide, shown, *worse], 2).flatten(0, 1)
    risen = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False).reshape(*off.shape[:2], 5, *size)
    return risen[:, :, :3], torch.cat([torch.stack([10 * here, close], 2), risen[:, :, 3:]], 2)


def _shown_around(error: Tensor, count: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Ten times the mean of `error` where it counts, over side x side, and the share that counted."""
    share = box_mean(count, side)
    mean = box_mean(error, side) / share.clamp(min=1e-4)
    return 10 * torch.where(share > 1e-4, mean, 0), share


def _seconded(image: Tensor, valid: Tensor, kind: Tensor) -> Tensor:
    """How many other plates show about the same, for two meanings of it, and how far the painting is from it.

    A ghost is rarely seconded. (B, K, 3, h, w), (B, K, 1, h, w), (B, K) -> (B, K, 3, h / 2, w / 2).
    """
    here = downsample2x(valid)
    picture = downsample2x(image) / here.clamp(min=1e-3)
    here = here[:, :, 0]
    voices = (here > 0.5) * (kind != SYNTHESISED).to(here)[..., None, None]
    found = [torch.zeros_like(here) for _ in NEAR_AND_FAR]
    invented = torch.zeros_like(here)
    drawn = (kind == SYNTHESISED).to(here)[..., None, None]
    for k in range(image.shape[1] - 1):
        # What one says of the others, they say of it.
        others = slice(k + 1, None)
        gap = box_mean(channel_mean((picture[:, others] - picture[:, k : k + 1]).abs()), 3)
        for one, width in zip(found, NEAR_AND_FAR, strict=True):
            alike = 1 / (1 + (gap / width) ** 2)
            one[:, k] += (alike * voices[:, others]).sum(1)
            one[:, others] += alike * voices[:, k : k + 1]
        invented[:, k] += (gap * drawn[:, others]).sum(1)
        invented[:, others] += gap * drawn[:, k : k + 1]
    return torch.stack([*(one / 3 for one in found), 10 * invented], 2) * (here > 0)[:, :, None]


def _detail(known: Tensor, seen: Tensor, *, count: int) -> Tensor:
    """How much detail there is around each pixel, and how much around it is known at all: what a distance is worth.

    (B, 3, h, w), (B, 1, h, w) -> (B, count, 2, h / 2, w / 2).
    """
    share, picture = downsample2x(seen), downsample2x(known)
    around = box_mean(picture, 3) / box_mean(share, 3).clamp(min=1e-3)
    detail = channel_mean((picture - around * share).abs())[:, None] * (share > 0.999)
    mean, shown = _shown_around(detail, (share > 0.999).to(detail), 9)
    return torch.cat([3 * mean, shown], 1)[:, None].expand(-1, count, 2, *mean.shape[-2:])


class Exchange(nn.Module):
    """Each candidate together with the mean and the maximum of all valid ones: (B K, c, h, w) -> the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Conv2d(width, width, 1)
        self.others = nn.Conv2d(2 * width, width, 1, bias=False)

    def forward(self, x: Tensor, here: Tensor, *, count: int) -> Tensor:
        """`here` (B K, 1, h, w): how far each of `count` candidates is valid."""
        every = x.reshape(-1, count, *x.shape[1:])
        weight = here.reshape(-1, count, *here.shape[1:])
        there = (weight > 0).to(x)
        # One after the other: all of them at once would be as large as a plate, several times over.
        total, most = every[:, 0] * weight[:, 0], every[:, 0] * there[:, 0]
        for k in range(1, count):
            total.addcmul_(every[:, k], weight[:, k])
            most = torch.maximum(most, every[:, k] * there[:, k], out=None if torch.is_grad_enabled() else most)
        told = self.others(torch.cat([total / weight.sum(1).clamp(min=1e-3), most], 1))
        own = self.own(x).reshape(every.shape)
        return F.relu(_onto(own, told[:, None]), inplace=True).flatten(0, 1)


class Chooser(nn.Module):
    """Scores candidates, from what `features` says of them: logits (B, K, h, w)."""

    def __init__(self, widths: tuple[int, int, int] = (24, 48, 64)) -> None:
        super().__init__()
        a, b, c = widths
        self.fold = nn.Conv2d(FINE * 4 + COARSE, a, 1)
        self.kind = nn.Embedding(KINDS, a)
        self.enter = nn.Conv2d(a, a, 3, padding=1)
        self.down1 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.mix1 = Exchange(b)
        self.body1 = nn.Conv2d(b, b, 3, padding=1)
        self.down2 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.mix2 = Exchange(c)
        self.body2 = nn.Conv2d(c, c, 3, padding=1)
        self.body3 = nn.Conv2d(c, c, 3, padding=2, dilation=2)
        self.up1 = nn.Conv2d(c, b, 1)
        self.join1 = nn.Conv2d(b, b, 3, padding=1)
        self.up0 = nn.Conv2d(b, a, 1)
        self.mix0 = Exchange(a)
        self.join0 = nn.Conv2d(a, a, 3, padding=1)
        self.leave = nn.Conv2d(a, 4, 1)

    def forward(self, fine: Tensor, coarse: Tensor, *, valid: Tensor, kind: Tensor) -> Tensor:
        """Logits (B, K, h, w); `valid` (B, K, 1, h, w) weighs the exchange between candidates; `kind` (B, K)."""
        B, K, _, h, w = fine.shape
        here = downsample2x(valid.flatten(0, 1))
        folded = self._folded(fine.flatten(0, 1), coarse.flatten(0, 1))
        x0 = F.relu(_onto(folded, self.kind(kind.flatten())[..., None, None]), inplace=True)
        x0 = F.relu(self.enter(x0), inplace=True)
        x1 = F.relu(self.down1(x0), inplace=True)
        x1 = self.mix1(x1, downsample2x(here), count=K)
        x1 = _onto(x1, F.relu(self.body1(x1), inplace=True))
        x2 = F.relu(self.down2(x1), inplace=True)
        x2 = self.mix2(x2, downsample2x(downsample2x(here)), count=K)
        x2 = _onto(x2, F.relu(self.body2(x2), inplace=True))
        x2 = _onto(x2, F.relu(self.body3(x2), inplace=True))
        x1 = _onto(x1, _grow(self.up1(x2), x1))
        x1 = _onto(x1, F.relu(self.join1(x1), inplace=True))
        x0 = _onto(x0, _grow(self.up0(x1), x0))
        x0 = self.mix0(x0, here, count=K)
        x0 = _onto(x0, F.relu(self.join0(x0), inplace=True))
        return F.pixel_shuffle(self.leave(x0), 2).reshape(B, K, h, w)

    def _folded(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """`fold` of the fine pixels unshuffled by two beside the coarse ones, without laying them side by side."""
        own, beside = self.fold.weight[:, : 4 * FINE], self.fold.weight[:, 4 * FINE :]
        own = own.reshape(len(own), FINE, 2, 2)
        # Told channel by channel within a pixel, a processor does this in a third of the time.
        own, beside = (kernel.contiguous(memory_format=torch.channels_last) for kernel in (own, beside))
        return _onto(F.conv2d(fine, own, stride=2), F.conv2d(coarse, beside, self.fold.bias))


def _onto(x: Tensor, more: Tensor) -> Tensor:
    """`x + more`, in the place of `x` where nothing is learned: half the time goes into writing layers to memory."""
    return x + more if torch.is_grad_enabled() else x.add_(more)


def _grow(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def choose(logits: Tensor, valid: Tensor) -> Tensor:
    """Eq. 4, corrected: a softmax over the candidates in which what is not valid weighs exactly 0.

    Args:
        logits, valid: (B, K, h, w).

    Returns:
        (B, K, h, w) weights, summing to 1 wherever anything is valid and to 0 elsewhere.
    """
    score = logits.masked_fill(valid <= 0, float("-inf"))
    peak = score.amax(1, keepdim=True).clamp(min=-1e30)
    weight = torch.exp(score - peak) * (valid > 0)
    return weight / weight.sum(1, keepdim=True).clamp(min=1e-12)


def suppress_faint_synthesis(weights: Tensor) -> Tensor:
    """The painted layer's share where it has a say of its own, not as a veil over what plates show.

    Training rewards a little of everything, which on the screen is a haze. On held-back scenes taking the veil off
    costs nothing. (B, K, h, w), the painted layer last, still summing to 1.
    """
    seen, invented = weights[:, :-1], weights[:, -1:]
    rise = ((invented - FAINT) / (SAY - FAINT)).clamp(0, 1)
    plates = seen.sum(1, keepdim=True)
    kept = torch.where(plates > 1e-3, invented * rise * rise * (3 - 2 * rise), torch.ones_like(rise))
    return torch.cat([seen / plates.clamp(min=1e-9) * (1 - kept), kept], 1)
