"""Plane projective geometry in batches: points, corners, weighted least squares. No image and no network in it.

Convention:
    A homography H (B, 3, 3) maps a target pixel to a source pixel, (x', y', w') = H (x, y, 1); pixel centres at integer
    coordinates, origin top-left, x right, y down. All functions are differentiable and batched.
"""

from __future__ import annotations

import torch
from torch import Tensor

_FOOTING = 1e-7
"""Ridge that keeps four corners in a line solvable; it moves honest corners by less than a hundredth of a pixel."""


def grid(height: int, width: int, *, step: float = 1.0, offset: float = 0.0, like: Tensor | None = None) -> Tensor:
    """The points (x, y) = (step j + offset, step i + offset) in row order: (height * width, 2)."""
    device = like.device if like is not None else None
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2).float() * step + offset


def apply(homography: Tensor, points: Tensor) -> Tensor:
    """Where the points land: (B, 3, 3), (B, N, 2) or (N, 2) -> (B, N, 2). Points behind the plane stay at w = 1e-3."""
    if points.dim() == 2:
        points = points.expand(len(homography), -1, -1)
    # Written out: a matrix product would be rounded to a few bits under autocast, and pixels need more.
    h = homography[:, :, :, None]  # (B, 3, 3, 1)
    x, y = points.unbind(-1)
    w = (h[:, 2, 0] * x + h[:, 2, 1] * y + h[:, 2, 2]).clamp_min(1e-3)
    u = h[:, 0, 0] * x + h[:, 0, 1] * y + h[:, 0, 2]
    v = h[:, 1, 0] * x + h[:, 1, 1] * y + h[:, 1, 2]
    return torch.stack([u / w, v / w], dim=-1)


def corners(height: int, width: int, *, like: Tensor | None = None) -> Tensor:
    """The centres of the four corner pixels, clockwise from the top left: (4, 2)."""
    device = like.device if like is not None else None
    x, y = float(width - 1), float(height - 1)
    return torch.tensor([[0.0, 0.0], [x, 0.0], [x, y], [0.0, y]], device=device)


def from_corners(offsets: Tensor, *, height: int, width: int) -> Tensor:
    """The homography that moves each corner pixel by its offset, by the direct linear transform.

    Args:
        offsets: (B, 4, 2) in pixels, clockwise from the top left: eight degrees of freedom.

    Returns:
        (B, 3, 3), last entry 1 in centred coordinates.
    """
    at = corners(height, width, like=offsets).expand_as(offsets)
    weight = torch.ones(offsets.shape[:2], device=offsets.device)
    return fit(at, at + offsets, weight, height=height, width=width, ridge=_FOOTING)


def fit(source: Tensor, landed: Tensor, weight: Tensor, *, height: int, width: int, ridge: float = 1e-6) -> Tensor:
    """The homography that carries `source` to `landed`, by weighted linear least squares (eight unknowns).

    Args:
        source, landed: (B, N, 2) in pixels.
        weight: (B, N) >= 0; points that weigh 0 have no say.
        ridge: pulls towards the identity, relative to the weights' sum, so that too few points stay solvable.

    Returns:
        (B, 3, 3).
    """
    norm, back = _centring(height, width, like=source)
    p = (source - norm[:2, 2]) / norm[0, 0]
    q = (landed - norm[:2, 2]) / norm[0, 0]
    x, y = p.unbind(-1)
    u, v = q.unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rows_u = torch.stack([x, y, one, zero, zero, zero, -u * x, -u * y], dim=-1)
    rows_v = torch.stack([zero, zero, zero, x, y, one, -v * x, -v * y], dim=-1)
    a = torch.cat([rows_u, rows_v], dim=1)  # (B, 2 N, 8)
    b = torch.cat([u, v], dim=1)  # (B, 2 N)
    share = weight / weight.sum(1, keepdim=True).clamp_min(1e-6)
    wa = a * torch.cat([share, share], dim=1).unsqueeze(-1)
    start = torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0], device=source.device, dtype=source.dtype)
    held = torch.tensor([1.0, 1, 0.1, 1, 1, 0.1, 10, 10], device=source.device, dtype=source.dtype) * ridge
    normal = wa.mT @ a + torch.diag(held)
    rest = (wa.mT @ (b - a @ start).unsqueeze(-1)).squeeze(-1)
    solved = start + torch.linalg.solve(normal, rest)
    full = torch.cat([solved, torch.ones_like(solved[:, :1])], dim=1).reshape(-1, 3, 3)
    return norm @ full @ back


def _centring(height: int, width: int, *, like: Tensor) -> tuple[Tensor, Tensor]:
    """Centred coordinates to pixels and back: half the longer side is 1."""
    half = max(height, width) / 2
    cx, cy = (width - 1) / 2, (height - 1) / 2
    to_pixels = [[half, 0, cx], [0, half, cy], [0, 0, 1]]
    to_centred = [[1 / half, 0, -cx / half], [0, 1 / half, -cy / half], [0, 0, 1]]
    return (
        torch.tensor(to_pixels, device=like.device, dtype=like.dtype),
        torch.tensor(to_centred, device=like.device, dtype=like.dtype),
    )


def rescale(homography: Tensor, *, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    """The same motion, expressed at another resolution of both images.

    Args:
        homography: (B, 3, 3) between images of `before` = (height, width).
        after: (height, width) of the images that the result is for.

    Convention: pixel centres at integers, so a point p becomes (p + 0.5) * scale - 0.5.
    """
    sy, sx = after[0] / before[0], after[1] / before[1]
    up = homography.new_tensor([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    down = homography.new_tensor([[1 / sx, 0, (1 / sx - 1) / 2], [0, 1 / sy, (1 / sy - 1) / 2], [0, 0, 1]])
    return up @ homography @ down
