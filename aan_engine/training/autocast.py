"""Autocast: half precision for training, on hardware that computes in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

BFLOAT16_CAPABILITIES = ("avx512_bf16", "amx_bf16", "bf16")
"""What torch calls the instruction sets of CPUs that compute in bfloat16."""


def half_precision(device: torch.device | str) -> torch.autocast:
    """A context in which convolutions run in bfloat16 on GPUs, and on CPUs that have it: in half the time.

    Other CPUs emulate it, which takes up to nine times as long as full precision: there the context does nothing.
    """
    kind = torch.device(device).type
    # Older versions of torch cannot be asked.
    found: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.autocast(
        kind, torch.bfloat16, enabled=kind != "cpu" or any(found.get(name) for name in BFLOAT16_CAPABILITIES)
    )
