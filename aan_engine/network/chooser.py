"""Chooser: scores every candidate of a hidden pixel; a masked softmax over the candidates gives their weights.

Eq. 3 and 4 of arXiv 1905.13066, learned: instead of one distance per reference and frame there is a score per candidate
and pixel. Every candidate passes through the same small encoder-decoder and sees the others through their mean and
maximum, so that number and order of the candidates are free.

Convention: shapes are B targets, K candidates, h x w pixels, multiples of 8; the synthesised candidate is the last.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core.pooling import box_mean, channel_mean, downsample2x

KINDS = 7
SYNTHESISED = 4
"""How many kinds of candidates there are, and the synthesised one's number; a test holds them to
`candidates.candidate.Kind`, which networks do not know."""

FINE_CHANNELS = 3 + 3
COARSE_CHANNELS = 3 + 1 + 1 + 3 + 1 + 1 + 1 + 9

SAME_PIXEL, SAME_THING = 0.02, 0.08
"""Log-range differences at which two candidates half agree, narrowly and broadly: by less than grain, and by showing
the same thing. Features that the network was trained with; not measured separately."""

NO_OVERLAP = 1e3
"""Distance of a candidate that cannot be compared with the visible target: larger than any."""

FAINT, FULL = 0.1, 0.4
"""Weights of the synthesised candidate up to which it is suppressed, and from which it is kept as it is; smoothstep in
between. Suppression changes the PSNR by less than its error (`evaluation/ablation.md`): it is there for the eye. The
values were not measured separately."""


def candidate_features(
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
    """The chooser's input.

    Args:
        target: (B, 3, h, w) log range; hidden pixels are not read.
        hidden: (B, 1, h, w) 1 in the hole.
        image: (B, K, 3, h, w) log range.
        valid: (B, K, 1, h, w) 0 or 1.
        distance: (B, K, 1, h, w) in frames.
        confidence: (B, K, 1, h, w) in 0 .. 1.
        independent_motion: (B, K, 1, h, w) in pixels.
        kind: (B, K) int64.

    Returns:
        (B, K, FINE_CHANNELS, h, w): the candidate's colours, and how far they are from the mean of all plates'; and
        (B, K, COARSE_CHANNELS, h / 2, w / 2): the visible target and all measures for or against the
        candidate, for which half the resolution suffices.
    """
    K = image.shape[1]
    visible = 1 - hidden
    known = target * visible
    compared = valid[:, :, 0] * visible
    from_plate = valid * (kind != SYNTHESISED).to(valid)[..., None, None, None]
    count = from_plate.sum(1)
    mean = sum(image[:, k] * from_plate[:, k] for k in range(K)) / count.clamp(min=1)
    scale = 4 * (count > 0).to(valid)
    # One candidate at a time: all at once are read from memory again and again, as they do not fit the CPU's cache.
    error, fine = [], []
    for k in range(K):
        error.append(channel_mean((image[:, k] - known).abs()) * compared[:, k])
        proposed = image[:, k] * valid[:, k]
        fine += [proposed, (image[:, k] - mean).abs() * (valid[:, k] * scale)]
    own = [downsample2x(x) for x in (valid, torch.log1p(distance) / 3, confidence, torch.log1p(independent_motion))]
    context = downsample2x(torch.cat([known, hidden], 1))[:, None].expand(-1, K, -1, -1, -1)
    stacked = torch.cat(fine, 1).reshape(-1, K, FINE_CHANNELS, *hidden.shape[-2:])
    fit, relative_fit = _fit_to_target(torch.stack(error, 1), compared)
    support = _support(stacked[:, :, :3], valid, kind)
    return stacked, torch.cat([context, *own, fit, relative_fit, support, _detail(known, visible, count=K)], 2)


def _fit_to_target(error: Tensor, compared: Tensor) -> tuple[Tensor, Tensor]:
    """Eq. 3 of the paper at several scales: masked mean of the difference around each pixel, divided by the overlap.

    Args:
        error: (B, K, h, w), mean absolute difference to the visible target, 0 where not compared.
        compared: (B, K, h, w), 1 where candidate and target are both visible.

    Returns:
        (B, K, 3, h / 2, w / 2): the distance in neighbourhoods of 12 and 36 pixels, and the overlap in the latter;
        (B, K, 4, h / 2, w / 2): the distance at the pixel and in 6 pixels, and how much larger than the best
        candidate's it is in 12 and in 36.
    """
    size = (error.shape[2] // 2, error.shape[3] // 2)
    error, compared = downsample2x(error), downsample2x(compared)
    at_pixel = torch.where(compared > 0, error / compared.clamp(min=1e-4), 0)
    in_6 = _masked_mean(error, compared, 3)[0]
    # Means over larger neighbourhoods lose nothing by a quarter of the resolution.
    error, compared = downsample2x(error), downsample2x(compared)
    (in_12, share_12), (in_36, share_36) = (_masked_mean(error, compared, side) for side in (3, 9))
    worse = [
        (mean - torch.where(share > 1e-4, mean, NO_OVERLAP).amin(1, keepdim=True)) * (share > 1e-4)
        for mean, share in ((in_12, share_12), (in_36, share_36))
    ]
    coarse = torch.stack([in_12, in_36, share_36, *worse], 2).flatten(0, 1)
    upsampled = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    upsampled = upsampled.reshape(*error.shape[:2], 5, *size)
    return upsampled[:, :, :3], torch.cat([torch.stack([10 * at_pixel, in_6], 2), upsampled[:, :, 3:]], 2)


def _masked_mean(values: Tensor, mask: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Ten times the mean of `values` under `mask` over side x side pixels, and the share of the mask there."""
    share = box_mean(mask, side)
    mean = box_mean(values, side) / share.clamp(min=1e-4)
    return 10 * torch.where(share > 1e-4, mean, 0), share


