"""Precision: what training computes in, by what the processor can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

KNOWN = ("avx512_bf16", "amx_bf16", "bf16")
"""What processors that compute in bfloat16 are said to have."""


def half_precision(device: torch.device | str) -> torch.autocast:
    """A context in which convolutions are done in bfloat16 where that takes half the time: on a GPU, and on processors
    that know it. Others imitate it and take up to nine times as long: there all stays in full precision."""
    kind = torch.device(device).type
    # Older versions of torch do not tell.
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.autocast(kind, torch.bfloat16, enabled=kind != "cpu" or any(capabilities.get(k) for k in KNOWN))