def _support(image: Tensor, valid: Tensor, kind: Tensor) -> Tensor:
    """How many other plates show about the same, narrowly and broadly, and the distance to the synthesised candidate.

    A misaligned candidate is rarely supported by others. (B, K, 3, h, w), (B, K, 1, h, w), (B, K) ->
    (B, K, 3, h / 2, w / 2).
    """
    share = downsample2x(valid)
    picture = downsample2x(image) / share.clamp(min=1e-3)
    share = share[:, :, 0]
    counts = (share > 0.5) * (kind != SYNTHESISED).to(share)[..., None, None]
    widths = (SAME_PIXEL, SAME_THING)
    supporters = [torch.zeros_like(share) for _ in widths]
    to_synthesis = torch.zeros_like(share)
    is_synthesis = (kind == SYNTHESISED).to(share)[..., None, None]
    for k in range(image.shape[1] - 1):
        # Differences are symmetric: each pair is compared once.
        others = slice(k + 1, None)
        difference = box_mean(channel_mean((picture[:, others] - picture[:, k : k + 1]).abs()), 3)
        for supported, width in zip(supporters, widths, strict=True):
            agreement = 1 / (1 + (difference / width) ** 2)
            supported[:, k] += (agreement * counts[:, others]).sum(1)
            supported[:, others] += agreement * counts[:, k : k + 1]
        to_synthesis[:, k] += (difference * is_synthesis[:, others]).sum(1)
        to_synthesis[:, others] += difference * is_synthesis[:, k : k + 1]
    return torch.stack([*(supported / 3 for supported in supporters), 10 * to_synthesis], 2) * (share > 0)[:, :, None]


def _detail(known: Tensor, visible: Tensor, *, count: int) -> Tensor:
    """How much detail the target has around each pixel, and how much of it is visible: what a distance is worth there.

    (B, 3, h, w), (B, 1, h, w) -> (B, count, 2, h / 2, w / 2).
    """
    share, picture = downsample2x(visible), downsample2x(known)
    around = box_mean(picture, 3) / box_mean(share, 3).clamp(min=1e-3)
    detail = channel_mean((picture - around * share).abs())[:, None] * (share > 0.999)
    mean, visible_share = _masked_mean(detail, (share > 0.999).to(detail), 9)
    return torch.cat([3 * mean, visible_share], 1)[:, None].expand(-1, count, 2, *mean.shape[-2:])


class Exchange(nn.Module):
    """Each candidate with the mean and the maximum of all valid ones: (B K, c, h, w) -> the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Conv2d(width, width, 1)
        self.others = nn.Conv2d(2 * width, width, 1, bias=False)

    def forward(self, x: Tensor, valid: Tensor, *, count: int) -> Tensor:
        """`valid` (B K, 1, h, w) in 0 .. 1: how far each of `count` candidates is valid."""
        each = x.reshape(-1, count, *x.shape[1:])
        weight = valid.reshape(-1, count, *valid.shape[1:])
        mask = (weight > 0).to(x)
        # One candidate at a time, for the sake of memory.
        total, largest = each[:, 0] * weight[:, 0], each[:, 0] * mask[:, 0]
        for k in range(1, count):
            total.addcmul_(each[:, k], weight[:, k])
            out = None if torch.is_grad_enabled() else largest
            largest = torch.maximum(largest, each[:, k] * mask[:, k], out=out)
        others = self.others(torch.cat([total / weight.sum(1).clamp(min=1e-3), largest], 1))
        own = self.own(x).reshape(each.shape)
        return F.relu(_add(own, others[:, None]), inplace=True).flatten(0, 1)


class Chooser(nn.Module):
    """Scores candidates by their `candidate_features`: logits (B, K, h, w)."""

    def __init__(self, widths: tuple[int, int, int] = (24, 48, 64)) -> None:
        super().__init__()
        a, b, c = widths
        self.fold = nn.Conv2d(FINE_CHANNELS * 4 + COARSE_CHANNELS, a, 1)
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
        """Logits (B, K, h, w); `valid` (B, K, 1, h, w) in 0 .. 1 and `kind` (B, K) as for `candidate_features`."""
        B, K, _, h, w = fine.shape
        half_valid = downsample2x(valid.flatten(0, 1))
        folded = self._folded(fine.flatten(0, 1), coarse.flatten(0, 1))
        x0 = F.relu(_add(folded, self.kind(kind.flatten())[..., None, None]), inplace=True)
        x0 = F.relu(self.enter(x0), inplace=True)
        x1 = F.relu(self.down1(x0), inplace=True)
        x1 = self.mix1(x1, downsample2x(half_valid), count=K)
        x1 = _add(x1, F.relu(self.body1(x1), inplace=True))
        x2 = F.relu(self.down2(x1), inplace=True)
        x2 = self.mix2(x2, downsample2x(downsample2x(half_valid)), count=K)
        x2 = _add(x2, F.relu(self.body2(x2), inplace=True))
        x2 = _add(x2, F.relu(self.body3(x2), inplace=True))
        x1 = _add(x1, _upsample(self.up1(x2), x1))
        x1 = _add(x1, F.relu(self.join1(x1), inplace=True))
        x0 = _add(x0, _upsample(self.up0(x1), x0))
        x0 = self.mix0(x0, half_valid, count=K)
        x0 = _add(x0, F.relu(self.join0(x0), inplace=True))
        return F.pixel_shuffle(self.leave(x0), 2).reshape(B, K, h, w)

    def _folded(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """`fold` of the fine channels, unshuffled by two, and the coarse ones, without concatenating them in memory."""
        own, beside = self.fold.weight[:, : 4 * FINE_CHANNELS], self.fold.weight[:, 4 * FINE_CHANNELS :]
        own = own.reshape(len(own), FINE_CHANNELS, 2, 2)
        # With channels last a CPU does this in a third of the time.
        own, beside = (kernel.contiguous(memory_format=torch.channels_last) for kernel in (own, beside))
        return _add(F.conv2d(fine, own, stride=2), F.conv2d(coarse, beside, self.fold.bias))


def _add(x: Tensor, more: Tensor) -> Tensor:
    """`x + more`, in place of `x` in inference: half the time goes into writing activations to memory."""
    return x + more if torch.is_grad_enabled() else x.add_(more)


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def candidate_softmax(logits: Tensor, valid: Tensor) -> Tensor:
    """Eq. 4 of the paper, corrected: a softmax over the candidates in which what is not valid weighs exactly 0.

    Args:
        logits, valid: (B, K, h, w).

    Returns:
        (B, K, h, w) weights, summing to 1 where any candidate is valid and to 0 elsewhere.
    """
    score = logits.masked_fill(valid <= 0, float("-inf"))
    peak = score.amax(1, keepdim=True).clamp(min=-1e30)
    weight = torch.exp(score - peak) * (valid > 0)
    return weight / weight.sum(1, keepdim=True).clamp(min=1e-12)


def suppress_faint_synthesis(weights: Tensor) -> Tensor:
    """Candidate weights (B, K, h, w) without small weights of the synthesised candidate, the last; sums stay 1.

    The training loss rewards a little of everything; a little synthesis over copied pixels is seen as a haze. Where
    plates show nothing, the synthesised candidate gets all of the weight.
    """
    from_plates, synthesised = weights[:, :-1], weights[:, -1:]
    rise = ((synthesised - FAINT) / (FULL - FAINT)).clamp(0, 1)
    total = from_plates.sum(1, keepdim=True)
    kept = torch.where(total > 1e-3, synthesised * rise * rise * (3 - 2 * rise), torch.ones_like(rise))
    return torch.cat([from_plates / total.clamp(min=1e-9) * (1 - kept), kept], 1)
